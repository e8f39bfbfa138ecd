"""Simulated CSES-01 file HPM_5: the vector magnetometer of one half-orbit, at 1 Hz."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from trainer.simulate import geometry
from trainer.simulate.background import Background
from trainer.simulate.cses_files import (
    BURST,
    FIELD_FILL,
    FILL,
    HPM,
    HPM_ZONE_DEG,
    PLASMA_ROOT,
    PLASMA_UNITS,
    SURVEY,
    byte_attributes,
    plagued_place_and_time,
    unit_attributes,
    write_file,
)
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass
from trainer.simulate.plagues import (
    PLAGUES,
    Plagues,
    Streams,
    kept_rows,
    lost_rows,
    outliers,
)
from trainer.simulate.sampling import nearest, resampled

#: The magnetometer's horizontal axes are turned from north and east by this, degrees.
_SENSOR_TURN_DEG = 10.5
#: Rows of a run with the magnetotorquers on.
_TORQUER_ROWS = 7


def write_hpm(
    folder: Path,
    half_orbit: Pass,
    state: Background,
    rng: np.random.Generator,
    plagues: Plagues = PLAGUES,
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
        For the plagues.
    plagues : Plagues
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
    streams = Streams(rng)
    rows = np.flatnonzero(np.abs(half_orbit.latitude) <= HPM_ZONE_DEG)
    field, torquer = _disturbed(state.field[rows], streams, plagues)
    turn = np.deg2rad(_SENSOR_TURN_DEG)
    sensor = field @ np.array(
        [[np.cos(turn), -np.sin(turn), 0.0], [np.sin(turn), np.cos(turn), 0.0], [0.0, 0.0, 1.0]]
    )
    lost = streams["fill"].random(len(rows)) < plagues.field_fill
    field[lost] = sensor[lost] = FIELD_FILL
    track = resampled(half_orbit, rows.astype(np.float64))
    data: dict[str, NDArray[Any]] = {
        "A221": field[:, 0],
        "A222": field[:, 1],
        "A223": field[:, 2],
        "B_FGM": sensor,
        "FLAG_MT": torquer,
        "FLAG_SHW": in_shadow(half_orbit)[rows].astype(np.int32),
        "FLAG_TBB": np.zeros(len(rows), np.int32),
        "q_SIM_ECI": _quaternion(half_orbit)[rows],
        # The one real file has whole seconds throughout.
        **plagued_place_and_time(track, streams, replace(plagues, jitter=0.0)),
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
    keep = kept_rows(rows.astype(np.float64), streams, plagues)
    return write_file(folder, "HPM_5", track, data, root, attributes, keep)


def _disturbed(
    field: Floats, streams: Streams, plagues: Plagues
) -> tuple[Floats, NDArray[np.int32]]:
    """Field (k, 3) with spikes and with steps by the magnetotorquers; the flag of the latter."""
    rng, n = streams["torquer"], len(field)
    result, torquer = field.copy(), np.zeros(n, np.int32)
    for _ in range(rng.poisson(plagues.torquer)):
        begin = int(rng.integers(n))
        run = slice(begin, begin + _TORQUER_ROWS)
        torquer[run] = 1
        result[run] += rng.normal(0.0, plagues.torquer_nt, 3)
    rng = streams["field outlier"]
    spikes = rng.random(n) < plagues.field_outlier
    result += np.where(spikes[:, None], rng.normal(0.0, plagues.field_outlier_nt, (n, 3)), 0.0)
    return result, torquer


def in_shadow(half_orbit: Pass) -> NDArray[np.bool_]:
    """Whether each sample lies in the Earth's cylindrical shadow, (n,)."""
    cosine = geometry.cos_solar_zenith(half_orbit.time, half_orbit.latitude, half_orbit.longitude)
    across = half_orbit.radius_km * np.sqrt(1.0 - cosine**2)
    result: NDArray[np.bool_] = (cosine < 0.0) & (across < geometry.EARTH_RADIUS_KM)
    return result


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


#: Seconds between the rows of LAP, in survey and in burst mode, and of PAP.
LAP_SURVEY_S, LAP_BURST_S, PAP_S = 3.0, 1.5, 1.0
#: Of the share of outliers in densities, what temperatures get.
_TEMPERATURE_SHARE = 1.0 / 3.0


