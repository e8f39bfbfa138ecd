"""DEMETER N1 records: bytes to structured arrays, identity, times, units.

What is the same for all 16 kinds. Layout: `edge.readers.demeter_layout`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from edge.arrays import BoolArray, FloatArray, IntArray, Records
from edge.errors import InputError
from edge.readers.demeter_layout import BLOCK_1, BLOCK_2, BLOCK_3
from edge.readers.demeter_tables import APIDS, Apid, Quantity
from edge.readers.halforbit import Track
from edge.readers.names import FileName
from edge.readers.rows import DAY_MS, date_ms, increasing_rows, not_filled, note_rows
from edge.readers.sniffing import explain_os_error
from edge.units import canonical_unit

_FORMATS = {"u8": "u1", "i16": ">i2", "u16": ">u2", "u32": ">u4", "i32": ">i4", "f32": ">f4"}
_EPOCH_1950_MS = int(np.datetime64("1950-01-01", "ms").astype(np.int64))

# A file of survey data has a few MB, one of burst waveforms some 100 MB.
_LARGEST_BYTES = 2**30

# A field of this many bytes is an array of data; what comes before the first one is the head.
_ARRAY_BYTES = 500


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The usable records of one file, from which channels are made.

    Attributes
    ----------
    path : Path
    payload : str
        The APID.
    apid : Apid
    records : structured ndarray, shape (N,)
    heads : structured ndarray, shape (N,)
        The fields before the first array, side by side in memory: ten times faster to reach.
    track : Track
        A row for each record.
    notes : list of str
        Receives a line for each defect.
    """

    path: Path
    payload: str
    apid: Apid
    records: Records
    heads: Records
    track: Track
    notes: list[str]

    def head(self, field: str) -> FloatArray:
        """One field of the heads as float64, shape (N,)."""
        return to_float(self.heads[field])

    def unit(self, quantity: Quantity) -> str:
        """Give the unit of a quantity, checked against what the records say.

        Raises
        ------
        InputError
            The records name another unit than the format, or do not agree.
        """
        field = quantity.unit_field
        if not field:
            return quantity.unit
        texts = self.heads[field]
        other = np.flatnonzero(texts != texts[0])
        if other.size:
            raise InputError(self.path, f"{field} changes at record {int(other[0])}")
        text = plain_text(texts[0])
        if text and _spelt(text) != quantity.unit:
            raise InputError(self.path, f"{field} is {text!r}; the format has {quantity.unit!r}")
        return quantity.unit


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


def read_records(path: Path, apid: str) -> tuple[Records, Records]:
    """Read all records of a file.

    Parameters
    ----------
    path : Path
    apid : str

    Returns
    -------
    records, heads : structured ndarray, shape (N,)
        See `Source`.

    Raises
    ------
    InputError
        The file cannot be read, is empty or is larger than 1 GiB.

    Notes
    -----
    Read, not mapped: a map whose file is cut short while it is used ends the process.
    """
    dtype = record_dtype(apid)
    try:
        size = path.stat().st_size
        if size > _LARGEST_BYTES:
            raise InputError(path, f"has {size} bytes; the most that is read is {_LARGEST_BYTES}")
        records = np.fromfile(path, dtype=dtype)
    except OSError as error:
        raise explain_os_error(path, error) from None
    if not records.size:
        raise InputError(path, f"has {size} bytes, less than a record")
    heads = _head_dtype(apid)
    if heads.itemsize == dtype.itemsize:
        return records, records
    raw = records.view(np.uint8).reshape(records.size, dtype.itemsize)
    return records, np.ascontiguousarray(raw[:, : heads.itemsize]).view(heads)[:, 0]


def check_identity(path: Path, name: FileName, heads: Records, kind: str) -> None:
    """Check every record's orbit, direction and kind against the name.

    Raises
    ------
    InputError
        A record is of another half-orbit or kind.
    """
    for field, expected in (("orbit", name.orbit), ("suborbit", name.direction)):
        values = heads[field]
        wrong = np.flatnonzero(values != expected)
        if wrong.size:
            row = int(wrong[0])
            raise InputError(
                path,
                f"name and content disagree: record {row} has {field} {int(values[row])}, "
                f"the name {expected}",
            )
    kinds = heads["type"]
    wrong = np.flatnonzero(kinds != kinds[0])
    found = plain_text(kinds[int(wrong[0])] if wrong.size else kinds[0])
    if wrong.size or found != kind:
        raise InputError(
            path, f"name and content disagree: a record of kind {found!r}, the name says {kind!r}"
        )


