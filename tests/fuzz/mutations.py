"""Changes to valid HDF5 files that keep most of their structure."""

from __future__ import annotations

import io
import random
import re
import struct
from dataclasses import dataclass

import h5py

# The signatures of the HDF5 File Format Specification, version 3.0.
_SIGNATURES = re.compile(
    rb"\x89HDF|TREE|SNOD|HEAP|GCOL|OHDR|OCHK|FRHP|FHDB|FHIB|FSHD|FSSE|BTHD|BTIN|BTLF"
    rb"|EAHD|EAIB|EASB|EADB|FAHD|FADB|SMTB|SMLI|DEFLATE"
)
_REGION = 320


@dataclass(frozen=True)
class Seed:
    """A valid file.

    Attributes
    ----------
    name : str
        File name in the format's pattern.
    content : bytes
    places : tuple of int
        Offsets at which a structure of the format begins.
    """

    name: str
    content: bytes
    places: tuple[int, ...]


def make_seed(name: str, content: bytes) -> Seed:
    """Find the structures of a file.

    Parameters
    ----------
    name : str
    content : bytes

    Returns
    -------
    Seed
    """
    places = {match.start() for match in _SIGNATURES.finditer(content)}
    with h5py.File(io.BytesIO(content), "r") as file:
        # Old object headers have no signature.
        hard = [k for k in file if isinstance(file.get(k, getlink=True), h5py.HardLink)]
        items = [file.id, *(file[key].id for key in hard)]
        for item in items:
            address = getattr(h5py.h5o.get_info(item), "addr", None)
            if isinstance(address, int):
                places.add(address)
    # Names of links and attributes stand beside the messages that describe them.
    for match in re.finditer(rb"GEO_LAT|VERSE_TIME|ORBITNUM|FillValue|units|Units", content):
        places.add(max(0, match.start() - 32))
    return Seed(name, content, tuple(sorted(p for p in places if 0 <= p < len(content))))


def mutate(seed: Seed, dice: random.Random) -> bytes:
    """Change a file in one to four ways.

    Parameters
    ----------
    seed : Seed
    dice : random.Random

    Returns
    -------
    bytes
    """
    data = bytearray(seed.content)
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 4))):
        if len(data) < 16:
            break
        dice.choices(_WAYS, _WEIGHTS)[0](data, seed, dice)
    return bytes(data)


def _place(data: bytearray, seed: Seed, dice: random.Random) -> int:
    """Offset of a byte, mostly within a structure."""
    if seed.places and dice.random() < 0.9:
        return min(dice.choice(seed.places) + dice.randrange(_REGION), len(data) - 1)
    return dice.randrange(len(data))


def _flip_bits(data: bytearray, seed: Seed, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        data[_place(data, seed, dice)] ^= 1 << dice.randrange(8)


def _set_bytes(data: bytearray, seed: Seed, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        data[_place(data, seed, dice)] = dice.choice(
            (0, 1, 2, 3, 0x7F, 0x80, 0xFF, dice.randrange(256))
        )


def _cut(data: bytearray, seed: Seed, dice: random.Random) -> None:
    del data[_place(data, seed, dice) :]


def _lengthen(data: bytearray, seed: Seed, dice: random.Random) -> None:
    data += dice.randbytes(dice.choice((1, 8, 512, 4096)))


def _swap(data: bytearray, seed: Seed, dice: random.Random) -> None:
    size = dice.choice((8, 16, 24, 32, 64, 128, 512))
    a, b = (_place(data, seed, dice) & ~7 for _ in range(2))
    first, second = bytes(data[a : a + size]), bytes(data[b : b + size])
    if abs(a - b) >= size and len(first) == len(second):
        data[a : a + size], data[b : b + size] = second, first


def _copy(data: bytearray, seed: Seed, dice: random.Random) -> None:
    size = dice.choice((8, 16, 24, 32, 64, 128, 512))
    a, b = (_place(data, seed, dice) & ~7 for _ in range(2))
    block = bytes(data[a : a + size])
    data[b : b + len(block)] = block[: len(data) - b]


def _length(data: bytearray, seed: Seed, dice: random.Random) -> None:
    """Put a number that matters where a length, a count or an address may stand."""
    form, size = dice.choice((("<H", 2), ("<I", 4), ("<Q", 8), ("<Q", 8)))
    at = _place(data, seed, dice)
    at -= at % dice.choice((1, size, size))
    if at + size > len(data):
        return
    (old,) = struct.unpack_from(form, data, at)
    most = 256**size - 1
    value = dice.choice(
        (
            0, 1, 7, 8, most, most >> 1, most - 7, len(data), len(data) - 8, old + 1, old - 1,
            old + 8, old * 2, old * 256, old // 2, 72_000, 1 << 20, 1 << 31,
            dice.choice(seed.places) if seed.places else 0,
        )
    )  # fmt: skip
    struct.pack_into(form, data, at, value & most)


def _zero(data: bytearray, seed: Seed, dice: random.Random) -> None:
    at = _place(data, seed, dice)
    for k in range(at, min(at + dice.choice((4, 8, 64, 512)), len(data))):
        data[k] = 0


_WAYS = (_flip_bits, _set_bytes, _cut, _lengthen, _swap, _copy, _length, _zero)
_WEIGHTS = (5, 4, 1, 0.3, 2, 2, 6, 1)
