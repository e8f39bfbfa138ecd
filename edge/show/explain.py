"""Why a half-orbit has its scores: its observables against their climatology, and what each does.

The picture needs the extra ``report``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.arrays import BoolArray, FloatArray
from edge.errors import ConfigError
from edge.grid import Grid, make_grid
from edge.inbox import path_of
from edge.ledger import Ledger, ledger_of
from edge.night import night_rows
from edge.observables import B_RMS_SPAN_S, MissionName, Observable
from edge.readers.halforbit import SIMULATED, HalfOrbit
from edge.readers.longnames import long_name
from edge.results import Alarm, ScoredHalfOrbit, WindowScore
from edge.show.drawing import (
    ALARM,
    DARK,
    INK,
    NIGHT,
    broken,
    label_ticks,
    save_picture,
    track_labels,
    unit_text,
)
from edge.show.report import activity, alarm_line, summary_line, training_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from edge.scoring import Scorer

# Inches.
_WIDTH, _HEAD, _PANEL, _BETWEEN, _FOOT = 10.0, 1.0, 1.7, 0.42, 0.7
# Minutes between ticks, of which no more are drawn than fit.
_TICK_MINUTES = (1, 2, 5, 10, 20)
_MOST_TICKS = 9
_TITLE: Any = {"fontsize": 10, "color": DARK, "pad": 3}
_NOTE: Any = {"fontsize": 9, "color": DARK, "pad": 3}
_DERIVED = {"b_rms": f"RMS of |B| about a cubic fit over {B_RMS_SPAN_S:.0f} s"}
_BAND, _OUTSIDE = "#9db7d5", "#eceef1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What hiding one observable does.

    Attributes
    ----------
    valid : float
        Share of the peak window's rows that have it; 0 where there was nothing to hide.
    score : float or None
        Of the peak window without it; None where nothing is left to score.
    highest : float or None
        Of all windows without it.
    over : int
        Windows at or above the threshold without it.
    """

    name: str
    valid: float
    score: float | None
    highest: float | None
    over: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Explanation:
    """A scored half-orbit with all that a picture of it shows.

    Attributes
    ----------
    observables : tuple of Observable
        The F of the profile.
    grid : Grid
        N rows.
    night : ndarray of bool, shape (N,)
    median, spread : ndarray, shape (N, F)
        The climatology along the track, in the units of the transformed observables; NaN
        where it is not night.
    peak : WindowScore or None
        That of the alarm asked for, else the one with the highest score; None where none was
        scored.
    hidden : list of Hidden
        One for each observable that the mission has.
    simulated : bool
        Whether a file says of itself that it was simulated.
    alarm : Alarm or None
        The one that was asked for.
    """

    scored: ScoredHalfOrbit
    mission: MissionName
    observables: tuple[Observable, ...]
    length: int
    grid: Grid
    night: BoolArray
    median: FloatArray
    spread: FloatArray
    peak: WindowScore | None
    hidden: list[Hidden]
    simulated: bool
    alarm: Alarm | None = None


def files_in_inbox(out: Path, inbox: Path, key: str) -> list[Path]:
    """Find the files of a half-orbit by what a stream has recorded.

    Parameters
    ----------
    out : Path
        The stream's folder of results and ledger.
    key : str
        Of the half-orbit.

    Returns
    -------
    list of Path
        Those that still lie in the inbox, and that the stream had a use for.

    Raises
    ------
    ConfigError
        There is no ledger, it does not know the half-orbit, or all of its files are gone.
    """
    path = ledger_of(out)
    with Ledger(path) as ledger:
        recorded = [f.path for f in ledger.files_of(key) if f.status != "ignored"]
    if not recorded:
        raise ConfigError(f"output folder {out.name}: expected a half-orbit of its, got {key}")
    found = [file for name in recorded if (file := path_of(inbox, name)).exists()]
    if not found:
        raise ConfigError(
            f"inbox {inbox.name}: expected a file of {key} such as {recorded[0]}, got none of "
            f"{len(recorded)}"
        )
    return found


def split_alarm(text: str) -> tuple[str, str]:
    """Part ``<half-orbit>@<time>``, an alarm's name, into the two; a half-orbit has no time."""
    key, _, time = text.partition("@")
    return key, time


