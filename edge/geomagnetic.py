"""Kp and F10.7 from the text file that GFZ publishes."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from edge import text
from edge.arrays import FloatArray, TimeArray
from edge.errors import InputError, one_line
from edge.results import Geomagnetic

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
#: Up to this Kp the geomagnetic field is called quiet.
HIGHEST_QUIET_KP = 3.0
# Kp comes in thirds, written with three decimals.
_THIRD_TOLERANCE = 0.002
# GFZ's whole file, since 1932, has 7 MB: what is far larger is another file.
_LARGEST_FILE = 100_000_000


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


class KpFile:
    """Kp from GFZ's file, which is read when it is first needed, and anew when it has changed.

    Parameters
    ----------
    warn : callable, optional
        Told in one line, once a state of the file, why it cannot be used.
    """

    def __init__(self, path: Path, warn: Callable[[str], object] = lambda _: None) -> None:
        self._path, self._warn = path, warn
        self._days: GeomagneticDays | None = None
        self._stamp: tuple[int, int, int] | None = None

    def kp_at(self, time: TimeArray) -> FloatArray:
        """Kp of the interval that holds each time.

        Parameters
        ----------
        time : ndarray of datetime64, shape (k,)
            UTC.

        Returns
        -------
        ndarray, shape (k,)
            NaN where it is not known: nowhere is it where the file is missing, or is not of the
            layout, since a line that is wrong casts doubt on the others.
        """
        self._refresh()
        return np.full(time.shape, np.nan) if self._days is None else self._days.kp_at(time)

    def _refresh(self) -> None:
        stamp = (-1, -1, -1)
        reason = ""
        try:
            found = self._path.stat()
            stamp = (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            # A pipe would be waited for without end.
            if not stat.S_ISREG(found.st_mode):
                reason = "expected a file"
            elif found.st_size > _LARGEST_FILE:
                reason = f"expected at most {_LARGEST_FILE} bytes, got {found.st_size}"
        except OSError as error:
            reason = error.strerror or str(error)
        if stamp == self._stamp:
            return
        self._stamp, self._days = stamp, None
        try:
            if reason:
                raise InputError(self._path, reason)
            self._days = read_geomagnetic(self._path)
        except InputError as error:
            self._warn(f"{error}; geomagnetic activity is unknown")


def geomagnetic_activity(kp: float | None) -> Geomagnetic:
    """Say in a word what Kp means; what is not known is never quiet.

    Returns
    -------
    {"quiet", "disturbed", "unknown"}
    """
    if kp is None:
        return "unknown"
    return "quiet" if kp <= HIGHEST_QUIET_KP else "disturbed"


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
    span, table = every_day(np.datetime64(_DAY_ZERO, "D") + np.array(days), np.array(values))
    return GeomagneticDays(span, to_thirds(table[:, :KP_A_DAY]), table[:, KP_A_DAY].copy())


def every_day(day: TimeArray, rows: FloatArray) -> tuple[TimeArray, FloatArray]:
    """Put rows of days on the axis of all days from the first to the last.

    Parameters
    ----------
    day : ndarray of datetime64[D], shape (k,)
        In order.
    rows : ndarray, shape (k, ...)

    Returns
    -------
    day : ndarray of datetime64[D], shape (n,)
    rows : ndarray, shape (n, ...)
        NaN where there was no row of the day.
    """
    place = (day - day[0]).astype(np.int64)
    table = np.full((int(place[-1]) + 1, *rows.shape[1:]), np.nan)
    table[place] = rows
    return day[0] + np.arange(table.shape[0]), table


def to_thirds(kp: FloatArray) -> FloatArray:
    """Undo the rounding to three decimals of Kp, which is given in thirds.

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
