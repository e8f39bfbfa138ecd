"""Simulated earthquake catalogues, and reading and writing of the ComCat CSV layout.

A simulated catalogue is a Poisson process in time along rough plate-boundary arcs, with
Gutenberg-Richter magnitudes. It has no aftershocks, and no relation to any real earthquake.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.simulate.geometry import Floats, Times
from trainer.simulate.text_files import write_text

COLUMNS = (
    "time,latitude,longitude,depth,mag,magType,nst,gap,dmin,rms,net,id,updated,place,type,"
    "horizontalError,depthError,magError,magNst,status,locationSource,magSource"
)
SMALLEST_MAGNITUDE = 5.0
LARGEST_MAGNITUDE = 8.5
DEEPEST_KM = 40.0
#: Standard deviation of the epicentres about their arc, degrees.
_ACROSS_DEG = 0.7

# Name, share of the events, corners (latitude, longitude). Drawn by hand after a world map.
_ARCS: tuple[tuple[str, float, tuple[tuple[float, float], ...]], ...] = (
    ("Japan and Kurils", 0.14, ((34, 141), (39, 143), (44, 148), (50, 157))),
    ("Aleutians", 0.06, ((52, -190), (51, -178), (54, -160))),
    ("Chile", 0.08, ((-45, -75), (-33, -72), (-18, -71))),
    ("Peru and Ecuador", 0.04, ((-16, -74), (-6, -81), (1, -80))),
    ("Middle America", 0.06, ((19, -105), (14, -93), (8, -83))),
    ("Sumatra and Java", 0.14, ((9, 93), (3, 95), (-5, 102), (-10, 113), (-10, 120))),
    ("Philippines", 0.08, ((4, 127), (12, 126), (18, 121))),
    ("Taiwan and Ryukyu", 0.05, ((22, 121), (25, 125), (31, 131))),
    ("Tonga and Kermadec", 0.12, ((-15, -173), (-24, -176), (-36, -180))),
    ("Solomon and Vanuatu", 0.12, ((-5, 151), (-9, 160), (-14, 167), (-22, 171))),
    ("Himalaya", 0.03, ((36, 71), (29, 82), (27, 95))),
    ("Zagros and Anatolia", 0.03, ((27, 57), (34, 46), (38, 39))),
    ("Hellenic arc", 0.02, ((38, 20), (35, 24), (36, 28))),
    ("Mid-Atlantic ridge", 0.03, ((-20, -12), (0, -25), (30, -42))),
)


@dataclass(frozen=True)
class Catalogue:
    """Earthquakes in order of time.

    Parameters
    ----------
    event_id, place : (n,) str
        Identifier and description.
    time : (n,) datetime64[ms]
        Origin time, UTC.
    latitude, longitude : (n,) float64
        Epicentre, degrees; longitude in -180..180.
    depth_km, magnitude : (n,) float64
        Depth and magnitude.
    """

    event_id: NDArray[np.str_]
    place: NDArray[np.str_]
    time: Times
    latitude: Floats
    longitude: Floats
    depth_km: Floats
    magnitude: Floats

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.time)


def simulate_catalogue(
    start: np.datetime64, end: np.datetime64, seed: int, events_per_day: float = 4.0
) -> Catalogue:
    """Draw a catalogue of shallow earthquakes of magnitude 5 and more.

    Parameters
    ----------
    start, end : datetime64
        Whole days [start, end), UTC.
    seed : int
        Each day has a stream of its own, so that two ranges agree on the days they share.
    events_per_day : float
        Mean number a day over the whole Earth (the real one is about 4).

    Returns
    -------
    Catalogue
        Identifiers begin with ``sim``, and places with ``simulated``.

    Raises
    ------
    ValueError
        If `events_per_day` is negative or above 1000.

    Notes
    -----
    Gutenberg-Richter with b = 1, truncated at 8.5: with u uniform,
    ``M = 5 - log10(1 - u (1 - 10**-3.5))``.
    """
    if not 0.0 <= events_per_day <= 1000.0:
        raise ValueError(f"events a day must be in 0..1000, not {events_per_day}")
    days = np.arange(np.datetime64(start, "D"), np.datetime64(end, "D"))
    parts = [_one_day(day, seed, events_per_day) for day in days]
    if not parts:
        parts = [_one_day(np.datetime64(start, "D"), seed, 0.0)]
    return Catalogue(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))


_FIELDS = ("event_id", "place", "time", "latitude", "longitude", "depth_km", "magnitude")


def _one_day(day: np.datetime64, seed: int, events_per_day: float) -> Catalogue:
    number = int(day.astype(np.int64))
    rng = np.random.default_rng([seed, 0x5E15, number])
    n = int(rng.poisson(events_per_day))
    time = day.astype("datetime64[ms]") + np.sort(rng.integers(0, 86_400_000, n)).astype(
        "timedelta64[ms]"
    )
    share = np.array([arc[1] for arc in _ARCS])
    which = rng.choice(len(_ARCS), n, p=share / share.sum())
    along = rng.random(n)
    places = np.array(
        [_along_arc(_ARCS[a][2], s) for a, s in zip(which, along, strict=True)]
    ).reshape(n, 2)
    places += rng.normal(0.0, _ACROSS_DEG, (n, 2))
    reach = 1.0 - 10.0 ** (SMALLEST_MAGNITUDE - LARGEST_MAGNITUDE)
    magnitude = SMALLEST_MAGNITUDE - np.log10(1.0 - rng.random(n) * reach)
    depth = np.clip(rng.gamma(3.0, 6.0, n), 1.0, DEEPEST_KM)
    text = str(day).replace("-", "")
    return Catalogue(
        np.array([f"sim{text}{i:03d}" for i in range(n)], dtype="U24"),
        np.array([f"simulated, {_ARCS[a][0]}" for a in which], dtype="U40"),
        time,
        np.round(places[:, 0], 4),
        np.round(_wrapped(places[:, 1]), 4),
        np.round(depth, 2),
        np.round(magnitude, 2),
    )


def _along_arc(corners: tuple[tuple[float, float], ...], share: float) -> tuple[float, float]:
    """Place at a share (0..1) of an arc's length, in degrees."""
    points = np.array(corners, np.float64)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    where = share * length[-1]
    latitude, longitude = (np.interp(where, length, points[:, i]) for i in (0, 1))
    return float(latitude), float(longitude)


