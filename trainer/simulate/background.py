"""Simulated background: plasma and magnetic field along a half-orbit, without any precursor.

The mean is smooth in dipole latitude, local time, season and longitude; around it every
half-orbit has an offset, noise correlated along the track and white payload noise. The second
moments are known in closed form (:func:`residual_covariance`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.simulate import geometry
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass

#: Plasma observables, in the order of every (..., 4) array here, and their units.
PLASMA = ("log10_ne", "te", "log10_o_plus", "ti")
#: Temperatures are kept above this value, K.
_COLDEST_K = 300.0


@dataclass(frozen=True)
class BackgroundParameters:
    """Parameters of the simulated background.

    The rows of four follow :data:`PLASMA`: log10 Ne (m^-3), Te (K), log10 O+ (m^-3), Ti (K).

    Parameters
    ----------
    base_log10_ne : float
        log10 Ne at night, in the middle of the season, off the anomaly.
    day_log10_ne : float
        Added in full daylight.
    night_te_k, day_te_k, night_ti_k, day_ti_k : float
        Electron and ion temperature at `base_log10_ne`, and what daylight adds to them.
    te_exponent : float
        Te goes with this power of Ne about its mean.
    o_plus_fraction : float
        Share of O+ in the ions at the night equator; H+ and He+ have the rest, 3 : 1.
    offset_sigma, track_sigma, white_sigma : tuple of 4 float
        Standard deviation of the offset of a half-orbit, of the first-order autoregressive
        noise along the track, and of the white payload noise of one sample.
    track_time_s : float
        Correlation time of the track noise, seconds.
    te_correlation, o_plus_correlation, ti_correlation : float
        Correlation of those observables with log10 Ne, in offset and in track noise.
    field_slow_nt, field_slow_time_s : float
        Standard deviation and time scale of slow noise of each field component, nT and s.
    field_white_nt : float
        Median of the white noise of each field component at low latitude, nT. The quiet part of
        the one real half-orbit at hand has 0.02-0.04 nT about a cubic over 60 s.
    field_log10_offset, field_log10_track : float
        Standard deviation of log10 of that noise's strength: by half-orbit, and along the track.
    auroral_latitude_deg, auroral_scale_deg : float
        Magnetic noise grows as exp((|dipole latitude| - auroral) / scale) beyond that latitude.
    """

    base_log10_ne: float = 10.60
    day_log10_ne: float = 0.60
    night_te_k: float = 1150.0
    day_te_k: float = 900.0
    night_ti_k: float = 950.0
    day_ti_k: float = 250.0
    te_exponent: float = -0.22
    o_plus_fraction: float = 0.93
    offset_sigma: tuple[float, float, float, float] = (0.08, 60.0, 0.08, 40.0)
    track_sigma: tuple[float, float, float, float] = (0.06, 50.0, 0.06, 30.0)
    white_sigma: tuple[float, float, float, float] = (0.01, 15.0, 0.015, 10.0)
    track_time_s: float = 90.0
    te_correlation: float = -0.6
    o_plus_correlation: float = 0.9
    ti_correlation: float = -0.2
    field_slow_nt: float = 1.0
    field_slow_time_s: float = 240.0
    field_white_nt: float = 0.02
    field_log10_offset: float = 0.08
    field_log10_track: float = 0.06
    auroral_latitude_deg: float = 55.0
    auroral_scale_deg: float = 4.0

    @property
    def sigma(self) -> Floats:
        """Standard deviation of each plasma observable about its mean, (4,)."""
        return np.sqrt(
            np.square(self.offset_sigma) + np.square(self.track_sigma) + np.square(self.white_sigma)
        )

    @property
    def b_rms_sigma(self) -> float:
        """Standard deviation of log10 of the strength of the magnetic noise."""
        return float(np.hypot(self.field_log10_offset, self.field_log10_track))

    @property
    def mixing(self) -> Floats:
        """Lower triangular (4, 4) factor of the correlation of the plasma observables."""
        lower = np.eye(4)
        for row, rho in enumerate(
            (self.te_correlation, self.o_plus_correlation, self.ti_correlation), start=1
        ):
            lower[row, 0], lower[row, row] = rho, np.sqrt(1.0 - rho**2)
        return lower


#: CSES-01 at ~507 km, 02 and 14 h; DEMETER at 710 and 660 km, 22:30 and 10:30 h.
PARAMETERS = {
    "cses": BackgroundParameters(),
    "demeter": BackgroundParameters(
        base_log10_ne=10.40, night_te_k=1250.0, night_ti_k=1000.0, o_plus_fraction=0.80
    ),
}


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
    """

    plasma: Floats
    ions: Floats
    field: Floats | None
    field_noise: Floats | None


