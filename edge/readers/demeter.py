"""DEMETER N1 half-orbit files: fixed-size big-endian records over a memory map.

Notes
-----
Layout: DMT-SP-9-CM-6054-LPC Ed. 3 Rev. 3. No real N1 file was at hand: the layout is
confirmed by the document and by independent readers, not by real data.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import numpy as np

from edge.arrays import BoolArray, FloatArray, IntArray, Records
from edge.errors import InputError
from edge.readers.demeter_tables import APIDS, BLOCK_1, BLOCK_2, BLOCK_3, Field
from edge.readers.halforbit import Channel, Payload
from edge.readers.names import FileName
from edge.readers.rows import (
    DAY_MS,
    date_ms,
    make_track,
    not_filled,
    note_rows,
    trusted_times,
)
from edge.readers.sniffing import explain_os_error
from edge.units import canonical_unit

_FORMATS = {"u8": "u1", "i16": ">i2", "u16": ">u2", "u32": ">u4", "i32": ">i4", "f32": ">f4"}
_EPOCH_1950_MS = int(np.datetime64("1950-01-01", "ms").astype(np.int64))

# Clean IAP records (rule of pysat's demeter_iap): O+ of at least 5e2 cm^-3 and one light
# ion above 2 % of it; else temperature and velocities are doubtful.
_IAP_LOWEST_O = 5e2
_IAP_LIGHT_SHARE = 0.02
_IAP_DOUBTFUL = ("Ti", "v_Oz", "ang_v_-Oz", "ang_vxy_Ox")

_HIGHEST_POTENTIAL_V = 9.9e4


@lru_cache
def record_dtype(apid: str) -> np.dtype[np.void]:
    """Structured dtype of one record.

    Parameters
    ----------
    apid : str
        ``"1144"`` and so on, see `demeter_tables.APIDS`.

    Returns
    -------
    dtype
        Unaligned, big-endian; a 24-bit integer is a field of three bytes.
    """
    fields: list[tuple[str, str] | tuple[str, str, int]] = []
    for name, kind, count in (*BLOCK_1, *BLOCK_2, *BLOCK_3, *APIDS[apid].block_4):
        fields.append(_numpy_field((name, kind, count)))
    return np.dtype(fields)


def read_demeter(path: Path, name: FileName, channels: Collection[str] | None = None) -> Payload:
    """Read one N1 file.

    Parameters
    ----------
    path : Path
    name : FileName
        As sniffed; the content must agree with it.
    channels : collection of str, optional
        Channels to read; all of the APID's by default.

    Returns
    -------
    Payload

    Raises
    ------
    InputError
        The file cannot be mapped, its orbit, direction or kind differ from its name,
        or it has no record with a valid time.
    """
    apid = APIDS[name.payload]
    try:
        records = np.memmap(path, dtype=record_dtype(name.payload), mode="r")
    except OSError as error:
        raise explain_os_error(path, error) from None
    except ValueError as error:
        raise InputError(path, f"cannot be mapped: {error}") from None
    _check_identity(path, name, records, apid.kind)
    notes: list[str] = []
    milliseconds, known = _record_times(records, notes)
    good = trusted_times(path, name, milliseconds, known, notes)
    rows = np.flatnonzero(good)

    def column(field: str) -> FloatArray:
        # A signalling NaN is a value like any other bad one, not a reason to warn.
        with np.errstate(invalid="ignore"):
            return records[field].astype(np.float64)[rows]

    track = make_track(
        milliseconds[rows], column("lat"), column("lon"), column("alt"), apid.cadence, notes
    )
    content: dict[str, Channel] = {}
    for channel, (unit_field, positive) in apid.channels.items():
        if channels is not None and channel not in channels:
            continue
        unit = _unit(path, records, unit_field)
        values = column(channel)
        valid = not_filled(values)
        if positive:
            valid &= values > 0.0
        else:
            valid &= np.abs(values) < _HIGHEST_POTENTIAL_V
        if apid.kind.startswith("IAP") and channel in _IAP_DOUBTFUL:
            valid &= _clean_iap(column("n_O+"), column("n_H+"), column("n_He+"))
        content[channel] = Channel(channel, name.payload, unit, values, valid, track)
    return Payload(name, path, track, content, tuple(notes))


def _numpy_field(field: Field) -> tuple[str, str] | tuple[str, str, int]:
    name, kind, count = field
    if kind == "char":
        return name, f"S{count}"
    if kind == "u24":
        return name, "u1", 3
    return (name, _FORMATS[kind]) if count == 1 else (name, _FORMATS[kind], count)


def _record_times(records: Records, notes: list[str]) -> tuple[IntArray, BoolArray]:
    """Milliseconds since 1970 from the CCSDS date, checked against the seven UT fields."""
    day_bytes = records["ccsds_day"].astype(np.int64)
    # Unsigned: read as signed the day is wrong by 256 where the low byte is >= 0x80.
    day = (day_bytes[:, 0] << 16) | (day_bytes[:, 1] << 8) | day_bytes[:, 2]
    ccsds = _EPOCH_1950_MS + day * DAY_MS + records["ccsds_ms"].astype(np.int64)
    ccsds_known = records["ccsds_ms"] < DAY_MS

    year, month, date, hour, minute, second, ms = records["ut"].astype(np.int64).T
    time_of_day = hour * 3_600_000 + minute * 60_000 + second * 1000 + ms
    ut, ut_known = date_ms(year, month, date, time_of_day)
    differ = ccsds_known & ut_known & (np.abs(ccsds - ut) > 1000)
    note_rows(notes, differ, "with two times that differ by more than 1 s")
    return np.where(ccsds_known, ccsds, ut), ccsds_known | ut_known


def _check_identity(path: Path, name: FileName, records: Records, kind: str) -> None:
    for field, expected in (("orbit", name.orbit), ("suborbit", name.direction)):
        values = records[field]
        wrong = np.flatnonzero(values != expected)
        if wrong.size:
            row = int(wrong[0])
            raise InputError(
                path,
                f"name and content disagree: record {row} has {field} {int(values[row])}, "
                f"the name {expected}",
            )
    kinds = records["type"]
    wrong = np.flatnonzero(kinds != kinds[0])
    found = _text(kinds[int(wrong[0])] if wrong.size else kinds[0])
    if wrong.size or found != kind:
        raise InputError(
            path, f"name and content disagree: a record of kind {found!r}, the name says {kind!r}"
        )


def _unit(path: Path, records: Records, field: str) -> str:
    known = {"u_density": "cm^-3", "u_temp": "K", "u_vel": "m/s", "u_pot": "V", "u_angle": "deg"}
    texts = records[field]
    other = np.flatnonzero(texts != texts[0])
    if other.size:
        raise InputError(path, f"{field} changes at record {int(other[0])}")
    text = _text(texts[0])
    unit = canonical_unit(text) if text else known[field]
    if unit != known[field]:
        raise InputError(path, f"{field} is {text!r}; the format has {known[field]!r}")
    return unit


def _text(raw: bytes) -> str:
    # The micro sign is one byte, 0xB5, so the text is Latin-1 and never UTF-8.
    return " ".join(bytes(raw).decode("latin-1").replace("\0", " ").split())


def _clean_iap(oxygen: FloatArray, hydrogen: FloatArray, helium: FloatArray) -> BoolArray:
    light = np.maximum(hydrogen, helium)
    return (oxygen >= _IAP_LOWEST_O) & (light > _IAP_LIGHT_SHARE * oxygen)
