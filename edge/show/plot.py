"""A picture of a payload file: where it was taken and what it holds; needs the extra ``report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.arrays import BoolArray, FloatArray, IntArray
from edge.geodesy import dipole_latitude, solar_zenith_angle
from edge.night import DARK_ZENITH_ANGLE_DEG, HIGHEST_DIPOLE_LATITUDE_DEG
from edge.readers.halforbit import SIMULATED, Channel, Payload, Track
from edge.readers.longnames import long_name
from edge.readers.opening import read_payload
from edge.show.coastlines import coastlines
from edge.show.drawing import (
    DARK,
    INK,
    NIGHT,
    broken,
    label_ticks,
    require_matplotlib,
    save_picture,
    track_labels,
    unit_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches.
_WIDTH, _HEAD, _MAP, _LINE, _SPECTRA, _BETWEEN, _FOOT = 10.0, 1.1, 4.5, 1.75, 2.6, 0.45, 0.85
# A picture is about a thousand points wide: finer spectra are averaged before they are drawn.
_MOST_BINS = 256
_MOST_LINES = 9
_LAND, _COAST = "#eef0ec", "#a9b0a4"
_LINES = (
    INK,
    "#c8552b",
    "#3d8b4f",
    "#7b4ba0",
    "#8a6d3b",
    "#c24a86",
    "#5a6572",
    "#9aa11f",
    "#2aa3ad",
)
_ARROW_DEG = 14.0
# A line is not drawn across a gap of more than so many usual steps.
_GAP = 2.5
# Half a turn of what goes round: a line is not drawn across a longer step.
_HALF_TURN = {"deg": 180.0, "h": 12.0}
# Where a payload has the whole field, which changes by less than the width of a line; and
# seconds of the running mean, of which a share must be valid.
_FIELDS = {"HPM_5": "B_FGM", "HPM_6": "A211"}
_MEAN_S = 60.0
_MEAN_SHARE = 0.75


def plot(path: Path, out: Path) -> None:
    """Draw a payload file as PNG.

    Parameters
    ----------
    path : Path
        The payload file.
    out : Path
        The picture; replaced whole.

    Raises
    ------
    InputError
        The file cannot be used.
    ConfigError
        matplotlib is not installed, or the picture cannot be written.

    Notes
    -----
    The same file and the same matplotlib give the same bytes.
    """
    require_matplotlib("plot")
    payload = read_payload(path)
    save_picture(out, lambda figure: _draw(figure, payload))


def _draw(figure: Figure, payload: Payload) -> Figure:
    channels = _channels(payload)
    heights = [_SPECTRA if _is_image(c) else _LINE for c in channels]
    begin = _HEAD + _MAP + 0.95
    total = begin + sum(heights) + _BETWEEN * len(heights) + _FOOT
    figure.set_size_inches(_WIDTH, total)
    figure.set_layout_engine("none")
    _title(figure, payload, total)

    def place(top: float, height: float, width: float = 0.78) -> Axes:
        return figure.add_axes((0.11, 1.0 - (top + height) / total, width, height / total))

    _map(place(_HEAD, _MAP, 0.85), payload.track, payload.name.night_side)
    top = begin
    limits = _latitude_limits(payload.track)
    for k, (channel, height) in enumerate(zip(channels, heights, strict=True)):
        axes = place(top, height)
        _panel(figure, axes, channel)
        axes.set_xlim(*limits)
        if k == len(channels) - 1:
            axes.set_xlabel("geocentric latitude")
            _ticks(axes, payload.track)
        else:
            axes.tick_params(labelbottom=False)
        top += height + _BETWEEN
    return figure


def _channels(payload: Payload) -> list[Channel]:
    """Channels in the file's order, and after the whole field what varies in it."""
    found = []
    for channel in payload.channels.values():
        found.append(channel)
        if channel.name == _FIELDS.get(channel.payload):
            found.append(_variation(channel))
    return found


