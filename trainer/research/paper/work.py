"""What a unit does: fits classifiers on a dataset and scores its test block."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.arrays import AnyArray, FloatArray
from edge.outputs import replace_file
from trainer.common.errors import TrainError
from trainer.datasets.dataset_card import read_card
from trainer.datasets.stream import open_stream
from trainer.evaluation.matched import decide
from trainer.evaluation.shifted_catalogues import placebo_aucs
from trainer.evaluation.stream import judge_stream, make_reference
from trainer.evaluation.stream_scores import score_stream
from trainer.models.classifier import Classifier
from trainer.models.window_set import WindowSet, groups_of
from trainer.research.paper.datasets import changed, make_dataset
from trainer.research.paper.design import NULL, Design, Unit
from trainer.research.paper.reference import reference_scores
from trainer.training.fitting import fit_classifier
from trainer.training.loading import load_windows
from trainer.training.run_recipe import RunRecipe, read_run_recipe

#: Alarms a night half-orbit that validation is held to.
ALARMS = 0.2


def stream_facts(
    design: Design, dataset: Path, model: Classifier, validation: WindowSet
) -> dict[str, Any]:
    """Judge a network on every window of some half-orbits.

    Parameters
    ----------
    design : Design
    dataset : Path
        Its test block is opened.
    model : Classifier
    validation : WindowSet
        Matched, for the calibration.

    Returns
    -------
    dict
        ``rates``: name to value and interval; ``molchan``: miss rate against the share of
        space-time alarmed; ``shifted``: AUC by the true catalogue and by each shifted one.
    """
    most, resamples = design.recipe.stream_half_orbits, design.recipe.resamples
    about = (validation.mission, validation.observables)
    before = open_stream(dataset, "validation", most)
    decided = decide(
        model.predict_proba(validation),
        validation,
        ALARMS,
        before,
        score_stream(model, before, *about),
    )
    stream = open_stream(dataset, "test", most, allow_test=True)
    scores = score_stream(model, stream, *about)
    found = judge_stream(decided, scores, stream, make_reference(stream), resamples, 0)
    placebo = placebo_aucs(scores, stream, shifts=design.recipe.time_shifts)
    return {
        "half_orbits": stream.half_orbits,
        "rates": [msgspec.to_builtins(e) for e in found.estimates],
        "molchan": msgspec.to_builtins(found.molchan),
        "shifted": {"real": placebo.real, "placebos": np.round(placebo.values, 5).tolist()},
    }


_ABOUT = ("cluster", "pair", "magnitude", "lead_hours", "distance_km", "latitude", "longitude")


@dataclass
class Outcome:
    """What a unit writes.

    Attributes
    ----------
    scores : dict of str to ndarray
        For ``<model>|validation`` and ``<model>|test``, the probability of each window.
    facts : dict
        Sizes, times, the stream.
    """

    scores: dict[str, FloatArray] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def recipe_of(kind: str) -> RunRecipe:
    """Read the recipe that ships for a classifier."""
    name = {"seqnetquake": "seqnetquake-direct"}.get(kind, kind.replace("_", "-"))
    if kind in ("catalogue", "place", "mask", "constant"):
        name = f"baseline-{kind}"
    return read_run_recipe(Path(f"{name}.toml"))


def do_unit(design: Design, unit: Unit, root: Path, tell: Callable[[str], None]) -> None:
    """Do a unit whose result is not there yet.

    Parameters
    ----------
    design : Design
    unit : Unit
    root : Path
        Of missions, datasets and results.
    tell : callable

    Raises
    ------
    EdgeError
        A dataset cannot be made, or a class is missing in it.
    """
    results = root / "results"
    if (results / f"{unit.name}.json").is_file():
        return
    results.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    out = Outcome()
    try:
        {"classifiers": _classifiers, "ablation": _one, "placebo": _one}[unit.kind](
            design, unit, root, out, tell
        )
    except TrainError as error:
        # Too few windows is a result too, and is in the tables as such.
        out.facts["failed"] = str(error)
    out.facts |= {
        "unit": unit.name,
        "kind": unit.kind,
        "seed": unit.seed,
        "label": unit.label,
        "variant": unit.variant,
        "simulated": True,
        "seconds": round(time.monotonic() - begin, 1),
    }
    temporary = results / f".{unit.name}.tmp.npz"
    np.savez_compressed(temporary, **out.scores)
    temporary.replace(results / f"{unit.name}.npz")
    # Written last: where it is, the unit is done.
    replace_file(results / f"{unit.name}.json", msgspec.json.encode(out.facts) + b"\n")
    tell(f"{unit.name}: {out.facts['seconds']:.0f} s")


@dataclass(frozen=True)
class _Blocks:
    train: WindowSet
    validation: WindowSet
    test: WindowSet


def _blocks(dataset: Path) -> _Blocks:
    return _Blocks(
        load_windows(dataset, "train"),
        load_windows(dataset, "validation"),
        load_windows(dataset, "test", allow_test=True),
    )


def _dataset(design: Design, unit: Unit, root: Path, tell: Callable[[str], None]) -> Path:
    labels = None if unit.profile == "plasma" and unit.night == "dark" else [unit.label]
    plan = design.mission(unit.seed, unit.profile, unit.night, labels)
    recipe = changed(design.dataset, unit.changes)
    return make_dataset(root, plan, unit.label, recipe, unit.variant, tell)


def _keep(
    out: Outcome, name: str, model: Classifier, validation: WindowSet, test: WindowSet
) -> None:
    out.scores[f"{name}|validation"] = model.predict_proba(validation)
    out.scores[f"{name}|test"] = model.predict_proba(test)


def _describe(out: Outcome, blocks: _Blocks) -> None:
    for name in ("train", "validation", "test"):
        windows: WindowSet = getattr(blocks, name)
        out.facts[f"{name}_windows"] = len(windows)
        out.facts[f"{name}_clusters"] = int(np.unique(windows.cluster[windows.positive]).size)
    for name in ("validation", "test"):
        windows = getattr(blocks, name)
        out.scores[f"truth|{name}"] = windows.positive.astype(np.float64)
        out.scores[f"group|{name}"] = groups_of(windows.cluster, windows.pair).astype(np.float64)
    about: dict[str, AnyArray] = {key: getattr(blocks.test, key) for key in _ABOUT}
    out.scores |= {f"about|{key}": np.asarray(v, dtype=np.float64) for key, v in about.items()}


def _fit(
    recipe: RunRecipe,
    unit: Unit,
    train: WindowSet,
    validation: WindowSet,
    out: Outcome,
    name: str,
) -> Classifier:
    begin = time.monotonic()
    model = fit_classifier(recipe.kind, recipe.parameters, unit.seed, train, validation)
    out.facts.setdefault("fit_seconds", {})[name] = round(time.monotonic() - begin, 2)
    return model


def _one(design: Design, unit: Unit, root: Path, out: Outcome, tell: Callable[[str], None]) -> None:
    """Train the network directly on one variant of the dataset."""
    dataset = _dataset(design, unit, root, tell)
    blocks = _blocks(dataset)
    _describe(out, blocks)
    recipe = recipe_of("seqnetquake")
    if blocks.train.length % 2:
        raise TrainError(f"windows of {blocks.train.length} rows cannot be cut in two")
    model = _fit(recipe, unit, blocks.train, blocks.validation, out, "seqnetquake")
    _keep(out, "seqnetquake", model, blocks.validation, blocks.test)
    out.facts["counts"] = msgspec.to_builtins(read_card(dataset).counts)


def _classifiers(
    design: Design, unit: Unit, root: Path, out: Outcome, tell: Callable[[str], None]
) -> None:
    """Compare classifiers, baselines and the reference; run SeqNetQuake forward in time."""
    dataset = _dataset(design, unit, root, tell)
    blocks = _blocks(dataset)
    _describe(out, blocks)
    if unit.label != NULL:
        plan = design.mission(unit.seed)
        found = reference_scores(plan, unit.label, blocks.test)
        out.scores["reference|test"] = found.log_ratio
        out.facts["reference"] = found.name
        out.facts["reference_approximations"] = list(found.approximations)
    for kind in (*design.recipe.classifiers, *design.recipe.baselines):
        model = _fit(recipe_of(kind), unit, blocks.train, blocks.validation, out, kind)
        _keep(out, kind, model, blocks.validation, blocks.test)
        if kind == "seqnetquake":
            out.facts["stream"] = stream_facts(design, dataset, model, blocks.validation)
