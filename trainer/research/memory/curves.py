"""Learning curves: the share of the reference's skill against the number of training clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from edge.arrays import BoolArray, FloatArray, IntArray
from edge.bundle import Metric
from trainer.evaluation.bootstrap import draws, interval, numbered
from trainer.evaluation.metrics import GroupedScores
from trainer.models.window_set import groups_of
from trainer.research.memory.study import Study, as_array, log_odds, subset
from trainer.research.memory.windows import SimulatedWindows
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
class Point:
    """A point of a learning curve.

    Parameters
    ----------
    kind, strength, form : str
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

    kind: str
    strength: str
    form: str
    clusters: int
    share: Metric
    least: float
    greatest: float
    verdict: Verdict


def run_curves(study: Study) -> list[Point]:
    """Fit and score what is not done yet, and give all points.

    Parameters
    ----------
    study : Study
    """
    recipe = study.recipe
    cses = study.missions["cses"]
    train = cses.windows("train", max(recipe.clusters))
    validation = cses.windows("validation", recipe.validation(max(recipe.clusters)))
    test = cses.windows("test", recipe.test_clusters)
    points = []
    for strength in recipe.strengths:
        truth = truth_of(study, test, strength)
        for form in recipe.forms:
            for clusters in recipe.clusters:
                for kind, repetitions in recipe.repetitions.items():
                    scores = [
                        as_array(_unit(study, (train, validation, test), *unit))
                        for unit in (
                            (strength, form, clusters, kind, r) for r in range(repetitions)
                        )
                    ]
                    points.append(_point(study, (kind, strength, form, clusters), scores, truth))
    return points


def truth_of(study: Study, test: SimulatedWindows, strength: str) -> Truth:
    """Give labels, groups and the reference's scores of test windows."""
    at = 1 + list(study.missions["cses"].plan.strengths).index(strength)
    cluster = np.where(test.label == 1, test.cluster, -1)
    return Truth(test.label == 1, groups_of(cluster, test.pair), test.log_ratio[:, at])


def _unit(
    study: Study,
    blocks: tuple[SimulatedWindows, SimulatedWindows, SimulatedWindows],
    strength: str,
    form: str,
    clusters: int,
    kind: str,
    repetition: int,
) -> dict[str, Any]:
    train, validation, test = blocks
    recipe = recipe_of(kind)
    first, last = subset(repetition, clusters, max(study.recipe.clusters))
    held = study.recipe.validation(clusters)

    def work() -> dict[str, Any]:
        view = study.view("cses", form)
        parameters, matrices = unwhitened(recipe.parameters)
        whitening = view.whitening(matrices)
        model = fit_classifier(
            kind,
            parameters,
            1 + repetition,
            view.window_set(train.clusters(first, last), strength, whitening),
            view.window_set(validation.clusters(0, held), strength, whitening),
        )
        scores = log_odds(model, view.window_set(test, strength, whitening))
        return {"scores": scores, "epochs": len(history_of(model))}

    about = (strength, form, first, last, held, kind, dict(recipe.parameters), repetition)
    name = f"curve-{strength}-{form}-{clusters}-{kind}-{repetition + 1}"
    return study.unit(name, about, work)


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
    return {**parameters, "whitening": 0.0}, float(parameters["whitening"])


def _point(
    study: Study, what: tuple[str, str, str, int], scores: list[FloatArray], truth: Truth
) -> Point:
    kind, strength, form, clusters = what
    share, each = mean_share(scores, truth, study.recipe.resamples)
    return Point(
        kind=kind,
        strength=strength,
        form=form,
        clusters=clusters,
        share=share,
        least=min(each),
        greatest=max(each),
        verdict=verdict(share, study.recipe.goal),
    )


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
