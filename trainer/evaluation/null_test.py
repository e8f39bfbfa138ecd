"""Whether there is skill where there can be none: null missions and placebos.

On a mission without perturbations a 95 % interval has to hold the AUC of 0.5 in 95 % of cases, and
the best of many models has to be no better than the best of as many without skill.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray
from trainer.common.errors import TrainError
from trainer.evaluation.bootstrap import LEVEL, checked, exact_interval, exact_test, numbered
from trainer.evaluation.metrics import roc_auc

_CHANCE = 0.5
# At most so many signs at once.
_CELLS = 1_000_000


@dataclass(frozen=True, slots=True)
class NullResult:
    """AUC of one model with one seed, where there is nothing to find."""

    model: str
    seed: int
    auc: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How many intervals hold an AUC of 0.5.

    Attributes
    ----------
    intervals, covered, seeds : int
    share, low, high : float
        Covered share with its exact binomial 95 % interval.
    p_value : float
        Two-sided exact, of the share being 0.95.
    """

    intervals: int
    covered: int
    seeds: int
    share: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxStatistic:
    """The largest skill among several models, against that of as many without skill.

    Attributes
    ----------
    model : str
        The one with the largest.
    statistic : float
        Its AUC - 0.5, absolute where the test is two-sided, from within groups.
    p_value : float
        Corrected for the number of models.
    critical : float
        5 % of the largest statistics under the null are above it.
    auc : dict of str to float
        Of each model.
    p_values : dict of str to float
        Corrected likewise, of each model.
    groups, permutations : int
        Groups that hold both classes.
    """

    model: str
    statistic: float
    p_value: float
    critical: float
    auc: dict[str, float]
    p_values: dict[str, float]
    groups: int
    permutations: int


def coverage(results: Iterable[NullResult]) -> Coverage:
    """Hold the coverage of intervals against the 95 % that they claim.

    Parameters
    ----------
    results : iterable of NullResult
        Of every model and seed; a seed is a mission of its own.

    Returns
    -------
    Coverage
        Interval and p value take all results as independent. Models judged on one mission share
        its luck, so with few seeds the p value is too small where many intervals miss.

    Raises
    ------
    TrainError
        There are no results, or one is not finite.
    """
    found = list(results)
    values = np.array([(r.auc, r.low, r.high) for r in found], dtype=np.float64).reshape(-1, 3)
    if not found or not np.isfinite(values).all():
        raise TrainError(
            f"coverage of {len(found)} results, {int((~np.isfinite(values)).any(axis=1).sum())} "
            "of them without a number; valid is 1 or more with all numbers"
        )
    covered = int(((values[:, 1] <= _CHANCE) & (values[:, 2] >= _CHANCE)).sum())
    low, high = exact_interval(covered, len(found))
    return Coverage(
        intervals=len(found),
        covered=covered,
        seeds=len({r.seed for r in found}),
        share=covered / len(found),
        low=low,
        high=high,
        p_value=exact_test(covered, len(found), LEVEL),
    )


def max_statistic(
    scores: Mapping[str, FloatArray],
    positive: BoolArray,
    group: AnyArray,
    permutations: int = 1000,
    seed: int = 0,
    two_sided: bool = True,
) -> MaxStatistic:
    """Test whether the best of several models has any skill.

    Parameters
    ----------
    scores : mapping of str to ndarray, shape (n,)
        Of each model, for the same windows.
    positive : ndarray of bool, shape (n,)
    group : ndarray, shape (n,)
        Cluster of a positive's mainshock, and the same for its matched controls.
    permutations : int
    seed : int
    two_sided : bool, optional
        Whether scores that are lower for positives count too.

    Raises
    ------
    TrainError
        There are no models, a class or a score is missing, or no group holds both classes.

    Notes
    -----
    With ranks over all windows, AUC - 0.5 is a sum over the groups: of the ranks of its positives
    less their expectation within the group. Swapping positive and control in all pairs of a
    group turns the sign of its term; groups are swapped at random, the same ones for all models.
    With several controls a positive the sign is turned likewise, which stands for exchanging it
    with their mean. Whole groups keep what binds the windows of one earthquake. The correction
    is that of the largest statistic (Westfall and Young 1993). With g groups no p value is below
    2 ** (1 - g), or 2 ** -g one-sided.
    """
    if not scores or permutations < 1:
        raise TrainError(
            f"{len(scores)} models and {permutations} permutations; valid is 1 or more of each"
        )
    names = list(scores)
    number, groups = numbered(group)
    truth = np.asarray(positive, dtype=np.bool_)
    terms, auc = [], {}
    for name in names:
        values, truth = checked(scores[name], truth, group)
        auc[name] = roc_auc(values, truth)
        terms.append(group_terms(values, truth, number, groups))
    both = np.bincount(number, truth, groups)
    mixed = (both > 0) & (both < np.bincount(number, minlength=groups))
    if not mixed.any():
        raise TrainError("no group holds positives and controls; valid is 1 or more")
    table = np.stack(terms, axis=1)[mixed]
    found = table.sum(axis=0)
    found = np.abs(found) if two_sided else found
    largest = _null_largest(table, permutations, seed, two_sided)
    # Rounding must not part values that are equal.
    p_values = {
        n: (int((largest >= s - 1e-12).sum()) + 1) / (permutations + 1)
        for n, s in zip(names, found, strict=True)
    }
    best = int(np.argmax(found))
    return MaxStatistic(
        model=names[best],
        statistic=float(found[best]),
        p_value=p_values[names[best]],
        critical=float(np.quantile(largest, LEVEL)),
        auc=auc,
        p_values=p_values,
        groups=int(mixed.sum()),
        permutations=permutations,
    )


def group_terms(
    scores: FloatArray, positive: BoolArray, number: AnyArray, groups: int
) -> FloatArray:
    """Give each group's part of AUC - 0.5; see the notes of `max_statistic`.

    Parameters
    ----------
    scores : ndarray, shape (n,)
    positive : ndarray of bool, shape (n,)
    number : ndarray of int64, shape (n,)
        Groups from 0.
    groups : int

    Returns
    -------
    ndarray, shape (groups,)
    """
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - 0.5 * (count - 1))[place]
    own = np.bincount(number, rank * positive, groups)
    share = np.bincount(number, positive, groups) / np.bincount(number, minlength=groups)
    wanted = float(positive.sum())
    result: FloatArray = own - share * np.bincount(number, rank, groups)
    return result / (wanted * (scores.size - wanted))


def _null_largest(table: FloatArray, permutations: int, seed: int, two_sided: bool) -> FloatArray:
    """Find the largest statistic of each permutation, shape (permutations,)."""
    rng = np.random.default_rng(seed)
    most = max(1, _CELLS // table.shape[0])
    largest = []
    for begin in range(0, permutations, most):
        rows = min(most, permutations - begin)
        signs = 2.0 * rng.integers(0, 2, (rows, table.shape[0])) - 1.0
        drawn = signs @ table
        largest.append((np.abs(drawn) if two_sided else drawn).max(axis=1))
    return np.concatenate(largest)
