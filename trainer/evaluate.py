"""Calibration, threshold and metrics, all of the logits that the shipped file gives.

Validation chooses slope, intercept and threshold; test is opened once, afterwards. The matched
samples have as many negatives as positives, so a score of 0.5 means even odds in *that* mix: in
the stream, where positives are rare, a score is no probability of an earthquake. What a
threshold means there is said by the operating point, from every window of unselected half-orbits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from edge.arrays import AnyArray
from edge.bundle import Metric, OperatingPoint
from edge.scoring import sigmoid
from trainer.datasets.labels import POSITIVE
from trainer.datasets.windows import Windows
from trainer.errors import TrainError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: More thresholds than an int8 output has levels are not tried.
_MOST_LEVELS = 512


@dataclass(frozen=True, slots=True)
class Calibration:
    """score = 1 / (1 + exp(-(slope * logit + intercept)))."""

    slope: float
    intercept: float

    def scores(self, logits: Floats) -> Floats:
        """Calibrated probability in a balanced mix."""
        return sigmoid(self.slope * logits + self.intercept)


def calibrate(logits: Floats, positive: Bools) -> Calibration:
    """Fit slope and intercept (Platt 1999) with both classes of equal weight.

    Parameters
    ----------
    logits : ndarray, shape (n,)
        Of matched validation windows.
    positive : ndarray of bool, shape (n,)

    Returns
    -------
    Calibration

    Raises
    ------
    TrainError
        The logits do not rise from negatives to positives: the model has learnt nothing.
    """
    # The penalty is next to nothing; it keeps separable classes finite.
    fitted = LogisticRegression(C=1e4, class_weight="balanced").fit(logits[:, None], positive)
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if not slope > 0.0:
        raise TrainError(
            f"the model shows no skill on the validation block: calibration slope {slope:.3g}; "
            "valid is above 0"
        )
    return Calibration(slope, intercept)


def alarm_starts(over: Bools, windows: Windows) -> Bools:
    """Mark the first window of each alarm, shape (n,)."""
    joined = np.zeros(over.size, dtype=np.bool_)
    joined[1:] = (
        over[:-1]
        & (np.diff(windows.first) == 1)
        & (windows.half_orbit[1:] == windows.half_orbit[:-1])
    )
    starts: Bools = over & ~joined
    return starts


def choose_threshold(
    logits: Floats, windows: Windows, half_orbits: int, most_alarms: float
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
    """
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


def operating_point(over: Bools, windows: Windows, half_orbits: int) -> OperatingPoint:
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
    """
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


def sample_metrics(
    scores: Floats,
    positive: Bools,
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
    logits: Floats, windows: Windows, threshold: float, resamples: int, rng: np.random.Generator
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


def roc_auc(scores: Floats, positive: Bools) -> float:
    """Probability that a positive scores higher than a negative; ties count one half."""
    one = np.zeros(scores.size, dtype=np.int64)
    whole = _Clusters(scores, positive, one, one).whole()
    return float(_roc_auc(whole)[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Histograms:
    """Sums over resampled clusters, each for positives and negatives; (b, levels) and (b,)."""

    levels: tuple[Floats, Floats]
    at_half: tuple[Floats, Floats]
    total: tuple[Floats, Floats]
    squares: tuple[Floats, Floats]


class _Clusters:
    """Score histograms of each cluster: a resample is one matrix product."""

    def __init__(
        self, scores: Floats, positive: Bools, event: AnyArray, half_orbit: AnyArray
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
        functions: dict[str, Callable[[_Histograms], Floats]],
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


def _roc_auc(h: _Histograms) -> Floats:
    """Probability that a positive scores higher than a negative; ties count one half."""
    positive, negative = h.levels
    below = np.cumsum(negative, axis=1) - 0.5 * negative
    area: Floats = (positive * below).sum(axis=1) / (h.total[0] * h.total[1])
    return area


def _f1(h: _Histograms) -> Floats:
    area: Floats = 2.0 * h.at_half[0] / (h.at_half[0] + h.at_half[1] + h.total[0])
    return area


def _mcc(h: _Histograms) -> Floats:
    tp, fp = h.at_half
    fn, tn = h.total[0] - tp, h.total[1] - fp
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    result: Floats = np.where(scale > 0.0, (tp * tn - fp * fn) / np.maximum(scale, 1e-9), 0.0)
    return result
