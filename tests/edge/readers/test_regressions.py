"""Files that once did harm, each built by the fewest steps that show it."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from edge.readers import read_payload

# The highest memory while a file is read, above what the readers take themselves.
_PEAK = """
import sys
from pathlib import Path
import edge.readers.cses
from edge.errors import EdgeError
from edge.readers import read_payload
def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024
before = peak()
try:
    read_payload(sys.argv[1])
except EdgeError:
    pass
print(peak() - before)
"""


def peak_mib(path: Path) -> int:
    command = [sys.executable, "-c", _PEAK, str(path)]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


@pytest.fixture
def short_file(make_cses: Callable[..., Path]) -> Path:
    path = make_cses("HPM_5", 12, flavour="scalar")
    with h5py.File(path, "a") as file:
        # Text of variable length that every reading looks at.
        file.attrs["ORBITNUM"] = "009679"
    return path


def test_gzip_data_that_are_damaged(
    make_cses: Callable[..., Path], refused: Callable[..., None]
) -> None:
    path = make_cses("LAP_1", 12)
    with h5py.File(path, "a") as file:
        values = file["A311"][...]
        del file["A311"]
        dataset = file.create_dataset("A311", data=values, chunks=(12, 1), compression="gzip")
        chunk = dataset.id.get_chunk_info(0)
    with path.open("r+b") as stream:
        stream.seek(chunk.byte_offset)
        stream.write(bytes(chunk.size))
    refused(path, "A311")


@pytest.mark.parametrize("shape", [(0,), (0, 1), (1, 0)])
def test_frequencies_without_a_value(
    shape: tuple[int, ...], make_cses: Callable[..., Path], refused: Callable[..., None]
) -> None:
    path = make_cses("EFD_2", 3)
    with h5py.File(path, "a") as file:
        del file["FREQ"]
        file.create_dataset("FREQ", shape=shape, dtype="f4")
    refused(path, "FREQ")


def test_amplitude_whose_square_is_no_number(make_cses: Callable[..., Path]) -> None:
    path = make_cses("EFD_2", 3)
    with h5py.File(path, "a") as file:
        file["A121_P"][0, 5] = 1e300
    channel = read_payload(path).channels["A121_P"]
    assert not channel.valid[0, 5]
    assert channel.valid[1:, 5].all()
    assert np.isfinite(channel.values[channel.valid]).all()


@pytest.mark.parametrize(
    "address",
    [b"", b"\xff" * 8, struct.pack("<Q", 0xFFFFFFFF), struct.pack("<Q", 96)],
    ids=["sound", "none", "past the end", "no heap"],
)
def test_text_that_claims_to_be_a_gigabyte(short_file: Path, address: bytes) -> None:
    # libhdf5 takes memory for text of variable length by the 32 bits before its address.
    content = bytearray(short_file.read_bytes())
    heaps = [struct.pack("<Q", m.start()) for m in re.finditer(b"GCOL\x01", content)]
    places = [m.start() for h in heaps for m in re.finditer(re.escape(h), content)]
    references = [at for at in places if 1 <= struct.unpack_from("<I", content, at + 8)[0] < 99]
    assert references
    for at in references:
        struct.pack_into("<I", content, at - 4, 1 << 30)
        content[at : at + len(address)] = address
    short_file.write_bytes(content)
    assert peak_mib(short_file) < 256


def test_text_in_elements_of_one_byte(short_file: Path) -> None:
    content = bytearray(short_file.read_bytes())
    # The type message of text of variable length: class and version, bits, bytes an element.
    places = [m.start() for m in re.finditer(rb"\x19[\0-\xff]{3}\x10\0\0\0\x10\0\0\0", content)]
    assert places
    for at in places:
        content[at + 4] = 1
    short_file.write_bytes(content)
    assert peak_mib(short_file) < 256


@pytest.mark.parametrize("name", ["GEO_LAT", "VERSE_TIME", "B_FGM"])
def test_chunks_of_one_value(name: str, short_file: Path) -> None:
    # libhdf5 keeps kilobytes for every chunk that one read touches, stored or not.
    with h5py.File(short_file, "a") as file:
        dtype = file[name].dtype
        columns = file[name].shape[1]
        for other in file:
            width = file[other].shape[1]
            del file[other]
            chunks = (1, columns) if other == name else (9000, width)
            kind = dtype if other == name else "i8"
            file.create_dataset(other, shape=(72_000, width), chunks=chunks, dtype=kind)
    assert peak_mib(short_file) < 256


@pytest.mark.parametrize("kind", ["type", "dataset"])
def test_root_that_is_no_group(kind: str, short_file: Path, refused: Callable[..., None]) -> None:
    with h5py.File(short_file, "a") as file:
        file["a type"] = np.dtype("f8")
        item = file["a type"] if kind == "type" else file["GEO_LAT"]
        address = h5py.h5o.get_info(item.id).addr
    content = bytearray(short_file.read_bytes())
    # Superblock of version 0: the object header of the root group.
    struct.pack_into("<Q", content, 64, address)
    short_file.write_bytes(content)
    refused(short_file)
