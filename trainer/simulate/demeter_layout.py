"""Layout of simulated DEMETER N1 Level-1 records, as data.

That of the Data Product Description DMT-SP-9-CM-6054-LPC, Ed. 3 Rev. 3: blocks 1-3 common to
all data, and a block 4 for each APID; big-endian throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.simulate import geometry
from trainer.simulate.geometry import Floats, Times
from trainer.simulate.orbits import Pass, invariant_latitude

# Name, big-endian numpy type, count.
_BLOCK_1 = (
    ("p_field", "u1", 1), ("ccsds_day", "u1", 3), ("ccsds_ms", ">u4", 1), ("ut", ">i2", 7),
    ("orbit", ">u2", 1), ("suborbit", ">i2", 1), ("station", "S8", 1), ("sw_ver", "u1", 1),
    ("sw_rev", "u1", 1), ("cal_ver", "u1", 1), ("cal_rev", "u1", 1),
)  # fmt: skip
_BLOCK_2 = (
    ("lat", ">f4", 1), ("lon", ">f4", 1), ("alt", ">f4", 1), ("lt", ">f4", 1),
    ("mag_lat", ">f4", 1), ("mag_lon", ">f4", 1), ("mlt", ">f4", 1), ("inv_lat", ">f4", 1),
    ("L", ">f4", 1), ("conj_lat", ">f4", 1), ("conj_lon", ">f4", 1), ("conjN110_lat", ">f4", 1),
    ("conjN110_lon", ">f4", 1), ("conjS110_lat", ">f4", 1), ("conjS110_lon", ">f4", 1),
    ("B_model", ">f4", 3), ("f_H+", ">f4", 1), ("sun", ">f4", 3), ("orb_ver", "u1", 1),
    ("orb_rev", "u1", 1),
)  # fmt: skip
_BLOCK_3 = (
    ("Msat2geo", ">f4", 9), ("Mgeo2lgm", ">f4", 9), ("att_quality", ">i2", 1),
    ("att_ver", "u1", 1), ("att_rev", "u1", 1),
)  # fmt: skip
ISL = (
    ("type", "S10", 1), ("hk", "u1", 32), ("dt", ">f4", 1), ("u_density", "S5", 1),
    ("u_temp", "S5", 1), ("u_pot", "S5", 1), ("Ne", ">f4", 1), ("Ni", ">f4", 1),
    ("Te", ">f4", 1), ("V_plasma", ">f4", 1), ("V_float", ">f4", 1), ("V_sat", ">f4", 1),
)  # fmt: skip
IAP = (
    ("type", "S10", 1), ("hk", "u1", 32), ("dt", ">f4", 1), ("u_density", "S6", 1),
    ("u_temp", "S6", 1), ("u_vel", "S6", 1), ("u_pot", "S6", 1), ("u_angle", "S6", 1),
    ("n_H+", ">f4", 1), ("n_He+", ">f4", 1), ("n_O+", ">f4", 1), ("Ti", ">f4", 1),
    ("v_Oz", ">f4", 1), ("ang_v_-Oz", ">f4", 1), ("ang_vxy_Ox", ">f4", 1),
    ("sat_potential", ">f4", 1),
)  # fmt: skip
SPECTRA = (
    ("type", "S21", 1), ("hk", "u1", 32), ("coord", "S9", 1), ("comp", "S3", 1),
    ("unit", "S16", 1), ("nb", "u1", 1), ("nbf", ">i2", 1), ("total_duration", ">f4", 1),
    ("df", ">f4", 1), ("f_range", ">f4", 2), ("ut_first", ">i2", 7), ("spectra", ">f4", 2048),
)  # fmt: skip


@dataclass(frozen=True)
class Product:
    """One data type: its name in the files, the time between records in seconds, its block 4."""

    label: str
    cadence_s: float
    block_4: tuple[tuple[str, str, int], ...]

    @property
    def dtype(self) -> np.dtype[np.void]:
        """Structured type of one record."""
        return np.dtype(
            [
                (name, kind) if count == 1 else (name, kind, (count,))
                for name, kind, count in (*_BLOCK_1, *_BLOCK_2, *_BLOCK_3, *self.block_4)
            ]
        )


PRODUCTS = {
    1139: Product("IAP BURST", 2.3, IAP),
    1140: Product("IAP SURVEY", 4.4, IAP),
    1143: Product("ISL BURST", 1.0, ISL),
    1144: Product("ISL SURVEY", 1.0, ISL),
}
#: Units of an IAP or ISL record.
TEXT = {"density": "cm^-3", "temp": "K", "vel": "m/s", "pot": "V", "angle": "degree"}
#: Survey spectra of type 0: two of 1024 values in a record.
WAVE_PRODUCTS = {
    1132: Product("VLF ELECTRIC SPECTRUM", 4.096, SPECTRA),
    1137: Product("VLF MAGNETIC SPECTRUM", 4.096, SPECTRA),
}
#: Component and unit of each of them.
WAVE_TEXT = {1132: ("E12", "log(\u00b5V^2/m^2/Hz)"), 1137: ("B1 ", "log(nT^2/Hz)")}


#: Survey and burst APID of each plasma payload.
MODES = {"ISL": (1144, 1143), "IAP": (1140, 1139)}


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
