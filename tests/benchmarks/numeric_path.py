"""From a half-orbit that was read to the windows of a model, against pandas and numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from timing import least_cpu

from edge.arrays import (
    AnyArray,
    BoolArray,
    Features,
    FloatArray,
    IntArray,
    TimeArray,
    wrap_longitude,
)
from edge.bundle import load_bundle
from edge.climatology import Climatology
from edge.geodesy import dipole_pole
from edge.grid import Grid, make_grid
from edge.night import night_rows
from edge.observables import Observable, Profile
from edge.readers.halforbit import Channel, HalfOrbit, Track
from edge.readers.opening import read_half_orbit
from edge.scoring import sample_half_orbits
from edge.units import conversion_factor
from edge.windows import cut_windows, window_starts

TITLE = "The numeric path: a half-orbit that was read (LAP + PAP + HPM) to its windows"
NOTE = (
    "Least CPU time of interleaved rounds, one thread. The peer is pandas and numpy, vectorised "
    "throughout: cell means by groupby, the cubic fits of all cells in one batch, windows by "
    "sliding_window_view; its windows are the same to the last digits of float32, or nothing is "
    "printed. `polyfit` is the same but for np.polyfit, cell by cell. `times 4` is the half-orbit "
    "again and again, later and further west. The floor reads and writes each byte of channels, "
    "grid, rows and windows once at the measured bandwidth, and computes at the measured speed of "
    "a product of matrices; a sine, cosine or logarithm counts 20. Climatology of the form "
    "`nearest`."
)
TIMES = (1, 4, 16)
STEP_MS = 3000
HALF_SPAN_MS = 30_000
_LONG = 512


@dataclass(frozen=True, slots=True)
class _Case:
    half_orbit: HalfOrbit
    profile: Profile
    climatology: Climatology
    length: int
    clip: float


def measure() -> list[dict[str, str]]:
    bundle = load_bundle()
    files = max(sample_half_orbits().values(), key=len)
    mission = next(iter(files.values())).mission
    once = read_half_orbit(files, bundle.profile.payloads(mission))
    tables = Climatology.load(bundle.climatology_path)
    climatology = Climatology(
        tables.names, tables.median, tables.spread, tables.epoch_start, tables.epoch_class
    )
    bandwidth, speed = _bytes_a_second(), _operations_a_second()
    found = []
    for times in TIMES:
        case = _Case(
            _again(once, times),
            bundle.profile,
            climatology,
            bundle.card.length,
            bundle.card.clip,
        )
        windows = ours(case)
        for fit in (cubic_rms, polyfit_rms):
            np.testing.assert_allclose(peer(case, fit), windows, rtol=2e-5, atol=2e-5)
        steps = {
            "ours": lambda case=case: ours(case),
            "pandas and numpy (peer)": lambda case=case: peer(case, cubic_rms),
        }
        if times == 1:
            steps["the peer with polyfit"] = lambda case=case: peer(case, polyfit_rms)
        seconds = least_cpu(steps, rounds=max(10, 60 // times))
        samples = sum(
            p.track.time.size * len(p.channels) for p in case.half_orbit.payloads.values()
        )
        moved, counted = _touched(case, windows), _counted(case)
        seconds["floor"] = moved / bandwidth + counted / speed
        for name, value in seconds.items():
            found.append(
                {
                    "what": name if times == 1 else f"{name}, times {times}",
                    "windows": str(len(windows)),
                    "ms": f"{1e3 * value:.3g}",
                    "ns an observation": f"{1e9 * value / samples:.0f}",
                    "ratio to ours": f"{value / seconds['ours']:.2f}",
                }
            )
    return found


def ours(case: _Case) -> Features:
    half_orbit = case.half_orbit
    grid = make_grid(half_orbit, case.profile)
    night = night_rows(grid, half_orbit.night_side, "dark")
    rows = case.climatology.features(grid, case.profile, half_orbit.mission, case.clip)
    return cut_windows(rows, window_starts(night, case.length), case.length)


Fit = Callable[[IntArray, FloatArray, IntArray, float], FloatArray]


def peer(case: _Case, fit: Fit) -> Features:
    """The windows of a half-orbit, as someone writes it with pandas and numpy."""
    payloads = case.half_orbit.payloads.values()
    tracks = [p.track for p in payloads]
    cells = np.arange(
        min(_ms(t.time)[0] for t in tracks) // STEP_MS,
        max(_ms(t.time)[-1] for t in tracks) // STEP_MS + 1,
    )
    centres = cells * STEP_MS + STEP_MS // 2
    present = np.zeros(cells.size, dtype=np.bool_)
    for track in tracks:
        at = _ms(track.time)
        present[at // STEP_MS - cells[0]] = True
        present |= _spanned(at, centres, 1500 * track.cadence)
    latitude, longitude = _position(tracks, centres)
    present &= np.isfinite(latitude)
    observables = case.profile.observables
    channels = [_channel(case.half_orbit, o) for o in observables]
    values = np.stack(
        [_column(c, o, cells, centres, fit) for c, o in zip(channels, observables, strict=True)],
        axis=1,
    )
    stamps = centres.astype("datetime64[ms]")
    dipole = _dipole(stamps, latitude, longitude)
    night = present & (_zenith(stamps, latitude, longitude) > 108.0) & (np.abs(dipole) <= 50.0)
    rows = _features(case, stamps, dipole, longitude, values)
    full = np.lib.stride_tricks.sliding_window_view(night, case.length).all(axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(rows, case.length, axis=0)[full]
    return np.ascontiguousarray(windows.transpose(0, 2, 1))


def _ms(stamps: TimeArray) -> IntArray:
    return stamps.astype("datetime64[ms]").astype(np.int64)


def _channel(half_orbit: HalfOrbit, observable: Observable) -> Channel:
    source = observable.sources[half_orbit.mission]
    return half_orbit.payloads[source.payloads[0]].channels[source.name]


def _spanned(at: IntArray, centres: IntArray, reach: float) -> BoolArray:
    """Whether a centre lies between two samples that are close enough."""
    right = np.searchsorted(at, centres)
    inside = (right > 0) & (right < at.size)
    right = np.clip(right, 1, at.size - 1)
    return inside & (at[right] - at[right - 1] <= reach)


def _position(tracks: list[Track], centres: IntArray) -> tuple[FloatArray, FloatArray]:
    latitude, longitude = np.full(centres.size, np.nan), np.full(centres.size, np.nan)
    for track in sorted(tracks, key=lambda t: -t.time.size):
        good = np.isfinite(track.latitude)
        at = _ms(track.time)[good]
        nearest = np.abs(centres[:, None] - at[_neighbours(at, centres)]).min(axis=1)
        wanted = np.isnan(latitude) & (_spanned(at, centres, 60_000) | (nearest <= STEP_MS))
        ends = np.concatenate(([at[0] - STEP_MS], at, [at[-1] + STEP_MS]))
        for out, source in (
            (latitude, track.latitude[good]),
            (longitude, np.unwrap(track.longitude[good], period=360.0)),
        ):
            before = source[0] - STEP_MS * (source[1] - source[0]) / (at[1] - at[0])
            after = source[-1] + STEP_MS * (source[-1] - source[-2]) / (at[-1] - at[-2])
            track_values = np.concatenate(([before], source, [after]))
            out[wanted] = np.interp(centres[wanted], ends, track_values)
    return latitude, (longitude + 180.0) % 360.0 - 180.0


def _neighbours(at: IntArray, centres: IntArray) -> IntArray:
    right = np.searchsorted(at, centres)
    return np.stack([np.maximum(right - 1, 0), np.minimum(right, at.size - 1)], axis=1)


def _column(
    channel: Channel, observable: Observable, cells: IntArray, centres: IntArray, fit: Fit
) -> FloatArray:
    """Values on the grid, NaN where there are none."""
    import pandas as pd

    at = _ms(channel.track.time)
    low, high = observable.plausible
    if observable.derived:
        good = channel.valid.all(axis=1)
        magnitude = np.linalg.norm(channel.values[good], axis=1)
        needed = max(45.0 / channel.track.cadence, 5.0)
        rms = fit(at[good], magnitude, centres, needed)
        rms[~((rms >= low) & (rms <= high))] = np.nan
        return np.log10(rms)
    values = channel.values * conversion_factor(channel.unit, observable.unit)
    good = channel.valid & (values >= low) & (values <= high)
    if not good.any():
        return np.full(cells.size, np.nan)
    at, value = at[good], values[good]
    if observable.transform == "log10":
        value = np.log10(value)
    mean = pd.Series(value).groupby(at // STEP_MS, sort=False).mean().reindex(cells).to_numpy()
    holes = np.isnan(mean) & _spanned(at, centres, 1500 * channel.track.cadence)
    return np.where(holes, np.interp(centres, at, value), mean)


def cubic_rms(at: IntArray, value: FloatArray, centres: IntArray, needed: float) -> FloatArray:
    """RMS about a cubic within 30 s of each centre, all fits in one batch."""
    low = np.searchsorted(at, centres - HALF_SPAN_MS)
    count = np.searchsorted(at, centres + HALF_SPAN_MS) - low
    rows = np.flatnonzero(count >= needed)
    place = low[rows, None] + np.arange(count.max())
    weight = np.arange(count.max()) < count[rows, None]
    place = np.minimum(place, at.size - 1)
    x = np.where(weight, (at[place] - centres[rows, None]) / HALF_SPAN_MS, 0.0)
    y = value[place]
    y = np.where(weight, y - y[:, :1], 0.0)
    powers = np.stack([weight.astype(np.float64), x, x**2, x**3], axis=2)
    turned = powers.transpose(0, 2, 1)
    solved = np.linalg.solve(turned @ powers, turned @ y[:, :, None])
    residual = y - (powers @ solved)[:, :, 0]
    out = np.full(centres.size, np.nan)
    out[rows] = np.sqrt((residual**2).sum(axis=1) / count[rows])
    return out


def polyfit_rms(at: IntArray, value: FloatArray, centres: IntArray, needed: float) -> FloatArray:
    """The same with a call of numpy's for each cell."""
    low = np.searchsorted(at, centres - HALF_SPAN_MS)
    high = np.searchsorted(at, centres + HALF_SPAN_MS)
    out = np.full(centres.size, np.nan)
    for row in np.flatnonzero(high - low >= needed):
        x = (at[low[row] : high[row]] - centres[row]) / HALF_SPAN_MS
        y = value[low[row] : high[row]]
        out[row] = np.sqrt(np.mean((y - np.polyval(np.polyfit(x, y, 3), x)) ** 2))
    return out


