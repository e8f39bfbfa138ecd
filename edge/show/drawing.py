"""What pictures share: the file, colours, broken lines, ticks along the track.

Needs the extra ``report``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge.arrays import FloatArray, IntArray, TimeArray
from edge.errors import ConfigError
from edge.geodesy import local_time
from edge.outputs import replace_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DARK, INK, NIGHT, ALARM = "#30343b", "#1f5fa8", "#e08a1e", "#a33a2a"
DPI = 110


def require_matplotlib(command: str) -> None:
    """Say in one line that a command lacks matplotlib.

    Raises
    ------
    ConfigError
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise ConfigError(
            f"matplotlib is not installed: {command} needs the extra 'report' of seqnetquake-edge"
        ) from None


def save_picture(out: Path, draw: Callable[[Figure], object]) -> None:
    """Draw on an empty figure and replace a PNG with it.

    Raises
    ------
    ConfigError
        The picture cannot be written.

    Notes
    -----
    The same drawing and the same matplotlib give the same bytes.
    """
    import matplotlib.style as style
    from matplotlib.figure import Figure

    content = io.BytesIO()
    # A person's own matplotlib settings must not change the bytes.
    with style.context("default"):
        figure = Figure()
        draw(figure)
        figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    try:
        replace_file(out, content.getvalue())
    except OSError as error:
        raise ConfigError(f"{out.name}: cannot be written: {error.strerror or error}") from None


def broken(cuts: IntArray, *series: FloatArray) -> list[FloatArray]:
    """Series with a NaN before each row of `cuts`, where a line must break."""
    return [np.insert(s, cuts, np.nan) for s in series]


def track_labels(
    rows: IntArray, time: TimeArray, latitude: FloatArray, longitude: FloatArray
) -> list[tuple[str, str, str]]:
    """Say when and where rows of a track are, for the ticks of an axis.

    Parameters
    ----------
    rows : ndarray of int64, shape (k,)
    time, latitude, longitude : ndarray, shape (N,)
        UTC, degrees, degrees.

    Returns
    -------
    list of (str, str, str)
        UTC, latitude in degrees and local time in hours; the latter two empty where the position
        is not known.
    """
    clock = np.datetime_as_string(time[rows], unit="s")
    hours = local_time(time[rows], longitude[rows])
    return [
        (utc[11:], f"{lat:.1f}", f"{lt:.2f}") if np.isfinite(lat) else (utc[11:], "", "")
        for utc, lat, lt in zip(clock, latitude[rows], hours, strict=True)
    ]


def label_ticks(axes: Axes, at: FloatArray, lines: Sequence[tuple[str, ...]], names: str) -> None:
    """Put several lines under each tick of the horizontal axis, and their names left of them."""
    axes.set_xticks(at, ["\n".join(line) for line in lines])
    axes.annotate(
        names, xy=(0.0, 0.0), xycoords="axes fraction", xytext=(-14, -5.5), va="top", ha="right",
        textcoords="offset points", fontsize=9, color=DARK,
    )  # fmt: skip


def unit_text(unit: str) -> str:
    """Write a unit with raised exponents; empty where there is none."""
    if unit in ("none", "-"):
        return ""
    return re.sub(r"\^(-?[0-9.]+)", r"$^{\1}$", unit)
