"""Metrics of a bundle's card, of the logits that the shipped file gives.

Positives are resampled by whole events and negatives by whole half-orbits, apart from each other:
in the stream a negative belongs to no event. The test block is opened once, after validation has
chosen calibration and threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray, BoolArray, FloatArray
from edge.bundle import Metric
from trainer.datasets.labels import POSITIVE
from trainer.datasets.windows import Windows


def sample_metrics(
    scores: FloatArray,
    positive: BoolArray,
    event: npt.NDArray[np.int64],
    half_orbit: npt.NDArray[np.int64],
    resamples: int,
    rng: np.random.Generator,
) -> list[Metric]:
    """Metrics of matched test windows, the yes or no of them at a score of 0.5.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Calibrated.
    positive : ndarray of bool, shape (n,)
    event, half_orbit : ndarray of int64, shape (n,)
        Positives are resampled by whole events, negatives by whole half-orbits.
    resamples : int
    rng : Generator

    Returns
    -------
    list of Metric
        ROC AUC, F1 of the positive class, MCC, precision, recall and Brier score, each with a
        95 % percentile interval.
    """
    clustered = _Clusters(scores, positive, event, half_orbit)
    return clustered.metrics(
        {
            "test_roc_auc": _roc_auc,
            "test_f1": _f1,
            "test_mcc": _mcc,
            "test_precision": lambda h: h.at_half[0] / np.maximum(h.at_half[0] + h.at_half[1], 1),
            "test_recall": lambda h: h.at_half[0] / h.total[0],
            "test_brier": lambda h: (h.squares[0] + h.squares[1]) / (h.total[0] + h.total[1]),
        },
        resamples,
        rng,
    )


def stream_metrics(
    logits: FloatArray, windows: Windows, threshold: float, resamples: int, rng: np.random.Generator
) -> list[Metric]:
    """Metrics of every window of the test half-orbits.

    Parameters
    ----------
    logits : ndarray, shape (n,)
    windows : Windows
    threshold : float
        A logit.
    resamples : int
    rng : Generator

    Returns
    -------
    list of Metric
        ROC AUC of positive against all other windows, and the share of events with at least
        one positive window over the threshold, among those that have windows at all.
    """
    positive = windows.label == POSITIVE
    if not positive.any() or positive.all():
        return []
    clustered = _Clusters(logits, positive, windows.event, windows.half_orbit)
    result = clustered.metrics({"test_stream_roc_auc": _roc_auc}, resamples, rng)
    events, place = np.unique(windows.event[positive], return_inverse=True)
    found = np.zeros(events.size)
    np.maximum.at(found, place, logits[positive] >= threshold)
    drawn = rng.choice(found, (resamples, found.size)).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    mean = float(found.mean())
    result.append(Metric("test_event_recall_at_threshold", mean, float(low), float(high)))
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Histograms:
    """Sums over resampled clusters, each for positives and negatives; (b, levels) and (b,)."""

    levels: tuple[FloatArray, FloatArray]
    at_half: tuple[FloatArray, FloatArray]
    total: tuple[FloatArray, FloatArray]
    squares: tuple[FloatArray, FloatArray]


class _Clusters:
    """Score histograms of each cluster: a resample is one matrix product."""

    def __init__(
        self, scores: FloatArray, positive: BoolArray, event: AnyArray, half_orbit: AnyArray
    ) -> None:
        self._level, which = np.unique(scores, return_inverse=True)
        self._counts = []
        for mask, cluster in ((positive, event), (~positive, half_orbit)):
            names, row = np.unique(cluster[mask], return_inverse=True)
            counts = np.zeros((names.size, self._level.size), dtype=np.float32)
            np.add.at(counts, (row, which[mask]), 1.0)
            self._counts.append(counts)

    def metrics(
        self,
        functions: dict[str, Callable[[_Histograms], FloatArray]],
        resamples: int,
        rng: np.random.Generator,
    ) -> list[Metric]:
        """Value and 95 % percentile interval of each metric."""
        whole = self.whole()
        drawn = self._histograms(
            [
                rng.multinomial(c.shape[0], np.full(c.shape[0], 1.0 / c.shape[0]), resamples)
                for c in self._counts
            ]
        )
        result = []
        for name, function in functions.items():
            low, high = np.quantile(function(drawn), (0.025, 0.975))
            result.append(Metric(name, float(function(whole)[0]), float(low), float(high)))
        return result

    def whole(self) -> _Histograms:
        """Every cluster once."""
        return self._histograms([np.ones((1, c.shape[0]), np.float32) for c in self._counts])

    def _histograms(self, weights: list[AnyArray]) -> _Histograms:
        levels = [
            (w.astype(np.float32) @ c).astype(np.float64)
            for w, c in zip(weights, self._counts, strict=True)
        ]
        half = self._level >= 0.5
        errors = ((1.0 - self._level) ** 2, self._level**2)
        return _Histograms(
            (levels[0], levels[1]),
            (levels[0][:, half].sum(axis=1), levels[1][:, half].sum(axis=1)),
            (levels[0].sum(axis=1), levels[1].sum(axis=1)),
            (levels[0] @ errors[0], levels[1] @ errors[1]),
        )


def _roc_auc(h: _Histograms) -> FloatArray:
    """Probability that a positive scores higher than a negative; ties count one half."""
    positive, negative = h.levels
    below = np.cumsum(negative, axis=1) - 0.5 * negative
    area: FloatArray = (positive * below).sum(axis=1) / (h.total[0] * h.total[1])
    return area


def _f1(h: _Histograms) -> FloatArray:
    area: FloatArray = 2.0 * h.at_half[0] / (h.at_half[0] + h.at_half[1] + h.total[0])
    return area


def _mcc(h: _Histograms) -> FloatArray:
    tp, fp = h.at_half
    fn, tn = h.total[0] - tp, h.total[1] - fp
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    result: FloatArray = np.where(scale > 0.0, (tp * tn - fp * fn) / np.maximum(scale, 1e-9), 0.0)
    return result
