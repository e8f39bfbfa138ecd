"""Rough plate boundaries, and epicentres along them."""

from __future__ import annotations

import numpy as np

from trainer.simulate.geometry import Floats

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
