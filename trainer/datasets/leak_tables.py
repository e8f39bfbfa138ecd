"""The tables of a dataset as a check for leaks sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray, BoolArray, FloatArray, wrap_longitude
from edge.errors import one_line
from edge.geodesy import great_circle_km
from trainer.common.errors import TrainError
from trainer.datasets.dataset_card import DatasetCard
from trainer.datasets.layout import EVENTS_FILE, HALF_ORBITS_FILE, WINDOWS_FILE
from trainer.datasets.recipe import SampleLabels
from trainer.datasets.splits import NAMES

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
class LeakTables:
    """Columns of the three tables of a dataset, as arrays."""

    windows: dict[str, AnyArray]
    events: dict[str, AnyArray]
    half_orbits: dict[str, AnyArray]


def read_tables(dataset: Path) -> LeakTables:
    """Read what the check needs of a dataset."""
    return LeakTables(
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


# Windows that are compared with events at once.
_CHUNK = 512
# Two ways to compute a distance agree to this, in km.
_ROUNDING_KM = 1e-3
_ROUNDING_DEG = 1e-9


def check_cylinders(tables: LeakTables, card: DatasetCard) -> None:
    """Refuse windows in the cylinder of an event of another block, and controls in any.

    Raises
    ------
    TrainError
        It names half-orbit, event and blocks.

    Notes
    -----
    The cylinder of an event at time t holds the places within its radius R, and those of its
    area (`_in_area`), from t less the lead time and the clear time after it, to t and the clear
    time before a negative window.
    """
    windows, events = tables.windows, tables.events
    rule = card.recipe.labels
    lead = _hours(rule.lead_hours[1])
    ahead_most = lead + _hours(24.0 * rule.clear_after_days)
    ahead_least = -_hours(24.0 * rule.clear_before_days)
    order = np.argsort(windows["time"], kind="stable")
    quakes = np.argsort(events["time"], kind="stable")
    quake_time = events["time"][quakes]
    control = windows["label"] == 0
    for start in range(0, order.size, _CHUNK):
        some = order[start : start + _CHUNK]
        when = windows["time"][some]
        low = np.searchsorted(quake_time, when[0] + ahead_least, "left")
        high = np.searchsorted(quake_time, when[-1] + ahead_most, "right")
        near = quakes[low:high]
        if not near.size:
            continue
        ahead = events["time"][near][None, :] - when[:, None]
        distance = _distance_km(windows, some, events, near)
        touched = (ahead >= ahead_least) & (ahead <= ahead_most)
        inside = distance < events["radius_km"][near] - _ROUNDING_KM
        touched &= inside | _in_area(windows, some, events, near, rule)
        other = np.isin(events["split"][near], NAMES)[None, :]
        other = other & (events["split"][near][None, :] != windows["split"][some][:, None])
        for which, why in (
            (touched & other, "in the cylinder of an event of another block"),
            (touched & control[some][:, None], "a control near an event"),
        ):
            if which.any():
                i, j = np.argwhere(which)[0]
                raise TrainError(
                    f"{why}: half-orbit {windows['half_orbit'][some[i]]} "
                    f"({windows['split'][some[i]]}) has a window {distance[i, j]:.0f} km from "
                    f"event {events['event'][near[j]]} ({events['split'][near[j]]}), "
                    f"{ahead[i, j] / np.timedelta64(1, 'h'):.1f} h before it"
                )


def _in_area(
    windows: dict[str, AnyArray],
    some: AnyArray,
    events: dict[str, AnyArray],
    near: AnyArray,
    rule: SampleLabels,
) -> BoolArray:
    """Whether windows lie in the area of positives about events, shape (n, k).

    The circle or the square of the recipe, about the epicentre moved by its shift.
    """
    shift = rule.shift_deg
    if rule.area == "dobrovolsky":
        distance = _distance_km(windows, some, events, near, shift)
        circle: BoolArray = distance < events["radius_km"][near] - _ROUNDING_KM
        return circle
    width = rule.half_width_deg - _ROUNDING_DEG
    north = windows["latitude"][some][:, None] - events["latitude"][near]
    east = wrap_longitude(windows["longitude"][some][:, None] - events["longitude"][near] - shift)
    square: BoolArray = (np.abs(north) <= width) & (np.abs(east) <= width)
    return square


def _distance_km(
    windows: dict[str, AnyArray],
    some: AnyArray,
    events: dict[str, AnyArray],
    near: AnyArray,
    shift_deg: float = 0.0,
) -> FloatArray:
    """Distance of each window from each event moved east, shape (n, k)."""
    return great_circle_km(
        windows["latitude"][some][:, None],
        windows["longitude"][some][:, None],
        events["latitude"][near],
        events["longitude"][near] + shift_deg,
    )


def _hours(hours: float) -> np.timedelta64:
    return np.timedelta64(round(hours * 3_600_000.0), "ms")