def explain(scorer: Scorer, half_orbit: HalfOrbit, alarm: str = "") -> Explanation:
    """Score a half-orbit as it is, and without each of its observables.

    Parameters
    ----------
    half_orbit : HalfOrbit
        As `scorer.read` gives it, with at least one payload.
    alarm : str, optional
        Time of the alarm, as the results and ``alarms.jsonl`` name it, whose peak window is
        looked at.

    Raises
    ------
    ConfigError
        The half-orbit has no such alarm.

    Notes
    -----
    An observable is hidden by masking it, as a payload that failed is; training drops observables
    at random, so the model knows such windows. What two observables say together, hiding one of
    them does not show.
    """
    scored = scorer.score(half_orbit)
    profile, mission = scorer.bundle.profile, half_orbit.mission
    grid = make_grid(half_orbit, profile)
    night = night_rows(grid, half_orbit.night_side, scorer.night)
    median, spread = scorer.climatology.along(grid, mission)
    # It was fitted on night rows, and elsewhere says nothing of this place.
    median[~night] = np.nan
    known = [w for w in scored.windows if w.score is not None]
    peak = max(known, key=lambda w: w.score or 0.0, default=None)
    chosen = next((a for a in scored.alarms if a.time == alarm), None)
    if chosen is not None:
        peak = next(w for w in known if w.time == chosen.time)
    elif alarm:
        times = ", ".join(a.time for a in scored.alarms) or "no alarm"
        raise ConfigError(f"{half_orbit.key}: expected the time of an alarm ({times}), got {alarm}")
    return Explanation(
        scored=scored,
        mission=mission,
        observables=profile.observables,
        length=scorer.bundle.card.length,
        grid=grid,
        night=night,
        median=median,
        spread=spread,
        peak=peak,
        hidden=[]
        if peak is None
        else [
            _hide(scorer, half_orbit, grid, column, peak)
            for column, there in enumerate(profile.available(mission))
            if there
        ],
        simulated=any(SIMULATED in p.notes for p in half_orbit.payloads.values()),
        alarm=chosen,
    )


def _hide(
    scorer: Scorer, half_orbit: HalfOrbit, grid: Grid, column: int, peak: WindowScore
) -> Hidden:
    valid = grid.valid.copy()
    valid[:, column] = False
    # What is left counts however little it is: the question is what the model makes of it.
    windows = scorer.score_grid(half_orbit, replace(grid, valid=valid), minimum_coverage=0.0)
    length = scorer.bundle.card.length
    first = _row(grid, peak.time) - length // 2
    return Hidden(
        name=scorer.bundle.profile.names[column],
        valid=float(grid.valid[first : first + length, column].mean()),
        score=next(w.score for w in windows if w.time == peak.time),
        highest=max((w.score for w in windows if w.score is not None), default=None),
        over=sum(w.verdict == "alarm" for w in windows),
    )


def _row(grid: Grid, stamp: str) -> int:
    return int(np.searchsorted(grid.time, np.datetime64(stamp.removesuffix("Z"), "ms")))


def explanation_lines(found: Explanation) -> Iterator[str]:
    """Say in words what the scores hang on."""
    summary, peak = found.scored.summary, found.peak
    yield summary_line(summary)
    yield from map(alarm_line, found.scored.alarms)
    if peak is None or peak.score is None:
        yield "no window was scored, so there is nothing to explain"
    else:
        over = sum(w.verdict == "alarm" for w in found.scored.windows)
        what = "highest score" if found.alarm is None else "peak of the alarm"
        yield (
            f"{what} {peak.score:.4f} at {peak.time}, lat {peak.latitude:.2f} lon "
            f"{peak.longitude:.2f}, {activity(peak)}; {over} windows at or above the threshold "
            f"{summary.threshold:.4f}"
        )
        yield (
            f"{'without':<20} {'valid':>6} {'score there':>11} {'change':>8} {'highest':>8} "
            f"{'over':>5}"
        )
        for h in found.hidden:
            # Adding zero turns -0.0 into 0.0.
            change = "-" if h.score is None else f"{round(h.score - peak.score, 4) + 0.0:+.4f}"
            yield (
                f"{h.name:<20} {h.valid:>6.0%} {_number(h.score):>11} {change:>8} "
                f"{_number(h.highest):>8} {h.over:>5}"
            )
    yield training_line(summary.trained_on)


