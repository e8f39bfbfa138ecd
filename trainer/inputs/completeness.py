"""What a catalogue tells of itself: counts, b-value, magnitude of completeness, defaults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from edge.arrays import FloatArray, IntArray
from edge.geodesy import EARTH_RADIUS_KM
from trainer.common.sphere import unit_vectors
from trainer.inputs.catalogue import Catalogue

#: Magnitudes are counted in bins of this width, centred on its multiples.
STEP = 0.1
#: Added to the magnitude of the fullest bin (Woessner and Wiemer 2005).
CORRECTION = 0.2
#: The depth that is given where none could be found.
DEFAULT_DEPTH_KM = 10.0
#: Two reports of one earthquake, or two earthquakes that no window tells apart.
CLOSE_SECONDS, CLOSE_KM = 16.0, 50.0


@dataclass(frozen=True, slots=True)
class BValue:
    """Slope of the distribution of magnitudes.

    Attributes
    ----------
    value, uncertainty : float
        NaN where fewer than two events, or events of one magnitude alone, give none.
    least_magnitude : float
        Events from this bin on were used.
    events : int
    """

    value: float
    uncertainty: float
    least_magnitude: float
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Summary of a catalogue.

    Attributes
    ----------
    events : int
    years : dict of int to int
        Events in each calendar year from the first to the last.
    magnitude_of_completeness : float
        By maximum curvature, with the correction of 0.2.
    at_the_cut : bool
        The fullest bin is the lowest one: the catalogue was cut where it is still complete, so
        the magnitude of completeness is the cut or lies below it, and cannot be found from
        these events.
    b_all, b_complete : BValue
        From the lowest magnitude on, and from the magnitude of completeness on.
    default_depth_share : float
        Share of depths that are exactly 10 km.
    close_pairs : int
        Pairs of events less than 16 s and 50 km apart.
    """

    events: int
    years: dict[int, int]
    magnitude_of_completeness: float
    at_the_cut: bool
    b_all: BValue
    b_complete: BValue
    default_depth_share: float
    close_pairs: int


def completeness(catalogue: Catalogue) -> Completeness:
    """Summarise a catalogue."""
    year = catalogue.time.astype("datetime64[Y]").astype(np.int64) + 1970
    counts = np.bincount(year - year[0])
    complete, at_the_cut = maximum_curvature(catalogue.magnitude)
    return Completeness(
        events=catalogue.size,
        years={int(year[0]) + i: int(n) for i, n in enumerate(counts)},
        magnitude_of_completeness=complete,
        at_the_cut=at_the_cut,
        b_all=b_value(catalogue.magnitude, float(catalogue.magnitude.min())),
        b_complete=b_value(catalogue.magnitude, complete),
        default_depth_share=float((catalogue.depth == DEFAULT_DEPTH_KM).mean()),
        close_pairs=close_pairs(catalogue),
    )


def maximum_curvature(magnitude: FloatArray) -> tuple[float, bool]:
    """Magnitude of completeness by maximum curvature.

    Parameters
    ----------
    magnitude : ndarray, shape (n,)
        n > 0.

    Returns
    -------
    magnitude_of_completeness : float
        Magnitude of the fullest bin of 0.1, the lowest of equal ones, plus 0.2.
    at_the_cut : bool
        Whether the fullest bin is the lowest one.

    Notes
    -----
    Wiemer and Wyss, Bull. Seism. Soc. Am. 90, 859 (2000); correction: Woessner and Wiemer,
    ibid. 95, 684 (2005).
    """
    place = _bins(magnitude)
    fullest = int(np.argmax(np.bincount(place - place.min())))
    return round((int(place.min()) + fullest) * STEP + CORRECTION, 10), fullest == 0


def b_value(magnitude: FloatArray, least_magnitude: float) -> BValue:
    """Slope of the Gutenberg-Richter law by maximum likelihood.

    Parameters
    ----------
    magnitude : ndarray, shape (n,)
    least_magnitude : float
        Events in lower bins are left out.

    Notes
    -----
    b = log10(e) / (mean(M) - (M_least - 0.05)): Aki, Bull. Earthq. Res. Inst. 43, 237 (1965),
    with the correction of Utsu (1966) for bins of 0.1. Uncertainty: Shi and Bolt, Bull. Seism.
    Soc. Am. 72, 1677 (1982).
    """
    place = _bins(magnitude)
    first = int(_bins(np.array([least_magnitude]))[0])
    binned = place[place >= first] * STEP
    if binned.size < 2 or np.ptp(binned) == 0.0:
        return BValue(np.nan, np.nan, first * STEP, int(binned.size))
    mean = float(binned.mean())
    value = float(np.log10(np.e)) / (mean - (first - 0.5) * STEP)
    scatter = float(((binned - mean) ** 2).sum()) / (binned.size * (binned.size - 1))
    uncertainty = float(np.log(10.0)) * value**2 * float(np.sqrt(scatter))
    return BValue(value, uncertainty, round(first * STEP, 10), int(binned.size))


def close_pairs(catalogue: Catalogue) -> int:
    """Count pairs of events less than 16 s and less than 50 km apart."""
    chord = 2.0 * np.sin(CLOSE_KM / EARTH_RADIUS_KM / 2.0)
    seconds = catalogue.time.astype("datetime64[ms]").astype(np.int64) / 1000.0
    points = unit_vectors(catalogue.latitude, catalogue.longitude)
    # One tree of place and time, each in units of its limit: pairs within both limits are within
    # one in every coordinate, and those few are then measured.
    scaled = np.column_stack([points / chord, seconds / CLOSE_SECONDS])
    pairs = cKDTree(scaled).query_pairs(1.0, p=np.inf, output_type="ndarray")
    one, other = pairs.T
    apart = np.linalg.norm(points[one] - points[other], axis=1)
    late = np.abs(seconds[one] - seconds[other])
    return int(((apart < chord) & (late < CLOSE_SECONDS)).sum())


def _bins(magnitude: FloatArray) -> IntArray:
    # The small number keeps 5.25, which is stored a hair below, from falling to the lower bin.
    result: IntArray = np.floor(magnitude / STEP + 0.5 + 1e-9).astype(np.int64)
    return result
