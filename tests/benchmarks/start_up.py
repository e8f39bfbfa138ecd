"""What a cron job costs before it does anything."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from timing import in_turn, rows

from edge.bundle import models_path

TITLE = "Start-up"
NOTE = (
    "Whole processes. The peer is `import typer` alone, the floor of a typer command. The shipped "
    "samples are scored in `stream, three half-orbits`, with numba's cache warm."
)


def measure() -> list[dict[str, str]]:
    samples = models_path() / "samples"
    with tempfile.TemporaryDirectory() as folder:
        done, fresh = Path(folder) / "done", Path(folder) / "fresh"

        def stream(out: Path) -> Callable[[], object]:
            def run() -> None:
                if out == fresh:
                    for file in fresh.glob("*"):
                        file.unlink()
                edge_score("stream", str(samples), "--out", str(out), "--once")

            return run

        stream(done)()
        medians = in_turn(
            {
                "import typer (peer)": lambda: python("-c", "import typer"),
                "edge-score --help": lambda: edge_score("--help"),
                "stream, nothing new": stream(done),
                "stream, three half-orbits": stream(fresh),
            },
            rounds=7,
        )
    return rows(medians, "import typer (peer)")


def edge_score(*arguments: str) -> None:
    python("-m", "edge.cli", *arguments)


def python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
