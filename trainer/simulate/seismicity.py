"""Rough plate boundaries, and epicentres along them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.arrays import wrap_longitude
from edge.outputs import replace_file
from trainer.inputs.catalogue import Catalogue
from trainer.simulate.geometry import Floats, Times

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


def draw_epicentres(n: int, rng: np.random.Generator) -> tuple[Floats, list[str]]:
    """Draw epicentres.

    Parameters
    ----------
    n : int
        How many.
    rng : Generator

    Returns
    -------
    places : (n, 2) float64
        Latitude and longitude in degrees; the longitude may leave -180..180.
    names : list of str
        The arc of each.
    """
    share = np.array([arc[1] for arc in _ARCS])
    which = rng.choice(len(_ARCS), n, p=share / share.sum())
    along = rng.random(n)
    places = np.array(
        [_along_arc(_ARCS[a][2], s) for a, s in zip(which, along, strict=True)]
    ).reshape(n, 2)
    places += rng.normal(0.0, _ACROSS_DEG, (n, 2))
    return places, [_ARCS[a][0] for a in which]


def _along_arc(corners: tuple[tuple[float, float], ...], share: float) -> tuple[float, float]:
    """Place at a share (0..1) of an arc's length, in degrees."""
    points = np.array(corners, np.float64)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    where = share * length[-1]
    latitude, longitude = (np.interp(where, length, points[:, i]) for i in (0, 1))
    return float(latitude), float(longitude)


COLUMNS = (
    "time,latitude,longitude,depth,mag,magType,nst,gap,dmin,rms,net,id,updated,place,type,"
    "horizontalError,depthError,magError,magNst,status,locationSource,magSource"
)
SMALLEST_MAGNITUDE = 5.0
LARGEST_MAGNITUDE = 8.5
DEEPEST_KM = 40.0
#: Aftershocks: the largest lies this much below its mainshock on average (Bath 1965).
BATH = 1.2
#: Omori-Utsu law ``(t + c)**-p``: c in days, p; and the days after which nothing follows.
OMORI_C_DAYS, OMORI_P = 0.05, 1.1
AFTERSHOCK_DAYS = 30
_STREAM, _AFTERSHOCKS = 0x5E15, 0xAF7E


