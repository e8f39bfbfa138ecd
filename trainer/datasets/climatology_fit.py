"""Fits the undisturbed background on the half-orbits of the training block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from edge.arrays import AnyArray, FloatArray, IntArray, TimeArray
from edge.climatology import SHAPE, Climatology, bins, epoch_at
from edge.observables import MissionName, Profile
from trainer.archives.archive import NightPass
from trainer.common.errors import TrainError
from trainer.inputs.indices import Indices

#: Edges of the classes of 81-day F10.7 in 1e-22 W m^-2 Hz^-1: solar minimum, between, maximum.
FLUX_EDGES = (85.0, 120.0)

#: Values that are held in memory at a time take no more than this, bytes.
MEMORY_BYTES = 2**29

# Interquartile range of normal values over their standard deviation.
_IQR_OF_SIGMA = 1.349
_ONE_EPOCH = np.array(["1970-01-01"], dtype="datetime64[ms]"), np.zeros(1, dtype=np.int64)


class FitRule(Protocol):
    """What the fit needs of a recipe's ``[background]``; it may have `flux_edges` as well."""

    @property
    def least_values(self) -> int:
        """A bin with fewer values borrows."""

    @property
    def least_spread(self) -> float:
        """The spread is nowhere below this, in transformed units."""


class Fit(NamedTuple):
    """The fitted background of one mission; see `edge.climatology.Climatology`.

    Attributes
    ----------
    median, spread : ndarray, shape (E, 4, 36, 12, F)
    epoch_start : ndarray of datetime64[ms], shape (k,)
    epoch_class : ndarray of int64, shape (k,)
    """

    median: FloatArray
    spread: FloatArray
    epoch_start: TimeArray
    epoch_class: IntArray


Passes = Iterable[NightPass] | Callable[[], Iterator[NightPass]]


