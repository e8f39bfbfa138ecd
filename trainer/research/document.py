"""The page of a reproduction, ``reproduction.md``, and its charts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edge import __version__
from edge.observables import PROFILES
from trainer.datasets.recipe import read_dataset_recipe
from trainer.research.memory.charts import curves_chart, molchan_chart, transfer_chart
from trainer.research.memory.curves import run_curves
from trainer.research.memory.missions import NotDone
from trainer.research.memory.networks import run_networks, run_ranks
from trainer.research.memory.null import lines as null_lines
from trainer.research.memory.null import run_null
from trainer.research.memory.page import (
    goal_lines,
    network_lines,
    rank_lines,
    share_lines,
    transfer_lines,
    tuning_lines,
    years_lines,
)
from trainer.research.memory.profiles import lines as profile_lines
from trainer.research.memory.profiles import run_profiles
from trainer.research.memory.recipe import label_of
from trainer.research.memory.study import Study
from trainer.research.memory.transfer import Transfer
from trainer.research.memory.tuning import run_tuning
from trainer.research.paper.design import Design
from trainer.research.paper.pooled import UnitResult
from trainer.research.paper.tables import NOT_COMPARABLE, PAPER, PaperTables

#: Beside the page: what a person found out about it, in words.
NOTES_SUFFIX = "-notes.md"
_NOT_RUN = ["Not run to its end."]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page and the charts beside it.

    Parameters
    ----------
    text : str
        Markdown.
    charts : dict of str to bytes
        PNG by file name.
    """

    text: str
    charts: dict[str, bytes]


def make_page(
    study: Study, design: Design, results: dict[str, UnitResult], out: Path, quick: bool
) -> Page:
    """Write tables and charts of what is done.

    Parameters
    ----------
    study : Study
    design : Design
    results : dict of str to UnitResult
        Of what ran through native files.
    out : Path
        The page; notes beside it are taken in.
    quick : bool
    """
    recipe, tables = study.recipe, PaperTables(design, results)
    points = _done(lambda: run_curves(study))
    gains = _done(Transfer(study).run)
    ranks, candidates = _done(lambda: run_ranks(study)), _done(lambda: run_networks(study))
    tuned = _done(lambda: run_tuning(study))
    nothing = _done(lambda: run_null(study, recipe.null))
    profiles = _done(lambda: run_profiles(study, recipe.profiles))
    charts = {}
    if points:
        charts["curves"] = curves_chart(recipe, points)
    if gains:
        charts["transfer"] = transfer_chart(recipe, gains)
    if curves := tables.molchan():
        charts["molchan"] = molchan_chart(curves)
    rule = recipe.transfer
    share = [
        "(AUC - 0.5) over (AUC of the reference - 0.5) in %, mean over repetitions; in brackets "
        "the 95 % interval from resampling test clusters, paired with the reference; then the "
        f"least and greatest of one repetition; then whether {100 * recipe.goal:.0f} % are met, "
        "by the interval alone.",
        "",
        *_picture("curves", charts, out, "Share of the reference's skill against clusters"),
    ]
    transfer = [
        f"Pretraining on {rule.pretraining_clusters:,} clusters of DEMETER, so many times the "
        "target's as the ratio says. Gain over direct training on the same clusters, paired: of "
        "AUC the difference, of F1 and MCC in %, and whether +12 % and +29 % are met. A window is "
        "called positive at probability 0.5, for a few clusters can set no threshold: calling "
        "everything positive has F1 0.667 and MCC 0. Epochs were chosen on other clusters.",
        "",
        *_picture("transfer", charts, out, "Gain by transfer against target clusters"),
    ]
    parts: list[tuple[str, list[str]]] = [
        (
            "Share of the reference's skill",
            share + (share_lines(recipe, points) if points else _NOT_RUN),
        ),
        (
            f"The goal: {100 * recipe.goal:.0f} % with {recipe.ranked_clusters} clusters",
            goal_lines(recipe, points) if points else _NOT_RUN,
        ),
        (
            "Missions of some years, with the clusters and the climatology of that time",
            years_lines(recipe, points, {y: study.level(label_of(y)) for y in recipe.years})
            if points
            else _NOT_RUN,
        ),
        (
            f"All classifiers with {recipe.ranked_clusters} clusters",
            rank_lines(ranks) if ranks else _NOT_RUN,
        ),
        (
            "Which network: gain in share over single ones of SeqNetQuake, points",
            network_lines(candidates, network_flops(study)) if candidates else _NOT_RUN,
        ),
        (
            f"Search of parameters at {recipe.tuning.strength}, {recipe.tuning.trials} trials each",
            tuning_lines(tuned) if tuned else _NOT_RUN,
        ),
        (
            f"Transfer at {rule.strength}",
            transfer + (transfer_lines(recipe, gains) if gains else _NOT_RUN),
        ),
        (
            "Where there is nothing to find, in memory",
            null_lines(nothing) if nothing else _NOT_RUN,
        ),
        (
            "Plasma, waves and both",
            profile_lines(profiles) if profiles else _NOT_RUN,
        ),
        (
            "Through native files: the same, with the files' defects",
            tables.check(),
        ),
        ("Where no skill may be, through native files", tables.nothing()),
        (
            "Forward in time: every window of unselected half-orbits",
            [
                "SeqNetQuake; the threshold gives 0.2 alarms a night half-orbit on validation. "
                "`alarmed share` is that of windows; an area skill score of 0.5 is that of a map "
                "of earlier earthquakes.",
                "",
                *_picture("molchan", charts, out, "Molchan diagram"),
                *tables.stream(),
            ],
        ),
        (f"Ablations of direct training ({design.recipe.main_label})", tables.ablations()),
    ]
    lines = [*_head(study, design, quick)]
    notes = out.with_name(out.stem + NOTES_SUFFIX)
    if notes.is_file():
        lines += ["", notes.read_text(encoding="utf-8").strip()]
    for title, body in parts:
        lines += ["", f"## {title}", "", *body]
    return Page(
        text="\n".join(lines) + "\n",
        charts={f"{out.stem}-{name}.png": content for name, content in charts.items()},
    )


