"""DEMETER N1 files: from bytes to the records that are the half-orbit's own.

A file may have lost bytes on its way: at its end, in its middle, or as blocks of zeros. That
costs the records which are hit, each with a note. A whole record of another half-orbit or
kind is no damage: name and content disagree, and the file is refused.
"""

from __future__ import annotations

import math
import os
import re
import struct
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from edge.arrays import AnyArray, BoolArray, IntArray, Records
from edge.errors import InputError
from edge.readers.demeter_layout import BLOCK_1, BLOCK_2, BLOCK_3
from edge.readers.demeter_tables import APIDS, Apid
from edge.readers.names import FileName
from edge.readers.rows import NAME_MARGIN, note_rows
from edge.readers.sniffing import CCSDS_P_FIELD, explain_os_error, not_ready

_FORMATS = {"u8": "u1", "i16": ">i2", "u16": ">u2", "u32": ">u4", "i32": ">i4", "f32": ">f4"}

# A file of survey data has a few MB, one of burst waveforms some 100 MB.
_MAX_BYTES = 2**28

# A field of this many bytes is an array of data; what comes before the first one is the head.
_ARRAY_BYTES = 500


@lru_cache
def record_dtype(apid: str) -> np.dtype[np.void]:
    """Structured dtype of one record.

    Parameters
    ----------
    apid : str
        ``"1144"`` and so on, see `demeter_tables.APIDS`.

    Returns
    -------
    dtype
        Unaligned, big-endian; a 24-bit integer is a field of three bytes.
    """
    return np.dtype(_numpy_fields(apid))


@lru_cache
def _head_dtype(apid: str) -> np.dtype[np.void]:
    fields = _numpy_fields(apid)
    for at, field in enumerate(fields):
        if np.dtype([field]).itemsize >= _ARRAY_BYTES:
            return np.dtype(fields[:at])
    return np.dtype(fields)


def _numpy_fields(apid: str) -> list[tuple[str, str, tuple[int, ...]]]:
    fields: list[tuple[str, str, tuple[int, ...]]] = []
    for name, kind, count in (*BLOCK_1, *BLOCK_2, *BLOCK_3, *APIDS[apid].block_4):
        if kind == "char":
            fields.append((name, f"S{count}", ()))
        elif kind == "u24":
            fields.append((name, "u1", (3,)))
        else:
            fields.append((name, _FORMATS[kind], () if count == 1 else (count,)))
    return fields


def read_records(path: Path, name: FileName, notes: list[str]) -> tuple[Records, Records]:
    """Read the records of a file that are the half-orbit's own.

    Parameters
    ----------
    path : Path
    name : FileName
    notes : list of str
        Receives a line for each kind of damage.

    Returns
    -------
    records : structured ndarray, shape (N,)
    heads : structured ndarray, shape (N,)
        Their fields before the first array, side by side in memory: ten times faster to reach.

    Raises
    ------
    InputError
        The file cannot be read (transient, as is a file that shrinks meanwhile), has no whole
        record, more records than fit into the times of its name, or more than 256 MiB; or
        name and content disagree (`own_records`).

    Notes
    -----
    Read, not mapped: a map whose file is cut short while it is used ends the process.
    """
    apid = APIDS[name.payload]
    dtype, head = record_dtype(name.payload), _head_dtype(name.payload)
    raw = _read_bytes(path, name)
    if raw.size < dtype.itemsize:
        raise InputError(path, f"has {raw.size} bytes, less than a record of {dtype.itemsize}")
    rows = _whole_records(raw, name, dtype, notes)
    records: Records = rows.view(dtype)[:, 0]
    heads = np.ascontiguousarray(rows[:, : head.itemsize]).view(head)[:, 0]
    own = own_records(path, name, heads, apid.kind, notes)
    return (records, heads) if own.all() else (records[own], heads[own])


def max_records(name: FileName, apid: Apid) -> int:
    """Largest number of records that the times of a name have room for."""
    span = name.end - name.start + 2 * NAME_MARGIN
    # Twice: a file in which every record comes double is read, see `rows.distinct_rows`.
    return math.ceil(2.0 * span.total_seconds() / (apid.min_step or apid.cadence))


