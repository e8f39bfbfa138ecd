"""The command ``edge-train evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.entry import complain, say
from edge.errors import ConfigError

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


def _tell(line: str) -> None:
    complain(_NAME, line)
