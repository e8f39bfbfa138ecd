"""Charts of an evaluation as PNG: curves, reliability, Molchan diagram, map, differences, placebos.

Every chart reads without colour too: lines differ in dashes and markers. The colours are those of
Okabe and Ito, which the colour-blind tell apart.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from edge.show.coastlines import coastlines
from trainer.evaluation.report.data import Estimate, ModelResult, Report, find
from trainer.evaluation.report.words import LABELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_DASHES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_CHANCE = "#767676"
_DPI = 130

_Place = Literal["upper right", "upper left", "lower left", "lower right"]


def draw_charts(report: Report) -> dict[str, bytes]:
    """Draw every chart for which the report has numbers.

    Returns
    -------
    dict of str to bytes
        PNG by file name.
    """
    from matplotlib import rc_context

    charts: dict[str, Callable[[Report], Figure | None]] = {
        "roc.png": _roc,
        "precision_recall.png": _precision_recall,
        "reliability.png": _reliability,
        "molchan.png": _molchan,
        "map.png": _map,
        "paired.png": _paired,
        "placebo.png": _placebo,
    }
    # A name with dollar signs is no formula.
    with rc_context({"text.parse_math": False}):
        drawn = {name: draw(report) for name, draw in charts.items()}
        return {name: png(figure) for name, figure in drawn.items() if figure is not None}


def png(figure: Figure) -> bytes:
    """Give the bytes of a figure; the same figure gives the same bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def new_figure(title: str, simulated: bool, height: float = 4.6) -> tuple[Figure, Axes]:
    """Make a figure with one panel; its title says what is simulated.

    Parameters
    ----------
    title : str
    simulated : bool
    height : float, optional
        Inches, of 6.4 in width.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    # Centred over the figure: long names beside the panel move it, and would push a title out.
    figure.suptitle(f"{title}\n(simulated data)" if simulated else title, fontsize=12)
    axes.grid(color="#e3e6ea", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def _style(place: int) -> dict[str, object]:
    return {
        "color": _COLOURS[place % len(_COLOURS)],
        "linestyle": _DASHES[place % len(_DASHES)],
        "linewidth": 2.0,
    }


def _short(name: str, most: int = 26) -> str:
    """Cut a name that would leave the chart no room."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _named(model: ModelResult, number: Estimate | None) -> str:
    if number is None or number.value is None:
        return _short(model.name)
    return f"{_short(model.name)} ({number.value:.3f})"


def _unit_square(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel=x, ylabel=y)


def _legend(axes: Axes, place: _Place, entries: int) -> None:
    axes.legend(loc=place, fontsize=9 if entries < 7 else 7.5, framealpha=0.92)


def _roc(report: Report) -> Figure:
    figure, axes = new_figure("ROC curve, matched test windows", report.simulated)
    for place, model in enumerate(report.models):
        label = _named(model, find(model.matched, "roc_auc"))
        axes.plot(model.roc.x, model.roc.y, label=label, **_style(place))  # type: ignore[arg-type]
    axes.plot([0, 1], [0, 1], color=_CHANCE, linewidth=1.2, label="chance (0.500)")
    _unit_square(axes, "false alarm rate: share of controls called positive",
                 "recall: share of positives found")  # fmt: skip
    _legend(axes, "lower right", len(report.models))
    return figure


def _precision_recall(report: Report) -> Figure:
    figure, axes = new_figure("Precision and recall, matched test windows", report.simulated)
    for place, model in enumerate(report.models):
        label = _named(model, find(model.matched, "pr_auc"))
        curve = model.precision_recall
        axes.plot(curve.x, curve.y, label=label, **_style(place))  # type: ignore[arg-type]
    sample = report.sample
    if sample.windows:
        share = sample.positives / sample.windows
        axes.axhline(share, color=_CHANCE, linewidth=1.2, label=f"chance ({share:.3f})")
    _unit_square(axes, "recall: share of positives found",
                 "precision: share of calls that are right")  # fmt: skip
    _legend(axes, "lower left", len(report.models))
    return figure


def _reliability(report: Report) -> Figure:
    figure, axes = new_figure("Reliability, matched test windows", report.simulated)
    axes.plot([0, 1], [0, 1], color=_CHANCE, linewidth=1.2, label="perfect")
    for place, model in enumerate(report.models):
        bins = model.reliability
        if not bins:
            continue
        x, y = [b.score for b in bins], [b.share for b in bins]
        style = _style(place)
        marker = _MARKERS[place % len(_MARKERS)]
        axes.plot(x, y, label=_short(model.name), marker=marker, markersize=5, **style)  # type: ignore[arg-type]
        if model.name == report.main:
            low = [b.share if b.low is None else b.low for b in bins]
            high = [b.share if b.high is None else b.high for b in bins]
            axes.vlines(x, low, high, color=str(style["color"]), linewidth=1.0)
    _unit_square(axes, "mean calibrated score of the windows",
                 "share of positives among them")  # fmt: skip
    _legend(axes, "upper left", len(report.models))
    return figure


