"""The command ``edge-train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.entry import run
from trainer.simulate.command import simulate

if TYPE_CHECKING:
    from edge.observables import MissionName

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Simulate missions, train a network, export it for the edge. Research only.",
)
app.command()(simulate)


@app.command("train-export")
def train_export(
    demeter: Annotated[
        Path | None, typer.Option(help="DEMETER N1 archive for pretraining; else simulated.")
    ] = None,
    cses: Annotated[
        Path | None, typer.Option(help="CSES Level 2 archive for tuning; else simulated.")
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="Earthquakes of the given archives, ComCat CSV or .gz.")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="All parameters, TOML; else the one that ships.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the bundle.")] = Path("models/plasma"),
    samples: Annotated[
        Path, typer.Option(help="Folder of sample half-orbits; written if all is simulated.")
    ] = Path("models/samples"),
    build: Annotated[Path, typer.Option(help="Folder for simulated missions.")] = Path("build"),
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
        parameters, pipeline.Options(archives, catalogue, out, samples, build, workers), typer.echo
    )
    typer.echo(f"{out}: trained on {card.training.data} data")


def main() -> None:
    """Run ``edge-train``."""
    run(app, "edge-train")


if __name__ == "__main__":
    main()
