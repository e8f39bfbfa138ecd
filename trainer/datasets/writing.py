"""Writes the Parquet files of a dataset, window by window as the half-orbits come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray, IntArray
from edge.climatology import Climatology
from trainer.archives.archive import NightPass
from trainer.common.progress import track
from trainer.datasets.candidates import MODES, Scan, Scanner, column, mask_text
from trainer.datasets.climatology_fit import fit_background, join_fits
from trainer.datasets.controls import Matches
from trainer.datasets.labels import CROSSING, POSITIVE, has_cuts, radius_km, within_cuts
from trainer.datasets.layout import (
    CONTROL_ROLE,
    POSITIVE_ROLE,
    event_schema,
    half_orbit_schema,
    window_schema,
)
from trainer.datasets.recipe import DatasetRecipe
from trainer.datasets.splits import NAMES, STATES, TRAIN
from trainer.datasets.tables import GROUP_ROWS, new_parquet
from trainer.inputs.indices import Indices

if TYPE_CHECKING:
    import pyarrow as pa

    from trainer.datasets.plan import Plan


def fit_climatology(plan: Plan, indices: Indices | None, recipe: DatasetRecipe) -> Climatology:
    """Fit the background on the training half-orbits alone."""
    profile, mission = plan.profile, plan.manifest.mission
    count = int((plan.state == TRAIN).sum())

    def passes() -> Iterator[NightPass]:
        return track(plan.passes(TRAIN), "fitting the climatology", count)

    fit = fit_background(passes, profile, mission, recipe.background, indices)
    return join_fits(profile, {mission: fit})


class DatasetTables:
    """What `trainer.datasets.build` found, as Parquet.

    Parameters
    ----------
    plan : Plan
    recipe : DatasetRecipe
    scan : Scan
    matches : Matches
    fingerprint : str
        Of everything that the dataset is made from.
    """

    def __init__(
        self, plan: Plan, recipe: DatasetRecipe, scan: Scan, matches: Matches, fingerprint: str
    ) -> None:
        self.plan = plan
        self.recipe = recipe
        self.scan = scan
        self.rows = scan.candidates[matches.row]
        self.pair = matches.pair
        manifest = plan.manifest
        self.keys = np.array([h.key for h in manifest.half_orbits])
        about = {
            "simulated": "true" if manifest.simulated else "false",
            "mission": manifest.mission,
            "profile": manifest.profile,
            "length": str(recipe.windows.length),
            "observables": ",".join(plan.profile.names),
            "units": ",".join(
                f"log10({o.unit})" if o.transform == "log10" else o.unit
                for o in plan.profile.observables
            ),
            "raw": "true" if recipe.background.raw else "false",
            "placebo": recipe.placebo.kind,
            "fingerprint": fingerprint,
        }
        self.metadata = {k.encode(): v.encode() for k, v in about.items()}

    def write_windows(self, path: Path, scanner: Scanner, passes: Iterator[NightPass]) -> None:
        """Write ``windows.parquet``: a row group holds windows of one block, in order of time.

        Parameters
        ----------
        path : Path
        scanner : Scanner
        passes : iterator of NightPass
            All half-orbits; one is held at a time, and a row group of each block.
        """
        size = (self.recipe.windows.length, len(self.plan.profile.observables))
        schema = window_schema(*size, self.metadata)
        # Candidates are in the order of half-orbits.
        borders = np.searchsorted(column(self.rows, "half_orbit"), np.arange(self.keys.size + 1))
        waiting: list[list[pa.RecordBatch]] = [[] for _ in NAMES]
        with new_parquet(path, schema) as writer:
            for place, item in enumerate(passes):
                some = slice(int(borders[place]), int(borders[place + 1]))
                if some.start == some.stop:
                    continue
                batch = self._batch(schema, scanner, item, some)
                block = int(self.rows["block"][some.start])
                waiting[block].append(batch)
                if sum(b.num_rows for b in waiting[block]) >= GROUP_ROWS:
                    _flush(writer, schema, waiting[block])
            for batches in waiting:
                _flush(writer, schema, batches)

    def _batch(
        self, schema: pa.Schema, scanner: Scanner, item: NightPass, some: slice
    ) -> pa.RecordBatch:
        import pyarrow as pa

        rows = self.rows[some]
        positive = column(rows, "label") == POSITIVE
        event = column(rows, "event")
        known = np.maximum(event, 0)
        residual, value, valid = scanner.cut(item, column(rows, "first_cell"))
        kp = column(rows, "kp")
        arrays: dict[str, Any] = {
            "split": np.array(NAMES, dtype=object)[rows["block"]],
            "role": np.where(positive, POSITIVE_ROLE, CONTROL_ROLE).astype(object),
            "label": positive.astype(np.int8),
            "half_orbit": [item.key] * rows.size,
            "mode": np.array(MODES, dtype=object)[rows["mode"]],
            "mask": mask_text(column(rows, "mask"), len(self.plan.profile.observables)),
            "kp": pa.array(kp, mask=np.isnan(kp)),
            "event": pa.array(self.plan.catalogue.id[known].astype(object), mask=~positive),
            "cluster": pa.array(self.plan.clusters.cluster[known], mask=~positive),
            "lead_hours": pa.array(column(rows, "lead_hours"), mask=~positive),
            "distance_km": pa.array(column(rows, "distance_km"), mask=~positive),
            "match": self.pair[some],
        }
        lists = {"residual": residual, "value": value, "valid": valid}
        columns = []
        for field in schema:
            if field.name in lists:
                flat = pa.array(lists[field.name].reshape(-1))
                columns.append(pa.FixedSizeListArray.from_arrays(flat, type=field.type))
                continue
            found = arrays[field.name] if field.name in arrays else column(rows, field.name)
            columns.append(_array(found, field.type))
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def write_half_orbits(self, path: Path) -> None:
        """Write ``half_orbits.parquet``."""
        plan, scan = self.plan, self.scan
        drawn = column(self.rows, "half_orbit")
        positive = column(self.rows, "label") == POSITIVE
        kilometres = plan.region_km
        self._write(
            path,
            half_orbit_schema(self.metadata),
            {
                "half_orbit": self.keys.astype(object),
                "split": np.array(STATES, dtype=object)[plan.state],
                "start": plan.start,
                "end": plan.end,
                "rows": np.array([h.rows for h in plan.manifest.half_orbits], dtype=np.int64),
                "windows": scan.windows,
                "positive": scan.positive,
                "negative": scan.negative,
                "excluded": scan.excluded,
                "drawn_positive": _tally(drawn[positive], self.keys.size),
                "drawn_control": _tally(drawn[~positive], self.keys.size),
                "climatology": plan.state == TRAIN,
                "region_km": [None] * self.keys.size if kilometres is None else kilometres,
            },
        )

    def write_events(self, path: Path) -> None:
        """Write ``events.parquet``."""
        catalogue, clusters = self.plan.catalogue, self.plan.clusters
        event = column(self.rows, "event")
        self._write(
            path,
            event_schema(self.metadata, has_cuts(self.recipe.events)),
            {
                "event": catalogue.id.astype(object),
                "time": catalogue.time,
                "latitude": catalogue.latitude,
                "longitude": catalogue.longitude,
                "depth": catalogue.depth,
                "magnitude": catalogue.magnitude,
                "radius_km": radius_km(catalogue.magnitude),
                "cluster": clusters.cluster,
                "mainshock": clusters.mainshock,
                "split": event_splits(self.plan.labeller.block),
                "windows": _tally(event[event >= 0], catalogue.size),
                "within_cuts": within_cuts(catalogue, self.recipe.events),
            },
        )

    def _write(self, path: Path, schema: pa.Schema, columns: dict[str, Any]) -> None:
        import pyarrow as pa

        arrays = [_array(columns[field.name], field.type) for field in schema]
        with new_parquet(path, schema) as writer:
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def event_splits(block: IntArray | None) -> npt.NDArray[np.object_]:
    """Spell the blocks of events: a block, ``none`` or ``crossing``; shape (n,)."""
    assert block is not None
    names = np.array([*NAMES, "none", "crossing"], dtype=object)
    result: npt.NDArray[np.object_] = names[
        np.where(block >= 0, block, np.where(block == CROSSING, 4, 3))
    ]
    return result


def _tally(places: IntArray, size: int) -> IntArray:
    return np.bincount(places, minlength=size).astype(np.int64)


def _array(values: AnyArray | list[Any], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if isinstance(values, pa.Array):
        return values.cast(kind)
    if pa.types.is_timestamp(kind):
        return pa.array(np.asarray(values).astype("M8[ms]")).cast(kind)
    return pa.array(values, type=kind)


def _flush(writer: Any, schema: pa.Schema, batches: list[pa.RecordBatch]) -> None:
    import pyarrow as pa

    if batches:
        table = pa.Table.from_batches(batches, schema=schema).combine_chunks()
        writer.write_table(table, row_group_size=table.num_rows)
        batches.clear()
