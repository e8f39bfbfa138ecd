"""The tables of a dataset as a check for leaks sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray, BoolArray
from edge.errors import one_line
from trainer.datasets.layout import EVENTS_FILE, HALF_ORBITS_FILE, WINDOWS_FILE
from trainer.errors import TrainError

if TYPE_CHECKING:
    import pyarrow as pa

#: Columns of the windows that the check looks at: none of what a model sees.
WINDOW_COLUMNS = (
    "split",
    "role",
    "label",
    "half_orbit",
    "first_cell",
    "time",
    "latitude",
    "longitude",
    "event",
    "cluster",
    "match",
)


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Columns of the three tables of a dataset, as arrays."""

    windows: dict[str, AnyArray]
    events: dict[str, AnyArray]
    half_orbits: dict[str, AnyArray]


def read_tables(dataset: Path) -> Tables:
    """Read what the check needs of a dataset.

    Parameters
    ----------
    dataset : Path

    Returns
    -------
    Tables
    """
    return Tables(
        read_columns(dataset / WINDOWS_FILE, list(WINDOW_COLUMNS)),
        read_columns(dataset / EVENTS_FILE),
        read_columns(dataset / HALF_ORBITS_FILE),
    )


def one_split(keys: AnyArray, splits: AnyArray, what: str, where: str) -> None:
    """Refuse a key that comes with two blocks."""
    found: dict[Any, str] = {}
    for key, split in zip(keys.tolist(), splits.tolist(), strict=True):
        if found.setdefault(key, split) != split:
            place = f" of {where}" if where else ""
            raise TrainError(f"{what} {key}{place} is in {found[key]} and in {split}")


def read_columns(path: Path, columns: list[str] | None = None) -> dict[str, AnyArray]:
    """Read a table, or some columns of it; see `arrays`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return arrays(pq.read_table(path, columns=columns, memory_map=True))
    except (OSError, pa.ArrowException) as error:
        raise TrainError(f"{path.name}: damaged: {one_line(str(error))}") from None


def arrays(table: pa.Table) -> dict[str, AnyArray]:
    """Columns as numpy arrays: texts as objects, times as datetime64[ms], null numbers as NaN."""
    import pyarrow as pa

    found: dict[str, npt.NDArray[Any]] = {}
    for name in table.column_names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("ms"))
        found[name] = column.to_numpy()
    return found


def first(values: AnyArray, chosen: BoolArray) -> Any:
    """Give the first of the chosen values."""
    return values[np.flatnonzero(chosen)[0]]
