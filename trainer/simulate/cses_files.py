"""Attributes of the CSES-01 Level-2 products, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from trainer.simulate import geometry
from trainer.simulate.geometry import Times
from trainer.simulate.orbits import Pass
from trainer.simulate.plagues import Plagues, Streams, spoil_places, spoilt_times

#: Fill values: of all datasets, and of those of the magnetic field.
FILL = -9999.0
FIELD_FILL = -999999.0

#: Dataset of HPM_5: unit (None: a null attribute), fill value, valid range, long name.
HPM: dict[str, tuple[str | None, float, tuple[float, float] | str, str]] = {
    "A221": ("nT", FIELD_FILL, (-1e5, 1e5), "FGM2 Magnetic field X component"),
    "A222": ("nT", FIELD_FILL, (-1e5, 1e5), "FGM2 Magnetic field Y component"),
    "A223": ("nT", FIELD_FILL, (-1e5, 1e5), "FGM2 Magnetic field Z component"),
    "ALTITUDE": ("km", FILL, (0.0, 1000.0), "Satellite altitude(Earth radius is 6371.2km)"),
    "B_FGM": (
        "nT", FIELD_FILL, (-1e5, 1e5), "FGM2 Data in FGM1 coordinate without interfrece",
    ),
    "FLAG_MT": ("none", FILL, (0.0, 1.0), "1: Magnetorquer interference  0: No"),
    "FLAG_SHW": ("none", FILL, (0.0, 1.0), "1: earth shadow  0: sunlit"),
    "FLAG_TBB": ("none", FILL, (0.0, 1.0), "1: TBB on 0: TBB off"),
    "GEO_LAT": ("deg", FILL, (-90.0, 90.0), "Geographic coordinate latitude"),
    "GEO_LON": ("deg", FILL, (-180.0, 180.0), "Geographic coordinate longitude"),
    "MAG_LAT": ("deg", FILL, (-90.0, 90.0), "Dipole coordinates latitude"),
    "MAG_LON": ("deg", FILL, (-180.0, 180.0), "Dipole coordinates longitude"),
    "UTC_TIME": (
        "YYYYMMDDHHMMSS.mmm", FILL, "20150101000000.000-20500101000000.000",
        "Coordinated Universal Time",
    ),
    "VERSE_TIME": ("ms", FILL, "--", "2009-1-1 0:0:0"),
    "q_SIM_ECI": (None, FILL, (-1.0, 1.0), "[Q0 Q1 Q2 Q3], Q0 is scale value"),
}  # fmt: skip

#: Units of the datasets of LAP_1 and PAP_0.
PLASMA_UNITS = {
    "A311": "m^-3", "A321": "K", "UF": "V", "UP": "V",
    "A313": "m^-3", "A314": "m^-3", "A315": "m^-3", "A322": "K",
    "A331": "m/s", "A332": "m/s", "A333": "m/s",
    "GEO_LAT": "deg", "GEO_LON": "deg", "MAG_LAT": "deg", "MAG_LON": "deg", "ALTITUDE": "km",
    "UTC_TIME": "YYYYMMDDHHMMSS.mmm", "VERSE_TIME": "ms", "WORKMODE": "none",
}  # fmt: skip
#: Root attributes of the plasma payloads beside those of the half-orbit.
PLASMA_ROOT = {
    "LAP_1": {"FRERANGE": "DC", "PAYLOADID": "LAP", "SAMPLERATE": "SURVEY:1/3Hz"},
    "LAP_2": {"FRERANGE": "DC", "PAYLOADID": "LAP", "SAMPLERATE": "SURVEY:1/3Hz"},
    "PAP_0": {"FRERANGE": "DC", "PAYLOADID": "PAP", "SAMPLERATE": "SURVEY:1Hz"},
}


#: Names of the payloads' products and their level field.
PAYLOADS = {
    **{f"EFD_{n}": "A1" for n in (1, 2, 3)},
    **{f"SCM_{n}": "A2" for n in (1, 2, 3)},
    **{"HPM_5": "A2", "HPM_6": "A2", "LAP_1": "A3", "LAP_2": "A3", "PAP_0": "A3"},
}
#: HPM takes data at |latitude| up to this, degrees.
HPM_ZONE_DEG = 65.0
#: Values of WORKMODE.
SURVEY, BURST = 1, 2
#: The times in a name begin before and end after the data, seconds.
_NAME_BEFORE_S, _NAME_AFTER_S = 95, 62
_VERSE_EPOCH = np.datetime64("2009-01-01T00:00:00", "ms")


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


def place_and_time(track: Pass, time: Times | None = None) -> dict[str, NDArray[Any]]:
    """Datasets that every payload has: place and time of the rows.

    Parameters
    ----------
    track : Pass
        The rows, (k,).
    time : (k,) datetime64[ms], optional
        Times to write for them; by default their own.

    Returns
    -------
    dict of str to ndarray
        Arrays of shape (k,).
    """
    axes = geometry.dipole_axes(track.time[0])
    place = geometry.unit_vector(track.latitude, track.longitude)
    magnetic = geometry.latitude_longitude(place @ axes.T)
    time = track.time if time is None else time
    return {
        "GEO_LAT": track.latitude.astype(np.float32),
        "GEO_LON": track.longitude.astype(np.float32),
        "MAG_LAT": magnetic[0].astype(np.float32),
        "MAG_LON": magnetic[1].astype(np.float32),
        "ALTITUDE": track.altitude_km.astype(np.float32),
        "UTC_TIME": utc_time(time),
        "VERSE_TIME": (time - _VERSE_EPOCH).astype(np.int64),
    }


def plagued_place_and_time(
    track: Pass, streams: Streams, plagues: Plagues, utc: bool = False, every: int = 1
) -> dict[str, NDArray[Any]]:
    """Give `place_and_time` with bad times and jumps.

    Parameters
    ----------
    track : Pass
        The rows, (k,).
    streams : Streams
    plagues : Plagues
    utc : bool
        Whether UTC_TIME may lack.
    every : int
        As of `spoilt_times`.

    Returns
    -------
    dict of str to ndarray
        Arrays of shape (k,).
    """
    data = place_and_time(track, spoilt_times(track.time, streams, plagues, every))
    spoil_places(data["GEO_LAT"], data["GEO_LON"], streams, plagues)
    if utc:
        data["UTC_TIME"][streams["no_utc"].random(len(track.time)) < plagues.no_utc] = int(FILL)
    return data


def utc_time(time: Times) -> NDArray[np.int64]:
    """Code times as integers ``YYYYMMDDHHMMSSmmm``, the mission's decimal code."""
    day = time.astype("datetime64[D]")
    month = time.astype("datetime64[M]").astype(np.int64)
    year, of_day = month // 12 + 1970, (time - day).astype(np.int64)
    of_month = (day - time.astype("datetime64[M]")).astype(np.int64) + 1
    date = (year * 100 + month % 12 + 1) * 100 + of_month
    second = of_day // 1000
    clock = (second // 3600) * 10000 + (second // 60 % 60) * 100 + second % 60
    result: NDArray[np.int64] = (date * 1_000_000 + clock) * 1000 + of_day % 1000
    return result


def _stamp(time: np.datetime64) -> str:
    text = str(time.astype("datetime64[s]"))
    return text.replace("-", "").replace(":", "").replace("T", "_")


def write_file(
    folder: Path,
    payload: str,
    track: Pass,
    data: dict[str, NDArray[Any]],
    root: dict[str, Any],
    attributes: dict[str, dict[str, Any]],
    keep: NDArray[np.bool_] | None = None,
) -> Path:
    """Write datasets and attributes into one file, then give it its name.

    Parameters
    ----------
    folder : Path
        Existing folder.
    payload : str
        A key of `PAYLOADS`.
    track : Pass
        The rows, (k,).
    data : dict of str to ndarray
        Datasets; those of one axis become columns.
    root : dict
        Root attributes.
    attributes : dict of str to dict
        Of each dataset.
    keep : (k,) bool, optional
        Rows that are written; by default all. Tables of another length are written whole.
    """
    n = len(track.time)
    keep = np.ones(n, np.bool_) if keep is None else keep
    time, whole = track.time[keep], bool(keep.all())
    name = file_name(payload, track, time[0], time[-1])
    path, temporary = folder / name, folder / f".{name}.tmp"
    # Composed in memory: one write instead of hundreds.
    with h5py.File(temporary, "w", driver="core", backing_store=True) as file:
        for key, value in root.items():
            file.attrs[key] = value
        file.attrs["SIMULATED"] = "simulated; not an observation of CSES-01"
        for key in sorted(data):
            values = data[key]
            columns = values if values.ndim == 2 else values[:, None]
            if not whole and len(columns) == n and key != "FREQ":
                columns = columns[keep]
            dataset = file.create_dataset(key, data=columns, track_times=False)
            for attribute, value in attributes[key].items():
                dataset.attrs[attribute] = value
    temporary.replace(path)
    return path


def byte_attributes(texts: dict[str, str]) -> dict[str, Any]:
    """Root attributes as one-element arrays of bytes, as all payloads but HPM have them."""
    return {name: np.array([text.encode()]) for name, text in texts.items()}


def unit_attributes(units: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Attribute ``units`` of each dataset, a one-element array of bytes."""
    return {name: {"units": np.array([unit.encode()])} for name, unit in units.items()}