def _variation(channel: Channel) -> Channel:
    """|B| less its running mean, and that less its own: what is left of a cubic is nothing.

    Once alone would leave the curvature of the main field along the orbit, some 15 nT.
    """
    track = channel.track
    good = channel.valid.reshape(track.time.size, -1).all(axis=1)
    squares = np.square(channel.values.reshape(track.time.size, -1)).sum(axis=1)
    magnitude = np.sqrt(np.where(good, squares, 0.0))
    seconds = (track.time - track.time[0]).astype(np.int64) / 1000.0
    at = seconds[good]
    rows = 2 * round(0.5 * _MEAN_S / track.cadence) + 1
    residual = np.zeros_like(magnitude)
    known = np.zeros_like(good)
    even = np.arange(at[0], at[-1] + 0.5 * track.cadence, track.cadence) if at.size else at
    if even.size >= 2 * rows:
        mean = np.full(rows, 1.0 / rows)
        # 1 - (1 - mean)^2, centred: a filter whose output starts `rows - 1` steps in.
        twice = -np.convolve(mean, mean)
        twice[rows // 2 : rows // 2 + rows] += 2.0 * mean
        trend = np.convolve(np.interp(even, at, magnitude[good]), twice, "valid")
        inner = even[rows - 1 : rows - 1 + trend.size]
        half = 0.5 * _MEAN_S
        near = np.searchsorted(at, seconds + half, "right") - np.searchsorted(at, seconds - half)
        known = good & (seconds >= inner[0]) & (seconds <= inner[-1])
        known &= near >= _MEAN_SHARE * rows
        residual[known] = magnitude[known] - np.interp(seconds[known], inner, trend)
    name = f"|B| less its running mean over {_MEAN_S:.0f} s, twice"
    return Channel(name, channel.payload, channel.unit, residual, known, track)


def _ticks(axes: Axes, track: Track) -> None:
    """Say under each latitude when it was passed, and the local time there."""
    rows = np.flatnonzero(np.isfinite(track.latitude))
    latitude = track.latitude[rows]
    steps = np.diff(latitude)
    if latitude.size < 2 or not ((steps > 0).all() or (steps < 0).all()):
        return
    low, high = sorted(latitude[[0, -1]])
    at = np.array([tick for tick in axes.get_xticks() if low <= tick <= high])
    order = np.argsort(latitude)
    nearest = rows[order[np.searchsorted(latitude[order], at)]]
    labels = track_labels(nearest, track.time, track.latitude, track.longitude)
    lines = [(f"{tick:g}", utc, hours) for tick, (utc, _, hours) in zip(at, labels, strict=True)]
    label_ticks(axes, at, lines, "lat (deg)\nUTC\nLT (h)")


def _title(figure: Figure, payload: Payload, total: float) -> None:
    name = payload.name
    mission = name.satellite
    side = "night" if name.night_side else "day"
    start, end = np.datetime_as_string(payload.track.time[[0, -1]], unit="s")
    figure.text(
        0.5,
        1.0 - 0.28 / total,
        f"{mission} {name.payload}, half-orbit {name.half_orbit} ({name.direction_name}, {side})",
        ha="center",
        va="center",
        fontsize=14,
        color=DARK,
    )
    count = payload.track.time.size
    simulated = f"; {SIMULATED}" if SIMULATED in payload.notes else ""
    figure.text(
        0.5,
        1.0 - 0.56 / total,
        f"{start}Z to {end}Z, {count} records{simulated}",
        ha="center",
        va="center",
        fontsize=11,
        color=DARK,
    )


def _map(axes: Axes, track: Track, night_side: bool) -> None:
    """Draw the track over the whole Earth; a line never crosses the map at +-180 deg."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as MatplotlibPath

    axes.set(xlim=(-180, 180), ylim=(-90, 90))
    axes.set_xticks(range(-180, 181, 30))
    axes.set_yticks(range(-90, 91, 30))
    axes.grid(color="#d5d9de", linewidth=0.7)
    axes.axhline(0.0, color="#b4bac2", linewidth=1.0)
    axes.set(xlabel="longitude (deg)", ylabel="latitude (deg)")
    # One path: lakes, which run the other way round, stay open.
    land = MatplotlibPath.make_compound_path(*map(MatplotlibPath, coastlines()))
    axes.add_patch(PathPatch(land, facecolor=_LAND, edgecolor=_COAST, linewidth=0.5, zorder=0.5))
    known = np.isfinite(track.latitude)
    if not known.any():
        axes.text(0, 5, "no valid position", ha="center", fontsize=12, color=DARK)
        return
    latitude, longitude = track.latitude[known], track.longitude[known]
    night = night_side & _dark_rows(track)[known]
    cuts = np.flatnonzero(np.abs(np.diff(longitude)) > 180.0) + 1
    axes.plot(*broken(cuts, longitude, latitude), color=INK, linewidth=1.8, label="track")
    if night.any():
        shown = (np.where(night, longitude, np.nan), np.where(night, latitude, np.nan))
        label = f"night rows ({int(night.sum())} of {track.time.size})"
        axes.plot(
            *broken(cuts, *shown), color=NIGHT, linewidth=5.0, alpha=0.75, label=label,
            solid_capstyle="butt", zorder=1.9,
        )  # fmt: skip
    axes.plot(longitude[:1], latitude[:1], "o", color=DARK, markersize=6, label="start")
    _arrow(axes, latitude, longitude, cuts)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, fontsize=10, frameon=False,
        borderaxespad=0.2,
    )  # fmt: skip


def _arrow(axes: Axes, latitude: FloatArray, longitude: FloatArray, cuts: IntArray) -> None:
    """Show the direction of flight near the start, on one side of the map's edge."""
    for begin, end in zip([0, *cuts], [*cuts, latitude.size], strict=True):
        lat, lon = latitude[begin:end], longitude[begin:end]
        far = np.flatnonzero(np.hypot(lat - lat[0], lon - lon[0]) > _ARROW_DEG)
        if far.size:
            axes.annotate(
                "", xy=(lon[far[0]], lat[far[0]]), xytext=(lon[0], lat[0]), zorder=4,
                arrowprops={"arrowstyle": "-|>", "color": DARK, "lw": 1.8, "mutation_scale": 20},
            )  # fmt: skip
            return


def _dark_rows(track: Track) -> BoolArray:
    """Rows that the rule ``dark`` takes for night, shape (N,)."""
    zenith = solar_zenith_angle(track.time, track.latitude, track.longitude)
    dipole = dipole_latitude(track.time, track.latitude, track.longitude)
    dark: BoolArray = (zenith > DARK_ZENITH_ANGLE_DEG) & (
        np.abs(dipole) <= HIGHEST_DIPOLE_LATITUDE_DEG
    )
    return dark


def _panel(figure: Figure, axes: Axes, channel: Channel) -> None:
    """Draw one channel against latitude."""
    track = channel.track
    invalid = channel.values.size - int(channel.valid.sum())
    words = long_name(channel.payload, channel.name)
    axes.set_title(
        f"{channel.name}: {words}" if words else channel.name,
        loc="left", fontsize=10.5, color=DARK, pad=4,
    )  # fmt: skip
    if invalid:
        axes.set_title(
            f"{invalid} of {channel.values.size} values not valid",
            loc="right", fontsize=9, color="#a33a2a", pad=4,
        )  # fmt: skip
    axes.grid(color="#e3e6ea", linewidth=0.6)
    axes.tick_params(labelsize=9)
    rows = np.flatnonzero(np.isfinite(track.latitude))
    good = channel.valid[rows]
    if not good.any():
        axes.set_yticks([])
        axes.text(
            0.5, 0.5, "no valid value", ha="center", va="center", transform=axes.transAxes,
            fontsize=11, color=DARK,
        )  # fmt: skip
        return
    steps = np.diff(track.time[rows].astype(np.int64))
    usual = float(np.median(steps)) if steps.size else 0.0
    gaps = np.flatnonzero(steps > _GAP * max(usual, 1000.0 * track.cadence))
    if _is_image(channel):
        _image(figure, axes, channel, rows, gaps)
    else:
        _curves(axes, channel, rows, gaps + 1)


def _curves(axes: Axes, channel: Channel, rows: IntArray, cuts: IntArray) -> None:
    values = np.where(channel.valid, channel.values, np.nan)[rows]
    label = unit_text(channel.unit)
    columns = values.reshape(rows.size, -1)
    if columns.shape[1] > _MOST_LINES:
        columns, label = _root_mean_square(columns), f"RMS of a record\n{label}"
    half_turn = _HALF_TURN.get(channel.unit, np.inf)
    for k in range(columns.shape[1]):
        wraps = np.flatnonzero(np.abs(np.diff(columns[:, k])) > half_turn) + 1
        axes.plot(
            *broken(np.union1d(cuts, wraps), channel.track.latitude[rows], columns[:, k]),
            color=_LINES[k % len(_LINES)], linewidth=1.0, marker=".", markersize=2.0,
            label=f"[{k}]",
        )  # fmt: skip
    if columns.shape[1] > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.005, 0.5), fontsize=8.5, frameon=False)
    if channel.unit in ("m^-3", "cm^-3") or _is_power(channel):
        axes.set_yscale("log")
    else:
        axes.ticklabel_format(axis="y", useOffset=False)
        known = columns[np.isfinite(columns)]
        if known.min() == known.max():
            axes.set_ylim(known[0] - 1.0, known[0] + 1.0)
    axes.margins(y=0.12)
    axes.set_ylabel(label, fontsize=9.5)


