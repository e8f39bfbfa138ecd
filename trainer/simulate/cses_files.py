"""Simulated CSES-01 Level-2 files: HPM_5, LAP_1 and PAP_0 of one half-orbit.

The layout of HPM_5 was taken from a real file; those of LAP_1 and PAP_0 from listings, so their
element types and unit strings are a guess. Each file has one root attribute that no real file
has, ``SIMULATED``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from trainer.simulate import geometry
from trainer.simulate.background import Background
from trainer.simulate.cses_layout import (
    FIELD_FILL,
    FILL,
    HPM,
    PLASMA_ROOT,
    PLASMA_UNITS,
)
from trainer.simulate.geometry import Floats, Times
from trainer.simulate.orbits import Pass

#: Names of the payloads' products and their level field.
PAYLOADS = {
    **{f"EFD_{n}": "A1" for n in (1, 2, 3)},
    **{f"SCM_{n}": "A2" for n in (1, 2, 3)},
    **{"HPM_5": "A2", "HPM_6": "A2", "LAP_1": "A3", "LAP_2": "A3", "PAP_0": "A3"},
}
#: HPM takes data at |latitude| up to this, degrees.
HPM_ZONE_DEG = 65.0
#: The times in a name begin before and end after the data, seconds.
_NAME_BEFORE_S, _NAME_AFTER_S = 95, 62
_VERSE_EPOCH = np.datetime64("2009-01-01T00:00:00", "ms")
#: The magnetometer's horizontal axes are turned from north and east by this, degrees.
_SENSOR_TURN_DEG = 10.5


@dataclass(frozen=True)
class Defects:
    """Rates of the defects that real files have.

    Parameters
    ----------
    fill : float
        Share of rows of a plasma payload without a value: -9999 and NaN, half and half.
    field_fill : float
        The same for the magnetometer (-999999).
    gap : float
        Probability of a gap in a file.
    gap_s : tuple of int
        Shortest and longest gap, seconds.
    jitter : float
        Share of LAP rows whose time is off by a millisecond.
    torquer : float
        Mean number of runs of seven rows with the magnetotorquers on; the real half-orbit
        has three.
    torquer_nt : float
        Disturbance of the field in such a run, nT.
    """

    fill: float = 0.002
    field_fill: float = 0.0005
    gap: float = 0.1
    gap_s: tuple[int, int] = (6, 30)
    jitter: float = 0.05
    torquer: float = 2.5
    torquer_nt: float = 10.0


DEFECTS = Defects()


def file_name(payload: str, half_orbit: Pass, first: np.datetime64, last: np.datetime64) -> str:
    """Name of a file, 66 characters.

    Parameters
    ----------
    payload : str
        ``HPM_5``, ``LAP_1``, ... : a key of `PAYLOADS`.
    half_orbit : Pass
        For orbit number and direction.
    first, last : datetime64
        Times of the first and the last row; the name's times lie a minute or two outside.
    """
    begin = _stamp(first - np.timedelta64(_NAME_BEFORE_S, "s"))
    end = _stamp(last + np.timedelta64(_NAME_AFTER_S, "s"))
    return f"CSES_01_{payload}_L02_{PAYLOADS[payload]}_{half_orbit.name}_{begin}_{end}_000.h5"


def write_hpm(
    folder: Path,
    half_orbit: Pass,
    state: Background,
    rng: np.random.Generator,
    defects: Defects = DEFECTS,
) -> Path:
    """Write the vector magnetometer's file HPM_5 at 1 Hz.

    Parameters
    ----------
    folder : Path
        Existing folder.
    half_orbit : Pass
        Times and places.
    state : Background
        With a magnetic field.
    rng : Generator
        For the defects.
    defects : Defects
        Their rates.

    Returns
    -------
    Path
        The file, complete: it is written under a temporary name and renamed.

    Raises
    ------
    ValueError
        If `state` has no magnetic field.
    """
    if state.field is None:
        raise ValueError(f"the background of half-orbit {half_orbit.name} has no magnetic field")
    keep = np.flatnonzero(np.abs(half_orbit.latitude) <= HPM_ZONE_DEG)
    torquer = np.zeros(len(half_orbit.time), np.int32)
    disturbed = state.field.copy()
    for _ in range(rng.poisson(defects.torquer)):
        run = slice(begin := int(rng.choice(keep)), begin + 7)
        torquer[run] = 1
        disturbed[run] += rng.normal(0.0, defects.torquer_nt, 3)
    keep = _without_gap(keep, rng, defects)
    field = disturbed[keep]
    turn = np.deg2rad(_SENSOR_TURN_DEG)
    sensor = field @ np.array(
        [[np.cos(turn), -np.sin(turn), 0.0], [np.sin(turn), np.cos(turn), 0.0], [0.0, 0.0, 1.0]]
    )
    lost = rng.random(len(keep)) < defects.field_fill
    field[lost] = sensor[lost] = FIELD_FILL
    data: dict[str, NDArray[Any]] = {
        "A221": field[:, 0],
        "A222": field[:, 1],
        "A223": field[:, 2],
        "B_FGM": sensor,
        "FLAG_MT": torquer[keep],
        "FLAG_SHW": in_shadow(half_orbit)[keep].astype(np.int32),
        "FLAG_TBB": np.zeros(len(keep), np.int32),
        "q_SIM_ECI": _quaternion(half_orbit)[keep],
        **place_and_time(half_orbit, keep, half_orbit.time[keep]),
    }
    root = {
        "FREQRANGE": "FMAG:DC~15Hz",
        "ORBITNUM": np.bytes_(f"{half_orbit.orbit:06d}"),
        "ORBITTYPE": np.bytes_(str(half_orbit.direction)),
        "PAYLOADID": "146F0101",
        "SAMPLERATE": "FMAG:1Hz",
        "SOFTVERSION": "V1.0",
    }
    made = str((half_orbit.time[-1] + np.timedelta64(1, "D")).astype("datetime64[s]"))
    generated = np.bytes_(made.replace("T", " "))
    attributes: dict[str, dict[str, Any]] = {}
    for name, (unit, fill, valid, long_name) in HPM.items():
        attributes[name] = {
            "FillValue": np.array([fill]),
            "GenerationDate": generated,
            "LongName": np.bytes_(long_name),
            "Units": h5py.Empty("S1") if unit is None else np.bytes_(unit),
            "ValidRange": np.bytes_(valid) if isinstance(valid, str) else np.array(valid),
        }
    return write_file(folder, "HPM_5", half_orbit, keep, data, root, attributes)


def write_lap(
    folder: Path,
    half_orbit: Pass,
    state: Background,
    rng: np.random.Generator,
    defects: Defects = DEFECTS,
    payload: str = "LAP_1",
) -> Path:
    """Write a Langmuir probe's file: Ne, Te and potentials every 3 s.

    Parameters and result are those of :func:`write_hpm`; no magnetic field is needed.
    `payload` is ``LAP_1`` or, for the small probe, ``LAP_2``.
    """
    keep = _without_gap(np.arange(0, len(half_orbit.time), 3), rng, defects)
    time = half_orbit.time[keep].copy()
    late = rng.random(len(keep)) < defects.jitter
    time[late] += rng.choice([-1, 1], int(late.sum())).astype("timedelta64[ms]")
    te = state.plasma[keep, 1]
    # A probe floats some kT/e below the plasma: kT/e is 1 V at 11,605 K.
    floating = -4.5 * te / 11605.0 + rng.normal(0.0, 0.01, len(keep))
    data: dict[str, NDArray[Any]] = {
        "A311": 10.0 ** state.plasma[keep, 0],
        "A321": te,
        "UF": floating,
        "UP": floating + 5.2 * te / 11605.0,
    }
    # The first sample of a sweep is sometimes odd.
    if rng.random() < 0.3:
        data["A321"][0] *= 3.0
    _lose(data, rng, defects.fill)
    return _write_plasma(folder, payload, half_orbit, keep, time, data)


def write_pap(
    folder: Path,
    half_orbit: Pass,
    state: Background,
    rng: np.random.Generator,
    defects: Defects = DEFECTS,
) -> Path:
    """Write the plasma analyser's file PAP_0: ion densities, temperature and drift at 1 Hz.

    Parameters and result are those of :func:`write_hpm`; no magnetic field is needed.
    """
    keep = _without_gap(np.arange(len(half_orbit.time)), rng, defects)
    drift = rng.normal(0.0, 40.0, (len(keep), 3))
    data: dict[str, NDArray[Any]] = {
        "A313": state.ions[keep, 0],
        "A314": state.ions[keep, 1],
        "A315": 10.0 ** state.plasma[keep, 2],
        "A322": state.plasma[keep, 3],
        "A331": drift[:, 0],
        "A332": drift[:, 1],
        "A333": drift[:, 2],
    }
    _lose(data, rng, defects.fill)
    return _write_plasma(folder, "PAP_0", half_orbit, keep, half_orbit.time[keep], data)


def in_shadow(half_orbit: Pass) -> NDArray[np.bool_]:
    """Whether each sample lies in the Earth's cylindrical shadow, (n,)."""
    cosine = geometry.cos_solar_zenith(half_orbit.time, half_orbit.latitude, half_orbit.longitude)
    across = half_orbit.radius_km * np.sqrt(1.0 - cosine**2)
    return (cosine < 0.0) & (across < geometry.EARTH_RADIUS_KM)