def write_lap(
    folder: Path,
    half_orbit: Pass,
    state: Background,
    rng: np.random.Generator,
    plagues: Plagues = PLAGUES,
    payload: str = "LAP_1",
    burst: NDArray[np.bool_] | None = None,
) -> Path:
    """Write a Langmuir probe's file: Ne, Te and potentials, every 3 s, or 1.5 s in burst mode.

    Parameters
    ----------
    folder : Path
        Existing folder.
    half_orbit : Pass
        Times and places, (n,).
    state : Background
        State along it.
    rng : Generator
        For the plagues.
    plagues : Plagues
        Their rates.
    payload : str
        ``LAP_1`` or, for the small probe, ``LAP_2``.
    burst : (n,) bool, optional
        Samples in burst mode; by default none.

    Returns
    -------
    Path
        The file, complete: it is written under a temporary name and renamed.
    """
    n, streams = len(half_orbit.time), Streams(rng)
    mode = np.zeros(n, np.bool_) if burst is None else burst
    # Plagued on the grid of burst mode, so that they are the same in either mode.
    seconds = np.arange(0.0, n - 0.5, LAP_BURST_S)
    rows = nearest(seconds, n)
    te = state.plasma[rows, 1]
    # A probe floats some kT/e below the plasma: kT/e is 1 V at 11,605 K.
    floating = -4.5 * te / 11605.0 + streams["potential"].normal(0.0, 0.01, n)[rows]
    data: dict[str, NDArray[Any]] = {
        "A311": 10.0 ** np.ascontiguousarray(state.plasma[rows, 0]),
        "A321": te,
        "UF": floating,
        "UP": floating + 5.2 * te / 11605.0,
    }
    # The first sample of a sweep is sometimes odd.
    if streams["first"].random() < plagues.first_odd:
        data["A321"][0] *= 3.0
    kinds = (("A311",), ("A321",))
    return _write(folder, payload, half_orbit, seconds, data, kinds, mode, streams, plagues, 2)


def write_pap(
    folder: Path,
    half_orbit: Pass,
    state: Background,
    rng: np.random.Generator,
    plagues: Plagues = PLAGUES,
    burst: NDArray[np.bool_] | None = None,
) -> Path:
    """Write the plasma analyser's file PAP_0: ion densities, temperature and drift at 1 Hz.

    Parameters and result are those of :func:`write_lap`; the mode shows in WORKMODE alone.
    """
    n, streams = len(half_orbit.time), Streams(rng)
    mode = np.zeros(n, np.bool_) if burst is None else burst
    drift = streams["drift"].normal(0.0, 40.0, (n, 3))
    data: dict[str, NDArray[Any]] = {
        "A313": state.ions[:, 0].copy(),
        "A314": state.ions[:, 1].copy(),
        "A315": 10.0 ** np.ascontiguousarray(state.plasma[:, 2]),
        "A322": state.plasma[:, 3].copy(),
        "A331": drift[:, 0],
        "A332": drift[:, 1],
        "A333": drift[:, 2],
    }
    kinds = (("A313", "A314", "A315"), ("A322",))
    seconds = np.arange(0.0, n, PAP_S)
    return _write(folder, "PAP_0", half_orbit, seconds, data, kinds, mode, streams, plagues)


def _write(
    folder: Path,
    payload: str,
    half_orbit: Pass,
    seconds: Floats,
    data: dict[str, NDArray[Any]],
    kinds: tuple[tuple[str, ...], tuple[str, ...]],
    mode: NDArray[np.bool_],
    streams: Streams,
    plagues: Plagues,
    every: int = 1,
) -> Path:
    """Plague and write a plasma payload; `kinds` names its densities and temperatures.

    Outside of burst mode one row in `every` is written.
    """
    track = resampled(half_orbit, seconds)
    off = outliers(len(seconds), streams, plagues)
    for names, share in zip(kinds, (1.0, _TEMPERATURE_SHARE), strict=True):
        for name in names:
            data[name] *= 10.0 ** (share * off)
    lost, how = lost_rows(len(seconds), streams, plagues.fill, FILL)
    for values in data.values():
        values[lost] = how[lost]
    data |= plagued_place_and_time(track, streams, plagues, every=every)
    burst = mode[nearest(seconds, len(mode))]
    data["WORKMODE"] = np.where(burst, BURST, SURVEY).astype(np.int32)
    root = byte_attributes(
        {
            **PLASMA_ROOT[payload],
            "ORBITNUM": f"{half_orbit.orbit:05d}",
            "ORBITTYPE": str(half_orbit.direction),
            "SOFTVERSION": "V1.1",
        }
    )
    attributes = unit_attributes({name: PLASMA_UNITS[name] for name in data})
    keep = kept_rows(seconds, streams, plagues)
    keep &= burst | (np.arange(len(seconds)) % every == 0)
    return write_file(folder, payload, track, data, root, attributes, keep)
