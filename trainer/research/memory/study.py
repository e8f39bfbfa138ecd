"""The recipe of the studies in memory, and the folder of their results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from scipy.special import logit

from edge import RELEASE
from edge.arrays import FloatArray
from edge.climatology import Climatology
from edge.errors import ConfigError
from edge.observables import MissionName
from edge.outputs import replace_file
from trainer.datasets.recipe import RECIPES, Count, Section, decode
from trainer.models.classifier import Classifier
from trainer.models.window_set import WindowSet
from trainer.research.memory.missions import FORMAT, Mission, MissionPlan, Tell
from trainer.research.memory.windows import View
from trainer.research.paper.design import strengths_of
from trainer.training.run_recipe import TransferMode

FULL_RECIPE = RECIPES / "curves.toml"
QUICK_RECIPE = RECIPES / "curves-quick.toml"
#: The form of the simulator's own mean and spread.
EXACT = "exact"
#: Probabilities are kept as log-odds, within this.
_SURE = 1e-9


class SpanRecipe(Section, frozen=True):
    """Training block of a mission, and its thinning; see `MissionPlan`."""

    first: str
    last: str
    every: Count


class TransferRecipe(Section, frozen=True):
    """Pretraining on DEMETER, and tuning on a few clusters of CSES."""

    strength: str
    form: str
    clusters: list[Count]
    pretraining_clusters: Count
    repetitions: Count
    modes: list[TransferMode]
    demeter: SpanRecipe


class StudyRecipe(Section, frozen=True):
    """All choices of the studies."""

    strengths: list[str]
    forms: list[str]
    clusters: list[Count]
    test_clusters: Count
    least_validation: Count
    most_validation: Count
    goal: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
    resamples: Count
    repetitions: dict[str, Count]
    cses: SpanRecipe
    transfer: TransferRecipe

    def validation(self, clusters: int) -> int:
        """Give the clusters of validation beside so many of training."""
        return min(max(self.least_validation, clusters // 3), self.most_validation)


def read_study(path: Path) -> StudyRecipe:
    """Read and validate the recipe of the studies.

    Raises
    ------
    ConfigError
        It is missing, no TOML, lacks a key, has an unknown one or an impossible value.
    """
    recipe = decode(path, StudyRecipe)
    known = strengths_of("cses")
    for strength in (*recipe.strengths, recipe.transfer.strength):
        if strength not in known:
            raise ConfigError(
                f"recipe {path.name}: strength {strength!r}; known are {', '.join(known)}"
            )
    for form in (*recipe.forms, recipe.transfer.form):
        if form not in ("nearest", "interpolated", EXACT):
            raise ConfigError(
                f"recipe {path.name}: form {form!r}; known are nearest, interpolated, {EXACT}"
            )
    return recipe


class Study:
    """Missions, climatologies and results of a recipe in one folder.

    Parameters
    ----------
    recipe : StudyRecipe
    folder : Path
    tell : callable
        Takes a line of progress.
    """

    def __init__(self, recipe: StudyRecipe, folder: Path, tell: Tell) -> None:
        self.recipe, self.folder, self.tell = recipe, folder, tell
        self.missions = {
            name: Mission(
                MissionPlan(
                    mission=name,
                    first=span.first,
                    last=span.last,
                    every=span.every,
                    strengths={label: strengths_of(name)[label] for label in labels},
                ),
                folder / "windows",
                tell,
            )
            for name, span, labels in _spans(recipe)
        }
        self._views: dict[tuple[str, str], View] = {}

    def view(self, mission: MissionName, form: str) -> View:
        """Show a mission's windows by a form of its climatology."""
        if (mission, form) not in self._views:
            made = self.missions[mission]
            fitted, clear = made.climatology("nearest" if form == EXACT else form)
            climatology: Climatology | None = None if form == EXACT else fitted
            labels = tuple(made.plan.strengths)
            self._views[mission, form] = View(mission, labels, climatology, clear)
        return self._views[mission, form]

    def about(self) -> list[str]:
        """Say what was simulated, a sentence each."""
        cses, demeter = (m.plan for m in self.missions.values())
        test = self.missions["cses"].windows("test", self.recipe.test_clusters)
        rough = self.missions["cses"].reference.approximations
        return [
            f"Test: {self.recipe.test_clusters:,} clusters of CSES-01, {len(test.label):,} "
            "windows, half of them matched controls, in the year that begins "
            f"{self.missions['cses'].block('test').first}.",
            *(
                f"Training block of {p.mission}: {p.first} to {p.last}, simulated anew with other "
                f"earthquakes and noise until there are enough clusters; its climatology is of one "
                f"clear half-orbit in {p.every}, so of fewer than a real archive has."
                for p in (cses, demeter)
            ),
            "All classifiers see the same residuals, decorrelated by the covariance of clear "
            "windows of the training block.",
            "The files' defects are left out. The reference knows the simulator and the strength; "
            f"it is no ceiling where it approximates: {'; '.join(rough)}.",
        ]

    def unit(
        self,
        name: str,
        about: Any,
        work: Callable[[], dict[str, Any]],
        missions: tuple[MissionName, ...] = ("cses",),
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
        missions : tuple of str, optional
            Whose windows it is made of.
        """
        plans = [self.missions[m].plan for m in missions]
        words = (FORMAT, RELEASE, about, self.recipe.test_clusters, plans)
        fingerprint = hashlib.sha256(msgspec.json.encode(words)).hexdigest()
        path = self.folder / "results" / f"{name}.json"
        if path.is_file():
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
            if found["fingerprint"] == fingerprint:
                return found
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


def _spans(recipe: StudyRecipe) -> list[tuple[MissionName, SpanRecipe, list[str]]]:
    """Give span and strengths of each mission."""
    strength = recipe.transfer.strength
    both = sorted({*recipe.strengths, strength})
    return [("cses", recipe.cses, both), ("demeter", recipe.transfer.demeter, [strength])]