@dataclass(frozen=True, eq=False)
class SimulatedCatalogue:
    """Earthquakes in order of time, as the simulator writes them.

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

    def plain(self) -> Catalogue:
        """Give the same events as labels and declustering take them."""
        return Catalogue(
            name="simulated",
            sha256="",
            id=self.event_id,
            time=self.time,
            latitude=self.latitude,
            longitude=self.longitude,
            depth=self.depth_km,
            magnitude=self.magnitude,
        )

    @classmethod
    def of(cls, events: Catalogue) -> SimulatedCatalogue:
        """Take the events that `trainer.inputs.catalogue.read_catalogue` read."""
        return cls(
            events.id,
            np.full(events.size, ""),
            events.time,
            events.latitude,
            events.longitude,
            events.depth,
            events.magnitude,
        )


def simulate_catalogue(
    start: np.datetime64,
    end: np.datetime64,
    seed: int,
    events_per_day: float = 4.0,
    aftershocks: bool = True,
) -> SimulatedCatalogue:
    """Draw a catalogue of shallow earthquakes of magnitude 5 and more.

    Parameters
    ----------
    start, end : datetime64
        Whole days [start, end), UTC.
    seed : int
        Each day has a stream of its own, and the aftershocks of an event one more, so that two
        ranges agree on the days they share.
    events_per_day : float
        Mean number a day over the whole Earth (the real one is about 4), aftershocks included.
    aftershocks : bool
        Whether events have aftershocks.

    Returns
    -------
    SimulatedCatalogue
        Identifiers begin with ``sim``, and places with ``simulated``; an aftershock's
        identifier is its mainshock's with ``a`` and a number.

    Raises
    ------
    ValueError
        If `events_per_day` is negative or above 1000.

    Notes
    -----
    Gutenberg-Richter with b = 1, truncated at 8.5: with u uniform,
    ``M = 5 - log10(1 - u (1 - 10**-3.5))``. An event of magnitude M has a Poisson number of
    aftershocks of mean ``10**(M - 1.2 - 5)``, so that one of them lies above M - 1.2 (Bath
    1965, doi:10.1016/0040-1951(65)90003-X), with magnitudes from 5 to M, at times of the
    Omori-Utsu law (Utsu 1961) with c = 0.05 d and p = 1.1 within 30 d, and about a third of
    the rupture length of Wells and Coppersmith 1994 (all slip types) away. Aftershocks have
    none themselves. On average there are 0.51 of them for each other event.
    """
    if not 0.0 <= events_per_day <= 1000.0:
        raise ValueError(f"events a day must be in 0..1000, not {events_per_day}")
    first, last = np.datetime64(start, "D"), np.datetime64(end, "D")
    if not aftershocks:
        parts = [_one_day(day, seed, events_per_day) for day in np.arange(first, last)]
    else:
        span = LARGEST_MAGNITUDE - SMALLEST_MAGNITUDE
        followed = np.log(10.0) * span * 10.0**-BATH / (1.0 - 10.0**-span)
        parts = []
        # Those of earlier mainshocks reach into the range.
        for day in np.arange(first - np.timedelta64(AFTERSHOCK_DAYS, "D"), last):
            main = _one_day(day, seed, events_per_day / (1.0 + followed))
            parts += [main, *_aftershocks(main, int(day.astype(np.int64)), seed)]
    if not parts:
        parts = [_one_day(first, seed, 0.0)]
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS]
    time = columns[_FIELDS.index("time")]
    inside = np.flatnonzero((time >= first) & (time < last))
    order = inside[np.argsort(time[inside], kind="stable")]
    return SimulatedCatalogue(*(column[order] for column in columns))


_FIELDS = ("event_id", "place", "time", "latitude", "longitude", "depth_km", "magnitude")


def _one_day(day: np.datetime64, seed: int, events_per_day: float) -> SimulatedCatalogue:
    number = int(day.astype(np.int64))
    rng = np.random.default_rng([seed, _STREAM, number])
    n = int(rng.poisson(events_per_day))
    time = day.astype("datetime64[ms]") + np.sort(rng.integers(0, 86_400_000, n)).astype(
        "timedelta64[ms]"
    )
    places, names = draw_epicentres(n, rng)
    magnitude = _magnitudes(rng.random(n), LARGEST_MAGNITUDE)
    depth = np.clip(rng.gamma(3.0, 6.0, n), 1.0, DEEPEST_KM)
    text = str(day).replace("-", "")
    return SimulatedCatalogue(
        event_id=np.array([f"sim{text}{i:03d}" for i in range(n)], dtype="U24"),
        place=np.array([f"simulated, {name}" for name in names], dtype="U40"),
        time=time,
        latitude=np.round(places[:, 0], 4),
        longitude=np.round(_wrapped(places[:, 1]), 4),
        depth_km=depth.round(2),
        magnitude=magnitude.round(2),
    )


def _magnitudes(uniform: Floats, largest: float) -> Floats:
    """Gutenberg-Richter magnitudes with b = 1 from the smallest to `largest`."""
    reach = 1.0 - 10.0 ** (SMALLEST_MAGNITUDE - largest)
    return np.asarray(SMALLEST_MAGNITUDE - np.log10(1.0 - uniform * reach))


def _aftershocks(main: SimulatedCatalogue, day: int, seed: int) -> Iterator[SimulatedCatalogue]:
    """Aftershocks of the events of one day, one catalogue for each event that has any."""
    for i in range(len(main)):
        rng = np.random.default_rng([seed, _AFTERSHOCKS, day, i])
        largest = float(main.magnitude[i])
        n = int(rng.poisson(10.0 ** (largest - BATH - SMALLEST_MAGNITUDE)))
        if not n:
            continue
        # The inverse of Omori-Utsu's cumulative number, which is a power of t + c.
        begin, end = (
            OMORI_C_DAYS ** (1.0 - OMORI_P),
            (OMORI_C_DAYS + AFTERSHOCK_DAYS) ** (1.0 - OMORI_P),
        )
        days = (begin + rng.random(n) * (end - begin)) ** (1.0 / (1.0 - OMORI_P)) - OMORI_C_DAYS
        rupture_km = 10.0 ** (-2.44 + 0.59 * largest)
        off = rng.normal(0.0, rupture_km / 3.0 + 2.0, (n, 2)) / 111.2
        latitude = np.clip(main.latitude[i] + off[:, 0], -89.0, 89.0)
        longitude = main.longitude[i] + off[:, 1] / np.cos(np.deg2rad(latitude))
        magnitude = _magnitudes(rng.random(n), largest)
        depth = np.clip(main.depth_km[i] + rng.normal(0.0, 5.0, n), 1.0, DEEPEST_KM)
        yield SimulatedCatalogue(
            event_id=np.array([f"{main.event_id[i]}a{k:03d}" for k in range(n)], dtype="U24"),
            place=np.full(n, main.place[i]),
            time=main.time[i] + np.round(days * 8.64e7).astype("timedelta64[ms]"),
            latitude=np.round(latitude, 4),
            longitude=np.round(_wrapped(longitude), 4),
            depth_km=np.round(depth, 2),
            magnitude=np.round(magnitude, 2),
        )


def _wrapped(longitude: Floats) -> Floats:
    """Longitudes in -180..180; those that are there already keep every digit."""
    inside = np.abs(longitude) <= 180.0
    return np.where(inside, longitude, wrap_longitude(longitude))


def write_catalogue(path: Path, catalogue: SimulatedCatalogue) -> None:
    """Write a simulated catalogue in the ComCat CSV layout, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    catalogue : SimulatedCatalogue
        Every row gets the network ``sim`` and the status ``simulated``.
    """
    replace_file(path, catalogue_text(catalogue).encode())


def catalogue_text(
    catalogue: SimulatedCatalogue, network: str = "sim", status: str = "simulated"
) -> str:
    """Spell a catalogue in the ComCat CSV layout.

    Parameters
    ----------
    catalogue : SimulatedCatalogue
    network, status : str, optional
        Of every row.
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
                "", "", "", "", network, catalogue.event_id[i], time, catalogue.place[i],
                "earthquake", "", "", "", "", status, network, network,
            ]
        )  # fmt: skip
    return text.getvalue()
