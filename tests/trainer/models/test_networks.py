"""The networks as classifiers; `network_checks.py` says what is checked, in its own process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trainer.models.window_set import WindowSet

SCRIPT = Path(__file__).with_name("network_checks.py")
CHECKS = re.findall(r"def (check_\w+)", SCRIPT.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory,
    repository: Path,
    windows_maker: Callable[..., WindowSet],
) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("networks")
    arrays: dict[str, np.ndarray] = {}
    for i, n in enumerate((400, 200)):
        windows = windows_maker(n, i)
        arrays |= {f"inputs_{i}": windows.inputs, f"label_{i}": windows.label}
    np.savez(folder / "windows.npz", observables=np.array(windows.observables), **arrays)
    command = [sys.executable, str(SCRIPT), str(folder / "windows.npz"), str(folder)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "retracing" not in done.stderr
    return json.loads((folder / "found.json").read_text())


@pytest.mark.parametrize("check", CHECKS)
def test_networks(found: dict[str, str], check: str) -> None:
    assert found[check] == ""