def _zenith(stamps: TimeArray, latitude: FloatArray, longitude: FloatArray) -> FloatArray:
    days = (_ms(stamps) - _ms(np.datetime64("2000-01-01T12:00:00", "ms"))) / 86_400_000.0
    t = (days + 68.0 / 86_400.0) / 36525.0
    anomaly = np.radians(357.52911 + t * (35999.05029 - t * 0.0001537))
    centre = (
        (1.914602 - t * (0.004817 + t * 0.000014)) * np.sin(anomaly)
        + (0.019993 - t * 0.000101) * np.sin(2.0 * anomaly)
        + 0.000289 * np.sin(3.0 * anomaly)
    )
    node = np.radians(125.04 - 1934.136 * t)
    nutation = -0.00478 * np.sin(node)
    mean = 280.46646 + t * (36000.76983 + t * 0.0003032)
    sun = np.radians(mean + centre - 0.00569 + nutation)
    tilt = np.radians(23.4392911 - 0.0130042 * t + 0.00256 * np.cos(node))
    ascension = np.arctan2(np.cos(tilt) * np.sin(sun), np.cos(sun))
    declination = np.arcsin(np.sin(tilt) * np.sin(sun))
    sidereal = 280.46061837 + 360.98564736629 * days + nutation * np.cos(tilt)
    angle = np.radians(sidereal % 360.0 + longitude) - ascension
    lat = np.radians(latitude)
    cosine = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(angle)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))


