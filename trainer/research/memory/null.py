"""What must hold where there is nothing to find: coverage of intervals, and the best of many.

Undisturbed windows with true labels: each repetition trains on other clusters and is tested on
windows of its own. Perturbed windows with shuffled labels: a positive and its control change
places at random, in training and test alike; repetitions have other shuffles of one test block.

Left out of the baselines: ``catalogue``, for windows in memory do not know the seismicity, and
``mask`` and ``constant``, for which a positive and its control are the same. That of masks is no
result here: the files' defects are not simulated, so that masks are matched exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge.arrays import FloatArray
from trainer.common.errors import TrainError
from trainer.evaluation.bootstrap import LEVEL, exact_interval, interval, numbered
from trainer.evaluation.null_test import (
    Coverage,
    MaxStatistic,
    NullResult,
    coverage,
    group_terms,
    max_statistic,
)
from trainer.research.memory.curves import Truth, fit_and_score, resampled
from trainer.research.memory.recipe import NullRecipe
from trainer.research.memory.study import Study, as_array, subset
from trainer.research.memory.windows import UNDISTURBED, SimulatedWindows
from trainer.research.paper.work import recipe_of

#: Names of the two cases.
NULL, SHUFFLED = "null", "shuffled"
_SAME = ("catalogue", "mask", "constant")
_ALPHA = 0.05
#: Of training, validation and test.
Blocks = tuple[SimulatedWindows, SimulatedWindows, SimulatedWindows]


@dataclass(frozen=True, kw_only=True)
class Misses:
    """How many intervals miss an AUC of 0.5, if each does at 5 %.

    Attributes
    ----------
    observed : int
    expected : float
    low, high : float
        95 % of the numbers that are to be expected lie from here to there.
    p_value : float
        Two-sided, of the observed number.
    """

    observed: int
    expected: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, kw_only=True)
class NullCase:
    """AUC of all models and repetitions where there is nothing to find.

    Attributes
    ----------
    name : {"null", "shuffled"}
    results : tuple of NullResult
        With the 95 % interval from resampling clusters; the seed is the repetition, from 1.
    coverage : Coverage
        As if all were independent.
    misses : Misses
        With models of a repetition as dependent as they are.
    largest : tuple of MaxStatistic
        Of each repetition; its p value is corrected for all models.
    below : int
        Repetitions in which that is at most 5 %.
    below_low, below_high : float
        Exact binomial 95 % interval of their share.
    constant : int
        Results that are not counted: the model cannot tell a single window from its control.
    """

    name: str
    results: tuple[NullResult, ...]
    coverage: Coverage
    misses: Misses
    largest: tuple[MaxStatistic, ...]
    below: int
    below_low: float
    below_high: float
    constant: int


@dataclass(frozen=True, kw_only=True)
class NullFindings:
    """Both cases.

    Attributes
    ----------
    undisturbed, shuffled : NullCase
    rule : NullRecipe
    test_clusters : int
        Of each repetition.
    """

    undisturbed: NullCase
    shuffled: NullCase
    rule: NullRecipe
    test_clusters: int


def run_null(study: Study, rule: NullRecipe) -> NullFindings:
    """Fit and score what is not done yet, and judge it.

    Parameters
    ----------
    study : Study
        Its test clusters, resamples and rule of validation hold here too.
    rule : NullRecipe

    Raises
    ------
    TrainError
        A kind can tell nothing here, or the mission has no such strength.
    """
    useless = [k for k in (*rule.kinds, *rule.shuffled_kinds) if k in _SAME]
    if useless:
        raise TrainError(f"null test: {useless[0]} cannot tell windows in memory apart")
    known = list(study.missions[rule.mission].plan.strengths)
    if rule.strength not in known:
        raise TrainError(f"null test: strength {rule.strength!r}; known are {', '.join(known)}")
    return NullFindings(
        undisturbed=_case(study, rule, NULL),
        shuffled=_case(study, rule, SHUFFLED),
        rule=rule,
        test_clusters=study.recipe.test_clusters,
    )


def null_units(rule: NullRecipe) -> list[tuple[str, int, str]]:
    """List case, repetition and kind of all that is fitted, for `null_scores`."""
    return [
        (name, repetition, kind)
        for repetition in range(rule.repetitions)
        for name, kinds in ((NULL, rule.kinds), (SHUFFLED, rule.shuffled_kinds))
        for kind in kinds
    ]


def null_scores(
    study: Study, rule: NullRecipe, name: str, repetition: int, kind: str
) -> FloatArray:
    """Fit a classifier where it is not done yet, and give its log-odds of test, shape (n,)."""
    return _scores(study, rule, name, repetition, kind, _blocks(study, rule, name, repetition))


def shuffled(windows: SimulatedWindows, seed: tuple[int, ...]) -> SimulatedWindows:
    """Exchange labels within pairs at random.

    Parameters
    ----------
    windows : SimulatedWindows
    seed : tuple of int
    """
    coin = np.random.default_rng(seed).random(int(windows.pair.max()) + 1) < 0.5
    label = np.where(coin[windows.pair], 1 - windows.label, windows.label)
    return replace(windows, label=label.astype(np.int8))


def expected_misses(
    tables: Iterable[FloatArray], observed: int, permutations: int, seed: int = 0
) -> Misses:
    """Find how many intervals miss 0.5 by chance, models of a repetition being dependent.

    Parameters
    ----------
    tables : iterable of ndarray, shape (groups, m)
        Of each repetition: each group's part of AUC - 0.5 of m models.
    observed : int
        Misses of all repetitions and models.
    permutations, seed : int

    Notes
    -----
    Where there is nothing to find, a group's parts may change sign, for all models together
    (see `trainer.evaluation.null_test.max_statistic`). With the signs turned at random, a model
    misses where its AUC is farther from 0.5 than in 95 % of the draws: each at 5 %, and together
    as often as models that see the same windows do. Repetitions are drawn independently.
    """
    rng = np.random.default_rng(seed)
    count = np.zeros(permutations)
    for table in tables:
        signs = 2.0 * rng.integers(0, 2, (permutations, len(table)), dtype=np.int8) - 1.0
        drawn = np.abs(signs @ table)
        # Rounding must not part values that are equal.
        count += (drawn > np.quantile(drawn, LEVEL, axis=0) + 1e-12).sum(axis=1)
    low, high = interval(count)
    beyond = min(int((count >= observed).sum()), int((count <= observed).sum()))
    return Misses(
        observed=observed,
        expected=float(count.mean()),
        low=low,
        high=high,
        p_value=min(1.0, 2.0 * (beyond + 1) / (permutations + 1)),
    )


def lines(findings: NullFindings) -> list[str]:
    """Say whether it holds, in Markdown."""
    rule = findings.rule
    cases = (findings.undisturbed, findings.shuffled)
    return [
        f"All simulated. Undisturbed windows: {rule.repetitions} repetitions, each with other "
        f"training clusters ({rule.clusters}) where there are enough and "
        f"{findings.test_clusters:,} test clusters of its own. Shuffled labels: perturbations of "
        f"{rule.strength}, positive and control exchanged at random in half of the pairs. An "
        "interval of 95 % is to hold an AUC of 0.5 in 95 % of cases; models of a repetition see "
        "the same windows, so that misses come together, which the expected number respects.",
        "",
        "| windows | intervals | hold 0.5 | p, if independent | misses: expected (95 %) | p | "
        "best model: corrected p at most 5 % |",
        "|---|---|---|---|---|---|---|",
        *(_row(c) for c in cases),
        "",
        *(_by_model(c) for c in cases),
    ]


def _row(case: NullCase) -> str:
    held, misses = case.coverage, case.misses
    constant = f", {case.constant} constant not counted" if case.constant else ""
    return (
        f"| {'undisturbed' if case.name == NULL else 'shuffled labels'} | {held.intervals}"
        f"{constant} | {held.covered}, {100 * held.share:.1f} % ({100 * held.low:.1f} to "
        f"{100 * held.high:.1f}) | {held.p_value:.2g} | {misses.observed}: "
        f"{misses.expected:.1f} ({misses.low:.0f} to {misses.high:.0f}) | {misses.p_value:.2g} | "
        f"{case.below} of {len(case.largest)} repetitions ({100 * case.below_low:.0f} to "
        f"{100 * case.below_high:.0f} %) |"
    )


def _by_model(case: NullCase) -> str:
    words = []
    for model in dict.fromkeys(r.model for r in case.results):
        mine = [r for r in case.results if r.model == model]
        held = sum(r.low <= 0.5 <= r.high for r in mine)
        words.append(f"{model} {np.mean([r.auc for r in mine]):.3f}, {held} of {len(mine)}")
    name = "Undisturbed" if case.name == NULL else "Shuffled labels"
    return f"- {name}, mean AUC and intervals that hold 0.5: {'; '.join(words)}."


def _case(study: Study, rule: NullRecipe, name: str) -> NullCase:
    kinds = rule.kinds if name == NULL else rule.shuffled_kinds
    results, largest, tables, constant = [], [], [], 0
    for repetition in range(rule.repetitions):
        blocks = _blocks(study, rule, name, repetition)
        test = blocks[2]
        group = test.group
        truth = Truth(test.label == 1, group, np.zeros(0))
        number, groups = numbered(group)
        scores, terms = {}, []
        for kind in kinds:
            found = _scores(study, rule, name, repetition, kind, blocks)
            parts = group_terms(found, truth.positive, number, groups)
            if np.abs(parts).max() < 1e-12:
                constant += 1
                continue
            scores[kind] = found
            terms.append(parts)
        if not scores:
            continue
        values, drawn = resampled(
            list(scores.values()), truth, "roc_auc", study.recipe.resamples, repetition
        )
        results += [
            NullResult(kind, 1 + repetition, float(value), *interval(one))
            for kind, value, one in zip(scores, values, drawn, strict=True)
        ]
        largest.append(
            max_statistic(scores, truth.positive, group, study.recipe.resamples, repetition)
        )
        tables.append(np.stack(terms, axis=1))
    held = coverage(results)
    below = sum(one.p_value <= _ALPHA for one in largest)
    low, high = exact_interval(below, len(largest))
    missed = held.intervals - held.covered
    return NullCase(
        name=name,
        results=tuple(results),
        coverage=held,
        misses=expected_misses(tables, missed, study.recipe.resamples),
        largest=tuple(largest),
        below=below,
        below_low=low,
        below_high=high,
        constant=constant,
    )


def _blocks(study: Study, rule: NullRecipe, name: str, repetition: int) -> Blocks:
    """Give the windows of training, validation and test of a repetition."""
    mission, recipe = study.missions[rule.mission], study.recipe
    first, last = subset(repetition, rule.clusters, max(recipe.clusters))
    train = mission.windows("train", last).clusters(first, last)
    validation = mission.windows("validation", recipe.validation(rule.clusters))
    if name == NULL:
        return train, validation, mission.windows(f"null-{repetition}", recipe.test_clusters)
    test = mission.windows("test", recipe.test_clusters)
    return (
        shuffled(train, (repetition, 0)),
        shuffled(validation, (repetition, 1)),
        shuffled(test, (repetition, 2)),
    )


def _scores(
    study: Study,
    rule: NullRecipe,
    name: str,
    repetition: int,
    kind: str,
    blocks: Blocks,
) -> FloatArray:
    strength = UNDISTURBED if name == NULL else rule.strength
    first, last = subset(repetition, rule.clusters, max(study.recipe.clusters))
    held = study.recipe.validation(rule.clusters)

    def work() -> dict[str, Any]:
        view = study.view(rule.mission, rule.form)
        return fit_and_score(view, kind, 1 + repetition, blocks, strength)

    parameters = dict(recipe_of(kind).parameters)
    about = (name, strength, rule.form, first, last, held, kind, parameters, repetition)
    return as_array(study.unit(f"{name}-{kind}-{repetition + 1}", about, work, (rule.mission,)))