def _image(figure: Figure, axes: Axes, channel: Channel, rows: IntArray, gaps: IntArray) -> None:
    """Draw spectra as colours over latitude and frequency."""
    power = channel.values[rows]
    good = channel.valid[rows]
    label = unit_text(channel.unit)
    if not channel.unit.startswith("log("):
        good = good & (power > 0.0)
        power = np.log10(np.where(good, power, 1.0))
        label = f"log10 {label}" if label else "log10"
    power, good = _fewer_bins(power, good)
    edges, y_label = _bin_edges(channel, power.shape[1])
    latitude = channel.track.latitude[rows]
    steps = np.diff(latitude)
    half = 0.5 * (float(np.median(steps)) if steps.size else 1.0)
    # A row reaches half way to its neighbours, but not into a gap.
    left = np.concatenate(([latitude[0] - half], latitude[:-1] + 0.5 * steps))
    right = np.concatenate((latitude[:-1] + 0.5 * steps, [latitude[-1] + half]))
    right[gaps], left[gaps + 1] = latitude[gaps] + half, latitude[gaps + 1] - half
    image: Any = None
    low, high = np.percentile(power[good], (1.0, 99.5)) if good.any() else (0.0, 1.0)
    if not low < high:
        low, high = low - 0.5, high + 0.5
    for begin, end in zip(
        np.concatenate(([0], gaps + 1)), np.concatenate((gaps + 1, [rows.size])), strict=True
    ):
        x = np.concatenate((left[begin:end], right[end - 1 : end]))
        shown = np.where(good[begin:end], power[begin:end], np.nan).T
        image = axes.pcolormesh(x, edges, shown, vmin=low, vmax=high, cmap="viridis")
    axes.set_ylim(edges[0], edges[-1])
    axes.set_ylabel(y_label, fontsize=9.5)
    axes.grid(visible=False)
    box = axes.get_position()
    bar = figure.colorbar(image, cax=figure.add_axes((0.905, box.y0, 0.015, box.height)))
    bar.ax.tick_params(labelsize=8.5)
    bar.set_label(label, fontsize=9)


