"""The command ``edge-train rescore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.entry import complain, say
from trainer.archives.options import (
    CORES,
    MEMORY_LIMIT,
    MOST_TOLD,
    NAME,
    MemoryOption,
    SchedulerOption,
    WorkersOption,
)


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
    from edge.report import training_line
    from trainer.archives.cluster import check_cluster, connect
    from trainer.archives.holding import hold_output
    from trainer.archives.rescore import rescore_archive
    from trainer.archives.row_stage import find_missions

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
