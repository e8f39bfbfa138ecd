"""Catalogues in QuakeML, read by ObsPy."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trainer.catalogues.event import CatalogueEvent, checked, checked_time, wrapped
from trainer.errors import CatalogueError

_EVENT_ID = re.compile(r"eventid=([^&]+)")
# How ObsPy and lxml call what they were given, where that is no file.
_STREAM = re.compile(r"<_io\.BytesIO[^>]*>")


def parse_quakeml(content: bytes, path: Path) -> Iterator[CatalogueEvent]:
    """Read the events of a QuakeML file in its order.

    Parameters
    ----------
    content : bytes
        Not compressed.
    path : Path
        To be named in errors.

    Yields
    ------
    CatalogueEvent
        Origin and magnitude are the preferred ones; where an event prefers none that is in the
        file, the first. The file's depth in metres becomes km. Depth and magnitude that an
        event lacks are NaN, and the event's time is NaT where it has no origin. The id is the
        ``eventid`` in the event's public id, as the USGS writes it, else what follows the last
        ``/`` of it.

    Raises
    ------
    CatalogueError
        ObsPy is not installed or cannot read the file, or a value is impossible.
    """
    for number, event in enumerate(_events(content, path), start=1):
        key = _id(str(event.resource_id.id if event.resource_id else ""))
        if not key:
            raise CatalogueError(path, f"event {number}: the public id is empty")
        where = f"event {number} ({key})"
        kind = str(event.event_type or "")
        origin = _preferred(event.preferred_origin, event.origins)
        size = _preferred(event.preferred_magnitude, event.magnitudes)
        magnitude = _number(path, where, "mag", None if size is None else size.mag)
        if origin is None or origin.time is None:
            nowhere = np.datetime64("NaT", "ms"), np.nan, np.nan, np.nan
            yield CatalogueEvent(key, *nowhere, magnitude, kind)
            continue
        time = np.datetime64(int(origin.time.ns) // 1_000_000, "ms")
        depth = None if origin.depth is None else origin.depth / 1000.0
        yield CatalogueEvent(
            key,
            checked_time(path, where, time, str(origin.time)),
            _number(path, where, "latitude", origin.latitude),
            wrapped(_number(path, where, "longitude", origin.longitude)),
            _number(path, where, "depth", depth),
            magnitude,
            kind,
        )


def _events(content: bytes, path: Path) -> Any:
    with warnings.catch_warnings():
        # ObsPy 1.5 calls what Python 3.11 deprecates, and warns of ids that point at nothing.
        warnings.simplefilter("ignore")
        try:
            from obspy import read_events
        except ImportError:
            raise CatalogueError(
                path, "QuakeML is read by ObsPy, which is not installed: add the extra `quakeml`"
            ) from None
        try:
            return read_events(io.BytesIO(content), format="QUAKEML")
        except Exception as error:
            # lxml, ObsPy and Python each have errors of their own for a damaged file.
            reason = _STREAM.sub("it", str(error))
            raise CatalogueError(path, f"not a readable QuakeML file: {reason}") from None


def _preferred(preferred: Any, listed: list[Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = preferred()
    return found if found is not None else next(iter(listed), None)


def _id(public: str) -> str:
    found = _EVENT_ID.search(public)
    return found.group(1) if found else public.rsplit("/", 1)[-1].strip()


def _number(path: Path, where: str, column: str, value: float | None) -> float:
    return np.nan if value is None else checked(path, where, column, float(value), str(value))
