"""Every window of the half-orbits of a block, from the files of a dataset alone.

What a station would see: no window is drawn, no storm is left out. Rates of alarms and everything
that is counted forward in time come from these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray, TimeArray
from edge.climatology import Climatology
from edge.errors import one_line
from edge.observables import PROFILES
from trainer.archives.archive import NightPass
from trainer.archives.manifest import read_manifest
from trainer.archives.rows import iter_passes
from trainer.common.errors import TrainError
from trainer.common.progress import track
from trainer.datasets.build import CLIMATOLOGY_FILE
from trainer.datasets.candidates import Scanner
from trainer.datasets.dataset_card import DatasetCard, read_card
from trainer.datasets.labels import CROSSING, NO_BLOCK, SampleLabeller
from trainer.datasets.layout import EVENTS_FILE, HALF_ORBITS_FILE
from trainer.datasets.splits import NAMES, Blocks
from trainer.datasets.windows import Windows
from trainer.inputs.catalogue import Catalogue
from trainer.inputs.declustering import Clusters

_OF_WINDOWS = {
    **dict.fromkeys(("first", "event", "half_orbit", "time"), np.int64),
    **dict.fromkeys(("latitude", "longitude"), np.float64),
    "label": np.int8,
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StreamWindows:
    """Every window of some half-orbits that covers enough.

    Attributes
    ----------
    windows : Windows
        n windows, in the order of time; `event` is a place in `catalogue`.
    time : ndarray of datetime64[ms], shape (n,)
        UTC of the middle row, as the places.
    latitude, longitude : ndarray, shape (n,)
        Degrees.
    keys : ndarray of str
        Of the half-orbits; `windows.half_orbit` is a place in it.
    half_orbits : int
        Those that were looked at, without a window too.
    block_half_orbits : int
        All of the block.
    simulated : bool
    catalogue : Catalogue
        Undeclustered; of a placebo, the moved one.
    clusters : Clusters
    event_block : ndarray of int64
        Block of each event, as `SampleLabeller.block`.
    labeller : SampleLabeller
        To label the windows anew.
    spans : dict of str to tuple of datetime64
        Of the blocks.
    """

    windows: Windows
    time: TimeArray
    latitude: FloatArray
    longitude: FloatArray
    keys: AnyArray
    half_orbits: int
    block_half_orbits: int
    simulated: bool
    catalogue: Catalogue
    clusters: Clusters
    event_block: IntArray
    labeller: SampleLabeller
    spans: dict[str, tuple[np.datetime64, np.datetime64]]


def open_stream(
    dataset: Path, block: str, most_half_orbits: int | None = None, allow_test: bool = False
) -> StreamWindows:
    """Cut every window of a block's half-orbits.

    Parameters
    ----------
    dataset : Path
        Complete, with its rows.
    block : {"train", "validation", "test"}
    most_half_orbits : int, optional
        If the block has more, so many evenly over it; all by default.
    allow_test : bool, optional
        The test block opens for an evaluation alone.

    Raises
    ------
    TrainError
        The dataset is incomplete, or the test block is opened without leave.
    """
    if block not in NAMES:
        raise TrainError(f"block {block!r}; valid are {', '.join(NAMES)}")
    if block == "test" and not allow_test:
        raise TrainError(f"{dataset.name}: the test block opens with allow_test=True alone")
    card = read_card(dataset)
    recipe = card.recipe
    manifest = read_manifest(dataset)
    catalogue, clusters, event_block, eligible = read_dataset_events(dataset, card)
    labeller = SampleLabeller(catalogue, clusters, recipe.labels, eligible)
    labeller.block = event_block
    spans = card.spans
    blocks = Blocks(spans, card.embargo_days)
    if card.region is not None:
        blocks = Blocks(spans, card.embargo_days, card.region.region, card.region.buffer_km)
    climatology = Climatology.load(dataset / CLIMATOLOGY_FILE)
    profile = PROFILES[manifest.profile]
    scanner = Scanner(recipe, profile, manifest.mission, climatology, labeller, None, blocks)
    orbits = _half_orbits(dataset)
    if orbits["split"].size != len(manifest.half_orbits):
        raise TrainError(
            f"{dataset.name}: {len(manifest.half_orbits)} half-orbits in the rows, "
            f"{orbits['split'].size} in {HALF_ORBITS_FILE}; run edge-train prepare again"
        )
    members = np.flatnonzero(orbits["split"] == block)
    if not members.size:
        raise TrainError(f"{dataset.name}: no half-orbit lies in the block {block}")
    chosen = members
    if most_half_orbits is not None and members.size > most_half_orbits:
        chosen = members[np.linspace(0, members.size - 1, most_half_orbits).round().astype(int)]
    # Of the size that it will have: a block of years is not held twice.
    total = int(orbits["rows"][chosen].sum())
    features = np.empty((total, 2 * len(profile.observables)), dtype=np.float32)
    size = int(orbits["windows"][chosen].sum())
    table = {name: np.empty(size, dtype=kind) for name, kind in _OF_WINDOWS.items()}
    row = window = 0
    passes = track(iter_passes(dataset, chosen), f"cutting windows of {block}", chosen.size)
    for place, item in zip(chosen.tolist(), passes, strict=True):
        found = scanner.windows(item, place, NAMES.index(block))[0]
        if (item.grid.cell.size, found.size) != (orbits["rows"][place], orbits["windows"][place]):
            raise TrainError(
                f"{dataset.name}: {item.key} has {item.grid.cell.size} rows and {found.size} "
                f"windows, {HALF_ORBITS_FILE} says {orbits['rows'][place]} and "
                f"{orbits['windows'][place]}; run edge-train prepare again"
            )
        # A station without climatology would have these values too: the recipe decides.
        features[row : row + item.grid.cell.size] = (
            _raw(item, profile) if recipe.background.raw else scanner.features(item)
        )
        some = slice(window, window + found.size)
        table["first"][some] = found["first_cell"] - item.grid.cell[0] + row
        table["half_orbit"][some] = place
        for name in ("label", "event", "time", "latitude", "longitude"):
            table[name][some] = found[name]
        row += item.grid.cell.size
        window += found.size
    return StreamWindows(
        windows=Windows(
            features,
            recipe.windows.length,
            table["first"],
            table["label"],
            table["event"],
            table["half_orbit"],
        ),
        time=table["time"].view("datetime64[ms]"),
        latitude=table["latitude"],
        longitude=table["longitude"],
        keys=np.array([h.key for h in manifest.half_orbits]),
        half_orbits=int(chosen.size),
        block_half_orbits=int(members.size),
        simulated=manifest.simulated,
        catalogue=catalogue,
        clusters=clusters,
        event_block=event_block,
        labeller=labeller,
        spans=spans,
    )


def cut_stream(passes: Sequence[NightPass], scanner: Scanner, simulated: bool) -> StreamWindows:
    """Cut every window of half-orbits that are in memory.

    Parameters
    ----------
    passes : sequence of NightPass
        In the order of time.
    scanner : Scanner
        Its climatology gives the residuals, its labeller the labels.
    simulated : bool

    Returns
    -------
    StreamWindows
        `windows.half_orbit` is a place in `passes`; of no block, and so without spans.
    """
    labeller, features, tables, row = scanner.labeller, [], [], 0
    for place, item in enumerate(passes):
        found = scanner.windows(item, place, NO_BLOCK)[0]
        features.append(scanner.features(item))
        first = found["first_cell"] - item.grid.cell[0] + row
        tables.append({"first": first} | {n: found[n] for n in _OF_WINDOWS if n != "first"})
        row += item.grid.cell.size
    table = {n: np.concatenate([t[n] for t in tables]).astype(k) for n, k in _OF_WINDOWS.items()}
    names = ("first", "label", "event", "half_orbit")
    return StreamWindows(
        windows=Windows(
            np.concatenate(features), scanner.recipe.windows.length, *(table[n] for n in names)
        ),
        time=table["time"].view("datetime64[ms]"),
        latitude=table["latitude"],
        longitude=table["longitude"],
        keys=np.array([p.key for p in passes]),
        half_orbits=len(passes),
        block_half_orbits=len(passes),
        simulated=simulated,
        catalogue=labeller.catalogue,
        clusters=labeller.clusters,
        event_block=np.full(labeller.catalogue.size, NO_BLOCK, dtype=np.int64),
        labeller=labeller,
        spans={},
    )


def read_dataset_events(
    dataset: Path, card: DatasetCard
) -> tuple[Catalogue, Clusters, IntArray, BoolArray | None]:
    """Read the events of a dataset, with their clusters and blocks.

    Returns
    -------
    Catalogue, Clusters, ndarray of int64
    ndarray of bool or None
        Which may give positives; None: all mainshocks.

    Raises
    ------
    TrainError
        The table is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = dataset / EVENTS_FILE
    try:
        table = pq.read_table(path, memory_map=True)
    except (OSError, pa.ArrowException) as error:
        raise TrainError(f"{one_line(str(path))}: no events: {one_line(str(error))}") from None
    given = card.inputs.catalogue
    catalogue = Catalogue(
        given.name,
        given.sha256,
        np.array(table["event"].to_pylist()),
        table["time"].to_numpy().astype("datetime64[ms]"),
        *(
            table[n].to_numpy().astype(np.float64)
            for n in ("latitude", "longitude", "depth", "magnitude")
        ),
    )
    clusters = Clusters(
        table["cluster"].to_numpy().astype(np.int64),
        table["mainshock"].to_numpy(zero_copy_only=False),
    )
    codes = {name: place for place, name in enumerate(NAMES)}
    codes |= {"none": NO_BLOCK, "crossing": CROSSING}
    block = np.array([codes[name] for name in table["split"].to_pylist()], dtype=np.int64)
    eligible = None
    if "within_cuts" in table.column_names:
        eligible = table["within_cuts"].to_numpy(zero_copy_only=False)
    return catalogue, clusters, block, eligible


def _raw(item: Any, profile: Any) -> AnyArray:
    valid = item.grid.valid
    values = np.where(valid, item.grid.values, 0.0).astype(np.float32)
    return np.concatenate([values, valid.astype(np.float32)], axis=1)


def _half_orbits(dataset: Path) -> dict[str, AnyArray]:
    import pyarrow.parquet as pq

    names = ["split", "rows", "windows"]
    table = pq.read_table(dataset / HALF_ORBITS_FILE, columns=names, memory_map=True)
    return {name: np.array(table[name].to_pylist()) for name in names}
