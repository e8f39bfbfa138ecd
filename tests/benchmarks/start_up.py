"""What a cron job costs before it does anything, and what its first half-orbit adds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from timing import in_turn, rows

from edge.bundle import models_path
from edge.scoring import sample_half_orbits

TITLE = "Start-up"
NOTE = (
    "Whole processes, with byte code as pip installs it. The peer is a typer application of two "
    "commands and an option that does nothing; `import typer` and an empty interpreter stand "
    "beside it. `libraries` imports numpy, h5py, the interpreter, typer, msgspec and sqlite3, "
    "which one half-orbit needs: its ratio is that of the rows after it. numba is needed for "
    "spectra of DEMETER alone. A run writes the ledger twice and `status.json` once, each flushed "
    "to the disk. The rows below `of it` share one half-orbit out: their ratios are parts of it."
)
_LIBRARIES = (
    "import h5py, msgspec, numpy, sqlite3, typer; from {runtime}.interpreter import Interpreter"
)
_OURS = (
    "import edge.cli, edge.geomagnetic, edge.outputs, edge.scoring, edge.station.diary, "
    "edge.station.log, edge.station.metrics, edge.station.notify, edge.stream, edge.watching, "
    "edge.readers.cses"
)
_EMPTY = "an empty interpreter"
_PEER_LIBRARIES = "libraries (peer of what follows)"
_IMPORTS = "libraries and our modules"
_WHOLE = "stream, one half-orbit"
_PEER = '''
from typing import Annotated
import typer
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
@app.command()
def score(file: str, out: Annotated[str, typer.Option("--out", help="Folder.")] = "") -> None:
    """Score a file."""
@app.command()
def stream(inbox: str) -> None:
    """Watch a folder."""
app()
'''


def measure() -> list[dict[str, str]]:
    from edge.versions import RUNTIMES, runtime_name

    libraries = _LIBRARIES.format(runtime=RUNTIMES[runtime_name("auto")][0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peer = folder / "peer.py"
        peer.write_text(_PEER, encoding="utf-8")
        inbox, done, fresh = folder / "inbox", folder / "done", folder / "fresh"
        inbox.mkdir()
        for path in max(sample_half_orbits().values(), key=len):
            shutil.copy(path, inbox)

        def stream(out: Path, source: Path = inbox) -> Callable[[], object]:
            def run() -> None:
                if out == fresh:
                    shutil.rmtree(fresh, ignore_errors=True)
                edge_score("stream", str(source), "--out", str(out), "--once")

            return run

        def empty_cache() -> None:
            with tempfile.TemporaryDirectory() as cache:
                edge_score("warmup", NUMBA_CACHE_DIR=cache)

        stream(done)()
        cheap = in_turn(
            {
                "two commands of typer (peer)": lambda: python(str(peer), "score", "a"),
                "import typer": lambda: python("-c", "import typer"),
                _EMPTY: lambda: python("-c", "pass"),
                "import edge.cli": lambda: python("-c", "import edge.cli"),
                "edge-score --help": lambda: edge_score("--help"),
                "stream, nothing new": stream(done),
            },
            rounds=15,
        )
        dear = in_turn(
            {
                _PEER_LIBRARIES: lambda: python("-c", libraries),
                "libraries and numba": lambda: python("-c", f"import numba; {libraries}"),
                _IMPORTS: lambda: python("-c", f"{libraries}; {_OURS}"),
                _WHOLE: stream(fresh),
                "stream, three half-orbits": stream(fresh, models_path() / "samples"),
            },
            rounds=7,
        )
        cold = in_turn({"warmup, an empty cache of kernels": empty_cache}, rounds=3)
    return [
        *rows(cheap, next(iter(cheap))),
        *rows(dear | cold, next(iter(dear))),
        *rows(_parts(cheap, dear), _WHOLE)[1:],
    ]


def _parts(cheap: dict[str, float], dear: dict[str, float]) -> dict[str, float]:
    """Seconds that one half-orbit spends, by what for; the whole comes first."""
    steps = [0.0, cheap[_EMPTY], dear[_PEER_LIBRARIES], dear[_IMPORTS], dear[_WHOLE]]
    names = ("an interpreter", "libraries", "our modules", "its work")
    parts = {f"of it: {n}": b - a for n, (a, b) in zip(names, pairwise(steps), strict=True)}
    return {_WHOLE: dear[_WHOLE]} | parts


def edge_score(*arguments: str, **environment: str) -> None:
    python("-c", "from edge.cli import main; main()", *arguments, **environment)


def python(*arguments: str, **environment: str) -> None:
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, env=inherited | environment
    )
