"""One event as a catalogue file gives it, and what its values may be."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.arrays import FloatArray
from trainer.errors import CatalogueError

#: Valid values. Depths above sea level occur; ComCat goes down to 735 km.
RANGES = {
    "latitude": (-90.0, 90.0),
    "longitude": (-180.0, 360.0),
    "depth": (-10.0, 800.0),
    "mag": (-2.0, 10.0),
}
FIRST, LAST = np.datetime64("1900-01-01", "ms"), np.datetime64("2100-01-01", "ms")

#: What counts as an earthquake where a file tells; a file that tells nothing has nothing else.
EARTHQUAKES = ("", "earthquake", "induced or triggered event")


class CatalogueEvent(NamedTuple):
    """An event before any cut.

    Attributes
    ----------
    id : str
    time : datetime64[ms]
        Origin time, UTC.
    latitude, longitude : float
        Degrees, longitude in [-180, 180).
    depth : float
        km; NaN where the file has none.
    magnitude : float
        NaN where the file has none.
    kind : str
        Type of event, such as ``earthquake`` or ``nuclear explosion``; empty where not told.
    """

    id: str
    time: np.datetime64
    latitude: float
    longitude: float
    depth: float
    magnitude: float
    kind: str


def checked(path: Path, where: str, column: str, value: float, text: str) -> float:
    """Pass on a value that is within its range.

    Parameters
    ----------
    path : Path
    where : str
        Place in the file, for the error.
    column : str
        One of `RANGES`.
    value : float
    text : str
        The value as it stands in the file.

    Returns
    -------
    float

    Raises
    ------
    CatalogueError
        It is not, or it is NaN.
    """
    low, high = RANGES[column]
    if not low <= value <= high:
        raise CatalogueError(
            path, f"{where}: {column} is {text or 'empty'}; valid is {low:g} to {high:g}"
        )
    return value


def checked_time(path: Path, where: str, time: np.datetime64, text: str) -> np.datetime64:
    """Pass on a time of 1900 to 2099; see `checked`."""
    if not FIRST <= time < LAST:
        raise CatalogueError(
            path, f"{where}: time is {text or 'empty'}; valid is a UTC time of 1900 to 2099"
        )
    return time


def wrapped(longitude: float) -> float:
    """Longitude in [-180, 180)."""
    return (longitude + 180.0) % 360.0 - 180.0


def wrapped_all(longitude: FloatArray) -> FloatArray:
    """Longitudes, shape (n,), in [-180, 180)."""
    turned: FloatArray = (longitude + 180.0) % 360.0 - 180.0
    # The remainder of a tiny negative number rounds up to a full turn.
    return np.where(turned >= 180.0, -180.0, turned)
