"""Columns of the Parquet files of a dataset, with type, unit and meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

WINDOWS_FILE = "windows.parquet"
EVENTS_FILE = "events.parquet"
HALF_ORBITS_FILE = "half_orbits.parquet"

POSITIVE_ROLE, CONTROL_ROLE = "positive", "control"

# Name, type, unit, whether it may be null, what it is.
_WINDOW_COLUMNS = (
    ("split", "string", "", False, "block: train, validation or test"),
    ("role", "string", "", False, "positive or control"),
    ("label", "int8", "", False, "1 positive, 0 control"),
    ("half_orbit", "string", "", False, "mission, orbit number, direction digit"),
    ("first_cell", "int64", "3 s", False, "cell number since 1970 of the first row"),
    ("time", "timestamp", "", False, "UTC of the middle row, as all that follows"),
    ("latitude", "float64", "degrees_north", False, "geocentric"),
    ("longitude", "float64", "degrees_east", False, "geocentric"),
    ("dipole_latitude", "float64", "degrees_north", False, "centred dipole"),
    ("local_time", "float64", "h", False, "mean local time"),
    ("kp", "float64", "", True, "of the 3 h; null: unknown"),
    ("mode", "string", "", False, "of the instruments: survey, burst or mixed"),
    ("samples", "float64", "1", False, "mean raw samples a cell"),
    ("mask", "string", "", False, "a digit an observable: 0 no row valid, 4 all, 1 to 3 some"),
    ("coverage", "float64", "1", False, "valid values over those that the mission can have"),
    ("event", "string", "", True, "id of a positive's mainshock"),
    ("cluster", "int64", "", True, "number of its cluster"),
    ("lead_hours", "float64", "h", True, "from the middle row to the event"),
    ("distance_km", "float64", "km", True, "from the middle row to the epicentre"),
    ("match", "int64", "", False, "number of the pair of a positive and its controls"),
)
_EVENT_COLUMNS = (
    ("event", "string", "", False, "id"),
    ("time", "timestamp", "", False, "origin time, UTC"),
    ("latitude", "float64", "degrees_north", False, "epicentre, of a placebo the moved one"),
    ("longitude", "float64", "degrees_east", False, "likewise"),
    ("depth", "float64", "km", False, ""),
    ("magnitude", "float64", "", False, ""),
    ("radius_km", "float64", "km", False, "Dobrovolsky: 10^(0.43 M)"),
    ("cluster", "int64", "", False, "numbered by the first event"),
    ("mainshock", "bool", "", False, "the strongest of its cluster"),
    ("split", "string", "", False, "block, none, or crossing: its cluster reaches into several"),
    ("windows", "int64", "1", False, "matched positive windows"),
)
# Where a recipe cuts the catalogue: the others are there for declustering and clearing.
_CUT_COLUMN = ("within_cuts", "bool", "", False, "whether it may give positives, if a mainshock")
_HALF_ORBIT_COLUMNS = (
    ("half_orbit", "string", "", False, "mission, orbit number, direction digit"),
    ("split", "string", "", False, "block, or why in none: outside, embargo, buffer"),
    ("start", "timestamp", "", False, "UTC of the first night row"),
    ("end", "timestamp", "", False, "UTC of the last one"),
    ("rows", "int64", "1", False, ""),
    ("windows", "int64", "1", False, "that cover enough; 0 where in no block"),
    ("positive", "int64", "1", False, "of them"),
    ("negative", "int64", "1", False, "of them"),
    ("excluded", "int64", "1", False, "of them"),
    ("drawn_positive", "int64", "1", False, "matched positives in windows.parquet"),
    ("drawn_control", "int64", "1", False, "controls in windows.parquet"),
    ("climatology", "bool", "", False, "whether the climatology was fitted on it"),
    ("region_km", "float64", "km", True, "least distance to the region that is left out"),
)


def window_schema(length: int, observables: int, metadata: dict[bytes, bytes]) -> pa.Schema:
    """Arrow schema of ``windows.parquet``.

    Parameters
    ----------
    length, observables : int
        L and F; the values of a window are lists of L F, row after row.
    metadata : dict of bytes to bytes
    """
    import pyarrow as pa

    size = length * observables
    lists = [
        ("residual", pa.float32(), "sigma", "from the climatology; 0 where masked"),
        ("value", pa.float32(), "see the rows", "before the climatology; 0 where masked"),
        ("valid", pa.bool_(), "", "false: masked"),
    ]
    fields = [
        pa.field(name, pa.list_(pa.field("item", kind, False), size), False, _about(unit, text))
        for name, kind, unit, text in lists
    ]
    return pa.schema([*_fields(_WINDOW_COLUMNS), *fields], metadata)


def event_schema(metadata: dict[bytes, bytes], cuts: bool = False) -> pa.Schema:
    """Arrow schema of ``events.parquet``.

    Parameters
    ----------
    metadata : dict of bytes to bytes
    cuts : bool, optional
        Whether there are events that controls are clear of and that give no positive; the
        column ``within_cuts`` then tells them from the others.
    """
    import pyarrow as pa

    columns = (*_EVENT_COLUMNS, _CUT_COLUMN) if cuts else _EVENT_COLUMNS
    return pa.schema(_fields(columns), metadata)


def half_orbit_schema(metadata: dict[bytes, bytes]) -> pa.Schema:
    """Arrow schema of ``half_orbits.parquet``."""
    import pyarrow as pa

    return pa.schema(_fields(_HALF_ORBIT_COLUMNS), metadata)


def _fields(columns: Sequence[tuple[str, str, str, bool, str]]) -> list[pa.Field]:
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int8": pa.int8(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("ms", "UTC"),
    }
    return [
        pa.field(name, types[kind], nullable, _about(unit, text))
        for name, kind, unit, nullable, text in columns
    ]


def _about(unit: str, text: str) -> dict[bytes, bytes]:
    return {b"unit": unit.encode(), b"description": text.encode()}
