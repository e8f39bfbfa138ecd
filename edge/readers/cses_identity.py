"""Who and when: root attributes and times of CSES-01 files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.arrays import BoolArray, IntArray
from edge.errors import InputError
from edge.readers.hdf5 import RootGroup
from edge.readers.names import FileName
from edge.readers.rows import date_ms

_EPOCH_2009_MS = int(np.datetime64("2009-01-01", "ms").astype(np.int64))


def from_verse(values: IntArray) -> tuple[IntArray, BoolArray]:
    """Decode VERSE_TIME.

    Parameters
    ----------
    values : ndarray of int64, shape (N,)
        Milliseconds since 2009-01-01 UTC, without leap seconds.

    Returns
    -------
    milliseconds : ndarray of int64, shape (N,)
        Since 1970.
    known : ndarray of bool, shape (N,)
    """
    known = (values > 0) & (values < 10**13)
    return np.where(known, values + _EPOCH_2009_MS, 0), known


def from_utc(values: IntArray) -> tuple[IntArray, BoolArray]:
    """Decode UTC_TIME.

    Parameters
    ----------
    values : ndarray of int64, shape (N,)
        Decimal digits YYYYMMDDHHMMSSmmm.

    Returns
    -------
    milliseconds : ndarray of int64, shape (N,)
        Since 1970.
    known : ndarray of bool, shape (N,)
    """
    known = (values >= 2000_01_01_00_00_00_000) & (values < 2100_01_01_00_00_00_000)
    rest = np.where(known, values, 2000_01_01_00_00_00_000)
    date, clock = np.divmod(rest, 1_000_000_000)
    minutes, ms = np.divmod(clock, 100_000)
    hour, minute = np.divmod(minutes, 100)
    # A half-orbit has one date, or two.
    if date[0] == date[-1] and bool(np.all(date == date[0])):
        date = date[:1]
    year, date = np.divmod(date, 10_000)
    month, day = np.divmod(date, 100)
    midnight, exists = date_ms(year, month, day, np.zeros_like(day))
    result = midnight + hour * 3_600_000 + minute * 60_000 + ms
    return result, known & exists & (hour < 24) & (minute < 60) & (ms < 61_000)


def check_identity(path: Path, name: FileName, root: RootGroup) -> None:
    """Hold the root attributes against the name; a file may lack any of them.

    Parameters
    ----------
    path : Path
    name : FileName
    root : RootGroup

    Raises
    ------
    InputError
        Orbit, direction or payload differ.
    """
    checks = (
        ("orbit number", ("ORBITNUM",), name.orbit),
        # The second spelling is that of the HEP files.
        ("direction", ("ORBITTYPE", "ORBITYPE"), name.direction),
    )
    for what, keys, expected in checks:
        text = root.text(*keys)
        if text and text.isascii() and text.isdigit() and int(text) != expected:
            raise InputError(
                path, f"name and content disagree: {what} {text} inside, {expected} in the name"
            )
    payload = root.fixed_text("PAYLOADID")
    instrument = name.payload.split("_")[0]
    # HPM writes a part number here ("146F0101"), the others their three letters.
    if len(payload) == 3 and payload.isalpha() and payload != instrument:
        raise InputError(
            path, f"name and content disagree: payload {payload} inside, {instrument} in the name"
        )
