"""Molchan's diagram: events missed against the share of space-time alarmed.

Notes
-----
Molchan (1991); the diagram's confidence bounds, probability gain and area skill score as Zechar
and Jordan, Geophys. J. Int. 172, 715 (2008), and Pure Appl. Geophys. 167, 893 (2010), have them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.arrays import AnyArray, FloatArray
from trainer.common.errors import TrainError
from trainer.evaluation.bootstrap import draws, interval


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trajectory:
    """Miss rate against the alarmed share, as the threshold falls.

    Attributes
    ----------
    threshold : ndarray, shape (k,)
        Falling; the first is infinite: nothing is alarmed.
    tau : ndarray, shape (k,)
        Share of the reference measure that is alarmed, from 0 to 1.
    nu : ndarray, shape (k,)
        Share of the events that is missed, from 1 down to the share never covered.
    events, uncovered : int
        All events; those that no unit covers, which are missed at every threshold.
    below : ndarray, shape (events - uncovered,)
        For each covered event, share of the measure with lower scores, half of equal ones added.
    level_share, level_below : ndarray, shape (k - 1,)
        For each score of a unit or an event its share of the measure, and `below` of it.
    """

    threshold: FloatArray
    tau: FloatArray
    nu: FloatArray
    events: int
    uncovered: int
    below: FloatArray
    level_share: FloatArray
    level_below: FloatArray

    def at(self, threshold: float) -> tuple[float, float]:
        """Alarmed share and miss rate where scores at or above a threshold are alarms."""
        place = int(np.searchsorted(-self.threshold, -threshold, side="right")) - 1
        return float(self.tau[max(place, 0)]), float(self.nu[max(place, 0)])


@dataclass(frozen=True, slots=True)
class AreaSkill:
    """Area above the trajectory: 0.5 is chance, 1 perfect, below 0.5 an anti-forecast.

    Attributes
    ----------
    value, low, high : float
        Events that were never covered count as missed throughout; 95 %, by resampling events.
    p_value : float
        Probability of so much skill or more, if the covered events were drawn from the reference.
    null_low, null_high : float
        Where 95 % of the values lie if they were.
    covered_value, covered_low, covered_high : float or None
        Of the covered events alone, which is to be held against 0.5; None where there are none.
    events, uncovered : int
    """

    value: float
    low: float
    high: float
    p_value: float
    null_low: float
    null_high: float
    covered_value: float | None
    covered_low: float | None
    covered_high: float | None
    events: int
    uncovered: int


def molchan(alarm_score: FloatArray, event_score: FloatArray, reference: FloatArray) -> Trajectory:
    """Make the trajectory of a forecast.

    Parameters
    ----------
    alarm_score : ndarray, shape (u,)
        Of units of space-time. To be comparable it has to be made as that of the events: the
        highest score among the windows that cover the unit, see
        `trainer.evaluation.stream.highest_covering`. NaN where none does: such units are left
        out, and the alarmed share is one of what was looked at.
    event_score : ndarray, shape (e,)
        Likewise of the events; NaN where none covers it: missed at every threshold.
    reference : ndarray, shape (u,)
        Measure of each unit: its volume of space-time times the rate of earthquakes there, or 1
        where units were drawn at that rate.

    Raises
    ------
    TrainError
        There are no events, no unit is covered, or a measure is below 0, missing, or 0 in all.
    """
    if alarm_score.shape != reference.shape or alarm_score.ndim != 1:
        raise TrainError(f"scores of shape {alarm_score.shape}, measures of {reference.shape}")
    looked = ~np.isnan(alarm_score)
    weight, scores = reference[looked].astype(np.float64), alarm_score[looked].astype(np.float64)
    events = int(event_score.size)
    if not events or not scores.size:
        raise TrainError(f"{events} events and {scores.size} covered units; valid is 1 or more")
    if not (np.isfinite(weight).all() and weight.min() >= 0.0 and weight.sum() > 0.0):
        raise TrainError("reference measures are not all finite, 0 or above, and above 0 in all")
    found = event_score[~np.isnan(event_score)].astype(np.float64)
    levels = np.unique(np.concatenate([scores, found]))
    share = np.bincount(np.searchsorted(levels, scores), weight, levels.size) / weight.sum()
    place = np.searchsorted(levels, found)
    below = np.cumsum(share) - 0.5 * share
    hits = np.cumsum(np.bincount(place, minlength=levels.size)[::-1])
    tau = np.concatenate([[0.0], np.cumsum(share[::-1])])
    tau /= tau[-1]
    return Trajectory(
        threshold=np.concatenate([[np.inf], levels[::-1]]),
        tau=tau,
        nu=np.concatenate([[1.0], 1.0 - hits / events]),
        events=events,
        uncovered=events - int(found.size),
        below=below[place],
        level_share=share,
        level_below=below,
    )


def area_skill_score(trajectory: Trajectory, resamples: int = 1000, seed: int = 0) -> AreaSkill:
    """One less the area under the trajectory, with its interval and its significance.

    Parameters
    ----------
    trajectory : Trajectory
    resamples : int
        Of the events, and of the null distribution.
    seed : int

    Raises
    ------
    TrainError
        `resamples` is below 1.

    Notes
    -----
    The trajectory is joined by straight lines, as if units of equal score were alarmed in random
    order. The area above it is then the mean of `Trajectory.below` over the events, where an
    uncovered event counts 0, and resampling needs no trajectories.
    """
    covered = trajectory.below
    each = np.concatenate([covered, np.zeros(trajectory.uncovered)])
    low, high = interval(_means(each, resamples, seed))
    value = float(each.mean())
    share = covered.size / trajectory.events
    if not covered.size:
        return AreaSkill(
            value=value,
            low=low,
            high=high,
            p_value=1.0,
            null_low=0.0,
            null_high=0.0,
            covered_value=None,
            covered_low=None,
            covered_high=None,
            events=trajectory.events,
            uncovered=trajectory.uncovered,
        )
    chance = share * _null_means(trajectory, resamples, seed)
    null_low, null_high = interval(chance)
    # Rounding must not part values that are equal.
    beyond = int((chance >= value - 1e-12).sum())
    return AreaSkill(
        value,
        low,
        high,
        (beyond + 1) / (resamples + 1),
        null_low,
        null_high,
        float(covered.mean()),
        *interval(_means(covered, resamples, seed)),
        trajectory.events,
        trajectory.uncovered,
    )


def probability_gain(tau: AnyArray, nu: AnyArray) -> FloatArray:
    """Rate of events in what is alarmed, over that in all: (1 - nu) / tau.

    Parameters
    ----------
    tau, nu : ndarray, shape (k,)

    Returns
    -------
    ndarray, shape (k,)
        NaN where nothing is alarmed.
    """
    tau, nu = np.asarray(tau, dtype=np.float64), np.asarray(nu, dtype=np.float64)
    result: FloatArray = np.where(tau > 0.0, (1.0 - nu) / np.where(tau > 0.0, tau, 1.0), np.nan)
    return result


def _means(values: FloatArray, resamples: int, seed: int) -> FloatArray:
    sums = np.concatenate([w @ values for w in draws(values.size, resamples, seed)])
    result: FloatArray = sums / values.size
    return result


def _null_means(trajectory: Trajectory, resamples: int, seed: int) -> FloatArray:
    """Mean of `below` of as many events as are covered, drawn from the reference."""
    rng = np.random.default_rng([seed, 1])
    edges = np.cumsum(trajectory.level_share)
    number = trajectory.below.size
    result = np.empty(resamples)
    for i in range(resamples):
        place = np.searchsorted(edges, rng.random(number) * edges[-1], side="right")
        result[i] = trajectory.level_below[np.minimum(place, edges.size - 1)].mean()
    return result
