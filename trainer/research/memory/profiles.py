"""What plasma, waves and both tell classifiers of one and the same perturbation.

The state is simulated once, with all observables; `plasma` and `waves` are columns of it, and of
its climatology. Perturbations are of strengths that the reference of the waves can find: those of
the plasma, which the other studies use, move the waves by too little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from edge.arrays import FloatArray, IntArray
from edge.bundle import Metric
from edge.climatology import Climatology
from edge.observables import PROFILES
from trainer.common.errors import TrainError
from trainer.evaluation.bootstrap import interval
from trainer.research.memory.curves import Truth, fit_and_score, resampled
from trainer.research.memory.missions import Mission, MissionPlan
from trainer.research.memory.recipe import ProfilesRecipe
from trainer.research.memory.study import Study, as_array, subset
from trainer.research.memory.windows import SimulatedWindows, View, refer
from trainer.research.paper.design import strengths_of
from trainer.research.paper.pooled import table
from trainer.research.paper.work import recipe_of

#: The first is what the others are compared with.
COMPARED = ("plasma", "waves", "full")
_FULL = "full"


@dataclass(frozen=True, kw_only=True)
class ProfileResult:
    """A classifier that sees one profile of perturbations of one strength.

    Attributes
    ----------
    profile, kind, strength : str
    auc : Metric
        Mean over the repetitions, with the 95 % interval from resampling test clusters.
    least, greatest : float
        AUC of single repetitions.
    reference : float
        AUC of the reference of the profile.
    share : Metric
        Of the reference's skill, AUC - 0.5.
    gain : Metric
        `auc` less that with `plasma`, paired; 0 for `plasma` itself.
    """

    profile: str
    kind: str
    strength: str
    auc: Metric
    least: float
    greatest: float
    reference: float
    share: Metric
    gain: Metric


@dataclass(frozen=True, kw_only=True)
class ProfileFindings:
    """All results, and what they are of.

    Attributes
    ----------
    results : tuple of ProfileResult
    strengths : dict of str to float
        Standard deviations.
    rule : ProfilesRecipe
    """

    results: tuple[ProfileResult, ...]
    strengths: dict[str, float]
    rule: ProfilesRecipe


def run_profiles(study: Study, rule: ProfilesRecipe) -> ProfileFindings:
    """Fit and score what is not done yet, and compare the profiles.

    Parameters
    ----------
    study : Study
        Its resamples and rule of validation hold here too.
    rule : ProfilesRecipe

    Raises
    ------
    TrainError
        There is no such strength.
    """
    return Comparison(study, rule).run()


def profile_units(rule: ProfilesRecipe) -> list[tuple[str, str, str, int]]:
    """List all that is fitted, for `Comparison.scores`."""
    return [
        (profile, kind, strength, r)
        for strength in rule.strengths
        for kind in rule.kinds
        for profile in COMPARED
        for r in range(rule.repetitions)
    ]


def of_profile(windows: SimulatedWindows, profile: str) -> SimulatedWindows:
    """Take the columns of a profile out of windows of profile `full`.

    Parameters
    ----------
    windows : SimulatedWindows
        The reference's scores stay, which are of all columns.
    profile : str
    """
    columns = _columns(profile)
    names = ("values", "mean", "valid", "samples")
    return replace(windows, **{n: getattr(windows, n)[..., columns] for n in names})


def lines(findings: ProfileFindings) -> list[str]:
    """Write the table, in Markdown."""
    rule, results = findings.rule, findings.results
    kinds = list(dict.fromkeys(r.kind for r in results))
    sizes = ", ".join(f"{k} of {v:.4g} standard deviations" for k, v in findings.strengths.items())
    rows = []
    for strength, profile in dict.fromkeys((r.strength, r.profile) for r in results):
        mine = [r for r in results if (r.strength, r.profile) == (strength, profile)]
        cells = [cell for kind in kinds for cell in _cells(mine, kind)]
        rows.append([strength, profile, f"{mine[0].reference:.3f}", *cells])
    heads = [head for kind in kinds for head in (f"{kind}: AUC", "share, %", "gain")]
    return [
        f"All simulated. The same perturbations for all profiles: {sizes}; a name is the AUC of "
        f"the reference of the waves. {rule.repetitions} repetitions on {rule.clusters} clusters "
        f"each, others for each repetition; {rule.test_clusters:,} test clusters; climatology "
        f"{rule.form}. Mean AUC with its 95 % interval from resampling test clusters and the "
        "least and greatest of one repetition; share of the skill of the profile's own "
        "reference; gain in AUC over plasma, paired.",
        "",
        *table(["strength", "profile", "reference", *heads], rows),
    ]


def _cells(results: list[ProfileResult], kind: str) -> list[str]:
    one = next(r for r in results if r.kind == kind)
    gain = "" if one.profile == COMPARED[0] else _text(one.gain, "+.3f")
    share = Metric("", *(100.0 * v for v in (one.share.value, one.share.low, one.share.high)))
    auc = f"{_text(one.auc, '.3f')}; {one.least:.3f} to {one.greatest:.3f}"
    return [auc, _text(share, ".1f"), gain]


def _text(metric: Metric, form: str) -> str:
    return f"{metric.value:{form}} ({metric.low:{form}} to {metric.high:{form}})"


def _columns(profile: str) -> IntArray:
    return np.array([PROFILES[_FULL].names.index(name) for name in PROFILES[profile].names])


class Comparison:
    """The mission with all observables, and what classifiers see of it."""

    def __init__(self, study: Study, rule: ProfilesRecipe) -> None:
        self.study, self.rule = study, rule
        plan = study.missions[rule.mission].plan
        known = strengths_of(plan.mission, "waves")
        unknown = [s for s in rule.strengths if s not in known]
        if unknown:
            raise TrainError(f"profiles: strength {unknown[0]!r}; known are {', '.join(known)}")
        self.plan: MissionPlan = msgspec.structs.replace(
            plan, profile=_FULL, strengths={s: known[s] for s in rule.strengths}
        )
        self.mission = Mission(self.plan, study.folder / "windows", study.tell, study.work)
        self._views: dict[str, View] = {}
        self._test = self.mission.windows("test", rule.test_clusters)
        self._group = self._test.group

    def run(self) -> ProfileFindings:
        """Fit and score what is not done yet, and compare the profiles."""
        results: list[ProfileResult] = []
        references = {profile: self._reference(profile) for profile in COMPARED}
        for strength in self.rule.strengths:
            for kind in self.rule.kinds:
                drawn = {
                    profile: self._drawn(profile, kind, strength, references[profile][strength])
                    for profile in COMPARED
                }
                results += [_result(p, kind, strength, drawn) for p in COMPARED]
        order = {p: i for i, p in enumerate(COMPARED)}
        results.sort(key=lambda r: (self.rule.strengths.index(r.strength), order[r.profile]))
        return ProfileFindings(
            results=tuple(results), strengths=self.plan.strengths, rule=self.rule
        )

    def _drawn(
        self, profile: str, kind: str, strength: str, reference: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Give the AUC of reference and repetitions; the draws are the same for all profiles."""
        scores = [self.scores(profile, kind, strength, r) for r in range(self.rule.repetitions)]
        truth = Truth(self._test.label == 1, self._group, reference)
        return resampled([reference, *scores], truth, "roc_auc", self.study.recipe.resamples)

    def _reference(self, profile: str) -> dict[str, FloatArray]:
        block = replace(self.mission.block("test"), profile=profile)

        def work() -> dict[str, Any]:
            seen = self._test if profile == _FULL else refer(block, of_profile(self._test, profile))
            return {"scores": np.round(seen.log_ratio[:, 1:].T, 5).tolist()}

        about = (profile, self.plan, self.rule.test_clusters)
        found = as_array(self.study.unit(f"profiles-{profile}-reference", about, work, ()))
        return dict(zip(self.rule.strengths, found, strict=True))

    def simulate(self) -> None:
        """Simulate all that is asked for, where it is not there yet."""
        rule = self.rule
        self.mission.windows("train", rule.clusters * rule.repetitions)
        self.mission.windows("validation", self.study.recipe.validation(rule.clusters))
        self.mission.climatology(rule.form)
        for profile in COMPARED:
            self._reference(profile)

    def scores(self, profile: str, kind: str, strength: str, repetition: int) -> FloatArray:
        """Fit a classifier where it is not done yet, and give its log-odds of test, shape (n,)."""
        rule, held = self.rule, self.study.recipe.validation(self.rule.clusters)
        first, last = subset(repetition, rule.clusters, rule.clusters * rule.repetitions)

        def work() -> dict[str, Any]:
            blocks = (
                self.mission.windows("train", last).clusters(first, last),
                self.mission.windows("validation", held),
                self._test,
            )
            train, validation, test = (of_profile(b, profile) for b in blocks)
            view = self._view(profile)
            return fit_and_score(view, kind, 1 + repetition, (train, validation, test), strength)

        parameters = dict(recipe_of(kind).parameters)
        about = (profile, strength, first, last, held, kind, parameters, repetition)
        words = (*about, rule.form, rule.test_clusters, self.plan)
        name = f"profiles-{profile}-{strength}-{kind}-{repetition + 1}"
        return as_array(self.study.unit(name, words, work, ()))

    def _view(self, profile: str) -> View:
        if profile not in self._views:
            fitted, clear = self.mission.climatology(self.rule.form)
            self._views[profile] = View(
                self.plan.mission,
                tuple(self.plan.strengths),
                _cut(fitted, profile),
                of_profile(clear, profile),
                profile,
            )
        return self._views[profile]


