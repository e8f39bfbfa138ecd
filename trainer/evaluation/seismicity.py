"""Reference measure of a Molchan diagram: where earthquakes occur anyway.

A forecast that alarms the Pacific rim beats chance on a bare globe, and says nothing. Alarms are
therefore weighed with the rate of earthquakes of earlier years, smoothed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from edge.arrays import AnyArray, FloatArray, IntArray
from edge.geodesy import EARTH_RADIUS_KM
from trainer.common.errors import TrainError
from trainer.common.sphere import unit_vectors

#: Standard deviation of the kernel, km; see `SeismicityMap.fit`.
BANDWIDTH_KM = 150.0

#: Share of the rate that is the same everywhere, so that no place has none.
UNIFORM_SHARE = 0.01

_ROWS = 180
_BANDWIDTHS_KM = (100.0, 1000.0)
# The kernel ends after so many standard deviations, and so many events are spread at once.
_REACH, _CHUNK = 4.0, 500


@dataclass(frozen=True, slots=True, eq=False)
class SeismicityMap:
    """Relative rate of earthquakes per area, on cells of about one degree of the equator.

    Attributes
    ----------
    first : ndarray of int64, shape (181,)
        First cell of each row of one degree of latitude, from the south; the cells of a row go
        east from -180 degrees, as many as make them of about equal area.
    area : ndarray, shape (c,)
        Share of the sphere of each cell.
    rate : ndarray, shape (c,)
        Rate per area over its mean on the sphere: ``(area * rate).sum()`` is 1.
    bandwidth_km : float
    events : int
        That it was fitted on.
    """

    first: IntArray
    area: FloatArray
    rate: FloatArray
    bandwidth_km: float
    events: int

    @classmethod
    def fit(
        cls, latitude: FloatArray, longitude: FloatArray, bandwidth_km: float = BANDWIDTH_KM
    ) -> SeismicityMap:
        """Smooth epicentres.

        Parameters
        ----------
        latitude, longitude : ndarray, shape (n,)
            Degrees; of earthquakes before the time that is judged, and of no others.
        bandwidth_km : float
            Standard deviation of the Gaussian kernel, 100 to 1000 km.

        Raises
        ------
        TrainError
            There are no events, a place is missing or out of range, or the bandwidth is.

        Notes
        -----
        A fixed kernel and a uniform share of one in a hundred, for surprises, as Kagan and
        Jackson (1994, 2000) have them. Each event weighs the same; a declustered catalogue gives
        the rate of mainshocks.
        """
        latitude, longitude = _places(latitude, longitude)
        low, high = _BANDWIDTHS_KM
        if not latitude.size:
            raise TrainError("a map of seismicity from 0 events; valid is 1 or more")
        if not low <= bandwidth_km <= high:
            raise TrainError(f"bandwidth_km is {bandwidth_km}; valid is {low:g} to {high:g}")
        first, area = _grid()
        cells = unit_vectors(*_centres(first))
        tree = cKDTree(cells)
        reach = 2.0 * np.sin(min(_REACH * bandwidth_km / EARTH_RADIUS_KM, np.pi) / 2.0)
        rate = np.zeros(area.size)
        points = unit_vectors(latitude, longitude)
        for begin in range(0, latitude.size, _CHUNK):
            some = points[begin : begin + _CHUNK]
            found = cKDTree(some).sparse_distance_matrix(tree, reach, output_type="ndarray")
            arc = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.clip(found["v"] / 2.0, 0.0, 1.0))
            kernel = np.exp(-0.5 * (arc / bandwidth_km) ** 2)
            # Every event gives one, wherever its kernel falls on the cells.
            total = np.bincount(found["i"], kernel * area[found["j"]], some.shape[0])
            rate += np.bincount(found["j"], kernel / total[found["i"]], area.size)
        rate = UNIFORM_SHARE + (1.0 - UNIFORM_SHARE) * rate / latitude.size
        return cls(first, area, rate, float(bandwidth_km), int(latitude.size))

    def density(self, latitude: FloatArray, longitude: FloatArray) -> FloatArray:
        """Relative rate per area.

        Parameters
        ----------
        latitude, longitude : ndarray, shape (n,)
            Degrees.

        Returns
        -------
        ndarray, shape (n,)
            Over the mean on the sphere; never 0.

        Raises
        ------
        TrainError
            A place is missing or out of range.
        """
        latitude, longitude = _places(latitude, longitude)
        row = np.clip(np.floor(latitude + 90.0).astype(np.int64), 0, _ROWS - 1)
        number = np.diff(self.first)[row]
        column = np.floor((longitude + 180.0) % 360.0 / 360.0 * number).astype(np.int64)
        result: FloatArray = self.rate[self.first[row] + np.minimum(column, number - 1)]
        return result

    def draw(self, events: int, seed: int) -> tuple[FloatArray, FloatArray]:
        """Draw epicentres from the map.

        Returns
        -------
        latitude, longitude : ndarray, shape (events,)
            Degrees, longitude in [-180, 180).
        """
        rng = np.random.default_rng(seed)
        share = self.area * self.rate
        cell = rng.choice(share.size, events, p=share / share.sum())
        row = np.searchsorted(self.first, cell, side="right") - 1
        south, north = np.sin(np.radians(row - 90.0)), np.sin(np.radians(row - 89.0))
        latitude = np.degrees(np.arcsin(south + (north - south) * rng.random(events)))
        column = cell - self.first[row] + rng.random(events)
        return latitude, column / np.diff(self.first)[row] * 360.0 - 180.0


def _grid() -> tuple[IntArray, FloatArray]:
    """First cell of each row, and the area of each cell as a share of the sphere."""
    edges = np.radians(np.arange(_ROWS + 1) - 90.0)
    middle = 0.5 * (edges[1:] + edges[:-1])
    number = np.maximum(np.round(360.0 * np.cos(middle)), 3.0).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(number)])
    return first, np.repeat(0.5 * np.diff(np.sin(edges)) / number, number)


def _centres(first: IntArray) -> tuple[FloatArray, FloatArray]:
    number = np.diff(first)
    row = np.repeat(np.arange(_ROWS), number)
    column = np.arange(first[-1]) - first[row]
    return row - 89.5, (column + 0.5) / number[row] * 360.0 - 180.0


def _places(latitude: AnyArray, longitude: AnyArray) -> tuple[FloatArray, FloatArray]:
    latitude = np.asarray(latitude, dtype=np.float64)
    longitude = np.asarray(longitude, dtype=np.float64)
    if latitude.shape != longitude.shape or latitude.ndim != 1:
        raise TrainError(f"latitudes of shape {latitude.shape}, longitudes of {longitude.shape}")
    bad = ~(np.abs(latitude) <= 90.0) | ~np.isfinite(longitude)
    if bad.any():
        raise TrainError(
            f"{int(bad.sum())} of {bad.size} places are missing or beyond a pole, the first "
            f"{latitude[bad][0]:g}, {longitude[bad][0]:g}; valid latitude is -90 to 90"
        )
    return latitude, longitude
