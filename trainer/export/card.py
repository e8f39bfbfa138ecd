"""The card of a bundle: what it is, what it was trained on, how good it is; and its folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from edge import __version__
from edge.arrays import Features, FloatArray
from edge.bundle import (
    CARD_FILE,
    CARD_FORMAT,
    CARD_SUM_FILE,
    AlarmRule,
    Card,
    Golden,
    MissionData,
    Parity,
    Training,
    card_sum,
    file_sha256,
    load_bundle,
)
from edge.climatology import Climatology
from edge.errors import BundleError
from edge.observables import GRID_STEP_S, PROFILES
from trainer.archives.manifest import read_manifest
from trainer.common.errors import TrainError
from trainer.common.files import new_folder
from trainer.datasets.build import CLIMATOLOGY_FILE as DATASET_CLIMATOLOGY_FILE
from trainer.datasets.dataset_card import DatasetCard, read_card
from trainer.datasets.splits import NAMES
from trainer.datasets.tables import open_windows
from trainer.evaluation.judged_run import JudgedRun, RunCard

MODEL_FILE = "model_int8.tflite"
FLOAT_MODEL_FILE = "model_float32.tflite"
CLIMATOLOGY_FILE = "climatology.npz"
GOLDEN_FILE = "golden.npz"


@dataclass(frozen=True, slots=True, eq=False)
class GoldenWindows:
    """Windows with the scores that the edge's interpreter gave here.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n, L, C)
    scores : ndarray, shape (n,)
    tolerance : float
        Largest difference of a score that another interpreter or processor may show.
    measured : dict of str to float
        Largest difference that each interpreter showed here.
    """

    inputs: Features
    scores: FloatArray
    tolerance: float
    measured: dict[str, float]


def make_card(
    runs: Sequence[JudgedRun],
    judged: RunCard,
    *,
    name: str,
    source: str,
    alarm: AlarmRule,
    parity: list[Parity],
    network: str,
) -> Card:
    """Fill in a card; files, sums and golden windows come with `write_bundle`.

    Parameters
    ----------
    runs : sequence of JudgedRun
        In the order of training; the last one is exported.
    judged : RunCard
        Of the last one: its decisions and numbers are the bundle's.
    name, source : str
    alarm : AlarmRule
    parity : list of Parity
    network : str
        One line.

    Raises
    ------
    TrainError
        A dataset is not whole, or of the day.
    """
    dataset = read_card(runs[-1].dataset)
    profile, rule = PROFILES[dataset.profile], dataset.recipe.windows
    if rule.night == "day":
        raise TrainError(f"{dataset.name}: windows of the day; a station scores the night alone")
    decisions = judged.decisions
    assert decisions.alarm_threshold is not None
    assert judged.operating_point is not None
    return Card(
        format=CARD_FORMAT,
        name=name,
        run=runs[-1].record.model_sha256,
        source=source,
        profile=profile.name,
        observables=list(profile.names),
        transforms=[o.transform for o in profile.observables],
        grid_step_s=GRID_STEP_S,
        length=rule.length,
        night=rule.night,
        clip=rule.clip,
        model=MODEL_FILE,
        float_model=None,
        quantisation="int8",
        climatology=CLIMATOLOGY_FILE,
        climatology_form=dataset.recipe.background.form,
        slope=decisions.slope,
        intercept=decisions.intercept,
        threshold=decisions.alarm_threshold,
        minimum_coverage=rule.minimum_coverage,
        alarm=alarm,
        operating_point=judged.operating_point,
        training=_training(runs),
        metrics=judged.metrics,
        parity=parity,
        golden=Golden(GOLDEN_FILE, 0, 0.0, {}),
        code_version=__version__,
        network=network,
        files={},
    )


def climatology_of(runs: Sequence[JudgedRun]) -> Climatology:
    """Join the climatologies of the training blocks that runs were trained on.

    Returns
    -------
    Climatology
        With a table for each mission; of two runs on one mission, that of the later.

    Raises
    ------
    TrainError
        They are of different forms.
    """
    found = [Climatology.load(run.dataset / DATASET_CLIMATOLOGY_FILE) for run in runs]
    if len(forms := {one.form for one in found}) > 1:
        raise TrainError(
            f"climatologies of {' and '.join(sorted(forms))} form: one for all missions is expected"
        )
    tables: dict[str, dict[str, Any]] = {
        field: {mission: t for one in found for mission, t in getattr(one, field).items()}
        for field in ("median", "spread", "epoch_start", "epoch_class")
    }
    return Climatology(found[-1].names, **tables, form=found[-1].form)


def write_bundle(
    out: Path,
    card: Card,
    models: dict[str, bytes],
    climatology: Climatology,
    golden: GoldenWindows,
) -> Card:
    """Write a bundle beside its place, verify it, and put it there whole.

    Parameters
    ----------
    out : Path
        Folder of the bundle. What is there is replaced.
    card : Card
        Its sums, golden entry and float32 file are filled in here.
    models : dict of str to bytes
        TFLite files by their names.
    climatology : Climatology
    golden : GoldenWindows

    Returns
    -------
    Card
        As written.

    Raises
    ------
    BundleError
        `out` is a folder that holds no bundle, or what was written does not verify.
    """
    if out.exists() and not (out / CARD_FILE).is_file() and any(out.iterdir()):
        raise BundleError(f"{out}: is not a bundle, and is not replaced")
    with new_folder(out) as folder:
        for name, content in models.items():
            (folder / name).write_bytes(content)
        climatology.save(folder / CLIMATOLOGY_FILE)
        np.savez_compressed(
            folder / GOLDEN_FILE,
            inputs=golden.inputs.astype(np.float32),
            scores=golden.scores.astype(np.float64),
        )
        names = (*models, CLIMATOLOGY_FILE, GOLDEN_FILE)
        card = msgspec.structs.replace(
            card,
            float_model=FLOAT_MODEL_FILE if FLOAT_MODEL_FILE in models else None,
            golden=Golden(GOLDEN_FILE, golden.scores.size, golden.tolerance, golden.measured),
            files={name: file_sha256(folder / name) for name in names},
        )
        text = msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"
        (folder / CARD_FILE).write_bytes(text)
        (folder / CARD_SUM_FILE).write_bytes(card_sum(text))
        load_bundle(folder)
    return card


def _training(runs: Sequence[JudgedRun]) -> Training:
    cards = [read_card(run.dataset) for run in runs]
    simulated = {card.simulated for card in cards}
    data: Literal["simulated", "real", "mixed"] = "mixed"
    if len(simulated) == 1:
        data = "simulated" if simulated.pop() else "real"
    catalogues = {card.inputs.catalogue.sha256: card for card in cards}
    sums = list(catalogues)
    # Of several catalogues, the sum of their sums: one changed byte changes it.
    total = sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()
    return Training(
        data=data,
        missions=[_mission(run, card) for run, card in zip(runs, cards, strict=True)],
        catalogue=", ".join(_catalogue(card) for card in catalogues.values()),
        catalogue_sha256=total,
        events=sum(card.counts.events for card in catalogues.values()),
        seed=runs[-1].record.seed,
    )


def _mission(run: JudgedRun, card: DatasetCard) -> MissionData:
    manifest, train = read_manifest(run.dataset), run.record.train
    if train is None or not manifest.half_orbits:
        raise TrainError(f"run {run.name}: is not complete, or its dataset has no rows")
    parameters: dict[str, str | int | float | bool | None] = {
        "dataset_recipe": card.name,
        "embargo_days": card.embargo_days,
        "files_failed": card.inputs.manifest.files_failed,
    }
    for name in NAMES:
        start, end = card.blocks[name]
        first, last = card.spans[name]
        table = open_windows(run.dataset, name, ("event",), allow_test=True).table()
        parameters[f"{name}_block"] = f"{start} to {end}"
        parameters[f"{name}_block_days"] = round(float((last - first) / np.timedelta64(1, "D")), 2)
        # Earthquakes with a matched window before them; no value of a window is read.
        parameters[f"{name}_events"] = len(set(table["event"].to_pylist()) - {None, ""})
    return MissionData(
        mission=card.mission,
        simulated=card.simulated,
        start=manifest.half_orbits[0].start or "",
        end=manifest.half_orbits[-1].end or "",
        half_orbits=len(manifest.half_orbits),
        train_windows=train.windows,
        positive_windows=train.positives,
        parameters=parameters | (card.simulation or {}),
    )


def _catalogue(card: DatasetCard) -> str:
    name = card.inputs.catalogue.name
    made_up = (card.simulation or {}).get("catalogue_simulated", False)
    return f"{name} (simulated, {card.mission})" if made_up else name
