"""Memory of a run, room on the disk, and bytes that a half-orbit writes."""

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
    "Peaks of resident memory, each of a process of its own; the peer imports numpy, h5py, "
    "typer and the interpreter, and no more. `in one process` is the sample, scored "
    "and written again and again; the growth is that after the first tenth. "
    "Installed are the distributions of `requirements/edge.txt` that are installed here. "
    "Bytes written are those that the files of one half-orbit hold, without the ledger."
)
_COUNT = 5000
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
early = 0.0
for number in range(count):
    scored, _ = score_to_disk(scorer, out, named)
    assert scored.windows, scored.failures
    if number == count // 10:
        early = mebibytes("VmRSS")
print(json.dumps({{
    "peak": mebibytes("VmHWM"),
    "growth": mebibytes("VmRSS") - early,
    "windows": len(scored.windows),
}}))
"""
_LIBRARIES = f"""{_LOOK}
import h5py, numpy, typer
from edge.runtime import _interpreter_class
_interpreter_class("auto")
print(json.dumps({{"peak": mebibytes("VmHWM")}}))
"""


def measure() -> list[dict[str, str]]:
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
        found = _run(_PROGRAM, out, _COUNT, *sample)
        rows.append(_row(f"{_COUNT:,} half-orbits in one process", found["peak"], peer))
        rows.append(_row("growth after the first tenth", found["growth"], peer))
    rows.append({"what": "installed", "MiB": f"{_installed() / 2**20:.0f}", "ratio": ""})
    for suffix, size in sorted(written.items()):
        rows.append({"what": f"written: {suffix}", "MiB": f"{size / 2**20:.3f}", "ratio": ""})
    return rows


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
