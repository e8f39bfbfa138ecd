"""Alarms, the threshold that keeps to a rate of them, and what it costs in the stream."""

from __future__ import annotations

import numpy as np

from edge.arrays import BoolArray, FloatArray
from edge.bundle import OperatingPoint
from trainer.datasets.labels import POSITIVE
from trainer.datasets.windows import Windows
from trainer.errors import TrainError

#: More thresholds than an int8 output has levels are not tried.
_MOST_LEVELS = 512


def alarm_starts(over: BoolArray, windows: Windows) -> BoolArray:
    """Mark the first window of each alarm, shape (n,)."""
    joined = np.zeros(over.size, dtype=np.bool_)
    joined[1:] = (
        over[:-1]
        & (np.diff(windows.first) == 1)
        & (windows.half_orbit[1:] == windows.half_orbit[:-1])
    )
    starts: BoolArray = over & ~joined
    return starts


def choose_threshold(
    logits: FloatArray, windows: Windows, half_orbits: int, most_alarms: float
) -> float:
    """Find the lowest threshold that keeps to an alarm rate.

    Parameters
    ----------
    logits : ndarray, shape (n,)
        Of every window of the validation half-orbits.
    windows : Windows
    half_orbits : int
        Validation half-orbits, those without windows too.
    most_alarms : float
        Alarms a half-orbit.

    Returns
    -------
    float
        A logit midway between two that occur, so that rounding decides nothing.

    Raises
    ------
    TrainError
        There are no windows.
    """
    if not logits.size:
        raise TrainError(f"no windows in {half_orbits} half-orbits to choose a threshold from")
    levels = np.unique(logits)[::-1]
    if levels.size > _MOST_LEVELS:
        levels = np.quantile(levels, np.linspace(1.0, 0.0, _MOST_LEVELS))
    # From the highest down to the first that is too low: further down alarms merge and the
    # count falls again.
    for i, level in enumerate(levels):
        if alarm_starts(logits >= level, windows).sum() > most_alarms * half_orbits:
            above = levels[i - 1] if i else level + 1.0
            return float(0.5 * (above + level))
    return float(levels[-1] - 1.0)


def operating_point(over: BoolArray, windows: Windows, half_orbits: int) -> OperatingPoint:
    """Say what a threshold costs on every window of unselected half-orbits.

    Parameters
    ----------
    over : ndarray of bool, shape (n,)
        At or above the threshold.
    windows : Windows
        Excluded labels count as not positive.
    half_orbits : int

    Returns
    -------
    OperatingPoint

    Raises
    ------
    TrainError
        There are no windows.
    """
    if not windows.size or half_orbits < 1:
        raise TrainError(
            f"{windows.size} windows of {half_orbits} half-orbits; valid is 1 or more of each"
        )
    positive = windows.label == POSITIVE
    hits, alarmed, wanted = int((over & positive).sum()), int(over.sum()), int(positive.sum())
    return OperatingPoint(
        half_orbits=half_orbits,
        windows=windows.size,
        alarms_per_night_half_orbit=float(alarm_starts(over, windows).sum()) / half_orbits,
        alarmed_share=alarmed / windows.size,
        base_rate=wanted / windows.size,
        precision=hits / alarmed if alarmed else None,
        recall=hits / wanted if wanted else None,
    )