def _number(score: float | None) -> str:
    return "-" if score is None else f"{score:.4f}"


def draw_explanation(found: Explanation, out: Path) -> None:
    """Draw a half-orbit against its climatology, with scores and alarms below, as PNG.

    Parameters
    ----------
    out : Path
        Replaced whole.

    Raises
    ------
    ConfigError
        The picture cannot be written.
    """
    save_picture(out, lambda figure: _draw(figure, found))


def _draw(figure: Figure, found: Explanation) -> None:
    columns = [k for k, o in enumerate(found.observables) if found.mission in o.sources]
    total = _HEAD + (len(columns) + 1) * (_PANEL + _BETWEEN) + _FOOT
    figure.set_size_inches(_WIDTH, total)
    figure.set_layout_engine("none")
    _title(figure, found, total)
    minutes = _minutes(found, found.grid.time)
    for k, column in enumerate([*columns, None]):
        top = _HEAD + k * (_PANEL + _BETWEEN)
        axes = figure.add_axes((0.11, 1.0 - (top + _PANEL) / total, 0.86, _PANEL / total))
        axes.grid(color="#e3e6ea", linewidth=0.6)
        axes.tick_params(labelsize=9)
        _shade(axes, found, minutes)
        if column is None:
            _scores(axes, found)
        else:
            _observable(axes, found, column, minutes)
        axes.set_xlim(minutes[0], minutes[-1] if minutes.size > 1 else minutes[0] + 1.0)
        _ticks(axes, found, minutes, labelled=column is None)
        if k == 0:
            axes.legend(
                loc="lower right", bbox_to_anchor=(1.0, 1.12), ncols=4, fontsize=9, frameon=False,
                borderaxespad=0.1,
            )  # fmt: skip


def _minutes(found: Explanation, time: object) -> FloatArray:
    """Minutes since the half-orbit's first row."""
    since = (np.asarray(time, "datetime64[ms]") - found.grid.time[0]).astype(np.int64)
    result: FloatArray = since / 60_000.0
    return result


def _title(figure: Figure, found: Explanation, total: float) -> None:
    s = found.scored.summary
    asked = f", alarm of {found.alarm.time}" if found.alarm is not None else ""
    simulated = f"; {SIMULATED}" if found.simulated else ""
    field = f", {activity(found.peak)}" if found.peak is not None else ""
    lines = (
        (0.14, 13, DARK, f"{s.half_orbit} ({s.side} side){asked}"),
        (0.34, 9.5, DARK, f"{s.start} to {s.end}, payloads {', '.join(s.payloads)}{simulated}"),
        (0.5, 9.5, DARK, f"model {s.bundle}{field}"),
        (total - 0.16, 8.5, ALARM, training_line(s.trained_on)),
    )
    for below, size, colour, text in lines:
        figure.text(
            0.5, 1.0 - below / total, text, ha="center", va="center", fontsize=size, color=colour
        )


def _shade(axes: Axes, found: Explanation, minutes: FloatArray) -> None:
    """Mark what is not night, and the rows of all windows of each alarm."""
    half = 0.5 * (minutes[1] - minutes[0]) if minutes.size > 1 else 0.5
    edges = np.flatnonzero(np.diff(np.concatenate(([False], ~found.night, [False]))))
    for k, (begin, end) in enumerate(edges.reshape(-1, 2)):
        axes.axvspan(
            minutes[begin] - half, minutes[end - 1] + half, color=_OUTSIDE, linewidth=0, zorder=0,
            label="not night by the rule" if k == 0 else None,
        )  # fmt: skip
    for k, alarm in enumerate(found.scored.alarms):
        first = _row(found.grid, alarm.start) - found.length // 2
        last = _row(found.grid, alarm.end) - found.length // 2 + found.length - 1
        axes.axvspan(
            minutes[first] - half, minutes[last] + half, color=ALARM, alpha=0.15, linewidth=0,
            label="rows of an alarm" if k == 0 else None,
        )  # fmt: skip


