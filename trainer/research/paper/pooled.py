"""Metrics over the repetitions: the mean of each repetition's, clusters resampled within each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.arrays import AnyArray, FloatArray
from edge.scoring import sigmoid
from trainer.common.errors import TrainError
from trainer.evaluation.bootstrap import draws, interval, numbered
from trainer.evaluation.decide import fit_calibration, logit_of
from trainer.evaluation.metrics import GroupedScores
from trainer.research.paper.design import Design

_METRICS = ("roc_auc", "f1", "mcc")


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float
    repetitions: int


@dataclass(frozen=True, eq=False)
class UnitResult:
    """What a unit wrote."""

    facts: dict[str, Any]
    scores: dict[str, AnyArray]


def read_results(root: Path) -> dict[str, UnitResult]:
    """Read every unit that is done.

    Parameters
    ----------
    root : Path
        Folder of a reproduction.

    Returns
    -------
    dict of str to UnitResult
        By the unit's name.
    """
    found = {}
    for path in sorted((root / "results").glob("*.json")):
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
            scores = {name: file[name] for name in file.files}
        found[path.stem] = UnitResult(msgspec.json.decode(path.read_bytes()), scores)
    return found


class Pool:
    """One model of one kind of unit over the repetitions.

    Parameters
    ----------
    results : sequence of UnitResult
        One a repetition.
    model : str
    resamples : int
    reference : bool, optional
        The scores are log likelihood ratios of test windows, without validation.

    Notes
    -----
    Calibration and so the threshold of 0.5 come from the validation windows. A model without
    skill there is left as it is.
    """

    def __init__(
        self, results: Sequence[UnitResult], model: str, resamples: int, reference: bool = False
    ) -> None:
        self.model = model
        self.values: dict[str, list[float]] = {m: [] for m in _METRICS}
        self.drawn: dict[str, list[FloatArray]] = {m: [] for m in _METRICS}
        for result in results:
            scores = result.scores
            if f"{model}|test" not in scores:
                raise TrainError(f"{result.facts['unit']}: no scores of {model}")
            test = scores[f"{model}|test"]
            positive = scores["truth|test"] > 0.5
            if reference:
                calibrated = sigmoid(np.clip(test, -30.0, 30.0))
            else:
                truth = scores["truth|validation"] > 0.5
                calibration, _ = fit_calibration(scores[f"{model}|validation"], truth)
                calibrated = calibration.scores(logit_of(test))
            number, groups = numbered(scores["group|test"].astype(np.int64))
            sample = GroupedScores(calibrated, positive, number, 0.5, _METRICS)
            whole = sample.value()
            # The same draws for every model of a repetition, another seed for each repetition.
            parts = [
                sample.values(w)
                for w in draws(groups, resamples, int(result.facts["seed"]), sample.width)
            ]
            for metric in _METRICS:
                self.values[metric].append(whole[metric])
                self.drawn[metric].append(np.concatenate([p[metric] for p in parts]))

    def number(self, metric: str) -> Number:
        """Mean over the repetitions."""
        values = np.array(self.values[metric])
        drawn = np.mean(self.drawn[metric], axis=0)
        return Number(float(values.mean()), *interval(drawn), values.size)

    def share_of(self, reference: Pool) -> Number | None:
        """Share of the reference's AUC - 0.5; None where the reference has next to none."""
        known = float(np.mean(reference.values["roc_auc"])) - 0.5
        if known < 0.02:
            return None
        mine = float(np.mean(self.values["roc_auc"])) - 0.5
        drawn = (np.mean(self.drawn["roc_auc"], axis=0) - 0.5) / np.maximum(
            np.mean(reference.drawn["roc_auc"], axis=0) - 0.5, 0.01
        )
        return Number(mine / known, *interval(drawn), len(self.values["roc_auc"]))


class Results:
    """Finds units, and pools their repetitions.

    Parameters
    ----------
    design : Design
    results : dict of str to UnitResult
        By unit; what is asked for takes the repetitions that are there.
    """

    def __init__(self, design: Design, results: dict[str, UnitResult]) -> None:
        self.design = design
        self.results = results
        self._pools: dict[tuple[str, str, str, str], Pool] = {}

    def units(self, kind: str, label: str, variant: str = "base") -> list[UnitResult]:
        """Units of all repetitions that came to scores."""
        names = [f"{kind}-{label}-{variant}-seed{s}" for s in self.design.recipe.seeds]
        found = [self.results[n] for n in names if n in self.results]
        return [r for r in found if "failed" not in r.facts]

    def pool(self, kind: str, label: str, model: str, variant: str = "base") -> Pool | None:
        """One model over the repetitions that have it, or None."""
        key = (kind, label, variant, model)
        if key not in self._pools:
            units = [r for r in self.units(kind, label, variant) if f"{model}|test" in r.scores]
            if not units:
                return None
            self._pools[key] = Pool(
                units, model, self.design.recipe.resamples, model == "reference"
            )
        return self._pools[key]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out a table, one line a row."""
    if not rows:
        return ["Not run."]
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join('---' for _ in head)}|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def number(found: Number) -> str:
    """Spell a number with its interval."""
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def count(value: int) -> str:
    """Spell a count."""
    return f"{value:,}"
