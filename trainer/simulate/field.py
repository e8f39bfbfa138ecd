"""The simulated magnetic field: a centred dipole with noise of known strength."""

from __future__ import annotations

import numpy as np

from trainer.simulate import geometry
from trainer.simulate.conditions import Conditions
from trainer.simulate.geometry import Floats
from trainer.simulate.noise import autoregressive, running_sum
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import BackgroundParameters


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
