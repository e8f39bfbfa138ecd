"""Charts of the studies in memory, PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from trainer.research.memory.curves import Point
from trainer.research.memory.recipe import StudyRecipe
from trainer.research.memory.transfer import DIRECT, Gain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {"nearest": "#c8552b", "interpolated": "#1f5fa8", "exact": "#30343b"}
_MARKERS = {"seqnetquake": "o", "cnn": "s", "logistic": "^"}
_WAYS = {
    "not tuned": "#999999",
    "frozen": "#c9a227",
    "gradual": "#c8552b",
    "full": "#2f8f5b",
    "joint": "#1f5fa8",
}
_DPI = 100
_GOAL = "#888888"


def curves_chart(recipe: StudyRecipe, points: list[Point]) -> bytes:
    """Draw the share of the reference's skill against the number of training clusters.

    Parameters
    ----------
    recipe : StudyRecipe
    points : list of Point
        Those of the main mission are drawn.
    """
    figure, panels = _panels(recipe.strengths)
    for axes, strength in zip(panels, recipe.strengths, strict=True):
        mine = [
            p
            for p in points
            if (p.strength, p.mission) == (strength, recipe.main) and p.clusters in recipe.clusters
        ]
        for kind, form in dict.fromkeys((p.kind, p.form) for p in mine):
            line = [p for p in mine if (p.kind, p.form) == (kind, form)]
            main = kind == "seqnetquake"
            share = [100 * p.share.value for p in line]
            low = [100 * (p.share.value - p.share.low) for p in line]
            high = [100 * (p.share.high - p.share.value) for p in line]
            axes.errorbar(
                [p.clusters for p in line],
                share,
                yerr=[low, high] if main else None,
                color=_COLOURS[form],
                marker=_MARKERS.get(kind, "x"),
                markersize=4,
                linewidth=1.6 if main else 0.7,
                linestyle="-" if main else ":",
                capsize=2,
                label=f"{kind}, {form}",
            )
        axes.axhline(100 * recipe.goal, color=_GOAL, linewidth=0.8, linestyle="--")
        _clusters(axes, recipe.clusters)
        axes.set_title(strength, fontsize="medium")
    panels[0].set_ylabel("share of the reference's skill, %")
    panels[-1].legend(frameon=False, fontsize="x-small")
    figure.suptitle("Learning curves by form of climatology, all simulated", fontsize="medium")
    return _png(figure)


def transfer_chart(recipe: StudyRecipe, gains: list[Gain]) -> bytes:
    """Draw the gain over direct training against the number of target clusters.

    Parameters
    ----------
    recipe : StudyRecipe
    gains : list of Gain
    """
    shown = {"roc_auc": "ROC AUC", "mcc": "MCC"}
    figure, panels = _panels(list(shown))
    for axes, (metric, name) in zip(panels, shown.items(), strict=True):
        mine = [g for g in gains if g.metric == metric and g.way != DIRECT]
        for number, way in enumerate(dict.fromkeys(g.way for g in mine)):
            line = [g for g in mine if g.way == way]
            # A little apart, so that no interval hides another.
            axes.errorbar(
                [g.clusters * 1.04 ** (number - 2) for g in line],
                [g.difference.value for g in line],
                yerr=[
                    [g.difference.value - g.difference.low for g in line],
                    [g.difference.high - g.difference.value for g in line],
                ],
                color=_WAYS.get(way, "#30343b"),
                marker="o",
                markersize=4,
                capsize=2,
                label=way,
            )
        axes.axhline(0.0, color=_GOAL, linewidth=0.8, linestyle="--")
        _clusters(axes, recipe.transfer.clusters)
        axes.set_title(f"{name} over direct training", fontsize="medium")
    panels[-1].legend(frameon=False, fontsize="x-small")
    title = f"Transfer from DEMETER to CSES-01 at {recipe.transfer.strength}, all simulated"
    figure.suptitle(title, fontsize="medium")
    return _png(figure)


def molchan_chart(curves: list[tuple[str, list[float], list[float]]]) -> bytes:
    """Draw Molchan's diagram.

    Parameters
    ----------
    curves : list of (str, list of float, list of float)
        Name, share of space-time alarmed, miss rate.
    """
    figure, panels = _panels(["molchan"])
    axes = panels[0]
    for name, alarmed, missed in curves:
        axes.plot(alarmed, missed, label=name)
    axes.plot([0, 1], [1, 0], color=_GOAL, linewidth=0.8, linestyle="--", label="seismicity alone")
    axes.set_xlabel("share of space-time alarmed, by seismicity")
    axes.set_ylabel("share of events missed")
    axes.legend(frameon=False, fontsize="x-small")
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle("Molchan diagram, all simulated", fontsize="medium")
    return _png(figure)


def _panels(names: list[str]) -> tuple[Figure, Any]:
    # No pyplot: it holds every figure, and looks for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(names) + 1.0, 3.8), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    share = len(names) > 2
    return figure, figure.subplots(1, len(names), sharey=share, squeeze=False)[0]


def _clusters(axes: Any, clusters: list[int]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(clusters, [f"{n:,}" for n in clusters])
    axes.minorticks_off()
    axes.set_xlabel("training clusters")
    axes.spines[["top", "right"]].set_visible(False)


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": ""})
    return picture.getvalue()
