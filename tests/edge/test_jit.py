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
from edge.readers.demeter_bands import sum_bands
raw = np.array([[1.0, 2.0]], dtype=">f4").view(np.uint8)
total, count = np.zeros((1, 1, 1)), np.zeros((1, 1, 1), dtype=np.int64)
sum_bands(raw, 0, 2, 0, 2, np.array([[0, 0, 2]]), total, count)
print(total[0, 0, 0], sum_bands._cache.cache_path)
"""


def run(cache: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "NUMBA_CACHE_DIR": str(cache),
            "NUMBA_DISABLE_JIT": "0",
            **environment,
        },
    )


def call(cache: Path, **environment: str) -> str:
    done = run(cache, "-c", _PROGRAM, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    total, place = done.stdout.split()
    assert float(total) == pytest.approx(110.0, rel=1e-5)
    return place


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_cache_that_a_power_cut_left_is_replaced(
    tmp_path: Path, suffix: str, share: float
) -> None:
    assert Path(call(tmp_path)).is_relative_to(tmp_path)
    files = list(tmp_path.rglob(f"*.{suffix}"))
    assert files
    for path in files:
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
    call(tmp_path)
    assert all(path.stat().st_size for path in tmp_path.rglob("*.nb?"))
    call(tmp_path)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file" / "cache", Path("/proc/none")):
        # numba takes the package's own folder instead, where that can be written.
        assert not call(folder).startswith(str(folder))
        alone = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
        assert call(folder, **alone) == "None"


WARMUP = ("-m", "edge.cli", "warmup")


def test_warmup_compiles_once_and_says_where(tmp_path: Path) -> None:
    first, second = run(tmp_path, *WARMUP), run(tmp_path, *WARMUP)
    (folder,) = tmp_path.iterdir()
    assert list(folder.glob("*.nbc"))
    for done, how in ((first, "compiled"), (second, "found")):
        assert (done.returncode, done.stderr) == (0, "")
        (line,) = done.stdout.splitlines()
        assert line.startswith(f"kernel sum_bands {how} in ")
        assert line.endswith(f" s, kept in {folder}")


@pytest.mark.parametrize("full", [False, True])
def test_warmup_without_a_folder_to_keep_code_in_says_so(tmp_path: Path, full: bool) -> None:
    folder = Path("/dev/full/cache") if full else tmp_path / "file" / "cache"
    (tmp_path / "file").touch()
    done = run(folder, *WARMUP)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert f"folder of compiled kernels {folder}: " in line
    assert line.endswith("name a folder that can be written to in NUMBA_CACHE_DIR")


def test_warmup_with_numba_switched_off_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, *WARMUP, NUMBA_DISABLE_JIT="1")
    assert (done.returncode, done.stdout) == (0, "nothing is compiled: NUMBA_DISABLE_JIT is set\n")