def utc_time(time: Times) -> NDArray[np.int64]:
    """Code times as integers ``YYYYMMDDHHMMSSmmm``, the mission's decimal code."""
    day = time.astype("datetime64[D]")
    month = time.astype("datetime64[M]").astype(np.int64)
    year, of_day = month // 12 + 1970, (time - day).astype(np.int64)
    of_month = (day - time.astype("datetime64[M]")).astype(np.int64) + 1
    date = (year * 100 + month % 12 + 1) * 100 + of_month
    second = of_day // 1000
    clock = (second // 3600) * 10000 + (second // 60 % 60) * 100 + second % 60
    return (date * 1_000_000 + clock) * 1000 + of_day % 1000


def _stamp(time: np.datetime64) -> str:
    text = str(time.astype("datetime64[s]"))
    return text.replace("-", "").replace(":", "").replace("T", "_")


def _without_gap(
    keep: NDArray[np.int64], rng: np.random.Generator, defects: Defects
) -> NDArray[np.int64]:
    """Rows of `keep` with, sometimes, a gap inside."""
    share, length = rng.random(), int(rng.integers(*defects.gap_s, endpoint=True))
    if rng.random() >= defects.gap:
        return keep
    # Somewhere inside, a minute and more from both ends.
    first = keep[0] + 60 + share * (keep[-1] - keep[0] - 180)
    return keep[(keep < first) | (keep >= first + length)]


def _lose(data: dict[str, NDArray[Any]], rng: np.random.Generator, share: float) -> None:
    """Take the values of some rows away, in all datasets: -9999 or NaN."""
    n = len(next(iter(data.values())))
    lost = rng.random(n) < share
    how = np.where(rng.random(n) < 0.5, FILL, np.nan)
    for values in data.values():
        values[lost] = how[lost]


def place_and_time(
    half_orbit: Pass, keep: NDArray[np.int64], time: Times
) -> dict[str, NDArray[Any]]:
    """Datasets that every payload has: place and time of the rows.

    Parameters
    ----------
    half_orbit : Pass
        Times and places.
    keep : (k,) int64
        Its rows that are written.
    time : (k,) datetime64[ms]
        Times to write for them.

    Returns
    -------
    dict of str to ndarray
        Arrays of shape (k,).
    """
    axes = geometry.dipole_axes(half_orbit.time[0])
    place = geometry.unit_vector(half_orbit.latitude[keep], half_orbit.longitude[keep])
    magnetic = geometry.latitude_longitude(place @ axes.T)
    return {
        "GEO_LAT": half_orbit.latitude[keep].astype(np.float32),
        "GEO_LON": half_orbit.longitude[keep].astype(np.float32),
        "MAG_LAT": magnetic[0].astype(np.float32),
        "MAG_LON": magnetic[1].astype(np.float32),
        "ALTITUDE": half_orbit.altitude_km[keep].astype(np.float32),
        "UTC_TIME": utc_time(time),
        "VERSE_TIME": (time - _VERSE_EPOCH).astype(np.int64),
    }


def _quaternion(half_orbit: Pass) -> Floats:
    """Attitude (n, 4), scalar first: north-east-down axes in inertial ones.

    The product of a turn about z by the right ascension and one about y by -(latitude + 90).
    """
    meridian = np.unwrap(
        np.deg2rad(half_orbit.longitude) + geometry.sidereal_angle(half_orbit.time)
    )
    tilt = -np.deg2rad(half_orbit.latitude + 90.0)
    ca, sa, cb, sb = (f(x / 2.0) for x in (meridian, tilt) for f in (np.cos, np.sin))
    return np.stack([ca * cb, -sa * sb, ca * sb, sa * cb], axis=-1)


def _write_plasma(
    folder: Path,
    payload: str,
    half_orbit: Pass,
    keep: NDArray[np.int64],
    time: Times,
    data: dict[str, NDArray[Any]],
) -> Path:
    """Write a plasma payload, whose attributes are one-element arrays of bytes."""
    data = {
        **data,
        **place_and_time(half_orbit, keep, time),
        "WORKMODE": np.ones(len(keep), np.int32),
    }
    root = {
        name: np.array([text.encode()])
        for name, text in {
            **PLASMA_ROOT[payload],
            "ORBITNUM": f"{half_orbit.orbit:05d}",
            "ORBITTYPE": str(half_orbit.direction),
            "SOFTVERSION": "V1.1",
        }.items()
    }
    attributes = {name: {"units": np.array([PLASMA_UNITS[name].encode()])} for name in data}
    return write_file(folder, payload, half_orbit, keep, data, root, attributes)


def write_file(
    folder: Path,
    payload: str,
    half_orbit: Pass,
    keep: NDArray[np.int64],
    data: dict[str, NDArray[Any]],
    root: dict[str, Any],
    attributes: dict[str, dict[str, Any]],
) -> Path:
    """Write datasets and attributes into one file, then give it its name.

    Parameters
    ----------
    folder : Path
        Existing folder.
    payload : str
        A key of `PAYLOADS`.
    half_orbit : Pass
        Times and places.
    keep : (k,) int64
        Its rows that are written.
    data : dict of str to ndarray
        Datasets; those of one axis become columns.
    root : dict
        Root attributes.
    attributes : dict of str to dict
        Of each dataset.

    Returns
    -------
    Path
    """
    name = file_name(payload, half_orbit, half_orbit.time[keep[0]], half_orbit.time[keep[-1]])
    path, temporary = folder / name, folder / f".{name}.tmp"
    # Composed in memory: one write instead of hundreds.
    with h5py.File(temporary, "w", driver="core", backing_store=True) as file:
        for key, value in root.items():
            file.attrs[key] = value
        file.attrs["SIMULATED"] = "simulated; not an observation of CSES-01"
        for key in sorted(data):
            values = data[key]
            columns = values if values.ndim == 2 else values[:, None]
            dataset = file.create_dataset(key, data=columns, track_times=False)
            for attribute, value in attributes[key].items():
                dataset.attrs[attribute] = value
    temporary.replace(path)
    return path