def _dipole(stamps: TimeArray, latitude: FloatArray, longitude: FloatArray) -> FloatArray:
    year = 1970.0 + float(stamps[0].astype("datetime64[D]").astype(np.int64)) / 365.2425
    pole_latitude, pole_longitude = np.radians(dipole_pole(year))
    lat = np.radians(latitude)
    sine = np.sin(lat) * np.sin(pole_latitude) + np.cos(lat) * np.cos(pole_latitude) * np.cos(
        np.radians(longitude) - pole_longitude
    )
    return np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))


def _features(
    case: _Case, stamps: TimeArray, dipole: FloatArray, longitude: FloatArray, values: FloatArray
) -> Features:
    climatology, mission = case.climatology, case.half_orbit.mission
    season = (stamps.astype("datetime64[M]").astype(np.int64) + 1) % 12 // 3
    row = np.clip((np.nan_to_num(dipole) + 90.0) // 5.0, 0, 35).astype(np.int64)
    column = np.clip((np.nan_to_num(longitude) + 180.0) // 30.0, 0, 11).astype(np.int64)
    start, holds = climatology.epoch_start[mission], climatology.epoch_class[mission]
    epoch = holds[np.maximum(np.searchsorted(start, stamps, side="right") - 1, 0)]
    place = (epoch, season, row, column)
    residual = (values - climatology.median[mission][place]) / climatology.spread[mission][place]
    known = np.isfinite(residual)
    residual = np.clip(np.where(known, residual, 0.0), -case.clip, case.clip)
    return np.concatenate([residual, known], axis=1).astype(np.float32)


def _again(half_orbit: HalfOrbit, times: int) -> HalfOrbit:
    """The same half-orbit so many times, one after the other, at one local time."""
    tracks = [p.track for p in half_orbit.payloads.values()]
    span = max(t.time[-1] for t in tracks) - min(t.time[0] for t in tracks)
    later = span + np.timedelta64(300, "s") - span % np.timedelta64(3, "s")

    def tiled(values: AnyArray) -> AnyArray:
        return np.concatenate([values] * times)

    turned = 360.0 * (later / np.timedelta64(1, "D"))

    def moved(track: Track) -> Track:
        return Track(
            np.concatenate([track.time + turn * later for turn in range(times)]),
            tiled(track.latitude),
            wrap_longitude(
                np.concatenate([track.longitude - turn * turned for turn in range(times)])
            ),
            tiled(track.altitude),
            track.cadence,
        )

    payloads = {}
    for name, payload in half_orbit.payloads.items():
        track = moved(payload.track)
        channels = {
            key: replace(c, values=tiled(c.values), valid=tiled(c.valid), track=track)
            for key, c in payload.channels.items()
        }
        payloads[name] = replace(payload, track=track, channels=channels)
    return replace(half_orbit, payloads=payloads)


def _touched(case: _Case, windows: Features) -> int:
    """Bytes of what is read, of the grid and its rows, written and read, and of the windows."""
    grid = make_grid(case.half_orbit, case.profile)
    total = windows.nbytes
    for payload in case.half_orbit.payloads.values():
        track = payload.track
        total += track.time.nbytes + track.latitude.nbytes + track.longitude.nbytes
        total += track.altitude.nbytes
        total += sum(c.values.nbytes + c.valid.nbytes for c in payload.channels.values())
    rows = grid.cell.size * 2 * len(case.profile.observables) * 4
    columns = [getattr(grid, name) for name in Grid.__slots__]
    return total + 2 * (sum(c.nbytes for c in columns if c is not None) + rows)


def _counted(case: _Case) -> int:
    """Operations that the formulas take: 20 for each sine, cosine, root or logarithm."""
    grid = make_grid(case.half_orbit, case.profile)
    total = grid.cell.size * (18 * 20 + 60)
    for observable in case.profile.observables:
        channel = _channel(case.half_orbit, observable)
        size = channel.track.time.size
        if observable.derived:
            # |B|; seven sums of powers, four of products, the fit and its residual.
            total += size * 25 + int(grid.valid[:, -1].sum()) * (38 * 60 + 150)
        else:
            total += size * (25 if observable.transform == "log10" else 5)
    return total + 5 * grid.values.size


def _bytes_a_second() -> float:
    block = np.ones(1 << 25)
    return block.nbytes / least_cpu({"read": lambda: [block.sum()]}, rounds=9)["read"]


def _operations_a_second() -> float:
    square = np.ones((_LONG, _LONG))
    return 2.0 * _LONG**3 / least_cpu({"product": lambda: square @ square}, rounds=20)["product"]
