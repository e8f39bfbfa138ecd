"""Equatorial plasma bubbles: steep-walled depletions that a night half-orbit crosses.

The prior is simple on purpose, so that a reference detector can enumerate it: a bubble is a
centre, a width and a depth (:class:`~trainer.simulate.parameters.BubbleParameters`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.simulate import geometry
from trainer.simulate.environment import Conditions
from trainer.simulate.geometry import Floats
from trainer.simulate.noise import autoregressive
from trainer.simulate.parameters import BubbleParameters

#: Speed of both satellites through the plasma, km/s, which turns widths into seconds.
TRACK_KM_S = 7.6
#: No half-orbit has a larger mean number of bubbles.
MOST_EXPECTED = 3.0


@dataclass(frozen=True)
class Bubble:
    """One bubble on a half-orbit.

    Parameters
    ----------
    centre_s : float
        Seconds from the half-orbit's first sample to the middle.
    width_s : float
        Full width at half depth, seconds.
    depth : float
        Greatest fall of log10 Ne, above 0.
    """

    centre_s: float
    width_s: float
    depth: float


def expected_number(
    p: BubbleParameters, time: np.datetime64, longitude: float, flux: float
) -> float:
    """Mean number of bubbles in a night half-orbit.

    Parameters
    ----------
    p : BubbleParameters
    time : datetime64
    longitude : float
        Where the half-orbit crosses the dipole equator, degrees.
    flux : float
        F10.7, solar flux units.

    Notes
    -----
    Most over the Atlantic in December, over Africa in June, and at the equinoxes everywhere, as
    in Burke et al. (2004), doi:10.1029/2004JA010583, drawn with two cosines.
    """
    year = float(geometry.days_since_j2000(np.asarray(time))) / 365.25
    peak = -20.0 - 30.0 * np.cos(2.0 * np.pi * year)
    place = 1.0 + p.season * np.cos(np.deg2rad(longitude - peak))
    equinox = 1.0 + 0.5 * p.season * np.cos(4.0 * np.pi * (year - 0.22))
    mean = p.rate * (flux / 100.0) ** p.flux_exponent * place * equinox
    return float(min(mean, MOST_EXPECTED))


def draw_bubbles(
    p: BubbleParameters,
    time: geometry.Times,
    longitude: Floats,
    dipole_latitude: Floats,
    at: Conditions,
    rng: np.random.Generator,
) -> tuple[Bubble, ...]:
    """Draw the bubbles of a night half-orbit from the prior.

    Parameters
    ----------
    p : BubbleParameters
    time : (n,) datetime64
        One sample a second.
    longitude, dipole_latitude : (n,) float64
        Degrees.
    at : Conditions
    rng : Generator

    Returns
    -------
    tuple of Bubble
        In order of their centres; mostly none.
    """
    zone = np.flatnonzero(np.abs(dipole_latitude) < p.latitude_deg)
    if not len(zone) or p.rate <= 0.0:
        return ()
    middle = zone[np.argmin(np.abs(dipole_latitude[zone]))]
    count = int(rng.poisson(expected_number(p, time[middle], float(longitude[middle]), at.flux)))
    centre = np.sort(rng.uniform(zone[0], zone[-1], count))
    thin, wide = np.log(p.width_km)
    shallow, deep = np.log10(p.factor)
    width = np.exp(rng.uniform(thin, wide, count)) / TRACK_KM_S
    depth = rng.uniform(shallow, deep, count)
    return tuple(
        Bubble(float(c), float(w), float(d)) for c, w, d in zip(centre, width, depth, strict=True)
    )


def depletion(p: BubbleParameters, seconds: Floats, bubble: Bubble) -> Floats:
    """Fall of log10 Ne along a track.

    Parameters
    ----------
    p : BubbleParameters
    seconds : (n,) float64
        Since the half-orbit's first sample.
    bubble : Bubble

    Returns
    -------
    (n,) float64
        Not negative; ``depth / 2 (tanh((x + w/2) / wall) - tanh((x - w/2) / wall))``.
    """
    wall = p.wall_km / TRACK_KM_S
    x, half = seconds - bubble.centre_s, 0.5 * bubble.width_s
    result: Floats = 0.5 * bubble.depth * (np.tanh((x + half) / wall) - np.tanh((x - half) / wall))
    return result


def plasma_change(p: BubbleParameters, fall: Floats) -> Floats:
    """Change of the plasma observables by a fall of log10 Ne.

    Parameters
    ----------
    p : BubbleParameters
    fall : (n,) float64
        Of `depletion`, of all bubbles together.

    Returns
    -------
    (n, 4) float64
        Of log10 Ne, Te (K), log10 O+ and Ti (K); Ti stays.
    """
    result: Floats = fall[:, None] * np.array([-1.0, p.te_k, p.o_plus, 0.0])
    return result


def bubble_change(
    p: BubbleParameters, n: int, bubbles: tuple[Bubble, ...], rng: np.random.Generator
) -> Floats:
    """Change of the plasma observables by bubbles, with their fine structure.

    Parameters
    ----------
    p : BubbleParameters
    n : int
        Samples at 1 s.
    bubbles : tuple of Bubble
    rng : Generator
        For the structure: autoregressive, in proportion to the fall.

    Returns
    -------
    (n, 4) float64
    """
    seconds = np.arange(n, dtype=np.float64)
    fall = np.zeros(n)
    for bubble in bubbles:
        fall += depletion(p, seconds, bubble)
    rough = 1.0 + p.structure * autoregressive(n, 1, p.structure_s, rng)[:, 0]
    return plasma_change(p, fall * rough)
