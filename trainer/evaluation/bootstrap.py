"""Resampling of whole groups: an earthquake's cluster with its matched controls stays together.

Windows of one half-orbit overlap and those of one earthquake share its fate, so that intervals
from single windows are far too narrow. The unit here is the group.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import binomtest

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray
from trainer.common.errors import TrainError

#: Two-sided level of every interval.
LEVEL = 0.95

#: At most so many numbers in one array of a resampling.
_CELLS = 1_000_000


def checked(
    scores: AnyArray, positive: AnyArray, *others: AnyArray
) -> tuple[FloatArray, BoolArray]:
    """Refuse what no metric can be made of.

    Parameters
    ----------
    scores : ndarray, shape (n,)
    positive : ndarray of bool, shape (n,)
    *others : ndarray, shape (n,)
        Such as groups: none may be below 0 where they are integers.

    Returns
    -------
    scores : ndarray, shape (n,)
    positive : ndarray of bool, shape (n,)

    Raises
    ------
    TrainError
        The shapes differ, a score is missing, a class is missing or a group is.
    """
    scores = np.asarray(scores, dtype=np.float64)
    positive = np.asarray(positive, dtype=np.bool_)
    shapes = [a.shape for a in (positive, *others)]
    if scores.ndim != 1 or any(s != scores.shape for s in shapes):
        raise TrainError(f"scores have shape {scores.shape}, their labels and groups {shapes}")
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise TrainError(f"{bad} of {scores.size} scores are missing or infinite; valid is none")
    wanted = int(positive.sum())
    if not 0 < wanted < scores.size:
        raise TrainError(
            f"{wanted} positive and {scores.size - wanted} other windows; "
            "valid is 1 or more of each"
        )
    for other in others:
        if other.dtype.kind == "i" and other.min() < 0:
            raise TrainError(
                f"{int((other < 0).sum())} of {other.size} windows have a group below 0; "
                "valid is 0 and above, also for controls"
            )
    return scores, positive


def numbered(group: AnyArray) -> tuple[IntArray, int]:
    """Give groups numbers from 0.

    Parameters
    ----------
    group : ndarray, shape (n,)
        Names of any type.

    Returns
    -------
    number : ndarray of int64, shape (n,)
    groups : int

    Raises
    ------
    TrainError
        There are fewer than two: nothing can be resampled.
    """
    names, number = np.unique(group, return_inverse=True)
    if names.size < 2:
        raise TrainError(f"{names.size} groups of windows; an interval needs 2 or more")
    return number.astype(np.int64), int(names.size)


def draws(groups: int, resamples: int, seed: int, width: int = 1) -> Iterator[FloatArray]:
    """Draw groups with replacement.

    Parameters
    ----------
    groups : int
    resamples : int
    seed : int
    width : int
        The arrays that a caller makes of a chunk have this many columns; it bounds their size.

    Yields
    ------
    ndarray, shape (b, groups)
        How often each group was drawn. The draws do not depend on the size of the chunks.
    """
    if resamples < 1:
        raise TrainError(f"resamples is {resamples}; valid is 1 and above")
    rng = np.random.default_rng(seed)
    most = max(1, _CELLS // max(groups, width))
    for begin in range(0, resamples, most):
        rows = min(most, resamples - begin)
        drawn = rng.integers(0, groups, (rows, groups))
        drawn += np.arange(rows)[:, None] * groups
        counts = np.bincount(drawn.ravel(), minlength=rows * groups)
        yield counts.reshape(rows, groups).astype(np.float64)


def interval(values: AnyArray) -> tuple[float, float]:
    """Percentile interval of resampled values.

    Parameters
    ----------
    values : ndarray, shape (b,)
        NaN where a resample lacked a class; those are left out.

    Raises
    ------
    TrainError
        Every resample lacked a class.
    """
    found = values[np.isfinite(values)]
    if not found.size:
        raise TrainError(f"none of {values.size} resamples has windows of both classes")
    low, high = np.quantile(found, (0.5 - LEVEL / 2.0, 0.5 + LEVEL / 2.0))
    return float(low), float(high)


def two_sided(differences: FloatArray) -> float:
    """Two-sided p value of resampled differences: twice the share beyond 0 on the lesser side.

    Parameters
    ----------
    differences : ndarray, shape (b,)
        NaN is left out.

    Returns
    -------
    float
        At least 2 / (b + 1).
    """
    found = differences[np.isfinite(differences)]
    beyond = min(int((found <= 0.0).sum()), int((found >= 0.0).sum()))
    return float(min(1.0, 2.0 * (beyond + 1) / (found.size + 1)))


def exact_interval(hits: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Interval of a probability (Clopper and Pearson 1934); 0 to 1 where there were no trials."""
    if not trials:
        return 0.0, 1.0
    found = binomtest(hits, trials).proportion_ci(level, "exact")
    return float(found.low), float(found.high)


def exact_test(hits: int, trials: int, probability: float) -> float:
    """Two-sided p value of a binomial test; 1 where there were no trials."""
    return float(binomtest(hits, trials, probability).pvalue) if trials else 1.0
