"""One event as a catalogue file gives it, and what its values may be: one rule for all formats."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from edge.arrays import wrap_longitude
from edge.errors import one_line
from trainer.common.errors import CatalogueError

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
        longitude=float(wrap_longitude(np.array(number["longitude"]))),
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


_COLUMNS = ("time", "latitude", "longitude", "depth", "mag", "id")


def parse_comcat(text: str, path: Path) -> Iterator[CatalogueEvent | Fault]:
    """Read the events of a CSV file in its order.

    Parameters
    ----------
    text : str
        Columns that are not needed are ignored.
    path : Path
        To be named in errors.

    Yields
    ------
    CatalogueEvent or Fault
        One for each line. A header that comes again, as in joined downloads, is a fault and
        holds from there on.

    Raises
    ------
    CatalogueError
        A column is missing.
    """
    header: list[str] = []
    # Line by line: a stray quotation mark costs its own line, and not all up to the next one.
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        where = f"line {number}"
        try:
            (fields,) = csv.reader([line], strict=True)
        except csv.Error as error:
            yield Fault("of broken CSV", f"{where}: {error}")
            continue
        if not fields:
            continue
        names = [field.strip("\ufeff ").lower() for field in fields]
        missing = [name for name in _COLUMNS if name not in names]
        if not missing:
            if header:
                yield Fault("that repeat the header", f"{where}: the header again")
            header = names
        elif not header:
            raise CatalogueError(
                path, f"lacks the columns {', '.join(missing)} of the ComCat CSV layout"
            )
        elif len(fields) != len(header):
            yield Fault(
                "of another number of fields",
                f"{where}: expected {len(header)} fields, got {len(fields)}: {shown(line)}",
            )
        else:
            yield read_event(where, dict(zip(header, fields, strict=True)))
    if not header:
        raise CatalogueError(
            path, f"lacks the columns {', '.join(_COLUMNS)} of the ComCat CSV layout"
        )


_PLACE = ("time", "latitude", "longitude")
_EVENT_ID = re.compile(r"eventid=([^&]+)")


def parse_quakeml(text: str, path: Path) -> Iterator[CatalogueEvent | Fault]:
    """Read the events of a QuakeML file in its order.

    Parameters
    ----------
    text : str
    path : Path
        To be named in errors.

    Yields
    ------
    CatalogueEvent
        Origin and magnitude are the preferred ones; where an event prefers none that is in the
        file, the first. The file's depth in metres becomes km. The id is the ``eventid`` in the
        event's public id, as the USGS writes it, else what follows the last ``/`` of it.

    Raises
    ------
    CatalogueError
        It is no QuakeML.

    Notes
    -----
    ObsPy is not used: it drops events of a type that QuakeML does not list, and a value that it
    cannot read, without a trace.
    """
    try:
        root = ElementTree.fromstring(text.lstrip())
    except (ElementTree.ParseError, ValueError) as error:
        raise CatalogueError(path, f"not a readable QuakeML file: {error}") from None
    if root.tag.rpartition("}")[2] != "quakeml":
        raise CatalogueError(
            path, f"not a readable QuakeML file: expected the element quakeml, got {root.tag}"
        )
    for number, event in enumerate(root.iterfind("{*}eventParameters/{*}event"), start=1):
        key = _id(event.get("publicID", ""))
        origin = _preferred(event, "origin", "preferredOriginID")
        magnitude = _preferred(event, "magnitude", "preferredMagnitudeID")
        values = {name: _text(origin, f"{{*}}{name}/{{*}}value") for name in _PLACE}
        values["depth"] = _kilometres(_text(origin, "{*}depth/{*}value"))
        values["mag"] = _text(magnitude, "{*}mag/{*}value")
        values |= {"id": key, "type": _text(event, "{*}type")}
        yield read_event(f"event {number} ({key})" if key else f"event {number}", values)


def _preferred(
    event: ElementTree.Element, name: str, preference: str
) -> ElementTree.Element | None:
    listed = event.findall(f"{{*}}{name}")
    wanted = _text(event, f"{{*}}{preference}")
    return next((e for e in listed if e.get("publicID") == wanted), next(iter(listed), None))


def _text(element: ElementTree.Element | None, path: str) -> str:
    return "" if element is None else (element.findtext(path) or "").strip()


def _kilometres(metres: str) -> str:
    try:
        return repr(float(metres) / 1000.0)
    except ValueError:
        return metres


def _id(public: str) -> str:
    found = _EVENT_ID.search(public)
    return found.group(1) if found else public.rsplit("/", 1)[-1].strip()
