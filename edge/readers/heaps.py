"""A check of HDF5 global heaps before libhdf5 walks them.

Notes
-----
HDF5 File Format Specification, version 3.0, III.E "Disk Format: Level 1E - Global Heap":
signature ``GCOL``, version, three reserved bytes, collection size (8 bytes), then
objects of a 16-byte header (index, reference count, reserved, size) and data padded to
8 bytes; index 0 is free space, whose size counts its header. libhdf5 steps from object
to object by these sizes, and never ends where one of them is damaged.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_SIGNATURE = b"GCOL"
_HEADER = 16
_PADDING = 8


def sound_heaps(path: Path) -> bool:
    """Whether every global heap of a file can be walked to its end.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        False also where the file cannot be mapped.
    """
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as data:
            at = data.find(_SIGNATURE)
            while at >= 0:
                if not _sound(data, at):
                    return False
                at = data.find(_SIGNATURE, at + len(_SIGNATURE))
    except (OSError, ValueError):
        return False
    return True


def _sound(data: mmap.mmap, start: int) -> bool:
    if start + _HEADER > len(data):
        return False
    (size,) = struct.unpack_from("<Q", data, start + 8)
    end = start + size
    if size < _HEADER or end > len(data):
        return False
    at = start + _HEADER
    while at + _HEADER <= end:
        index, _, _, length = struct.unpack_from("<HHIQ", data, at)
        step = length if index == 0 else _HEADER + -(-length // _PADDING) * _PADDING
        if step < _HEADER or at + step > end:
            return False
        at += step
    return True
