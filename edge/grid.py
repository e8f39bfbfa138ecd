"""From channels at their native rates to observations on one time grid.

The grid has cells [3k, 3k + 3) s of UTC. A cell takes the mean of its valid samples
after the transform; else the linear interpolation at its centre between valid samples
at most 1.5 native cadences apart; else it is masked. A cell that holds no record of any
payload, and lies between no two such records, is a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.arrays import (
    BoolArray,
    CountArray,
    FloatArray,
    IntArray,
    TimeArray,
    wrap_longitude,
)
from edge.errors import InputError
from edge.observables import B_RMS_SPAN_S, GRID_STEP_S, Observable, Profile
from edge.readers.halforbit import Channel, HalfOrbit, Track
from edge.units import conversion_factor

_STEP_MS = GRID_STEP_S * 1000
_REACH = 1.5
# Across a longer hole a straight line leaves the track by more than 0.03 deg.
_LONGEST_POSITION_HOLE_MS = 60_000
# Share of the samples of a full 60 s that a local cubic fit needs.
_FIT_SHARE = 0.75
# Samples of so small a spread in time determine no cubic.
_SINGULAR = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The observations of one half-orbit.

    Attributes
    ----------
    cell : ndarray of int64, shape (N,)
        Cell number since 1970: the cell begins at 3 s times this. Consecutive.
    latitude, longitude, altitude : ndarray, shape (N,)
        At the centre of the cell; degrees, degrees in [-180, 180), km.
    present : ndarray of bool, shape (N,)
        False in a gap, and where no position is known.
    values : ndarray, shape (N, F)
        Transformed observables; 0 where masked.
    valid : ndarray of bool, shape (N, F)
    samples : ndarray of int32, shape (N, F), or None
        Valid raw samples in the cell; 0 where it is masked, or filled without any of its own.
        None where nobody counted.
    """

    cell: IntArray
    latitude: FloatArray
    longitude: FloatArray
    altitude: FloatArray
    present: BoolArray
    values: FloatArray
    valid: BoolArray
    samples: CountArray | None = None

    @property
    def time(self) -> TimeArray:
        """UTC of the cell centres, datetime64[ms], shape (N,)."""
        milliseconds: TimeArray = (self.cell * _STEP_MS + _STEP_MS // 2).astype("datetime64[ms]")
        return milliseconds


def make_grid(half_orbit: HalfOrbit, profile: Profile) -> Grid:
    """Put a half-orbit on the grid.

    Parameters
    ----------
    half_orbit : HalfOrbit
        With at least one payload.
    profile : Profile
        Its observables become the columns, in order.

    Returns
    -------
    Grid
        From the first to the last cell that any payload touches.

    Raises
    ------
    ValueError
        The half-orbit has no payload.
    """
    tracks = [p.track for p in half_orbit.payloads.values() if p.track.time.size]
    if not tracks:
        raise ValueError(f"half-orbit {half_orbit.key} has no payload")
    first = min(int(_ms(t)[0]) for t in tracks) // _STEP_MS
    last = max(int(_ms(t)[-1]) for t in tracks) // _STEP_MS
    n, f = last - first + 1, len(profile.observables)
    present = np.zeros(n, dtype=np.bool_)
    for track in tracks:
        _mark_present(_ms(track), first, _reach_ms(track), present)
    latitude, longitude, altitude = _positions(tracks, first, n)
    present &= np.isfinite(latitude)
    values = np.zeros((n, f))
    valid = np.zeros((n, f), dtype=np.bool_)
    samples: CountArray = np.zeros((n, f), dtype=np.int32)
    for column, observable in enumerate(profile.observables):
        for channel in _channels(half_orbit, observable):
            part = (values[:, column], valid[:, column], samples[:, column])
            _fill_column(channel, observable, first, *part)
    cell = np.arange(first, last + 1, dtype=np.int64)
    return Grid(cell, latitude, longitude, altitude, present, values, valid, samples)


def _ms(track: Track) -> IntArray:
    return track.time.astype("datetime64[ms]").astype(np.int64)


def _reach_ms(track: Track) -> int:
    return round(_REACH * track.cadence * 1000.0)


def _channels(half_orbit: HalfOrbit, observable: Observable) -> list[Channel]:
    """Find the sources of an observable in this half-orbit, the preferred one last."""
    source = observable.sources.get(half_orbit.mission)
    if source is None:
        return []
    found = [half_orbit.payloads[p] for p in source.payloads if p in half_orbit.payloads]
    return [p.channels[source.name] for p in reversed(found) if source.name in p.channels]


def _fill_column(
    channel: Channel,
    observable: Observable,
    first: int,
    values: FloatArray,
    valid: BoolArray,
    samples: CountArray,
) -> None:
    milliseconds = _ms(channel.track)
    # The bytes of survey and burst files interleave: a later source replaces only the
    # cells that it fills.
    column, filled, count = np.zeros_like(values), np.zeros_like(valid), np.zeros_like(samples)
    if observable.derived == "b_rms":
        good = channel.valid.all(axis=1)
        magnitude = np.sqrt(np.sum(np.where(good[:, None], channel.values, 0.0) ** 2, axis=1))
        half_span = round(B_RMS_SPAN_S * 500.0)
        needed = _FIT_SHARE * B_RMS_SPAN_S / channel.track.cadence
        _cubic_rms(milliseconds, magnitude, good, first, half_span, needed, column, filled)
        count += np.bincount(milliseconds[good] // _STEP_MS - first, minlength=count.size)
        filled &= _plausible(column, observable)
        column[filled] = _transform(column[filled], observable)
    else:
        factor = _factor(channel, observable)
        raw = channel.values * factor
        good = channel.valid & _plausible(raw, observable)
        raw = _transform(np.where(good, raw, 1.0), observable)
        reach = _reach_ms(channel.track)
        _cell_means(milliseconds, raw, good, first, reach, column, filled, count)
    values[filled] = column[filled]
    samples[filled] = count[filled]
    valid |= filled


def _factor(channel: Channel, observable: Observable) -> float:
    try:
        return conversion_factor(channel.unit, observable.unit)
    except ValueError as error:
        raise InputError(channel.payload, f"channel {channel.name}: {error}") from None


def _plausible(values: FloatArray, observable: Observable) -> BoolArray:
    low, high = observable.plausible
    result: BoolArray = (values >= low) & (values <= high)
    return result


def _transform(values: FloatArray, observable: Observable) -> FloatArray:
    return np.log10(values) if observable.transform == "log10" else values


def _positions(
    tracks: list[Track], first: int, n: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Interpolate the track to cell centres; the payload with most records comes first."""
    centre = _centres(first, n).astype(np.float64)
    latitude, longitude, altitude = (np.full(n, np.nan) for _ in range(3))
    for track in sorted(tracks, key=lambda t: -t.time.size):
        good = np.isfinite(track.latitude)
        if int(good.sum()) < 2:
            continue
        at = _ms(track)[good].astype(np.float64)
        wanted = np.isnan(latitude) & _near(centre, at)
        if not wanted.any():
            continue
        unwrapped = np.unwrap(track.longitude[good], period=360.0)
        for out, source in (
            (latitude, track.latitude[good]),
            (longitude, unwrapped),
            (altitude, track.altitude[good]),
        ):
            out[wanted] = _interpolate(centre[wanted], at, source)
    return latitude, wrap_longitude(longitude), altitude


def _near(centre: FloatArray, at: FloatArray) -> BoolArray:
    """Whether a cell centre lies between, or within one step of, records with a position."""
    right = np.searchsorted(at, centre)
    before = at[np.maximum(right - 1, 0)]
    after = at[np.minimum(right, at.size - 1)]
    inside = (right > 0) & (right < at.size) & (after - before <= _LONGEST_POSITION_HOLE_MS)
    nearest = np.minimum(np.abs(centre - before), np.abs(after - centre))
    result: BoolArray = inside | (nearest <= _STEP_MS)
    return result


def _interpolate(centre: FloatArray, at: FloatArray, source: FloatArray) -> FloatArray:
    """Linear interpolation, continued by at most one step at both ends."""
    step = float(_STEP_MS)
    low = source[0] - step * (source[1] - source[0]) / (at[1] - at[0])
    high = source[-1] + step * (source[-1] - source[-2]) / (at[-1] - at[-2])
    times = np.concatenate(([at[0] - step], at, [at[-1] + step]))
    return np.interp(centre, times, np.concatenate(([low], source, [high])))


def _mark_present(milliseconds: IntArray, first: int, reach: int, present: BoolArray) -> None:
    present[milliseconds // _STEP_MS - first] = True
    present |= _between(milliseconds, _centres(first, present.size), reach)


def _centres(first: int, n: int) -> IntArray:
    return np.arange(first, first + n) * _STEP_MS + _STEP_MS // 2


def _between(at: IntArray, centre: IntArray, reach: int) -> BoolArray:
    """Whether a cell centre lies between two records at most `reach` apart."""
    right = np.searchsorted(at, centre)
    inside = (right > 0) & (right < at.size)
    inside[inside] = at[right[inside]] - at[right[inside] - 1] <= reach
    return inside


def _cell_means(
    milliseconds: IntArray,
    samples: FloatArray,
    good: BoolArray,
    first: int,
    reach: int,
    out: FloatArray,
    filled: BoolArray,
    count: CountArray,
) -> None:
    at, value = milliseconds[good], samples[good]
    cell = at // _STEP_MS - first
    count += np.bincount(cell, minlength=out.size)
    out[:] = np.bincount(cell, value, out.size) / np.maximum(count, 1)
    centre = _centres(first, out.size)
    holes = (count == 0) & _between(at, centre, reach)
    if holes.any():
        out[holes] = np.interp(centre[holes], at, value)
    filled |= holes | (count > 0)


def _cubic_rms(
    milliseconds: IntArray,
    magnitude: FloatArray,
    good: BoolArray,
    first: int,
    half_span: int,
    needed: float,
    out: FloatArray,
    filled: BoolArray,
) -> None:
    """RMS about a least-squares cubic over the samples within half_span of each centre."""
    at, value = milliseconds[good], magnitude[good]
    centre = _centres(first, out.size)
    low, high = np.searchsorted(at, centre - half_span), np.searchsorted(at, centre + half_span)
    cells = np.flatnonzero(high - low >= max(needed, 5))
    width = int((high - low).max(initial=0))
    # In parts of 128 KiB an array: within the processor's cache, and no new pages for each.
    for part in np.array_split(cells, 1 + cells.size * width // 2**14):
        index = low[part, None] + np.arange(width)
        inside = index < high[part, None]
        index = np.minimum(index, at.size - 1)
        x = (at[index] - centre[part, None]) / half_span
        rest = np.where(inside, value[index], 0.0)
        # Polynomials that are orthogonal over the samples, by their recurrence (Forsythe 1957).
        before, basis = np.zeros(1), inside.astype(np.float64)
        size_before, size = np.ones(1), _dot(basis, basis)
        rest -= basis * (_dot(rest, basis) / size)
        for _ in range(3):
            following = x * basis
            following -= basis * (_dot(following, basis) / size)
            following -= before * (size / size_before)
            before, basis = basis, following
            size_before, size = size, np.maximum(_dot(basis, basis), _SINGULAR)
            rest -= basis * (_dot(rest, basis) / size)
        out[part] = np.sqrt(_dot(rest, rest)[:, 0] / (high - low)[part])
        filled[part] = size[:, 0] > _SINGULAR


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Sum of products over the samples of each cell, shape (cells, 1)."""
    products: FloatArray = np.einsum("ij,ij->i", a, b)[:, None]
    return products
