"""What it would cost to read half-orbits in a process of their own."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from timing import in_turn

from edge.bundle import models_path
from edge.observables import PLASMA
from edge.readers.names import parse_name
from edge.readers.opening import read_half_orbit

TITLE = "Isolation: reading one half-orbit (LAP + PAP + HPM) in a process of its own"
NOTE = (
    "Measured with `.venv/bin/python tests/benchmarks/run.py isolation`. `stream` reads in its own "
    "process. A process for each half-orbit pays for its start and imports every time; one that "
    "stays pays for pickling alone, and holds its memory as long as `stream` runs."
)

_CHILD = """
import pickle, sys
from pathlib import Path
from edge.observables import PLASMA
from edge.readers.names import parse_name
from edge.readers.opening import read_half_orbit
import edge.readers.cses
wanted = PLASMA.payloads("cses")
for line in sys.stdin:
    files = {Path(p): parse_name(p) for p in line.rstrip("\\n").split("\\t")}
    pickle.dump(read_half_orbit(files, wanted), sys.stdout.buffer, protocol=5)
    sys.stdout.buffer.flush()
"""


class _Reader:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def read(self, files: list[Path]) -> object:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\t".join(map(str, files)).encode() + b"\n")
        self._process.stdin.flush()
        return pickle.load(self._process.stdout)

    def mebibytes(self) -> tuple[float, float]:
        """Resident memory, and the part that no other process shares."""
        text = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text()
        kib = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
        private = int(kib["Private_Clean"]) + int(kib["Private_Dirty"])
        return int(kib["Rss"]) / 1024, private / 1024

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()


def measure() -> list[dict[str, str]]:
    paths = sorted((models_path() / "samples").glob("CSES_*.h5"))
    keys = [parse_name(p).half_orbit for p in paths]
    files = [p for p, k in zip(paths, keys, strict=True) if k == max(keys, key=keys.count)]
    named, wanted = {p: parse_name(p) for p in files}, PLASMA.payloads("cses")
    half_orbit = read_half_orbit(named, wanted)
    pickled = pickle.dumps(half_orbit, protocol=5)
    staying = _Reader()

    def fresh() -> None:
        reader = _Reader()
        reader.read(files)
        reader.close()

    here = "in the process of `stream`, as now (peer)"
    medians = in_turn(
        {
            here: lambda: read_half_orbit(named, wanted),
            "in a process that stays": lambda: staying.read(files),
            "in a new process each time": fresh,
            f"of it: pickling {len(pickled) // 1024} KiB there and back": lambda: pickle.loads(
                pickle.dumps(half_orbit, protocol=5)
            ),
        },
        rounds=9,
    )
    resident, private = staying.mebibytes()
    staying.close()
    rows = [
        {"what": what, "median": f"{1000 * s:.3g} ms", "ratio": f"{s / medians[here]:.2f}"}
        for what, s in medians.items()
    ]
    rows.append({"what": "memory of the process", "median": f"{resident:.0f} MiB", "ratio": ""})
    rows.append({"what": "of it shared with none", "median": f"{private:.0f} MiB", "ratio": ""})
    return rows
