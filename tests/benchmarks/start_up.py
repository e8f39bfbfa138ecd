"""What a cron job costs before it does anything, and what its first half-orbit adds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from timing import in_turn, rows

from edge.bundle import models_path
from edge.scoring import sample_half_orbits

TITLE = "Start-up"
NOTE = (
    "Whole processes, with byte code as pip installs it. The peer is a typer application of two "
    "commands and an option that does nothing; `import typer` and an empty interpreter stand "
    "beside it. `libraries` imports numpy, h5py, the interpreter, typer and numba, which one "
    "half-orbit needs: its ratio is that of the rows after it. Kernels are cached but where the "
    "row says otherwise. A run writes the ledger twice and `status.json` once, each flushed to "
    "the disk."
)
_LIBRARIES = "import numpy, h5py, typer, numba; from {runtime}.interpreter import Interpreter"
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

        def stream(out: Path, source: Path = inbox, **environment: str) -> Callable[[], object]:
            def run() -> None:
                if out == fresh:
                    shutil.rmtree(fresh, ignore_errors=True)
                edge_score("stream", str(source), "--out", str(out), "--once", **environment)

            return run

        def empty_cache() -> None:
            # A folder that cannot be made would not do: numba falls back to that of the package.
            with tempfile.TemporaryDirectory() as cache:
                stream(fresh, NUMBA_CACHE_DIR=cache)()

        stream(done)()
        cheap = in_turn(
            {
                "two commands of typer (peer)": lambda: python(str(peer), "score", "a"),
                "import typer": lambda: python("-c", "import typer"),
                "an empty interpreter": lambda: python("-c", "pass"),
                "import edge.cli": lambda: python("-c", "import edge.cli"),
                "edge-score --help": lambda: edge_score("--help"),
                "stream, nothing new": stream(done),
            },
            rounds=15,
        )
        dear = in_turn(
            {
                "libraries (peer of what follows)": lambda: python("-c", libraries),
                "stream, one half-orbit": stream(fresh),
                "stream, three half-orbits": stream(fresh, models_path() / "samples"),
            },
            rounds=7,
        )
        cold = in_turn({"one half-orbit, an empty cache of kernels": empty_cache}, rounds=3)
    return [*rows(cheap, next(iter(cheap))), *rows(dear | cold, next(iter(dear)))]


def edge_score(*arguments: str, **environment: str) -> None:
    python("-c", "from edge.cli import main; main()", *arguments, **environment)


def python(*arguments: str, **environment: str) -> None:
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, env=inherited | environment
    )