def _read_bytes(path: Path, name: FileName) -> AnyArray:
    """All bytes of a file of a size that is possible."""
    try:
        with path.open("rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            _check_size(path, name, size)
            raw = np.empty(size, dtype=np.uint8)
            done = 0
            while done < size:
                got = stream.readinto(raw.data[done:])
                if got is None:
                    raise not_ready()
                if not got:
                    raise InputError(
                        path,
                        f"changed while it was read: expected {size} bytes, got {done}",
                        transient=True,
                    )
                done += got
    except OSError as error:
        raise explain_os_error(path, error) from None
    return raw


def _check_size(path: Path, name: FileName, size: int) -> None:
    # The size is checked before anything is read: a sparse file of 1 GiB takes no place on a
    # disk, but in memory.
    limit = max_records(name, APIDS[name.payload])
    count = size // record_dtype(name.payload).itemsize
    if count > limit:
        seconds = (name.end - name.start).total_seconds()
        raise InputError(
            path,
            f"expected at most {limit} records for the {seconds:.0f} s of its name, got {count}",
        )
    if size > _MAX_BYTES:
        raise InputError(path, f"expected at most {_MAX_BYTES} bytes, got {size}")


def _whole_records(
    raw: AnyArray, name: FileName, dtype: np.dtype[np.void], notes: list[str]
) -> AnyArray:
    """Cut bytes into records, shape (N, bytes of a record).

    Where records do not follow each other without a gap, they are found by their header, so that
    lost bytes cost the record that they are of and not all that follow.
    """
    size = dtype.itemsize
    rows: AnyArray = raw[: raw.size // size * size].reshape(-1, size)
    rest = raw.size % size
    if rest or not (rows[:, 0] == CCSDS_P_FIELD).all():
        starts = _record_starts(raw, name, dtype)
        on_grid = sum(at % size == 0 for at in starts)
        # Zeros alone leave the records behind them where they are. A file of which less than
        # half is the half-orbit's is judged as it is.
        if 2 * len(starts) > len(rows) and (rest or on_grid < len(starts)):
            rows = np.stack([raw[at : at + size] for at in starts])
            rest = raw.size - rows.size
    if rest:
        notes.append(f"{rest} bytes that are no whole record of {size} bytes: left out")
    return rows


def _record_starts(raw: AnyArray, name: FileName, dtype: np.dtype[np.void]) -> list[int]:
    """Where whole records begin: at a header, and another record begins where they end."""
    assert dtype.fields is not None
    size, (field, offset) = dtype.itemsize, dtype.fields["type"][:2]
    identity = struct.pack(">Hh8s", name.orbit & 0xFFFF, name.direction, b"TOULOUSE")
    kind = APIDS[name.payload].kind.ljust(field.itemsize).encode()
    content = raw.data
    places = (match.start() for match in re.finditer(re.escape(identity), content))
    found = [
        at
        for at in (place - dtype.fields["orbit"][1] for place in places)
        if at >= 0
        and content[at] == CCSDS_P_FIELD
        and content[at + offset : at + offset + len(kind)] == kind
    ]

    def followed(at: int) -> bool:
        """Whether the next record begins behind this one: with the same byte, and day."""
        after = raw[at + size : at + size + 4]
        return bool((after == raw[at : at + after.size]).all())

    return [
        at
        for at, end in pairwise([*found, raw.size])
        if (end - at) % size == 0 or (end - at > size and followed(at))
    ]


def own_records(
    path: Path, name: FileName, heads: Records, kind: str, notes: list[str]
) -> BoolArray:
    """Mark the records that have an N1 header, all of the name's half-orbit and kind.

    Parameters
    ----------
    path : Path
    name : FileName
    heads : structured ndarray, shape (N,)
    kind : str
        Expected in the field ``type``.
    notes : list of str
        Receives a line on records without a header: their first byte is not 0x4c, or zeros
        begin before the end of their kind.

    Returns
    -------
    ndarray of bool, shape (N,)

    Raises
    ------
    InputError
        A record with a header is of another half-orbit or kind, most records have other bytes
        than zeros in place of a header, or none has a header.
    """
    first = heads["p_field"]
    own: BoolArray = first == CCSDS_P_FIELD
    if not own.all():
        _check_strange(path, heads, np.flatnonzero(~own))
    kinds = heads["type"]
    # Padded with spaces in the document; anything else is looked at one by one.
    odd = np.flatnonzero(own & (kinds != kind.ljust(kinds.dtype.itemsize).encode()))
    texts = {row: plain_text(kinds[row]) for row in odd.tolist()}
    own[[row for row, text in texts.items() if text != kind and kind.startswith(text)]] = False
    for field, expected in (("orbit", name.orbit), ("suborbit", name.direction)):
        values = heads[field]
        wrong = np.flatnonzero(own & (values != expected))
        if wrong.size:
            row = int(wrong[0])
            raise InputError(
                path,
                f"name and content disagree: record {row} has {field} {int(values[row])}, "
                f"the name {expected}",
            )
    for row, text in texts.items():
        if own[row] and text != kind:
            raise InputError(
                path,
                f"name and content disagree: a record of kind {text!r}, the name says {kind!r}",
            )
    if not own.any():
        raise InputError(
            path,
            f"none of its {own.size} records has an N1 header: expected first byte "
            f"0x{CCSDS_P_FIELD:02x}, got 0x{int(first[0]):02x}",
        )
    if not own.all():
        note_rows(notes, ~own, f"without an N1 header, the first is record {int(np.argmin(own))}")
    return own


def _check_strange(path: Path, heads: Records, rows: IntArray) -> None:
    """Refuse a file most of whose records begin with something that is neither header nor zeros."""
    raw = heads[rows].view(np.uint8).reshape(rows.size, -1)
    strange = rows[raw.any(axis=1)]
    if 2 * strange.size > heads.size:
        row = int(strange[0])
        raise InputError(
            path,
            f"name and content disagree: record {row} begins with "
            f"0x{int(heads['p_field'][row]):02x}, expected 0x{CCSDS_P_FIELD:02x}",
        )


def plain_text(raw: bytes) -> str:
    """Text of a character field."""
    # The micro sign is one byte, 0xB5, so the text is Latin-1 and never UTF-8.
    return " ".join(bytes(raw).decode("latin-1").replace("\0", " ").split())
