"""Table and chart of the studies in memory."""

from __future__ import annotations

import io

from edge.bundle import Metric
from trainer.research.memory.curves import Point
from trainer.research.memory.study import StudyRecipe
from trainer.research.memory.transfer import METRICS, Gain

_COLOURS = {"nearest": "#c8552b", "interpolated": "#1f5fa8", "exact": "#30343b"}
_MARKERS = {"seqnetquake": "o", "cnn": "s", "logistic": "^"}
_DPI = 110
#: Wanted of transfer with few clusters: the relative gains of Xiong et al. 2021 on real data.
WANTED = {"f1": 0.12, "mcc": 0.29}


def page(recipe: StudyRecipe, points: list[Point], gains: list[Gain], about: list[str]) -> str:
    """Write the tables.

    Parameters
    ----------
    recipe : StudyRecipe
    points : list of Point
    gains : list of Gain
    about : list of str
        Sizes and approximations, a sentence each.

    Returns
    -------
    str
        Markdown.
    """
    lines = [
        "# Studies in memory: how much data a network needs",
        "",
        "**Everything is simulated: missions, earthquakes and the perturbations before them, which "
        "no real earthquake is known to cause.**",
        "",
        *(f"- {one}" for one in about),
        "",
        "## Share of the reference's skill",
        "",
        "(AUC - 0.5) over (AUC of the reference - 0.5) in %, mean over repetitions; in brackets "
        "the 95 % interval from resampling test clusters, paired with the reference. Where there "
        "is more than one repetition, the least and greatest share of one follow. A goal of "
        f"{100 * recipe.goal:.0f} % is met, missed or undecided by the interval.",
        "",
    ]
    sizes = recipe.clusters
    heads = [f"{n:,} clusters" for n in sizes]
    lines += [
        f"| strength | climatology | classifier | {' | '.join(heads)} |",
        "|" + "---|" * (3 + len(sizes)),
    ]
    known = {(p.strength, p.form, p.kind, p.clusters): p for p in points}
    for strength, form, kind in dict.fromkeys((p.strength, p.form, p.kind) for p in points):
        cells = [_cell(known[strength, form, kind, n]) for n in sizes]
        lines.append(f"| {strength} | {form} | {kind} | {' | '.join(cells)} |")
    lines += ["", *_transfer(recipe, gains)]
    return "\n".join(lines) + "\n"


def _cell(point: Point) -> str:
    spread = (
        ""
        if point.least == point.greatest
        else (f"; {100 * point.least:.1f} to {100 * point.greatest:.1f}")
    )
    return f"{_percent(point.share)}{spread}; {point.verdict}"


def _percent(metric: Metric) -> str:
    return f"{100 * metric.value:.1f} ({100 * metric.low:.1f} to {100 * metric.high:.1f})"


def _transfer(recipe: StudyRecipe, gains: list[Gain]) -> list[str]:
    rule = recipe.transfer
    lines = [
        f"## Transfer at {rule.strength}, climatology {rule.form}",
        "",
        f"Pretraining on {rule.pretraining_clusters:,} clusters of DEMETER, so many times the "
        "target's as the ratio says. Value, and in brackets difference to direct training on the "
        "same clusters with its 95 % interval; of F1 and MCC the relative difference in %, with "
        f"its interval, and whether +{100 * WANTED['f1']:.0f} % and +{100 * WANTED['mcc']:.0f} % "
        "are met. Windows are called positive at probability 0.5, for a few clusters can set no "
        "threshold: calling everything positive has F1 0.667 and MCC 0. How many epochs a way of "
        "training takes was chosen on other clusters of the training block, by validation.",
        "",
        "| target clusters | ratio | training | ROC AUC | F1 | MCC |",
        "|---|---|---|---|---|---|",
    ]
    known = {(g.clusters, g.way, g.metric): g for g in gains}
    for clusters, way in dict.fromkeys((g.clusters, g.way) for g in gains):
        cells = [_gain(known[clusters, way, metric]) for metric in METRICS]
        ratio = rule.pretraining_clusters / clusters
        lines.append(f"| {clusters} | {ratio:.3g} | {way} | {' | '.join(cells)} |")
    return lines


def _gain(gain: Gain) -> str:
    value, d, r = gain.value.value, gain.difference, gain.relative
    if d.low == d.high == 0.0:
        return f"{value:.3f}"
    text = f"{value:.3f} ({d.value:+.3f}, {d.low:+.3f} to {d.high:+.3f})"
    if gain.metric not in WANTED:
        return text
    wanted = WANTED[gain.metric]
    call = "met" if r.low >= wanted else "missed" if r.high < wanted else "undecided"
    return f"{text}; {100 * r.value:+.0f} % ({100 * r.low:+.0f} to {100 * r.high:+.0f}), {call}"


def chart(recipe: StudyRecipe, points: list[Point]) -> bytes:
    """Draw the learning curves of all strengths, PNG."""
    # No pyplot: it holds every figure, and looks for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(3.6 * len(recipe.strengths) + 1.0, 4.2), dpi=_DPI, layout="constrained"
    )
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(recipe.strengths), sharey=True, squeeze=False)[0]
    for axes, strength in zip(panels, recipe.strengths, strict=True):
        mine = [p for p in points if p.strength == strength]
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
        axes.axhline(100 * recipe.goal, color="#888888", linewidth=0.8, linestyle="--")
        axes.set_xscale("log")
        axes.set_xticks(recipe.clusters, [f"{n:,}" for n in recipe.clusters])
        axes.minorticks_off()
        axes.set_title(strength, fontsize="medium")
        axes.set_xlabel("training clusters")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("share of the reference's skill, %")
    panels[-1].legend(frameon=False, fontsize="x-small")
    figure.suptitle("Learning curves by form of climatology, all simulated", fontsize="medium")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": ""})
    return picture.getvalue()
