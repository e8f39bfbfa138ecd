"""What the commands that read archives have in common: options, and the tale of what failed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge.entry import complain, say
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


def rescore(
    archive: Annotated[Path, typer.Argument(readable=False, help="Folder of payload files.")],
    bundle: Annotated[
        Path, typer.Option("--bundle", readable=False, help="Folder of the model bundle.")
    ],
    out: Annotated[
        Path, typer.Option("--out", readable=False, help="Folder for results and the ledger.")
    ],
    workers: WorkersOption = CORES,
    scheduler: SchedulerOption = None,
    memory_limit: MemoryOption = MEMORY_LIMIT,
) -> None:
    """Score every night half-orbit of an archive with a bundle, as edge-score stream does.

    The results are the same files, with the same ledger: interrupted, it goes on where it was. A
    file that cannot be used is skipped and named at the end, and the exit code is then 2.
    """
    from edge.bundle import profile_and_fingerprint
    from edge.show.report import training_line
    from trainer.archives.cluster import check_cluster, connect
    from trainer.archives.rescore import rescore_archive
    from trainer.archives.row_stage import find_missions
    from trainer.common.files import hold_output

    # Before any folder is made: a call that is wrong leaves nothing behind.
    find_missions(archive)
    profile_and_fingerprint(bundle)
    check_cluster(scheduler, memory_limit)
    with hold_output(out, out, NAME):
        found = rescore_archive(
            archive, bundle, out, lambda: connect(workers, scheduler, memory_limit)
        )
    say(
        [
            f"{found.scored} half-orbits scored, {found.before} were before; "
            f"{found.windows} windows, {found.insufficient} of them insufficient; "
            f"{found.empty} half-orbits without a sufficient window; {found.alarms} alarms; "
            f"{len(found.problems)} failed"
        ]
    )
    from edge.bundle import load_card

    say([training_line("simulated" if load_card(bundle).simulated else "real")])
    if found.problems:
        for message in found.problems[:MOST_TOLD]:
            complain(NAME, message)
        count = len(found.problems)
        complain(NAME, f"{count} problem{'s' if count != 1 else ''}; all are in the ledger")
        raise typer.Exit(2)
