"""The commands ``edge-train evaluate`` and ``edge-train compare-bundles``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.entry import complain, say
from edge.errors import ConfigError
from trainer.archives.commands import CORES, WorkersOption, report_failures
from trainer.inputs.commands import StrictOption

_NAME = "edge-train"


def evaluate(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(readable=False, help="Folders of runs; the first is the main model."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", readable=False, help="Folder for report and charts.")
    ] = Path("evaluation"),
    placebo: Annotated[
        list[Path] | None,
        typer.Option(
            readable=False,
            help="Dataset with placebo labels, or run trained on one; may be given again.",
        ),
    ] = None,
    null: Annotated[
        list[Path] | None,
        typer.Option(
            readable=False,
            help="Run on a mission without perturbations; may be given again.",
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(readable=False, help="Scores of the Bayes reference, .npz."),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(readable=False, help="Judge the int8 file that a run was exported to, too."),
    ] = None,
    npz: Annotated[
        list[Path] | None,
        typer.Option(
            readable=False,
            help="In place of runs: the authors' arrays, one file or two (give it again).",
        ),
    ] = None,
    models: Annotated[
        str, typer.Option(help="With --npz: kinds of classifiers, by comma.")
    ] = "seqnetquake,random_forest,lightgbm,logistic",
    trials: Annotated[int, typer.Option(min=1, help="With --npz: trials of each kind.")] = 8,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="With --npz: the arrays are simulated.")
    ] = False,
    alarms: Annotated[
        float, typer.Option(min=0.0, help="Most alarms a night half-orbit, on validation.")
    ] = 0.2,
    half_orbits: Annotated[
        int | None,
        typer.Option(min=1, help="Unselected half-orbits of each block, evenly; all by default."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamplings.")] = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer resamplings, shifts and half-orbits.")
    ] = False,
) -> None:
    """Judge runs on the test block: report.html, report.json and charts.

    Calibration and thresholds come from validation. Each opening of a test block is counted in the
    run's evaluated.json. With --npz the authors' arrays are judged as released and clean.
    """
    # What the command needs is heavy: a help text does not wait for it.
    if bool(npz) == bool(runs):
        raise typer.BadParameter("give either runs or --npz FILE")
    if npz:
        for name, given in (
            ("--placebo", placebo),
            ("--null", null),
            ("--reference", reference),
            ("--bundle", bundle),
        ):
            if given:
                raise typer.BadParameter(f"{name} is for runs, not for --npz")
        try:
            from trainer.research.arrays_run import evaluate_arrays
        except ModuleNotFoundError:
            raise ConfigError("--npz: expected a checkout, which has trainer.research") from None

        kinds = [kind.strip() for kind in models.split(",") if kind.strip()]
        found = evaluate_arrays(
            npz, out, kinds, trials, 200 if quick else 1000, seed, simulated, _tell
        )
        say([found.notice, f"{out}: {len(found.models)} models, as released and clean"])
        return
    if simulated:
        raise typer.BadParameter("--simulated is for --npz; runs say it themselves")
    from dataclasses import replace

    from trainer.evaluation.evaluating import evaluate_runs
    from trainer.evaluation.evaluation_options import Options, quick_form
    from trainer.evaluation.report.data import find

    options = Options(
        alarms=alarms,
        seed=seed,
        reference=reference,
        placebos=tuple(placebo or ()),
        nulls=tuple(null or ()),
        bundle=bundle,
    )
    options = quick_form(options) if quick else options
    if half_orbits is not None:
        options = replace(options, half_orbits=half_orbits)
    report = evaluate_runs(runs or [], out, options, _tell)
    lines = [report.notice]
    for model in report.models:
        area = find(model.matched, "roc_auc")
        assert area is not None
        interval = "" if area.low is None else f" ({area.low:.3f} to {area.high:.3f})"
        value = "not known" if area.value is None else f"{area.value:.3f}{interval}"
        lines.append(f"{model.name}: ROC AUC {value}; test block opened {model.opened} times")
    say([*lines, f"{out}: report.html, report.json"])


def compare_bundles(
    old: Annotated[Path, typer.Argument(readable=False, help="Folder of a bundle.")],
    new: Annotated[Path, typer.Argument(readable=False, help="Folder of the other bundle.")],
    archive: Annotated[
        Path,
        typer.Option(
            "--archive", readable=False, help="Folder of payload files that neither has seen."
        ),
    ],
    catalogue: Annotated[
        Path | None,
        typer.Option(
            "--catalogue",
            readable=False,
            help="Earthquakes, ComCat CSV or QuakeML; of a simulated archive its own by default.",
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            "--recipe", readable=False, help="Of prepare, for cuts and labels of events; TOML."
        ),
    ] = None,
    alarms: Annotated[
        float,
        typer.Option(min=0.0, help="Most alarms a night half-orbit, on the calibration span."),
    ] = 0.2,
    calibration: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=0.95,
            help="Share of the time, the first, to set thresholds; 0: on all that is judged.",
        ),
    ] = 0.4,
    resamples: Annotated[int, typer.Option(min=1, help="Of each interval.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamplings.")] = 0,
    json: Annotated[
        Path | None, typer.Option("--json", readable=False, help="File for all of it, as JSON.")
    ] = None,
    strict: StrictOption = False,
    workers: WorkersOption = CORES,
) -> None:
    """Set two bundles beside each other on one stream: a table of paired numbers.

    Every night half-orbit counts. Each bundle has its own climatology, and gets its own threshold
    for the same rate of alarms from the first part of the time; the rest judges both. A file that
    cannot be used is skipped and named at the end, and the exit code is then 2.
    """
    from edge.bundle import load_bundle
    from edge.outputs import replace_file
    from edge.scoring import Scorer
    from trainer.archives.archive import read_archive, read_simulation
    from trainer.archives.row_stage import find_mission
    from trainer.datasets.labels import read_events
    from trainer.datasets.recipe import DEFAULT_DATASET_RECIPE, find_recipe, read_dataset_recipe
    from trainer.evaluation import bundles
    from trainer.evaluation.bundle_table import Choices, table
    from trainer.evaluation.report.data import encode

    first, second = (Scorer(load_bundle(path)) for path in (old, new))
    labels = read_dataset_recipe(find_recipe(recipe or DEFAULT_DATASET_RECIPE))
    mission = find_mission(archive)
    bundles.require_alike(first, second, mission)
    simulation = read_simulation(archive)
    brought = archive / "catalogue.csv"
    if catalogue is None and simulation is not None and brought.is_file():
        catalogue = brought
    if catalogue is None:
        raise ConfigError(f"{archive.name}: give a catalogue of earthquakes: --catalogue FILE")
    events = read_events(catalogue, labels, strict)
    card = first.bundle.card
    rows = read_archive(archive, mission, card.profile, card.night, workers)
    for scorer in (first, second):
        bundles.require_unseen(scorer.bundle.card, rows, simulation)
    choices = Choices(alarms=alarms, calibration=calibration, resamples=resamples, seed=seed)
    found = bundles.compare_bundles(first, second, rows, events, labels, choices)
    say(table(found))
    if json is not None:
        try:
            replace_file(json, encode(found))
        except OSError as error:
            raise ConfigError(f"--json {json}: {error.strerror or error}") from None
    if rows.failed:
        report_failures({p.name: why for p, why in rows.failed.items()}, "no window is of them")
        raise typer.Exit(2)


def _tell(line: str) -> None:
    complain(_NAME, line)
