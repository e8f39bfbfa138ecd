"""Whether one model is better than another, over the same windows or the same events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray
from trainer.errors import TrainError
from trainer.evaluation.binomial import exact_test
from trainer.evaluation.metrics import Sample
from trainer.evaluation.resampling import checked, draws, interval, numbered, two_sided


@dataclass(frozen=True, slots=True)
class Paired:
    """The first model less the second.

    Attributes
    ----------
    metric : str
    difference : float
    low, high : float
        95 % percentile interval.
    p_value : float
        Two-sided.
    relative : float or None
        Difference over the value of the second model; None where that is not above 0.
    """

    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    relative: float | None


def paired_difference(
    scores_a: FloatArray,
    scores_b: FloatArray,
    positive: BoolArray,
    group: AnyArray,
    metric: str,
    thresholds: tuple[float, float] = (0.5, 0.5),
    resamples: int = 1000,
    seed: int = 0,
) -> Paired:
    """Compare two models on the same windows, with the same resampled groups for both.

    Parameters
    ----------
    scores_a, scores_b : ndarray, shape (n,)
        Of the same windows in the same order.
    positive : ndarray of bool, shape (n,)
    group : ndarray, shape (n,)
        What is resampled whole; see `trainer.evaluation.metrics.window_metrics`.
    metric : str
        One of `trainer.evaluation.metrics.METRICS`. Of the Brier score less is better.
    thresholds : tuple of float
        Of each model, chosen on validation.
    resamples : int
    seed : int

    Returns
    -------
    Paired
        The p value is that of the percentile bootstrap, not below 2 / (resamples + 1).

    Raises
    ------
    TrainError
        As `window_metrics`, or the metric is unknown.
    """
    checked(scores_b, positive, group)
    scores_a, positive = checked(scores_a, positive, group)
    number, groups = numbered(group)
    first, second = (
        Sample(np.asarray(s, dtype=np.float64), positive, number, t, (metric,))
        for s, t in zip((scores_a, scores_b), thresholds, strict=True)
    )
    differences = np.concatenate(
        [
            first.values(w)[metric] - second.values(w)[metric]
            for w in draws(groups, resamples, seed, first.width)
        ]
    )
    value, other = first.value()[metric], second.value()[metric]
    return _paired(metric, value, other, differences, two_sided(differences))


def paired_events(
    hit_a: BoolArray, hit_b: BoolArray, resamples: int = 1000, seed: int = 0
) -> Paired:
    """Compare which events two models found.

    Parameters
    ----------
    hit_a, hit_b : ndarray of bool, shape (e,)
        Whether each model found each event, in the same order.
    resamples : int
        For the interval of the difference of the shares found.
    seed : int

    Returns
    -------
    Paired
        Of the metric ``event_recall``. The p value is the exact one of McNemar's test: of the
        events that one model alone found, half would be the first one's.

    Raises
    ------
    TrainError
        There are no events, or not as many for both.
    """
    hit_a, hit_b = np.asarray(hit_a, dtype=np.bool_), np.asarray(hit_b, dtype=np.bool_)
    if hit_a.shape != hit_b.shape or not hit_a.size:
        raise TrainError(
            f"{hit_a.size} and {hit_b.size} events; valid is the same number, 1 or more"
        )
    only_a, only_b = int((hit_a & ~hit_b).sum()), int((hit_b & ~hit_a).sum())
    each = hit_a.astype(np.float64) - hit_b
    differences = np.concatenate([w @ each for w in draws(each.size, resamples, seed)]) / each.size
    p_value = exact_test(only_a, only_a + only_b, 0.5)
    return _paired("event_recall", float(hit_a.mean()), float(hit_b.mean()), differences, p_value)


def _paired(
    metric: str, value: float, other: float, differences: FloatArray, p_value: float
) -> Paired:
    difference = value - other
    relative = difference / other if other > 0.0 else None
    return Paired(metric, difference, *interval(differences), p_value, relative)