def fit_background(
    passes: Passes,
    profile: Profile,
    mission: MissionName,
    rule: FitRule,
    indices: Indices | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> Fit:
    """Median and spread of each observable by solar flux, season, dipole latitude, longitude.

    Parameters
    ----------
    passes : iterable of NightPass, or callable that gives a fresh iterator of the same
        Of the training block alone. It is gone through once for the places and again for every
        few observables, so that what is held does not grow with their number.
    profile : Profile
        F observables.
    mission : {"cses", "demeter"}
        Observables that it lacks stay unknown.
    rule : FitRule
        `least_values`, `least_spread` and, where it has them, `flux_edges`; else `FLUX_EDGES`.
    indices : Indices, optional
        Of all time that the climatology is to serve; without them there is one class of flux.
    memory_bytes : int, optional
        Of values at a time; one observable is the least.

    Returns
    -------
    Fit
        The median is NaN where even all values together are fewer than `least_values`, as
        for an observable that the mission lacks; the spread is then 1.

    Raises
    ------
    TrainError
        The iterator gave other rows when it was gone through again.

    Notes
    -----
    A bin with fewer than `least_values` values borrows, in this order: from its latitude band,
    season and class; then, all classes together, from its bin, from its band in its season, and
    from its band in all seasons; then from all values.
    """
    again = _repeatable(passes)
    start, holds, classes = flux_epochs(indices, getattr(rule, "flux_edges", FLUX_EDGES))
    rows = _Rows(again, start, holds, classes)
    shape = (classes, *SHAPE, len(profile.observables))
    median, spread = np.full(shape, np.nan), np.ones(shape)
    columns = np.flatnonzero(profile.available(mission))
    at_a_time = max(1, memory_bytes // max(8 * rows.count, 1))
    for first in range(0, columns.size, at_a_time):
        part = columns[first : first + at_a_time]
        for column, values in zip(part, rows.values(part), strict=True):
            _fill(rows, values, rule, median[..., column], spread[..., column])
    return Fit(median, spread, start, holds)


def flux_epochs(
    indices: Indices | None, edges: tuple[float, ...]
) -> tuple[TimeArray, IntArray, int]:
    """Cut time into epochs of one class of solar flux.

    Parameters
    ----------
    indices : Indices or None
    edges : tuple of float
        Of the classes, rising, in 1e-22 W m^-2 Hz^-1; an edge belongs to the class above it.

    Returns
    -------
    epoch_start : ndarray of datetime64[ms], shape (k,)
    epoch_class : ndarray of int64, shape (k,)
    classes : int

    Notes
    -----
    By the 81-day mean of F10.7, day by day. A day without one keeps the class of the day before;
    the first days take that of the first known one. Without indices, or where no day of theirs
    is known, all time is one class.
    """
    if indices is None:
        return *_ONE_EPOCH, 1
    day, flux = indices.f107_means()
    known = np.flatnonzero(np.isfinite(flux))
    if not known.size:
        return *_ONE_EPOCH, 1
    place = np.digitize(flux[known], edges)
    held = place[np.maximum(np.searchsorted(known, np.arange(day.size), side="right") - 1, 0)]
    change = np.flatnonzero(np.diff(held, prepend=held[0] - 1))
    start = day[change].astype("datetime64[ms]")
    return start, held[change].astype(np.int64), len(edges) + 1


def join_fits(profile: Profile, fits: dict[MissionName, Fit]) -> Climatology:
    """Put the backgrounds of missions into one climatology."""
    return Climatology(
        profile.names,
        {m: f.median for m, f in fits.items()},
        {m: f.spread for m, f in fits.items()},
        {m: f.epoch_start for m, f in fits.items()},
        {m: f.epoch_class for m, f in fits.items()},
    )


class _Rows:
    """The night rows of all half-orbits, sorted by bin, and their values a few columns at a time.

    The key of a bin has the dipole latitude before the season, the longitude and the class: then
    every level that borrows, but one, is an unbroken stretch of the sorted rows.
    """

    def __init__(
        self,
        again: Callable[[], Iterator[NightPass]],
        start: TimeArray,
        holds: IntArray,
        classes: int,
    ) -> None:
        self._again = again
        self.classes = classes
        #: Latitude, season, longitude, class.
        self.shape = (SHAPE[1], SHAPE[0], SHAPE[2], classes)
        keys = [np.zeros(0, dtype=np.uint32)]
        for item in again():
            season, latitude, longitude = bins(item.grid)
            epoch = epoch_at(start, holds, item.grid.time)
            key = np.ravel_multi_index((latitude, season, longitude, epoch), self.shape)
            keys.append(key[item.night].astype(np.uint32))
        key = np.concatenate(keys)
        self.count = key.size
        self._order = np.argsort(key, kind="stable").astype(np.uint32)
        self._key = key[self._order]

    def values(self, columns: AnyArray) -> Iterator[tuple[FloatArray, IntArray]]:
        """Give each column's valid values in the order of bins, and where each bin begins."""
        held = np.empty((columns.size, self.count))
        row = 0
        for item in self._again():
            values = np.where(item.grid.valid, item.grid.values, np.nan)[item.night][:, columns]
            if row + len(values) > self.count:
                raise TrainError("the half-orbits changed while the background was fitted")
            held[:, row : row + len(values)] = values.T
            row += len(values)
        if row != self.count:
            raise TrainError("the half-orbits changed while the background was fitted")
        bounds = np.arange(np.prod(self.shape) + 1)
        for one in held:
            one = one[self._order]
            valid = np.isfinite(one)
            yield one[valid], np.searchsorted(self._key[valid], bounds).astype(np.int64)


def _fill(
    rows: _Rows,
    column: tuple[FloatArray, IntArray],
    rule: FitRule,
    median: FloatArray,
    spread: FloatArray,
) -> None:
    """Write one observable's tables, (E, 4, 36, 12): coarse levels, and finer ones over them."""
    values, begin = column
    least = rule.least_values
    if values.size < least:
        return
    latitudes, seasons, longitudes, classes = rows.shape
    step = begin[:-1].reshape(rows.shape)
    end = begin[1:].reshape(rows.shape)

    def write(part: FloatArray, where: tuple[int | slice, ...]) -> None:
        if part.size >= least:
            low, middle, high = np.percentile(part, (25.0, 50.0, 75.0))
            median[where], spread[where] = middle, (high - low) / _IQR_OF_SIGMA

    every = slice(None)
    write(values, (every,))
    for y in range(latitudes):
        if end[y, -1, -1, -1] - step[y, 0, 0, 0] < least:
            continue
        write(values[step[y, 0, 0, 0] : end[y, -1, -1, -1]], (every, every, y))
        for s in range(seasons):
            write(values[step[y, s, 0, 0] : end[y, s, -1, -1]], (every, s, y))
            for x in range(longitudes):
                write(values[step[y, s, x, 0] : end[y, s, x, -1]], (every, s, y, x))
            for e in range(classes if classes > 1 else 0):
                parts = [values[step[y, s, x, e] : end[y, s, x, e]] for x in range(longitudes)]
                write(np.concatenate(parts), (e, s, y))
                for x, part in enumerate(parts):
                    write(part, (e, s, y, x))
    np.maximum(spread, rule.least_spread, out=spread)


def _repeatable(passes: Passes) -> Callable[[], Iterator[NightPass]]:
    if callable(passes):
        return passes
    # An iterator would be empty the second time.
    kept = list(passes) if isinstance(passes, Iterator) else passes
    return lambda: iter(kept)
