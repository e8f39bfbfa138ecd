"""Whether one model is better than another, over the same windows or the same events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import msgspec
import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray
from trainer.common.errors import TrainError
from trainer.evaluation.bootstrap import checked, draws, exact_test, interval, numbered, two_sided
from trainer.evaluation.metrics import GroupedScores
from trainer.evaluation.report.data import Estimate, Pair, Sample, finite


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
        GroupedScores(np.asarray(s, dtype=np.float64), positive, number, t, (metric,))
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


#: What is compared of matched windows; events are compared too.
COMPARED = ("roc_auc", "f1", "mcc")


def compare_models(
    names: Sequence[str],
    scores: Sequence[FloatArray],
    thresholds: Sequence[float],
    found: Sequence[BoolArray],
    positive: BoolArray,
    group: IntArray,
    sample: Sample,
    resamples: int,
    seed: int,
) -> list[Pair]:
    """Compare all pairs of models.

    Parameters
    ----------
    names : sequence of str
        The main model first.
    scores : sequence of ndarray, shape (n,)
        Calibrated, of the same windows.
    thresholds : sequence of float
        Of each model.
    found : sequence of ndarray of bool, shape (e,)
        Which events each model found.
    positive : ndarray of bool, shape (n,)
    group : ndarray of int64, shape (n,)
        What is resampled whole.
    sample : Sample
    resamples : int
    seed : int

    Returns
    -------
    list of Pair
        Those with the main model first; these are corrected together, and the others together.
    """
    pairs = []
    for a, b in combinations(range(len(names)), 2):
        results = [
            paired_difference(
                scores[a],
                scores[b],
                positive,
                group,
                metric,
                (thresholds[a], thresholds[b]),
                resamples,
                seed,
            )
            for metric in COMPARED
        ]
        results.append(paired_events(found[a], found[b], resamples, seed))
        pairs += [_pair(names[a], names[b], r, sample, a == 0) for r in results]
    with_main = [p for p in pairs if p.with_main]
    others = [p for p in pairs if not p.with_main]
    return _corrected(with_main) + _corrected(others)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values for their number.

    Returns
    -------
    list of float
        In the same order.

    Notes
    -----
    Holm, Scand. J. Statist. 6, 65 (1979): the k-th smallest of m times m - k + 1, and never below
    a smaller one.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    result = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        result[place] = largest
    return result


def _pair(first: str, second: str, found: Paired, sample: Sample, with_main: bool) -> Pair:
    difference = Estimate(
        found.metric, finite(found.difference), finite(found.low), finite(found.high), sample
    )
    return Pair(
        first=first,
        second=second,
        metric=found.metric,
        difference=difference,
        p=finite(found.p_value),
        p_corrected=None,
        with_main=with_main,
    )


def _corrected(pairs: Sequence[Pair]) -> list[Pair]:
    known = [p.p for p in pairs if p.p is not None]
    corrected = iter(holm(known))
    return [
        p if p.p is None else msgspec.structs.replace(p, p_corrected=next(corrected)) for p in pairs
    ]
