"""What a payload file holds, for ``edge-score info``."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from edge.arrays import BoolArray, FloatArray
from edge.readers.halforbit import Channel
from edge.readers.opening import read_payload


class ChannelInfo(msgspec.Struct, frozen=True):
    """One channel, in the file's own unit; None where no value is valid."""

    name: str
    unit: str
    count: int
    valid_share: float
    minimum: float | None
    median: float | None
    maximum: float | None


class FileInfo(msgspec.Struct, frozen=True):
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

    Parameters
    ----------
    path : Path

    Returns
    -------
    FileInfo

    Raises
    ------
    InputError
        The file cannot be used.
    """
    payload = read_payload(path)
    name, track = payload.name, payload.track
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
        channels=[c for channel in payload.channels.values() for c in _columns(channel)],
        notes=list(payload.notes),
    )


def _columns(channel: Channel) -> list[ChannelInfo]:
    if channel.values.ndim == 1:
        return [_summary(channel.name, channel, channel.values, channel.valid)]
    return [
        _summary(f"{channel.name}[{i}]", channel, channel.values[:, i], channel.valid[:, i])
        for i in range(channel.values.shape[1])
    ]


def _summary(name: str, channel: Channel, values: FloatArray, valid: BoolArray) -> ChannelInfo:
    good = values[valid]
    low = middle = high = None
    if good.size:
        low, middle, high = (float(f(good)) for f in (np.min, np.median, np.max))
    share = float(np.mean(valid)) if valid.size else 0.0
    return ChannelInfo(name, channel.unit, int(values.size), round(share, 4), low, middle, high)
