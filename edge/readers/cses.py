"""CSES-01 Level 2 HDF5 files, both attribute flavours.

Notes
-----
HPM_5 is confirmed by a real file; LAP_1 and PAP_0 by documents and by independent
readers only.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path

import h5py
import numpy as np

from edge.arrays import BoolArray, FloatArray, IntArray
from edge.errors import InputError
from edge.readers.cses_tables import ALSO, MOST_RECORDS, PAYLOADS, Dataset
from edge.readers.halforbit import Channel, Payload
from edge.readers.heaps import sound_heaps
from edge.readers.names import FileName
from edge.readers.rows import date_ms, make_track, not_filled, note_rows, trusted_times
from edge.readers.sniffing import explain_os_error
from edge.units import canonical_unit

_EPOCH_2009_MS = int(np.datetime64("2009-01-01", "ms").astype(np.int64))
_FILL_KEYS = ("FillValue", "_FillValue", "fillvalue")
# A chunk is unpacked whole, so a small file could ask for any amount of memory.
_LARGEST_CHUNK = 16 * 1024 * 1024

_UNIT_KEYS = ("units", "Units", "UNITS")


def read_cses(path: Path, name: FileName, channels: Collection[str] | None = None) -> Payload:
    """Read one Level 2 file.

    Parameters
    ----------
    path : Path
    name : FileName
        As sniffed; the content must agree with it.
    channels : collection of str, optional
        Datasets to read beside time and position; by default all that the payload's
        table lists and the file has.

    Returns
    -------
    Payload

    Raises
    ------
    InputError
        The file is not readable HDF5, a dataset is missing or of another shape or
        type, a unit is unknown, or content and name disagree.
    """
    try:
        with h5py.File(path, "r") as file:
            return _read(path, name, file, channels)
    except InputError:
        raise
    except PermissionError as error:
        raise explain_os_error(path, error) from None
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        # h5py raises any of these on damaged bytes; the library's text is the cause.
        raise InputError(path, f"damaged HDF5: {error}") from None


def _read(path: Path, name: FileName, file: h5py.File, channels: Collection[str] | None) -> Payload:
    table = PAYLOADS[name.payload]
    _check_identity(path, name, file)
    if channels is None:
        wanted = [c for c, d in table.datasets.items() if d.required or _has(file, c)]
    else:
        wanted = [c for c in table.datasets if c in channels]
    raw = {c: _dataset(path, file, c, table.datasets[c].columns) for c in wanted}
    latitude = _dataset(path, file, "GEO_LAT", 1)
    n = latitude.shape[0]
    for other in raw.values():
        _check_length(path, other, n)

    notes: list[str] = []
    milliseconds, known = _record_times(path, file, n, notes)
    good = trusted_times(path, name, milliseconds, known, notes)
    rows = np.flatnonzero(good)

    def position(dataset: str) -> FloatArray:
        source = _dataset(path, file, dataset, 1)
        _check_length(path, source, n)
        values = _values(source)
        return np.where(not_filled(values), values, np.nan)[rows]

    track = make_track(
        milliseconds[rows],
        position("GEO_LAT"),
        position("GEO_LON"),
        position("ALTITUDE"),
        table.cadence,
        notes,
    )
    content: dict[str, Channel] = {}
    for channel, dataset in raw.items():
        spec = table.datasets[channel]
        unit = _unit(path, dataset, channel, spec)
        values = _values(dataset)[rows]
        valid = _valid(dataset, values, spec)
        if spec.masked_by and not _has(file, spec.masked_by):
            notes.append(f"no {spec.masked_by}: disturbed records of {channel} are not masked")
        elif spec.masked_by:
            flag = _dataset(path, file, spec.masked_by, 1)
            _check_length(path, flag, n)
            raised = _values(flag)[rows] != 0.0
            valid &= ~(raised if values.ndim == 1 else raised[:, None])
        content[channel] = Channel(channel, name.payload, unit, values, valid, track)
    return Payload(name, path, track, content, tuple(notes))


def _record_times(
    path: Path, file: h5py.File, n: int, notes: list[str]
) -> tuple[IntArray, BoolArray]:
    """Milliseconds since 1970: VERSE_TIME, and UTC_TIME where that is missing."""
    times: list[tuple[IntArray, BoolArray]] = []
    for dataset, decode in (("VERSE_TIME", _from_verse), ("UTC_TIME", _from_utc)):
        if _has(file, dataset):
            source = _dataset(path, file, dataset, 1, kinds="iu")
            _check_length(path, source, n)
            times.append(decode(source[...].reshape(-1).astype(np.int64)))
    if not times:
        raise InputError(path, "datasets VERSE_TIME and UTC_TIME are both missing")
    if len(times) == 1:
        return times[0]
    (verse, verse_known), (utc, utc_known) = times
    differ = verse_known & utc_known & (np.abs(verse - utc) > 1000)
    note_rows(notes, differ, "with two times that differ by more than 1 s")
    return np.where(verse_known, verse, utc), verse_known | utc_known


def _from_verse(values: IntArray) -> tuple[IntArray, BoolArray]:
    known = (values > 0) & (values < 10**13)
    return np.where(known, values + _EPOCH_2009_MS, 0), known


def _from_utc(values: IntArray) -> tuple[IntArray, BoolArray]:
    """Decode YYYYMMDDHHMMSSmmm."""
    known = (values >= 2000_01_01_00_00_00_000) & (values < 2100_01_01_00_00_00_000)
    rest = np.where(known, values, 2000_01_01_00_00_00_000)
    rest, ms = np.divmod(rest, 1000)
    rest, second = np.divmod(rest, 100)
    rest, minute = np.divmod(rest, 100)
    rest, hour = np.divmod(rest, 100)
    rest, day = np.divmod(rest, 100)
    year, month = np.divmod(rest, 100)
    time_of_day = hour * 3_600_000 + minute * 60_000 + second * 1000 + ms
    result, exists = date_ms(year, month, day, time_of_day)
    return result, known & exists & (hour < 24) & (minute < 60) & (second < 61)


def _dataset(
    path: Path, file: h5py.File, name: str, columns: int, kinds: str = "iuf"
) -> h5py.Dataset:
    """Find a dataset and check type and shape before a byte of it is read."""
    link = file.get(name, getlink=True)
    if link is None:
        raise InputError(path, f"dataset {name} is missing")
    if not isinstance(link, h5py.HardLink):
        raise InputError(path, f"dataset {name} is a link out of the root group")
    item = file[name]
    if not isinstance(item, h5py.Dataset):
        raise InputError(path, f"{name} is a group, not a dataset")
    if item.is_virtual or item.external:
        raise InputError(path, f"dataset {name} keeps its values in another file")
    if item.dtype.kind not in kinds:
        wanted = "a number" if "f" in kinds else "an integer"
        raise InputError(path, f"dataset {name} has type {item.dtype}, not {wanted}")
    shape: tuple[int, ...] = item.shape or ()
    fits = (len(shape) == 2 and shape[1] == columns) or (len(shape) == 1 and columns == 1)
    if not fits:
        raise InputError(path, f"dataset {name} has shape {shape}, not (N, {columns})")
    if not 1 <= shape[0] <= MOST_RECORDS:
        raise InputError(
            path, f"dataset {name} has {shape[0]} records; a half-orbit has 1 to {MOST_RECORDS}"
        )
    if item.chunks and item.dtype.itemsize * math.prod(item.chunks) > _LARGEST_CHUNK:
        raise InputError(path, f"dataset {name} has chunks {item.chunks}, over 16 MiB each")
    return item


def _has(file: h5py.File, name: str) -> bool:
    """Whether the root group has an entry of this name, be it a link that leads nowhere."""
    return file.get(name, getlink=True) is not None


def _check_length(path: Path, dataset: h5py.Dataset, n: int) -> None:
    if dataset.shape[0] != n:
        raise InputError(
            path,
            f"shapes disagree: {dataset.name.lstrip('/')} has {dataset.shape[0]} records, "
            f"GEO_LAT {n}",
        )


def _values(dataset: h5py.Dataset) -> FloatArray:
    with np.errstate(invalid="ignore", over="ignore"):
        values: FloatArray = dataset[...].astype(np.float64)
    return values.reshape(-1) if values.ndim == 2 and values.shape[1] == 1 else values


def _valid(dataset: h5py.Dataset, values: FloatArray, spec: Dataset) -> BoolArray:
    fill = _numbers(dataset, _FILL_KEYS)
    valid = not_filled(values)
    if len(fill) == 1:
        # As the attribute has it, and as the dataset's own type can hold it.
        with np.errstate(over="ignore", invalid="ignore"):
            stored = float(np.array(fill[0]).astype(dataset.dtype))
        valid &= (values != fill[0]) & (values != stored)
    limits = _numbers(dataset, ("ValidRange",))
    if len(limits) == 2 and limits[0] < limits[1]:
        valid &= (values >= limits[0]) & (values <= limits[1])
    if spec.positive:
        valid &= values > 0.0
    return valid


def _unit(path: Path, dataset: h5py.Dataset, channel: str, spec: Dataset) -> str:
    text = ""
    for key in _UNIT_KEYS:
        text = text or _text(dataset, key)
    unit = canonical_unit(text) if text else spec.unit
    if spec.unit != "none" and unit not in (spec.unit, *ALSO.get(spec.unit, ())):
        known = " or ".join((spec.unit, *ALSO.get(spec.unit, ())))
        raise InputError(path, f"dataset {channel} is in {text!r}; known is {known}")
    return spec.unit if spec.unit == "none" else unit


def _check_identity(path: Path, name: FileName, file: h5py.File) -> None:
    """Hold the root attributes against the name; a file may lack any of them."""
    checks = (
        ("orbit number", ("ORBITNUM",), name.orbit),
        # The second spelling is that of the HEP files.
        ("direction", ("ORBITTYPE", "ORBITYPE"), name.direction),
    )
    for what, keys, expected in checks:
        text = next((t for t in (_text(file, key) for key in keys) if t), "")
        if text and text.isascii() and text.isdigit() and int(text) != expected:
            raise InputError(
                path, f"name and content disagree: {what} {text} inside, {expected} in the name"
            )
    payload = _text(file, "PAYLOADID")
    instrument = name.payload.split("_")[0]
    # HPM writes a part number here ("146F0101"), the others their three letters.
    if len(payload) == 3 and payload.isalpha() and payload != instrument:
        raise InputError(
            path, f"name and content disagree: payload {payload} inside, {instrument} in the name"
        )


def _attribute(item: h5py.File | h5py.Dataset, key: str) -> object:
    """Read an attribute in whatever form it was written; None where that fails."""
    try:
        if key not in item.attrs:
            return None
        if not _bounded(item, key):
            return None
        value = item.attrs.get(key)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return None
    return None if isinstance(value, h5py.Empty) else value


def _bounded(item: h5py.File | h5py.Dataset, key: str) -> bool:
    """Whether reading an attribute is sure to end.

    Text of variable length lies in the file's global heaps, and libhdf5 walks a damaged
    heap for ever.
    """
    text = h5py.check_string_dtype(item.attrs.get_id(key).dtype)
    if text is None or text.length is not None:
        return True
    return sound_heaps(Path(item.file.filename))


def _text(item: h5py.File | h5py.Dataset, key: str) -> str:
    """Scalar or one-element array, bytes or str, Empty or missing: the text or ''."""
    value = _attribute(item, key)
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[0] if value.size else None
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return "" if value is None else str(value).replace("\0", "").strip()


def _numbers(item: h5py.Dataset, keys: tuple[str, ...]) -> list[float]:
    for key in keys:
        value = _attribute(item, key)
        if isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.size <= 2:
            return [float(v) for v in value.reshape(-1)]
        if isinstance(value, int | float | np.integer | np.floating):
            return [float(value)]
    return []
