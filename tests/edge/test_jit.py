"""Kernels compile, whatever the folder of compiled code holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import warnings
warnings.simplefilter("error")
import numpy as np
from edge.geodesy import solar_zenith_angle
time = np.array(["2020-03-20T12:00"], dtype="datetime64[ms]")
print(float(solar_zenith_angle(time, np.zeros(1), np.zeros(1))[0]))
"""


def call(cache: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache), "NUMBA_DISABLE_JIT": "0"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return float(done.stdout)


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_cache_that_a_power_cut_left_is_replaced(
    tmp_path: Path, suffix: str, share: float
) -> None:
    expected = call(tmp_path)
    files = list(tmp_path.rglob(f"*.{suffix}"))
    assert files
    for path in files:
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
    assert call(tmp_path) == expected
    assert all(path.stat().st_size for path in tmp_path.rglob("*.nb?"))
    assert call(tmp_path) == expected


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    expected = call(tmp_path / "cache")
    (tmp_path / "file").touch()
    assert call(tmp_path / "file" / "cache") == expected
    assert call(Path("/proc/none")) == expected
