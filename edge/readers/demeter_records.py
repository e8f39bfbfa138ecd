"""DEMETER N1 records: their times, units and values. What is the same for all 16 kinds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.arrays import BoolArray, FloatArray, IntArray, Records
from edge.errors import InputError
from edge.readers.demeter_file import plain_text
from edge.readers.demeter_tables import Apid, Quantity
from edge.readers.halforbit import Track
from edge.readers.rows import DAY_MS, date_ms, increasing_rows, not_filled, note_rows
from edge.units import canonical_unit

_EPOCH_1950_MS = int(np.datetime64("1950-01-01", "ms").astype(np.int64))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RecordBlock:
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
        text = plain_text(texts[0])
        other = np.flatnonzero(texts != texts[0])
        if other.size:
            named = {plain_text(text) for text in set(texts.tolist())}
            text = max(named, key=len)
            # A record that ends in zeros names a part of its unit, or none.
            if not all(text.startswith(part) for part in named):
                raise InputError(self.path, f"{field} changes at record {int(other[0])}")
        if text and _spelt(text) != quantity.unit:
            raise InputError(self.path, f"{field}: expected {quantity.unit!r}, got {text!r}")
        return quantity.unit


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
    if np.isfinite(quantity.minimum):
        valid &= values >= quantity.minimum
    if np.isfinite(quantity.maximum):
        valid &= values <= quantity.maximum
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


def _spelt(text: str) -> str:
    """Give the project's spelling of a unit, inside of a logarithm too."""
    if text.startswith("log(") and text.endswith(")"):
        return f"log({canonical_unit(text[4:-1])})"
    return canonical_unit(text.replace("\xb5", "u"))
