"""What a training run is going to be, checked before data are read or anything is written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edge import __version__
from edge.bundle import file_sha256
from edge.errors import ConfigError, one_line
from trainer.common.code_hash import code_sha256
from trainer.common.errors import TrainError
from trainer.datasets.dataset_card import DATASET_FILE, read_card
from trainer.datasets.layout import WINDOWS_FILE
from trainer.datasets.tables import open_windows
from trainer.models.classifier import Tell
from trainer.training.fitting import is_network, make_model
from trainer.training.provenance import identified
from trainer.training.run_folder import DatasetRecord, Stage, StartRecord, TrainingRun, read_run
from trainer.training.run_recipe import RunRecipe


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked to be.

    Attributes
    ----------
    stage : {"pretrain", "finetune", "train"}
    dataset : Path
        That `edge-train prepare` wrote; its test block is not opened.
    recipe : RunRecipe
    out : Path
        The run's folder.
    start : Path or None
        A complete run; fine-tuning alone has it.
    """

    stage: Stage
    dataset: Path
    recipe: RunRecipe
    out: Path
    start: Path | None = None


def plan_run(request: Request, tell: Tell) -> TrainingRun:
    """Check everything that can be checked before data are read, and say what the run is.

    Returns
    -------
    TrainingRun
        Unfinished.

    Raises
    ------
    ConfigError, TrainError
        Recipe, dataset and start do not go together.
    """
    recipe, stage = request.recipe, request.stage
    if (stage == "finetune") != (request.start is not None):
        raise ConfigError(f"{stage}: fine-tuning, and nothing else, starts from another run")
    if stage == "finetune" and recipe.transfer is None:
        raise ConfigError(
            f"recipe {recipe.name}: no mode under [transfer]; valid are frozen, gradual, full"
        )
    if stage != "finetune" and recipe.transfer is not None:
        raise ConfigError(f"recipe {recipe.name}: [transfer] is for edge-train finetune alone")
    dataset = read_dataset(request.dataset, request.out)
    model = make_model(recipe.kind, recipe.parameters, recipe.seed)
    if stage == "pretrain" and not is_network(model):
        raise TrainError(f"kind {recipe.kind!r}: networks alone can be tuned, so pretrained")
    start = None
    if request.start is not None:
        start = _start(request.start, request.out, dataset, recipe, tell)
    mode = None if recipe.transfer is None else recipe.transfer.mode
    planned = TrainingRun(
        format=TrainingRun.version,
        state="unfinished",
        identity="",
        code_version=__version__,
        code_sha256=code_sha256(),
        stage=stage,
        name=recipe.name,
        kind=recipe.kind,
        seed=recipe.seed,
        fraction=recipe.fraction,
        transfer=mode,
        parameters=model.parameters(),
        mission=dataset.mission,
        profile=dataset.profile,
        simulated=dataset.simulated or (start is not None and start.simulated),
        dataset=dataset,
        start=start,
    )
    return identified(planned)


def read_dataset(dataset: Path, run: Path) -> DatasetRecord:
    """Say what a dataset is, and see that its windows are those that its card tells of.

    Parameters
    ----------
    dataset : Path
    run : Path
        From which its path is seen.

    Raises
    ------
    TrainError
        It is missing, incomplete or damaged.
    """
    card = read_card(dataset)
    reader = open_windows(dataset, ("train", "validation"))
    sha256 = file_sha256(dataset / WINDOWS_FILE)
    told = card.files.get(WINDOWS_FILE)
    if told is None or told.sha256 != sha256:
        raise TrainError(
            f"{dataset.name}: {WINDOWS_FILE} is not what {DATASET_FILE} tells of: run edge-train "
            "prepare again"
        )
    return DatasetRecord(
        path=_seen_from(run, dataset),
        fingerprint=card.fingerprint,
        windows_sha256=sha256,
        name=card.name,
        mission=card.mission,
        profile=card.profile,
        placebo=card.recipe.placebo.kind,
        length=reader.length,
        observables=list(reader.observables),
        raw=reader.raw,
        simulated=card.simulated,
        short_archive=card.short_archive,
    )


def _start(
    place: Path, run: Path, dataset: DatasetRecord, recipe: RunRecipe, tell: Tell
) -> StartRecord:
    found = read_run(place)
    name = one_line(place.name)
    if found.kind != recipe.kind:
        raise TrainError(f"run {name} is a {found.kind}, the recipe asks for a {recipe.kind}")
    for what, theirs, ours in (
        ("profile", found.profile, dataset.profile),
        ("length", found.dataset.length, dataset.length),
        ("observables", found.dataset.observables, dataset.observables),
        ("raw", found.dataset.raw, dataset.raw),
    ):
        if theirs != ours:
            raise TrainError(
                f"run {name} was trained on windows of {what} {theirs!r}, the dataset has {ours!r}"
            )
    if found.mission == dataset.mission:
        tell(f"{name} was pretrained on the mission that it is tuned for, {found.mission}")
    return StartRecord(
        path=_seen_from(run, place),
        identity=found.identity,
        model_sha256=found.model_sha256,
        mission=found.mission,
        simulated=found.simulated,
    )


def _seen_from(run: Path, other: Path) -> str:
    """Path from a run's folder to another one, so that both can be moved together."""
    try:
        return os.path.relpath(other.resolve(), run.resolve())
    except ValueError:
        return str(other.resolve())
