"""Places as unit vectors, whose chords are cheaper to compare than distances."""

from __future__ import annotations

import numpy as np

from edge.arrays import FloatArray
from edge.geodesy import EARTH_RADIUS_KM


def unit_vectors(latitude: FloatArray, longitude: FloatArray) -> FloatArray:
    """Points on the unit sphere, shape (n, 3), of places in degrees, each of shape (n,)."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def arc_km(chord: FloatArray) -> FloatArray:
    """Great-circle distances in km of points whose unit vectors lie `chord` apart."""
    result: FloatArray = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(0.5 * chord, 1.0))
    return result
