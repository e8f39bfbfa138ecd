"""The state of Sun and magnetosphere that the simulated ionosphere answers to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.simulate import geometry
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import PARAMETERS, BackgroundParameters, DensityParameters

if TYPE_CHECKING:
    from trainer.inputs.indices import Indices

#: What is taken where Kp is unknown: its median over the years.
QUIET_KP = 2.0
#: Storms count by what Kp has above this.
STORM_KP = 3.0
#: Hours over which Kp is remembered.
_MEMORY_H = 120.0
_STEP_H = 3.0
#: Extremes of the solar cycles: year and smoothed F10.7 in solar flux units. Those of
#: 2008.9, 2014.3 and 2019.9 are the observed ones, their neighbours rounded.
SOLAR_CYCLE = (
    (1996.6, 70.0),
    (2001.9, 190.0),
    (2008.9, 68.0),
    (2014.3, 146.0),
    (2019.9, 69.0),
    (2024.6, 190.0),
    (2030.8, 68.0),
)


@dataclass(frozen=True)
class Conditions:
    """Solar flux and geomagnetic activity at one time.

    Parameters
    ----------
    flux : float
        Mean of the daily F10.7 and of its 81-day centred mean, solar flux units: the proxy of
        Richards et al. (1994), doi:10.1029/94JA00518.
    kp : float
        Mean Kp of the present interval of 3 hours and the one before.
    storm, aftermath : float
        Excess of Kp over 3, remembered for hours (the positive phase) and for days (the
        negative one). Kp constant at 4 gives 1 for both.
    """

    flux: float
    kp: float
    storm: float
    aftermath: float


def solar_cycle(time: np.datetime64) -> float:
    """Smoothed F10.7 of the solar cycles alone: a power of a cosine between extremes."""
    year = 2000.0 + float(geometry.days_since_j2000(np.asarray(time))) / 365.25
    years, values = np.array(SOLAR_CYCLE).T
    at = int(np.clip(np.searchsorted(years, year) - 1, 0, len(years) - 2))
    share = np.clip((year - years[at]) / (years[at + 1] - years[at]), 0.0, 1.0)
    low, high = sorted(values[at : at + 2])
    height = 0.5 - 0.5 * np.cos(np.pi * (share if values[at] == low else 1.0 - share))
    return float(low + height**1.5 * (high - low))


def conditions(time: np.datetime64, indices: Indices | None = None) -> Conditions:
    """Conditions at a time.

    Parameters
    ----------
    time : datetime64
        UTC.
    indices : Indices, optional
        Kp and F10.7. Without them, and where they are unknown, the solar cycle and Kp = 2.

    Notes
    -----
    The answer to Kp is a difference of two exponentials, so that it comes late and fades:
    3 and 9 hours for the positive phase, 9 and 30 hours for the negative one, as in the storm
    patterns of Fuller-Rowell et al. (1994), doi:10.1029/93JA02015.
    """
    if indices is None:
        return Conditions(solar_cycle(time), QUIET_KP, 0.0, 0.0)
    time = np.datetime64(time, "ms")
    last = int(np.searchsorted(indices.time, time, side="right"))
    first = max(0, last - int(_MEMORY_H / _STEP_H))
    begin = indices.time[first:last]
    age = (time - begin) / np.timedelta64(3_600_000, "ms")
    known = (age < _MEMORY_H) & np.isfinite(indices.kp[first:last])
    kp = np.where(known, indices.kp[first:last], QUIET_KP)
    recent = age < 6.0
    excess = np.maximum(kp - STORM_KP, 0.0)
    daily = float(indices.f107[last - 1]) if last and age[-1] < 24.0 else np.nan
    mean = float(indices.f107_at(np.array([time]))[0])
    cycle = solar_cycle(time)
    mean = mean if np.isfinite(mean) else cycle
    return Conditions(
        0.5 * (mean + (daily if np.isfinite(daily) else mean)),
        float(kp[recent].mean()) if recent.any() else QUIET_KP,
        _answer(excess, age, 3.0, 9.0),
        _answer(excess, age, 9.0, 30.0),
    )


def _answer(excess: Floats, age_h: Floats, rise_h: float, fall_h: float) -> float:
    """Delayed answer to Kp; 1 for a constant excess of 1."""
    weight = np.exp(-age_h / fall_h) - np.exp(-age_h / rise_h)
    return float(np.sum(excess * weight) * _STEP_H / (fall_h - rise_h))


def half_orbit_conditions(half_orbit: Pass, indices: Indices | None = None) -> Conditions:
    """Conditions in the middle of a half-orbit, which serve for all of it."""
    return conditions(half_orbit.time[len(half_orbit.time) // 2], indices)


def track_dipole_latitude(half_orbit: Pass) -> Floats:
    """Latitude in the centred dipole in degrees, (n,)."""
    axis = geometry.dipole_axes(half_orbit.time[0])[2]
    place = geometry.unit_vector(half_orbit.latitude, half_orbit.longitude)
    result: Floats = np.rad2deg(np.arcsin(place @ axis))
    return result


def daylight(half_orbit: Pass) -> Floats:
    """Share of daylight, (n,): 0 at night, 1 by day, smooth about the terminator."""
    cosine = geometry.cos_solar_zenith(half_orbit.time, half_orbit.latitude, half_orbit.longitude)
    result: Floats = 1.0 / (1.0 + np.exp(-cosine / 0.15))
    return result


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
    return plasma_at(half_orbit, track_dipole_latitude(half_orbit), p, at)


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
