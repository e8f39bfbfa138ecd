"""One event as a catalogue file gives it, and what its values may be: one rule for all formats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from edge.arrays import FloatArray
from edge.errors import one_line

#: Valid values. Depths above sea level occur; ComCat goes down to 735 km.
RANGES = {
    "latitude": (-90.0, 90.0),
    "longitude": (-180.0, 360.0),
    "depth": (-10.0, 800.0),
    "mag": (-2.0, 10.0),
}
FIRST, LAST = np.datetime64("1900-01-01", "ms"), np.datetime64("2100-01-01", "ms")

#: What counts as an earthquake. Where a file says that it does not know, as ISC does of events of
#: M 7 too, or says nothing, nearly all are.
EARTHQUAKES = (
    "",
    "not reported",
    "null",
    "unknown",
    "earthquake",
    "induced or triggered event",
)

_NAMES = {"mag": "magnitude"}
# Without it an event is nowhere, whatever else it has.
_ORIGIN = ("time", "latitude", "longitude")
# numpy takes "now" and "today" for times, and warns of offsets.
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?", re.ASCII)
_UTC = re.compile(r"(Z|[+-]00:?00)$")
_LONGEST_VALUE = 40


class Fault(NamedTuple):
    """Why a row of a catalogue cannot be used.

    Attributes
    ----------
    kind : str
        To be counted by, such as ``without a magnitude``.
    row : str
        Place in the file, what was expected there and what was found.
    """

    kind: str
    row: str


class CatalogueEvent(NamedTuple):
    """An event before any cut.

    Attributes
    ----------
    where : str
        Place in the file, such as ``line 3``.
    id : str
    time : datetime64[ms]
        Origin time, UTC; NaT where there is none to be read.
    latitude, longitude : float
        Degrees, longitude in [-180, 180). NaN, as all numbers, where there is none to be read.
    depth : float
        km.
    magnitude : float
    kind : str
        Type of event in lower case, such as ``earthquake``; empty where not told.
    faults : dict of str to Fault
        Of ``id``, ``time`` and the columns in `RANGES`: what is missing or impossible.
    """

    where: str
    id: str
    time: np.datetime64
    latitude: float
    longitude: float
    depth: float
    magnitude: float
    kind: str
    faults: dict[str, Fault]


def read_event(where: str, text: Mapping[str, str]) -> CatalogueEvent:
    """Make an event of its values as a file spells them.

    Parameters
    ----------
    where : str
        Place in the file.
    text : mapping of str to str
        ``id``, ``time``, ``type`` and the columns in `RANGES`; what a file lacks may be empty.

    Returns
    -------
    CatalogueEvent
    """
    found = {name: text.get(name, "").strip() for name in ("id", "time", "type", *RANGES)}
    faults: dict[str, Fault] = {}
    if not found["id"]:
        faults["id"] = _fault(where, "id", "an id", "")
    time = _time(found["time"])
    if not FIRST <= time < LAST:
        faults["time"] = _fault(where, "time", "a UTC time of 1900 to 2099", found["time"])
    number = {}
    for name, (low, high) in RANGES.items():
        number[name] = _number(found[name])
        if not low <= number[name] <= high:
            wanted = f"a {_NAMES.get(name, name)} of {low:g} to {high:g}"
            faults[name] = _fault(where, name, wanted, found[name])
    return CatalogueEvent(
        where=where,
        id=found["id"],
        time=time,
        latitude=number["latitude"],
        longitude=wrapped(number["longitude"]),
        depth=number["depth"],
        magnitude=number["mag"],
        # The USGS writes underscores in QuakeML.
        kind=" ".join(found["type"].lower().replace("_", " ").split()),
        faults=faults,
    )


def _fault(where: str, column: str, wanted: str, found: str) -> Fault:
    name = _NAMES.get(column, column)
    if found:
        kind = f"with an impossible {name}"
    elif column in _ORIGIN:
        kind = "without an origin"
    else:
        kind = f"without {'an' if column == 'id' else 'a'} {name}"
    return Fault(kind, f"{where}: expected {wanted}, got {shown(found)}")


def shown(text: str) -> str:
    """Spell a value of a strange file on part of a line."""
    text = one_line(text)
    return (text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}...") or "nothing"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _time(text: str) -> np.datetime64:
    stamp = _UTC.sub("", text)
    try:
        return np.datetime64(stamp.replace(" ", "T") if _TIME.fullmatch(stamp) else "NaT", "ms")
    except ValueError:
        # A month 13, or the leap second 23:59:60, which numpy's time cannot hold.
        return np.datetime64("NaT", "ms")


def wrapped(longitude: float) -> float:
    """Longitude in [-180, 180)."""
    return (longitude + 180.0) % 360.0 - 180.0


def wrapped_all(longitude: FloatArray) -> FloatArray:
    """Longitudes, shape (n,), in [-180, 180)."""
    turned: FloatArray = (longitude + 180.0) % 360.0 - 180.0
    # The remainder of a tiny negative number rounds up to a full turn.
    return np.where(turned >= 180.0, -180.0, turned)
