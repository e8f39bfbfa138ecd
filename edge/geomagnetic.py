"""Kp and F10.7 from the text file that GFZ publishes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from edge import text
from edge.arrays import FloatArray, TimeArray
from edge.errors import InputError, one_line

#: Kp is given for eighths of the UT day.
KP_STEP = np.timedelta64(3, "h")
KP_A_DAY = 8

_COLUMNS = 28
_DAY_NUMBER = 3
_KP = slice(7, 15)
_F107_OBSERVED = 25
_DAY_ZERO = date(1932, 1, 1)
_LAST_YEAR = 2100
#: Valid values of Kp, and of F10.7 in 1e-22 W m^-2 Hz^-1.
KP_RANGE = (0.0, 9.0)
F107_RANGE = (40.0, 2000.0)
# Kp comes in thirds, written with three decimals.
_THIRD_TOLERANCE = 0.002


@dataclass(frozen=True, slots=True, eq=False)
class GeomagneticDays:
    """Kp and F10.7 of consecutive days.

    Attributes
    ----------
    day : ndarray of datetime64[D], shape (n,)
        UT days, each one later than the one before.
    kp : ndarray, shape (n, 8)
        Kp of the eight intervals of 3 h that begin at 0, 3, ... 21 UT; NaN where unknown.
    f107 : ndarray, shape (n,)
        Observed solar radio flux at 10.7 cm in 1e-22 W m^-2 Hz^-1 (not adjusted to 1 AU,
        which is what the ionosphere feels); NaN where unknown.
    """

    day: TimeArray
    kp: FloatArray
    f107: FloatArray

    def kp_at(self, time: TimeArray) -> FloatArray:
        """Kp of the interval that holds each time.

        Parameters
        ----------
        time : ndarray of datetime64, shape (k,)
            UTC.

        Returns
        -------
        ndarray, shape (k,)
            NaN where it is not known.
        """
        return at_start(self.day[0], self.kp.reshape(-1), time)


def at_start(first: np.datetime64, values: FloatArray, time: TimeArray) -> FloatArray:
    """Look up 3-hour values by the interval that a time lies in.

    Parameters
    ----------
    first : datetime64
        Start of the first interval, UTC.
    values : ndarray, shape (n,)
        One an interval of 3 h, without gaps.
    time : ndarray of datetime64, shape (k,)
        UTC.

    Returns
    -------
    ndarray, shape (k,)
        An interval holds its start and not its end. NaN outside all intervals, and for NaT.
    """
    step = KP_STEP.astype("timedelta64[ms]").astype(np.int64)
    since = time.astype("datetime64[ms]") - first.astype("datetime64[ms]")
    place = since.astype(np.int64) // step
    known = ~np.isnat(since) & (place >= 0) & (place < values.size)
    found = np.full(time.shape, np.nan)
    found[known] = values[place[known]]
    return found


def read_geomagnetic(path: Path) -> GeomagneticDays:
    """Read GFZ's file, ``Kp_ap_Ap_SN_F107_since_1932.txt`` or ``..._nowcast.txt``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    GeomagneticDays

    Raises
    ------
    InputError
        It cannot be read, or a line is not of the layout, out of order or out of range.
    """
    return read_geomagnetic_and_hash(path)[0]


def read_geomagnetic_and_hash(path: Path) -> tuple[GeomagneticDays, str]:
    """Read GFZ's file as `read_geomagnetic` does, and tell the sha256 of what was read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from None
    try:
        content = text.unpack(raw)
    except ValueError as error:
        raise InputError(path, str(error)) from None
    return parse_geomagnetic(content, path), hashlib.sha256(raw).hexdigest()


