"""The page of a reproduction: ``reproduction.md``."""

from __future__ import annotations

from pathlib import Path

from edge import __version__
from trainer.research.paper.design import Design
from trainer.research.paper.pooled import UnitResult, count
from trainer.research.paper.tables import MAIN_TRANSFER, NOT_COMPARABLE, PAPER, PaperTables

#: Beside the page: what a person found out about it, in words.
NOTES_SUFFIX = "-notes.md"


def write_page(
    design: Design, results: dict[str, UnitResult], units: int, out: Path, quick: bool
) -> str:
    """Give the text of the page.

    Parameters
    ----------
    design : Design
    results : dict of str to UnitResult
        What is done.
    units : int
        How many there are to do.
    out : Path
        The page; notes beside it are taken in.
    quick : bool

    Returns
    -------
    str
        Markdown.
    """
    tables = PaperTables(design, results)
    recipe = design.recipe
    seconds = sum(float(r.facts["seconds"]) for r in results.values())
    main = tables.units("classifiers", recipe.main_label)
    form = "quick form" if quick else "full form"
    command = "make reproduce QUICK=1" if quick else "make reproduce"
    strengths = {
        name: ", ".join(f"{k} {v:g}" for k, v in design.strengths[f"{name}.plasma"].items())
        for name in ("cses", "demeter")
    }
    lines = [
        f"# The paper's tables on simulated missions ({form})",
        "",
        f"Made by `{command}` (`edge-train reproduce`), version {__version__}. **Everything is "
        "simulated: missions, earthquakes and the perturbations before them, which no real "
        "earthquake is known to cause.** The numbers of the paper stand in columns of their own, "
        f"marked *{NOT_COMPARABLE}*: they are of real data, and neither confirmed nor refuted by "
        "anything on this page. Research only, never for the protection of life or property.",
        "",
        f"{len(results)} of {units} units are done; together they took {seconds / 3600.0:.1f} h of "
        f"one processor, simulation of the missions not counted. {len(recipe.seeds)} repetitions, "
        "each with missions, earthquakes and weights of its own. A number is the mean over the "
        "repetitions; in brackets the 95 % interval from resampling whole earthquake clusters, "
        "with their matched controls, within each repetition. Differences are paired: the same "
        "clusters are drawn for both models.",
        "",
        f"- CSES-01: {recipe.cses.days} days from {recipe.cses.start}, DEMETER: "
        f"{recipe.demeter.days} days from {recipe.demeter.start}; {recipe.cses.events_per_day:g} "
        "events of M >= 5 a day. Half-orbits that serve to train on alone are thinned "
        "(`trainer/recipes/reproduction.toml`).",
        f"- Strengths in standard deviations, fixed by `edge-train strengths` before any training: "
        f"CSES {strengths['cses']}; DEMETER {strengths['demeter']}.",
        "- What was chosen about the classifiers was chosen on missions of their own "
        f"(repetition {recipe.development_seed}), which are in no table. Weights are chosen on the "
        "validation block, calibration (two parameters) too; F1 (binary, of the positive class) "
        "and MCC are at a calibrated score of 0.5. Controls are one a positive, so calling "
        "everything positive has F1 0.667 and MCC 0.",
        f"- Transfer is pretraining on DEMETER, then tuning on CSES; `{MAIN_TRANSFER}` stands for "
        "it where one number is given, fixed beforehand.",
    ]
    if main:
        sizes = ", ".join(
            f"{part} {count(sum(r.facts[f'{part}_windows'] for r in main))} windows of "
            f"{count(sum(r.facts[f'{part}_clusters'] for r in main))} clusters"
            for part in ("train", "validation", "test")
        )
        pre = sum(r.facts.get("pretraining_windows", 0) for r in main)
        names = sorted({r.facts["reference"] for r in main if "reference" in r.facts})
        rough = sorted({a for r in main for a in r.facts.get("reference_approximations", [])})
        lines.append(
            f"- At {recipe.main_label}, all repetitions together: {sizes}; pretraining on "
            f"{count(pre)} windows."
        )
        lines.append(
            f"- The reference is a {', '.join(names)}: it knows the simulator and the strength, "
            "and sees the same values and masks. It is no ceiling where it approximates: "
            f"{'; '.join(rough)}."
        )
    sections = [
        ("Against the reference, by strength", tables.strengths()),
        ("Classifiers", tables.classifiers()),
        ("Transfer against direct training", tables.transfer()),
        (f"How much CSES data there is ({recipe.main_label})", tables.curve()),
        (f"Ablations of direct training ({recipe.main_label})", tables.ablations()),
        ("Where no skill may be", tables.nothing()),
        ("Forward in time: every window of unselected half-orbits", tables.stream()),
    ]
    for title, body in sections:
        lines += ["", f"## {title}", "", *body]
    lines += [
        "",
        "Of the last table: SeqNetQuake with transfer; the threshold gives 0.2 alarms a night "
        "half-orbit on validation. Means over the repetitions, in brackets their least and "
        "greatest. `alarmed share` is that of windows; the area skill score is 0.5 for a model "
        "that does as well as a map of earlier earthquakes.",
        "",
        f"The paper's headline, {NOT_COMPARABLE}: direct training F1 {PAPER['direct'][0]}, MCC "
        f"{PAPER['direct'][1]}; transfer F1 {PAPER['transfer'][0]}, MCC {PAPER['transfer'][1]}; "
        f"the second-best classifier F1 {PAPER['second'][0]}, MCC {PAPER['second'][1]}.",
    ]
    notes = out.with_name(out.stem + NOTES_SUFFIX)
    if notes.is_file():
        lines += ["", notes.read_text(encoding="utf-8").strip()]
    return "\n".join(lines) + "\n"
