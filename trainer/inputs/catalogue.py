"""Earthquake catalogues: ComCat CSV and QuakeML, cut in magnitude, depth and time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edge import text
from edge.arrays import AnyArray, FloatArray, TimeArray
from trainer.common.errors import CatalogueError, TrainError
from trainer.inputs.catalogue_formats import (
    EARTHQUAKES,
    RANGES,
    CatalogueEvent,
    Fault,
    parse_comcat,
    parse_quakeml,
    shown,
)

# Ids of the ISC-GEM supplement in ComCat: relocated events of the past, some of them present
# under another id as well.
_SUPPLEMENT = "iscgem"
_OTHER_KIND = "not an earthquake"
# So many rows are named for each reason.
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Earthquakes in the order of time.

    Attributes
    ----------
    name : str
        File name.
    sha256 : str
        Of the file as it is on disk.
    id : ndarray of str, shape (n,)
    time : ndarray of datetime64[ms], shape (n,)
        Origin time, UTC, not decreasing.
    latitude, longitude : ndarray, shape (n,)
        Degrees, longitude in [-180, 180).
    depth : ndarray, shape (n,)
        km.
    magnitude : ndarray, shape (n,)
    dropped : dict of str to int
        How many rows of the file are not here, for each reason.
    named : dict of str to tuple of str
        The first few rows that cannot be used or are no earthquake, for each reason: place in
        the file, what was expected there and what was found.
    """

    name: str
    sha256: str
    id: AnyArray
    time: TimeArray
    latitude: FloatArray
    longitude: FloatArray
    depth: FloatArray
    magnitude: FloatArray
    dropped: dict[str, int] = field(default_factory=dict)
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of events."""
        return int(self.time.size)

    def tally(self) -> list[str]:
        """Say in a line what was read and left out, and in another name rows to be looked at."""
        line = f"{self.name}: {self.size} events"
        if self.dropped:
            counts = ", ".join(f"{n} {reason}" for reason, n in self.dropped.items())
            line += f"; left out {sum(self.dropped.values())}: {counts}"
        rows = "; ".join(row for named in self.named.values() for row in named)
        return [line, f"{self.name}: {rows}"] if rows else [line]

    def take(self, places: AnyArray) -> Catalogue:
        """Pick events.

        Parameters
        ----------
        places : ndarray of int or bool
            Their places, or which of all; they must leave the times in order.
        """
        columns = ("id", "time", "latitude", "longitude", "depth", "magnitude")
        return replace(self, **{name: getattr(self, name)[places] for name in columns})


def read_catalogue(
    path: Path,
    min_magnitude: float,
    max_depth_km: float,
    first: np.datetime64 | None = None,
    last: np.datetime64 | None = None,
    *,
    strict: bool = False,
) -> Catalogue:
    """Read a catalogue and cut it.

    Parameters
    ----------
    path : Path
        ComCat CSV or QuakeML, plain or packed by gzip, in UTF-8, UTF-16 or Latin-1: told apart
        by content.
    min_magnitude : float
        Events below it are left out.
    max_depth_km : float
        Events below that depth are left out.
    first, last : datetime64, optional
        Events before `first` or after `last` are left out.
    strict : bool, optional
        Refuse a file with a row that cannot be used.

    Returns
    -------
    Catalogue
        Also left out and counted: rows that cannot be used, for a value is missing or impossible
        and no cut leaves them out anyway; of events with the same id all but the first that can
        be used; those of the ISC-GEM supplement (ids ``iscgem...``); explosions and the like
        where the file tells.

    Raises
    ------
    CatalogueError
        The file cannot be read, lacks a column, holds no event within the cuts, or with `strict`
        has a row that cannot be used.
    TrainError
        A cut is not within the range of what it cuts.
    """
    check_cuts(min_magnitude, max_depth_km)
    raw, content = _read(path)
    spelt = _decode(path, content)
    seen: set[str] = set()
    dropped: Counter[str] = Counter()
    named: dict[str, tuple[str, ...]] = {}
    unusable: list[Fault] = []
    kept: list[CatalogueEvent] = []
    for row in (parse_quakeml if _is_xml(spelt) else parse_comcat)(spelt, path):
        reason: str | Fault | None = row if isinstance(row, Fault) else None
        if isinstance(row, CatalogueEvent):
            cuts = (min_magnitude, max_depth_km, first, last)
            reason = next(_reasons(row, seen, *cuts), None)
            if reason is None:
                kept.append(row)
            if not isinstance(reason, Fault):
                seen.add(row.id)
        if isinstance(reason, Fault):
            if reason.kind != _OTHER_KIND:
                unusable.append(reason)
            named[reason.kind] = (*named.get(reason.kind, ()), reason.row)[:_MAX_NAMED]
            reason = reason.kind
        if reason is not None:
            dropped[reason] += 1
    rows = len(kept) + sum(dropped.values())
    if strict and unusable:
        raise CatalogueError(
            path, f"{len(unusable)} of {rows} rows cannot be used; {unusable[0].row}"
        )
    if not kept:
        reasons = "".join(
            f"; {n} {reason}" + (f" ({named[reason][0]})" if reason in named else "")
            for reason, n in sorted(dropped.items())
        )
        raise CatalogueError(
            path,
            f"none of {rows} events has M >= {min_magnitude:g} and "
            f"depth <= {max_depth_km:g} km within the span of time{reasons}",
        )
    kept.sort(key=lambda e: (e.time, e.id))
    return Catalogue(
        name=path.name,
        sha256=hashlib.sha256(raw).hexdigest(),
        id=np.array([e.id for e in kept]),
        time=np.array([e.time for e in kept], dtype="datetime64[ms]"),
        latitude=np.array([e.latitude for e in kept]),
        longitude=np.array([e.longitude for e in kept]),
        depth=np.array([e.depth for e in kept]),
        magnitude=np.array([e.magnitude for e in kept]),
        dropped=dict(sorted(dropped.items())),
        named=dict(sorted(named.items())),
    )


def check_cuts(min_magnitude: float, max_depth_km: float) -> None:
    """Refuse cuts that no event can tell from none, NaN above all.

    Raises
    ------
    TrainError
    """
    for name, value, (low, high) in (
        ("minimum magnitude", min_magnitude, RANGES["mag"]),
        ("maximum depth", max_depth_km, RANGES["depth"]),
    ):
        if not low <= value <= high:
            raise TrainError(f"expected a {name} of {low:g} to {high:g}, got {value:g}")


def _reasons(
    event: CatalogueEvent,
    seen: set[str],
    min_magnitude: float,
    max_depth_km: float,
    first: np.datetime64 | None,
    last: np.datetime64 | None,
) -> Iterator[str | Fault]:
    """Say why an event is left out; a fault counts where no cut before it leaves the event out."""
    faults = event.faults
    if "id" in faults:
        yield faults["id"]
    if event.id in seen:
        yield "with an id that came before"
    if event.id.startswith(_SUPPLEMENT):
        yield f"of the ISC-GEM supplement ({_SUPPLEMENT}...)"
    if event.kind not in EARTHQUAKES:
        yield Fault(_OTHER_KIND, f"{event.where}: the type is {shown(event.kind)}")
    if first is not None and event.time < first:
        yield f"before {first}"
    if last is not None and event.time > last:
        yield f"after {last}"
    yield from (faults[name] for name in ("time", "mag") if name in faults)
    if event.magnitude < min_magnitude:
        yield f"below M {min_magnitude:g}"
    yield from (faults[name] for name in ("latitude", "longitude", "depth") if name in faults)
    if event.depth > max_depth_km:
        yield f"deeper than {max_depth_km:g} km"


def read_content(path: Path) -> bytes:
    """Read a catalogue file, uncompressed.

    Raises
    ------
    CatalogueError
    """
    return _read(path)[1]


def is_quakeml(path: Path, content: bytes) -> bool:
    """Tell the uncompressed content of a QuakeML catalogue from that of a CSV one."""
    return _is_xml(_decode(path, content))


def _is_xml(spelt: str) -> bool:
    return spelt.lstrip().startswith("<")


def _read(path: Path) -> tuple[bytes, bytes]:
    """Return the file as it is on disk, and uncompressed."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CatalogueError(path, error.strerror or str(error)) from None
    try:
        return raw, text.unpack(raw)
    except ValueError as error:
        raise CatalogueError(path, f"not a readable CSV or QuakeML file: {error}") from None


def _decode(path: Path, content: bytes) -> str:
    try:
        # What is read is ASCII; names of places may be in any encoding that keeps it.
        return text.decode(content, "latin-1")
    except UnicodeDecodeError as error:
        raise CatalogueError(path, f"not a readable CSV or QuakeML file: {error}") from None
