"""Mean and covariance of the simulated background on the cells of the grid.

In units of the profiles: log10 of cm^-3, K, log10 nT, log10 of power. A cell is the mean of its
samples, so its white noise falls with their number and its track noise is averaged over them;
where the samples lie within the cell is not known and taken as even. An interpolated cell is a
weighted mean of its neighbours and holds nothing of its own.

``b_rms`` is log10 of an RMS about a cubic over 60 s. Its moments are derived, but for one constant
that was calibrated by simulation (`_FIT_NUGGET`): log10 of the noise's strength averaged over the
60 s, beside the scatter of an RMS of 60 samples less the four of the cubic, of which neighbouring
cells share a triangular part. Tests hold both against simulations. It is nearly, not exactly,
normal.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.grid import Grid
from edge.observables import B_RMS_SPAN_S, FULL, GRID_STEP_S, MissionName, Profile
from trainer.simulate.background import residual_covariance, track_dipole_latitude, wave_covariance
from trainer.simulate.environment import Conditions, conditions, plasma_at
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import BackgroundParameters
from trainer.simulate.waves import band_means

if TYPE_CHECKING:
    from trainer.inputs.indices import Indices

#: Densities are simulated in m^-3; the profiles have cm^-3.
_LOG10_CM3 = -6.0
_PLASMA = {"log_ne": 0, "te": 1, "log_o": 2, "ti": 3}
_B_RMS = FULL.names.index("b_rms")
_WAVES = _B_RMS + 1
# Samples of the magnetometer in a fit, and what the cubic takes.
_FIT_SAMPLES, _FIT_PARAMETERS = int(B_RMS_SPAN_S), 4
_LN10 = float(np.log(10.0))
# What the cubic adds to the scatter between neighbouring cells: calibrated once on 2602 windows
# of 20 simulated days of seed 1. Chi-square a degree of freedom is 1.34 without it, 1.10 with
# 2e-5 and 0.96 with 4e-5.
_FIT_NUGGET = 3e-5


def columns_of(profile: Profile) -> NDArray[np.int64]:
    """Places of a profile's observables in the profile `full`, (F,)."""
    return np.array([FULL.names.index(name) for name in profile.names])


def track_of(grid: Grid, mission: MissionName, rows: NDArray[np.int64] | None = None) -> Pass:
    """Make a track of the cells of a grid, as the background's mean takes it.

    Parameters
    ----------
    grid : Grid
        N cells.
    mission : {"cses", "demeter"}
    rows : (k,) int64, optional
        Cells to take; all by default.

    Returns
    -------
    Pass
        At the cells' centres; its orbit number is 0, its direction that of the night.
    """
    at = slice(None) if rows is None else rows
    return Pass(
        mission=mission,
        orbit=0,
        direction=1,
        time=grid.time[at],
        latitude=np.ascontiguousarray(grid.latitude[at], np.float64),
        longitude=np.ascontiguousarray(grid.longitude[at], np.float64),
        altitude_km=np.ascontiguousarray(grid.altitude[at], np.float64),
    )


def middle_conditions(track: Pass, indices: Indices | None) -> Conditions:
    """Conditions of a half-orbit, of which the track may be a part.

    The simulator takes those of the half-orbit's middle, which is near the equator: the cell
    nearest to it stands for it.
    """
    return conditions(track.time[int(np.argmin(np.abs(track.latitude)))], indices)


def cell_mean(
    track: Pass, parameters: BackgroundParameters, at: Conditions, profile: Profile
) -> Floats:
    """Mean of the observables in cells.

    Parameters
    ----------
    track : Pass
        At the centres of N cells.
    parameters : BackgroundParameters
        Of the mission.
    at : Conditions
        Of the half-orbit.
    profile : Profile
        F observables.

    Returns
    -------
    (N, F) float64
        In the units of the profile; without bubbles.
    """
    magnetic = track_dipole_latitude(track)
    full = np.zeros((len(track.time), len(FULL.names)))
    full[:, :4] = plasma_at(track, magnetic, parameters, at)
    full[:, (0, 2)] += _LOG10_CM3
    # ln of a mean of squares of n normal values lies about 1/n below that of its mean.
    degrees = _FIT_SAMPLES - _FIT_PARAMETERS
    bias = 0.5 * (np.log10(degrees / _FIT_SAMPLES) - 1.0 / (degrees * _LN10))
    full[:, _B_RMS] = np.log10(noise_strength(magnetic, parameters, at)) + bias
    full[:, _WAVES:] = band_means(track, magnetic, parameters, at)
    return full[:, columns_of(profile)]


