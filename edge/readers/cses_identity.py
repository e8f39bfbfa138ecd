"""Who and when: root attributes and times of CSES files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.arrays import BoolArray, IntArray
from edge.errors import InputError
from edge.readers.hdf5 import RootGroup
from edge.readers.names import FileName
from edge.readers.rows import date_ms, increasing_rows, inside_name, note_rows

# VERSE_TIME and UTC_TIME of a record are one time up to this.
_MAX_APART_MS = 1000

_EPOCH_2009_MS = int(np.datetime64("2009-01-01", "ms").astype(np.int64))


# Units of VERSE_TIME: how many there are in a second.
_VERSE_UNITS = {"s": 1, "sec": 1, "second": 1, "seconds": 1, "ms": 1000, "ns": 10**9}


def from_verse(values: IntArray, unit: str = "ms") -> tuple[IntArray, BoolArray]:
    """Decode VERSE_TIME.

    Parameters
    ----------
    values : ndarray of int64, shape (N,)
        Time since 2009-01-01 UTC, without leap seconds.
    unit : str
        As the file has it: s, ms or ns. Any other text says nothing, and CSES-01's
        milliseconds are meant.

    Returns
    -------
    milliseconds : ndarray of int64, shape (N,)
        Since 1970.
    known : ndarray of bool, shape (N,)
    """
    per_second = _VERSE_UNITS.get(unit.strip().lower(), 1000)
    # For some 300 years; fill values lie beyond.
    known = (values > 0) & (values < min(10**10 * per_second, 2**63 - 1))
    whole = bool(known.all())
    inside = values if whole else np.where(known, values, 0)
    ms = inside * (1000 // per_second) if per_second <= 1000 else inside // (per_second // 1000)
    ms += _EPOCH_2009_MS
    return ms if whole else np.where(known, ms, 0), known


def choose_times(
    name: FileName,
    verse: tuple[IntArray, BoolArray],
    utc: tuple[IntArray, BoolArray],
    notes: list[str],
) -> tuple[IntArray, BoolArray]:
    """Make one time of the two that each record has.

    Parameters
    ----------
    name : FileName
    verse, utc : tuple
        Milliseconds since 1970 and whether they are known, both of shape (N,).
    notes : list of str
        Receives a line where the two differ, or VERSE_TIME gives way.

    Returns
    -------
    milliseconds : ndarray of int64, shape (N,)
    known : ndarray of bool, shape (N,)

    Notes
    -----
    Of the two the one is taken that agrees with the name and is in order for more records,
    VERSE_TIME where they are alike; the other stands in where it fails and both keep the same
    time.
    """
    (verse_ms, verse_known), (utc_ms, utc_known) = verse, utc
    both = verse_known & utc_known
    apart = np.abs(verse_ms - utc_ms)
    differ = both & (apart > _MAX_APART_MS)
    note_rows(notes, differ, "with two times that differ by more than 1 s")
    if bool(verse_known.all()) and not differ.any() and bool(inside_name(name, verse_ms).all()):
        return verse
    verse_fits, utc_fits = (k & inside_name(name, ms) for ms, k in (verse, utc))
    shared = verse_fits & utc_fits
    agree = not shared.any() or float(np.median(apart[shared])) <= _MAX_APART_MS
    choices = []
    for (ms, known), fits, (other, other_known), other_fits in (
        (verse, verse_fits, utc, utc_fits),
        (utc, utc_fits, verse, verse_fits),
    ):
        stand_in = ~known & other_known | ~fits & other_fits if agree else np.zeros_like(known)
        choice = np.where(stand_in, other, ms), known | stand_in
        trusted = choice[0][fits | stand_in & other_fits]
        choices.append((int(increasing_rows(trusted).sum()), choice))
    if choices[1][0] > choices[0][0]:
        notes.append("VERSE_TIME gives way to UTC_TIME, which more records keep to")
        return choices[1][1]
    return choices[0][1]


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
    rest = values if known.all() else np.where(known, values, 2000_01_01_00_00_00_000)
    # Several times as quick as np.divmod.
    date = rest // 1_000_000_000
    # A half-orbit has one date, or two.
    if (date == date[0]).all():
        date = date[:1]
    clock = rest - 1_000_000_000 * date
    minutes = clock // 100_000
    hour, ms = minutes // 100, clock - 100_000 * minutes
    minute = minutes - 100 * hour
    year, date = np.divmod(date, 10_000)
    month, day = np.divmod(date, 100)
    midnight, exists = date_ms(year, month, day, np.zeros_like(day))
    result = ms + 60_000 * (60 * hour + minute) + midnight
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
