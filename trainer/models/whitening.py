"""Normalisation fitted on clear windows: each observable decorrelated along the track.

The background of neighbouring rows is much alike, and what tells a perturbation from it is in the
differences. Gradient descent from small weights finds the few directions of large variance first
and stops before it comes to those; a linear classifier on the same values was better than the
networks until the values were decorrelated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.arrays import Features, FloatArray
from trainer.common.clear_windows import ClearWindows
from trainer.common.errors import TrainError

#: Clear windows that a covariance is taken from.
LEAST_WINDOWS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """What is done to windows before a network sees them.

    Attributes
    ----------
    matrices : ndarray, shape (F, L, L)
    clip : float
        0: no limit.
    """

    matrices: FloatArray
    clip: float


def fit_whitening(
    clear: ClearWindows, shrinkage: float, observables: tuple[str, ...]
) -> FloatArray:
    """Fit one matrix an observable.

    Parameters
    ----------
    clear : ClearWindows
        Of the training block, and of no window that a perturbation may be in: it would be
        whitened away.
    shrinkage : float
        Share of the mean variance that is added to that of every direction, above 0.
    observables : tuple of str
        Names of the F columns.

    Returns
    -------
    ndarray, shape (F, L, L)
        Symmetric; the identity for an observable that is never there.

    Raises
    ------
    TrainError
        An observable is there in too few windows.

    Notes
    -----
    ZCA whitening (Bell & Sejnowski 1997): of all decorrelating matrices the one that changes
    the values least, so that a row stays a row. The mean is kept: it is what a perturbation moves.
    """
    result = np.stack([np.eye(clear.covariance.shape[1])] * len(observables))
    for column, name in enumerate(observables):
        covariance = clear.covariance[column]
        if not covariance.any():
            continue
        if clear.count[column] < LEAST_WINDOWS:
            raise TrainError(
                f"whitening: {name} is valid in {clear.count[column]} clear training windows; "
                f"expected {LEAST_WINDOWS} and more"
            )
        power, axes = np.linalg.eigh(covariance)
        floor = shrinkage * max(float(power.mean()), 1e-6)
        result[column] = (axes / np.sqrt(np.maximum(power, 0.0) + floor)) @ axes.T
    return result


def whiten(inputs: Features, matrices: FloatArray, clip: float = 0.0) -> Features:
    """Decorrelate windows.

    Parameters
    ----------
    inputs : ndarray of float32, shape (n, L, 2 F)
    matrices : ndarray, shape (F, L, L)
    clip : float, optional
        Decorrelated values are held within so many standard deviations; 0 leaves them.

    Returns
    -------
    ndarray of float32, shape (n, L, 2 F)
        The flags are as they were; a masked value counts as the climatology's median.
    """
    columns = matrices.shape[0]
    result = inputs.astype(np.float32, copy=True)
    for column in range(columns):
        matrix = matrices[column].astype(np.float32)
        result[:, :, column] = inputs[:, :, column] @ matrix.T
    if clip > 0.0:
        np.clip(result[:, :, :columns], -clip, clip, out=result[:, :, :columns])
    return result


def within_clip(inputs: Features, matrices: FloatArray, clip: float) -> Features:
    """Draw windows in until no decorrelated value passes the clip.

    They set the ranges of a quantised network: a range that is left to outliers costs resolution
    where the values are, and what saturates at the clip is what the clip would cut.

    Parameters
    ----------
    inputs : ndarray of float32, shape (n, L, 2 F)
    matrices : ndarray, shape (F, L, L)
    clip : float
        Above 0.

    Returns
    -------
    ndarray of float32, shape (n, L, 2 F)
    """
    columns = matrices.shape[0]
    largest = np.abs(whiten(inputs, matrices)[:, :, :columns]).max(axis=(1, 2))
    factor = np.minimum(1.0, clip / np.maximum(largest, 1e-6)).astype(np.float32)
    result = inputs.copy()
    result[:, :, :columns] *= factor[:, None, None]
    return result