def parse_geomagnetic(raw: bytes, path: Path) -> GeomagneticDays:
    """Parse the content of GFZ's file.

    Parameters
    ----------
    raw : bytes
        Not packed; ASCII, in UTF-16 too.
    path : Path
        To be named in errors.

    Returns
    -------
    GeomagneticDays
        Of all days from the first to the last one; days that the file leaves out are unknown.

    Raises
    ------
    InputError
        A line is not of the layout, out of order or out of range.

    Notes
    -----
    Layout: GFZ, Kp_ap_Ap_SN_F107_format.txt. Blank-separated columns ``YYYY MM DD``, days since
    1932-01-01 to the start and to the middle of the day, Bartels rotation and day in it, Kp1 to
    Kp8, ap1 to ap8, Ap, sunspot number, F10.7 observed and adjusted, a mark for definitive
    values. Lines that begin with ``#`` are a header; -1 is a missing value. Matzka et al.,
    Space Weather 19, e2020SW002641 (2021).
    """
    try:
        content = text.decode(raw)
        content.encode("ascii")
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise InputError(path, f"byte {error.start} is not ASCII: not GFZ's text file") from None
    days: list[int] = []
    values: list[list[float]] = []
    # A download that was cut short ends within a line.
    cut = "" if content.endswith(("\n", "\r")) else ", and its end is missing"
    lines = content.splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = line.split()
        where = f"line {number}"
        if len(fields) != _COLUMNS:
            raise InputError(
                path,
                f"{where}: expected the {_COLUMNS} columns of GFZ's Kp and F10.7 file, "
                f"got {len(fields)}" + (cut if number == len(lines) else ""),
            )
        day = _day(path, where, fields)
        if days and day <= days[-1]:
            raise InputError(
                path,
                f"{where}: expected a day after that of the line before, "
                f"got {'-'.join(fields[:3])}",
            )
        days.append(day)
        row = [_value(path, where, "Kp", kp, *KP_RANGE) for kp in fields[_KP]]
        row.append(_value(path, where, "F10.7", fields[_F107_OBSERVED], *F107_RANGE))
        values.append(row)
    if not days:
        raise InputError(path, "has no line of values: not GFZ's Kp and F10.7 file")
    place = np.array(days) - days[0]
    table = np.full((int(place[-1]) + 1, KP_A_DAY + 1), np.nan)
    table[place] = values
    span = np.datetime64(_DAY_ZERO, "D") + (days[0] + np.arange(table.shape[0]))
    return GeomagneticDays(span, to_thirds(table[:, :KP_A_DAY]), table[:, KP_A_DAY].copy())


def to_thirds(kp: FloatArray) -> FloatArray:
    """Undo the rounding to three decimals of Kp, which is given in thirds.

    Parameters
    ----------
    kp : ndarray

    Returns
    -------
    ndarray
        Values close to a third are that third exactly; others are left alone.
    """
    third: FloatArray = np.round(kp * 3.0) / 3.0
    return np.where(np.abs(kp - third) <= _THIRD_TOLERANCE, third, kp)


def _day(path: Path, where: str, fields: list[str]) -> int:
    try:
        year, month, day = (int(part) for part in fields[:3])
        found = date(year, month, day)
    except ValueError:
        found = None
    if found is None or not _DAY_ZERO <= found < date(_LAST_YEAR, 1, 1):
        raise InputError(
            path,
            f"{where}: expected a date of {_DAY_ZERO.year} to {_LAST_YEAR - 1}, "
            f"got {one_line('-'.join(fields[:3]))}",
        )
    number = (found - _DAY_ZERO).days
    # The day's number stands in the line as well: where it differs, columns are shifted or damaged.
    if fields[_DAY_NUMBER] != str(number):
        raise InputError(
            path,
            f"{where}: expected {number} days from 1932 to {found}, got {fields[_DAY_NUMBER]}",
        )
    return number


def _value(path: Path, where: str, name: str, spelt: str, low: float, high: float) -> float:
    try:
        value = float(spelt)
    except ValueError:
        value = np.nan
    if value == -1.0:
        return np.nan
    if not low <= value <= high:
        raise InputError(
            path, f"{where}: expected {name} {low:g} to {high:g} or -1 for missing, got {spelt}"
        )
    return value
