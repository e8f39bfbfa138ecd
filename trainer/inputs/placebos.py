"""Placebo catalogues: earthquakes where or when there were none, for the same analysis.

A method that finds as much before them as before the real events has found nothing. Each kind
keeps the number of events, their magnitudes and the make-up of every cluster, and breaks the
tie between earthquakes and ionosphere in one way.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from edge.arrays import AnyArray, FloatArray, wrap_longitude
from edge.geodesy import dipole_pole
from trainer.common.sphere import unit_vectors
from trainer.inputs.catalogue import Catalogue
from trainer.inputs.declustering import Clusters

PlaceboKind = Literal["epicentres", "time", "longitude"]

#: Placebo epicentres lie within this dipole latitude, as all windows of the night rule do.
LARGEST_DIPOLE_LATITUDE_DEG = 50.0


def placebo(
    catalogue: Catalogue, clusters: Clusters, kind: PlaceboKind, seed: int = 0, amount: float = 0.0
) -> tuple[Catalogue, Clusters]:
    """Turn a catalogue into a placebo.

    Parameters
    ----------
    catalogue : Catalogue
        n events.
    clusters : Clusters
        Of these events.
    kind : {"epicentres", "time", "longitude"}
        - ``epicentres``: times and magnitudes stay. Each cluster is turned on the sphere as a
          rigid body: its mainshock comes to a place drawn uniformly by area from where the
          dipole latitude is at most 50 degrees, and the cluster is turned about it by an angle
          drawn uniformly; distances within a cluster stay.
        - ``time``: every event moves `amount` days later, and what would pass the end of the
          catalogue comes in again at its start. Places and magnitudes stay.
        - ``longitude``: every event moves `amount` degrees east; latitudes and times stay.
    seed : int, optional
        Of the random places; the other kinds need none.
    amount : float, optional
        Days or degrees; of no use to random epicentres.

    Returns
    -------
    catalogue : Catalogue
        In the order of its times; every event keeps its id.
    clusters : Clusters
        The same clusters, numbered anew by their first events, with the same mainshocks. None is
        looked for anew: in a time shift, a cluster that passes the end stays one cluster.

    Raises
    ------
    ValueError
        The kind is not known, or a shift by `amount` leaves everything where it is.

    Notes
    -----
    The catalogue spans from its first to its last event, and one mean time between events more,
    so that a shift puts the last event and the first one as far apart as any other two.
    """
    if kind == "epicentres":
        latitude, longitude = _random_places(catalogue, clusters, seed)
        return replace(catalogue, latitude=latitude, longitude=longitude), clusters
    if kind == "longitude":
        if not np.isfinite(amount) or amount % 360.0 == 0.0:
            raise ValueError(
                f"longitude shift is {amount:g} degrees; valid is what is no full turn"
            )
        return replace(catalogue, longitude=wrap_longitude(catalogue.longitude + amount)), clusters
    if kind == "time":
        return _shifted(catalogue, clusters, amount)
    raise ValueError(f"placebo {kind!r}; known are {', '.join(get_args(PlaceboKind))}")


def _shifted(catalogue: Catalogue, clusters: Clusters, days: float) -> tuple[Catalogue, Clusters]:
    first = catalogue.time[0]
    since = (catalogue.time - first).astype("timedelta64[ms]").astype(np.int64)
    span = int(since[-1]) + max(int(since[-1]) // max(catalogue.size - 1, 1), 1)
    shift = round(days * 86_400_000.0) % span if np.isfinite(days) else 0
    if shift == 0:
        raise ValueError(
            f"time shift is {days:g} days; valid is what is no multiple of the catalogue's "
            f"{span / 86_400_000.0:.1f} days"
        )
    moved = (since + shift) % span
    order = np.argsort(moved, kind="stable")
    time = first + moved.astype("timedelta64[ms]")
    found = replace(catalogue, time=time).take(order)
    old = clusters.cluster[order]
    start, inverse = np.unique(old, return_index=True, return_inverse=True)[1:]
    rank = np.empty(start.size, dtype=np.int64)
    rank[np.argsort(start)] = np.arange(start.size)
    return found, Clusters(rank[inverse], clusters.mainshock[order])


def _random_places(
    catalogue: Catalogue, clusters: Clusters, seed: int
) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    n = int(clusters.cluster.max()) + 1
    # Uniform by area: the sine of the latitude is uniform.
    highest = np.sin(np.radians(LARGEST_DIPOLE_LATITUDE_DEG))
    dipole = np.degrees(np.arcsin(rng.uniform(-highest, highest, n)))
    east = rng.uniform(-180.0, 180.0, n)
    turn = rng.uniform(0.0, 2.0 * np.pi, n)
    main = np.flatnonzero(clusters.mainshock)
    of_cluster = np.empty(n, dtype=np.int64)
    of_cluster[clusters.cluster[main]] = main
    years = catalogue.time.astype("datetime64[M]").astype(np.int64) / 12.0 + 1970.0
    pole = dipole_pole(float(np.median(years)))
    target = _from_dipole(dipole, east, *pole)
    points = unit_vectors(catalogue.latitude, catalogue.longitude)
    # A frame at the old mainshock, and one at the new place that is turned about its vertical.
    before = _frames(points[of_cluster])
    after = _turned(_frames(target), turn)
    moved = _product(after, before)[clusters.cluster] * points[:, None, :]
    x, y, z = np.ascontiguousarray(moved.sum(axis=-1).T)
    latitude = np.degrees(np.arcsin(np.clip(z, -1.0, 1.0)))
    return latitude, wrap_longitude(np.degrees(np.arctan2(y, x)))


def _from_dipole(
    latitude: FloatArray, longitude: FloatArray, pole_latitude: float, pole_longitude: float
) -> FloatArray:
    """Turn places about the dipole's axis into unit vectors, (n, 3)."""
    axis = unit_vectors(np.array([pole_latitude]), np.array([pole_longitude]))
    frame = _frames(axis)[0]
    local = unit_vectors(latitude, longitude)
    result: FloatArray = (
        (local[:, :1] * frame[1]) + (local[:, 1:2] * frame[2]) + (local[:, 2:] * frame[0])
    )
    return result


def _frames(points: FloatArray) -> FloatArray:
    """Right-handed frames, (n, 3, 3): rows are the vertical, south and east at each point."""
    x, y, z = np.ascontiguousarray(points.T)
    level = np.hypot(x, y)
    # At a pole any direction will do for east.
    at_pole = level < 1e-12
    safe = np.where(at_pole, 1.0, level)
    zero = np.zeros_like(x)
    east = np.stack([np.where(at_pole, 0.0, -y / safe), np.where(at_pole, 1.0, x / safe), zero], -1)
    south = np.cross(east, np.stack([x, y, z], -1))
    return np.stack([points, south, east], axis=1)


def _turned(frames: FloatArray, angle: FloatArray) -> FloatArray:
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    up, south, east = frames.transpose(1, 0, 2)
    return np.stack([up, cosine * south + sine * east, cosine * east - sine * south], axis=1)


def _product(after: FloatArray, before: FloatArray) -> AnyArray:
    """Rotations, (n, 3, 3), that take the axes of one frame to those of the other."""
    result: AnyArray = np.einsum("nki,nkj->nij", after, before)
    return result
