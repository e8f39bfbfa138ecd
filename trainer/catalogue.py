"""Earthquake catalogues in the CSV layout of the USGS ComCat service."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.arrays import AnyArray, FloatArray, TimeArray
from trainer.errors import CatalogueError

_COLUMNS = ("time", "latitude", "longitude", "depth", "mag", "id")
# Valid ranges of a row. Depths above sea level occur; ComCat goes down to 735 km.
_RANGES = {
    "latitude": (-90.0, 90.0),
    "longitude": (-180.0, 360.0),
    "depth": (-10.0, 800.0),
    "mag": (-2.0, 10.0),
}
_FIRST, _LAST = np.datetime64("1900-01-01", "ms"), np.datetime64("2100-01-01", "ms")


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
    """

    name: str
    sha256: str
    id: AnyArray
    time: TimeArray
    latitude: FloatArray
    longitude: FloatArray
    depth: FloatArray
    magnitude: FloatArray

    @property
    def size(self) -> int:
        """Number of events."""
        return int(self.time.size)


def read_catalogue(path: Path, least_magnitude: float, largest_depth_km: float) -> Catalogue:
    """Read a catalogue and cut it.

    Parameters
    ----------
    path : Path
        ComCat CSV, plain or ``.gz``. Further columns are ignored; of events with the same
        id the first is kept.
    least_magnitude : float
        Events below it are left out.
    largest_depth_km : float
        Events below that depth are left out.

    Returns
    -------
    Catalogue

    Raises
    ------
    CatalogueError
        The file cannot be read, lacks a column, has a row with an impossible value (named
        with its valid range), or holds no event within the cuts.
    """
    raw = _read(path)
    text = io.StringIO(raw[1], newline="")
    reader = csv.DictReader(text)
    missing = [c for c in _COLUMNS if c not in (reader.fieldnames or ())]
    if missing:
        raise CatalogueError(
            path, f"lacks the columns {', '.join(missing)} of the ComCat CSV layout"
        )
    seen: set[str] = set()
    rows: list[tuple[str, np.datetime64, float, float, float, float]] = []
    try:
        for row in reader:
            where = f"row {reader.line_num}"
            number = {c: _number(path, where, c, row[c]) for c in _RANGES}
            time = _time(path, where, row["time"])
            key = (row["id"] or "").strip()
            if not key:
                raise CatalogueError(path, f"{where}: the id is empty")
            if key in seen:
                continue
            seen.add(key)
            if number["mag"] >= least_magnitude and number["depth"] <= largest_depth_km:
                longitude = (number["longitude"] + 180.0) % 360.0 - 180.0
                rows.append(
                    (key, time, number["latitude"], longitude, number["depth"], number["mag"])
                )
    except csv.Error as error:
        raise CatalogueError(path, f"row {reader.line_num}: {error}") from None
    if not rows:
        raise CatalogueError(
            path,
            f"none of {len(seen)} events has M >= {least_magnitude:g} and "
            f"depth <= {largest_depth_km:g} km",
        )
    rows.sort(key=lambda r: (r[1], r[0]))
    columns = list(zip(*rows, strict=True))
    return Catalogue(
        path.name,
        hashlib.sha256(raw[0]).hexdigest(),
        np.array(columns[0]),
        np.array(columns[1], dtype="datetime64[ms]"),
        *(np.array(c, dtype=np.float64) for c in columns[2:]),
    )


def _read(path: Path) -> tuple[bytes, str]:
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if path.suffix == ".gz" else raw
        return raw, content.decode("utf-8-sig")
    except OSError as error:
        raise CatalogueError(path, error.strerror or str(error)) from None
    except (EOFError, zlib.error, UnicodeDecodeError) as error:
        raise CatalogueError(path, f"not a readable CSV file: {error}") from None


def _number(path: Path, where: str, column: str, text: str | None) -> float:
    low, high = _RANGES[column]
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise CatalogueError(
            path, f"{where}: {column} is {text or 'empty'}; valid is {low:g} to {high:g}"
        )
    return value


def _time(path: Path, where: str, text: str | None) -> np.datetime64:
    stamp = (text or "").strip().removesuffix("Z").removesuffix("+00:00")
    try:
        time = np.datetime64(stamp.replace(" ", "T"), "ms")
    except ValueError:
        time = np.datetime64("NaT")
    if not _FIRST <= time < _LAST:
        raise CatalogueError(
            path, f"{where}: time is {text or 'empty'}; valid is a UTC time of 1900 to 2099"
        )
    return time