def record_times(heads: Records, notes: list[str]) -> tuple[IntArray, BoolArray]:
    """Time of each record from its CCSDS date, checked against the seven UT fields.

    Parameters
    ----------
    heads : structured ndarray, shape (N,)
    notes : list of str
        Receives a line if the two differ.

    Returns
    -------
    milliseconds : ndarray of int64, shape (N,)
        Since 1970-01-01 UTC.
    known : ndarray of bool, shape (N,)
    """
    day_bytes = heads["ccsds_day"].astype(np.int64)
    # Unsigned: read as signed the day is wrong by 256 where the low byte is >= 0x80.
    day = (day_bytes[:, 0] << 16) | (day_bytes[:, 1] << 8) | day_bytes[:, 2]
    ccsds = _EPOCH_1950_MS + day * DAY_MS + heads["ccsds_ms"].astype(np.int64)
    ccsds_known = heads["ccsds_ms"] < DAY_MS
    ut, ut_known = calendar_ms(heads["ut"])
    differ = ccsds_known & ut_known & (np.abs(ccsds - ut) > 1000)
    note_rows(notes, differ, "with two times that differ by more than 1 s")
    return np.where(ccsds_known, ccsds, ut), ccsds_known | ut_known


def calendar_ms(fields: IntArray) -> tuple[IntArray, BoolArray]:
    """Milliseconds since 1970 of seven fields from year to millisecond, shape (N, 7)."""
    year, month, date, hour, minute, second, ms = fields.astype(np.int64).T
    time_of_day = hour * 3_600_000 + minute * 60_000 + second * 1000 + ms
    return date_ms(year, month, date, time_of_day)


def to_float(values: Records) -> FloatArray:
    """Big-endian numbers as float64; a signalling NaN is a bad value, no reason to warn."""
    with np.errstate(invalid="ignore"):
        return values.astype(np.float64)


def in_range(values: FloatArray, quantity: Quantity) -> BoolArray:
    """Mark values that are finite, no fill value and possible."""
    valid = not_filled(values)
    if np.isfinite(quantity.least):
        valid &= values >= quantity.least
    if np.isfinite(quantity.most):
        valid &= values <= quantity.most
    return valid


def part_track(
    track: Track, offset_ms: IntArray, there: BoolArray, cadence: float, notes: list[str]
) -> tuple[Track, IntArray]:
    """Build the track of rows of which a record has several.

    Parameters
    ----------
    track : Track
        Of N records.
    offset_ms : ndarray of int64, shape (N, R) or (R,)
        From the record's time to that of each row.
    there : ndarray of bool, shape (N, R)
        Rows that exist.
    cadence : float
        Seconds between rows, nominal.
    notes : list of str
        Receives a line where rows of records overlap.

    Returns
    -------
    part : Track
        The first row of a record has its position, the others NaN: a line between the
        records' positions gives theirs.
    index : ndarray of int64, shape (M,)
        For each row, its place among the N x R.
    """
    times = (track.time.astype(np.int64)[:, None] + offset_ms)[there]
    index = np.flatnonzero(there)
    ordered = increasing_rows(times)
    if not ordered.all():
        note_rows(notes, ~ordered, "of several rows that overlap the next one")
        times, index = times[ordered], index[ordered]
    record, row = np.divmod(index, there.shape[1])
    first = row == 0
    latitude, longitude, altitude = (
        np.where(first, values[record], np.nan)
        for values in (track.latitude, track.longitude, track.altitude)
    )
    part = Track(times.astype("datetime64[ms]"), latitude, longitude, altitude, cadence)
    return part, index


def plain_text(raw: bytes) -> str:
    """Text of a character field."""
    # The micro sign is one byte, 0xB5, so the text is Latin-1 and never UTF-8.
    return " ".join(bytes(raw).decode("latin-1").replace("\0", " ").split())


def _spelt(text: str) -> str:
    """Give the project's spelling of a unit, inside of a logarithm too."""
    if text.startswith("log(") and text.endswith(")"):
        return f"log({canonical_unit(text[4:-1])})"
    return canonical_unit(text.replace("\xb5", "u"))
