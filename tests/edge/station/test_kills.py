"""Killed at any moment, again and again: nothing is lost, nothing is blamed."""

from __future__ import annotations

import mmap
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SEED = 20260917
KILLS = 120
PHASES = ("start", "scan", "imports", "reading", "scoring", "writing", "ledger")
# A kill lies so long after a phase was entered, in s, at most: about as long as it lasts.
LASTS = {"imports": 0.8, "reading": 0.03, "scoring": 0.1, "writing": 0.03, "ledger": 0.01}
# Cuts of the power in one day; a half-orbit that ends five processes in a day is given up.
CUTS_A_DAY = 4
DAY_S = 25 * 3600.0


class Killer:
    """Starts runs and kills them, half of them at a moment of some phase, half at any moment."""

    def __init__(self, station: Any, folder: Path, runs_last: float) -> None:
        self.station, self.runs_last = station, runs_last
        self.random = random.Random(SEED)
        self.path = folder / "trace"
        self.clock = 0.0
        self.hit: Counter[str] = Counter()

    def kill(self, phase: str | None = None, **variables: str) -> bool:
        """Whether a run was killed, at a phase or at any moment, before it came to its end."""
        self.path.write_bytes(bytes(1 + len(PHASES)))
        with (
            self.path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as trace,
            self.station.start(
                "--once", STATION_TRACE=self.path, STATION_CLOCK=self.clock, **variables
            ) as process,
        ):
            if phase is not None:
                number = 1 + PHASES.index(phase)
                count = 1 if phase == "imports" else self.random.randint(1, 3)
                while process.poll() is None and trace[number] < count:
                    time.sleep(0.0005)
            time.sleep(self.random.uniform(0.0, LASTS.get(phase, self.runs_last)))
            process.kill()
            _, said = process.communicate()
            if process.returncode != -9:
                assert process.returncode == 0, said
                return False
            self.hit[PHASES[trace[0]]] += 1
        kills = self.hit.total()
        # Now and then a day goes by; else the station is on again within a second or an hour.
        stride = self.random.choice([0.0, 1.0, 61.0, 3601.0])
        self.clock += DAY_S if kills % CUTS_A_DAY == 0 else stride
        return True

    def finish(self, reference: dict[str, bytes], **variables: str) -> None:
        """Leave the station in peace until all pauses are over, and look what it made."""
        self.station.nothing_is_blamed()
        for _ in range(2):
            done = self.station.run(STATION_CLOCK=self.clock, **variables)
            assert (done.code, done.lines()) == (0, []), done.err
            self.clock += DAY_S
        self.station.is_whole(reference)

    def figures(self) -> str:
        return ", ".join(f"{phase} {self.hit[phase]}" for phase in PHASES)


def test_a_few_kills_lose_nothing(
    station: Any, tmp_path: Path, reference: Callable[..., dict[str, bytes]]
) -> None:
    killer = Killer(station, tmp_path, runs_last=1.5)
    for phase in (*LASTS, "writing", "ledger", None):
        killer.kill(phase)
    killer.finish(reference())
    print(f"\nseed {SEED}: killed at {killer.figures()}")
    # How many of them hit depends on the machine; that nothing is lost does not.
    assert killer.hit.total()


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing(
    new_station: Any,
    dozen: list[Path],
    tmp_path: Path,
    reference: Callable[..., dict[str, bytes]],
) -> None:
    station = new_station(dozen)
    # After each round everything is due again under other settings, over the earlier results.
    settings = ({}, {"EDGE_SCORE_MIN_COVERAGE": "0.9"})
    began = time.monotonic()
    reference(), reference(**settings[1])
    killer = Killer(station, tmp_path, runs_last=(time.monotonic() - began) / 2)
    rounds = 0
    while killer.hit.total() < KILLS:
        variables = settings[rounds % 2]
        while killer.hit.total() < KILLS:
            aim = killer.random.choice([*LASTS, *[None] * len(LASTS)])
            if not killer.kill(aim, **variables):
                break
        killer.finish(reference(**variables), **variables)
        rounds += 1
    print(f"\nseed {SEED}: {killer.hit.total()} kills, {rounds} rounds: {killer.figures()}")
    assert all(killer.hit[phase] for phase in PHASES if phase != "scan")
