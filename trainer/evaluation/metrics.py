"""Metrics of matched windows, with intervals from resampling whole groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray
from edge.bundle import Metric
from trainer.common.errors import TrainError
from trainer.evaluation.bootstrap import checked, draws, exact_interval, interval, numbered

#: In the order of a table.
METRICS = ("roc_auc", "pr_auc", "f1", "mcc", "precision", "recall", "brier")

_AREAS = ("roc_auc", "pr_auc")


class GroupedScores:
    """Scored windows, ready to be weighted by how often each group was drawn.

    Parameters
    ----------
    scores : ndarray, shape (n,)
    positive : ndarray of bool, shape (n,)
    number : ndarray of int64, shape (n,)
        Groups from 0.
    threshold : float
        Scores at or above it count as positive.
    names : iterable of str
        Metrics that will be asked for.

    Raises
    ------
    TrainError
        A metric is unknown, or a Brier score is asked for of what is no probability.
    """

    def __init__(
        self,
        scores: FloatArray,
        positive: BoolArray,
        number: IntArray,
        threshold: float = 0.5,
        names: Iterable[str] = METRICS,
    ) -> None:
        self.names = tuple(names)
        unknown = [n for n in self.names if n not in METRICS]
        if unknown:
            raise TrainError(f"metric {unknown[0]!r}; known are {', '.join(METRICS)}")
        if "brier" in self.names and not (scores.min() >= 0.0 and scores.max() <= 1.0):
            raise TrainError(
                f"scores from {scores.min():.4g} to {scores.max():.4g}; valid is 0 to 1"
            )
        over = scores >= threshold
        columns = [
            over & positive,
            over & ~positive,
            ~over & positive,
            ~over & ~positive,
            (scores - positive) ** 2,
        ]
        groups = int(number.max()) + 1
        self._sums = np.stack([np.bincount(number, c, groups) for c in columns], axis=1)
        order = np.argsort(scores, kind="stable")
        ranked = scores[order]
        # Last place of each level: windows of equal score are never told apart.
        self._last = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
        self._number, self._positive = number[order], positive[order].astype(np.float64)

    def values(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Metrics of some resamples.

        Parameters
        ----------
        weights : ndarray, shape (b, groups)
            How often each group was drawn.

        Returns
        -------
        dict of str to ndarray, shape (b,)
            NaN where a resample lacks a class that a metric needs.
        """
        tp, fp, fn, tn, squares = (weights @ self._sums).T
        result: dict[str, FloatArray] = {}
        if any(n in _AREAS for n in self.names):
            result |= self._areas(weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            # Nothing over the threshold: 0, as scikit-learn has it.
            result["precision"] = np.where(tp + fn > 0.0, tp / np.maximum(tp + fp, 1.0), np.nan)
            result["recall"] = tp / (tp + fn)
            result["f1"] = np.where(tp + fn > 0.0, 2.0 * tp / (2.0 * tp + fp + fn), np.nan)
            result["mcc"] = _mcc(tp, fp, fn, tn)
            result["brier"] = squares / (tp + fp + fn + tn)
        return {n: result[n] for n in self.names}

    def value(self) -> dict[str, float]:
        """Metrics of the sample itself."""
        found = self.values(np.ones((1, self._sums.shape[0])))
        return {n: float(v[0]) for n, v in found.items()}

    def _areas(self, weights: FloatArray) -> dict[str, FloatArray]:
        each = weights[:, self._number]
        every = np.cumsum(each, axis=1)
        each *= self._positive
        hits = np.cumsum(each, axis=1)
        if self._last.size < self._number.size:
            every, hits = every[:, self._last], hits[:, self._last]
        positives, total = hits[:, -1], every[:, -1]
        negatives = total - positives
        # From "at or below this level" to the level's own and to what lies below it.
        own = np.diff(hits, axis=1, prepend=0.0)
        misses = every - hits
        below = misses.copy()
        below[:, 1:] += misses[:, :-1]
        roc = 0.5 * np.einsum("ij,ij->i", own, below)
        at_least = total[:, None] - every
        at_least[:, 1:] = at_least[:, :-1]
        at_least[:, 0] = total
        hits_at_least = positives[:, None] - hits + own
        # A level without windows in a resample adds nothing.
        precision = hits_at_least / np.maximum(at_least, 1.0)
        average = np.einsum("ij,ij->i", own, precision)
        with np.errstate(invalid="ignore", divide="ignore"):
            roc_auc = np.where(negatives > 0.0, roc / (positives * negatives), np.nan)
            return {"roc_auc": roc_auc, "pr_auc": average / positives}

    @property
    def width(self) -> int:
        """Columns of the arrays that a resample takes."""
        return int(self._number.size) if any(n in _AREAS for n in self.names) else 1


def window_metrics(
    scores: FloatArray,
    positive: BoolArray,
    group: AnyArray,
    threshold: float = 0.5,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Metric]:
    """Metrics of matched windows, each with a 95 % interval.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Calibrated probabilities.
    positive : ndarray of bool, shape (n,)
    group : ndarray, shape (n,)
        Cluster of a positive's mainshock, and the same for its matched controls; see
        `trainer.models.window_set.groups_of`.
    threshold : float
        Scores at or above it count as positive; chosen on validation.
    resamples : int
    seed : int

    Returns
    -------
    dict of str to Metric
        ROC AUC, PR AUC as average precision, binary F1 of the positive class, MCC, precision,
        recall (the last four at the threshold; precision is 0 where nothing reaches it) and Brier
        score, with percentile intervals from resampling whole groups.

    Raises
    ------
    TrainError
        A class is missing, there are fewer than two groups, or a score is no probability.
    """
    scores, positive = checked(scores, positive, group)
    number, groups = numbered(group)
    sample = GroupedScores(scores, positive, number, threshold)
    drawn = [sample.values(w) for w in draws(groups, resamples, seed, sample.width)]
    value = sample.value()
    return {
        n: Metric(n, value[n], *interval(np.concatenate([d[n] for d in drawn]))) for n in METRICS
    }


def roc_auc(scores: FloatArray, positive: BoolArray) -> float:
    """Probability that a positive scores higher than a negative; ties count one half.

    Parameters
    ----------
    scores : ndarray, shape (n,)
    positive : ndarray of bool, shape (n,)

    Raises
    ------
    TrainError
        A class is missing.
    """
    scores, positive = checked(scores, positive)
    one = np.zeros(scores.size, dtype=np.int64)
    return GroupedScores(scores, positive, one, names=("roc_auc",)).value()["roc_auc"]


def _mcc(tp: FloatArray, fp: FloatArray, fn: FloatArray, tn: FloatArray) -> FloatArray:
    """Matthews correlation; 0 where all windows are called the same, NaN where a class lacks."""
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    both = (tp + fn > 0.0) & (tn + fp > 0.0)
    value = np.where(scale > 0.0, (tp * tn - fp * fn) / np.maximum(scale, 1e-9), 0.0)
    result: FloatArray = np.where(both, value, np.nan)
    return result


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
