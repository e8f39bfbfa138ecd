"""The command ``edge-train export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.entry import say


def export(
    run: Annotated[
        Path, typer.Argument(readable=False, help="Folder of a run that evaluate has judged.")
    ],
    out: Annotated[
        Path, typer.Option("--out", readable=False, help="Folder of the bundle.")
    ] = Path("bundle"),
    name: Annotated[
        str | None, typer.Option("--name", help="Of the bundle; the profile's by default.")
    ] = None,
    radius: Annotated[
        float, typer.Option("--radius", min=1.0, max=20_000.0, help="Of an alarm, km.")
    ] = 150.0,
    duration: Annotated[
        float, typer.Option("--duration", min=0.0, max=10_000.0, help="Of an alarm, hours.")
    ] = 48.0,
    no_float32: Annotated[
        bool,
        typer.Option("--no-float32", help="Leave the float32 file out; its parity stays told."),
    ] = False,
) -> None:
    """Quantise the network of a run and write the bundle that a station runs.

    Calibration, threshold and metrics are those that evaluate decided and found; the test block is
    not opened again. A file that does not score as the network did is refused.
    """
    from edge.bundle import AlarmRule
    from trainer.export.exporting import export_run
    from trainer.training.run_folder import read_run

    if name is None:
        name = read_run(run).profile
    export_run(run, out, name, AlarmRule(radius, duration), not no_float32, tell=_say)


def _say(line: str) -> None:
    say([line])
