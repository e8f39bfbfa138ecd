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
    AnyArray,
    BoolArray,
    CountArray,
    FloatArray,
    IntArray,
    TimeArray,
    wrap_longitude,
)
from edge.errors import InputError
from edge.jit import kernel
from edge.observables import B_RMS_SPAN_S, GRID_STEP_S, Observable, Profile
from edge.readers.halforbit import Channel, HalfOrbit, Track
from edge.units import conversion_factor

_STEP_MS = GRID_STEP_S * 1000
_REACH = 1.5
# Across a longer hole a straight line leaves the track by more than 0.03 deg.
_LONGEST_POSITION_HOLE_MS = 60_000
# Share of the samples of a full 60 s that a local cubic fit needs.
_FIT_SHARE = 0.75


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
        _count_samples(milliseconds, good, first, count)
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
    centre = (np.arange(first, first + n) * _STEP_MS + _STEP_MS // 2).astype(np.float64)
    latitude, longitude, altitude = (np.full(n, np.nan) for _ in range(3))
    for track in sorted(tracks, key=lambda t: -t.time.size):
        good = np.isfinite(track.latitude)
        if int(good.sum()) < 2:
            continue
        at = _ms(track)[good].astype(np.float64)
        wanted = np.isnan(latitude) & _near(centre, at)
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


@kernel
def _mark_present(milliseconds: AnyArray, first: int, reach: int, present: AnyArray) -> None:
    for i in range(milliseconds.size):
        present[milliseconds[i] // _STEP_MS - first] = True
        if i and milliseconds[i] - milliseconds[i - 1] <= reach:
            for cell in range(
                milliseconds[i - 1] // _STEP_MS - first, milliseconds[i] // _STEP_MS - first
            ):
                present[cell] = True


@kernel
def _cell_means(
    milliseconds: AnyArray,
    samples: AnyArray,
    good: AnyArray,
    first: int,
    reach: int,
    out: AnyArray,
    filled: AnyArray,
    count: AnyArray,
) -> None:
    for i in range(milliseconds.size):
        if good[i]:
            cell = milliseconds[i] // _STEP_MS - first
            count[cell] += 1
            # A running mean: no sum that grows, no second pass.
            out[cell] += (samples[i] - out[cell]) / count[cell]
    previous = -1
    for i in range(milliseconds.size):
        if not good[i]:
            continue
        if previous >= 0 and milliseconds[i] - milliseconds[previous] <= reach:
            left, right = milliseconds[previous], milliseconds[i]
            for cell in range(left // _STEP_MS - first, right // _STEP_MS - first + 1):
                centre = (cell + first) * _STEP_MS + _STEP_MS // 2
                if count[cell] == 0 and left < centre < right:
                    weight = (centre - left) / (right - left)
                    out[cell] = samples[previous] + weight * (samples[i] - samples[previous])
                    filled[cell] = True
        previous = i
    for cell in range(out.size):
        if count[cell]:
            filled[cell] = True


@kernel
def _count_samples(milliseconds: AnyArray, good: AnyArray, first: int, count: AnyArray) -> None:
    for i in range(milliseconds.size):
        if good[i]:
            count[milliseconds[i] // _STEP_MS - first] += 1


@kernel
def _cubic_rms(
    milliseconds: AnyArray,
    magnitude: AnyArray,
    good: AnyArray,
    first: int,
    half_span: int,
    needed: float,
    out: AnyArray,
    filled: AnyArray,
) -> None:
    """RMS about a least-squares cubic over the samples within half_span of each centre."""
    matrix = np.empty((4, 5))
    powers = np.empty(7)
    low = 0
    high = 0
    for cell in range(out.size):
        centre = (cell + first) * _STEP_MS + _STEP_MS // 2
        while low < milliseconds.size and milliseconds[low] < centre - half_span:
            low += 1
        while high < milliseconds.size and milliseconds[high] < centre + half_span:
            high += 1
        count = 0
        origin = 0.0
        for i in range(low, high):
            if good[i]:
                count += 1
                origin += (magnitude[i] - origin) / count
        if count < needed or count < 5:
            continue
        powers[:] = 0.0
        matrix[:] = 0.0
        for i in range(low, high):
            if good[i]:
                x = (milliseconds[i] - centre) / half_span
                y = magnitude[i] - origin
                term = 1.0
                for p in range(7):
                    powers[p] += term
                    if p < 4:
                        matrix[p, 4] += term * y
                    term *= x
        for row in range(4):
            for column in range(4):
                matrix[row, column] = powers[row + column]
        if not _solve_4(matrix):
            continue
        total = 0.0
        for i in range(low, high):
            if good[i]:
                x = (milliseconds[i] - centre) / half_span
                fit = matrix[0, 4] + x * (matrix[1, 4] + x * (matrix[2, 4] + x * matrix[3, 4]))
                total += (magnitude[i] - origin - fit) ** 2
        out[cell] = np.sqrt(total / count)
        filled[cell] = True


@kernel
def _solve_4(matrix: AnyArray) -> bool:
    """Solve the 4 x 4 normal equations in place (Gauss, partial pivoting); column 4 is y."""
    for pivot in range(4):
        best = pivot
        for row in range(pivot + 1, 4):
            if abs(matrix[row, pivot]) > abs(matrix[best, pivot]):
                best = row
        if abs(matrix[best, pivot]) < 1e-9:
            return False
        for column in range(5):
            held = matrix[pivot, column]
            matrix[pivot, column] = matrix[best, column]
            matrix[best, column] = held
        for row in range(pivot + 1, 4):
            factor = matrix[row, pivot] / matrix[pivot, pivot]
            for column in range(pivot, 5):
                matrix[row, column] -= factor * matrix[pivot, column]
    for pivot in range(3, -1, -1):
        for column in range(pivot + 1, 4):
            matrix[pivot, 4] -= matrix[pivot, column] * matrix[column, 4]
        matrix[pivot, 4] /= matrix[pivot, pivot]
    return True
