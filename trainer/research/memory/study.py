"""Missions, climatologies and results of the studies in memory, in one folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from scipy.special import logit

from edge import RELEASE
from edge.arrays import FloatArray
from edge.climatology import Climatology
from edge.observables import MissionName
from edge.outputs import replace_file
from trainer.models.classifier import Classifier
from trainer.models.window_set import WindowSet
from trainer.research.memory.missions import FORMAT, Mission, MissionPlan, NotDone, Tell
from trainer.research.memory.recipe import EXACT, SpanRecipe, StudyRecipe, label_of
from trainer.research.memory.windows import View
from trainer.research.paper.design import strengths_of

#: Probabilities are kept as log-odds, within this.
_SURE = 1e-9


class Study:
    """Missions, climatologies and results of a recipe in one folder.

    Parameters
    ----------
    recipe : StudyRecipe
    folder : Path
    tell : callable
        Takes a line of progress.
    work : bool, optional
        False: what is not done yet raises `NotDone`.
    """

    def __init__(self, recipe: StudyRecipe, folder: Path, tell: Tell, work: bool = True) -> None:
        self.recipe, self.folder, self.tell, self.work = recipe, folder, tell, work
        self.missions = {
            label: Mission(
                MissionPlan(
                    mission=name,
                    first=span.first,
                    last=span.last,
                    every=span.every,
                    strengths={key: strengths_of(name)[key] for key in strengths},
                ),
                folder / "windows",
                tell,
                work,
            )
            for label, name, span, strengths in _spans(recipe)
        }
        self._views: dict[tuple[str, str], View] = {}

    @property
    def main(self) -> Mission:
        """That of the learning curves."""
        return self.missions[self.recipe.main]

    def clusters_of(self, label: str) -> int:
        """Give the most clusters of training that are asked of a mission."""
        recipe = self.recipe
        if label == "demeter":
            return recipe.transfer.pretraining_clusters
        if label == recipe.main:
            return max(*recipe.clusters, recipe.ranked_clusters, *recipe.networks.clusters)
        return recipe.clusters_of(label.rpartition("-")[2])

    def view(self, label: str, form: str) -> View:
        """Show a mission's windows by a form of its climatology."""
        if (label, form) not in self._views:
            made = self.missions[label]
            fitted, clear = made.climatology("nearest" if form == EXACT else form)
            climatology: Climatology | None = None if form == EXACT else fitted
            strengths = tuple(made.plan.strengths)
            self._views[label, form] = View(made.plan.mission, strengths, climatology, clear)
        return self._views[label, form]

    def level(self, label: str) -> float:
        """Mean residual of the first observable in the undisturbed test year.

        A climatology serves the solar flux that it was fitted in: beyond it the level is off.
        """
        windows = self.missions[label].windows("test", self.recipe.test_clusters)
        inputs = self.view(label, self.recipe.form).residuals(windows)
        values, valid = inputs[:, :, 0], inputs[:, :, inputs.shape[2] // 2] > 0.0
        return float(values[valid].mean())

    def simulate(self, label: str) -> None:
        """Simulate all that is asked of a mission, where it is not there yet."""
        mission, clusters = self.missions[label], self.clusters_of(label)
        mission.windows("train", clusters)
        mission.windows("validation", self.recipe.validation(clusters))
        if label != "demeter":
            mission.windows("test", self.recipe.test_clusters)
        forms = {self.recipe.form, self.recipe.transfer.form}
        if label == self.recipe.main:
            forms |= set(self.recipe.forms)
            mission.windows("development", self.recipe.tuning.clusters)
        for form in sorted(forms - {EXACT}):
            mission.climatology(form)

    def about(self) -> list[str]:
        """Say what was simulated, a sentence each."""
        recipe, plans = self.recipe, [m.plan for m in self.missions.values()]
        spans = "; ".join(
            f"{p.mission} {p.first} to {p.last} (one half-orbit in {p.every})" for p in plans
        )
        rough = "; ".join(self.main.reference.approximations)
        return [
            f"Test: {recipe.test_clusters:,} clusters of CSES-01 each in the year after training "
            "and validation, and as many matched controls.",
            f"Training blocks: {spans}; in brackets what the climatology is of, fewer than a real "
            "archive has. They are simulated anew with other earthquakes and noise until there are "
            "enough clusters.",
            "All classifiers see the same residuals, decorrelated by the covariance of clear "
            "windows of the training block.",
            "The files' defects are left out. The reference knows the simulator and the strength; "
            f"it is no ceiling where it approximates: {rough}.",
        ]

    def fingerprint(self, about: Any, missions: tuple[str, ...]) -> str:
        """Digest what a result depends on; see `unit`."""
        plans = [self.missions[m].plan for m in missions]
        words = (FORMAT, RELEASE, about, self.recipe.test_clusters, plans)
        return hashlib.sha256(msgspec.json.encode(words)).hexdigest()

    def unit(
        self,
        name: str,
        about: Any,
        work: Callable[[], dict[str, Any]],
        missions: tuple[str, ...],
    ) -> dict[str, Any]:
        """Give the result of a unit; do the work where it is not there yet.

        Parameters
        ----------
        name : str
            Of the file.
        about : object
            All that the result depends on beside the missions, as JSON can hold it.
        work : callable
            Gives the result, as JSON can hold it.
        missions : tuple of str
            Labels of those whose windows it is made of.
        """
        fingerprint = self.fingerprint(about, missions)
        path = self.folder / "results" / f"{name}.json"
        if path.is_file():
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
            if found["fingerprint"] == fingerprint:
                return found
        if not self.work:
            raise NotDone(f"{name}: is not done")
        path.parent.mkdir(parents=True, exist_ok=True)
        result = {"fingerprint": fingerprint, "simulated": True, **work()}
        replace_file(path, json.dumps(result).encode() + b"\n")
        self.tell(f"{name}: done")
        return result


def log_odds(model: Classifier, windows: WindowSet) -> list[float]:
    """Score windows; of five decimals, as results keep them."""
    score = model.predict_proba(windows)
    return [round(float(v), 5) for v in logit(np.clip(score, _SURE, 1.0 - _SURE))]


def subset(repetition: int, clusters: int, known: int) -> tuple[int, int]:
    """First and last cluster of a repetition: others than its neighbours', if there are enough."""
    first = (repetition % max(1, known // clusters)) * clusters
    return first, first + clusters


def as_array(result: dict[str, Any]) -> FloatArray:
    """Give the scores of a unit, shape (n,)."""
    return np.array(result["scores"], dtype=np.float64)


def _spans(recipe: StudyRecipe) -> list[tuple[str, MissionName, SpanRecipe, list[str]]]:
    """Give label, name, span and strengths of each mission."""
    strength = recipe.transfer.strength
    both = sorted({*recipe.strengths, strength, recipe.tuning.strength})
    found: list[tuple[str, MissionName, SpanRecipe, list[str]]] = [
        (label_of(years), "cses", span, both) for years, span in recipe.years.items()
    ]
    return [*found, ("demeter", "demeter", recipe.transfer.demeter, [strength])]
