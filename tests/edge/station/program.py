"""Run edge-score as a process of its own, with faults of the station put in.

Environment: ``STATION_CLOCK``, seconds that the clock of attempts is ahead; ``STATION_TRACE``, a
file that tells whoever kills this process what it is at; ``STATION_KILL``,
phase, number of its entry and seconds after which it is killed; ``STATION_FAULTS``, words out of
`FAULTS`.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edge import cli, ledger, outputs, plan, stream
from edge.show import page
from edge.station import diary, hooks

PHASES = (
    *("start", "scan", "imports", "reading", "scoring", "writing", "ledger"),
    *("alarms", "telling", "status", "page"),
)
# What these write, and look up, is theirs.
OUTER = PHASES.index("alarms")
FAULTS = ("flock:ENOLCK", "flock:EOPNOTSUPP", "fsync:EINVAL", "fsync:ENOSPC:alarms.jsonl")


def trace(path: Path) -> None:
    """Keep the phase in the first byte of a file, and how often each was entered in the others."""
    with path.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), 0)
    aim, count, delay = os.environ.get("STATION_KILL", "none 0 0").split()
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))

    def enter(phase: str) -> int:
        before, number = shared[0], PHASES.index(phase)
        shared[1 + number] = min(shared[1 + number] + 1, 255)
        shared[0] = before if before >= OUTER else number
        if phase == aim and shared[1 + number] == int(count):
            signal.setitimer(signal.ITIMER_REAL, max(float(delay), 1e-6))
        return before

    def wrap(owner: Any, name: str, phase: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def call(*values: Any, **named: Any) -> Any:
            before = enter(phase)
            try:
                return original(*values, **named)
            finally:
                shared[0] = before

        setattr(owner, name, call)

    build, due = cli.load_scorer, plan.Planner.due

    def scorer(*arguments: Any) -> Any:
        before = enter("imports")
        from edge.scoring import Scorer

        wrap(Scorer, "read", "reading")
        wrap(Scorer, "score", "scoring")
        made = build(*arguments)
        shared[0] = before
        return made

    def scan(self: plan.Planner, known: ledger.Ledger) -> Iterator[Any]:
        enter("scan")
        yield from due(self, known)

    cli.load_scorer, plan.Planner.due = scorer, scan  # type: ignore[assignment, method-assign]
    for owner, name, phase in (
        (outputs, "replace_files", "writing"),
        (stream, "write_alarms", "alarms"),
        (hooks, "_run", "telling"),
        (diary, "write_status", "status"),
        (page, "write_page", "page"),
    ):
        wrap(owner, name, phase)
    for name in ("__init__", "record", "remember"):
        wrap(ledger.Ledger, name, "ledger")


def refuse(call: str, number: int, name: str = "") -> None:
    """Let a call of the kernel fail, on folders or on files on their way to a name."""
    module: Any = fcntl if call == "flock" else os
    original = getattr(module, call)

    def answer(handle: int, *rest: int) -> Any:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path.name == f".{name}.tmp" if name else stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        return original(handle, *rest)

    setattr(module, call, answer)


if __name__ == "__main__":
    ahead = float(os.environ.get("STATION_CLOCK", "0"))
    stream._now = lambda: time.time() + ahead
    for fault in os.environ.get("STATION_FAULTS", "").split():
        call, number, *name = fault.split(":")
        refuse(call, getattr(errno, number), *name)
    if "STATION_TRACE" in os.environ:
        trace(Path(os.environ["STATION_TRACE"]))
    sys.argv[0] = "edge-score"
    cli.main()
