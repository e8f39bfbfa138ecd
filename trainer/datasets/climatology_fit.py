"""Fits the undisturbed background on the half-orbits of the training block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from edge.arrays import AnyArray, FloatArray, IntArray, TimeArray
from edge.bundle import ClimatologyForm
from edge.climatology import SHAPE, Climatology, bins, epoch_at
from edge.observables import MissionName, Profile
from trainer.archives.archive import NightPass
from trainer.common.errors import TrainError
from trainer.inputs.indices import Indices

#: Edges of the classes of 81-day F10.7 in 1e-22 W m^-2 Hz^-1: solar minimum, between, maximum.
FLUX_EDGES = (85.0, 120.0)

#: Values that are held in memory at a time take no more than this, bytes.
MEMORY_BYTES = 2**29

# Quartiles of fewer values say nothing.
_LEAST_QUARTILES = 8
# Times that the medians of what is left are added: bins lean on their neighbours, and on those
# that lend to them.
_ROUNDS = 3
# Interquartile range of normal values over their standard deviation.
_IQR_OF_SIGMA = 1.349
_ONE_EPOCH = np.array(["1970-01-01"], dtype="datetime64[ms]"), np.zeros(1, dtype=np.int64)


class FitRule(Protocol):
    """What the fit needs of a recipe's ``[background]``; it may have `flux_edges` as well."""

    @property
    def form(self) -> ClimatologyForm:
        """As `edge.climatology.Climatology.form`."""

    @property
    def least_values(self) -> int:
        """A bin with so many values counts as much as what it borrows from."""

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
    form : {"nearest", "interpolated"}
    """

    median: FloatArray
    spread: FloatArray
    epoch_start: TimeArray
    epoch_class: IntArray
    form: ClimatologyForm


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
        Of the training block alone. It is gone through once for the places and three times for
        every few observables, so that what is held does not grow with their number.
    profile : Profile
        F observables.
    mission : {"cses", "demeter"}
        Observables that it lacks stay unknown.
    rule : FitRule
        `form`, `least_values`, `least_spread` and, where it has them, `flux_edges`, or else
        `FLUX_EDGES`.
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
    Each bin begins with the residuals' median and quartiles of what it borrows from, and goes
    n / (n + `least_values`) of the way to those of its own n values: from all values to the
    latitude band, the band in a season, the bin of all classes of flux, and from there, moved by
    what the class does to its band, to the bin of a class. It is done anew with what the
    interpolated medians leave, until these are the medians of the values about the middles; the
    spread is that of the last residuals.
    """
    again = _repeatable(passes)
    start, holds, classes = flux_epochs(indices, getattr(rule, "flux_edges", FLUX_EDGES))
    rows = _Rows(again, start, holds, classes)
    shape = (classes, *SHAPE, len(profile.observables))
    available = np.array(profile.available(mission))
    fitted = Fit(np.zeros(shape), np.ones(shape), start, holds, rule.form)
    fitted.median[..., ~available] = np.nan
    columns = np.flatnonzero(available)
    at_a_time = max(1, memory_bytes // max(8 * rows.count, 1))
    for first in range(0, columns.size, at_a_time):
        part = columns[first : first + at_a_time]
        for _ in range(_ROUNDS):
            known = join_fits(profile, {mission: fitted})
            for column, values in zip(part, rows.residuals(part, known, mission), strict=True):
                centre, width = _levels(rows, values, rule)
                fitted.median[..., column] += centre
                # That of the last round stays.
                fitted.spread[..., column] = np.where(np.isnan(centre), 1.0, width)
    return fitted


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
        next(iter(fits.values())).form,
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

    def residuals(
        self, columns: AnyArray, known: Climatology, mission: MissionName
    ) -> Iterator[tuple[FloatArray, IntArray]]:
        """Give what medians leave of each column, in order of bins, and where each begins."""
        held = np.empty((columns.size, self.count))
        row = 0
        for item in self._again():
            left = item.grid.values - known.along(item.grid, mission)[0]
            values = np.where(item.grid.valid, left, np.nan)[item.night][:, columns]
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


def _levels(
    rows: _Rows, column: tuple[FloatArray, IntArray], rule: FitRule
) -> tuple[FloatArray, FloatArray]:
    """Median and spread of one observable's residuals, each (E, 4, 36, 12); NaN for too few."""
    values, begin = column
    latitudes, seasons, longitudes, classes = rows.shape
    found = np.full((classes, seasons, latitudes, longitudes, 2), np.nan)
    if values.size < rule.least_values:
        return found[..., 0], found[..., 1]
    step = begin[:-1].reshape(rows.shape)
    end = begin[1:].reshape(rows.shape)

    def towards(part: FloatArray, lent: FloatArray) -> FloatArray:
        if part.size < _LEAST_QUARTILES:
            return lent
        share = part.size / (part.size + rule.least_values)
        return lent + share * (_quartiles(part, rule.least_spread) - lent)

    whole = _quartiles(values, rule.least_spread)
    for y in range(latitudes):
        band = towards(values[step[y, 0, 0, 0] : end[y, -1, -1, -1]], whole)
        for s in range(seasons):
            season = towards(values[step[y, s, 0, 0] : end[y, s, -1, -1]], band)
            for x in range(longitudes):
                found[:, s, y, x] = towards(values[step[y, s, x, 0] : end[y, s, x, -1]], season)
            for e in range(classes if classes > 1 else 0):
                parts = [values[step[y, s, x, e] : end[y, s, x, e]] for x in range(longitudes)]
                moved = towards(np.concatenate(parts), season) - season
                for x, part in enumerate(parts):
                    found[e, s, y, x] = towards(part, found[e, s, y, x] + moved)
    return found[..., 0], np.exp(found[..., 1])


def _quartiles(values: FloatArray, least_spread: float) -> FloatArray:
    """Median, and logarithm of the spread."""
    low, middle, high = np.percentile(values, (25.0, 50.0, 75.0))
    return np.array([middle, np.log(max((high - low) / _IQR_OF_SIGMA, least_spread))])


def _repeatable(passes: Passes) -> Callable[[], Iterator[NightPass]]:
    if callable(passes):
        return passes
    # An iterator would be empty the second time.
    kept = list(passes) if isinstance(passes, Iterator) else passes
    return lambda: iter(kept)
