"""The rows of an archive on disk: one a grid cell, in Parquet parts, in order of time.

Notes
-----
``DATASET/rows/part-NNNNN.parquet`` holds the half-orbits of consecutive orbit
numbers, in order of orbit and direction, each from its first to its last night row. That is the
order of time within a mission, since orbits are counted as they are flown;
`trainer.archives.manifest.plan_parts` leaves out what contradicts it. A half-orbit lies in one part
whole, and parts are numbered by orbit: a file that is added changes one part and no other.
``DATASET/rows/manifest.json`` is written last, and names the parts that belong together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge.arrays import AnyArray, BoolArray, IntArray
from edge.errors import one_line
from edge.grid import Grid
from edge.observables import PROFILES, Profile
from trainer.archives.archive import NightPass
from trainer.archives.manifest import (
    METADATA_KEY,
    ROWS_FOLDER,
    Manifest,
    PartRecord,
    read_manifest,
    read_part_record,
    read_rows_record,
)
from trainer.common.errors import TrainError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Manifest", "iter_passes", "read_manifest", "read_part", "row_schema", "rows_table"]

_ROW_COLUMNS = (
    ("half_orbit", "mission, orbit number, direction digit", ""),
    ("cell", "cell number since 1970, cell k is [3k, 3k + 3) s of UTC", "3 s"),
    ("latitude", "geocentric, at the centre of the cell", "degrees_north"),
    ("longitude", "geocentric, at the centre of the cell", "degrees_east"),
    ("altitude", "at the centre of the cell", "km"),
    ("present", "false in a gap", ""),
    ("night", "by the dataset's rule", ""),
    ("burst", "an instrument was in burst mode", ""),
    ("samples", "mean raw samples over the valid observables", "1"),
)


def row_schema(profile: Profile, metadata: dict[bytes, bytes]) -> pa.Schema:
    """Arrow schema of the rows, with the unit of each column in its metadata.

    Parameters
    ----------
    profile : Profile
        Its observables are the last columns, nullable: null is masked.
    metadata : dict of bytes to bytes
    """
    import pyarrow as pa

    types = {
        "half_orbit": pa.dictionary(pa.int32(), pa.string()),
        "cell": pa.int64(),
        "samples": pa.float32(),
        **dict.fromkeys(("latitude", "longitude", "altitude"), pa.float64()),
        **dict.fromkeys(("present", "night", "burst"), pa.bool_()),
    }
    place = ("latitude", "longitude", "altitude")
    columns = [
        pa.field(name, types[name], name in place, _about(unit, text))
        for name, text, unit in _ROW_COLUMNS
    ]
    for observable in profile.observables:
        unit = observable.unit
        if observable.transform == "log10":
            unit = f"log10({unit})"
        columns.append(pa.field(observable.name, pa.float64(), True, _about(unit, "null: masked")))
    return pa.schema(columns, metadata)


def _about(unit: str, text: str) -> dict[bytes, bytes]:
    return {b"unit": unit.encode(), b"description": text.encode()}


def rows_table(passes: Sequence[NightPass], profile: Profile, record: PartRecord) -> pa.Table:
    """Lay the rows of half-orbits out as one table."""
    import pyarrow as pa

    metadata = {
        METADATA_KEY: msgspec.json.encode(record),
        b"simulated": b"true" if record.simulated else b"false",
    }
    schema = row_schema(profile, metadata)

    def joined(parts: list[AnyArray], kind: str) -> AnyArray:
        return np.concatenate([np.zeros(0, dtype=kind), *parts])

    grids = [p.grid for p in passes]
    sizes = [g.cell.size for g in grids]
    index = np.repeat(np.arange(len(passes), dtype=np.int32), sizes)
    keys = pa.array([p.key for p in passes], pa.string())
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), keys),
        pa.array(joined([g.cell for g in grids], "i8")),
    ]
    for name in ("latitude", "longitude", "altitude"):
        values = joined([getattr(g, name) for g in grids], "f8")
        columns.append(pa.array(values, mask=np.isnan(values)))
    columns.append(pa.array(joined([g.present for g in grids], "?")))
    columns.append(pa.array(joined([p.night for p in passes], "?")))
    columns.append(pa.array(joined([p.burst for p in passes], "?")))
    columns.append(pa.array(joined([p.samples for p in passes], "f4")))
    for k in range(len(profile.observables)):
        values = joined([g.values[:, k] for g in grids], "f8")
        valid = joined([g.valid[:, k] for g in grids], "?")
        columns.append(pa.array(values, mask=~valid))
    return pa.Table.from_arrays(columns, schema=schema)


def iter_passes(dataset: Path, places: IntArray | None = None) -> Iterator[NightPass]:
    """Give the half-orbits of a dataset in order of time, one part in memory at a time.

    Parameters
    ----------
    dataset : Path
    places : ndarray of int64, optional
        Of those that are wanted, rising: the others' parts are not read. All by default.

    Yields
    ------
    NightPass
        Its grid is the one that was written, to the last bit; samples are not counted by
        observable (``grid.samples`` is None). Files are named by their paths below the archive.

    Raises
    ------
    TrainError
        As `read_manifest`.
    """
    record = read_rows_record(dataset)
    first = 0
    for name in record.parts:
        if places is not None and not (places >= first).any():
            return
        path = dataset / ROWS_FOLDER / name
        if places is None:
            yield from read_part(path, PROFILES[record.profile])
            continue
        last = first + sum(h.rows > 0 for h in read_part_record(path).half_orbits)
        some = set(places[(places >= first) & (places < last)].tolist())
        if some:
            found = enumerate(read_part(path, PROFILES[record.profile]), first)
            yield from (item for place, item in found if place in some)
        first = last


def read_part(path: Path, profile: Profile) -> Iterator[NightPass]:
    """Give the half-orbits of one part; see `iter_passes`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    record = read_part_record(path)
    try:
        table = pq.read_table(path, memory_map=True)
    except (OSError, pa.ArrowException) as error:
        raise TrainError(f"{path.name}: damaged: {one_line(str(error))}") from None
    plain = {n: _numpy(table, n, 0) for n in ("cell", "present", "night", "burst", "samples")}
    place = {n: _numpy(table, n, np.nan) for n in ("latitude", "longitude", "altitude")}
    values = np.stack([_numpy(table, n, 0.0) for n in profile.names], axis=1)
    valid: BoolArray = np.stack([table[n].is_valid().to_numpy() for n in profile.names], axis=1)
    start = 0
    for found in record.half_orbits:
        rows = slice(start, start + found.rows)
        start = rows.stop
        if not found.rows:
            continue
        grid = Grid(
            plain["cell"][rows],
            place["latitude"][rows],
            place["longitude"][rows],
            place["altitude"][rows],
            plain["present"][rows],
            values[rows],
            valid[rows],
        )
        yield NightPass(
            key=found.key,
            files=tuple(Path(f.name) for f in found.files),
            payloads=tuple(found.payloads),
            grid=grid,
            night=plain["night"][rows],
            samples=plain["samples"][rows],
            burst=plain["burst"][rows],
        )
    if start != table.num_rows:
        raise TrainError(f"{path.name}: damaged: {table.num_rows} rows, its record says {start}")


def _numpy(table: pa.Table, name: str, null: float) -> AnyArray:
    column = table[name]
    if column.null_count:
        column = column.fill_null(null)
    result: AnyArray = column.to_numpy()
    return result