def _cut(climatology: Climatology, profile: str) -> Climatology:
    """Take the columns of a profile: each was fitted by itself."""
    columns = _columns(profile)
    return replace(
        climatology,
        names=PROFILES[profile].names,
        median={m: table[..., columns] for m, table in climatology.median.items()},
        spread={m: table[..., columns] for m, table in climatology.spread.items()},
    )


def _result(
    profile: str, kind: str, strength: str, drawn: dict[str, tuple[FloatArray, FloatArray]]
) -> ProfileResult:
    values, chance = drawn[profile]
    reference, each = float(values[0]), values[1:]
    auc, all_auc = float(each.mean()), chance[1:].mean(axis=0)
    plasma, all_plasma = (v[1:].mean(axis=0) for v in drawn[COMPARED[0]])
    share, all_shares = (auc - 0.5) / (reference - 0.5), (all_auc - 0.5) / (chance[0] - 0.5)
    return ProfileResult(
        profile=profile,
        kind=kind,
        strength=strength,
        auc=Metric("roc_auc", auc, *interval(all_auc)),
        least=float(each.min()),
        greatest=float(each.max()),
        reference=reference,
        share=Metric("reference_share", share, *interval(all_shares)),
        gain=Metric("roc_auc", auc - float(plasma), *interval(all_auc - all_plasma)),
    )
