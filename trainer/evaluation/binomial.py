"""Exact binomial intervals and tests."""

from __future__ import annotations

import numpy as np
from scipy import special

from edge.arrays import AnyArray, FloatArray
from trainer.evaluation.resampling import LEVEL


def exact_interval(hits: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Interval of a probability (Clopper and Pearson 1934).

    Parameters
    ----------
    hits, trials : int
    level : float

    Returns
    -------
    low, high : float
        0 to 1 where there were no trials.
    """
    tail = (1.0 - level) / 2.0
    low = float(special.betaincinv(hits, trials - hits + 1, tail)) if hits else 0.0
    high = float(special.betaincinv(hits + 1, trials - hits, 1.0 - tail)) if hits < trials else 1.0
    return low, high


def probabilities(trials: int, probability: float) -> FloatArray:
    """Probability of each number of hits, shape (trials + 1,)."""
    hits = np.arange(trials + 1)
    logarithm = special.gammaln(trials + 1) - special.gammaln(hits + 1)
    logarithm = logarithm - special.gammaln(trials - hits + 1)
    logarithm += special.xlogy(hits, probability) + special.xlog1py(trials - hits, -probability)
    result: FloatArray = np.exp(logarithm)
    return result


def exact_test(hits: int, trials: int, probability: float) -> float:
    """Two-sided p value: the weight of all that is no likelier than what was found.

    Parameters
    ----------
    hits, trials : int
    probability : float

    Returns
    -------
    float
        1 where there were no trials.
    """
    chance = probabilities(trials, probability)
    # The tolerance keeps outcomes that are as likely but for rounding.
    return min(1.0, float(chance[chance <= chance[hits] * (1.0 + 1e-7)].sum()))


def central_hits(trials: int, probability: AnyArray, level: float = LEVEL) -> AnyArray:
    """Least and most hits of the central range of a binomial.

    Parameters
    ----------
    trials : int
    probability : ndarray, shape (k,)
    level : float

    Returns
    -------
    ndarray of int64, shape (2, k)
        The quantiles at both ends, each the least number whose cumulated probability reaches it.
    """
    result = np.zeros((2, probability.size), dtype=np.int64)
    for i, p in enumerate(probability):
        below = np.cumsum(probabilities(trials, float(p)))
        for side, quantile in enumerate((0.5 - level / 2.0, 0.5 + level / 2.0)):
            result[side, i] = min(int(np.searchsorted(below, quantile - 1e-12)), trials)
    return result
