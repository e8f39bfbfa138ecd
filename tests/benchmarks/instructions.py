"""Instructions that a run executes, which no other load on the machine changes.

Run as a script this writes ``instructions.json``, the figures that later ones are held against.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from edge.scoring import sample_half_orbits
from edge.versions import installed_runtime

TITLE = "Instructions of a run"
NOTE = (
    "Millions of instructions of whole processes, those of an empty interpreter left out; counted "
    "by cachegrind without its simulation of caches, with PYTHONHASHSEED=0, byte code written and "
    "one thread of linear algebra. `held` is of tests/benchmarks/instructions.json, which "
    "`python tests/benchmarks/instructions.py` writes anew. Figures of other versions or machines "
    "are not compared."
)
_FIGURES = Path(__file__).with_suffix(".json")
_MOST = 0.05
_OVER = f"more than {_MOST:.0%} over the figure held".replace("%", " %")


def measure() -> list[dict[str, str]]:
    if not shutil.which("valgrind"):
        return [_row("nothing was counted: valgrind is not installed")]
    held = json.loads(_FIGURES.read_text(encoding="utf-8"))
    same = held["versions"] == _versions()
    rows = []
    for what, millions in _count().items():
        if same:
            change = millions / held["millions"][what] - 1.0
            text = f"{100.0 * change:+.1f} %" + (f": {_OVER}" if change > _MOST else "")
            rows.append(_row(what, millions, f"{held['millions'][what]:.1f}", text))
        else:
            rows.append(_row(what, millions, "", "not compared: other versions"))
    return rows


def complaints(rows: list[dict[str, str]]) -> list[str]:
    """Lines on the figures that grew."""
    return [f"{row['what']}: {row['change']}" for row in rows if _OVER in row["change"]]


def _row(what: str, millions: float | None = None, held: str = "", change: str = "") -> dict:
    counted = "" if millions is None else f"{millions:.1f}"
    return {"what": what, "millions": counted, "held": held, "change": change}


def _versions() -> str:
    packages = ", ".join(f"{p} {version(p)}" for p in ("numpy", "h5py", "typer", "msgspec"))
    python = f"Python {platform.python_version()}"
    return f"{python}, {packages}, {installed_runtime('auto')}, {platform.machine()}"


def _count() -> dict[str, float]:
    """Millions of instructions of each run."""
    found = sample_half_orbits()
    most = {}
    for mission in ("CSES", "DEMETER"):
        of_mission = [files for key, files in found.items() if key.startswith(mission)]
        most[mission] = max(of_mission, key=len)
    empty = _instructions("-c", "pass")
    millions = {}
    with tempfile.TemporaryDirectory() as name:
        for mission, files in most.items():
            inbox, out = Path(name, mission), Path(name, f"{mission}-out")
            inbox.mkdir()
            for path in files:
                shutil.copy(path, inbox)
            run = ("-m", "edge.cli", "stream", str(inbox), "--out", str(out), "--once")
            # Writes byte code.
            _python(*run)
            shutil.rmtree(out)
            millions[f"one half-orbit, {mission}"] = _instructions(*run) - empty
        millions["nothing new"] = _instructions(*run) - empty
    return millions


def _instructions(*arguments: str) -> float:
    count = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
    refs = re.search(r"I +refs: +([0-9,]+)", _python(*arguments, under=count))
    assert refs
    return int(refs[1].replace(",", "")) / 1e6


def _python(*arguments: str, under: tuple[str, ...] = ()) -> str:
    """Run Python, and give what it writes on standard error."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    command = [*under, sys.executable, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return done.stderr


if __name__ == "__main__":
    figures = {"versions": _versions(), "millions": {k: round(v, 1) for k, v in _count().items()}}
    _FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