def _is_image(channel: Channel) -> bool:
    """Whether a channel is spectra; waveforms and vectors are drawn as lines."""
    return channel.values.ndim == 2 and (
        channel.frequency is not None
        or (channel.values.shape[1] > _MOST_LINES and _is_power(channel))
    )


def _is_power(channel: Channel) -> bool:
    return "/Hz" in channel.unit or "keV" in channel.unit.partition("/")[2]


def _bin_edges(channel: Channel, count: int) -> tuple[FloatArray, str]:
    """Edges of the bins that are drawn, shape (count + 1,), and their label."""
    frequency = channel.frequency
    columns = channel.values.shape[1]
    if frequency is None:
        return np.linspace(0.0, columns, count + 1), "bin"
    unit, scale = ("kHz", 1000.0) if frequency[-1] >= 5000.0 else ("Hz", 1.0)
    step = (frequency[-1] - frequency[0]) / max(columns - 1, 1) or 1.0
    low, high = frequency[0] - 0.5 * step, frequency[-1] + 0.5 * step
    return np.linspace(low, high, count + 1) / scale, f"frequency ({unit})"


def _fewer_bins(power: FloatArray, good: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Mean over neighbouring bins, so that no more than `_MOST_BINS` are drawn."""
    columns = power.shape[1]
    if columns <= _MOST_BINS:
        return power, good
    starts = np.linspace(0, columns, _MOST_BINS + 1).astype(int)[:-1]
    count = np.add.reduceat(good.astype(np.int64), starts, axis=1)
    total = np.add.reduceat(np.where(good, power, 0.0), starts, axis=1)
    return total / np.maximum(count, 1), count > 0


def _root_mean_square(values: FloatArray) -> FloatArray:
    """RMS of the valid values of each row, shape (N, 1); NaN where there is none."""
    known = np.isfinite(values)
    count = known.sum(axis=1, keepdims=True)
    total = np.square(np.where(known, values, 0.0)).sum(axis=1, keepdims=True)
    return np.where(count > 0, np.sqrt(total / np.maximum(count, 1)), np.nan)


def _latitude_limits(track: Track) -> tuple[float, float]:
    known = track.latitude[np.isfinite(track.latitude)]
    if not known.size:
        return -90.0, 90.0
    low, high = float(known.min()), float(known.max())
    room = max(0.02 * (high - low), 0.5)
    return low - room, high + room
