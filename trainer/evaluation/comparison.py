"""Models against one another over the same windows and events, corrected for their number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import msgspec

from edge.arrays import BoolArray, FloatArray, IntArray
from trainer.evaluation.paired import Paired, paired_difference, paired_events
from trainer.evaluation.report_data import Estimate, Pair, Sample, finite

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

    Parameters
    ----------
    p_values : sequence of float

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
    return Pair(first, second, found.metric, difference, finite(found.p_value), None, with_main)


def _corrected(pairs: Sequence[Pair]) -> list[Pair]:
    known = [p.p for p in pairs if p.p is not None]
    corrected = iter(holm(known))
    return [
        p if p.p is None else msgspec.structs.replace(p, p_corrected=next(corrected)) for p in pairs
    ]
