"""Tables of the studies in memory, as lines of Markdown."""

from __future__ import annotations

from typing import Any

from edge.bundle import Metric
from trainer.research.memory.curves import Point, verdict
from trainer.research.memory.networks import Candidate, Rank
from trainer.research.memory.recipe import StudyRecipe, label_of
from trainer.research.memory.transfer import METRICS, Gain
from trainer.research.memory.tuning import Tuned
from trainer.research.paper.pooled import table

#: Wanted of transfer with few clusters: the relative gains of Xiong et al. 2021 on real data.
WANTED = {"f1": 0.12, "mcc": 0.29}


def percent(metric: Metric, sign: str = "") -> str:
    """Write a share in %, with its interval."""
    value, low, high = (100.0 * v for v in (metric.value, metric.low, metric.high))
    return f"{value:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


def share_lines(recipe: StudyRecipe, points: list[Point]) -> list[str]:
    """Give the share of the reference's skill, by strength, climatology and size.

    Parameters
    ----------
    recipe : StudyRecipe
    points : list of Point
    """
    known = {(p.mission, p.strength, p.form, p.kind, p.clusters): p for p in points}
    rows = []
    for strength, form, kind in dict.fromkeys(
        (p.strength, p.form, p.kind) for p in points if p.mission == recipe.main
    ):
        cells = [_cell(known[recipe.main, strength, form, kind, n]) for n in recipe.clusters]
        rows.append([strength, form, kind, *cells])
    heads = [f"{n:,} clusters" for n in recipe.clusters]
    return table(["strength", "climatology", "classifier", *heads], rows)


def years_lines(recipe: StudyRecipe, points: list[Point], levels: dict[str, float]) -> list[str]:
    """Give the same for missions of some years, with the clusters that those give.

    Parameters
    ----------
    recipe : StudyRecipe
    points : list of Point
    levels : dict of str to float
        Of each length in years, as `Study.level` has it.
    """
    known = {
        (p.mission, p.strength, p.kind, p.clusters): p for p in points if p.form == recipe.form
    }
    sizes = {years: recipe.clusters_of(years) for years in recipe.years}
    rows = [["log Ne in the test year, spreads", "", *(f"{levels[years]:+.2f}" for years in sizes)]]
    for strength in recipe.strengths:
        for kind in recipe.repetitions:
            cells = [_cell(known[label_of(y), strength, kind, n]) for y, n in sizes.items()]
            rows.append([strength, kind, *cells])
    heads = [f"years: {years}, clusters: {n}" for years, n in sizes.items()]
    return table(["strength", "classifier", *heads], rows)


def goal_lines(recipe: StudyRecipe, points: list[Point]) -> list[str]:
    """Call the goals of the share met, missed or undecided."""
    lines = []
    for p in points:
        size = p.clusters == recipe.ranked_clusters and p.mission == recipe.main
        if size and p.kind == "seqnetquake" and p.form == recipe.form:
            least = verdict(p.share, recipe.least_share)
            lines.append(
                f"- {p.strength}: {percent(p.share)} %; {100 * recipe.goal:.0f} % or more "
                f"{p.verdict}, {100 * recipe.least_share:.0f} % or more {least}."
            )
    return lines


def rank_lines(ranks: list[Rank]) -> list[str]:
    """Give shares and ranks of all classifiers."""
    strengths = list(dict.fromkeys(r.strength for r in ranks))
    known = {(r.kind, r.strength): r for r in ranks}
    rows = []
    for kind in dict.fromkeys(r.kind for r in ranks):
        row = [kind]
        for strength in strengths:
            one = known[kind, strength]
            rank = f"{one.rank.value:.0f} ({one.rank.low:.0f} to {one.rank.high:.0f})"
            row += [percent(one.share), f"{rank}, {one.verdict}" if kind == "seqnetquake" else rank]
        rows.append(row)
    heads = [h for s in strengths for h in (f"{s}: share, %", "rank")]
    return table(["classifier", *heads], rows)


def network_lines(candidates: list[Candidate], flops: dict[str, float]) -> list[str]:
    """Give what each network that could ship gains over single ones of SeqNetQuake.

    Parameters
    ----------
    candidates : list of Candidate
    flops : dict of str to float
        Of a window, by name.
    """
    strengths = list(dict.fromkeys((c.strength, c.clusters) for c in candidates))
    known = {(c.name, c.strength, c.clusters): c for c in candidates}
    rows = []
    for name in dict.fromkeys(c.name for c in candidates):
        cells = [known[name, *one] for one in strengths]
        cost = f"{flops[name] / 1e6:.2f}" if name in flops else ""
        shown = [percent(c.share) if name == "seqnetquake" else percent(c.gain, "+") for c in cells]
        rows.append([name, cost, *shown])
    heads = [f"{strength}, {clusters} clusters" for strength, clusters in strengths]
    return table(["network", "MFLOP a window", *heads], rows)


def tuning_lines(tuned: list[Tuned]) -> list[str]:
    """Give what the search found beside what ships."""
    rows = []
    for one in tuned:
        found = ", ".join(f"{k} {_short(v)}" for k, v in one.found.items())
        rows.append([one.kind, f"{one.shipped:.3f}", f"{one.best:.3f}", found])
    heads = ["classifier", "PR AUC of validation: shipped", "best", "parameters of the best"]
    return table(heads, rows)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return " / ".join(f"{v:g}" for v in value.values())
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def transfer_lines(recipe: StudyRecipe, gains: list[Gain]) -> list[str]:
    """Give what transfer adds to direct training on the same clusters."""
    known = {(g.clusters, g.way, g.metric): g for g in gains}
    rows = []
    for clusters, way in dict.fromkeys((g.clusters, g.way) for g in gains):
        cells = [_gain(known[clusters, way, metric], way) for metric in METRICS]
        ratio = recipe.transfer.pretraining_clusters / clusters
        rows.append([f"{clusters} (1:{ratio:.3g})", way, *cells])
    return table(["target clusters (ratio)", "training", "ROC AUC", "F1", "MCC"], rows)


def _cell(point: Point) -> str:
    spread = ""
    if point.least != point.greatest:
        spread = f"; {100 * point.least:.0f} to {100 * point.greatest:.0f}"
    return f"{percent(point.share)}{spread}; {point.verdict}"


def _gain(gain: Gain, way: str) -> str:
    value, d, r = gain.value, gain.difference, gain.relative
    if way == "direct":
        return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"
    if gain.metric not in WANTED:
        return f"{d.value:+.3f} ({d.low:+.3f} to {d.high:+.3f})"
    call = verdict(r, WANTED[gain.metric])
    return f"{100 * r.value:+.0f} % ({100 * r.low:+.0f} to {100 * r.high:+.0f}), {call}"