def _observable(axes: Axes, found: Explanation, column: int, minutes: FloatArray) -> None:
    observable = found.observables[column]
    source = observable.sources[found.mission]
    words = _DERIVED.get(observable.derived) or long_name(source.payloads[0], source.channel)
    axes.set_title(
        f"{observable.name}: {words}" if words else observable.name,
        loc="left",
        **_TITLE,
    )
    peak = found.peak
    for hidden in found.hidden:
        if hidden.name == observable.name and peak is not None:
            axes.set_title(
                f"without it: score {_number(hidden.score)} in place of {_number(peak.score)}, "
                f"{hidden.over} windows over"
                if hidden.valid
                else "masked in the window with the highest score",
                loc="right",
                **_NOTE,
            )
    unit = unit_text(observable.unit)
    axes.set_ylabel(f"log10({unit})" if observable.transform == "log10" else unit, fontsize=9)
    median, spread = found.median[:, column], found.spread[:, column]
    axes.fill_between(
        minutes, median - spread, median + spread, color=_BAND, alpha=0.55, linewidth=0,
        label="climatology: median and spread",
    )  # fmt: skip
    axes.plot(minutes, median, color=_BAND, linewidth=1.2)
    valid = found.grid.valid[:, column]
    axes.plot(
        minutes, np.where(valid, found.grid.values[:, column], np.nan),
        color=INK, linewidth=0.9, marker=".", markersize=2.0, label="observed",
    )  # fmt: skip
    if not valid.any():
        axes.text(
            0.5, 0.5, "no valid value", ha="center", va="center", transform=axes.transAxes,
            fontsize=11, color=DARK,
        )  # fmt: skip
    axes.margins(y=0.08)


def _scores(axes: Axes, found: Explanation) -> None:
    windows, summary = found.scored.windows, found.scored.summary
    alarms = f"{summary.alarms} alarm{'' if summary.alarms == 1 else 's'}"
    insufficient = f"{summary.insufficient} of {summary.windows} windows insufficient"
    threshold = f"threshold {summary.threshold:.3f}"
    axes.set_title("score of the window about each time", loc="left", **_TITLE)
    axes.set_title(f"{threshold}; {alarms}; {insufficient}", loc="right", **_NOTE)
    axes.set(ylim=(-0.04, 1.04))
    axes.set_ylabel("score", fontsize=9)
    axes.axhline(summary.threshold, color=ALARM, linewidth=1.0, linestyle="--")
    if not windows:
        text = "no night windows" if summary.side == "night" else "day side, no night windows"
        axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=DARK)
        return
    at = _minutes(found, [w.time.removesuffix("Z") for w in windows])
    score = np.array([np.nan if w.score is None else w.score for w in windows])
    step = (found.grid.time[1] - found.grid.time[0]).astype(np.int64) / 60_000.0
    cuts = np.flatnonzero(np.diff(at) > 1.5 * step) + 1
    axes.plot(*broken(cuts, at, score), color=NIGHT, linewidth=1.4)
    masked = np.isnan(score)
    if found.alarm is not None:
        axes.plot(
            _minutes(found, [found.alarm.time.removesuffix("Z")]),
            [found.alarm.peak],
            "v",
            color=ALARM,
        )
    axes.plot(at[masked], np.zeros(int(masked.sum())), "|", color=DARK, markersize=4)


def _ticks(axes: Axes, found: Explanation, minutes: FloatArray, *, labelled: bool) -> None:
    """Put ticks at whole minutes, with UTC, latitude and local time under the last panel."""
    grid = found.grid
    every = next((m for m in _TICK_MINUTES if minutes[-1] / m < _MOST_TICKS), 60)
    of_day = (grid.time - grid.time[0].astype("datetime64[D]")).astype(np.int64) // 60_000
    rows = np.flatnonzero((np.diff(of_day, prepend=of_day[:1]) > 0) & (of_day % every == 0))
    if not rows.size:
        rows = np.zeros(1, dtype=np.int64)
    axes.set_xticks(minutes[rows])
    if not labelled:
        axes.tick_params(labelbottom=False)
        return
    labels = track_labels(rows, grid.time, grid.latitude, grid.longitude)
    lines = [(utc[:5], latitude, hours) for utc, latitude, hours in labels]
    label_ticks(axes, minutes[rows], lines, "UTC\nlat (deg)\nLT (h)")
