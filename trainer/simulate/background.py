"""The simulated magnetic field: a centred dipole with noise of known strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.simulate import geometry
from trainer.simulate.bubbles import Bubble, bubble_change, draw_bubbles
from trainer.simulate.environment import (
    Conditions,
    half_orbit_conditions,
    mean_plasma,
    plasma_at,
    track_dipole_latitude,
)
from trainer.simulate.geometry import Floats
from trainer.simulate.noise import autoregressive, running_sum
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import PARAMETERS, PLASMA, BackgroundParameters
from trainer.simulate.waves import band_means, draw_waves, wave_covariance

if TYPE_CHECKING:
    from trainer.inputs.indices import Indices

__all__ = [
    "PARAMETERS",
    "PLASMA",
    "Background",
    "BackgroundParameters",
    "autoregressive",
    "background",
    "mean_plasma",
    "mean_waves",
    "residual_covariance",
    "track_dipole_latitude",
    "wave_covariance",
]


def draw_field(
    half_orbit: Pass,
    dipole_latitude: Floats,
    p: BackgroundParameters,
    at: Conditions,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Draw the field along a half-orbit.

    Parameters
    ----------
    half_orbit : Pass
        Times and places, (n,).
    dipole_latitude : (n,) float64
        Degrees.
    p : BackgroundParameters
    at : Conditions
        Kp brings the auroral noise down.
    rng : Generator

    Returns
    -------
    field : (n, 3) float64
        North, east, down, nT.
    noise : (n,) float64
        Median strength of the white noise of one component, nT.
    """
    n = len(half_orbit.time)
    latitude, longitude = half_orbit.latitude, half_orbit.longitude
    field = geometry.north_east_down(
        latitude,
        longitude,
        geometry.dipole_field(
            geometry.unit_vector(latitude, longitude), half_orbit.radius_km, half_orbit.time[0]
        ),
    )
    auroral = p.auroral_latitude_deg - p.auroral_shift_deg * (at.kp - 2.0)
    beyond = np.abs(dipole_latitude) - auroral
    growth = np.exp(np.clip(beyond / p.auroral_scale_deg, 0.0, 4.0))
    strength = p.field_white_nt * growth
    # Filtered twice, so that the slow noise is smooth over a minute, as in the real field; what
    # comes before the first sample lets it settle.
    before = int(3.0 * p.field_slow_time_s)
    slow = running_sum(autoregressive(before + n, 3, p.field_slow_time_s, rng), p.field_slow_time_s)
    phi2 = np.exp(-2.0 / p.field_slow_time_s)
    slow = slow[before:] * p.field_slow_nt * (1.0 - phi2) / np.sqrt(1.0 + phi2)
    vary = (
        p.field_log10_offset * rng.standard_normal()
        + p.field_log10_track * (autoregressive(n, 1, p.track_time_s, rng)[:, 0])
    )
    white = rng.standard_normal((n, 3)) * (strength * 10.0**vary)[:, None]
    return field + slow * np.sqrt(growth)[:, None] + white, strength


#: Temperatures are kept above this value, K.
_COLDEST_K = 300.0


@dataclass(frozen=True)
class Background:
    """Simulated state along a half-orbit of n samples at 1 s.

    Parameters
    ----------
    plasma : (n, 4) float64
        Columns of :data:`PLASMA`.
    ions : (n, 2) float64
        Densities of H+ and He+ in m^-3.
    field : (n, 3) float64 or None
        Magnetic field north, east, down, nT, with its noise.
    field_noise : (n,) float64 or None
        Median strength of the white noise of one field component, nT.
    waves : (n, 16) float64 or None
        log10 power of the bands of profile ``waves``, in its order: uV^2/m^2/Hz (electric),
        nT^2/Hz (magnetic).
    bubbles : tuple of Bubble
        Plasma bubbles that are in `plasma` and `ions`: part of the truth.
    """

    plasma: Floats
    ions: Floats
    field: Floats | None
    field_noise: Floats | None
    waves: Floats | None = None
    bubbles: tuple[Bubble, ...] = ()


