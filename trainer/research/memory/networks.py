"""Which network could ship, and how all classifiers rank, by intervals from the same test clusters.

A candidate is a network of its own, the mean of several, or one that was taught by several: it is
held against single networks of SeqNetQuake as published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from edge.arrays import FloatArray
from edge.bundle import Metric
from trainer.evaluation.bootstrap import interval
from trainer.research.memory.curves import Fit, Truth, fitted, resampled, truth_of, verdict
from trainer.research.memory.study import Study, as_array

#: What the others are held against.
PUBLISHED = "seqnetquake"
_LINEAR = "logistic"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What could ship, at one strength.

    Parameters
    ----------
    name, strength : str
    clusters : int
        Of training.
    share : Metric
        Of the reference's skill, mean over repetitions.
    gain : Metric
        Over single networks of SeqNetQuake, in shares, paired.
    """

    name: str
    strength: str
    clusters: int
    share: Metric
    gain: Metric


@dataclass(frozen=True, kw_only=True)
class Rank:
    """Place of a classifier among all, by its mean AUC over the repetitions.

    Parameters
    ----------
    kind, strength : str
    share : Metric
    rank : Metric
        1 is the best; with the interval of 95 % over resampled clusters.
    verdict : {"met", "missed", "undecided"}
        Of being the first.
    """

    kind: str
    strength: str
    share: Metric
    rank: Metric
    verdict: str


def network_fits(study: Study) -> Iterator[Fit]:
    """Give the fits that `run_networks` needs; those that are taught come last."""
    recipe = study.recipe
    rule = recipe.networks
    taught = []
    for strength in recipe.strengths:
        for clusters in rule.clusters:
            for r in range(rule.repetitions):
                for kind in (*rule.kinds, _LINEAR):
                    one = Fit(
                        mission=recipe.main,
                        strength=strength,
                        form=recipe.form,
                        clusters=clusters,
                        kind=kind,
                        repetition=r,
                    )
                    if kind == _LINEAR:
                        yield one
                        continue
                    yield from (replace(one, seed=s) for s in range(rule.seeds))
                    if kind.startswith(PUBLISHED):
                        taught.append(replace(one, taught_by=rule.seeds))
    yield from taught


def run_networks(study: Study) -> list[Candidate]:
    """Fit and score what is not done yet, and compare."""
    recipe = study.recipe
    rule = recipe.networks
    scores: dict[tuple[str, int], dict[Fit, FloatArray]] = {}
    for fit in network_fits(study):
        found = scores.setdefault((fit.strength, fit.clusters), {})
        found[fit] = as_array(fitted(study, fit))
    candidates = []
    for (strength, clusters), each in scores.items():
        truth = truth_of(study, recipe.main, strength)
        made = _candidates(each, rule.kinds, rule.repetitions)
        shares = _shares(made, truth, recipe.resamples)
        other, others = shares[PUBLISHED]
        candidates += [
            Candidate(
                name=name,
                strength=strength,
                clusters=clusters,
                share=Metric("reference_share", share, *interval(drawn)),
                gain=Metric("share_gain", share - other, *interval(drawn - others)),
            )
            for name, (share, drawn) in shares.items()
        ]
    return candidates


def _candidates(
    scores: dict[Fit, FloatArray], kinds: list[str], repetitions: int
) -> dict[str, list[FloatArray]]:
    """Give the scores of each candidate, a list of its repetitions."""
    made: dict[str, list[FloatArray]] = {}
    for kind in kinds:
        plain = {f: s for f, s in scores.items() if f.kind == kind and not f.taught_by}
        made[kind] = list(plain.values())
        groups = [[s for f, s in plain.items() if f.repetition == r] for r in range(repetitions)]
        made[f"mean of {len(groups[0])} {kind}"] = [np.mean(g, axis=0) for g in groups]
        taught = {f: s for f, s in scores.items() if f.kind == kind and f.taught_by}
        if taught:
            made[f"{kind} taught by {len(groups[0])}"] = list(taught.values())
        line = [s for f, s in scores.items() if f.kind == _LINEAR]
        made[f"mean of {kind} and {_LINEAR}"] = [
            0.5 * (s + line[f.repetition]) for f, s in plain.items()
        ]
    return made


def _shares(
    scores: dict[str, list[FloatArray]], truth: Truth, resamples: int
) -> dict[str, tuple[float, FloatArray]]:
    """Share of the reference's skill, mean over repetitions, and the same on resampled clusters.

    All models are resampled together: the draws are the same, and made once.
    """
    everything = [truth.reference, *(s for some in scores.values() for s in some)]
    values, drawn = resampled(everything, truth, "roc_auc", resamples)
    values, drawn = values - 0.5, drawn - 0.5
    ends = 1 + np.cumsum([0, *(len(some) for some in scores.values())])
    return {
        name: (float(values[a:b].mean() / values[0]), drawn[a:b].mean(axis=0) / drawn[0])
        for name, (a, b) in zip(scores, pairwise(ends), strict=True)
    }


def rank_fits(study: Study) -> Iterator[list[Fit]]:
    """Give the fits of each classifier at each strength, its repetitions."""
    recipe = study.recipe
    for strength in recipe.strengths:
        for kind, repetitions in recipe.ranked.items():
            yield [
                Fit(
                    mission=recipe.main,
                    strength=strength,
                    form=recipe.form,
                    clusters=recipe.ranked_clusters,
                    kind=kind,
                    repetition=r,
                )
                for r in range(repetitions)
            ]


def run_ranks(study: Study) -> list[Rank]:
    """Fit and score what is not done yet, and rank."""
    by_strength: dict[str, dict[str, list[FloatArray]]] = {}
    for fits in rank_fits(study):
        found = by_strength.setdefault(fits[0].strength, {})
        found[fits[0].kind] = [as_array(fitted(study, fit)) for fit in fits]
    ranks = []
    for strength, scores in by_strength.items():
        truth = truth_of(study, study.recipe.main, strength)
        ranks += rank(strength, scores, truth, study.recipe.resamples)
    return ranks


def rank(
    strength: str, scores: dict[str, list[FloatArray]], truth: Truth, resamples: int
) -> list[Rank]:
    """Rank classifiers.

    Parameters
    ----------
    strength : str
    scores : dict of str to list of ndarray, shape (n,)
        Of each classifier its repetitions, of the same windows.
    truth : Truth
    resamples : int

    Returns
    -------
    list of Rank
        The best first.
    """
    found = _shares(scores, truth, resamples)
    share = np.array([one for one, _ in found.values()])
    shares = np.stack([drawn for _, drawn in found.values()])
    place = 1 + (share[None, :] > share[:, None]).sum(axis=1)
    places = 1 + (shares[None, :] > shares[:, None]).sum(axis=1)
    result = []
    for i, kind in enumerate(scores):
        low, high = interval(places[i].astype(np.float64))
        result.append(
            Rank(
                kind=kind,
                strength=strength,
                share=Metric("reference_share", float(share[i]), *interval(shares[i])),
                rank=Metric("rank", float(place[i]), low, high),
                # A rank is good when it is low.
                verdict=verdict(Metric("rank", -float(place[i]), -high, -low), -1.0),
            )
        )
    return sorted(result, key=lambda one: one.rank.value)
