"""From the state at 1 s to the rows of a payload, and the mode in which they were taken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.arrays import wrap_longitude
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass

#: Zones of burst mode: name, latitude from and to, longitude from and to (degrees). The seismic
#: belts of both missions, drawn by hand after a map of large earthquakes.
BURST_ZONES = (
    ("Japan, Kurils, Kamchatka", 30.0, 56.0, 130.0, 164.0),
    ("Aleutians", 49.0, 57.0, -180.0, -156.0),
    ("Mariana Islands", 11.0, 27.0, 140.0, 148.0),
    ("Taiwan, Philippines", 3.0, 26.0, 119.0, 130.0),
    ("Sumatra, Java, Banda", -12.0, 8.0, 93.0, 132.0),
    ("New Guinea, Solomons, Vanuatu", -24.0, 0.0, 140.0, 174.0),
    ("Tonga, Kermadec", -36.0, -14.0, -180.0, -171.0),
    ("Chile, Peru", -46.0, 0.0, -78.0, -67.0),
    ("Middle America", 6.0, 20.0, -106.0, -82.0),
    ("China, Himalaya", 22.0, 42.0, 70.0, 106.0),
    ("Iran, Anatolia, Aegean", 27.0, 42.0, 19.0, 64.0),
)


def in_burst_zone(half_orbit: Pass) -> NDArray[np.bool_]:
    """Whether each sample of a half-orbit lies over a zone of burst mode, (n,)."""
    inside = np.zeros(len(half_orbit.time), np.bool_)
    for _, south, north, west, east in BURST_ZONES:
        inside |= (
            (half_orbit.latitude >= south)
            & (half_orbit.latitude <= north)
            & (half_orbit.longitude >= west)
            & (half_orbit.longitude <= east)
        )
    return inside


def nearest(seconds: Floats, n: int) -> NDArray[np.int64]:
    """Rows of the 1 s samples next to times: interpolation would smooth the noise.

    Parameters
    ----------
    seconds : (k,) float64
        Since the half-orbit's first sample.
    n : int
        Samples.

    Returns
    -------
    (k,) int64
    """
    return np.clip(np.rint(seconds).astype(np.int64), 0, n - 1)


def resampled(half_orbit: Pass, seconds: Floats) -> Pass:
    """Half-orbit at other times than whole seconds.

    Parameters
    ----------
    half_orbit : Pass
    seconds : (k,) float64
        Since its first sample, inside of it; rounded to milliseconds.

    Returns
    -------
    Pass
        k samples; places interpolated.
    """
    steps = np.arange(len(half_orbit.time), dtype=np.float64)
    longitude = np.interp(seconds, steps, np.unwrap(half_orbit.longitude, period=360.0))
    return replace(
        half_orbit,
        time=half_orbit.time[0] + np.rint(seconds * 1000.0).astype("timedelta64[ms]"),
        latitude=np.interp(seconds, steps, half_orbit.latitude),
        longitude=wrap_longitude(longitude),
        altitude_km=np.interp(seconds, steps, half_orbit.altitude_km),
    )