def _wrapped(longitude: Floats) -> Floats:
    """Longitudes in -180..180; those that are there already keep every digit."""
    inside = np.abs(longitude) <= 180.0
    return np.where(inside, longitude, (longitude + 180.0) % 360.0 - 180.0)


def write_catalogue(path: Path, catalogue: Catalogue) -> None:
    """Write a simulated catalogue in the ComCat CSV layout, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    catalogue : Catalogue
        Every row gets the network ``sim`` and the status ``simulated``.
    """
    text = io.StringIO()
    text.write(COLUMNS + "\n")
    writer = csv.writer(text, lineterminator="\n")
    for i in range(len(catalogue)):
        time = f"{catalogue.time[i]}Z"
        writer.writerow(
            [
                time, f"{catalogue.latitude[i]:.4f}", f"{catalogue.longitude[i]:.4f}",
                f"{catalogue.depth_km[i]:.2f}", f"{catalogue.magnitude[i]:.2f}", "mw",
                "", "", "", "", "sim", catalogue.event_id[i], time, catalogue.place[i],
                "earthquake", "", "", "", "", "simulated", "sim", "sim",
            ]
        )  # fmt: skip
    write_text(path, text.getvalue())


def read_catalogue(path: Path) -> Catalogue:
    """Read a catalogue in the ComCat CSV layout.

    Parameters
    ----------
    path : Path
        CSV with a header line; ``.gz`` is unpacked.

    Returns
    -------
    Catalogue
        In order of time; rows without time, place or magnitude are left out.

    Raises
    ------
    ValueError
        If a needed column is missing or a value is not a number or a time.
    """
    raw = path.read_bytes()
    try:
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    except (EOFError, OSError, UnicodeDecodeError, zlib.error) as error:
        raise ValueError(f"{path}: not a CSV file ({error})") from None
    rows = csv.DictReader(io.StringIO(text))
    needed = {"time", "latitude", "longitude", "depth", "mag", "id"}
    missing = sorted(needed - set(rows.fieldnames or ()))
    if missing:
        raise ValueError(f"{path}: no column {', '.join(missing)}; expected the ComCat CSV layout")
    kept = [r for r in rows if all(r[k] for k in ("time", "latitude", "longitude", "mag"))]
    try:
        time = np.array([r["time"].rstrip("Z") for r in kept], "datetime64[ms]")
        latitude, longitude, depth, magnitude = (
            np.array([float(r[k] or 0.0) for r in kept], np.float64)
            for k in ("latitude", "longitude", "depth", "mag")
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    order = np.argsort(time, kind="stable")
    return Catalogue(
        np.array([r["id"] for r in kept], dtype=str)[order],
        np.array([r.get("place") or "" for r in kept], dtype=str)[order],
        time[order],
        latitude[order],
        _wrapped(longitude[order]),
        depth[order],
        magnitude[order],
    )
