"""Mean of the simulated plasma: what latitude, time, solar flux and Kp make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.simulate import geometry
from trainer.simulate.conditions import Conditions, conditions
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import PARAMETERS, BackgroundParameters, DensityParameters

if TYPE_CHECKING:
    from trainer.indices import Indices


def half_orbit_conditions(half_orbit: Pass, indices: Indices | None = None) -> Conditions:
    """Conditions in the middle of a half-orbit, which serve for all of it."""
    return conditions(half_orbit.time[len(half_orbit.time) // 2], indices)


def dipole_latitude(half_orbit: Pass) -> Floats:
    """Latitude in the centred dipole in degrees, (n,)."""
    axis = geometry.dipole_axes(half_orbit.time[0])[2]
    place = geometry.unit_vector(half_orbit.latitude, half_orbit.longitude)
    return np.rad2deg(np.arcsin(place @ axis))


def daylight(half_orbit: Pass) -> Floats:
    """Share of daylight, (n,): 0 at night, 1 by day, smooth about the terminator."""
    cosine = geometry.cos_solar_zenith(half_orbit.time, half_orbit.latitude, half_orbit.longitude)
    return 1.0 / (1.0 + np.exp(-cosine / 0.15))


def mean_plasma(
    half_orbit: Pass,
    parameters: BackgroundParameters | None = None,
    indices: Indices | None = None,
) -> Floats:
    """Mean of the plasma observables.

    Parameters
    ----------
    half_orbit : Pass
        Times and places.
    parameters : BackgroundParameters, optional
        By default those of the mission.
    indices : Indices, optional
        Kp and F10.7; by default the solar cycle alone, and Kp = 2.

    Returns
    -------
    (n, 4) float64
        Columns of :data:`~trainer.simulate.parameters.PLASMA`.

    Notes
    -----
    A caricature with the right structure: equatorial anomaly with two crests at 15 degrees of
    dipole latitude by day and one hump at night (Appleton 1946), mid-latitude trough at night
    that comes down with Kp (Muldrew 1965; Koehnlein and Raitt 1977), wavenumber-four longitude
    pattern (Immel et al. 2006), annual and semiannual variation, solar flux, storms with a
    positive phase at middle latitudes and a negative one towards the poles (Fuller-Rowell et
    al. 1994), and Te falling where Ne rises. Levels are held against PyIRI by
    ``tests/oracles/iri.py``.
    """
    p = parameters or PARAMETERS[half_orbit.mission]
    at = half_orbit_conditions(half_orbit, indices)
    return plasma_at(half_orbit, dipole_latitude(half_orbit), p, at)


def plasma_at(
    half_orbit: Pass, magnetic: Floats, p: BackgroundParameters, at: Conditions
) -> Floats:
    """Mean of the plasma observables under given conditions.

    Parameters
    ----------
    half_orbit : Pass
    magnetic : (n,) float64
        Dipole latitude, degrees.
    p : BackgroundParameters
    at : Conditions

    Returns
    -------
    (n, 4) float64
    """
    day = daylight(half_orbit)
    night = 1.0 - day
    distance = np.abs(magnetic)
    sides = [_density(half_orbit, magnetic, side, at) for side in (p.night, p.day)]
    pattern = night * sides[0][0] + day * sides[1][0]
    flux = night * sides[0][1] + day * sides[1][1]
    pole = np.clip((distance - 20.0) / 40.0, 0.0, 1.0)
    middle = np.exp(-(((distance - 35.0) / 15.0) ** 2))
    pattern += p.storm_positive * at.storm * middle - p.storm_negative * at.aftermath * pole
    log10_ne = p.night.level * night + p.day.level * day + pattern + flux
    te = (p.night_te_k + p.day_te_k * day) * 10.0 ** (p.te_exponent * pattern)
    te += 250.0 * np.clip((distance - 50.0) / 15.0, 0.0, 1.0) + p.storm_te_k * at.storm * pole
    # At night light ions come down along the field lines of middle latitudes.
    hump = np.exp(-((magnetic / p.night.hump_deg) ** 2))
    share = p.o_plus_fraction - 0.10 * night * (1.0 - hump)
    ti = p.night_ti_k + p.day_ti_k * day + 80.0 * np.sin(np.deg2rad(magnetic)) ** 2
    return np.stack([log10_ne, te, log10_ne + np.log10(share), ti], axis=-1)


def _density(
    half_orbit: Pass, magnetic: Floats, side: DensityParameters, at: Conditions
) -> tuple[Floats, Floats]:
    """Rise of log10 Ne above its level on one side: the pattern in place and season, and flux."""
    longitude = half_orbit.longitude
    year = geometry.days_since_j2000(half_orbit.time[:1])[0] / 365.25
    flux = np.log10(at.flux / 100.0)
    distance = np.abs(magnetic)
    hump = np.exp(-((magnetic / side.hump_deg) ** 2))
    # The real magnetic equator winds about that of the dipole.
    tilt = np.tanh(magnetic / 10.0) * np.cos(np.deg2rad(longitude - 60.0))
    crests = np.exp(-(((distance - 15.0) / 8.0) ** 2))
    trough = np.exp(-(((distance - (64.0 - 2.0 * at.kp)) / 5.0) ** 2))
    summer = -np.cos(2.0 * np.pi * year) * np.tanh(half_orbit.latitude / 20.0)
    wave = np.cos(np.deg2rad(4.0 * longitude - 40.0))
    pattern = (
        hump * (side.hump + side.tilt * tilt + side.wave * wave)
        + side.crests * crests
        - side.trough * trough
        + (side.annual + side.annual_flux * flux) * summer
        + side.semiannual * np.cos(4.0 * np.pi * (year - 0.25))
        + side.december * np.cos(2.0 * np.pi * year)
    )
    return pattern, flux * (side.flux + side.flux_hump * hump)
