"""What a catalogue says of a place before a moment: the inputs of the catalogue-only baseline.

Only events strictly before the window count, so nothing of the future is seen. The controls of a
dataset are clear of events for days before them and its positives need not be, so a good score
of these columns is a property of the sampling as much as of the Earth: that is what the baseline
is there to show.
"""

from __future__ import annotations

import numpy as np

from edge.arrays import FloatArray, TimeArray
from edge.geodesy import EARTH_RADIUS_KM
from trainer.catalogues.declustering import unit_vectors

#: Columns of `seismic_features`.
NAMES = (
    "log_events_300km_7d",
    "log_events_300km_30d",
    "log_events_300km_365d",
    "log_events_1000km_30d",
    "log_days_since_event_300km",
    "largest_magnitude_300km_30d",
    "log_rate_before",
)
_NEAR_KM, _FAR_KM, _KERNEL_KM = 300.0, 1000.0, 200.0
_DAYS = (7.0, 30.0, 365.0)
#: Days that stand for no event at all.
_LONG_AGO = 3650.0
#: Windows that are looked at together.
_CHUNK = 512


def seismic_features(
    time: TimeArray,
    latitude: FloatArray,
    longitude: FloatArray,
    event_time: TimeArray,
    event_latitude: FloatArray,
    event_longitude: FloatArray,
    event_magnitude: FloatArray,
) -> FloatArray:
    """Describe the seismicity before each window.

    Parameters
    ----------
    time : ndarray of datetime64[ms], shape (n,)
        UTC.
    latitude, longitude : ndarray, shape (n,)
        Degrees.
    event_time, event_latitude, event_longitude, event_magnitude : ndarray, shape (m,)
        Of the undeclustered catalogue.

    Returns
    -------
    ndarray, shape (n, 7)
        Columns `NAMES`: log10(1 + number) of events within 300 km and 7, 30 and 365 days before,
        within 1000 km and 30 days; log10 of days since the last within 300 km; the largest
        magnitude within 300 km and 30 days, else 0; log10 of all earlier events a year, by a
        Gaussian kernel of 200 km.
    """
    result = np.zeros((time.size, len(NAMES)))
    epicentre = unit_vectors(event_latitude, event_longitude)
    for start in range(0, time.size, _CHUNK):
        some = slice(start, start + _CHUNK)
        place = unit_vectors(latitude[some], longitude[some])
        chord = np.sqrt(np.maximum(2.0 - 2.0 * (place @ epicentre.T), 0.0))
        distance = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(0.5 * chord, 1.0))
        days = (time[some, None] - event_time[None, :]) / np.timedelta64(86_400_000, "ms")
        earlier = days > 0.0
        near = earlier & (distance <= _NEAR_KM)
        for column, span in enumerate(_DAYS):
            result[some, column] = (near & (days <= span)).sum(axis=1)
        result[some, 3] = (earlier & (days <= 30.0) & (distance <= _FAR_KM)).sum(axis=1)
        since = np.where(near, days, _LONG_AGO).min(axis=1, initial=_LONG_AGO)
        result[some, 4] = np.log10(np.clip(since, 0.01, _LONG_AGO))
        recent = near & (days <= 30.0)
        strongest = np.where(recent, event_magnitude[None, :], 0.0)
        result[some, 5] = strongest.max(axis=1, initial=0.0)
        kernel = np.where(earlier, np.exp(-0.5 * (distance / _KERNEL_KM) ** 2), 0.0).sum(axis=1)
        years = np.maximum(np.where(earlier, days, 0.0).max(axis=1, initial=0.0), 1.0) / 365.25
        result[some, 6] = np.log10(kernel / years + 1e-4)
    result[:, :4] = np.log10(1.0 + result[:, :4])
    return result