def _molchan(report: Report) -> Figure | None:
    shown = [
        (place, m, m.stream.molchan)
        for place, m in enumerate(report.models)
        if m.stream is not None and m.stream.molchan is not None
    ]
    if not shown:
        return None
    figure, axes = new_figure("Molchan diagram, all windows of the test block", report.simulated)
    for place, model, curve in shown:
        assert model.stream is not None
        label = _named(model, find(model.stream.estimates, "area_skill_score"))
        axes.plot(curve.x, curve.y, label=label, **_style(place))  # type: ignore[arg-type]
    axes.plot([0, 1], [1, 0], color=_CHANCE, linewidth=1.2, label="seismicity alone (0.500)")
    _unit_square(axes, "share of space-time alarmed, weighted by the seismicity reference",
                 "miss rate: share of events passed, not alarmed")  # fmt: skip
    axes.text(0.02, 0.02, "better", fontsize=9, color=_CHANCE)
    _legend(axes, "upper right", len(shown))
    return figure


def _map(report: Report) -> Figure | None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    stream = next((m.stream for m in report.models if m.name == report.main), None)
    if stream is None or not stream.epicentres:
        return None
    title = f"Test block: epicentres, and alarms of {_short(report.main)}"
    figure, axes = new_figure(title, report.simulated, 4.7)
    axes.set(xlim=(-180, 180), ylim=(-90, 90), aspect="equal")
    axes.set(xticks=range(-180, 181, 60), yticks=range(-90, 91, 30))
    axes.set(xlabel="longitude (deg)", ylabel="latitude (deg)")
    # One path: lakes, which run the other way round, stay open.
    land = Path.make_compound_path(*map(Path, coastlines()))
    axes.add_patch(PathPatch(land, facecolor="#eeece4", edgecolor="#908b7c", linewidth=0.5))
    if stream.alarms:
        label = f"alarm ({len(stream.alarms)})"
        latitude, longitude = zip(*stream.alarms, strict=True)
        axes.plot(longitude, latitude, "+", color="#000000", markersize=5, alpha=0.6, label=label)
    for alarmed, name, face, edge in (
        (None, "no window", "none", "#767676"),
        (False, "missed", "none", "#D55E00"),
        (True, "alarmed", "#0072B2", "#0072B2"),
    ):
        some = [e for e in stream.epicentres if e.alarmed is alarmed]
        x, y = [e.longitude for e in some], [e.latitude for e in some]
        sizes, label = [_area(e.magnitude) for e in some] or 40.0, f"{name} ({len(some)})"
        axes.scatter(x, y, sizes, facecolor=face, edgecolor=edge, label=label, alpha=0.85, zorder=3)
    for magnitude in (5, 6, 7):
        size = _area(magnitude)
        axes.scatter([], [], size, facecolor="none", edgecolor="#000000", label=f"M {magnitude}")
    figure.legend(loc="outside lower center", ncols=4, fontsize=9)
    return figure


def _area(magnitude: float) -> float:
    """Area of a marker, points squared: four times as large for each magnitude."""
    return float(min(12.0 * 4.0 ** (magnitude - 5.0), 400.0))


def _paired(report: Report) -> Figure | None:
    pairs = [p for p in report.pairs if p.with_main and p.difference.value is not None]
    if not pairs:
        return None
    figure, axes = new_figure(
        f"{_short(report.main)} less each other model, same events",
        report.simulated,
        max(2.4, 1.5 + 0.34 * len(pairs)),
    )
    for place, pair in enumerate(pairs):
        d = pair.difference
        assert d.value is not None
        colour = _COLOURS[place % len(_COLOURS)]
        if d.low is not None and d.high is not None:
            axes.hlines(-place, d.low, d.high, color=colour, linewidth=2.2)
        axes.plot([d.value], [-place], _MARKERS[place % len(_MARKERS)], color=colour, markersize=7)
    axes.axvline(0.0, color=_CHANCE, linewidth=1.2)
    axes.set_yticks(
        [-i for i in range(len(pairs))], [f"{_short(p.second)}: {LABELS[p.metric]}" for p in pairs]
    )
    axes.set_ylim(-len(pairs) + 0.4, 0.6)
    text = "difference with 95 % interval; right of 0: the main model is better"
    figure.supxlabel(text, fontsize=10)
    return figure


def _placebo(report: Report) -> Figure | None:
    from matplotlib.ticker import MaxNLocator

    main = next((m for m in report.models if m.name == report.main), None)
    found = [p for p in main.placebos if len(p.values) > 1] if main is not None else []
    if not found:
        return None
    shown = found[0]
    figure, axes = new_figure(
        f"{_short(report.main)}: true labels against placebos", report.simulated
    )
    axes.hist(shown.values, bins=20, color="#56B4E9", edgecolor="white", label=_short(shown.name))
    if shown.real is not None:
        axes.axvline(shown.real, color="#D55E00", linewidth=2.4, label=f"true ({shown.real:.3f})")
    axes.axvline(0.5, color=_CHANCE, linestyle="--", linewidth=1.2, label="chance (0.500)")
    axes.set(xlabel="ROC AUC over unselected test windows", ylabel="number of placebos")
    axes.margins(y=0.25)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes, "upper right", 3)
    return figure
