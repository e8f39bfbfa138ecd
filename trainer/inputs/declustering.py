"""Clusters of earthquakes: mainshocks with their foreshocks and aftershocks.

The method is that of Gardner and Knopoff (1974): an event opens a window in distance and time
that grows with its magnitude, and what follows within it belongs to it - an aftershock, or, if
it is the larger of the two, the event that the first was a foreshock of. A cluster is everything
that such links hold together, directly or through others.

Why this one of the many: its windows are fixed, so nothing is fitted, and nothing of the test
years can leak into a training through a fit (as through the rates of an ETAS or nearest-neighbour
declustering). And with links followed to their end, no event lies in a window that an event of
another cluster opened before it: two clusters never share a sequence, which is what splits by
cluster need. The price is that windows that touch one another grow into long clusters where
earthquakes are dense (Tonga, Vanuatu, after Tohoku 2011).

Windows on both sides of the larger event, as some programs have them, are not in the paper and
join more: half of the M >= 5 events of 2004 to 2023 to clusters that last longer than a year,
against two fifths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray
from edge.geodesy import EARTH_RADIUS_KM
from trainer.common.sphere import unit_vectors
from trainer.inputs.catalogue import Catalogue

#: Gardner and Knopoff (1974), table 1: magnitude, distance in km, time in days.
WINDOWS = np.array(
    [
        (2.5, 19.5, 6.0),
        (3.0, 22.5, 11.5),
        (3.5, 26.0, 22.0),
        (4.0, 30.0, 42.0),
        (4.5, 35.0, 83.0),
        (5.0, 40.0, 155.0),
        (5.5, 47.0, 290.0),
        (6.0, 54.0, 510.0),
        (6.5, 61.0, 790.0),
        (7.0, 70.0, 915.0),
        (7.5, 81.0, 960.0),
        (8.0, 94.0, 985.0),
    ]
)
_DAY_MS = 86_400_000.0
# Events whose neighbours are looked up at a time, which bounds the memory.
_CHUNK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Clusters of the events of a catalogue.

    Attributes
    ----------
    cluster : ndarray of int64, shape (n,)
        Number of each event's cluster, from 0, in the order of the clusters' first events.
    mainshock : ndarray of bool, shape (n,)
        One in each cluster: the largest magnitude, the earlier of equal ones.
    """

    cluster: IntArray
    mainshock: BoolArray

    @property
    def size(self) -> int:
        """Number of clusters."""
        return int(self.mainshock.sum())


def windows(magnitude: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distance and time within which later events belong to an event.

    Parameters
    ----------
    magnitude : ndarray, shape (n,)

    Returns
    -------
    distance_km, time_days : ndarray, shape (n,)

    Notes
    -----
    Gardner and Knopoff, Bull. Seism. Soc. Am. 64, 1363 (1974), table 1; their logarithms are
    linear between its rows, and below and above it go on as between the last two.
    """
    table, *columns = WINDOWS.T
    place = np.clip(np.searchsorted(table, magnitude) - 1, 0, table.size - 2)
    part = (magnitude - table[place]) / (table[place + 1] - table[place])
    logs = [np.log10(column) for column in columns]
    distance, time = (10.0 ** (g[place] + part * (g[place + 1] - g[place])) for g in logs)
    return distance, time


def decluster(catalogue: Catalogue) -> Clusters:
    """Find the clusters of a catalogue.

    Parameters
    ----------
    catalogue : Catalogue
        n events.
    """
    earlier, later = _links(catalogue)
    n = catalogue.size
    graph = coo_array((np.ones(earlier.size, dtype=np.int8), (earlier, later)), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    first, inverse = np.unique(label, return_index=True, return_inverse=True)[1:]
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    cluster = rank[inverse]
    return Clusters(cluster, mainshocks(cluster, catalogue.magnitude))


def mainshocks(cluster: IntArray, magnitude: FloatArray) -> BoolArray:
    """Mark the largest event of each cluster, the earlier of equal ones.

    Parameters
    ----------
    cluster : ndarray of int64, shape (n,)
    magnitude : ndarray, shape (n,)
        In the order of time.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    order = np.lexsort((np.arange(cluster.size), -magnitude, cluster))
    chosen = order[np.unique(cluster[order], return_index=True)[1]]
    out = np.zeros(cluster.size, dtype=bool)
    out[chosen] = True
    return out


def _links(catalogue: Catalogue) -> tuple[AnyArray, AnyArray]:
    """Pairs of events of which the later lies in the window of the earlier one."""
    distance, days = windows(catalogue.magnitude)
    time = catalogue.time.astype("datetime64[ms]").astype(np.int64) / _DAY_MS
    points = unit_vectors(catalogue.latitude, catalogue.longitude)
    tree = cKDTree(points)
    # Straight through the Earth, in its radii.
    chord = 2.0 * np.sin(np.minimum(distance / EARTH_RADIUS_KM, np.pi) / 2.0)
    found: list[tuple[AnyArray, AnyArray]] = []
    for start in range(0, catalogue.size, _CHUNK):
        part = slice(start, min(start + _CHUNK, catalogue.size))
        near = tree.query_ball_point(points[part], chord[part])
        count = np.array([len(n) for n in near])
        earlier = np.repeat(np.arange(part.start, part.stop), count)
        later = np.concatenate([np.asarray(n, dtype=np.int64) for n in near])
        kept = (later > earlier) & (time[later] - time[earlier] <= days[earlier])
        found.append((earlier[kept], later[kept]))
    earlier, later = (np.concatenate(side) for side in zip(*found, strict=True))
    return earlier, later
