"""A network on unselected half-orbits: alarms and what they cost, and shifted catalogues."""

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
from trainer.training.fractions import shrink_validation, take_fraction
from trainer.training.loading import load_windows
from trainer.training.run_recipe import RunRecipe, read_run_recipe

#: Alarms a night half-orbit that validation is held to.
ALARMS = 0.2


def stream_facts(
    design: Design, dataset: Path, model: Classifier, validation: WindowSet, shifts: bool
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
    shifts : bool
        Whether the scores are held against shifted catalogues as well.

    Returns
    -------
    dict
        ``rates``: name to value and interval; ``shifted``: AUC by the true catalogue and by each
        shifted one.
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
    facts: dict[str, Any] = {
        "half_orbits": stream.half_orbits,
        "rates": [msgspec.to_builtins(e) for e in found.estimates],
    }
    if shifts:
        placebo = placebo_aucs(scores, stream, shifts=design.recipe.time_shifts)
        facts["shifted"] = {
            "real": placebo.real,
            "placebos": np.round(placebo.values, 5).tolist(),
        }
    return facts


#: Share of the data at which transfer is compared with direct training at every strength.
LITTLE = 0.1
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
        {"classifiers": _classifiers, "curve": _curve, "ablation": _one, "placebo": _one}[
            unit.kind
        ](design, unit, root, out, tell)
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


def _dataset(
    design: Design, unit: Unit, root: Path, mission: Any, tell: Callable[[str], None]
) -> Path:
    labels = None if unit.profile == "plasma" and unit.night == "dark" else [unit.label]
    plan = design.mission(mission, unit.seed, unit.profile, unit.night, labels)
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
    **more: Any,
) -> Classifier:
    begin = time.monotonic()
    model = fit_classifier(recipe.kind, recipe.parameters, unit.seed, train, validation, **more)
    out.facts.setdefault("fit_seconds", {})[name] = round(time.monotonic() - begin, 2)
    return model


def _one(design: Design, unit: Unit, root: Path, out: Outcome, tell: Callable[[str], None]) -> None:
    """Train the network directly on one variant of the dataset."""
    dataset = _dataset(design, unit, root, "cses", tell)
    blocks = _blocks(dataset)
    _describe(out, blocks)
    recipe = recipe_of("seqnetquake")
    if blocks.train.length % 2:
        raise TrainError(f"windows of {blocks.train.length} rows cannot be cut in two")
    model = _fit(recipe, unit, blocks.train, blocks.validation, out, "seqnetquake")
    _keep(out, "seqnetquake", model, blocks.validation, blocks.test)
    out.facts["counts"] = msgspec.to_builtins(read_card(dataset).counts)


def _pretrained(
    design: Design, unit: Unit, root: Path, out: Outcome, tell: Callable[[str], None]
) -> Classifier:
    dataset = _dataset(design, unit, root, "demeter", tell)
    train, validation = load_windows(dataset, "train"), load_windows(dataset, "validation")
    out.facts["pretraining_windows"] = len(train)
    recipe = read_run_recipe(Path("seqnetquake-pretrain.toml"))
    return _fit(recipe, unit, train, validation, out, "pretraining")


def _transfer(
    design: Design,
    unit: Unit,
    blocks: _Blocks,
    start: Classifier,
    fraction: float,
    out: Outcome,
) -> dict[str, Classifier]:
    """Train directly and by each way of transfer on a fraction of the data."""
    some = take_fraction(blocks.train, fraction, unit.seed)
    judged = shrink_validation(blocks.validation, fraction, unit.seed)
    models: dict[str, Classifier] = {}
    part = f"{fraction:g}"
    out.scores[f"truth|validation@{part}"] = judged.positive.astype(np.float64)
    out.facts.setdefault("fraction_windows", {})[part] = len(some)
    ways: list[tuple[str, RunRecipe, dict[str, Any]]] = [("direct", recipe_of("seqnetquake"), {})]
    tuned = read_run_recipe(Path("seqnetquake-finetune.toml"))
    ways += [(mode, tuned, {"start": start, "transfer": mode}) for mode in design.recipe.transfers]
    for name, recipe, more in ways:
        whole = f"{name}@{part}"
        model = _fit(recipe, unit, some, judged, out, whole, **more)
        out.scores[f"{whole}|validation"] = model.predict_proba(judged)
        out.scores[f"{whole}|test"] = model.predict_proba(blocks.test)
        models[name] = model
    return models


def _curve(
    design: Design, unit: Unit, root: Path, out: Outcome, tell: Callable[[str], None]
) -> None:
    """Gain by transfer as a function of how much data of CSES there is."""
    blocks = _blocks(_dataset(design, unit, root, "cses", tell))
    _describe(out, blocks)
    start = _pretrained(design, unit, root, out, tell)
    for fraction in design.recipe.fractions:
        try:
            _transfer(design, unit, blocks, start, fraction, out)
        except TrainError as error:
            out.facts.setdefault("left_out", {})[f"{fraction:g}"] = str(error)


def _classifiers(
    design: Design, unit: Unit, root: Path, out: Outcome, tell: Callable[[str], None]
) -> None:
    """Compare all classifiers and baselines, transfer, the reference and the stream."""
    dataset = _dataset(design, unit, root, "cses", tell)
    blocks = _blocks(dataset)
    _describe(out, blocks)
    if unit.label != NULL:
        plan = design.mission("cses", unit.seed)
        found = reference_scores(plan, unit.label, blocks.test)
        out.scores["reference|test"] = found.log_ratio
        out.facts["reference"] = found.name
        out.facts["reference_approximations"] = list(found.approximations)
    for kind in (*design.recipe.classifiers, *design.recipe.baselines):
        if kind == "seqnetquake":
            continue
        model = _fit(recipe_of(kind), unit, blocks.train, blocks.validation, out, kind)
        _keep(out, kind, model, blocks.validation, blocks.test)
    start = _pretrained(design, unit, root, out, tell)
    _transfer(design, unit, blocks, start, LITTLE, out)
    models = _transfer(design, unit, blocks, start, 1.0, out)
    for split in ("validation", "test"):
        out.scores[f"seqnetquake|{split}"] = out.scores[f"direct@1|{split}"]
    shifts = unit.label in (design.recipe.main_label, NULL)
    out.facts["stream"] = stream_facts(design, dataset, models["full"], blocks.validation, shifts)
