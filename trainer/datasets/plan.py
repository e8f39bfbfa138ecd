"""What is settled of a dataset before its windows are looked at: events, blocks, half-orbits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from edge.arrays import FloatArray, TimeArray
from edge.errors import InputError
from edge.observables import PROFILES, MissionName, Profile
from edge.readers.names import looks_like_payload, parse_name
from trainer.archives.archive import NightPass
from trainer.archives.manifest import Manifest
from trainer.archives.rows import iter_passes
from trainer.common.errors import TrainError
from trainer.datasets.labels import SampleLabeller, cut_span, has_cuts, within_cuts
from trainer.datasets.recipe import DatasetRecipe, PlaceboRule
from trainer.datasets.splits import NAMES, STATES, Blocks, crossing_clusters, make_blocks
from trainer.inputs.catalogue import Catalogue
from trainer.inputs.declustering import Clusters, decluster
from trainer.inputs.placebos import PlaceboKind, placebo


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is known before any row is read.

    Attributes
    ----------
    dataset : Path
    manifest : Manifest
    catalogue : Catalogue
        Of a placebo, the moved one.
    clusters : Clusters
    labeller : SampleLabeller
    blocks : Blocks
    state : ndarray of int8, shape (H,)
        Block of each half-orbit, a place in `trainer.datasets.splits.STATES`.
    start, end : ndarray of datetime64[ms], shape (H,)
    region_km : ndarray, shape (H,), or None
    """

    dataset: Path
    manifest: Manifest
    catalogue: Catalogue
    clusters: Clusters
    labeller: SampleLabeller
    blocks: Blocks
    state: npt.NDArray[np.int8]
    start: TimeArray
    end: TimeArray
    region_km: FloatArray | None

    @property
    def profile(self) -> Profile:
        """Observables of the rows."""
        return PROFILES[self.manifest.profile]

    def passes(self, *states: int) -> Iterator[NightPass]:
        """Half-orbits of some states, or all, in the order of time."""
        for place, item in enumerate(iter_passes(self.dataset)):
            if item.key != self.manifest.half_orbits[place].key:
                raise TrainError(f"{self.dataset.name}: the rows changed while they were read")
            if not states or int(self.state[place]) in states:
                yield item


def make_plan(
    dataset: Path,
    manifest: Manifest,
    catalogue: Catalogue,
    recipe: DatasetRecipe,
    tell: Callable[[str], None],
) -> Plan:
    """Decluster the catalogue and cut time or space into blocks.

    Parameters
    ----------
    dataset : Path
    manifest : Manifest
    catalogue : Catalogue
    recipe : DatasetRecipe
    tell : callable
        Takes a line of progress.

    Raises
    ------
    TrainError
        The time is too short for the blocks, or a block has no half-orbit.
    """
    clusters = decluster(catalogue)
    if recipe.placebo.kind != "none":
        rule = recipe.placebo
        catalogue, clusters = _moved(catalogue, clusters, rule)
        tell(f"placebo: {rule.kind} {rule.amount:g}, seed {rule.seed}")
    eligible = within_cuts(catalogue, recipe.events)
    if not eligible.any():
        raise TrainError(f"{catalogue.name}: none of {catalogue.size} events is within the cuts")
    labeller = SampleLabeller(
        catalogue, clusters, recipe.labels, eligible if has_cuts(recipe.events) else None
    )
    start, end = (
        np.array([_instant(getattr(h, side)) for h in manifest.half_orbits], dtype="M8[ms]")
        for side in ("start", "end")
    )
    usable = _within(labeller.usable, recipe)
    blocks = make_blocks(recipe.splits, start, end, usable, catalogue)
    region_km = None if blocks.region is None else _region_km(dataset, blocks)
    state = blocks.place_half_orbits(start, end, region_km)
    for place, name in enumerate(NAMES):
        if not (state == place).any():
            raise TrainError(f"no half-orbit lies in the block {name}")
    labeller.block = blocks.place_events(catalogue, clusters, labeller.lead)
    crossing = crossing_clusters(labeller.block, clusters)
    if has_cuts(recipe.events):
        tell(f"{int(eligible.sum())} of the events are within the cuts and may give positives")
    tell(
        f"{catalogue.size} events in {clusters.size} clusters, {crossing} of which cross blocks; "
        + ", ".join(f"{int((state == i).sum())} half-orbits {n}" for i, n in enumerate(STATES))
    )
    return Plan(
        dataset, manifest, catalogue, clusters, labeller, blocks, state, start, end, region_km
    )


def check_span(
    archive: Path, mission: MissionName, catalogue: Catalogue, recipe: DatasetRecipe
) -> None:
    """Refuse an archive that is too short for the recipe's blocks, by the names of its files.

    Parameters
    ----------
    archive : Path
        No file of it is opened.
    mission : {"cses", "demeter"}
    catalogue : Catalogue
    recipe : DatasetRecipe

    Raises
    ------
    TrainError
        The names, and the days of the catalogue, span too few days.
    """
    named = []
    for path in archive.rglob("*"):
        if looks_like_payload(path.name):
            with suppress(InputError):
                named.append(parse_name(path))
    named = [name for name in named if name.mission == mission]
    if not named:
        # Whoever reads the archive says what is in it.
        return
    clusters = decluster(catalogue)
    if recipe.placebo.kind != "none":
        catalogue, clusters = _moved(catalogue, clusters, recipe.placebo)
    start, end = (
        np.array([getattr(name, side) for name in named], dtype="M8[ms]")
        for side in ("start", "end")
    )
    usable = _within(SampleLabeller(catalogue, clusters, recipe.labels).usable, recipe)
    try:
        make_blocks(recipe.splits, start, end, usable, catalogue)
    except TrainError as error:
        raise TrainError(f"{archive.name}: by the names of {len(named)} files, {error}") from None


def _within(
    usable: tuple[np.datetime64, np.datetime64], recipe: DatasetRecipe
) -> tuple[np.datetime64, np.datetime64]:
    """Keep the blocks in the days of the recipe's cuts: elsewhere there are no positives."""
    first, last = cut_span(recipe.events)
    return (
        usable[0] if first is None else max(usable[0], first),
        usable[1] if last is None else min(usable[1], last),
    )


def _moved(
    catalogue: Catalogue, clusters: Clusters, rule: PlaceboRule
) -> tuple[Catalogue, Clusters]:
    kind = cast("PlaceboKind", rule.kind.removesuffix("-shift"))
    try:
        return placebo(catalogue, clusters, kind, rule.seed, rule.amount)
    except ValueError as error:
        raise TrainError(f"placebo: {error}") from None


def _region_km(dataset: Path, blocks: Blocks) -> FloatArray:
    assert blocks.region is not None
    least = []
    for item in iter_passes(dataset):
        grid = item.grid
        distance = blocks.region.distance_km(
            np.ascontiguousarray(grid.latitude[item.night]),
            np.ascontiguousarray(grid.longitude[item.night]),
        )
        least.append(float(distance.min()) if distance.size else np.inf)
    return np.array(least)


def _instant(text: str | None) -> np.datetime64:
    return np.datetime64((text or "NaT").removesuffix("Z"), "ms")
