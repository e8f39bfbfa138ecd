"""A damaged global heap makes libhdf5 walk for ever; it is never let near one."""

from __future__ import annotations

import struct
from pathlib import Path

import h5py
import pytest

from edge.readers.cses import _text
from edge.readers.heaps import sound_heaps


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as made:
        made.attrs["PAYLOADID"] = "146F0101"
        made.attrs["FREQRANGE"] = "FMAG:DC~15Hz"
    return path


def test_a_heap_as_libhdf5_writes_it_is_sound(file: Path) -> None:
    assert b"GCOL" in file.read_bytes()
    assert sound_heaps(file)
    with h5py.File(file) as opened:
        assert _text(opened, "PAYLOADID") == "146F0101"


def test_the_real_files_heap_is_sound(real_hpm: Path) -> None:
    assert b"GCOL" in real_hpm.read_bytes()
    assert sound_heaps(real_hpm)


@pytest.mark.parametrize("size", [2**64 - 16, 2**63, 10**6])
def test_a_damaged_heap_is_not_read(file: Path, size: int) -> None:
    content = bytearray(file.read_bytes())
    at = content.find(b"GCOL")
    # The size of the first object.
    struct.pack_into("<Q", content, at + 16 + 8, size)
    file.write_bytes(content)
    assert not sound_heaps(file)
    with h5py.File(file) as opened:
        assert _text(opened, "PAYLOADID") == ""


def test_a_truncated_heap_is_not_sound(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: content.find(b"GCOL") + 20])
    assert not sound_heaps(file)
    assert not sound_heaps(file.with_name("none"))
