"""Sun, Earth shadow, geomagnetic dipole and distances along a satellite track.

All latitudes are geocentric, as in the files of both missions.
"""

from __future__ import annotations

import math

import numpy as np

from edge.arrays import FloatArray, TimeArray

#: Radius of the sphere that CSES altitudes refer to, in km.
EARTH_RADIUS_KM = 6371.2

# g10, g11, h11 in nT for each epoch: IGRF-14, degree 1 (Alken et al.; IAGA 2024).
_DIPOLE_EPOCHS = np.array([2000.0, 2005.0, 2010.0, 2015.0, 2020.0, 2025.0, 2030.0])
_DIPOLE = np.array(
    [
        [-29619.4, -1728.2, 5186.1],
        [-29554.63, -1669.05, 5077.99],
        [-29496.57, -1586.42, 4944.26],
        [-29441.46, -1501.77, 4795.99],
        [-29403.41, -1451.37, 4653.35],
        [-29350.0, -1410.3, 4545.5],
        [-29287.0, -1360.3, 4438.0],
    ]
)
_J2000_MS = float(np.datetime64("2000-01-01T12:00:00", "ms").astype(np.int64))
_MS_PER_DAY = 86_400_000.0
_RAD = math.pi / 180.0
# TT - UTC: 64.2 s (2004) to 69.2 s (since 2017); the Sun moves 0.0001 deg in the difference.
_TT_MINUS_UTC_DAYS = 68.0 / 86_400.0


def _sun(milliseconds: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Declination and Greenwich hour angle of the Sun, radians."""
    ut_days = (milliseconds - _J2000_MS) / _MS_PER_DAY
    t = (ut_days + _TT_MINUS_UTC_DAYS) / 36525.0
    mean_longitude = 280.46646 + t * (36000.76983 + t * 0.0003032)
    anomaly = (357.52911 + t * (35999.05029 - t * 0.0001537)) * _RAD
    centre = (
        (1.914602 - t * (0.004817 + t * 0.000014)) * np.sin(anomaly)
        + (0.019993 - t * 0.000101) * np.sin(2.0 * anomaly)
        + 0.000289 * np.sin(3.0 * anomaly)
    )
    node = (125.04 - 1934.136 * t) * _RAD
    nutation = -0.00478 * np.sin(node)
    longitude = (mean_longitude + centre - 0.00569 + nutation) * _RAD
    obliquity = (23.4392911 - 0.0130042 * t + 0.00256 * np.cos(node)) * _RAD
    ascension = np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude))
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    sidereal = 280.46061837 + 360.98564736629 * ut_days + nutation * np.cos(obliquity)
    return declination, (sidereal % 360.0) * _RAD - ascension


def solar_zenith_angle(time: TimeArray, latitude: FloatArray, longitude: FloatArray) -> FloatArray:
    """Angle between the geocentric zenith and the centre of the Sun.

    Parameters
    ----------
    time : ndarray of datetime64, shape (N,)
        UTC.
    latitude, longitude : ndarray, shape (N,)
        Degrees.

    Returns
    -------
    ndarray, shape (N,)
        Degrees, without refraction; NaN where the position is NaN.

    Notes
    -----
    Meeus, Astronomical Algorithms, ch. 25 (apparent place, 0.01 deg) and ch. 12.
    """
    declination, hour_angle = _sun(time.astype("datetime64[ms]").astype(np.float64))
    lat = latitude * _RAD
    cosine = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(
        hour_angle + longitude * _RAD
    )
    angle: FloatArray = np.arccos(np.clip(cosine, -1.0, 1.0)) / _RAD
    return angle


def dipole_pole(year: float) -> tuple[float, float]:
    """Latitude and longitude of the northern geomagnetic dipole pole in degrees.

    Parameters
    ----------
    year : float
        Decimal year; held at the ends of 2000-2030.

    Notes
    -----
    The axis is that of the degree-1 terms of IGRF-14, linear between epochs.
    """
    g10, g11, h11 = (float(np.interp(year, _DIPOLE_EPOCHS, _DIPOLE[:, i])) for i in range(3))
    latitude = math.degrees(math.atan2(-g10, math.hypot(g11, h11)))
    return latitude, math.degrees(math.atan2(-h11, -g11))


def dipole_latitude(time: TimeArray, latitude: FloatArray, longitude: FloatArray) -> FloatArray:
    """Geomagnetic (centred dipole) latitude.

    Parameters
    ----------
    time : ndarray of datetime64, shape (N,)
        UTC; the pole of the first record serves for all, it moves 0.05 deg a year.
    latitude, longitude : ndarray, shape (N,)
        Degrees.

    Returns
    -------
    ndarray, shape (N,)
        Degrees; NaN where the position is NaN.
    """
    if not time.size:
        return np.empty(0)
    days = time[0].astype("datetime64[D]").astype(np.int64)
    pole_latitude, pole_longitude = dipole_pole(1970.0 + float(days) / 365.2425)
    pole, lat = pole_latitude * _RAD, latitude * _RAD
    sine = np.sin(lat) * math.sin(pole) + np.cos(lat) * math.cos(pole) * np.cos(
        (longitude - pole_longitude) * _RAD
    )
    result: FloatArray = np.arcsin(np.clip(sine, -1.0, 1.0)) / _RAD
    return result


def local_time(time: TimeArray, longitude: FloatArray) -> FloatArray:
    """Mean local time in hours, [0, 24).

    Parameters
    ----------
    time : ndarray of datetime64, shape (N,)
        UTC.
    longitude : ndarray, shape (N,)
        Degrees.

    Returns
    -------
    ndarray, shape (N,)
    """
    milliseconds = time.astype("datetime64[ms]").astype(np.int64) % int(_MS_PER_DAY)
    hours: FloatArray = (milliseconds / 3.6e6 + longitude / 15.0) % 24.0
    # The remainder of a tiny negative number rounds up to 24.
    return np.where(hours >= 24.0, 0.0, hours)


def great_circle_km(
    latitude: FloatArray,
    longitude: FloatArray,
    latitude_0: FloatArray | float,
    longitude_0: FloatArray | float,
) -> FloatArray:
    """Distance on the sphere (haversine formula).

    Parameters
    ----------
    latitude, longitude, latitude_0, longitude_0 : ndarray or float
        Degrees, of shapes that broadcast.

    Returns
    -------
    ndarray
        km, of the broadcast shape.
    """
    lat, lat_0 = np.radians(latitude), np.radians(latitude_0)
    half_lat = np.sin((lat - lat_0) / 2.0) ** 2
    half_lon = np.sin(np.radians(longitude - longitude_0) / 2.0) ** 2
    inner = np.clip(half_lat + np.cos(lat) * np.cos(lat_0) * half_lon, 0.0, 1.0)
    result: FloatArray = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(inner))
    return result


def dobrovolsky_radius_km(magnitude: float) -> float:
    """Radius of the earthquake preparation zone, 10^(0.43 M) km.

    Notes
    -----
    Dobrovolsky, Zubkov and Miachkin, Pure Appl. Geophys. 117, 1025 (1979).
    """
    return float(10.0 ** (0.43 * magnitude))