def mean_plasma(half_orbit: Pass, parameters: BackgroundParameters | None = None) -> Floats:
    """Mean of the plasma observables.

    Parameters
    ----------
    half_orbit : Pass
        Times and places.
    parameters : BackgroundParameters, optional
        By default those of the mission.

    Returns
    -------
    (n, 4) float64
        Columns of :data:`PLASMA`.

    Notes
    -----
    A caricature with the right structure: equatorial anomaly with two crests at 15 degrees of
    dipole latitude by day and one hump at night (Appleton 1946), mid-latitude trough at night
    (Muldrew 1965), wavenumber-four longitude pattern (Immel et al. 2006), annual and semiannual
    variation, an 11-year cycle with its maximum in 2014.3, and Te falling where Ne rises.
    """
    p = parameters or PARAMETERS[half_orbit.mission]
    time, latitude, longitude = half_orbit.time, half_orbit.latitude, half_orbit.longitude
    magnetic = dipole_latitude(half_orbit)
    daylight = 1.0 / (1.0 + np.exp(-geometry.cos_solar_zenith(time, latitude, longitude) / 0.15))
    year = 2000.0 + geometry.days_since_j2000(time) / 365.25
    crests = np.exp(-(((np.abs(magnetic) - 15.0) / 8.0) ** 2))
    hump = np.exp(-((magnetic / 28.0) ** 2))
    trough = np.exp(-(((np.abs(magnetic) - 60.0) / 5.0) ** 2))
    log10_ne = (
        p.base_log10_ne
        + p.day_log10_ne * daylight
        + daylight * (0.20 * hump + 0.18 * crests)
        + (1.0 - daylight) * (0.40 * hump - 0.25 * trough)
        + 0.05 * np.cos(4.0 * np.pi * (year - 0.25))
        - 0.08 * np.cos(2.0 * np.pi * year) * np.sin(np.deg2rad(latitude))
        + 0.06 * np.cos(np.deg2rad(4.0 * longitude - 40.0)) * hump
        + 0.12 * np.cos(2.0 * np.pi * (year - 2014.3) / 11.0)
    )
    relative = log10_ne - p.base_log10_ne - p.day_log10_ne * daylight
    te = (p.night_te_k + p.day_te_k * daylight) * 10.0 ** (p.te_exponent * relative)
    te += 250.0 * np.clip((np.abs(magnetic) - 50.0) / 15.0, 0.0, 1.0)
    # At night light ions come down along the field lines of middle latitudes.
    share = p.o_plus_fraction - 0.10 * (1.0 - daylight) * (1.0 - hump)
    ti = p.night_ti_k + p.day_ti_k * daylight + 80.0 * np.sin(np.deg2rad(magnetic)) ** 2
    return np.stack([log10_ne, te, log10_ne + np.log10(share), ti], axis=-1)


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
    """
    lag = np.abs(np.asarray(lag_s, np.float64))[:, None, None]
    correlation = parameters.mixing @ parameters.mixing.T
    offset, track = (
        correlation * np.outer(s, s) for s in (parameters.offset_sigma, parameters.track_sigma)
    )
    white = np.diag(np.square(parameters.white_sigma))
    return offset + track * np.exp(-lag / parameters.track_time_s) + white * (lag == 0.0)


def background(
    half_orbit: Pass,
    seed: np.random.SeedSequence,
    magnetic: bool = True,
    parameters: BackgroundParameters | None = None,
) -> Background:
    """Draw the background of one half-orbit.

    Parameters
    ----------
    half_orbit : Pass
        Times and places, (n,).
    seed : SeedSequence
        All randomness comes from it.
    magnetic : bool
        Whether to draw the magnetic field too; the plasma is the same without it.
    parameters : BackgroundParameters, optional
        By default those of the mission.

    Returns
    -------
    Background
    """
    p = parameters or PARAMETERS[half_orbit.mission]
    n = len(half_orbit.time)
    plasma_rng, field_rng = (np.random.Generator(np.random.PCG64(s)) for s in seed.spawn(2))
    mean = mean_plasma(half_orbit, p)
    offset = plasma_rng.standard_normal(4) @ p.mixing.T * p.offset_sigma
    track = autoregressive(n, 4, p.track_time_s, plasma_rng) @ p.mixing.T * p.track_sigma
    white = plasma_rng.standard_normal((n, 4)) * p.white_sigma
    plasma = mean + offset + track + white
    # Contiguous columns: see geometry.latitude_longitude.
    log10_ne, log10_o_plus = np.ascontiguousarray(mean.T[[0, 2]])
    light = (10.0**log10_ne - 10.0**log10_o_plus) * 10.0 ** (plasma[:, 0] - log10_ne)
    ions = light[:, None] * (0.75, 0.25)
    plasma[:, (1, 3)] = np.maximum(plasma[:, (1, 3)], _COLDEST_K)
    if not magnetic:
        return Background(plasma, ions, None, None)
    field, noise = _field(half_orbit, p, field_rng)
    return Background(plasma, ions, field, noise)


def dipole_latitude(half_orbit: Pass) -> Floats:
    """Latitude in the centred dipole in degrees, (n,)."""
    axis = geometry.dipole_axes(half_orbit.time[0])[2]
    place = geometry.unit_vector(half_orbit.latitude, half_orbit.longitude)
    return np.rad2deg(np.arcsin(place @ axis))


def autoregressive(n: int, columns: int, time_s: float, rng: np.random.Generator) -> Floats:
    """First-order autoregressive noise of unit variance, stationary from the first sample.

    Parameters
    ----------
    n : int
        Samples at 1 s; less than 500 times `time_s`.
    columns : int
        Independent series.
    time_s : float
        Correlation time, seconds.
    rng : Generator

    Returns
    -------
    (n, columns) float64
    """
    phi = np.exp(-1.0 / time_s)
    shocks = rng.standard_normal((n, columns)) * np.sqrt(1.0 - phi**2)
    shocks[0] /= np.sqrt(1.0 - phi**2)
    return _filter(shocks, time_s)


def _filter(shocks: Floats, time_s: float) -> Floats:
    """Recursive filter ``x[k] = exp(-1/time) x[k-1] + shocks[k]`` as a scaled running sum."""
    scale = np.exp(np.arange(len(shocks)) / time_s)[:, None]
    return np.cumsum(shocks * scale, axis=0) / scale


def _field(
    half_orbit: Pass, p: BackgroundParameters, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Dipole field with noise, north-east-down, and the median strength of its white noise."""
    n = len(half_orbit.time)
    latitude, longitude = half_orbit.latitude, half_orbit.longitude
    field = geometry.north_east_down(
        latitude,
        longitude,
        geometry.dipole_field(
            geometry.unit_vector(latitude, longitude), half_orbit.radius_km, half_orbit.time[0]
        ),
    )
    beyond = np.abs(dipole_latitude(half_orbit)) - p.auroral_latitude_deg
    growth = np.exp(np.clip(beyond / p.auroral_scale_deg, 0.0, 4.0))
    strength = p.field_white_nt * growth
    # Filtered twice, so that the slow noise is smooth over a minute, as in the real field; what
    # comes before the first sample lets it settle.
    before = int(3.0 * p.field_slow_time_s)
    slow = _filter(autoregressive(before + n, 3, p.field_slow_time_s, rng), p.field_slow_time_s)
    phi2 = np.exp(-2.0 / p.field_slow_time_s)
    slow = slow[before:] * p.field_slow_nt * (1.0 - phi2) / np.sqrt(1.0 + phi2)
    vary = (
        p.field_log10_offset * rng.standard_normal()
        + p.field_log10_track * (autoregressive(n, 1, p.track_time_s, rng)[:, 0])
    )
    white = rng.standard_normal((n, 3)) * (strength * 10.0**vary)[:, None]
    return field + slow * np.sqrt(growth)[:, None] + white, strength
