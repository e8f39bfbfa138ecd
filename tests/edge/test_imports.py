"""Import cost is part of the design: what a cheap run must not load."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.ledger import LEDGER_FILE, Ledger

HEAVY = ("numba", "h5py", "tensorflow", "tflite_runtime", "ai_edge_litert", "numpy", "trainer")

_PROGRAM = """
import sys
sys.argv = ["edge-score", *sys.argv[1:]]
from edge.cli import main
try:
    main()
except SystemExit as stop:
    code = stop.code
print("loaded:", *[m for m in {heavy!r} if m in sys.modules], file=sys.stderr)
sys.exit(code)
"""


def loaded(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(heavy=HEAVY), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("EDGE_SCORE_")},
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].removeprefix("loaded:").split())


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["score"],
        ["stream"],
        ["status"],
        ["retry"],
        ["prune"],
        ["ledger", "check"],
        ["ledger", "repair"],
        ["info"],
        ["explain"],
        ["export"],
        ["plot"],
        ["init"],
        ["service"],
        ["doctor"],
        ["warmup"],
        ["model"],
        ["report"],
    ],
)
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    assert loaded(*command, "--help") == set()


def test_a_run_that_finds_nothing_new_loads_nothing_heavy(
    simulated_demeter: Path, tmp_path: Path
) -> None:
    run = ("stream", str(simulated_demeter), "--out", str(tmp_path), "--once")
    found = loaded(*run)
    assert "numpy" in found
    # Which spectra of DEMETER alone need.
    assert "numba" not in found
    assert loaded(*run) == set()
    assert loaded("status", str(tmp_path)) == set()
    assert loaded("export", str(tmp_path), "--to", f"{tmp_path}.csv") == set()
    assert loaded("retry", str(tmp_path)) == set()
    assert loaded("prune", str(tmp_path), "--yes") == set()
    assert loaded("ledger", "check", str(tmp_path)) == set()
    assert loaded("ledger", "repair", str(tmp_path)) == set()


def test_the_page_is_written_without_numba_or_an_interpreter(tmp_path: Path) -> None:
    Ledger(tmp_path / LEDGER_FILE).close()
    assert loaded("report", str(tmp_path)) == set()
    assert (tmp_path / "report.html").exists()


def test_the_card_is_shown_without_numba_or_an_interpreter() -> None:
    assert loaded("model") == set()


def test_arrows_run_one_way(repository: Path) -> None:
    order = ["cli", "stream", "scoring", "windows", "grid", "readers", "observables"]
    for place, name in enumerate(order):
        path = repository / "edge" / name
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        for file in files:
            imported = {
                node.module
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.ImportFrom) and node.module
            }
            for above in order[:place]:
                assert not any(m == f"edge.{above}" for m in imported), (file.name, above)
