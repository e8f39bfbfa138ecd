"""Which records of a payload can be trusted: time order, position, fill values.

Shared by the readers of both missions. Real files hold rows with impossible times,
isolated jumps in position and several fill values; each costs its own rows and no
others.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from edge.arrays import BoolArray, FloatArray, IntArray, TimeArray, wrap_longitude
from edge.errors import InputError
from edge.readers.halforbit import Track
from edge.readers.names import FileName

#: Fill values seen in CSES files (HPM attributes) and DEMETER ephemerides.
SENTINELS = (-9999.0, -99999.0, -999999.0, 99999.0)

# Beyond this nothing is measured: netCDF fills with 9.97e36 and -9.2e18, CDF with -1e31.
_MAX_VALUE = 1e18

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1)

#: Name times bracket the data within this (design decision 11).
NAME_MARGIN = timedelta(minutes=5)

# Ground speed of both satellites is 6.9-7.1 km/s; a step faster than this between
# neighbouring records is a jump in position.
_FASTEST_KM_S = 12.0
_EARTH_RADIUS_KM = 6371.2

# A step between records is odd that differs from the typical one by more than this share.
_ODD_STEP = 0.5
# For the clock a smaller one: the steps of burst mode, half as long, are odd then, and many.
_CLOCK_STEP = 0.25
# What was shuffled has such a share of regular steps once it is put in order.
_REGULAR_SHARE = 0.9
# The clock was set back where this many steps before and after are regular: a single record
# of a wrong time has an odd step on both sides.
_STEADY = 2

# Records that are nearer to each other than this share of their cadence are one record twice.
# The packets of SCM_3, 0.08 s long, are a twenty-sixth of the nominal cadence apart.
_REPEAT_SHARE = 1.0 / 30.0

#: A sensor is stuck that gives one value for this long, in this many valid records.
STUCK_SPAN = np.timedelta64(60, "s")
STUCK_RECORDS = 10

#: Units of the continuous quantities, in which a sensor that works never does that. Potentials
#: and angles are left out: they may come from few bits.
STUCK_UNITS = frozenset({"m^-3", "cm^-3", "K", "nT"})

# The slowest cadence seen is the nominal one; a margin for its jitter.
_SLOWEST = 1.5


def not_filled(values: FloatArray, fill: float | None = None) -> BoolArray:
    """Tell values from fill values.

    Parameters
    ----------
    values : ndarray of float64, any shape
    fill : float, optional
        The file's own fill value, beside the usual ones.

    Returns
    -------
    ndarray of bool, shape of `values`
        True where the value is possible in any unit and not a fill value.
    """
    # False for a NaN, too.
    good: BoolArray = np.abs(values) < _MAX_VALUE
    for sentinel in SENTINELS if fill is None else (*SENTINELS, fill):
        good &= values != sentinel
    return good


def increasing_rows(milliseconds: IntArray) -> BoolArray:
    """Mark the longest strictly increasing run of times, so that one bad row costs itself.

    Parameters
    ----------
    milliseconds : ndarray of int64, shape (N,)

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    n = milliseconds.size
    if _increase(milliseconds):
        return np.ones(n, dtype=np.bool_)
    tails: list[int] = []
    tail_rows: list[int] = []
    previous = [-1] * n
    for row, value in enumerate(milliseconds.tolist()):
        at = bisect_left(tails, value)
        previous[row] = tail_rows[at - 1] if at else -1
        if at == len(tails):
            tails.append(value)
            tail_rows.append(row)
        else:
            tails[at] = value
            tail_rows[at] = row
    keep = np.zeros(n, dtype=np.bool_)
    row = tail_rows[-1]
    while row >= 0:
        keep[row] = True
        row = previous[row]
    return keep


def _increase(milliseconds: IntArray) -> bool:
    return bool((milliseconds[1:] > milliseconds[:-1]).all())


