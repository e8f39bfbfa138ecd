"""Sun, sidereal time, centred dipole and distances, for the simulator alone.

The simulator does not share these formulae with the code that reads its files, so that an error
in one of them cannot cancel itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

#: Radius of the sphere of CSES altitudes and of the geomagnetic model, km.
EARTH_RADIUS_KM = 6371.2
#: WGS 84 semi-axes, km.
EQUATORIAL_RADIUS_KM = 6378.137
POLAR_RADIUS_KM = 6356.752

_J2000 = np.datetime64("2000-01-01T12:00:00", "ms")
_DAY_MS = 86_400_000.0
# IGRF-13 (Alken et al. 2021, doi:10.1186/s40623-020-01288-x): g10, g11, h11 in nT.
_DIPOLE_YEARS = (2005.0, 2010.0, 2015.0, 2020.0)
_DIPOLE_NT = (
    (-29554.63, -29496.57, -29441.46, -29404.8),
    (-1669.05, -1586.42, -1501.77, -1450.9),
    (5077.99, 4944.26, 4795.99, 4652.5),
)


def days_since_j2000(time: Times) -> Floats:
    """Days since 2000-01-01T12:00 UTC, float64, of the shape of `time`."""
    return (np.asarray(time, "datetime64[ms]") - _J2000).astype(np.float64) / _DAY_MS


def sidereal_angle(time: Times) -> Floats:
    """Greenwich mean sidereal angle.

    Parameters
    ----------
    time : (n,) datetime64
        UTC, taken for UT1.

    Returns
    -------
    (n,) float64
        Radians in [0, 2 pi).

    Notes
    -----
    Meeus, Astronomical Algorithms, eq. 12.4, linear part.
    """
    result: Floats = np.deg2rad((280.46061837 + 360.98564736629 * days_since_j2000(time)) % 360.0)
    return result


def mean_sun_right_ascension(time: Times) -> Floats:
    """Right ascension of the mean Sun in degrees: what local mean solar time is counted from."""
    return (280.460 + 0.9856474 * days_since_j2000(time)) % 360.0


def sun_vector(time: Times) -> Floats:
    """Point to the Sun in Earth-fixed axes.

    Parameters
    ----------
    time : (n,) datetime64
        UTC.

    Returns
    -------
    (n, 3) float64

    Notes
    -----
    The low-precision formulae of the Astronomical Almanac, section C (0.01 degree, 1950-2050).
    """
    days = days_since_j2000(time)
    anomaly = np.deg2rad((357.528 + 0.9856003 * days) % 360.0)
    longitude = np.deg2rad(
        280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2.0 * anomaly)
    )
    obliquity = np.deg2rad(23.439 - 4.0e-7 * days)
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    right_ascension = np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude))
    return unit_vector(np.rad2deg(declination), np.rad2deg(right_ascension - sidereal_angle(time)))


def unit_vector(latitude: ArrayLike, longitude: ArrayLike) -> Floats:
    """Earth-fixed unit vectors (n, 3) of geocentric latitudes and longitudes in degrees."""
    phi = np.deg2rad(np.asarray(latitude, np.float64))
    lam = np.deg2rad(np.asarray(longitude, np.float64))
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)


def latitude_longitude(vector: Floats) -> tuple[Floats, Floats]:
    """Geocentric latitude and longitude (-180..180), degrees, of (n, 3) vectors."""
    # Contiguous columns: with strided ones the last bit of numpy's arctan2 can vary with the
    # place in memory, and the same seed must give the same bytes.
    x, y, z = np.ascontiguousarray(vector.T)
    return np.rad2deg(np.arctan2(z, np.hypot(x, y))), np.rad2deg(np.arctan2(y, x))


def cos_solar_zenith(time: Times, latitude: Floats, longitude: Floats) -> Floats:
    """Cosine of the solar zenith angle at (n,) places, degrees, and times."""
    result: Floats = np.einsum("ij,ij->i", unit_vector(latitude, longitude), sun_vector(time))
    return result


def local_time(time: Times, longitude: Floats) -> Floats:
    """Local mean solar time in hours, [0, 24), at longitudes in degrees."""
    hours = (np.asarray(time, "datetime64[ms]").astype(np.int64) % 86_400_000) / 3.6e6
    return (hours + longitude / 15.0) % 24.0


def ellipsoid_radius(latitude: ArrayLike) -> Floats:
    """Radius of the WGS 84 ellipsoid in km at a geocentric latitude in degrees."""
    phi = np.deg2rad(np.asarray(latitude, np.float64))
    a, b = EQUATORIAL_RADIUS_KM, POLAR_RADIUS_KM
    return np.asarray(a * b / np.hypot(b * np.cos(phi), a * np.sin(phi)))


def great_circle_km(
    latitude: ArrayLike, longitude: ArrayLike, latitude2: ArrayLike, longitude2: ArrayLike
) -> Floats:
    """Distance over the sphere in km (haversine); arguments in degrees, broadcast together."""
    phi1, lam1, phi2, lam2 = (
        np.deg2rad(np.asarray(x, np.float64)) for x in (latitude, longitude, latitude2, longitude2)
    )
    half = (
        np.sin((phi2 - phi1) / 2) ** 2
        + np.cos(phi1) * np.cos(phi2) * np.sin((lam2 - lam1) / 2) ** 2
    )
    return np.asarray(2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))


def dipole_coefficients(time: np.datetime64) -> Floats:
    """Coefficients g10, g11, h11 of the main field in nT, IGRF-13, interpolated in time.

    Before 2005 and after 2020 the nearest epoch serves: a simulated field needs no more.
    """
    year = 2000.0 + float(days_since_j2000(np.asarray(time))) / 365.25
    return np.array([np.interp(year, _DIPOLE_YEARS, row) for row in _DIPOLE_NT])


def dipole_axes(time: np.datetime64) -> Floats:
    """Rotation (3, 3) from Earth-fixed to dipole axes; the third axis points to the north pole.

    Notes
    -----
    Hapgood 1992, Planet. Space Sci. 40, 711: the dipole points against (g11, h11, g10).
    """
    g10, g11, h11 = dipole_coefficients(time)
    z = -np.array([g11, h11, g10])
    z /= np.linalg.norm(z)
    y = np.cross([0.0, 0.0, 1.0], z)
    y /= np.linalg.norm(y)
    return np.stack([np.cross(y, z), y, z])


def dipole_field(vector: Floats, radius_km: Floats, time: np.datetime64) -> Floats:
    """Field of the centred dipole in Earth-fixed axes.

    Parameters
    ----------
    vector : (n, 3) float64
        Unit vectors of the places.
    radius_km : (n,) float64
        Distance from the Earth's centre.
    time : datetime64
        Epoch of the coefficients.

    Returns
    -------
    (n, 3) float64
        nT.

    Notes
    -----
    ``B = (a / r)**3 (3 (m.r) r - m)`` with m = (g11, h11, g10) and a = 6371.2 km.
    """
    g10, g11, h11 = dipole_coefficients(time)
    moment = np.array([g11, h11, g10])
    along = vector @ moment
    scale = (EARTH_RADIUS_KM / radius_km) ** 3
    result: Floats = scale[:, None] * (3.0 * along[:, None] * vector - moment)
    return result


def north_east_down(latitude: Floats, longitude: Floats, vector: Floats) -> Floats:
    """Components north, east, down of Earth-fixed (n, 3) vectors at (n,) places in degrees."""
    up = unit_vector(latitude, longitude)
    lam = np.deg2rad(longitude)
    east = np.stack([-np.sin(lam), np.cos(lam), np.zeros_like(lam)], axis=-1)
    north = np.cross(up, east)
    return np.stack([np.einsum("ij,ij->i", axis, vector) for axis in (north, east, -up)], axis=-1)
