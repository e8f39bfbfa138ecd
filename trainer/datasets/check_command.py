"""The command ``edge-train check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.entry import say


def check(
    dataset: Annotated[
        Path, typer.Argument(help="Folder that edge-train prepare wrote.", metavar="DATASET")
    ],
) -> None:
    """Look for leaks between the blocks of a dataset, in nothing but its files.

    The first leak ends the command with exit code 2 and one line that names it.
    """
    from trainer.datasets.leaks import check_dataset

    card = check_dataset(dataset)
    matched = card["counts"]["matched"]
    made = "simulated" if card["simulated"] else "real"
    text = ", ".join(f"{n} windows in {name}" for name, n in matched.items())
    say([f"{dataset}: no leak found in {text} ({made} data)"])
