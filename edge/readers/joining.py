"""Several files of one payload of one half-orbit, put together in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edge.arrays import BoolArray
from edge.errors import one_line
from edge.readers.halforbit import Channel, Payload, Track
from edge.readers.rows import increasing_rows
from edge.units import conversion_factor

# Where two files meet they may share records; more of the shorter than this share of it, and
# it is another version of the longer rather than what follows it.
_MAX_SHARED = 0.1


def join_payloads(payloads: Sequence[Payload]) -> Payload:
    """Join what follows each other, and leave out what another file has already.

    Parameters
    ----------
    payloads : sequence of Payload
        Of one payload of one half-orbit, at least one.

    Returns
    -------
    Payload
        With a note for each file beyond the first. Of two files that overlap the one with
        more records is kept; of two alike, the later in `payloads`.

    Notes
    -----
    A channel that only one of the files has, or has with other frequencies, keeps the records
    of the longest of them, on a track of its own.
    """
    if len(payloads) == 1:
        return payloads[0]
    ranked = sorted(enumerate(payloads), key=lambda p: (p[1].track.time.size, p[0]), reverse=True)
    kept: list[Payload] = []
    notes: list[str] = []
    for _, payload in ranked:
        part, other = _beside(payload, kept)
        if part is None:
            notes.append(
                f"{_label(payload)} is left out: {_label(other)} has its time, with as many "
                "records or more"
            )
        else:
            kept.append(part)
    longest = kept[0]
    if len(kept) > 1:
        parts = sorted(kept, key=lambda p: p.track.time[0])
        notes.insert(0, f"joined in time from {', '.join(_label(p) for p in parts)}")
        longest = _joined(longest, parts)
    return replace(longest, notes=(*longest.notes, *notes))


def _label(payload: Payload) -> str:
    return one_line(payload.path.name)


def _beside(payload: Payload, kept: Sequence[Payload]) -> tuple[Payload | None, Payload]:
    """Give the records that none of the others has time for, or None and the one that has."""
    other = payload
    for other in kept:
        outside = _outside(payload.track, other.track)
        first, last = payload.track.time[[0, -1]]
        around = first < other.track.time[0] and last > other.track.time[-1]
        if around or np.count_nonzero(~outside) > _MAX_SHARED * outside.size:
            return None, other
        if not outside.all():
            payload = _part(payload, other.track)
    return payload, other


def _outside(track: Track, other: Track) -> BoolArray:
    """Mark the records of a track before and after another, shape (N,)."""
    result: BoolArray = (track.time < other.time[0]) | (track.time > other.time[-1])
    return result


def _part(payload: Payload, other: Track) -> Payload:
    """Give the records of a payload before or after a track."""
    tracks: dict[int, tuple[BoolArray, Track]] = {}
    for track in (payload.track, *(c.track for c in payload.channels.values())):
        rows = _outside(track, other)
        tracks[id(track)] = (
            rows,
            Track(
                time=track.time[rows],
                latitude=track.latitude[rows],
                longitude=track.longitude[rows],
                altitude=track.altitude[rows],
                cadence=track.cadence,
            ),
        )
    channels = {}
    for name, channel in payload.channels.items():
        rows, track = tracks[id(channel.track)]
        channels[name] = replace(
            channel, values=channel.values[rows], valid=channel.valid[rows], track=track
        )
    return replace(payload, track=tracks[id(payload.track)][1], channels=channels)


def _joined(longest: Payload, parts: Sequence[Payload]) -> Payload:
    """Join parts, in order of time, that do not overlap."""
    tracks: dict[tuple[int, ...], tuple[Track, BoolArray]] = {}

    def track_of(several: Sequence[Track]) -> tuple[Track, BoolArray]:
        key = tuple(id(t) for t in several)
        if key not in tracks:
            time = np.concatenate([t.time for t in several])
            # The rows of the last record of a part may reach beyond the first of the next.
            rows = increasing_rows(time.astype(np.int64))
            track = Track(
                time=time[rows],
                latitude=np.concatenate([t.latitude for t in several])[rows],
                longitude=np.concatenate([t.longitude for t in several])[rows],
                altitude=np.concatenate([t.altitude for t in several])[rows],
                cadence=max(t.cadence for t in several),
            )
            tracks[key] = track, rows
        return tracks[key]

    channels: dict[str, Channel] = {}
    for name in dict.fromkeys(n for p in (longest, *parts) for n in p.channels):
        several = [p.channels[name] for p in parts if name in p.channels]
        model = longest.channels.get(name) or max(several, key=lambda c: c.time.size)
        if len(several) < len(parts) or not all(_alike(c, model) for c in several):
            channels[name] = model
            continue
        track, rows = track_of([c.track for c in several])
        values = [c.values * _factor(c, model) for c in several]
        channels[name] = replace(
            model,
            values=np.concatenate(values)[rows],
            valid=np.concatenate([c.valid for c in several])[rows],
            track=track,
        )
    whole = replace(
        longest.name,
        start=min(p.name.start for p in parts),
        end=max(p.name.end for p in parts),
    )
    notes = tuple(dict.fromkeys(note for p in (longest, *parts) for note in p.notes))
    return Payload(whole, longest.path, track_of([p.track for p in parts])[0], channels, notes)


def _factor(channel: Channel, model: Channel) -> float:
    """Give what turns the values of a channel into the unit of another.

    Raises
    ------
    ValueError
        There is no factor between the units.
    """
    try:
        return conversion_factor(channel.unit, model.unit)
    except ValueError:
        return 1.0 / conversion_factor(model.unit, channel.unit)


def _alike(channel: Channel, model: Channel) -> bool:
    """Whether the records of two channels can stand in one array."""
    try:
        _factor(channel, model)
    except ValueError:
        return False
    frequency, own = model.frequency, channel.frequency
    return channel.values.shape[1:] == model.values.shape[1:] and (
        frequency is own
        or (frequency is not None and own is not None and np.array_equal(frequency, own))
    )
