"""What a payload file holds, for ``edge-score info``.

Notes
-----
Counts, shares, extremes and medians are exact. CSES files are looked at a block of records
at a time, so that a file of any size takes some 50 MiB. The median of more than `MAX_HELD`
values is found by counting: the ordered bit patterns of the values are counted by their
leading 16 bits, then those with the median's leading bits are collected, or counted by the
next 16 bits where they are still too many. Each round reads the dataset once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from edge.arrays import BoolArray, FloatArray
from edge.readers.halforbit import Channel, Track
from edge.readers.names import FileName
from edge.readers.opening import read_payload
from edge.readers.sniffing import sniff

#: Values up to which a median is taken of all of them at once.
MAX_HELD = 2_000_000
#: Columns up to which each is summarised by itself.
_MAX_COLUMNS = 4
_DIGIT_BITS = 16

Blocks = Iterable[tuple[FloatArray, BoolArray]]
KeyArray = npt.NDArray[np.uint64]
_SIGN = np.uint64(1 << 63)


class ChannelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One channel, in the file's own unit; None where no value is valid."""

    name: str
    unit: str
    count: int
    valid_share: float
    minimum: float | None
    median: float | None
    maximum: float | None


class FileInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One payload file."""

    file: str
    mission: str
    payload: str
    half_orbit: str
    direction: str
    side: str
    start: str
    end: str
    latitude: tuple[float, float] | None
    records: int
    cadence_s: float
    channels: list[ChannelInfo]
    notes: list[str]


def describe(path: Path) -> FileInfo:
    """Summarise a payload file.

    Raises
    ------
    InputError
        The file cannot be used.
    """
    name = sniff(path)
    if name.mission == "cses":
        return _describe_cses(path, name)
    payload = read_payload(path)
    channels = [
        info
        for channel in payload.channels.values()
        for info in _of_channel(channel.name, channel.unit, _columns(channel), _blocks(channel))
    ]
    return _file_info(path, payload.name, payload.track, channels, list(payload.notes))


def _describe_cses(path: Path, name: FileName) -> FileInfo:
    # h5py is imported for CSES files alone.
    from edge.readers.cses import open_cses
    from edge.readers.cses_tables import BY_CONVENTION, CONFIRMED_BY

    with open_cses(path, name) as file:
        channels: list[ChannelInfo] = []
        for dataset in file.stored():
            series = file.series(dataset)
            channels += _of_channel(dataset, series.unit, series.width, series.blocks)
        notes = list(file.notes)
        if name.spacecraft == 1 and CONFIRMED_BY[name.payload].startswith(BY_CONVENTION):
            notes.insert(0, "layout by convention: seen in no real file")
        return _file_info(path, name, file.track, channels, notes)


def _file_info(
    path: Path, name: FileName, track: Track, channels: list[ChannelInfo], notes: list[str]
) -> FileInfo:
    latitude = track.latitude[np.isfinite(track.latitude)]
    ends = np.datetime_as_string(track.time[[0, -1]], unit="ms")
    return FileInfo(
        file=path.name,
        mission=name.mission,
        payload=name.payload,
        half_orbit=name.half_orbit,
        direction=name.direction_name,
        side="night" if name.night_side else "day",
        start=f"{ends[0]}Z",
        end=f"{ends[1]}Z",
        latitude=(
            (round(float(latitude.min()), 4), round(float(latitude.max()), 4))
            if latitude.size
            else None
        ),
        records=int(track.time.size),
        cadence_s=track.cadence,
        channels=channels,
        notes=notes,
    )


def _columns(channel: Channel) -> int:
    return 1 if channel.values.ndim == 1 else int(channel.values.shape[1])


def _blocks(channel: Channel) -> Callable[[], Blocks]:
    columns = _columns(channel)
    return lambda: [(channel.values.reshape(-1, columns), channel.valid.reshape(-1, columns))]


def _of_channel(
    name: str, unit: str, columns: int, blocks: Callable[[], Blocks]
) -> list[ChannelInfo]:
    """Summarise a channel: column by column, or spectra and waveforms as a whole."""
    if columns == 1 or columns > _MAX_COLUMNS:
        return [_summary(name, unit, blocks)]

    def column(i: int) -> Callable[[], Blocks]:
        return lambda: ((values[:, i], valid[:, i]) for values, valid in blocks())

    return [_summary(f"{name}[{i}]", unit, column(i)) for i in range(columns)]


def _summary(name: str, unit: str, blocks: Callable[[], Blocks]) -> ChannelInfo:
    count = good = 0
    low, high = np.inf, -np.inf
    held: list[FloatArray] | None = []
    for values, valid in blocks():
        chosen = values[valid]
        count += values.size
        good += chosen.size
        if chosen.size:
            low, high = min(low, float(chosen.min())), max(high, float(chosen.max()))
        if good > MAX_HELD:
            held = None
        elif held is not None:
            held.append(chosen)
    middle = None
    if good and held is not None:
        middle = float(np.median(np.concatenate(held)))
    elif good:
        middle = 0.5 * sum(_ranked(blocks, r) for r in ((good - 1) // 2, good // 2))
    return ChannelInfo(
        name=name,
        unit=unit,
        count=count,
        valid_share=round(good / count, 4) if count else 0.0,
        minimum=low if good else None,
        median=middle,
        maximum=high if good else None,
    )


def _ranked(blocks: Callable[[], Blocks], rank: int) -> float:
    """Give the valid value of a rank, 0 for the smallest, without holding them all."""
    prefix = 0
    for shift in range(64 - _DIGIT_BITS, -1, -_DIGIT_BITS):
        counts = np.zeros(1 << _DIGIT_BITS, dtype=np.int64)
        for keys in _keys(blocks, prefix, shift + _DIGIT_BITS):
            digits = (keys >> np.uint64(shift)) & np.uint64((1 << _DIGIT_BITS) - 1)
            counts += np.bincount(digits.astype(np.int64), minlength=counts.size)
        below = np.cumsum(counts)
        digit = int(np.searchsorted(below, rank, side="right"))
        rank -= int(below[digit] - counts[digit])
        prefix = (prefix << _DIGIT_BITS) | digit
        if counts[digit] <= MAX_HELD:
            found = np.concatenate(list(_keys(blocks, prefix, shift)))
            return _value(np.partition(found, rank)[rank])
    return _value(np.uint64(prefix))


def _keys(blocks: Callable[[], Blocks], prefix: int, shift: int) -> Iterable[KeyArray]:
    """Unsigned integers in the order of the valid values, of those with these leading bits."""
    for values, valid in blocks():
        # A sum with zero has one zero only.
        bits = (values[valid] + 0.0).view(np.uint64)
        # Negative numbers in reverse and below the others.
        keys = np.where(bits & _SIGN, ~bits, bits | _SIGN)
        yield keys if shift == 64 else keys[keys >> np.uint64(shift) == np.uint64(prefix)]


def _value(key: np.uint64) -> float:
    bits = key & ~_SIGN if key & _SIGN else ~key
    return float(np.array(bits, dtype=np.uint64).view(np.float64))
