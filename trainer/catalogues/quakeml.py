"""Catalogues in QuakeML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from trainer.catalogues.event import CatalogueEvent, Fault, read_event
from trainer.errors import CatalogueError

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
