"""The command ``edge-train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.entry import Commands, run, say
from trainer.archives.rescore_command import rescore
from trainer.catalogues.command import StrictOption, catalogue
from trainer.datasets.check_command import check
from trainer.datasets.describe_command import describe
from trainer.datasets.prepare_command import prepare
from trainer.evaluation.evaluate_command import evaluate
from trainer.learning.train_commands import finetune, pretrain, train
from trainer.learning.tune_command import tune
from trainer.reproduction.command import reproduce
from trainer.simulate.command import simulate
from trainer.simulate.inject_command import inject
from trainer.simulate.reference_command import reference
from trainer.simulate.strengths_command import strengths

if TYPE_CHECKING:
    from edge.observables import MissionName

_NAME = "edge-train"

app = typer.Typer(
    cls=Commands,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Simulate missions, train a network, export it for the edge. Research only.",
)
for command in (
    simulate,
    inject,
    strengths,
    reference,
    catalogue,
    prepare,
    describe,
    check,
    rescore,
    pretrain,
    finetune,
    train,
    tune,
    evaluate,
    reproduce,
):
    app.command()(command)


def _show_version(asked: bool) -> None:
    if asked:
        from edge.versions import version_line

        say([version_line(_NAME)])
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Take what stands before the command."""


@app.command("train-export")
def train_export(
    demeter: Annotated[
        Path | None, typer.Option(help="DEMETER N1 archive for pretraining; else simulated.")
    ] = None,
    cses: Annotated[
        Path | None, typer.Option(help="CSES Level 2 archive for tuning; else simulated.")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option("--catalogue", help="Earthquakes of the given archives, ComCat or QuakeML."),
    ] = None,
    strict: StrictOption = False,
    indices: Annotated[
        Path | None, typer.Option(help="Kp and F10.7 of the given archives, the file of GFZ.")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="All parameters, TOML; else the one that ships.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the bundle.")] = Path("build/bundle"),
    samples: Annotated[
        Path | None,
        typer.Option(help="Sample half-orbits, if all is simulated; else beside the bundle."),
    ] = None,
    build: Annotated[Path, typer.Option(help="Folder for simulated missions and datasets.")] = Path(
        "build"
    ),
    workers: Annotated[int, typer.Option(min=1, help="Processes that read archives.")] = 2,
) -> None:
    """Train on DEMETER, tune on CSES, quantise to int8 and export a verified bundle.

    A mission without an archive is simulated, and the bundle's card says so.
    """
    # TensorFlow takes seconds to import: neither a help text nor a wrong recipe waits for it.
    from trainer.recipe import DEFAULT_RECIPE, read_recipe

    parameters = read_recipe(recipe or DEFAULT_RECIPE)

    from trainer import pipeline

    archives: dict[MissionName, Path] = {}
    if demeter is not None:
        archives["demeter"] = demeter
    if cses is not None:
        archives["cses"] = cses
    card = pipeline.run(
        parameters,
        pipeline.Options(
            archives=archives,
            catalogue=events,
            indices=indices,
            out=out,
            samples=samples or out.parent / "samples",
            build=build,
            workers=workers,
            strict=strict,
        ),
        typer.echo,
    )
    typer.echo(f"{out}: trained on {card.training.data} data")


def main() -> None:
    """Run ``edge-train``."""
    run(app, _NAME, missing_is_ours=False)


if __name__ == "__main__":
    main()
