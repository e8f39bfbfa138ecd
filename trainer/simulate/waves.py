"""Where lightning is: activity of the three chimneys by place, season and local time."""

from __future__ import annotations

import numpy as np

from edge.arrays import wrap_longitude
from trainer.simulate import geometry
from trainer.simulate.environment import Conditions
from trainer.simulate.geometry import Floats, Times
from trainer.simulate.noise import autoregressive
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import OCTAVES, BackgroundParameters

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
        east = wrap_longitude(longitude - middle)
        total += strength * np.exp(
            -(((latitude - centre - shift) / height) ** 2) - (east / width) ** 2
        )
    hour = geometry.local_time(time, longitude)
    diurnal = 1.0 + _DIURNAL * np.cos(2.0 * np.pi * (hour - _PEAK_H) / 24.0)
    zenith = geometry.cos_solar_zenith(time, latitude, longitude)
    through = _BY_DAY + (1.0 - _BY_DAY) / (1.0 + np.exp(zenith / 0.1))
    result: Floats = total * diurnal * through
    return result


_HISS_OCTAVE = float(np.log2(700.0))
_HISS_OCTAVES = 1.4


def band_means(
    half_orbit: Pass,
    dipole_latitude: Floats,
    parameters: BackgroundParameters,
    at: Conditions,
) -> Floats:
    """Mean of the wave state.

    Parameters
    ----------
    half_orbit : Pass
        Times and places, (n,).
    dipole_latitude : (n,) float64
        Degrees.
    parameters : BackgroundParameters
    at : Conditions

    Returns
    -------
    (n, 16) float64
        log10 power: a power law, hiss at middle latitudes that rises and moves with Kp
        (Thorne et al. 1973, doi:10.1029/JA078i010p01581), and lightning.
    """
    p = parameters.waves
    octaves = np.tile(OCTAVES, 2)
    decades = np.log10(2.0) * octaves - 2.0
    law = p.each(p.at_100_hz) + p.each(p.slope) * decades
    centre = p.hiss_latitude_deg - p.hiss_shift_deg * (at.kp - 2.0)
    shape = np.exp(-(((np.abs(dipole_latitude) - centre) / p.hiss_width_deg) ** 2))
    near = np.exp(-(((octaves - _HISS_OCTAVE) / _HISS_OCTAVES) ** 2))
    above = p.hiss_kp * (at.kp - 2.0) + p.hiss_storm * at.storm
    strokes = lightning_activity(half_orbit.time, half_orbit.latitude, half_orbit.longitude)
    result: Floats = (
        law
        + shape[:, None] * (near * (p.each(p.hiss) + above))
        + strokes[:, None] * (p.each(p.lightning) * p.heard)
    )
    return result


def wave_covariance(parameters: BackgroundParameters, lag_s: Floats) -> Floats:
    """Covariance of the wave bands about their mean within one half-orbit.

    Parameters
    ----------
    parameters : BackgroundParameters
        Of the mission.
    lag_s : (m,) float64
        Distances in time, seconds.

    Returns
    -------
    (m, 16, 16) float64
        Of log10 power, for single 1 s samples; the white part at lag 0 alone.
    """
    p = parameters.waves
    lag = np.abs(np.asarray(lag_s, np.float64))[:, None, None]
    offset, track = (
        p.correlation * np.outer(p.each(s), p.each(s)) for s in (p.offset_sigma, p.track_sigma)
    )
    strokes = np.outer(p.strokes, p.strokes)
    white = np.diag(p.each(p.white_sigma) ** 2)
    result: Floats = (
        offset
        + track * np.exp(-lag / p.track_time_s)
        + strokes * np.exp(-lag / p.stroke_time_s)
        + white * (lag == 0.0)
    )
    return result


def draw_waves(mean: Floats, parameters: BackgroundParameters, rng: np.random.Generator) -> Floats:
    """Draw the wave state about its mean.

    Parameters
    ----------
    mean : (n, 16) float64
    parameters : BackgroundParameters
    rng : Generator

    Returns
    -------
    (n, 16) float64
        With the covariance of `wave_covariance`.
    """
    p, (n, k) = parameters.waves, mean.shape
    mixing = np.linalg.cholesky(p.correlation).T
    offset = (rng.standard_normal(k) @ mixing) * p.each(p.offset_sigma)
    track = (autoregressive(n, k, p.track_time_s, rng) @ mixing) * p.each(p.track_sigma)
    strokes = autoregressive(n, 1, p.stroke_time_s, rng) * p.strokes
    white = rng.standard_normal((n, k)) * p.each(p.white_sigma)
    result: Floats = mean + offset + track + strokes + white
    return result
