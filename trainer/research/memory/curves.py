"""Learning curves: the share of the reference's skill against the number of training clusters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.special import expit

from edge.arrays import BoolArray, FloatArray, IntArray
from edge.bundle import Metric
from trainer.evaluation.bootstrap import draws, interval, numbered
from trainer.evaluation.metrics import GroupedScores
from trainer.research.memory.recipe import label_of
from trainer.research.memory.study import Study, as_array, log_odds, subset
from trainer.research.memory.windows import SimulatedWindows, View
from trainer.research.paper.work import recipe_of
from trainer.training.fitting import fit_classifier, history_of

Verdict = Literal["met", "missed", "undecided"]


@dataclass(frozen=True)
class Truth:
    """What test windows are, whoever scores them.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
    group : ndarray of int64, shape (n,)
        Clusters with their controls, which are resampled whole.
    reference : ndarray, shape (n,)
        Scores of the reference.
    """

    positive: BoolArray
    group: IntArray
    reference: FloatArray


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A classifier that is fitted on some clusters and scores the test windows.

    Parameters
    ----------
    mission : str
        Label of a CSES-01.
    strength, form : str
    clusters : int
        Of training.
    kind : str
        Of a recipe.
    repetition : int
        Others have other clusters, as far as there are enough.
    seed : int
        Others have other weights and the same clusters.
    taught_by : int
        Trained on the mean score of so many that were trained from seeds 0 and on; 0: on labels.
    """

    mission: str
    strength: str
    form: str
    clusters: int
    kind: str
    repetition: int
    seed: int = 0
    taught_by: int = 0

    @property
    def name(self) -> str:
        """Name of the unit."""
        taught = f"-taught-by-{self.taught_by}" if self.taught_by else ""
        return (
            f"fit-{self.mission}-{self.strength}-{self.form}-{self.clusters}-{self.kind}"
            f"{taught}-{self.repetition + 1}-{self.seed + 1}"
        )


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point of a learning curve.

    Parameters
    ----------
    mission, kind, strength, form : str
    clusters : int
        Of training.
    share : Metric
        Of the reference's skill, mean over the repetitions, with the interval of 95 % from
        resampling test clusters, the same for model and reference.
    least, greatest : float
        Share of single repetitions.
    verdict : {"met", "missed", "undecided"}
        Of the goal, by the interval.
    """

    mission: str
    kind: str
    strength: str
    form: str
    clusters: int
    share: Metric
    least: float
    greatest: float
    verdict: Verdict


def curve_fits(study: Study) -> Iterator[list[Fit]]:
    """Give the fits of each point, its repetitions.

    Yields
    ------
    list of Fit
    """
    recipe = study.recipe
    axes = [
        (recipe.main, form, clusters, kind, repetitions)
        for form in recipe.forms
        for clusters in recipe.clusters
        for kind, repetitions in recipe.repetitions.items()
        # What a climatology costs is shown by one classifier.
        if form == recipe.form or kind == "seqnetquake"
    ]
    axes += [
        (label_of(years), recipe.form, recipe.clusters_of(years), kind, repetitions)
        for years in recipe.years
        for kind, repetitions in recipe.repetitions.items()
        if years != recipe.main_years or recipe.clusters_of(years) not in recipe.clusters
    ]
    for strength in recipe.strengths:
        for mission, form, clusters, kind, repetitions in axes:
            one = Fit(
                mission=mission,
                strength=strength,
                form=form,
                clusters=clusters,
                kind=kind,
                repetition=0,
            )
            # One with the same clusters again would say nothing of the spread between them.
            most = max(1, study.clusters_of(mission) // clusters)
            yield [replace(one, repetition=r) for r in range(min(repetitions, most))]


def run_curves(study: Study) -> list[Point]:
    """Fit and score what is not done yet, and give all points."""
    points = []
    truths: dict[tuple[str, str], Truth] = {}
    for fits in curve_fits(study):
        one = fits[0]
        key = one.mission, one.strength
        if key not in truths:
            truths[key] = truth_of(study, *key)
        scores = [as_array(fitted(study, fit)) for fit in fits]
        share, each = mean_share(scores, truths[key], study.recipe.resamples)
        points.append(
            Point(
                mission=one.mission,
                kind=one.kind,
                strength=one.strength,
                form=one.form,
                clusters=one.clusters,
                share=share,
                least=min(each),
                greatest=max(each),
                verdict=verdict(share, study.recipe.goal),
            )
        )
    return points


def truth_of(study: Study, mission: str, strength: str) -> Truth:
    """Give labels, groups and the reference's scores of the test windows."""
    made = study.missions[mission]
    test = made.windows("test", study.recipe.test_clusters)
    at = 1 + list(made.plan.strengths).index(strength)
    return Truth(test.label == 1, test.group, test.log_ratio[:, at])


