"""Every window of the blocks of a dataset, drawn or not: what an unselected half-orbit holds.

The rates of alarms come from these; the matched windows of ``windows.parquet`` are found among
them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray
from edge.climatology import Climatology
from trainer.archives.manifest import Manifest, read_manifest
from trainer.catalogues.catalogue import Catalogue
from trainer.datasets.build import CLIMATOLOGY_FILE
from trainer.datasets.candidates import Scanner
from trainer.datasets.plan import Plan, make_plan
from trainer.datasets.recipe import DatasetRecipe
from trainer.datasets.splits import NAMES
from trainer.datasets.stages import DATASET_FILE
from trainer.datasets.tables import open_windows
from trainer.datasets.windows import Windows
from trainer.indices import Indices


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """A dataset in memory.

    Attributes
    ----------
    manifest : Manifest
    card : dict
        Content of ``dataset.json``.
    climatology : Climatology
    half_orbits : dict of str to int
        Number in each block.
    windows : dict of str to Windows
        Every window of each block that covers enough.
    samples : dict of str to ndarray of int64
        Places in them of the matched windows, increasing.
    """

    manifest: Manifest
    card: dict[str, Any]
    climatology: Climatology
    half_orbits: dict[str, int]
    windows: dict[str, Windows]
    samples: dict[str, npt.NDArray[np.int64]]


def open_blocks(
    dataset: Path, catalogue: Catalogue, indices: Indices | None, recipe: DatasetRecipe
) -> Blocks:
    """Cut every half-orbit of a dataset into windows, the test block's too.

    Parameters
    ----------
    dataset : Path
        Of `trainer.datasets.build.build_dataset`.
    catalogue, indices, recipe
        Those that it was built with.

    Returns
    -------
    Blocks

    Raises
    ------
    TrainError
        The dataset is incomplete.
    """
    manifest = read_manifest(dataset)
    plan = make_plan(dataset, manifest, catalogue, recipe, lambda line: None)
    climatology = Climatology.load(dataset / CLIMATOLOGY_FILE)
    scanner = Scanner(
        recipe, plan.profile, manifest.mission, climatology, plan.labeller, indices, plan.blocks
    )
    windows = _windows(plan, scanner, recipe)
    keys = np.array([h.key for h in manifest.half_orbits])
    samples = {name: _matched(dataset, name, keys, windows[name]) for name in NAMES}
    counts = {name: int((plan.state == i).sum()) for i, name in enumerate(NAMES)}
    card = msgspec.json.decode((dataset / DATASET_FILE).read_bytes())
    return Blocks(
        manifest, card, climatology, counts, {n: w.windows for n, w in windows.items()}, samples
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Windows of one block, with the cell that each begins in."""

    windows: Windows
    first_cell: npt.NDArray[np.int64]


def _windows(plan: Plan, scanner: Scanner, recipe: DatasetRecipe) -> dict[str, _Block]:
    parts: dict[int, list[tuple[AnyArray, ...]]] = {i: [] for i in range(len(NAMES))}
    offset = dict.fromkeys(parts, 0)
    for place, item in enumerate(plan.passes()):
        block = int(plan.state[place])
        if block not in parts:
            continue
        features = scanner.features(item)
        found = scanner.windows(item, place, block)[0]
        first = found["first_cell"] - item.grid.cell[0] + offset[block]
        parts[block].append(
            (features, first, found["label"], found["event"],
             np.full(first.size, place, dtype=np.int64), found["first_cell"])
        )  # fmt: skip
        offset[block] += features.shape[0]
    blocks = {}
    for number, name in enumerate(NAMES):
        features, first, label, event, half_orbit, cell = (
            np.concatenate(p) for p in zip(*parts[number], strict=True)
        )
        windows = Windows(features, recipe.windows.length, first, label, event, half_orbit)
        blocks[name] = _Block(windows, cell)
    return blocks


def _matched(dataset: Path, name: str, keys: AnyArray, block: _Block) -> npt.NDArray[np.int64]:
    """Places of the windows of ``windows.parquet`` among all of their block."""
    columns = ("half_orbit", "first_cell")
    table = open_windows(dataset, name, columns, allow_test=True).table()
    order = np.argsort(keys)
    found = np.array(table["half_orbit"].to_pylist(), dtype=keys.dtype)
    place = order[np.searchsorted(keys[order], found)]
    # Cells of a half-orbit are consecutive, and half-orbits do not overlap: the cell says it all.
    by_cell = np.lexsort((block.first_cell, block.windows.half_orbit))
    wanted = np.stack([place, table["first_cell"].to_numpy()])
    known = np.stack([block.windows.half_orbit[by_cell], block.first_cell[by_cell]])
    width = int(known[1].max()) + 1 if known.size else 1
    index = np.searchsorted(known[0] * width + known[1], wanted[0] * width + wanted[1])
    return np.sort(by_cell[index])
