"""The command ``edge-train inject``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainer.catalogues.command import StrictOption


def inject(
    archive: Annotated[Path, typer.Argument(help="Folder of native files; it is only read.")],
    catalogue: Annotated[
        Path, typer.Option(help="Earthquakes, ComCat CSV or QuakeML; its mainshocks count.")
    ],
    strength: Annotated[float, typer.Option(help="Standard deviations; 0 changes nothing.")],
    out: Annotated[Path, typer.Option(help="Folder for the copy with perturbations.")],
    mission: Annotated[
        str, typer.Option(help="cses or demeter; by default every file that is there.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Of what is drawn for each event.")] = 0,
    min_magnitude: Annotated[float, typer.Option(help="Smaller events are left out.")] = 5.0,
    max_depth: Annotated[float, typer.Option(help="Deeper events are left out, km.")] = 40.0,
    strict: StrictOption = False,
) -> None:
    """Copy an archive with simulated perturbations before the mainshocks of a catalogue.

    For the smallest amplitude that can be found in real data. OUT contains simulated
    perturbations and says so in every changed file; no real earthquake is known to cause any.
    """
    # Imported here, so that a help text needs no h5py.
    from edge.entry import complain
    from trainer.errors import TrainError
    from trainer.simulate.inject import CATALOGUE_FILE, inject_archive

    if mission not in ("", "cses", "demeter"):
        raise TrainError(f"mission is {mission!r}; valid is cses or demeter")
    summary = inject_archive(
        archive,
        catalogue,
        strength,
        out,
        mission or None,  # type: ignore[arg-type]
        seed,
        min_magnitude,
        max_depth,
        lambda line: complain("edge-train", line),
        strict,
    )
    typer.echo(
        f"{out}: contains simulated perturbations: {summary.injected} before events, in "
        f"{summary.changed} of {summary.files} files"
        + (f" ({summary.kept} from an earlier run)" if summary.kept else "")
    )
    typer.echo(f"{out}: {CATALOGUE_FILE} is {catalogue.name}, the catalogue that was injected")
    if summary.failed:
        raise typer.Exit(2)
