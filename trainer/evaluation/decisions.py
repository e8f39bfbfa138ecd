"""What is chosen on validation: the calibration and the threshold of matched windows."""

from __future__ import annotations

import numpy as np

from edge.arrays import BoolArray, FloatArray
from trainer.errors import TrainError
from trainer.evaluation.calibration import Calibration, calibrate, logit_of
from trainer.evaluation.resampling import checked


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
