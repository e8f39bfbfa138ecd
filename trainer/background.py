"""Fits the undisturbed background on the half-orbits of the training block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.arrays import AnyArray, FloatArray
from edge.climatology import SHAPE, bins
from edge.observables import Profile
from trainer.archive import NightPass

#: Interquartile range of normal values over their standard deviation.
_IQR_OF_SIGMA = 1.349


def fit_background(
    passes: Sequence[NightPass], profile: Profile, least_values: int, least_spread: float
) -> tuple[FloatArray, FloatArray]:
    """Median and spread of each observable by season, dipole latitude and longitude.

    Parameters
    ----------
    passes : sequence of NightPass
        Of one mission, of the training block alone.
    profile : Profile
        F observables.
    least_values : int
        A bin with fewer values borrows: from its latitude band in its season, then from its
        latitude band in all seasons, then from all values together.
    least_spread : float
        The spread is nowhere below this, in transformed units.

    Returns
    -------
    median, spread : ndarray, shape (4, 36, 12, F)
        The median is NaN where even all values together are fewer than `least_values`, as
        for an observable that the mission lacks; the spread is then 1.
    """
    columns = len(profile.observables)
    median = np.full((*SHAPE, columns), np.nan)
    spread = np.ones((*SHAPE, columns))
    where = [bins(p.grid) for p in passes]
    season, latitude, longitude = (np.concatenate([w[i] for w in where]) for i in range(3))
    night = np.concatenate([p.night for p in passes])
    for column in range(columns):
        valid = np.concatenate([p.grid.valid[:, column] for p in passes]) & night
        values = np.concatenate([p.grid.values[:, column] for p in passes])[valid]
        if values.size < least_values:
            continue
        s, lat, lon = season[valid], latitude[valid], longitude[valid]
        # From the coarsest to the finest: each level overwrites the bins that it knows.
        median[..., column], spread[..., column] = _robust(values)
        _fill(values, lat, least_values, median[..., column], spread[..., column], (0, 2))
        band = s * SHAPE[1] + lat
        _fill(values, band, least_values, median[..., column], spread[..., column], (2,))
        cell = band * SHAPE[2] + lon
        _fill(values, cell, least_values, median[..., column], spread[..., column], ())
        np.maximum(spread[..., column], least_spread, out=spread[..., column])
    return median, spread


def _fill(
    values: FloatArray,
    group: AnyArray,
    least: int,
    median: FloatArray,
    spread: FloatArray,
    shared: tuple[int, ...],
) -> None:
    """Write the statistics of each group with enough values over the axes it shares."""
    order = np.argsort(group, kind="stable")
    found, first = np.unique(group[order], return_index=True)
    kept = [axis for axis in range(len(SHAPE)) if axis not in shared]
    shape = tuple(SHAPE[axis] for axis in kept)
    for key, part in zip(found, np.split(values[order], first[1:]), strict=True):
        if part.size < least:
            continue
        place: list[slice | int] = [slice(None)] * len(SHAPE)
        for axis, index in zip(kept, np.unravel_index(int(key), shape), strict=True):
            place[axis] = int(index)
        median[tuple(place)], spread[tuple(place)] = _robust(part)


def _robust(values: FloatArray) -> tuple[float, float]:
    low, middle, high = np.percentile(values, (25.0, 50.0, 75.0))
    return float(middle), float(high - low) / _IQR_OF_SIGMA