def fitted(study: Study, fit: Fit) -> dict[str, Any]:
    """Give the result of a fit; do it where it is not there yet.

    Returns
    -------
    dict
        Log-odds of the test windows as ``scores``, of the training windows as ``train``; the
        ``epochs`` of a network.
    """
    made, recipe = study.missions[fit.mission], study.recipe
    first, last = subset(fit.repetition, fit.clusters, study.clusters_of(fit.mission))
    held = recipe.validation(fit.clusters)
    teachers = [
        fitted(study, replace(fit, taught_by=0, seed=seed)) for seed in range(fit.taught_by)
    ]

    def work() -> dict[str, Any]:
        blocks = (
            made.windows("train", last).clusters(first, last),
            made.windows("validation", held),
            made.windows("test", recipe.test_clusters),
        )
        teacher = expit(np.mean([one["train"] for one in teachers], axis=0)) if teachers else None
        view, seed = study.view(fit.mission, fit.form), 1 + fit.repetition + 1000 * fit.seed
        return fit_and_score(view, fit.kind, seed, blocks, fit.strength, teacher)

    about = (asdict(fit), first, last, held, dict(recipe_of(fit.kind).parameters))
    return study.unit(fit.name, about, work, (fit.mission,))


def fit_and_score(
    view: View,
    kind: str,
    seed: int,
    blocks: tuple[SimulatedWindows, SimulatedWindows, SimulatedWindows],
    strength: str,
    teacher: FloatArray | None = None,
) -> dict[str, Any]:
    """Fit a classifier on whitened windows, by its shipped recipe, and score those of test.

    Parameters
    ----------
    view : View
    kind : str
        Of a recipe.
    seed : int
        Of the weights.
    blocks : tuple of SimulatedWindows
        Training, validation, test.
    strength : str
    teacher : ndarray, shape (n,), optional
        Probabilities of the training windows, to learn from instead of the labels.

    Returns
    -------
    dict
        Log-odds of the test windows as ``scores``, of the training windows as ``train``; the
        ``epochs`` of a network.
    """
    recipe = recipe_of(kind)
    parameters, shrinkage = unwhitened(recipe.parameters)
    matrices = view.whitening(shrinkage)
    train, validation, test = (view.window_set(b, strength, matrices) for b in blocks)
    model = fit_classifier(recipe.kind, parameters, seed, train, validation, teacher=teacher)
    return {
        "scores": log_odds(model, test),
        "train": log_odds(model, train),
        "epochs": len(history_of(model)),
    }


def unwhitened(parameters: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """Turn the whitening of a network off, which sees whitened values here, as all kinds do.

    Returns
    -------
    dict
        Parameters.
    float
        Shrinkage of the whitening: that of the recipe, or of SeqNetQuake's.
    """
    shrinkage = float(recipe_of("seqnetquake").parameters["whitening"])
    if "whitening" not in parameters:
        return dict(parameters), shrinkage
    left = {name: value for name, value in parameters.items() if name != "whitening_clip"}
    return {**left, "whitening": 0.0}, float(parameters["whitening"])


def mean_share(
    scores: list[FloatArray], truth: Truth, resamples: int, seed: int = 0
) -> tuple[Metric, list[float]]:
    """Mean share of the reference's skill over repetitions.

    Parameters
    ----------
    scores : list of ndarray, shape (n,)
        Of each repetition, of the same windows.
    truth : Truth
    resamples, seed : int

    Returns
    -------
    Metric
        (Mean AUC - 0.5) over (AUC of the reference - 0.5), as
        `trainer.evaluation.reference_share` has it for one model.
    list of float
        Share of each repetition.
    """
    values, drawn = resampled([truth.reference, *scores], truth, "roc_auc", resamples, seed)
    values, drawn = values - 0.5, drawn - 0.5
    each = values[1:] / values[0]
    low, high = interval(drawn[1:].mean(axis=0) / drawn[0])
    return Metric("reference_share", float(each.mean()), low, high), each.tolist()


def resampled(
    scores: list[FloatArray], truth: Truth, metric: str, resamples: int, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Metric of several models, and the same on resampled clusters.

    Parameters
    ----------
    scores : list of ndarray, shape (n,)
        Log-odds of each of m models.
    truth : Truth
    metric : str
        Of `trainer.evaluation.metrics`; windows from log-odds 0 on are called positive.
    resamples, seed : int

    Returns
    -------
    values : ndarray, shape (m,)
    drawn : ndarray, shape (m, resamples)
    """
    number, groups = numbered(truth.group)
    models = [GroupedScores(s, truth.positive, number, 0.0, (metric,)) for s in scores]
    drawn = [
        np.stack([m.values(d)[metric] for m in models])
        for d in draws(groups, resamples, seed, models[0].width)
    ]
    return np.array([m.value()[metric] for m in models]), np.concatenate(drawn, axis=1)


def verdict(share: Metric, goal: float) -> Verdict:
    """Whether a goal is met, by the interval and never by the value."""
    if share.low >= goal:
        return "met"
    return "missed" if share.high < goal else "undecided"
