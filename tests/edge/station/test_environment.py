"""Faults of the computer: no half-orbit is blamed, one line says it, and all are scored after."""

from __future__ import annotations

import resource
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Reference = Callable[..., dict[str, bytes]]
# Beyond every pause of an attempt, in s.
LATER_S = 7 * 3600.0
RUNS = 6


def heal(station: Any, reference: dict[str, bytes], clock: float = LATER_S) -> None:
    station.nothing_is_blamed()
    done = station.run(STATION_CLOCK=clock)
    assert (done.code, done.lines()) == (0, []), done.err
    station.is_whole(reference)


def stub(folder: Path, module: str, text: str) -> Path:
    """Put a package that cannot be used before the real one; the PYTHONPATH for it."""
    (folder / module).mkdir(parents=True)
    (folder / module / "__init__.py").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("h5py", "raise ImportError('libhdf5.so.310: cannot open shared object file')"),
        pytest.param("h5py", "", marks=pytest.mark.slow),
        pytest.param("numpy", "raise ImportError('cannot\\nimport')", marks=pytest.mark.slow),
        pytest.param("tflite_runtime", "raise ImportError('no')", marks=pytest.mark.slow),
        pytest.param("h5py", "raise SyntaxError('half written')", marks=pytest.mark.slow),
        pytest.param("h5py", "raise OSError(5, 'Input/output error')", marks=pytest.mark.slow),
        pytest.param("h5py", "raise RuntimeError('bad\\x1b[2Jlibrary')", marks=pytest.mark.slow),
    ],
)
def test_a_library_that_is_being_upgraded(
    station: Any, tmp_path: Path, reference: Reference, module: str, text: str
) -> None:
    broken = stub(tmp_path / "site", module, text)
    # Some of them as often as would give a half-orbit up if it counted.
    runs = RUNS if "half written" in text else 2
    for run in range(runs):
        done = station.run(PYTHONPATH=broken, STATION_CLOCK=run * LATER_S)
        assert done.code not in (0, 1), done.err
        (line,) = done.lines()
        assert line.isprintable()
        assert not any("CSES" in name for name in station.results())
    heal(station, reference(), runs * LATER_S)


@pytest.mark.slow
def test_too_little_memory(new_station: Any, dozen: list[Path], reference: Reference) -> None:
    ended: Counter[str] = Counter()
    station = new_station(dozen)
    clock = 0.0
    # From too little to begin up to enough; where that lies depends on libraries and system.
    for kilobytes in (150_000, 200_000, *range(320_000, 600_000, 4_000)):
        bound = station.limit(resource.RLIMIT_AS, 1024 * kilobytes)
        try:
            done = station.run(preexec_fn=bound, STATION_CLOCK=clock, timeout=30.0)
        except subprocess.TimeoutExpired:
            # OpenBLAS asks for its buffer for ever.
            ended["hung"] += 1
        else:
            # What a library or a signal ends says so in words of its own, or in none, and
            # Python itself has none where there is no memory to word it.
            short = done.code in (1, 2) and ("MemoryError" in done.err or "SystemError" in done.err)
            ended["worded by Python" if short else str(done.code)] += 1
            assert short or done.lines() or done.code in (0, -6, -11), done.err
            if done.code == 0:
                break
        clock += LATER_S
        station.nothing_is_blamed()
    print(f"\nup to {kilobytes} kB, runs by their exit code: {dict(ended)}")
    assert ended.total() > 3
    heal(station, reference(), clock + 24 * 3600.0)


def test_too_few_handles(station: Any, reference: Reference) -> None:
    complained = 0
    for handles in range(5, 9):
        bound = station.limit(resource.RLIMIT_NOFILE, handles)
        done = station.run(preexec_fn=bound, STATION_CLOCK=handles * LATER_S)
        if "Fatal Python error" in done.err:
            continue
        assert done.code == (2 if done.lines() else 0)
        complained += done.code == 2
        station.nothing_is_blamed()
    assert complained
    heal(station, reference(), 9 * LATER_S)


@pytest.mark.slow
def test_a_cache_and_a_home_that_are_read_only(station: Any, reference: Reference) -> None:
    done = station.run(NUMBA_CACHE_DIR="/proc/none", HOME="/proc/none")
    assert (done.code, done.lines()) == (0, []), done.err
    station.is_whole(reference())
