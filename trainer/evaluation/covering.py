"""The alarm level at any place and time: the highest score of the windows that cover it.

A Molchan diagram holds events against a reference. Both have to be scored alike: of the many
windows that cover an event the highest counts, and so it must of those that cover a point of the
reference. Held against single windows, scores without any skill would look skilful, since the
highest of k of them beats a single one in k cases of k + 1.
"""

from __future__ import annotations

import numpy as np

from edge.arrays import AnyArray, FloatArray, TimeArray
from edge.geodesy import EARTH_RADIUS_KM
from trainer.catalogues.declustering import unit_vectors
from trainer.errors import TrainError

_HOUR_MS = 3_600_000


def highest_covering(
    score: FloatArray,
    time: TimeArray,
    latitude: FloatArray,
    longitude: FloatArray,
    at_time: TimeArray,
    at_latitude: FloatArray,
    at_longitude: FloatArray,
    radius_km: float | FloatArray,
    hours: float,
) -> FloatArray:
    """Find the highest score of the windows whose alarm would cover each point.

    Parameters
    ----------
    score : ndarray, shape (n,)
        Of the windows of a stream; NaN covers nothing.
    time : ndarray of datetime64[ms], shape (n,)
    latitude, longitude : ndarray, shape (n,)
        Degrees.
    at_time : ndarray of datetime64[ms], shape (p,)
        Of events, or of points of a reference.
    at_latitude, at_longitude : ndarray, shape (p,)
        Degrees.
    radius_km : float or ndarray, shape (p,)
        An alarm reaches so far.
    hours : float
        And lasts so long: a window at t covers times in (t, t + hours].

    Returns
    -------
    ndarray, shape (p,)
        NaN where no window covers the point.

    Raises
    ------
    TrainError
        Radius or duration is not above 0.
    """
    radius = np.broadcast_to(np.asarray(radius_km, dtype=np.float64), at_latitude.shape)
    if not hours > 0.0 or not bool((radius > 0.0).all()):
        raise TrainError(f"radius_km is {radius_km}, hours is {hours}; valid is above 0")
    since = _milliseconds(time)
    order = np.argsort(since, kind="stable")
    order = order[np.isfinite(score[order])]
    since, levels = since[order], score[order]
    windows = unit_vectors(latitude[order], longitude[order])
    points = unit_vectors(at_latitude, at_longitude)
    when = _milliseconds(at_time)
    begin = np.searchsorted(since, when - round(hours * _HOUR_MS), side="left")
    end = np.searchsorted(since, when, side="left")
    nearest = np.cos(np.minimum(radius / EARTH_RADIUS_KM, np.pi))
    result = np.full(when.size, np.nan)
    for i in range(when.size):
        span = slice(begin[i], end[i])
        near = windows[span] @ points[i] >= nearest[i]
        if near.any():
            result[i] = levels[span][near].max()
    return result


def _milliseconds(time: TimeArray) -> AnyArray:
    return np.asarray(time).astype("datetime64[ms]").astype(np.int64)
