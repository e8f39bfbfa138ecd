"""Where lightning is: activity of the three chimneys by place, season and local time."""

from __future__ import annotations

import numpy as np

from trainer.simulate import geometry
from trainer.simulate.geometry import Floats, Times

#: Chimney: latitude at equinox, longitude, half widths in latitude and longitude (degrees), and
#: activity. Drawn after the flash-rate maps of Christian et al. (2003), doi:10.1029/2002JD002347.
CHIMNEYS = (
    ("Africa", 1.0, 22.0, 17.0, 18.0, 1.0),
    ("Americas", 5.0, -72.0, 22.0, 18.0, 0.8),
    ("Maritime continent", 0.0, 112.0, 15.0, 22.0, 0.7),
)
#: The chimneys follow the Sun by this share of its declination.
_FOLLOWS_SUN = 0.5
#: Outside of the chimneys.
_ELSEWHERE = 0.12
#: Local time of the most lightning, and the share of it that comes and goes with the hour.
_PEAK_H, _DIURNAL = 17.0, 0.35
#: Power that daylight lets through the D region.
_BY_DAY = 0.25


def lightning_activity(time: Times, latitude: Floats, longitude: Floats) -> Floats:
    """Activity of lightning whistlers under a satellite.

    Parameters
    ----------
    time : (n,) datetime64
    latitude, longitude : (n,) float64
        Degrees.

    Returns
    -------
    (n,) float64
        About 1 over Africa on a night in the middle of the season; not negative.

    Notes
    -----
    Whistlers are absorbed in the sunlit D region, so that a satellite hears most of them at
    night although most strokes fall in the afternoon. A tenth comes from the whole tropics.
    """
    sun = geometry.sun_vector(time[:1])[0]
    shift = _FOLLOWS_SUN * np.rad2deg(np.arcsin(sun[2]))
    total = np.full(len(time), _ELSEWHERE) * np.exp(-((latitude / 45.0) ** 2))
    for _, centre, middle, height, width, strength in CHIMNEYS:
        east = (longitude - middle + 180.0) % 360.0 - 180.0
        total += strength * np.exp(
            -(((latitude - centre - shift) / height) ** 2) - (east / width) ** 2
        )
    hour = geometry.local_time(time, longitude)
    diurnal = 1.0 + _DIURNAL * np.cos(2.0 * np.pi * (hour - _PEAK_H) / 24.0)
    zenith = geometry.cos_solar_zenith(time, latitude, longitude)
    through = _BY_DAY + (1.0 - _BY_DAY) / (1.0 + np.exp(zenith / 0.1))
    return total * diurnal * through