def time_order(milliseconds: IntArray, known: BoolArray) -> IntArray | None:
    """Order of the rows where they are a regular series that was shuffled.

    Parameters
    ----------
    milliseconds : ndarray of int64, shape (N,)
    known : ndarray of bool, shape (N,)
        False where the file gives no time.

    Returns
    -------
    ndarray of int64, shape (N,), or None
        Rows in order of time, those without a time last. None where the rows are in order,
        but for a few that are better left out, and where order would make no regular series
        of them: two records of one time, or steps of every length, are no permutation.
    """
    if known.all() and _increase(milliseconds):
        return None
    rows = np.flatnonzero(known)
    times = milliseconds[rows]
    lost = rows.size - int(increasing_rows(times).sum())
    if lost <= max(3, rows.size // 20):
        return None
    order = np.argsort(times, kind="stable")
    steps = np.diff(times[order])
    typical = float(np.median(steps))
    regular = steps <= (1.0 + _ODD_STEP) * typical
    if steps.min() <= (1.0 - _ODD_STEP) * typical or regular.mean() < _REGULAR_SHARE:
        return None
    ordered: IntArray = np.concatenate((rows[order], np.flatnonzero(~known)))
    return ordered


def _clock_steps(times: IntArray, notes: list[str]) -> None:
    """Name the places where the clock was set back amid records at a steady pace.

    Parameters
    ----------
    times : ndarray of int64, shape (N,)
        Milliseconds, in the file's order.
    notes : list of str
        Receives a line where there is any.
    """
    steps = times[1:] - times[:-1]
    # The quickest look comes first: where steps are alike, none is early.
    if steps.size < 2 * _STEADY or steps.min() >= (1.0 - _CLOCK_STEP) * steps.max():
        return
    typical = float(np.median(steps))
    early = steps < (1.0 - _CLOCK_STEP) * typical
    odd = early | (steps > (1.0 + _CLOCK_STEP) * typical)
    odd = np.concatenate((np.zeros(_STEADY, np.bool_), odd))
    odd = np.concatenate((odd, np.zeros(_STEADY, np.bool_)))
    alone = sum(odd[k : k + steps.size].astype(np.int64) for k in range(2 * _STEADY + 1)) == 1
    found = np.flatnonzero(early & alone)
    if not found.size:
        return
    first = int(found[0])
    by = (typical - float(steps[first])) / 1000.0
    again = f" and {found.size - 1} times more" if found.size > 1 else ""
    at = np.datetime64(int(times[first]), "ms").astype(str)
    notes.append(f"the clock was set back by {by:.1f} s at {at}{again}")


def inside_name(name: FileName, milliseconds: IntArray) -> BoolArray:
    """Mark the times that agree with a file's name.

    Parameters
    ----------
    name : FileName
    milliseconds : ndarray of int64, shape (N,)
        Since 1970-01-01 UTC.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    low, high = _epoch_ms(name.start - NAME_MARGIN), _epoch_ms(name.end + NAME_MARGIN)
    result: BoolArray = (milliseconds >= low) & (milliseconds <= high)
    return result


def trusted_times(
    path: Path, name: FileName, milliseconds: IntArray, known: BoolArray, notes: list[str]
) -> BoolArray:
    """Mark the rows whose time is known, inside the name's bracket and in order.

    Parameters
    ----------
    path : Path
    name : FileName
    milliseconds : ndarray of int64, shape (N,)
        Milliseconds since 1970-01-01 UTC.
    known : ndarray of bool, shape (N,)
        False where the file gives no time.
    notes : list of str
        Receives a line for each defect.

    Returns
    -------
    ndarray of bool, shape (N,)

    Raises
    ------
    InputError
        Fewer than half of the known times agree with the file's name, or none is known, or
        fewer than half of them are in order.
    """
    if not known.any():
        raise InputError(path, f"none of its {known.size} records has a valid time")
    inside = known & inside_name(name, milliseconds)
    if inside.all() and _increase(milliseconds):
        _clock_steps(milliseconds, notes)
        return inside
    if 2 * np.count_nonzero(inside) < np.count_nonzero(known):
        first, last = (
            np.datetime64(int(milliseconds[known][i]), "ms").astype(str) for i in (0, -1)
        )
        raise InputError(
            path,
            f"name and content disagree: data from {first} to {last}, "
            f"name from {name.start.isoformat()} to {name.end.isoformat()}",
        )
    good = inside.copy()
    times = milliseconds[inside]
    good[inside] = increasing_rows(times)
    kept = np.count_nonzero(good)
    if 2 * kept < times.size and 2 * kept < (of := np.unique(times).size):
        raise InputError(
            path, f"its records are in no order of time: at most {kept} of {of} could be kept"
        )
    _clock_steps(times, notes)
    note_rows(notes, ~known, "without a valid time")
    note_rows(notes, known & ~inside, "outside the name's times")
    note_rows(notes, inside & ~good, "out of time order")
    return good


def make_track(
    milliseconds: IntArray,
    latitude: FloatArray,
    longitude: FloatArray,
    altitude: FloatArray,
    nominal_cadence: float,
    notes: list[str],
    rows: IntArray | None = None,
) -> Track:
    """Build the track of a payload; invalid positions become NaN.

    Parameters
    ----------
    milliseconds : ndarray of int64, shape (N,)
        Trusted times, strictly increasing.
    latitude, longitude, altitude : ndarray, shape (N,)
        As in the file; longitude in either convention. Every fill value is out of range.
    nominal_cadence : float
        Seconds; used where the times do not tell.
    notes : list of str
        Receives a line for each defect.
    rows : ndarray of int64, shape (N,), optional
        Numbers of these records in the file; by default they follow each other. Where the
        clock was set back, the number of records tells how far the satellite can have come.

    Returns
    -------
    Track
    """
    good = (np.abs(latitude) <= 90.0) & (np.abs(longitude) <= 360.0)
    # Both orbits lie within 450-800 km; CSES declares 0..1000 km.
    good &= (altitude > 0.0) & (altitude < 1000.0)
    longitude = wrap_longitude(longitude if good.all() else np.where(good, longitude, 0.0))
    steps = milliseconds[1:] - milliseconds[:-1]
    cadence = _median(steps) / 1000.0 if steps.size >= 2 else nominal_cadence
    # What is left of a file full of holes must not pass for a slow cadence, or values
    # would be interpolated across the holes.
    cadence = min(cadence, _SLOWEST * nominal_cadence)
    seconds = milliseconds / 1000.0
    if not (good.all() and _slow(seconds, latitude, longitude)):
        count = np.arange(milliseconds.size) if rows is None else rows
        good &= _no_jump(seconds, cadence * count, latitude, longitude, good)
        note_rows(notes, ~good, "without a valid position")
        latitude, longitude, altitude = (
            np.where(good, values, np.nan) for values in (latitude, longitude, altitude)
        )
    time = milliseconds.astype("datetime64[ms]")
    return Track(time, latitude, longitude, altitude, cadence)


def _median(values: IntArray) -> float:
    """As np.median, in a third of its time."""
    middle = [(values.size - 1) // 2, values.size // 2]
    return float(np.partition(values, middle)[middle].mean())


def _no_jump(
    seconds: FloatArray,
    counted: FloatArray,
    latitude: FloatArray,
    longitude: FloatArray,
    good: BoolArray,
) -> BoolArray:
    """Mark rows that can be reached from their neighbours at orbital speed.

    Time went on by the clock's `seconds`, or by those `counted` in records where they are more.
    """
    rows = np.flatnonzero(good)
    if rows.size < 3:
        return good
    lat, lon = np.radians(latitude[rows]), np.radians(longitude[rows])
    cosine, seconds, counted = np.cos(lat), seconds[rows], counted[rows]

    def reachable(a: IntArray | slice, b: IntArray | slice) -> BoolArray:
        # Straight through the sphere, by the haversines of the steps.
        inner = np.sin((lat[b] - lat[a]) / 2.0) ** 2
        inner += cosine[a] * cosine[b] * np.sin((lon[b] - lon[a]) / 2.0) ** 2
        passed = np.maximum(seconds[b] - seconds[a], counted[b] - counted[a])
        result: BoolArray = 2.0 * _EARTH_RADIUS_KM * np.sqrt(inner) <= _FASTEST_KM_S * passed
        return result

    linked = reachable(slice(None, -1), slice(1, None))
    if linked.all():
        return good
    # Pieces between broken links; keep those that hang together with the longest one.
    starts = np.concatenate(([0], np.flatnonzero(~linked) + 1))
    ends = np.concatenate((starts[1:], [rows.size]))
    longest = int(np.argmax(ends - starts))
    keep = np.zeros(rows.size, dtype=np.bool_)
    keep[starts[longest] : ends[longest]] = True
    edge = starts[longest]
    for piece in range(longest - 1, -1, -1):
        if reachable(ends[piece : piece + 1] - 1, np.array([edge]))[0]:
            keep[starts[piece] : ends[piece]] = True
            edge = starts[piece]
    edge = ends[longest] - 1
    for piece in range(longest + 1, starts.size):
        if reachable(np.array([edge]), starts[piece : piece + 1])[0]:
            keep[starts[piece] : ends[piece]] = True
            edge = ends[piece] - 1
    result = np.zeros_like(good)
    result[rows[keep]] = True
    return result


def _slow(seconds: FloatArray, latitude: FloatArray, longitude: FloatArray) -> bool:
    """Whether a look without sine and cosine suffices: no step is too long at the equator."""
    across = np.abs(longitude[1:] - longitude[:-1])
    step = (latitude[1:] - latitude[:-1]) ** 2 + np.minimum(across, 360.0 - across) ** 2
    passed = seconds[1:] - seconds[:-1]
    return bool((step <= (math.degrees(_FASTEST_KM_S / _EARTH_RADIUS_KM) * passed) ** 2).all())


def distinct_rows(milliseconds: IntArray, cadence: float, notes: list[str]) -> BoolArray:
    """Mark the records that do not repeat the one before, so that a doubled one counts once.

    Parameters
    ----------
    milliseconds : ndarray of int64, shape (N,)
        Trusted times, strictly increasing.
    cadence : float
        Shortest nominal time between records in seconds.
    notes : list of str
        Receives a line on the records that are left out.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    distinct = np.ones(milliseconds.size, dtype=np.bool_)
    gap = 1000.0 * cadence * _REPEAT_SHARE
    if milliseconds.size < 2 or float((milliseconds[1:] - milliseconds[:-1]).min()) >= gap:
        return distinct
    last = int(milliseconds[0])
    for row, value in enumerate(milliseconds[1:].tolist(), 1):
        distinct[row] = value - last >= gap
        last = value if distinct[row] else last
    note_rows(notes, ~distinct, f"within {gap:.3g} ms of the one before: doubled, left out")
    return distinct


def without_stuck(
    name: str, values: FloatArray, valid: BoolArray, time: TimeArray, notes: list[str]
) -> BoolArray:
    """Mask what a stuck sensor gives: one and the same value for minutes.

    Parameters
    ----------
    name : str
        Of the channel, for the note.
    values : ndarray of float64, shape (N,) or (N, K)
        A continuous quantity (`STUCK_UNITS`, or the power of bands), in which no two values in
        a row need be equal. Each of the K columns is looked at by itself.
    valid : ndarray of bool, shape of `values`
    time : ndarray of datetime64[ms], shape (N,)
    notes : list of str
        Receives a line where anything is masked.

    Returns
    -------
    ndarray of bool, shape of `values`
        `valid` itself where nothing is stuck.
    """
    # Ten records in a row hold two of every fifth one: almost always a look at those suffices.
    stride = STUCK_RECORDS // 2
    whole = valid.all()
    some = (values if whole or values.ndim > 1 else values[valid])[::stride]
    alike = len(values) >= STUCK_RECORDS and (some[1:] == some[:-1]).any()
    if not alike and (whole or values.ndim == 1):
        return valid
    columns, good = values.reshape(len(values), -1), valid.reshape(len(values), -1)
    stuck = np.zeros_like(good)
    for k in range(columns.shape[1]):
        # Fill values between two records do not part them.
        rows = np.flatnonzero(good[:, k])
        some = columns[rows[::stride], k]
        if not (some[1:] == some[:-1]).any():
            continue
        column = columns[rows, k]
        equal = np.zeros(rows.size + 1, dtype=np.bool_)
        np.equal(column[1:], column[:-1], out=equal[1:-1])
        first, last = np.flatnonzero(np.diff(equal)).reshape(-1, 2).T
        long = last - first >= STUCK_RECORDS - 1
        long &= time[rows[last]] - time[rows[first]] >= STUCK_SPAN
        for a, b in zip(first[long].tolist(), last[long].tolist(), strict=True):
            stuck[rows[a : b + 1], k] = True
    if not stuck.any():
        return valid
    span = f"{STUCK_SPAN.astype(int)} s or more"
    note_rows(notes, stuck.any(axis=1), f"with one value of {name} for {span}: stuck, masked")
    return valid & ~stuck.reshape(valid.shape)


def _epoch_ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def date_ms(
    year: IntArray, month: IntArray, day: IntArray, time_of_day: IntArray
) -> tuple[IntArray, BoolArray]:
    """Milliseconds since 1970 of calendar dates.

    Parameters
    ----------
    year, month, day, time_of_day : ndarray of int64, shape (N,)
        The last in milliseconds.

    Returns
    -------
    milliseconds : ndarray of int64, shape (N,)
    known : ndarray of bool, shape (N,)
        False where there is no such date between 1970 and 2099.
    """
    known = (year >= 1970) & (year < 2100) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(known, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    following = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    known &= day <= following - first
    known &= (time_of_day >= 0) & (time_of_day <= DAY_MS)
    return (first + day - 1) * DAY_MS + time_of_day, known


def note_rows(notes: list[str], rows: BoolArray, what: str) -> None:
    """Add a line on how many records have a defect, where any has.

    Parameters
    ----------
    notes : list of str
    rows : ndarray of bool, shape (N,)
    what : str
    """
    count = np.count_nonzero(rows)
    if count:
        notes.append(f"{count} record{'s' if count > 1 else ''} {what}")
