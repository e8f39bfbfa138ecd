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

from edge.bundle import Metric
from edge.observables import MissionName
from trainer.evaluation.bootstrap import interval
from trainer.models.classifier import Classifier
from trainer.models.window_set import OF_THE_WHOLE, WindowSet
from trainer.research.memory.curves import Truth, resampled, truth_of, unwhitened
from trainer.research.memory.study import Study, as_array, log_odds, subset
from trainer.research.memory.windows import SimulatedWindows
from trainer.research.paper.work import recipe_of
from trainer.training.fitting import fit_classifier, history_of
from trainer.training.run_recipe import read_run_recipe

_KIND = "seqnetquake"
_BOTH: tuple[MissionName, ...] = ("cses", "demeter")
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
        self.ways = (DIRECT, UNTUNED, *self.recipe.modes, JOINT)
        most = max(study.recipe.clusters)
        self._train = study.missions["cses"].windows("train", most)
        held = study.recipe.validation(most)
        self._held = self._set(study.missions["cses"].windows("validation", held))
        self._test_windows = study.missions["cses"].windows("test", study.recipe.test_clusters)
        self._half = most // 2
        self._pretrained: dict[int, Classifier] = {}

    def run(self) -> list[Gain]:
        """Fit and score what is not done yet, and give all gains."""
        truth = truth_of(self.study, self._test_windows, self.recipe.strength)
        gains: list[Gain] = []
        for clusters in self.recipe.clusters:
            repetitions = range(self.recipe.repetitions)
            scores = {
                way: [as_array(self._unit(way, clusters, r)) for r in repetitions]
                for way in self.ways
            }
            for way in self.ways:
                gains += [
                    _gain(way, clusters, metric, scores[way], scores[DIRECT], truth, self.study)
                    for metric in METRICS
                ]
        return gains

    def _unit(self, way: str, clusters: int, repetition: int) -> dict[str, Any]:
        first, last = subset(repetition, clusters, self._half) if way != UNTUNED else (0, 0)
        name = f"{way.replace(' ', '-')}-{'any' if way == UNTUNED else clusters}"
        epochs = 0
        if way != UNTUNED:
            # One development for all repetitions, on clusters of the other half.
            develop = self._half, self._half + clusters
            work = partial(self._develop, way, *develop)
            words = (way, develop, self._about())
            found = self.study.unit(f"transfer-{name}-development", words, work, _BOTH)
            epochs = int(found["epochs"])

        def finish() -> dict[str, Any]:
            model = self._fit(way, first, last, repetition, epochs)
            test = self._test()
            return {"scores": log_odds(model, self._seen(test) if way == UNTUNED else test)}

        about = (way, first, last, repetition, epochs, self._about())
        return self.study.unit(f"transfer-{name}-{repetition + 1}", about, finish, _BOTH)

    def _about(self) -> tuple[Any, ...]:
        recipe = self.recipe
        return (recipe.strength, recipe.form, recipe.pretraining_clusters, self._parameters())

    def _develop(self, way: str, first: int, last: int) -> dict[str, Any]:
        history = history_of(self._fit(way, first, last, 0, None))
        losses = [h["validation_loss"] for h in history]
        return {"epochs": int(np.argmin(losses)) + 1}

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
            return self._start(repetition)
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
        return fit(start=self._start(repetition), transfer=way)

    def _parameters(self) -> dict[str, Any]:
        return unwhitened(read_run_recipe(Path("seqnetquake-finetune.toml")).parameters)[0]

    def _start(self, repetition: int) -> Classifier:
        """Pretrain on DEMETER, once a repetition."""
        if repetition not in self._pretrained:
            count = self.recipe.pretraining_clusters
            self._pretrained[repetition] = fit_classifier(
                _KIND,
                self._parameters(),
                1 + repetition,
                self._demeter("train", count),
                self._demeter("validation", self.study.recipe.validation(count)),
            )
            self.study.tell(f"pretrained on {count} clusters of DEMETER")
        return self._pretrained[repetition]

    def _demeter(self, block: str, clusters: int) -> WindowSet:
        windows = self.study.missions["demeter"].windows(block, clusters)
        return self._set(windows, "demeter")

    def _set(self, windows: SimulatedWindows, mission: MissionName = "cses") -> WindowSet:
        view = self.study.view(mission, self.recipe.form)
        return view.window_set(windows, self.recipe.strength, view.whitening(_shrinkage()))

    def _test(self) -> WindowSet:
        return self._set(self._test_windows)

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
