"""DEMETER N1 records that say themselves how many values they hold.

Spectra of ICE and IMSC (1132, 1134, 1137): ``nb`` spectra of ``nbf`` values, 2 x 1024 or
8 x 256, which change within a file when the mode does. Classes of the neural network (1138):
``nbs`` vectors of ``nbclasses`` values.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray, Records
from edge.observables import FEWEST_BINS, Band, band_name
from edge.readers.bands import band_bins
from edge.readers.demeter_file import plain_text
from edge.readers.demeter_records import (
    RecordBlock,
    calendar_ms,
    in_range,
    part_track,
    to_float,
)
from edge.readers.demeter_tables import APIDS, Apid, Quantity
from edge.readers.halforbit import Channel, Track
from edge.readers.rows import note_rows, without_stuck

# Spectra of a record, and values of one: types 0 and 1, and type 2 of the document.
_TYPES = ((2, 1024), (8, 256))
# A spectrum takes 0.512 or 2.048 s; twice as far is damaged.
_MIN_STEP_S, _MAX_STEP_S = 0.25, 4.1
# The last frequency, nbf times df, is the instrument's within this share.
_FREQUENCY_SHARE = 0.01
# Zeros in a row that are lost bytes; a sector of a disk has 127 whole values.
_BLANK_BINS = 100
# Vectors and classes of a record of the neural network (table N1-27); seconds between vectors.
_MAX_VECTORS, _MAX_CLASSES = 128, 20
_CLASS_STEP_S = (1e-3, 60.0)


def usable_records(heads: Records, apid: Apid) -> BoolArray:
    """Mark records whose block 4 says a size that the format has.

    Parameters
    ----------
    heads : structured ndarray, shape (N,)
    apid : Apid

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    usable = np.ones(heads.size, dtype=np.bool_)
    if apid.form == "waveform":
        samples = max(count for _, kind, count in apid.block_4 if kind == "f32")
        usable = heads["nsamp"] == samples
    elif apid.form == "spectra":
        nb, nbf = heads["nb"].astype(np.int64), heads["nbf"].astype(np.int64)
        usable = np.zeros_like(usable)
        for spectra, values in _TYPES:
            usable |= (nb == spectra) & (nbf == values)
        with np.errstate(invalid="ignore", over="ignore"):
            step = to_float(heads["total_duration"]) / np.maximum(nb, 1)
            usable &= (step >= _MIN_STEP_S) & (step <= _MAX_STEP_S)
            last = to_float(heads["df"]) * nbf
            usable &= np.abs(last / apid.highest - 1.0) <= _FREQUENCY_SHARE
    elif apid.form == "classes":
        usable = heads["subtype"] == 0
        for field, limit in (("nbs", _MAX_VECTORS), ("nbclasses", _MAX_CLASSES)):
            usable &= (heads[field] >= 1) & (heads[field] <= limit)
        step = to_float(heads["dt"])
        usable &= (step >= _CLASS_STEP_S[0]) & (step <= _CLASS_STEP_S[1])
    return usable


