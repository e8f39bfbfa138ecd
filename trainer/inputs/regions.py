"""Seismic regions that a test can leave out, as boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.arrays import BoolArray, FloatArray
from edge.geodesy import great_circle_km


@dataclass(frozen=True, slots=True)
class Region:
    """A box of latitude and longitude.

    Attributes
    ----------
    south, north : float
        Degrees.
    west, east : float
        Degrees in [-180, 180); the box goes east from `west`, across the date line where
        `east` is the smaller.
    """

    south: float
    north: float
    west: float
    east: float

    def contains(self, latitude: FloatArray, longitude: FloatArray) -> BoolArray:
        """Whether points lie in the box.

        Parameters
        ----------
        latitude, longitude : ndarray, shape (N,)
            Degrees; NaN is outside.

        Returns
        -------
        ndarray of bool, shape (N,)
        """
        with np.errstate(invalid="ignore"):
            across = (longitude - self.west) % 360.0 <= (self.east - self.west) % 360.0
            result: BoolArray = (latitude >= self.south) & (latitude <= self.north) & across
        return result

    def distance_km(self, latitude: FloatArray, longitude: FloatArray) -> FloatArray:
        """Distance to the nearest point of the box in latitude and in longitude.

        Parameters
        ----------
        latitude, longitude : ndarray, shape (N,)
            Degrees.

        Returns
        -------
        ndarray, shape (N,)
            km; 0 in the box. Poleward of it the great circle may be a little shorter.
        """
        width = (self.east - self.west) % 360.0
        offset = (longitude - self.west) % 360.0
        # Past the eastern side: the nearer side is the one with less of the circle between.
        beyond_east = offset - width
        to_side = np.where(beyond_east <= 0.0, 0.0, np.minimum(beyond_east, 360.0 - offset))
        nearest = np.clip(latitude, self.south, self.north)
        return great_circle_km(latitude, to_side, nearest, 0.0)


#: The most active margins, each with a border in quieter ground where there is one.
REGIONS: dict[str, Region] = {
    "alaska-aleutians": Region(48.0, 66.0, 165.0, -140.0),
    "central-america": Region(5.0, 21.0, -108.0, -76.0),
    "himalaya-tibet": Region(24.0, 42.0, 66.0, 106.0),
    "indonesia": Region(-13.0, 8.0, 92.0, 134.0),
    "japan-kuril": Region(28.0, 53.0, 128.0, 163.0),
    "mediterranean": Region(30.0, 48.0, -12.0, 48.0),
    "new-zealand-tonga": Region(-50.0, -12.0, 164.0, -168.0),
    "philippines-taiwan": Region(4.0, 27.0, 117.0, 129.0),
    "south-america": Region(-48.0, 6.0, -85.0, -62.0),
    "south-sandwich": Region(-65.0, -50.0, -40.0, -15.0),
    "vanuatu-solomon-guinea": Region(-25.0, 0.0, 130.0, 172.0),
}
