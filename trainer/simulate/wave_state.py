"""The wave state: power of sixteen bands along a half-orbit, its mean and its covariance.

The bands are those of profile ``waves``, eight electric and eight magnetic ones. The state is
what a payload estimates in one spectrum, estimation noise included: the writers scatter the
bins of a spectrum but keep the mean power of its bands. No real spectrum was at hand to fit the
mean to; it is a caricature with the right structure.
"""

from __future__ import annotations

import numpy as np

from trainer.simulate.conditions import Conditions
from trainer.simulate.geometry import Floats
from trainer.simulate.lightning import lightning_activity
from trainer.simulate.noise import autoregressive
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import BackgroundParameters
from trainer.simulate.wave_parameters import OCTAVES

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
    return (
        law
        + shape[:, None] * (near * (p.each(p.hiss) + above))
        + strokes[:, None] * (p.each(p.lightning) * p.heard)
    )


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
    return (
        offset
        + track * np.exp(-lag / p.track_time_s)
        + strokes * np.exp(-lag / p.stroke_time_s)
        + white * (lag == 0.0)
    )


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
    return mean + offset + track + strokes + white
