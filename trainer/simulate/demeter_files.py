"""Simulated DEMETER N1 Level-1 files of one half-orbit: ISL, IAP, and spectra of ICE and IMSC.

The layout is that of the Data Product Description DMT-SP-9-CM-6054-LPC, Ed. 3 Rev. 3: blocks 1-3
common to all data, and a block 4 for each APID; big-endian throughout. The bytes of the
house-keeping field, whose content is not public, hold the word ``simulated``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.simulate import geometry, waves
from trainer.simulate.background import Background
from trainer.simulate.geometry import Floats, Times
from trainer.simulate.orbits import Pass, invariant_latitude

_CCSDS_EPOCH = np.datetime64("1950-01-01T00:00:00", "ms")
_DAY_MS = 86_400_000

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
_ISL = (
    ("type", "S10", 1), ("hk", "u1", 32), ("dt", ">f4", 1), ("u_density", "S5", 1),
    ("u_temp", "S5", 1), ("u_pot", "S5", 1), ("Ne", ">f4", 1), ("Ni", ">f4", 1),
    ("Te", ">f4", 1), ("V_plasma", ">f4", 1), ("V_float", ">f4", 1), ("V_sat", ">f4", 1),
)  # fmt: skip
_IAP = (
    ("type", "S10", 1), ("hk", "u1", 32), ("dt", ">f4", 1), ("u_density", "S6", 1),
    ("u_temp", "S6", 1), ("u_vel", "S6", 1), ("u_pot", "S6", 1), ("u_angle", "S6", 1),
    ("n_H+", ">f4", 1), ("n_He+", ">f4", 1), ("n_O+", ">f4", 1), ("Ti", ">f4", 1),
    ("v_Oz", ">f4", 1), ("ang_v_-Oz", ">f4", 1), ("ang_vxy_Ox", ">f4", 1),
    ("sat_potential", ">f4", 1),
)  # fmt: skip
_SPECTRA = (
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
    1139: Product("IAP BURST", 2.3, _IAP),
    1140: Product("IAP SURVEY", 4.4, _IAP),
    1143: Product("ISL BURST", 1.0, _ISL),
    1144: Product("ISL SURVEY", 1.0, _ISL),
}
_TEXT = {"density": "cm^-3", "temp": "K", "vel": "m/s", "pot": "V", "angle": "degree"}
#: Survey spectra of type 0: two of 1024 values in a record. Component and unit of each kind.
WAVE_PRODUCTS = {
    1132: Product("VLF ELECTRIC SPECTRUM", 4.096, _SPECTRA),
    1137: Product("VLF MAGNETIC SPECTRUM", 4.096, _SPECTRA),
}
_WAVE_TEXT = {1132: ("E12", "log(\u00b5V^2/m^2/Hz)"), 1137: ("B1 ", "log(nT^2/Hz)")}


@dataclass(frozen=True)
class Defects:
    """Rates of the defects that real files have.

    Parameters
    ----------
    fill : float
        Share of records without a valid fit: NaN, or all values 0, half and half.
    gap : float
        Probability of a gap in a file, as when the mode changes.
    gap_s : tuple of float
        Shortest and longest gap, seconds.
    """

    fill: float = 0.002
    gap: float = 0.1
    gap_s: tuple[float, float] = (8.0, 40.0)


DEFECTS = Defects()


def file_name(apid: int, half_orbit: Pass, first: np.datetime64, last: np.datetime64) -> str:
    """Name of a file; both times are those of a record's start, rounded up to the second."""
    return f"DMT_N1_{apid}_{half_orbit.name}_{_stamp(first)}_{_stamp(last)}.DAT"


def write_n1(
    folder: Path,
    apid: int,
    half_orbit: Pass,
    state: Background,
    rng: np.random.Generator,
    defects: Defects = DEFECTS,
) -> Path:
    """Write one N1 file.

    Parameters
    ----------
    folder : Path
        Existing folder.
    apid : int
        1139 or 1140 (IAP burst, survey), 1143 or 1144 (ISL burst, survey).
    half_orbit : Pass
        Times and places.
    state : Background
        The plasma along it.
    rng : Generator
        For the defects, and the fraction of a second at which the records begin.
    defects : Defects
        Their rates.

    Returns
    -------
    Path
        The file, complete: it is written under a temporary name and renamed.

    Raises
    ------
    ValueError
        For another APID.
    """
    if apid not in PRODUCTS:
        valid = ", ".join(map(str, PRODUCTS))
        raise ValueError(f"APID {apid} cannot be simulated; valid: {valid}")
    product = PRODUCTS[apid]
    records, seconds, time = _records(product, half_orbit, rng, defects)
    records["dt"] = product.cadence_s
    for name in records.dtype.names or ():
        if name.startswith("u_"):
            width = records.dtype[name].itemsize
            records[name] = _TEXT[name[2:]].ljust(width).encode("latin-1")
    values = _isl(state, seconds, rng) if product.block_4 is _ISL else _iap(state, seconds, rng)
    lost = rng.random(len(seconds)) < defects.fill
    how = np.where(rng.random(len(seconds)) < 0.5, 0.0, np.nan)
    for name, column in values.items():
        records[name] = np.where(lost, how, column)
    return _write(folder / file_name(apid, half_orbit, time[0], time[-1]), records)


