"""A flood of half-orbits, and more that come while it is worked off: memory and lag are bounded.

The long form's figures, 20,000 files and then one a second for ten minutes, can be set otherwise
with ``STATION_FLOOD=FILES,SECONDS``.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from edge.readers.names import parse_name

LONG = tuple(int(n) for n in os.environ.get("STATION_FLOOD", "20000,600").split(","))
# Records of 1 s: a few windows.
ROWS = 70


@pytest.mark.parametrize(
    ("files", "seconds"), [(150, 3), pytest.param(*LONG, marks=pytest.mark.slow)]
)
def test_a_flood_is_worked_off_and_what_is_new_comes_first(
    files: int, seconds: int, new_station: Any, make_demeter: Callable[..., Path]
) -> None:
    station = new_station([])
    made = 0

    def arrive() -> Path:
        """Let one more simulated half-orbit come, newer than all before."""
        nonlocal made
        days, turn = divmod(made, 14)
        start = datetime(2005, 1, 1, 21) + timedelta(days=days, minutes=2 * turn)
        made += 1
        path = make_demeter("1144", ROWS, start=start, orbit=2000 + made, folder=station.out.parent)
        return path.rename(station.inbox / path.name)

    def result(path: Path) -> Path:
        return Path(station.out / f"{parse_name(path).half_orbit}.jsonl")

    def memory() -> float:
        """Resident set of the watcher, MB."""
        text = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        return int(text.partition("VmRSS:")[2].split()[0]) / 1024

    def lag(path: Path) -> float:
        """Seconds until the result of what just came is there."""
        began = time.monotonic()
        while not result(path).exists():
            samples.append(memory())
            assert time.monotonic() - began < 60.0
            time.sleep(0.02)
        return time.monotonic() - began

    backlog = [arrive() for _ in range(files)]
    # A watcher works from the newest to the oldest, which is done last.
    last = result(backlog[0])
    samples: list[float] = []
    ahead: list[float] = []
    began = time.monotonic()
    # Nobody reads along, and a pipe holds few lines: the watcher would stand still.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with station.watching(EDGE_SCORE_PAGE="true", **quiet) as process:
        station.wait_for(result(backlog[-1]).exists)
        first = time.monotonic() - began
        early = memory()
        while not last.exists():
            assert process.poll() is None
            ahead.append(lag(arrive()))
            time.sleep(min(5.0, seconds / 30))
        took = time.monotonic() - began
        worked_off = max(samples, default=early)
        lags = []
        for _ in range(seconds):
            tick = time.monotonic()
            lags.append(lag(arrive()))
            time.sleep(max(0.0, 1.0 - (time.monotonic() - tick)))
        end = memory()
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert len(list(station.out.glob("DEMETER_*.jsonl"))) == made
    print(
        f"\n{files} files at once: first result after {first:.1f} s, all after {took:.0f} s "
        f"({files / took:.0f}/s); {len(ahead)} that came meanwhile: median {median(ahead):.2f} s, "
        f"at most {max(ahead):.2f} s\none a second for {seconds} s: median {median(lags):.2f} s, "
        f"at most {max(lags):.2f} s\nresident: {early:.0f} MB at the first result, at most "
        f"{worked_off:.0f} MB on the backlog, {max(samples):.0f} MB in all, {end:.0f} MB at the end"
    )
    # By what a list of the names takes, not by what the files hold.
    assert max(samples) < early + 40.0 + 2e-3 * files
    # A turn on a backlog ends after ten seconds, to look for what came.
    assert median(ahead) < 15.0
    assert median(lags) < 2.0
