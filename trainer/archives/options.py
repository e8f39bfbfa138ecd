"""What the commands that read archives have in common: options, and the tale of what failed."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from edge.entry import complain
from trainer.archives.cluster import DEFAULT_MEMORY_LIMIT

NAME = "edge-train"
#: Failures that are told one by one; the others are counted.
MOST_TOLD = 5
#: Default of `MemoryOption`.
MEMORY_LIMIT = DEFAULT_MEMORY_LIMIT

WorkersOption = Annotated[
    int, typer.Option("--workers", min=1, help="Processes on this computer; as many as cores.")
]
SchedulerOption = Annotated[
    str | None,
    typer.Option("--scheduler", help="Address of a running dask scheduler, tcp://host:port."),
]
MemoryOption = Annotated[
    str, typer.Option("--memory-limit", help="Memory of each process on this computer.")
]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def report_failures(failed: dict[str, str], where: str) -> None:
    """Write on standard error how many files failed, and the reasons of the first few.

    Parameters
    ----------
    failed : dict of str to str
        Files with the reason.
    where : str
        Says where the others are found.
    """
    sys.stdout.flush()
    for reason in list(failed.values())[:MOST_TOLD]:
        complain(NAME, reason)
    count = len(failed)
    complain(NAME, f"{count} file{'s' if count != 1 else ''} skipped; {where}")