def network_flops(study: Study) -> dict[str, float]:
    """Give the operations of a window of each network, by the names that the tables use."""
    from trainer.models.flops import flops
    from trainer.models.networks import PARAMETERS, build_network
    from trainer.research.paper.work import recipe_of

    length = read_dataset_recipe().windows.length
    columns = 2 * len(PROFILES[study.main.plan.profile].names)
    seeds = study.recipe.networks.seeds
    found: dict[str, float] = {}
    for name in study.recipe.networks.kinds:
        recipe = recipe_of(name)
        parameters = msgspec.convert(recipe.parameters, PARAMETERS[recipe.kind])
        one = float(flops(build_network(parameters, length, columns)))
        found |= {
            name: one,
            f"{name} taught by {seeds}": one,
            f"mean of {seeds} {name}": seeds * one,
        }
    return found


def _head(study: Study, design: Design, quick: bool) -> list[str]:
    command = "make reproduce QUICK=1" if quick else "make reproduce"
    rule = design.recipe.cses
    strengths = ", ".join(f"{k} {v:g}" for k, v in design.strengths.items())
    return [
        f"# What a network finds on simulated missions ({'quick' if quick else 'full'} form)",
        "",
        f"Made by `{command}` (`edge-train reproduce`), version {__version__}. **Everything is "
        "simulated: missions, earthquakes and the perturbations before them, which no real "
        "earthquake is known to cause.** Research only, never for the protection of life or "
        f"property. In the {NOT_COMPARABLE}: F1 and MCC of direct training "
        f"{' and '.join(PAPER['direct'])}, with transfer {' and '.join(PAPER['transfer'])}, of "
        f"the second-best {' and '.join(PAPER['second'])}; nothing here confirms or refutes them.",
        "",
        *(f"- {one}" for one in study.about()),
        f"- Through native files: CSES-01, {rule.days} days from {rule.start}, repetitions "
        f"{', '.join(map(str, design.recipe.seeds))}; repetition "
        f"{design.recipe.development_seed} served to choose parameters, and is in no table.",
        f"- Strengths, standard deviations of the background, fixed by `edge-train strengths` "
        f"before any training: {strengths}.",
    ]


def _done(work: Callable[[], Any]) -> Any:
    """Give what is done, or None."""
    try:
        return work()
    except NotDone:
        return None


def _picture(name: str, charts: dict[str, bytes], out: Path, words: str) -> list[str]:
    return [f"![{words}]({out.stem}-{name}.png)", ""] if name in charts else []
