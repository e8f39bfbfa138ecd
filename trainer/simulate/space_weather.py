"""Simulated Kp and F10.7: storms, recurrence and a solar cycle with its real phase.

No value is an observation, although the phase and the height of the solar cycle are the real
ones, so that missions of real years see their quiet and their active Sun. Each day has random
streams of its own, and everything that reaches over days has a finite memory: two ranges agree
on the days that they share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.arrays import AnyArray
from trainer.simulate.environment import solar_cycle
from trainer.simulate.geometry import Floats

if TYPE_CHECKING:
    from trainer.inputs.indices import Indices

#: Purpose of the random streams.
_PURPOSE = 0x5AC
#: Intervals of Kp in a day.
_EIGHT = 8
#: Synodic rotation of the Sun, days.
ROTATION_DAYS = 27.27
#: Fewest and most returns of a stream from a coronal hole.
_RETURNS = (2, 9)
#: Days before the first one whose streams can still matter.
_MEMORY_DAYS = 290
#: Days over which an active longitude of the Sun fades, and after which it is forgotten.
_FADES_DAYS, _FORGOTTEN_DAYS = 60.0, 240


@dataclass(frozen=True, kw_only=True)
class SpaceWeatherParameters:
    """Parameters of the simulated indices.

    Parameters
    ----------
    quiet_kp, quiet_sigma, quiet_time_h : float
        Mean, standard deviation and correlation time of Kp between storms.
    eruptions : float
        Storms by eruptions a day at F10.7 of 100; the rate goes with F10.7 - 60.
    holes : float
        New coronal holes a day, each with streams that return with the Sun's rotation.
    eruption_kp, hole_kp : float
        Mean rise of Kp at the peak of either storm; exponential and gamma-distributed.
    rise_h, recovery_days : tuple of float
        Shortest and longest rise (hours) and time of recovery (days; it falls to a third).
    modulation, flicker : float
        Standard deviation of log(F10.7 - 64) by active longitudes (27 days), and by day.
    """

    quiet_kp: float = 0.85
    quiet_sigma: float = 0.8
    quiet_time_h: float = 9.0
    eruptions: float = 0.05
    holes: float = 0.035
    eruption_kp: float = 2.8
    hole_kp: float = 2.4
    rise_h: tuple[float, float] = (3.0, 9.0)
    recovery_days: tuple[float, float] = (0.6, 1.8)
    modulation: float = 0.30
    flicker: float = 0.05


PARAMETERS = SpaceWeatherParameters()


def simulate_indices(
    start: np.datetime64,
    end: np.datetime64,
    seed: int,
    parameters: SpaceWeatherParameters = PARAMETERS,
) -> Indices:
    """Draw Kp and F10.7 for whole days.

    Parameters
    ----------
    start, end : datetime64
        Whole days [start, end), UTC.
    seed : int
        Not negative.
    parameters : SpaceWeatherParameters

    Returns
    -------
    Indices
        Kp in thirds of 0..9, a value for each 3 hours; F10.7 with one decimal for each day.
        Its name says that it is simulated.

    Raises
    ------
    ValueError
        If `end` does not come after `start`, or the seed is negative.
    """
    from trainer.inputs.indices import make_indices

    first, last = np.datetime64(start, "D"), np.datetime64(end, "D")
    if not first < last:
        raise ValueError(f"start {first} of the indices must come before their end {last}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    days = np.arange(first - np.timedelta64(_MEMORY_DAYS, "D"), last)
    count = int((last - first).astype(np.int64))
    draws = [_one_day(int(day.astype(np.int64)), seed) for day in days]
    cycle = np.array([solar_cycle(day) for day in days])
    f107 = _flux(days, cycle, draws, parameters)[-count:]
    kp = _kp(cycle, draws, parameters)[-count * _EIGHT :]
    return make_indices(f"simulated, seed {seed}", days[-count:], kp.reshape(-1, _EIGHT), f107)


@dataclass(frozen=True)
class _Day:
    """Random numbers of one day: Gaussian ones of Kp and flux, uniform ones of storms."""

    kp: Floats
    flux: Floats
    eruption: Floats
    hole: Floats
    returns: Floats


def _one_day(number: int, seed: int) -> _Day:
    rng = np.random.default_rng([seed, _PURPOSE, number])
    return _Day(
        rng.standard_normal(_EIGHT),
        rng.standard_normal(3),
        rng.random(5),
        rng.random(4),
        rng.random((_RETURNS[1] + 1, 3)),
    )


def _flux(days: AnyArray, cycle: Floats, draws: list[_Day], p: SpaceWeatherParameters) -> Floats:
    """F10.7: the cycle, times an active longitude that turns with the Sun and slowly fades."""
    shocks = np.array([d.flux for d in draws])
    reach = np.arange(_FORGOTTEN_DAYS)
    kernel = np.exp(-0.5 * ((reach - _FORGOTTEN_DAYS / 2) / (_FADES_DAYS / 1.5)) ** 2)
    kernel /= np.sqrt(np.sum(kernel**2))
    slow = np.stack([np.convolve(shocks[:, k], kernel)[: len(days)] for k in (0, 1)])
    phase = 2.0 * np.pi * (days.astype(np.int64) % 1_000_000) / ROTATION_DAYS
    turning = slow[0] * np.cos(phase) + slow[1] * np.sin(phase)
    log = p.modulation * turning + p.flicker * shocks[:, 2]
    spread = 0.5 * (p.modulation**2 + p.flicker**2)
    result: Floats = np.round(64.0 + (cycle - 64.0) * np.exp(log - spread), 1)
    return result


def _kp(cycle: Floats, draws: list[_Day], p: SpaceWeatherParameters) -> Floats:
    """Kp in steps of 3 h, rounded to thirds."""
    n = len(draws) * _EIGHT
    shocks = np.concatenate([d.kp for d in draws])
    phi = np.exp(-3.0 / p.quiet_time_h)
    kernel = phi ** np.arange(int(4.0 * p.quiet_time_h))
    kernel /= np.sqrt(np.sum(kernel**2))
    kp = p.quiet_kp + p.quiet_sigma * np.convolve(shocks, kernel)[:n]
    for day, draw in enumerate(draws):
        u = draw.eruption
        if u[0] < p.eruptions * (cycle[day] - 60.0) / 40.0:
            _storm(kp, day + u[1], -p.eruption_kp * np.log(1.0 - u[2]), u[3:5], p)
        u = draw.hole
        if u[0] < p.holes:
            returns = _RETURNS[0] + int(u[2] * (_RETURNS[1] - _RETURNS[0] + 1))
            for turn in range(returns):
                v = draw.returns[turn]
                # About the hole's own strength; the streams come within a day of their time.
                peak = p.hole_kp * (0.5 + u[3]) * (0.6 + 0.8 * v[0])
                _storm(kp, day + u[1] + ROTATION_DAYS * turn + v[1] - 0.5, peak, v[1:3], p)
    result: Floats = np.round(3.0 * np.clip(kp, 0.0, 9.0)) / 3.0
    return result


def _storm(kp: Floats, begin: float, peak: float, u: Floats, p: SpaceWeatherParameters) -> None:
    """Add one storm that begins at a time in days."""
    rise = (p.rise_h[0] + u[0] * (p.rise_h[1] - p.rise_h[0])) / 24.0
    recovery = p.recovery_days[0] + u[1] * (p.recovery_days[1] - p.recovery_days[0])
    first = int(np.ceil(begin * _EIGHT))
    # After six times of recovery less than a hundredth is left.
    steps = np.arange(max(first, 0), min(first + int(6.0 * recovery * _EIGHT), len(kp)))
    after = steps / _EIGHT - begin
    fall = np.exp(-np.maximum(after - rise, 0.0) / recovery)
    kp[steps] += peak * np.minimum(after / rise, 1.0) * fall
