"""What a turn of `stream` costs that finds nothing new, after years of files."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from edge.inbox import look_at
from edge.ledger import LEDGER_FILE, FileRecord, HalfOrbitRecord, Ledger
from edge.outputs import result_paths
from edge.readers.names import parse_name
from edge.results import WrittenFile

TITLE = "A turn that finds nothing new"
NOTE = (
    "In folders of 1,000 files, three a half-orbit, its three results beside them in the output "
    "folder. The peer is a bare `os.scandir` and `stat` of both trees, in the same process; "
    "`inbox alone` is the ratio to the inbox's share of it. `one new file` is a turn after a file "
    "came into one of the folders. Memory is what the turn adds to the process. Medians of 7."
)
COUNTS = (100, 10_000, 100_000)
PAYLOADS = ("HPM_5_L02_A2", "LAP_1_L02_A3", "PAP_0_L02_A3")

# Run in a process of its own, so that the peak of its memory is that of the turns.
_PROGRAM = """
import json, os, resource, statistics, sys, time
from pathlib import Path
from edge.ledger import Ledger
from edge.observables import PLASMA
from edge.stream import Stream

inbox, out = map(Path, sys.argv[1:])

def bare(folder):
    todo = [os.fspath(folder)]
    while todo:
        with os.scandir(todo.pop()) as listing:
            for entry in listing:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                else:
                    entry.stat()

def turn():
    with Ledger(out / "ledger.sqlite") as ledger:
        list(Stream(inbox, out, PLASMA, "p", None).turn(ledger))

def timed(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

turn(), turn()
before = peak()
seconds = {"inbox": [], "out": [], "turn": [], "new": []}
for _ in range(7):
    seconds["inbox"].append(timed(bare, inbox))
    seconds["out"].append(timed(bare, out))
    seconds["turn"].append(timed(turn))
growth = peak() - before
for k in range(7):
    (inbox / "0" / f"notes-{k}.txt").touch()
    seconds["new"].append(timed(turn))
print(json.dumps({k: statistics.median(v) for k, v in seconds.items()} | {"growth": growth}))
"""


def fill(inbox: Path, out: Path, count: int) -> None:
    """Make an inbox of so many files that were all scored."""
    out.mkdir()
    with Ledger(out / LEDGER_FILE) as ledger:
        for orbit in range(count // 3):
            folder = inbox / str(3 * orbit // 1000)
            folder.mkdir(parents=True, exist_ok=True)
            records = []
            for payload in PAYLOADS:
                path = folder / (
                    f"CSES_01_{payload}_{orbit:05d}1_20191101_001933_20191101_005555_000.h5"
                )
                path.touch()
                file = look_at(path, path.relative_to(inbox).as_posix())
                records.append(FileRecord.of(file, "done"))
            key = parse_name(path).half_orbit
            written = []
            for result in result_paths(out, key):
                result.touch()
                written.append(WrittenFile(result.name, 0, result.stat().st_mtime_ns, ""))
            ledger.record(records, HalfOrbitRecord(key=key, status="done", parameters="p"), written)


def measure() -> list[dict[str, str]]:
    rows = []
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            inbox, out = Path(folder) / "inbox", Path(folder) / "out"
            fill(inbox, out, count)
            done = subprocess.run(
                [sys.executable, "-c", _PROGRAM, inbox, out],
                check=True,
                capture_output=True,
                text=True,
            )
        found = json.loads(done.stdout)
        both = found["inbox"] + found["out"]
        rows.append(
            {
                "files": f"{count:,}",
                "bare listing (peer), ms": f"{1000 * both:.3g}",
                "nothing new, ms": f"{1000 * found['turn']:.3g}",
                "ratio": f"{found['turn'] / both:.2f}",
                "inbox alone": f"{found['turn'] / found['inbox']:.2f}",
                "one new file, ms": f"{1000 * found['new']:.3g}",
                "memory, MiB": f"{found['growth']:.1f}",
            }
        )
    return rows
