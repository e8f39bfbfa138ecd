"""What validation decides: the calibration of scores, thresholds, and what an alarm costs.

The matched samples have as many negatives as positives or a few times more: a calibrated score of
0.5 means even odds in a *balanced* mix. In the stream, where positives are rare, it is no
probability of an earthquake.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray
from edge.bundle import OperatingPoint
from edge.scoring import sigmoid
from trainer.common.errors import TrainError
from trainer.datasets.labels import POSITIVE
from trainer.datasets.windows import Windows
from trainer.evaluation.bootstrap import checked

#: Probabilities are held this far from 0 and 1: single precision has no finer ones near 1.
_LEAST = 1e-7


@dataclass(frozen=True, slots=True)
class Calibration:
    """score = 1 / (1 + exp(-(slope * logit + intercept)))."""

    slope: float
    intercept: float

    def scores(self, logits: FloatArray) -> FloatArray:
        """Calibrated probability in a balanced mix."""
        return sigmoid(self.slope * logits + self.intercept)


def logit_of(probability: AnyArray) -> FloatArray:
    """Logarithm of the odds.

    Parameters
    ----------
    probability : ndarray, shape (n,)
        Clipped to 1e-7 from 0 and from 1; NaN stays NaN.

    Returns
    -------
    ndarray, shape (n,)
    """
    held = np.clip(np.asarray(probability, dtype=np.float64), _LEAST, 1.0 - _LEAST)
    result: FloatArray = np.log(held) - np.log1p(-held)
    return result


def calibrate(
    logits: FloatArray, positive: BoolArray, weights: FloatArray | None = None
) -> Calibration:
    """Fit slope and intercept (Platt 1999) with both classes of equal weight.

    Parameters
    ----------
    logits : ndarray, shape (n,)
        Of matched validation windows.
    positive : ndarray of bool, shape (n,)
    weights : ndarray, shape (n,), optional
        Of windows within their class; equal by default.

    Raises
    ------
    TrainError
        A class is missing, or the logits do not rise from negatives to positives: the model has
        learnt nothing.

    Notes
    -----
    Platt's targets, (N + 1) / (N + 2) and 1 / (N + 2) for N windows of a class, keep the slope
    finite where a few windows happen to be separable: a score of exactly 1 would say that a model
    cannot be wrong, and no threshold would lie above it.
    """
    # Heavy, and of use to few who import this.
    from sklearn.linear_model import LogisticRegression

    wanted = int(np.count_nonzero(positive))
    if not 0 < wanted < logits.size:
        raise TrainError(
            f"calibration has {wanted} positive and {logits.size - wanted} other windows; "
            "valid is 1 or more of each"
        )
    if weights is None:
        weights = np.ones(logits.size)
    total = [float(weights[positive == c].sum()) for c in (False, True)]
    if not (weights.shape == logits.shape and weights.min() >= 0.0 and min(total) > 0.0):
        raise TrainError(
            f"calibration weights sum to {total[0]:g} for negatives and {total[1]:g} for "
            "positives; valid is one of 0 or more for each window, above 0 for each class"
        )
    each = weights * np.where(positive, 0.5 / total[1], 0.5 / total[0]) * logits.size
    # Each window counts as its class, and a little as the other one.
    target = np.where(positive, (total[1] + 1.0) / (total[1] + 2.0), 1.0 / (total[0] + 2.0))
    both = np.concatenate([logits, logits])[:, None]
    classes = np.repeat([True, False], logits.size)
    shares = np.concatenate([each * target, each * (1.0 - target)])
    fitted = LogisticRegression(C=1e4).fit(both, classes, sample_weight=shares)
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if not slope > 0.0:
        raise TrainError(
            f"the model shows no skill on the validation block: calibration slope {slope:.3g}; "
            "valid is above 0"
        )
    return Calibration(slope, intercept)


def fit_calibration(scores: FloatArray, positive: BoolArray) -> tuple[Calibration, bool]:
    """Fit the two parameters; scores without skill are left as they are.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Probabilities of matched validation windows.
    positive : ndarray of bool, shape (n,)

    Returns
    -------
    calibration : Calibration
    skilful : bool
        Whether the scores rise from controls to positives. Where they do not, a calibration
        would turn the model round; baselines are to be reported as they are.

    Raises
    ------
    TrainError
        A class or a score is missing.
    """
    scores, positive = checked(scores, positive)
    try:
        return calibrate(logit_of(scores), positive), True
    except TrainError:
        return Calibration(1.0, 0.0), False


def best_f1_threshold(scores: FloatArray, positive: BoolArray) -> float:
    """Find the threshold of the best F1.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Calibrated, of matched validation windows.
    positive : ndarray of bool, shape (n,)

    Returns
    -------
    float
        Midway between two scores that occur, so that rounding decides nothing; of equals the
        highest.
    """
    scores, positive = checked(scores, positive)
    level, place = np.unique(-scores, return_inverse=True)
    hits = np.cumsum(np.bincount(place, positive))
    called = np.cumsum(np.bincount(place))
    best = int(np.argmax(2.0 * hits / (called + positive.sum())))
    above = -level
    below = above[best + 1] if best + 1 < above.size else 0.0
    return float(0.5 * (above[best] + below))


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
