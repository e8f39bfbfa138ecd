"""Memory of a run, room on the disk, and bytes that a half-orbit writes.

``memory.py 5000`` scores so many half-orbits in one process, in minutes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from edge.scoring import sample_half_orbits

TITLE = "Memory and room"
NOTE = (
    "Peaks of resident memory, each of a process of its own; the peer imports numpy, h5py, typer "
    "and the interpreter, and no more. `resident after` is the sample, scored and written "
    "again and again in one process: not its peak, but what it holds then. `waves` are "
    "simulated spectra, EFD and SCM, that the profile full reads on to the grid: of 64 bins every "
    "2 s, one component, and of 1024 bins every 0.45 s, three. "
    "Installed are the distributions of `requirements/edge.txt` that are installed here. "
    "Bytes written are those that the files of one half-orbit hold, without the ledger."
)
_COUNT = 1000
_MARKS = (100, 1000, 5000)
#: Bins, seconds between records and components of wave files.
_SMALL, _LARGE = (64, 2.048, 1), (1024, 0.45, 3)
_ROOT = Path(__file__).parents[2]

# Not ru_maxrss: a child inherits the peak of the process that started it.
_LOOK = """
import json, sys
from pathlib import Path
def mebibytes(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith(what)) / 1024
"""
_PROGRAM = f"""{_LOOK}
from edge.bundle import load_bundle
from edge.outputs import score_to_disk
from edge.readers.names import parse_name
from edge.scoring import Scorer


out, count = Path(sys.argv[1]), int(sys.argv[2])
named = {{Path(p): parse_name(Path(p)) for p in sys.argv[3:]}}
scorer = Scorer(load_bundle())
found = {{}}
for number in range(1, count + 1):
    scored, _ = score_to_disk(scorer, out, named)
    assert scored.windows, scored.failures
    if number in {_MARKS}:
        found[str(number)] = mebibytes("VmRSS")
print(json.dumps({{**found, "peak": mebibytes("VmHWM")}}))
"""
_READING = f"""{_LOOK}
from edge.grid import make_grid
from edge.observables import FULL
from edge.readers.names import parse_name
from edge.readers.opening import read_half_orbit


named = {{Path(p): parse_name(Path(p)) for p in sys.argv[1:]}}
read = read_half_orbit(named, FULL.payloads(next(iter(named.values())).mission))
assert not read.errors
grid = make_grid(read, FULL)
assert grid.valid.any()
print(json.dumps({{"peak": mebibytes("VmHWM")}}))
"""
_LIBRARIES = f"""{_LOOK}
import h5py, numpy, typer
from edge.runtime import _interpreter_class
_interpreter_class("auto")
print(json.dumps({{"peak": mebibytes("VmHWM")}}))
"""


def measure(count: int = _COUNT) -> list[dict[str, str]]:
    sample = list(max(sample_half_orbits().values(), key=len))
    peer = _run(_LIBRARIES)["peak"]
    rows = [_row("libraries alone (peer)", peer, peer)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / "out"
        found = _run(_PROGRAM, out, 1, *sample)
        size = sum(p.stat().st_size for p in sample) / 1e6
        rows.append(_row(f"one half-orbit of {size:.2g} MB", found["peak"], peer))
        written = {p.suffix: p.stat().st_size for p in out.iterdir()}
        found = _run(_PROGRAM, out, count, *sample)
        rows += [
            _row(f"resident after {mark:,} half-orbits", found[str(mark)], peer)
            for mark in _MARKS
            if mark <= count
        ]
        for form in (_SMALL, _LARGE):
            files = _waves(folder / f"waves-{form[0]}", *form)
            size = sum(p.stat().st_size for p in files) / 1e6
            found = _run(_READING, *files)
            rows.append(_row(f"waves of {size:.2g} MB, read on to the grid", found["peak"], peer))
    rows.append({"what": "installed", "MiB": f"{_installed() / 2**20:.0f}", "ratio": ""})
    for suffix, size in sorted(written.items()):
        rows.append({"what": f"written: {suffix}", "MiB": f"{size / 2**20:.3f}", "ratio": ""})
    return rows


def _waves(folder: Path, bins: int, cadence_s: float, components: int) -> list[Path]:
    """Simulate EFD_2, EFD_3, SCM_2 and SCM_3 of one half-orbit."""
    import numpy as np

    from trainer.simulate.cses_waves import write_waves
    from trainer.simulate.orbits import half_orbits

    folder.mkdir()
    first, last = (np.datetime64(f"2020-03-20T0{h}:00", "ms") for h in (0, 2))
    night = next(h for h in half_orbits("cses", first, last) if h.direction == 1)
    return write_waves(folder, night, 1, bins=bins, cadence_s=cadence_s, components=components)


def _row(what: str, mebibytes: float, peer: float) -> dict[str, str]:
    return {"what": what, "MiB": f"{mebibytes:.1f}", "ratio": f"{mebibytes / peer:.2f}"}


def _run(program: str, *arguments: object) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _installed() -> int:
    lock = (_ROOT / "requirements" / "edge.txt").read_text(encoding="utf-8")
    total = 0
    for name in re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.M):
        try:
            listed = files(name) or []
        except PackageNotFoundError:
            continue
        paths = [Path(os.fspath(f.locate())) for f in listed]
        total += sum(p.stat().st_size for p in paths if p.is_file())
    return total


if __name__ == "__main__":
    from run import table

    print("\n".join(table(measure(int(sys.argv[1])))))
