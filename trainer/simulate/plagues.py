"""What plagues real files: gaps, fill values, outliers, bad times, jumps, the mode of work.

Each plague has a random stream of its own and is drawn for all rows before any is left out, so
that a plague which is switched off leaves every other byte as it was. Every file stays
readable: what a plague costs is single rows.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.simulate.geometry import Floats, Times

_FILL = -9999.0


@dataclass(frozen=True, kw_only=True)
class Plagues:
    """Rates of the plagues, of both missions unless said.

    Shares are of rows, probabilities of files. Only layout and kinds come from real files and
    documents; the rates are a guess but where said.

    Parameters
    ----------
    fill : float
        Share of rows without a value: CSES-01 -9999 or NaN, DEMETER 0 or NaN, half and half.
    field_fill : float
        The same for the magnetometer (-999999).
    outlier, outlier_dex : float
        Share of rows of a plasma payload whose values are off, and the decades by which
        densities are (temperatures by a third of it), up or down.
    field_outlier, field_outlier_nt : float
        Share of rows of the magnetometer with a spike, and its size in each component.
    gap : float
        Probability of a gap.
    gap_s : tuple of float
        Shortest and longest gap, seconds.
    jitter : float
        Share of rows whose time is off by a millisecond, as in real EFD and SCM files.
    backward : float
        Probability of one row with the time of the row before, or 5 s earlier.
    no_utc : float
        Share of rows of EFD_3 whose UTC_TIME is -9999, as seen in real files.
    jump : float
        Probability of a jump in position: one to four rows, at longitude 0 or beyond the pole.
    first_odd : float
        Probability that the first Te of a LAP file is three times too high.
    torquer, torquer_nt : float
        Mean number of runs of seven rows of the magnetometer with the magnetotorquers on (the
        real half-orbit has three), and the step of the field in each component.
    burst : float
        Probability that the payloads of a half-orbit change to burst mode over seismic belts.
    """

    fill: float = 0.002
    field_fill: float = 0.0005
    outlier: float = 0.0005
    outlier_dex: float = 1.0
    field_outlier: float = 0.0001
    field_outlier_nt: float = 5.0
    gap: float = 0.1
    gap_s: tuple[float, float] = (6.0, 40.0)
    jitter: float = 0.05
    backward: float = 0.02
    no_utc: float = 0.001
    jump: float = 0.02
    first_odd: float = 0.3
    torquer: float = 2.5
    torquer_nt: float = 10.0
    burst: float = 1.0


PLAGUES = Plagues()
#: A mission of perfect files.
NO_PLAGUES = Plagues(
    fill=0.0,
    field_fill=0.0,
    outlier=0.0,
    field_outlier=0.0,
    gap=0.0,
    jitter=0.0,
    backward=0.0,
    no_utc=0.0,
    jump=0.0,
    first_odd=0.0,
    torquer=0.0,
    burst=0.0,
)


class Streams:
    """Random streams by purpose, all from one number of a generator.

    Parameters
    ----------
    rng : Generator
        One number is taken from it.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._entropy = int(rng.integers(2**62))

    def __getitem__(self, purpose: str) -> np.random.Generator:
        """Make the stream of a purpose, from its beginning."""
        key = [self._entropy, zlib.crc32(purpose.encode())]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def kept_rows(seconds: Floats, streams: Streams, plagues: Plagues) -> NDArray[np.bool_]:
    """Rows outside of the gap that a file may have.

    Parameters
    ----------
    seconds : (k,) float64
        Of the rows, since the half-orbit's first sample.
    streams : Streams
    plagues : Plagues

    Returns
    -------
    (k,) bool
    """
    rng = streams["gap"]
    share, length = rng.random(), rng.uniform(*plagues.gap_s)
    span = seconds[-1] - seconds[0]
    if rng.random() >= plagues.gap or span < 300.0:
        return np.ones(len(seconds), np.bool_)
    # Somewhere inside, a minute and more from both ends.
    first = seconds[0] + 60.0 + share * (span - 180.0)
    result: NDArray[np.bool_] = (seconds < first) | (seconds >= first + length)
    return result


def spoilt_times(time: Times, streams: Streams, plagues: Plagues, every: int = 1) -> Times:
    """Spoil times: jitter, and sometimes a row that repeats the one before or steps back.

    Parameters
    ----------
    time : (k,) datetime64[ms]
    streams : Streams
    plagues : Plagues
    every : int
        Only each of so many rows is sure to be written.

    Returns
    -------
    (k,) datetime64[ms]
        A copy.
    """
    result, rng = time.copy(), streams["jitter"]
    late = rng.random(len(time)) < plagues.jitter
    sign = np.where(rng.random(len(time)) < 0.5, -1, 1)
    result[late] += sign[late].astype("timedelta64[ms]")
    rng = streams["backward"]
    share, repeats = rng.random(), rng.random() < 0.5
    if rng.random() < plagues.backward and len(time) > 10 * every:
        row = every * (5 + int(share * (len(time) // every - 10)))
        result[row] = result[row - every] if repeats else result[row] - np.timedelta64(5, "s")
    return result


def spoil_places(
    latitude: NDArray[Any], longitude: NDArray[Any], streams: Streams, plagues: Plagues
) -> None:
    """Let positions jump, in place: degrees, (k,)."""
    rng = streams["jump"]
    share, rows, kind = rng.random(), int(rng.integers(1, 5)), rng.random()
    if rng.random() >= plagues.jump or len(latitude) < 20:
        return
    first = 5 + int(share * (len(latitude) - 14))
    if kind < 0.5:
        longitude[first : first + rows] = 0.0
        latitude[first : first + rows] *= 0.5
    else:
        latitude[first : first + rows] = 95.0


def outliers(rows: int, streams: Streams, plagues: Plagues) -> Floats:
    """Decades by which the densities of each row are off, (rows,): mostly 0."""
    rng = streams["outlier"]
    off = rng.random(rows) < plagues.outlier
    sign = np.where(rng.random(rows) < 0.5, -1.0, 1.0)
    return np.where(off, sign * plagues.outlier_dex, 0.0)


def lost_rows(
    rows: int, streams: Streams, share: float, fill: float = _FILL
) -> tuple[NDArray[np.bool_], Floats]:
    """Rows without a value, and what they hold instead.

    Parameters
    ----------
    rows : int
    streams : Streams
    share : float
        Of rows that are lost.
    fill : float
        The fill value that stands beside NaN.

    Returns
    -------
    lost : (rows,) bool
    how : (rows,) float64
        The fill value or NaN.
    """
    rng = streams["fill"]
    return rng.random(rows) < share, np.where(rng.random(rows) < 0.5, fill, np.nan)