def mean_waves(
    half_orbit: Pass,
    parameters: BackgroundParameters | None = None,
    indices: Indices | None = None,
) -> Floats:
    """Mean of the wave bands; parameters as of :func:`mean_plasma`.

    Returns
    -------
    (n, 16) float64
        log10 power, as `Background.waves`.
    """
    p = parameters or PARAMETERS[half_orbit.mission]
    at = half_orbit_conditions(half_orbit, indices)
    return band_means(half_orbit, track_dipole_latitude(half_orbit), p, at)


def residual_covariance(parameters: BackgroundParameters, lag_s: Floats) -> Floats:
    """Covariance of the plasma observables about their mean within one half-orbit.

    Parameters
    ----------
    parameters : BackgroundParameters
        Of the mission.
    lag_s : (m,) float64
        Distances in time, seconds.

    Returns
    -------
    (m, 4, 4) float64
        In the units of :data:`PLASMA`, for single 1 s samples; the white part at lag 0 alone.
        Bubbles are not in it.
    """
    lag = np.abs(np.asarray(lag_s, np.float64))[:, None, None]
    correlation = parameters.mixing @ parameters.mixing.T
    offset, track = (
        correlation * np.outer(s, s) for s in (parameters.offset_sigma, parameters.track_sigma)
    )
    white = np.diag(np.square(parameters.white_sigma))
    result: Floats = offset + track * np.exp(-lag / parameters.track_time_s) + white * (lag == 0.0)
    return result


def background(
    half_orbit: Pass,
    seed: np.random.SeedSequence,
    magnetic: bool = True,
    parameters: BackgroundParameters | None = None,
    indices: Indices | None = None,
    waves: bool = False,
) -> Background:
    """Draw the background of one half-orbit.

    Parameters
    ----------
    half_orbit : Pass
        Times and places, (n,).
    seed : SeedSequence
        All randomness comes from it: a stream for each of plasma, field, waves and bubbles.
    magnetic : bool
        Whether to draw the magnetic field too; the plasma is the same without it.
    parameters : BackgroundParameters, optional
        By default those of the mission.
    indices : Indices, optional
        Kp and F10.7; by default the solar cycle alone, and Kp = 2.
    waves : bool
        Whether to draw the wave bands too; the rest is the same without them.
    """
    p = parameters or PARAMETERS[half_orbit.mission]
    n = len(half_orbit.time)
    plasma_rng, field_rng, wave_rng, bubble_rng = (
        np.random.Generator(np.random.PCG64(s)) for s in seed.spawn(4)
    )
    at = half_orbit_conditions(half_orbit, indices)
    magnetic_latitude = track_dipole_latitude(half_orbit)
    mean = plasma_at(half_orbit, magnetic_latitude, p, at)
    offset = plasma_rng.standard_normal(4) @ p.mixing.T * p.offset_sigma
    track = autoregressive(n, 4, p.track_time_s, plasma_rng) @ p.mixing.T * p.track_sigma
    white = plasma_rng.standard_normal((n, 4)) * p.white_sigma
    plasma = mean + offset + track + white
    bubbles: tuple[Bubble, ...] = ()
    if half_orbit.direction == 1:
        places = (half_orbit.time, half_orbit.longitude, magnetic_latitude)
        bubbles = draw_bubbles(p.bubbles, *places, at, bubble_rng)
    if bubbles:
        plasma += bubble_change(p.bubbles, n, bubbles, bubble_rng)
    # Contiguous columns: see geometry.latitude_longitude.
    log10_ne, log10_o_plus = np.ascontiguousarray(mean.T[[0, 2]])
    now = np.ascontiguousarray(plasma[:, 0])
    light = (10.0**log10_ne - 10.0**log10_o_plus) * 10.0 ** (now - log10_ne)
    ions = light[:, None] * (0.75, 0.25)
    plasma[:, (1, 3)] = np.maximum(plasma[:, (1, 3)], _COLDEST_K)
    field = noise = bands = None
    if magnetic:
        field, noise = draw_field(half_orbit, magnetic_latitude, p, at, field_rng)
    if waves:
        bands = draw_waves(band_means(half_orbit, magnetic_latitude, p, at), p, wave_rng)
    return Background(plasma, ions, field, noise, bands, bubbles)
