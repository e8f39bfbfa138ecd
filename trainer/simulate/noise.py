"""Gaussian noise along a track, of known covariance."""

from __future__ import annotations

import numpy as np

from trainer.simulate.geometry import Floats


def autoregressive(n: int, columns: int, time_s: float, rng: np.random.Generator) -> Floats:
    """First-order autoregressive noise of unit variance, stationary from the first sample.

    Parameters
    ----------
    n : int
        Samples at 1 s; less than 500 times `time_s`, or `running_sum` would overflow.
    columns : int
        Independent series.
    time_s : float
        Correlation time, seconds.
    rng : Generator

    Returns
    -------
    (n, columns) float64
    """
    phi = np.exp(-1.0 / time_s)
    shocks = rng.standard_normal((n, columns)) * np.sqrt(1.0 - phi**2)
    shocks[0] /= np.sqrt(1.0 - phi**2)
    return running_sum(shocks, time_s)


def running_sum(shocks: Floats, time_s: float) -> Floats:
    """Recursive filter ``x[k] = exp(-1/time) x[k-1] + shocks[k]`` along the first axis.

    Parameters
    ----------
    shocks : (n, k) float64
    time_s : float
        Correlation time in steps.

    Returns
    -------
    (n, k) float64

    Notes
    -----
    A scaled running sum, in blocks over which the scale stays far from overflow.
    """
    block = max(1, int(200.0 * time_s))
    result = np.empty_like(shocks)
    carried = np.zeros(shocks.shape[1])
    for start in range(0, len(shocks), block):
        part = shocks[start : start + block]
        scale = np.exp(np.arange(len(part)) / time_s)[:, None]
        decay = np.exp(-1.0 / time_s)
        result[start : start + block] = (np.cumsum(part * scale, axis=0) + decay * carried) / scale
        carried = result[start + len(part) - 1]
    return result
