"""DEMETER N1 half-orbit files: fixed-size big-endian records, 16 kinds, one engine.

Notes
-----
Layout: DMT-SP-9-CM-6054-LPC Ed. 3 Rev. 3. No real N1 file was at hand: the layout is
confirmed by the document and by independent readers, not by real data.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.arrays import BoolArray, FloatArray, Records
from edge.errors import InputError
from edge.observables import Request
from edge.readers.demeter_file import read_records
from edge.readers.demeter_records import (
    RecordBlock,
    in_range,
    part_track,
    record_times,
    to_float,
)
from edge.readers.demeter_spectra import (
    blank_spectra,
    class_channels,
    spectra_channels,
    usable_records,
)
from edge.readers.demeter_tables import APIDS, HEADER, Quantity
from edge.readers.halforbit import SIMULATED, Channel, Payload
from edge.readers.names import FileName
from edge.readers.rows import (
    STUCK_UNITS,
    distinct_rows,
    make_track,
    note_rows,
    time_order,
    trusted_times,
    without_stuck,
)

# Clean IAP records (rule of pysat's demeter_iap): O+ of at least 5e2 cm^-3 and one light
# ion above 2 % of it; else temperature and velocities are doubtful.
_IAP_MIN_O = 5e2
_IAP_LIGHT_SHARE = 0.02
_IAP_DOUBTFUL = ("Ti", "v_Oz", "ang_v_-Oz", "ang_vxy_Ox")


def read_demeter(path: Path, name: FileName, channels: Request | None = None) -> Payload:
    """Read one N1 file.

    Parameters
    ----------
    path : Path
    name : FileName
        As sniffed; the content must agree with it.
    channels : dict of str to tuple of bands, optional
        Channels to read; all of the APID's and of the header by default. With bands,
        the channel ``spectra`` of 1132, 1134 and 1137 becomes one channel for each band,
        named by `edge.observables.band_name`: the mean power in its linear unit.

    Returns
    -------
    Payload
        Its track has a row for each record; of 1132, 1134 and 1137 one for each spectrum.
        A channel with several rows a record has a track of its own.

    Raises
    ------
    InputError
        The file cannot be read, is larger than its name has room for, its orbit, direction
        or kind differ from its name, or it has no record with a valid time and header.
    """
    apid = APIDS[name.payload]
    notes: list[str] = []
    records, heads = read_records(path, name, notes)
    # The house-keeping bytes are not public; a simulated file writes this word there.
    if bytes(heads["hk"][0]).startswith(b"simulated"):
        notes.insert(0, SIMULATED)
    usable = usable_records(heads, apid)
    note_rows(notes, ~usable, "with another block 4 than the format's")
    if apid.form == "spectra":
        blank = usable & blank_spectra(records)
        note_rows(notes, blank, "with zeros in place of spectra")
        usable &= ~blank
    if not usable.any():
        raise InputError(path, f"none of its {usable.size} records has the format's block 4")
    if not usable.all():
        records, heads = records[usable], heads[usable]
    milliseconds, known = record_times(heads, notes)
    order = time_order(milliseconds, known)
    if order is not None:
        notes.append("its records are out of order: put in order of time")
        records, heads = records[order], heads[order]
        milliseconds, known = milliseconds[order], known[order]
    good = trusted_times(path, name, milliseconds, known, notes)
    good[good] = distinct_rows(milliseconds[good], apid.min_step or apid.cadence, notes)
    if not good.all():
        records, heads, milliseconds = records[good], heads[good], milliseconds[good]
    latitude, longitude, altitude = (to_float(heads[field]) for field in ("lat", "lon", "alt"))
    rows = np.flatnonzero(good) if order is None else None
    track = make_track(milliseconds, latitude, longitude, altitude, apid.cadence, notes, rows)
    block = RecordBlock(
        path=path,
        payload=name.payload,
        apid=apid,
        records=records,
        heads=heads,
        track=track,
        notes=notes,
    )
    wanted = apid.channels | HEADER
    if channels is not None:
        wanted = {channel: wanted[channel] for channel in wanted if channel in channels}
    content: dict[str, Channel] = {}
    if apid.form == "spectra":
        bands = () if channels is None else channels.get("spectra", ())
        track, content = spectra_channels(block, wanted, bands)
    elif apid.form == "classes":
        content = class_channels(block, wanted)
    for channel, quantity in wanted.items():
        if apid.form in ("spectra", "classes") and channel in apid.channels:
            continue
        content[channel] = _channel(block, channel, quantity)
    return Payload(name, path, track, content, tuple(notes))


def _channel(block: RecordBlock, name: str, quantity: Quantity) -> Channel:
    """Build a channel whose size is the same in every record."""
    unit = block.unit(quantity)
    track = block.track
    columns = [to_float(_field(block, field)) for field in quantity.fields or (name,)]
    values = columns[0]
    if quantity.rows > 1:
        n, rows = len(block.records), quantity.rows
        values = np.stack(columns, axis=1).reshape(n * rows, -1)
        step_ms = round(1000.0 * quantity.step)
        offset = np.arange(rows, dtype=np.int64) * step_ms
        there = np.ones((n, rows), dtype=np.bool_)
        track, index = part_track(track, offset, there, quantity.step, block.notes)
        if index.size < len(values):
            values = values[index]
    valid = in_range(values, quantity)
    if block.apid.kind.startswith("IAP") and name in _IAP_DOUBTFUL:
        valid &= _clean_iap(*(block.head(ion) for ion in ("n_O+", "n_H+", "n_He+")))
    if unit in STUCK_UNITS and values.ndim == 1:
        valid = without_stuck(name, values, valid, track.time, block.notes)
    return Channel(name, block.payload, unit, values, valid, track)


def _field(block: RecordBlock, field: str) -> Records:
    in_heads = field in (block.heads.dtype.names or ())
    found: Records = (block.heads if in_heads else block.records)[field]
    return found


def _clean_iap(oxygen: FloatArray, hydrogen: FloatArray, helium: FloatArray) -> BoolArray:
    light = np.maximum(hydrogen, helium)
    return (oxygen >= _IAP_MIN_O) & (light > _IAP_LIGHT_SHARE * oxygen)
