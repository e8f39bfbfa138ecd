"""Blocks 1 to 3 of simulated DEMETER N1 records: time, place, geomagnetic field, attitude."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.simulate import geometry
from trainer.simulate.geometry import Floats, Times
from trainer.simulate.orbits import Pass, invariant_latitude

_CCSDS_EPOCH = np.datetime64("1950-01-01T00:00:00", "ms")
_DAY_MS = 86_400_000


def fill_time(records: NDArray[Any], half_orbit: Pass, time: Times) -> None:
    """Fill block 1: times, orbit, station and versions.

    Parameters
    ----------
    records : (k,) structured
        Changed in place.
    half_orbit : Pass
    time : (k,) datetime64[ms]
    """
    since = (time - _CCSDS_EPOCH).astype(np.int64)
    day, of_day = since // _DAY_MS, since % _DAY_MS
    records["p_field"] = 76
    records["ccsds_day"] = np.stack([day >> 16, day >> 8 & 255, day & 255], axis=-1)
    records["ccsds_ms"] = of_day
    month = time.astype("datetime64[M]")
    second = of_day // 1000
    records["ut"] = np.stack(
        [
            month.astype(np.int64) // 12 + 1970,
            month.astype(np.int64) % 12 + 1,
            (time.astype("datetime64[D]") - month).astype(np.int64) + 1,
            second // 3600,
            second // 60 % 60,
            second % 60,
            of_day % 1000,
        ],
        axis=-1,
    )
    records["orbit"] = half_orbit.orbit
    records["suborbit"] = half_orbit.direction
    records["station"] = b"TOULOUSE"
    records["sw_ver"], records["cal_ver"] = 3, 1


def fill_place(records: NDArray[Any], half_orbit: Pass, seconds: Floats, time: Times) -> None:
    """Fill blocks 2 and 3: place, geomagnetic parameters in a centred dipole, Sun, attitude.

    Parameters
    ----------
    records : (k,) structured
        Changed in place; k > 1.
    half_orbit : Pass
    seconds : (k,) float64
        Since its first sample.
    time : (k,) datetime64[ms]
    """
    steps = np.arange(len(half_orbit.time), dtype=np.float64)
    place = _between(
        seconds, steps, geometry.unit_vector(half_orbit.latitude, half_orbit.longitude)
    )
    place /= np.linalg.norm(place, axis=1)[:, None]
    radius = np.interp(seconds, steps, half_orbit.radius_km)
    latitude, longitude = geometry.latitude_longitude(place)
    axes = geometry.dipole_axes(half_orbit.time[0])
    magnetic = place @ axes.T
    mag_latitude, mag_longitude = geometry.latitude_longitude(magnetic)
    sun = geometry.sun_vector(time)
    _, sun_longitude = geometry.latitude_longitude(sun @ axes.T)
    field = geometry.dipole_field(place, radius, half_orbit.time[0])
    cos2 = np.cos(np.deg2rad(mag_latitude)) ** 2
    records["lat"], records["lon"] = latitude, longitude % 360.0
    records["alt"] = np.interp(seconds, steps, half_orbit.altitude_km)
    records["lt"] = geometry.local_time(time, longitude)
    records["mag_lat"], records["mag_lon"] = mag_latitude, mag_longitude % 360.0
    records["mlt"] = (12.0 + (mag_longitude - sun_longitude) / 15.0) % 24.0
    records["inv_lat"] = invariant_latitude(magnetic[:, 2], radius)
    records["L"] = np.minimum(radius / geometry.EARTH_RADIUS_KM / cos2, 999.0)
    # Along a dipole field line cos(latitude)**2 / r stays the same.
    low = np.sqrt(np.clip(cos2 * (geometry.EARTH_RADIUS_KM + 110.0) / radius, 0.0, 1.0))
    foot = np.rad2deg(np.arccos(low))
    for name, at in (("conj", -mag_latitude), ("conjN110", foot), ("conjS110", -foot)):
        there = geometry.unit_vector(at, mag_longitude) @ axes
        conjugate = geometry.latitude_longitude(there)
        records[f"{name}_lat"], records[f"{name}_lon"] = conjugate[0], conjugate[1] % 360.0
    records["B_model"] = field
    records["f_H+"] = 0.01525 * np.linalg.norm(field, axis=1)
    records["sun"] = sun
    records["orb_ver"] = records["att_ver"] = 1
    motion = np.gradient(place * radius[:, None], seconds, axis=0)
    records["Msat2geo"] = _satellite_axes(place, motion).reshape(-1, 9)
    records["Mgeo2lgm"] = _field_axes(place, field).reshape(-1, 9)
    records["att_quality"] = 1


def _satellite_axes(place: Floats, motion: Floats) -> Floats:
    """Matrices (n, 3, 3) from satellite to geographic axes: Xs nadir, Ys across, -Zs forward."""
    nadir = -place
    across = np.cross(nadir, -motion)
    across /= -np.linalg.norm(across, axis=1)[:, None]
    return np.stack([nadir, across, np.cross(nadir, across)], axis=-1)


def _field_axes(place: Floats, field: Floats) -> Floats:
    """Matrices (n, 3, 3) from geographic to field axes: z along B, y across B and the vertical."""
    z = field / np.linalg.norm(field, axis=1)[:, None]
    y = np.cross(z, place)
    y /= np.linalg.norm(y, axis=1)[:, None]
    return np.stack([np.cross(y, z), y, z], axis=1)


def _between(seconds: Floats, steps: Floats, columns: Floats) -> Floats:
    """Linear interpolation of the columns of an (n, k) array at 1 s."""
    return np.stack([np.interp(seconds, steps, column) for column in columns.T], axis=-1)
