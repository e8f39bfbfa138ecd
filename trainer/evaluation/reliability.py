"""Whether calibrated scores are what they say: observed shares of positives by score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray
from trainer.errors import TrainError
from trainer.evaluation.binomial import exact_interval
from trainer.evaluation.resampling import checked, draws, interval, numbered


@dataclass(frozen=True, slots=True)
class Bin:
    """Windows of like scores.

    Attributes
    ----------
    low, high : float
        The bin holds scores in (low, high]; the first also 0.
    mean_score, observed : float
        Mean score, and the share of positives.
    interval : tuple of float
        95 %, of the share.
    count : int
        Windows.
    """

    low: float
    high: float
    mean_score: float
    observed: float
    interval: tuple[float, float]
    count: int


def reliability(
    scores: FloatArray,
    positive: BoolArray,
    group: AnyArray | None = None,
    bins: int = 10,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Bin]:
    """Compare scores with the observed shares of positives.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Probabilities.
    positive : ndarray of bool, shape (n,)
    group : ndarray, shape (n,), optional
        What is resampled whole for the intervals; without it they are binomial, of windows.
    bins : int
        Of equal width from 0 to 1.
    resamples : int
    seed : int

    Returns
    -------
    list of Bin
        Those that hold a window. Where all windows of a bin are of one class, or of one group,
        resampling has nothing to tell, and the interval is the binomial one of its groups.

    Raises
    ------
    TrainError
        A class is missing, a score is no probability, or `bins` is below 1.
    """
    named = () if group is None else (group,)
    scores, positive = checked(scores, positive, *named)
    if bins < 1 or scores.min() < 0.0 or scores.max() > 1.0:
        raise TrainError(
            f"{bins} bins of scores from {scores.min():.4g} to {scores.max():.4g}; "
            "valid is 1 bin or more of scores from 0 to 1"
        )
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.searchsorted(edges[1:-1], scores)
    result = []
    for i in np.unique(place):
        some = place == i
        hits, count = int(positive[some].sum()), int(some.sum())
        if group is None:
            found = exact_interval(hits, count)
        else:
            found = _grouped(positive[some], np.asarray(group)[some], resamples, seed)
        low, high = float(edges[i]), float(edges[i + 1])
        result.append(Bin(low, high, float(scores[some].mean()), hits / count, found, count))
    return result


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Mean difference of score and share, by bin and weighted with the windows.

    Parameters
    ----------
    bins : sequence of Bin

    Returns
    -------
    float

    Raises
    ------
    TrainError
        There are no bins.

    Notes
    -----
    Naeini, Cooper and Hauskrecht (2015). It is never below 0, and above it also by chance.
    """
    count = sum(b.count for b in bins)
    if not count:
        raise TrainError("a calibration error of 0 windows; valid is 1 or more")
    return sum(b.count * abs(b.mean_score - b.observed) for b in bins) / count


def _grouped(
    positive: BoolArray, group: AnyArray, resamples: int, seed: int
) -> tuple[float, float]:
    groups = int(np.unique(group).size)
    if groups < 2 or positive.all() or not positive.any():
        # All or nothing: the groups are what was seen independently. Of one group with both
        # classes nothing is known.
        if positive.all():
            return exact_interval(groups, groups)
        return exact_interval(0, groups) if not positive.any() else (0.0, 1.0)
    number, groups = numbered(group)
    hits = np.bincount(number, positive, groups)
    every = np.bincount(number, minlength=groups).astype(np.float64)
    shares = [(w @ hits) / (w @ every) for w in draws(groups, resamples, seed)]
    return interval(np.concatenate(shares))