def noise_strength(magnetic: Floats, p: BackgroundParameters, at: Conditions) -> Floats:
    """Median strength of the noise of one field component, nT.

    Parameters
    ----------
    magnetic : (n,) float64
        Dipole latitude, degrees.
    p : BackgroundParameters
    at : Conditions

    Returns
    -------
    (n,) float64
        As `Background.field_noise`.
    """
    auroral = p.auroral_latitude_deg - p.auroral_shift_deg * (at.kp - 2.0)
    beyond = (np.abs(magnetic) - auroral) / p.auroral_scale_deg
    return np.asarray(p.field_white_nt * np.exp(np.clip(beyond, 0.0, 4.0)))


def window_covariance(
    parameters: BackgroundParameters, profile: Profile, samples: NDArray[np.int64]
) -> Floats:
    """Covariance of the values of a window about their mean.

    Parameters
    ----------
    parameters : BackgroundParameters
        Of the mission.
    profile : Profile
        F observables.
    samples : (L, F) int64
        Raw samples in each cell; 0 where there is none, as in an interpolated cell.

    Returns
    -------
    (m, m) float64
        Of the m cells with samples, in C order of `samples`.
    """
    row, column = np.nonzero(samples > 0)
    number = samples[row, column]
    observable = columns_of(profile)[column]
    length = samples.shape[0]
    lag = row[:, None] - row
    result = np.zeros((row.size, row.size))
    for group, table in ((observable < 4, 0), (observable >= _WAVES, _WAVES)):
        for one in np.unique(number[group]):
            for two in np.unique(number[group]):
                place = np.ix_(
                    np.flatnonzero(group & (number == one)), np.flatnonzero(group & (number == two))
                )
                kernel = _kernel(parameters, table, int(one), int(two), length)
                result[place] = kernel[
                    lag[place] + length - 1,
                    (observable[place[0]] - table),
                    (observable[place[1]] - table),
                ]
    place = np.ix_(*[np.flatnonzero(observable == _B_RMS)] * 2)
    result[place] = _rms_kernel(parameters, length)[lag[place] + length - 1]
    return result


@lru_cache(maxsize=128)
def _kernel(
    parameters: BackgroundParameters, table: int, one: int, two: int, length: int
) -> Floats:
    """Covariance of the means of `one` and `two` samples, (2 length - 1, k, k) by lag in cells."""
    function = wave_covariance if table else residual_covariance
    apart = np.subtract.outer(_offsets(one), _offsets(two)).ravel()
    lags = GRID_STEP_S * np.arange(1 - length, length)[:, None] + apart
    # Where both are the same samples of the same cell their lag is exactly 0: the white part.
    full = function(parameters, lags.ravel())
    result: Floats = full.reshape(2 * length - 1, apart.size, *full.shape[1:]).mean(axis=1)
    return result


def _offsets(samples: int) -> Floats:
    """Give the times of evenly spread samples of a cell, from its centre, seconds."""
    return (np.arange(samples) - 0.5 * (samples - 1)) * (GRID_STEP_S / samples)


@lru_cache(maxsize=8)
def _rms_kernel(parameters: BackgroundParameters, length: int) -> Floats:
    """Autocovariance of ``b_rms``, (2 length - 1,) by lag in cells."""
    p = parameters
    lag = GRID_STEP_S * np.abs(np.arange(1 - length, length))
    within = np.arange(0.5, B_RMS_SPAN_S)
    apart = np.subtract.outer(within, within).ravel()
    track = np.exp(-np.abs(lag[:, None] + apart) / p.track_time_s).mean(axis=1)
    scatter = 0.5 / (_FIT_SAMPLES - _FIT_PARAMETERS) / _LN10**2
    shared = np.clip(1.0 - lag / B_RMS_SPAN_S, 0.0, 1.0)
    return np.asarray(
        p.field_log10_offset**2
        + p.field_log10_track**2 * track
        + scatter * shared
        + _FIT_NUGGET * (lag == 0)
    )
