"""Transfer from a long DEMETER archive to a few clusters of CSES-01.

Nothing is stopped by the few clusters themselves. How many epochs each way of training takes is
chosen once on development clusters of CSES, which are no target's, by the validation block; the
targets are then trained for so many, and of these the weights of least loss on the training windows
are kept. A window is called positive at probability 0.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge.arrays import FloatArray
from edge.bundle import Metric
from trainer.evaluation.bootstrap import interval
from trainer.models.classifier import Classifier
from trainer.models.registry import load_classifier, save_classifier
from trainer.models.window_set import OF_THE_WHOLE, WindowSet
from trainer.research.memory.curves import Truth, resampled, truth_of, unwhitened
from trainer.research.memory.recipe import TransferRecipe
from trainer.research.memory.study import Study, as_array, log_odds, subset
from trainer.research.memory.windows import SimulatedWindows
from trainer.research.paper.work import recipe_of
from trainer.training.fitting import fit_classifier, history_of
from trainer.training.run_recipe import read_run_recipe

_KIND = "seqnetquake"
DIRECT, UNTUNED, JOINT = "direct", "not tuned", "joint"
METRICS = ("roc_auc", "f1", "mcc")


@dataclass(frozen=True, kw_only=True)
class Gain:
    """What a way of transfer gains over direct training, mean over the repetitions.

    Parameters
    ----------
    way : str
    clusters : int
        Of the target.
    metric : str
    value : Metric
        Of the way itself.
    difference, relative : Metric
        Over direct training on the same clusters, paired; the second over its value.
    """

    way: str
    clusters: int
    metric: str
    value: Metric
    difference: Metric
    relative: Metric


class Transfer:
    """Ways of training with two missions at one strength.

    Parameters
    ----------
    study : Study
    """

    def __init__(self, study: Study) -> None:
        self.study, self.recipe = study, study.recipe.transfer
        self.ways = self.ways_of(self.recipe)
        most = max(study.recipe.clusters)
        self._train = study.main.windows("train", most)
        held = study.recipe.validation(most)
        self._held = self._set(study.main.windows("validation", held))
        self._half = most // 2
        self._both = (study.recipe.main, "demeter")

    @staticmethod
    def ways_of(recipe: TransferRecipe) -> tuple[str, ...]:
        """Name the ways of training."""
        return (DIRECT, UNTUNED, *recipe.modes, JOINT)

    def run(self) -> list[Gain]:
        """Fit and score what is not done yet, and give all gains."""
        truth = truth_of(self.study, self.study.recipe.main, self.recipe.strength)
        gains: list[Gain] = []
        for clusters in self.recipe.clusters:
            repetitions = range(self.recipe.repetitions)
            scores = {
                way: [self.scores(way, clusters, r) for r in repetitions] for way in self.ways
            }
            for way in self.ways:
                gains += [
                    _gain(way, clusters, metric, scores[way], scores[DIRECT], truth, self.study)
                    for metric in METRICS
                ]
        return gains

    def scores(self, way: str, clusters: int, repetition: int) -> FloatArray:
        """Train by one way where it is not done yet, and score the test windows, shape (n,)."""
        first, last = subset(repetition, clusters, self._half) if way != UNTUNED else (0, 0)
        epochs = 0 if way == UNTUNED else self.epochs(way, clusters)

        def finish() -> dict[str, Any]:
            model = self._fit(way, first, last, repetition, epochs)
            test = self._set(self.study.main.windows("test", self.study.recipe.test_clusters))
            return {"scores": log_odds(model, self._seen(test) if way == UNTUNED else test)}

        about = (way, first, last, repetition, epochs, self._about())
        name = f"transfer-{_name(way, clusters)}-{repetition + 1}"
        return as_array(self.study.unit(name, about, finish, self._both))

    def epochs(self, way: str, clusters: int) -> int:
        """Choose how many epochs a way of training takes, once for all repetitions.

        It is chosen on clusters of the other half of the training block, by validation.
        """
        develop = self._half, self._half + clusters

        def work() -> dict[str, Any]:
            history = history_of(self._fit(way, *develop, 0, None))
            losses = [h["validation_loss"] for h in history]
            return {"epochs": int(np.argmin(losses)) + 1}

        about = (way, develop, self._about())
        name = f"transfer-{_name(way, clusters)}-development"
        return int(self.study.unit(name, about, work, self._both)["epochs"])

    def _about(self) -> tuple[Any, ...]:
        recipe = self.recipe
        return (recipe.strength, recipe.form, recipe.pretraining_clusters, self._parameters())

    def _fit(
        self, way: str, first: int, last: int, repetition: int, epochs: int | None
    ) -> Classifier:
        """Train by one way on some clusters.

        Parameters
        ----------
        way : str
        first, last : int
            Clusters of the target.
        repetition : int
        epochs : int or None
            None: until the validation block gains no more.
        """
        if way == UNTUNED:
            return self.pretrained(repetition)
        train = self._set(self._train.clusters(first, last))
        if way == JOINT:
            train = join_sets([train, self._demeter("train", self.recipe.pretraining_clusters)])
        parameters = self._parameters()
        held = self._held
        if epochs is not None:
            parameters |= {"epochs": epochs, "patience": epochs}
            held = train
        fit: Callable[..., Classifier] = partial(
            fit_classifier, _KIND, parameters, 1 + repetition, train, held
        )
        if way in (DIRECT, JOINT):
            return fit()
        return fit(start=self.pretrained(repetition), transfer=way)

    def _parameters(self) -> dict[str, Any]:
        return unwhitened(read_run_recipe(Path("seqnetquake-finetune.toml")).parameters)[0]

    def pretrained(self, repetition: int) -> Classifier:
        """Pretrain on DEMETER, once a repetition."""
        count = self.recipe.pretraining_clusters
        about = self.study.fingerprint((repetition, self._about()), ("demeter",))
        folder = self.study.folder / "pretrained" / f"{repetition + 1}-{about[:12]}"
        if not folder.is_dir():
            model = fit_classifier(
                _KIND,
                self._parameters(),
                1 + repetition,
                self._demeter("train", count),
                self._demeter("validation", self.study.recipe.validation(count)),
            )
            folder.parent.mkdir(parents=True, exist_ok=True)
            save_classifier(model, folder)
            self.study.tell(f"pretrained on {count} clusters of DEMETER")
        return load_classifier(folder)

    def _demeter(self, block: str, clusters: int) -> WindowSet:
        windows = self.study.missions["demeter"].windows(block, clusters)
        return self._set(windows, "demeter")

    def _set(self, windows: SimulatedWindows, label: str = "") -> WindowSet:
        label = label or self.study.recipe.main
        view = self.study.view(label, self.recipe.form)
        return view.window_set(windows, self.recipe.strength, view.whitening(_shrinkage()))

    def _seen(self, windows: WindowSet) -> WindowSet:
        """Mask the observables that pretraining never saw: their weights are those of chance."""
        columns = len(windows.observables)
        there = self._demeter("train", 1).inputs[:, :, columns:].any(axis=(0, 1))
        return replace(windows, inputs=windows.inputs * np.tile(there, 2).astype(np.float32))


def join_sets(parts: list[WindowSet]) -> WindowSet:
    """Put windows of missions together; the whole is named after the first one's mission."""
    columns: dict[str, Any] = {}
    for f in fields(WindowSet):
        first = getattr(parts[0], f.name)
        if f.name in OF_THE_WHOLE:
            columns[f.name] = first
            continue
        values, above = [], 0
        for part in parts:
            value = getattr(part, f.name)
            if f.name in ("cluster", "pair"):
                value = np.where(value >= 0, value + above, value)
                above = int(value.max(initial=above - 1)) + 1
            values.append(value)
        columns[f.name] = np.concatenate(values)
    return WindowSet(**columns)


def _name(way: str, clusters: int) -> str:
    return f"{way.replace(' ', '-')}-{'any' if way == UNTUNED else clusters}"


def _shrinkage() -> float:
    return unwhitened(dict(recipe_of(_KIND).parameters))[1]


def _gain(
    way: str,
    clusters: int,
    metric: str,
    scores: list[Any],
    direct: list[Any],
    truth: Truth,
    study: Study,
) -> Gain:
    values, drawn = resampled([*scores, *direct], truth, metric, study.recipe.resamples)
    n = len(scores)
    mine, other = values[:n].mean(), values[n:].mean()
    all_mine, all_other = drawn[:n].mean(axis=0), drawn[n:].mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = float((mine - other) / other)
        ratio = (all_mine - all_other) / all_other
    return Gain(
        way=way,
        clusters=clusters,
        metric=metric,
        value=Metric(metric, float(mine), *interval(all_mine)),
        difference=Metric(metric, float(mine - other), *interval(all_mine - all_other)),
        relative=Metric(metric, relative, *interval(ratio)),
    )
