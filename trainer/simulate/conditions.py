"""The state of Sun and magnetosphere that the simulated ionosphere answers to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.simulate import geometry
from trainer.simulate.geometry import Floats

if TYPE_CHECKING:
    from trainer.indices import Indices

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

    Returns
    -------
    Conditions

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
