"""Earthquake catalogues: ComCat CSV and QuakeML, cut in magnitude, depth and time."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edge.arrays import AnyArray, FloatArray, TimeArray
from trainer.catalogues.comcat import parse_comcat
from trainer.catalogues.event import EARTHQUAKES, RANGES, CatalogueEvent
from trainer.errors import CatalogueError, TrainError

# Ids of the ISC-GEM supplement in ComCat: relocated events of the past, some of them present
# under another id as well.
_SUPPLEMENT = "iscgem"


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
        How many events of the file are not here, for each reason.
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

    @property
    def size(self) -> int:
        """Number of events."""
        return int(self.time.size)

    def take(self, places: AnyArray) -> Catalogue:
        """Pick events.

        Parameters
        ----------
        places : ndarray of int or bool
            Their places, or which of all; they must leave the times in order.

        Returns
        -------
        Catalogue
        """
        columns = ("id", "time", "latitude", "longitude", "depth", "magnitude")
        return replace(self, **{name: getattr(self, name)[places] for name in columns})


def read_catalogue(
    path: Path,
    least_magnitude: float,
    largest_depth_km: float,
    first: np.datetime64 | None = None,
    last: np.datetime64 | None = None,
) -> Catalogue:
    """Read a catalogue and cut it.

    Parameters
    ----------
    path : Path
        ComCat CSV or QuakeML, told apart by content; either may be a ``.gz``.
    least_magnitude : float
        Events below it are left out.
    largest_depth_km : float
        Events below that depth are left out.
    first, last : datetime64, optional
        Events before `first` or after `last` are left out.

    Returns
    -------
    Catalogue
        Also left out and counted: of events with the same id all but the first, those of the
        ISC-GEM supplement (ids ``iscgem...``), explosions and the like where the file tells,
        and in QuakeML events without an origin, a magnitude or a depth.

    Raises
    ------
    CatalogueError
        The file cannot be read, lacks a column, has a row with an impossible value (named
        with its valid range), or holds no event within the cuts.
    TrainError
        A cut is not within the range of what it cuts.
    """
    check_cuts(least_magnitude, largest_depth_km)
    raw, content = _read(path)
    if content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        from trainer.catalogues.quakeml import parse_quakeml as parse
    else:
        parse = parse_comcat
    seen: set[str] = set()
    dropped: Counter[str] = Counter()
    kept: list[CatalogueEvent] = []
    for event in parse(content, path):
        reason = _reason(event, seen, least_magnitude, largest_depth_km, first, last)
        seen.add(event.id)
        if reason:
            dropped[reason] += 1
        else:
            kept.append(event)
    if not kept:
        reasons = "".join(f"; {n} {reason}" for reason, n in sorted(dropped.items()))
        raise CatalogueError(
            path,
            f"none of {len(seen)} events has M >= {least_magnitude:g} and "
            f"depth <= {largest_depth_km:g} km within the span of time{reasons}",
        )
    kept.sort(key=lambda e: (e.time, e.id))
    return Catalogue(
        path.name,
        hashlib.sha256(raw).hexdigest(),
        np.array([e.id for e in kept]),
        np.array([e.time for e in kept], dtype="datetime64[ms]"),
        np.array([e.latitude for e in kept]),
        np.array([e.longitude for e in kept]),
        np.array([e.depth for e in kept]),
        np.array([e.magnitude for e in kept]),
        dict(sorted(dropped.items())),
    )


def check_cuts(least_magnitude: float, largest_depth_km: float) -> None:
    """Refuse cuts that no event can tell from none, NaN above all.

    Raises
    ------
    TrainError
    """
    for name, value, (low, high) in (
        ("least magnitude", least_magnitude, RANGES["mag"]),
        ("largest depth", largest_depth_km, RANGES["depth"]),
    ):
        if not low <= value <= high:
            raise TrainError(f"{name} is {value:g}; valid is {low:g} to {high:g}")


def _reason(
    event: CatalogueEvent,
    seen: set[str],
    least_magnitude: float,
    largest_depth_km: float,
    first: np.datetime64 | None,
    last: np.datetime64 | None,
) -> str:
    """Say why an event is left out; nothing for one that stays."""
    tests = (
        (event.id in seen, "with an id that came before"),
        (event.id.startswith(_SUPPLEMENT), f"of the ISC-GEM supplement ({_SUPPLEMENT}...)"),
        (event.kind not in EARTHQUAKES, "not an earthquake"),
        (np.isnat(event.time) or not np.isfinite(event.latitude), "without an origin"),
        (np.isnan(event.magnitude), "without a magnitude"),
        (np.isnan(event.depth), "without a depth"),
        (event.magnitude < least_magnitude, f"below M {least_magnitude:g}"),
        (event.depth > largest_depth_km, f"deeper than {largest_depth_km:g} km"),
        (first is not None and event.time < first, f"before {first}"),
        (last is not None and event.time > last, f"after {last}"),
    )
    return next((reason for failed, reason in tests if failed), "")


def read_content(path: Path) -> bytes:
    """Read a catalogue file, uncompressed.

    Raises
    ------
    CatalogueError
    """
    return _read(path)[1]


def _read(path: Path) -> tuple[bytes, bytes]:
    """Return the file as it is on disk, and uncompressed."""
    try:
        raw = path.read_bytes()
        return raw, gzip.decompress(raw) if path.suffix == ".gz" else raw
    except OSError as error:
        raise CatalogueError(path, error.strerror or str(error)) from None
    except (EOFError, zlib.error) as error:
        raise CatalogueError(path, f"not a readable CSV file: {error}") from None