def blank_spectra(records: Records) -> BoolArray:
    """Mark records in whose spectra a block of bytes was replaced by zeros.

    A zero is the logarithm of a power that is possible, but a hundred neighbours are not.

    Parameters
    ----------
    records : structured ndarray, shape (N,)

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    # Zero bytes are zeros in any order.
    bits = records["spectra"].view(np.uint32)
    suspect = bits[:, ::_BLANK_BINS] == 0
    blank = np.zeros(records.size, dtype=np.bool_)
    for row in np.flatnonzero(suspect.any(axis=1)).tolist() if suspect.any() else ():
        edges = np.flatnonzero(np.diff(bits[row] == 0, prepend=False, append=False))
        blank[row] = (edges[1::2] - edges[::2]).max() >= _BLANK_BINS
    return blank


def spectra_channels(
    block: RecordBlock, wanted: dict[str, Quantity], bands: tuple[Band, ...]
) -> tuple[Track, dict[str, Channel]]:
    """Build the channels ``spectra`` and ``df``, or one for each band.

    Parameters
    ----------
    block : RecordBlock
    wanted : dict of str to Quantity
        Channels to build; those of the header are left out.
    bands : tuple of Band
        In Hz; none for the whole spectra.

    Returns
    -------
    track : Track
        A row for each spectrum, M in all.
    channels : dict of str to Channel
        Whole spectra in the file's logarithmic unit, shape (M, widest), where a narrower one
        ends in invalid NaN; powers of bands, shape (M,), in the linear unit.
    """
    nb = block.heads["nb"].astype(np.int64)
    track, index = _spectrum_track(block, nb)
    record = index // nb.max()
    content: dict[str, Channel] = {}
    if "df" in wanted:
        quantity = wanted["df"]
        df = block.head("df")[record]
        valid = in_range(df, quantity)
        content["df"] = Channel("df", block.payload, quantity.unit, df, valid, track)
    if "spectra" in wanted:
        unit = block.unit(wanted["spectra"])
        if bands:
            power, good = _powers(block, tuple(bands))
            if index.size < power.shape[1]:
                power, good = power[:, index], good[:, index]
            good = without_stuck("spectra", power.T, good.T, track.time, block.notes).T
            # "log(nT^2/Hz)" becomes "nT^2/Hz".
            for band, values, valid in zip(bands, power, good, strict=True):
                name = band_name("spectra", band)
                content[name] = Channel(name, block.payload, unit[4:-1], values, valid, track)
        else:
            values = _whole_spectra(block, nb, index)
            valid = in_range(values, wanted["spectra"])
            content["spectra"] = Channel(
                "spectra", block.payload, unit, values, valid, track, _frequency(block, values)
            )
    return track, content


def _frequency(block: RecordBlock, values: FloatArray) -> FloatArray | None:
    """Frequency of each bin in Hz, f_i = (i + 1) df; None where df changes within the file."""
    df = block.head("df")
    if np.any(df != df[0]):
        return None
    hertz = 1000.0 if APIDS[block.payload].channels["df"].unit == "kHz" else 1.0
    result: FloatArray = (np.arange(values.shape[1]) + 1.0) * (float(df[0]) * hertz)
    return result


def _spectrum_track(block: RecordBlock, nb: IntArray) -> tuple[Track, IntArray]:
    """Track of the spectra, at ``ut_first + k total_duration / nb``."""
    step = block.head("total_duration") / nb
    k: IntArray = np.arange(int(nb.max()), dtype=np.int64)
    offset: IntArray = np.rint(1000.0 * step[:, None] * k).astype(np.int64)
    # The record's own time is that of its first point, and so that of its first spectrum.
    if not np.array_equal(block.heads["ut_first"], block.heads["ut"]):
        first, known = calendar_ms(block.heads["ut_first"])
        shift = np.where(known, first - block.track.time.astype(np.int64), 0)
        far = np.abs(shift) > 1000
        note_rows(block.notes, far, "whose first spectrum has another time")
        offset += np.where(far, 0, shift)[:, None]
    there = k < nb[:, None]
    return part_track(block.track, offset, there, float(np.median(step)), block.notes)


def _whole_spectra(block: RecordBlock, nb: IntArray, index: IntArray) -> FloatArray:
    record, row = np.divmod(index, nb.max())
    spectra = block.records["spectra"]
    values = np.full((index.size, 2048 // int(nb.min())), np.nan)
    for count in np.unique(nb).tolist():
        width = 2048 // count
        mine = np.flatnonzero(nb[record] == count)
        every = to_float(spectra[nb == count]).reshape(-1, width)
        rank = np.cumsum(nb == count) - 1
        values[mine, :width] = every[rank[record[mine]] * count + row[mine]]
    return values


def _powers(block: RecordBlock, bands: tuple[Band, ...]) -> tuple[FloatArray, BoolArray]:
    """Mean power of each band in each spectrum.

    Returns
    -------
    values : ndarray, shape (K, N x R)
        R rows for each record, the most that one has.
    valid : ndarray of bool, shape (K, N x R)
        False where the band has fewer than two bins, fewer than half of them are valid,
        and where there is no spectrum.
    """
    # Loads numba, which a look at a file does without.
    from edge.readers.demeter_bands import sum_bands

    heads, records = block.heads, block.records
    n, k, rows = records.size, len(bands), int(heads["nb"].max())
    total = np.zeros((k, n, rows))
    count = np.zeros((k, n, rows), dtype=np.int64)
    size = np.zeros((k, n, 1), dtype=np.int64)
    raw = records.view(np.uint8).reshape(n, records.dtype.itemsize)
    assert records.dtype.fields is not None
    offset = records.dtype.fields["spectra"][1]
    # The type follows from df, which is near 20 kHz / nbf.
    df = heads["df"]
    alike = bool(np.all(df == df[0]))
    for step in [float(df[0])] if alike else np.unique(df).tolist():
        mine = np.flatnonzero(df == step)
        nb, nbf = int(heads["nb"][mine[0]]), int(heads["nbf"][mine[0]])
        runs, sizes = _band_runs(nbf, step * block.apid.hz, bands)
        size[:, mine, 0] = sizes[:, None]
        if not runs.size:
            continue
        low, high = int(runs[:, 1].min()), int(runs[:, 2].max())
        if alike:
            sum_bands(raw, offset, nbf, low, high, runs, total, count)
        else:
            part, good = np.zeros((k, mine.size, nb)), np.zeros((k, mine.size, nb), dtype=np.int64)
            sum_bands(raw[mine], offset, nbf, low, high, runs, part, good)
            total[:, mine, :nb], count[:, mine, :nb] = part, good
    valid = (count >= FEWEST_BINS) & (2 * count >= size)
    values = np.where(valid, total / np.maximum(count, 1), 0.0)
    return values.reshape(k, n * rows), valid.reshape(k, n * rows)


@lru_cache(maxsize=64)
def _band_runs(nbf: int, step_hz: float, bands: tuple[Band, ...]) -> tuple[IntArray, IntArray]:
    """Find the runs of neighbouring bins of the bands, (R, 3), and count their bins, (K,)."""
    frequency = step_hz * np.arange(1, nbf + 1)
    runs: list[tuple[int, int, int]] = []
    sizes = np.zeros(len(bands), dtype=np.int64)
    for k, band in enumerate(bands):
        inside = band_bins(frequency, band)
        sizes[k] = inside.sum()
        if sizes[k] >= FEWEST_BINS:
            edges = np.flatnonzero(np.diff(inside, prepend=False, append=False)).tolist()
            runs += [(k, a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return np.array(runs, dtype=np.int64).reshape(-1, 3), sizes


def class_channels(block: RecordBlock, wanted: dict[str, Quantity]) -> dict[str, Channel]:
    """Build the channels of the neural network.

    Parameters
    ----------
    block : RecordBlock
    wanted : dict of str to Quantity
        Channels to build; those of the header are left out.

    Returns
    -------
    dict of str to Channel
        ``intensity`` and ``uncertainty`` with a row for each vector and a column for each of
        20 classes; ``Dmin`` and ``Dmax``, the limits of the classes, with a row for each record.
    """
    heads = block.heads
    vectors, classes = heads["nbs"].astype(np.int64), heads["nbclasses"].astype(np.int64)
    k, c = np.arange(_MAX_VECTORS), np.arange(_MAX_CLASSES)
    used = c < classes[:, None]
    content: dict[str, Channel] = {}
    for name in ("Dmin", "Dmax"):
        if name in wanted:
            limits = block.head(name)
            valid = used & in_range(limits, wanted[name])
            unit = plain_text(heads["u_class"][0]) or wanted[name].unit
            content[name] = Channel(name, block.payload, unit, limits, valid, block.track)
    names = [name for name in ("intensity", "uncertainty") if name in wanted]
    if not names:
        return content
    dt = block.head("dt")
    offset = np.rint(1000.0 * dt[:, None] * k).astype(np.int64)
    there = k < vectors[:, None]
    track, index = part_track(block.track, offset, there, float(np.median(dt)), block.notes)
    record, row = np.divmod(index, _MAX_VECTORS)
    place = np.minimum(row[:, None] * classes[record, None] + c, 2559)
    flagged: AnyArray = heads["valid"][record, row] == 1
    for name in names:
        inside = used[record]
        values = np.where(inside, to_float(block.records[name])[record[:, None], place], np.nan)
        valid = inside & flagged[:, None] & in_range(values, wanted[name])
        content[name] = Channel(name, block.payload, wanted[name].unit, values, valid, track)
    return content
