"""The command ``edge-train describe``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.entry import say


def describe(
    datasets: Annotated[
        list[Path], typer.Argument(help="Folders that edge-train prepare wrote.", metavar="DATASET")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what a reviewer asks of a dataset: counts, balance, coverage, shortcuts.

    Of the test block it counts windows and looks at none. With datasets of two missions it also
    tells how well the masks alone tell the missions apart.
    """
    # pyarrow and scikit-learn take a second to import: no help text waits for them.
    import msgspec

    from trainer.datasets.describe_text import describe_text
    from trainer.datasets.describing import describe_datasets

    found = describe_datasets(datasets)
    if as_json:
        say([msgspec.json.encode(found).decode()])
    else:
        say(describe_text(found))
