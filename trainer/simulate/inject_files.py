"""Perturbations put into the datasets of a CSES-01 file."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from edge.arrays import AnyArray, wrap_longitude
from edge.errors import InputError
from edge.observables import FULL
from edge.readers.cses import open_cses
from edge.readers.cses_identity import from_utc, from_verse
from edge.readers.cses_series import UNIT_KEYS
from edge.readers.cses_tables import PAYLOADS, SPECTRAL_UNITS
from edge.readers.demeter import read_demeter
from edge.readers.demeter_file import record_dtype
from edge.readers.demeter_records import record_times
from edge.readers.demeter_tables import LOG_POWER
from edge.readers.halforbit import Track
from edge.readers.names import FileName
from edge.readers.rows import not_filled
from edge.readers.sniffing import CCSDS_P_FIELD
from edge.units import canonical_unit
from trainer.simulate.geometry import Floats
from trainer.simulate.inject_strength import (
    CHANGEABLE,
    CSES_SPECTRA,
    FIELD,
    MARK,
    N1_MARK,
    N1_SPECTRA,
    SCALARS,
    Along,
    Scale,
    add_step,
    band_steps,
    trusted_rows,
)
from trainer.simulate.orbits import Pass
from trainer.simulate.precursors import Injected, Perturbation, fluctuation


def change_cses(
    path: Path, name: FileName, raw: bytes, place: Pass, change: Perturbation, scale: Scale
) -> bytes | None:
    """Make the content of a CSES-01 file with a perturbation.

    Parameters
    ----------
    path : Path
    name : FileName
    raw : bytes
        The file, which the reader has found usable.
    place : Pass
        Track of its trusted records.
    change : Perturbation
        Along that track.
    scale : Scale

    Returns
    -------
    bytes or None
        None where no value changes.
    """
    memory = io.BytesIO(raw)
    with h5py.File(memory, "r+") as file:
        rows, at = trusted_rows(_cses_times(path, file), place)
        amplitude = change.amplitude[at]
        rows, at, amplitude = (x[amplitude != 0.0] for x in (rows, at, amplitude))
        if not rows.size:
            return None
        changed = False
        for key, observable in SCALARS.get(name.payload, {}).items():
            if key in file:
                step = amplitude * scale.step(observable)
                changed |= _write(
                    file[key], rows, partial(add_step, step=step, observable=observable)
                )
        if name.payload in FIELD:
            wave = fluctuation(place.time, change, scale.noise(path, name, place), _rise(scale))[at]
            changed |= _change_field(file, rows, wave)
        kind = CSES_SPECTRA.get(name.payload)
        if kind and "FREQ" in file:
            steps = band_steps(amplitude, kind, np.asarray(file["FREQ"]).reshape(-1), scale)
            for key in PAYLOADS[name.payload].datasets:
                if key.endswith("_P") and key in file and steps.any():
                    power = _density_power(file[key], name.payload)
                    changed |= _write(
                        file[key], rows, partial(_times, factor=10.0 ** (steps / power))
                    )
        if not changed:
            return None
        if "SIMULATED" not in file.attrs:
            file.attrs["SIMULATED"] = MARK
    return memory.getvalue()


def _rise(scale: Scale) -> float:
    return float(scale.spread[FULL.names.index("b_rms")])


def _cses_times(path: Path, file: h5py.File) -> NDArray[np.int64]:
    """Milliseconds since 1970 as the reader has them: VERSE_TIME, else UTC_TIME."""
    times = []
    for key, decode in (("VERSE_TIME", from_verse), ("UTC_TIME", from_utc)):
        if key in file:
            times.append(decode(np.asarray(file[key], np.int64).reshape(-1)))
    if not times:
        raise InputError(path, "datasets VERSE_TIME and UTC_TIME are both missing")
    (first, known), (last, _) = times[0], times[-1]
    return np.where(known, first, last)


def _write(
    dataset: h5py.Dataset, rows: NDArray[np.int64], function: Callable[[Floats], Floats]
) -> bool:
    """Change some rows of a dataset, those of its values that are no fill values."""
    whole = np.asarray(dataset)
    part = whole[rows].reshape(rows.size, -1)
    values = part.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        good = not_filled(values, _fill(dataset)) & (values > 0.0)
        changed = function(np.where(good, values, 1.0)).astype(part.dtype)
    part = np.where(good, changed, part)
    if np.array_equal(part, whole[rows].reshape(part.shape), equal_nan=part.dtype.kind == "f"):
        return False
    whole[rows] = part.reshape(whole[rows].shape)
    dataset[...] = whole
    return True


def _fill(dataset: h5py.Dataset) -> float | None:
    """Fill value that a dataset states itself."""
    for key in ("FillValue", "_FillValue", "fillvalue"):
        value = np.asarray(dataset.attrs.get(key, np.nan))
        if value.size == 1 and value.dtype.kind in "iuf" and np.isfinite(value).all():
            return float(value.reshape(-1)[0])
    return None


def _times(values: Floats, factor: Floats) -> Floats:
    return values * factor


def _change_field(file: h5py.File, rows: NDArray[np.int64], wave: Floats) -> bool:
    """Stretch the field vectors by the fluctuation along B; a fill value in one keeps all."""
    changed = False
    for keys in (("A221", "A222", "A223"), ("B_FGM",), ("A211",)):
        if not all(key in file for key in keys):
            continue
        wholes = [np.asarray(file[key]) for key in keys]
        vector = np.concatenate(
            [w[rows].reshape(rows.size, -1).astype(np.float64) for w in wholes], axis=1
        )
        good = (not_filled(vector, _fill(file[keys[0]])) & (np.abs(vector) < 1e5)).all(axis=1)
        size = np.where(good, np.linalg.norm(np.where(good[:, None], vector, 1.0), axis=1), 1.0)
        stretch = np.where(good, 1.0 + wave / np.maximum(size, 1.0), 1.0)
        for key, whole in zip(keys, wholes, strict=True):
            part = whole[rows].reshape(rows.size, -1)
            new = np.where(good[:, None], part * stretch[:, None], part).astype(part.dtype)
            changed |= not np.array_equal(new, part, equal_nan=True)
            whole[rows] = new.reshape(whole[rows].shape)
            file[key][...] = whole
    return changed


def _density_power(dataset: h5py.Dataset, payload: str) -> int:
    """1 for power density, 2 for amplitude density, by the unit or, without one, the table."""
    text = ""
    for key in UNIT_KEYS:
        value = dataset.attrs.get(key)
        if value is not None and not isinstance(value, h5py.Empty) and np.size(value) == 1:
            first = np.asarray(value).reshape(-1)[0]
            text = first.decode("latin-1") if isinstance(first, bytes) else str(first)
            break
    table = PAYLOADS[payload]
    known = next(
        SPECTRAL_UNITS[spec.unit] for spec in table.datasets.values() if spec.kind == "spectrum"
    )
    unit = canonical_unit(text)
    return known[unit if unit in known else table.density][0]


def change_n1(
    path: Path, name: FileName, raw: bytes, place: Pass, change: Perturbation, scale: Scale
) -> bytes | None:
    """Make the content of an N1 file with a perturbation; parameters as of `change_cses`.

    Changed records, and the first, get the mark of a simulated one in their housekeeping.
    """
    del path
    dtype = record_dtype(name.payload)
    content = bytearray(raw)
    records = np.frombuffer(content, dtype, count=len(raw) // dtype.itemsize)
    ms, _ = record_times(records, [])
    rows, at = trusted_rows(ms, place)
    touched = np.zeros(records.size, np.bool_)
    amplitude = change.amplitude[at]
    for field, observable in SCALARS.get(name.payload, {}).items():
        values = records[field][rows].astype(np.float64)
        with np.errstate(invalid="ignore"):
            good = not_filled(values) & (values > 0.0) & (amplitude != 0.0)
        step = (amplitude * scale.step(observable))[good]
        records[field][rows[good]] = add_step(values[good][:, None], step, observable)[:, 0]
        touched[rows[good]] = True
    if name.payload in N1_SPECTRA:
        for row in rows:
            touched[row] = _change_spectra(
                records[row : row + 1],
                int(ms[row]),
                place,
                change,
                N1_SPECTRA[name.payload],
                scale,
            )
    if not touched.any():
        return None
    # The reader looks at the first record that is none of lost bytes.
    touched[np.argmax(records["p_field"] == CCSDS_P_FIELD)] = True
    records["hk"][np.ix_(touched, np.arange(N1_MARK.size))] = N1_MARK
    return bytes(content)


def _change_spectra(
    record: AnyArray, ms: int, place: Pass, change: Perturbation, kind: str, scale: Scale
) -> bool:
    """Change the spectra of one record, log10 power; whether anything was."""
    nb, nbf = int(record["nb"][0]), int(record["nbf"][0])
    if nb < 1 or nbf < 1 or nb * nbf > record["spectra"].shape[1]:
        return False
    times = ms + np.arange(nb) * (1000.0 * float(record["total_duration"][0]) / nb)
    known = place.time.astype(np.int64).astype(np.float64)
    amplitude = np.interp(times, known, change.amplitude)
    if not amplitude.any():
        return False
    frequency = (np.arange(nbf) + 1.0) * float(record["df"][0])
    steps = band_steps(amplitude, kind, frequency, scale)
    values = record["spectra"][0, : nb * nbf].astype(np.float64).reshape(nb, nbf)
    good = np.isfinite(values) & (np.abs(values) <= LOG_POWER[1]) & (steps != 0.0)
    record["spectra"][0, : nb * nbf] = np.where(good, values + steps, values).reshape(-1)
    return bool(good.any())


def inject_file(
    path: Path, name: FileName, along: Along, scale: Scale
) -> tuple[bytes | None, tuple[Injected, ...]]:
    """Make the bytes of a file with the perturbations in it.

    Parameters
    ----------
    path : Path
    name : FileName
        As sniffed.
    along : callable
        Gives the perturbation along a track.
    scale : Scale

    Returns
    -------
    content : bytes or None
        None where nothing is changed.
    injected : tuple of Injected
        What was put where.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    if name.payload not in CHANGEABLE:
        return None, ()
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from None
    if name.mission == "cses":
        with open_cses(path, name, ()) as opened:
            track = opened.track
        make = change_cses
    else:
        track = read_demeter(path, name, {}).track
        make = change_n1
    place = track_pass(name, track)
    if place is None:
        return None, ()
    change = along(place)
    if not change.injected:
        return None, ()
    content = make(path, name, raw, place, change, scale)
    return content, change.injected


def track_pass(name: FileName, track: Track) -> Pass | None:
    """Track of a file as the model takes it; missing places by straight lines."""
    good = np.flatnonzero(np.isfinite(track.latitude) & np.isfinite(track.longitude))
    if good.size < 2:
        return None
    ms = track.time.astype("datetime64[ms]").astype(np.float64)
    longitude = np.unwrap(track.longitude[good], period=360.0)
    return Pass(
        mission=name.mission,
        orbit=name.orbit,
        direction=name.direction,
        time=track.time.astype("datetime64[ms]"),
        latitude=np.interp(ms, ms[good], track.latitude[good]),
        longitude=wrap_longitude(np.interp(ms, ms[good], longitude)),
        altitude_km=np.nan_to_num(track.altitude),
    )
