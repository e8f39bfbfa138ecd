"""Datasets of the simulated missions, with one choice of the recipe changed at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from trainer.archives.manifest import ROWS_FOLDER
from trainer.datasets.build import build_dataset, read_events
from trainer.datasets.recipe import DatasetRecipe
from trainer.inputs.indices import read_indices
from trainer.research.paper.mission_rows import (
    CATALOGUE_FILE,
    INDICES_FILE,
    SimulatedMission,
    make_rows,
)


def mission_folder(root: Path, plan: SimulatedMission) -> Path:
    """Folder of the rows of a simulated mission."""
    return root / "missions" / f"{plan.mission}-{plan.profile}-{plan.night}-{plan.seed}"


def changed(recipe: DatasetRecipe, changes: dict[str, dict[str, Any]]) -> DatasetRecipe:
    """Change keys of a dataset's recipe, section by section."""
    sections = {
        name: msgspec.structs.replace(getattr(recipe, name), **keys)
        for name, keys in changes.items()
        if name
    }
    return msgspec.structs.replace(recipe, **sections, **changes.get("", {}))


def make_dataset(
    root: Path,
    plan: SimulatedMission,
    label: str,
    recipe: DatasetRecipe,
    variant: str,
    tell: Callable[[str], None],
) -> Path:
    """Make a dataset of one label of a mission, or find it.

    Parameters
    ----------
    root : Path
    plan : SimulatedMission
        Its rows are made where they are missing.
    label : str
        Key of ``plan.strengths``.
    recipe : DatasetRecipe
    variant : str
        What is changed in the recipe, as part of the folder's name.
    tell : callable
    """
    mission = make_mission(root, plan, tell)
    dataset = root / "datasets" / f"{mission.name}-{label}-{variant}"
    dataset.mkdir(parents=True, exist_ok=True)
    rows = dataset / ROWS_FOLDER
    with _alone(dataset):
        if not rows.is_symlink():
            target = os.path.relpath(mission / label / ROWS_FOLDER, dataset)
            rows.symlink_to(target, target_is_directory=True)
        events = read_events(mission / CATALOGUE_FILE, recipe)
        indices = read_indices(mission / INDICES_FILE)
        build_dataset(dataset, events, indices, recipe, lambda line: None)
    return dataset


def make_mission(root: Path, plan: SimulatedMission, tell: Callable[[str], None]) -> Path:
    """Make the rows of a mission, or find them; another process that makes them is waited for."""
    mission = mission_folder(root, plan)
    mission.mkdir(parents=True, exist_ok=True)
    with _alone(mission):
        make_rows(plan, mission, tell)
    return mission


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder, waiting for whoever holds it; the lock goes with the process."""
    with folder.with_name(f".{folder.name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