def write_waves(
    folder: Path,
    apid: int,
    half_orbit: Pass,
    rng: np.random.Generator,
    defects: Defects = DEFECTS,
) -> Path:
    """Write one N1 file of survey spectra; parameters as of `write_n1`.

    Parameters
    ----------
    folder : Path
        Existing folder.
    apid : int
        1132 (ICE, electric) or 1137 (IMSC, magnetic).
    half_orbit : Pass
        Times and places.
    rng : Generator
        For the spectra, the defects and the fraction of a second at which the records begin.
    defects : Defects
        Their rates; a record without a valid value holds NaN.

    Returns
    -------
    Path
        The file, complete.

    Raises
    ------
    ValueError
        For another APID.
    """
    if apid not in WAVE_PRODUCTS:
        valid = ", ".join(map(str, WAVE_PRODUCTS))
        raise ValueError(f"APID {apid} has no simulated spectra; valid: {valid}")
    product = WAVE_PRODUCTS[apid]
    records, seconds, time = _records(product, half_orbit, rng, defects)
    component, unit = _WAVE_TEXT[apid]
    records["coord"] = b"Sensor   "
    records["comp"] = component.encode()
    records["unit"] = unit.ljust(16).encode("latin-1")
    records["nb"], records["nbf"] = 2, len(waves.FREQUENCY)
    records["total_duration"] = product.cadence_s
    records["df"], records["f_range"] = waves.FREQUENCY[0], waves.FREQUENCY[[0, -1]]
    records["ut_first"] = records["ut"]
    # The second spectrum of a record lies half a record later.
    step_s = product.cadence_s / 2.0
    at = (seconds[:, None] + (0.0, step_s)).ravel()
    latitude = np.interp(at, seconds, records["mag_lat"].astype(np.float64))
    drawn = waves.spectra(latitude, step_s, waves.WAVES[apid], rng)
    drawn[np.repeat(rng.random(len(seconds)) < defects.fill, 2)] = np.nan
    records["spectra"] = drawn.reshape(len(seconds), 2048)
    return _write(folder / file_name(apid, half_orbit, time[0], time[-1]), records)


def _records(
    product: Product, half_orbit: Pass, rng: np.random.Generator, defects: Defects
) -> tuple[NDArray[Any], Floats, Times]:
    """Make records with blocks 1 to 3; seconds since the half-orbit's begin, and times."""
    length = len(half_orbit.time) - 1
    seconds = np.arange(round(rng.uniform(0.0, 1.0), 3), length, product.cadence_s)
    share, gap_s = rng.random(), rng.uniform(*defects.gap_s)
    if rng.random() < defects.gap:
        begin = 60.0 + share * (length - 180.0)
        seconds = seconds[(seconds < begin) | (seconds >= begin + gap_s)]
    milliseconds = np.round(seconds * 1e3).astype(np.int64)
    seconds = milliseconds / 1e3
    time = half_orbit.time[0] + milliseconds.astype("timedelta64[ms]")
    records = np.zeros(len(seconds), product.dtype)
    _fill_time(records, half_orbit, time)
    _fill_place(records, half_orbit, seconds, time)
    records["type"] = product.label.ljust(records.dtype["type"].itemsize).encode()
    records["hk"] = np.frombuffer(b"simulated".ljust(32, b"\0"), "u1")
    return records, seconds, time


def _write(path: Path, records: NDArray[Any]) -> Path:
    temporary = path.parent / f".{path.name}.tmp"
    temporary.write_bytes(records.tobytes())
    temporary.replace(path)
    return path


def _fill_time(records: NDArray[Any], half_orbit: Pass, time: Times) -> None:
    """Block 1: times, orbit, station and versions."""
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


def _fill_place(records: NDArray[Any], half_orbit: Pass, seconds: Floats, time: Times) -> None:
    """Blocks 2 and 3: place, geomagnetic parameters in a centred dipole, Sun, attitude."""
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


def _nearest(seconds: Floats, n: int) -> NDArray[np.int64]:
    """Rows of the 1 s samples that the records show: interpolation would smooth the noise."""
    return np.minimum(np.round(seconds).astype(np.int64), n - 1)


def _isl(state: Background, seconds: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Values of the Langmuir probe, cm^-3, K and V."""
    rows = _nearest(seconds, len(state.plasma))
    ne = 10.0 ** state.plasma[rows, 0] * 1e-6
    te = state.plasma[rows, 1]
    # A probe floats some kT/e below the plasma: kT/e is 1 V at 11,605 K.
    floating = -4.5 * te / 11605.0 + rng.normal(0.0, 0.01, len(rows))
    plasma = floating + 5.2 * te / 11605.0
    return {
        "Ne": ne,
        "Ni": ne * (1.0 + rng.normal(0.0, 0.02, len(rows))),
        "Te": te,
        "V_plasma": plasma,
        "V_float": floating,
        "V_sat": -plasma,
    }


def _iap(state: Background, seconds: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Values of the ion analyser, cm^-3, K, m/s, degrees and V."""
    rows = _nearest(seconds, len(state.plasma))
    n = len(rows)
    return {
        "n_H+": state.ions[rows, 0] * 1e-6,
        "n_He+": state.ions[rows, 1] * 1e-6,
        "n_O+": 10.0 ** state.plasma[rows, 2] * 1e-6,
        "Ti": state.plasma[rows, 3],
        # Ions at rest come from the front at the orbital speed of about 7.5 km/s.
        "v_Oz": 7500.0 + rng.normal(0.0, 60.0, n),
        "ang_v_-Oz": np.abs(rng.normal(0.0, 1.5, n)),
        "ang_vxy_Ox": rng.uniform(0.0, 360.0, n),
        "sat_potential": -0.5 + rng.normal(0.0, 0.05, n),
    }


def _stamp(time: np.datetime64) -> str:
    """Time rounded up to the second, as in names."""
    text = str((time.astype("datetime64[ms]") + np.timedelta64(999, "ms")).astype("M8[s]"))
    return text.replace("-", "").replace(":", "").replace("T", "_")
