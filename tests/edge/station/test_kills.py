"""Killed at any moment, again and again: nothing is lost, nothing is blamed, all is told."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SEED = 20260917
KILLS = 200
PHASES = (
    *("start", "scan", "imports", "reading", "scoring", "writing", "ledger"),
    *("alarms", "telling", "status", "page"),
)
# A kill lies so long after a phase was entered, in s, at most: about as long as it lasts.
LASTS = {"imports": 0.2, "reading": 0.005, "scoring": 0.005, "writing": 0.003, "ledger": 0.001}
LASTS |= {"alarms": 0.002, "telling": 0.003, "status": 0.002, "page": 0.01}
# Cuts of the power in one day; a half-orbit that ends five processes in a day is given up.
CUTS_A_DAY = 4
DAY_S = 25 * 3600.0


class Killer:
    """Starts runs and kills them, half of them at a moment of some phase, half at any moment."""

    def __init__(self, station: Any, folder: Path, runs_last: float) -> None:
        self.station, self.runs_last = station, runs_last
        # A kill is aimed at one of so many first entries of a phase.
        self.entries = 1
        self.random = random.Random(SEED)
        self.path = folder / "trace"
        self.clock = 0.0
        self.hit: Counter[str] = Counter()
        self.told = folder / "told.jsonl"
        self.told.touch()
        self.settings = {
            "EDGE_SCORE_PAGE": "true",
            "EDGE_SCORE_ON_ALARM": f"cat >> {self.told}",
            "EDGE_SCORE_ON_FAILURE": f"cat >> {self.told}",
        }
        # Messages that the ledger holds for taken, and how often they had been told by then.
        self.taken: dict[str, int] = {}

    def kill(self, phase: str | None = None, **variables: str) -> bool:
        """Whether a run was killed, at a phase or at any moment, before it came to its end."""
        self.path.write_bytes(bytes(1 + len(PHASES)))
        variables = self.settings | variables
        page = self.station.out / "report.html"
        if page.exists():
            # Long ago, so that it is due.
            os.utime(page, (0.0, 0.0))
        aimed: dict[str, object] = {}
        if phase is not None:
            once = ("imports", "status", "page")
            count = 1 if phase in once else self.random.randint(1, self.entries)
            # Processes that come late would miss what is over in a moment: it kills itself.
            aimed["STATION_KILL"] = f"{phase} {count} {self.random.uniform(0.0, LASTS[phase])}"
        with (
            self.path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as trace,
            self.station.start(
                "--once",
                STATION_TRACE=self.path,
                STATION_CLOCK=self.clock,
                **aimed | variables,
            ) as process,
        ):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(None if phase else self.random.uniform(0.0, self.runs_last))
            process.kill()
            _, said = process.communicate()
            # An interpreter that ends has no handlers any more: the timer itself kills it.
            if process.returncode not in (-signal.SIGKILL, -signal.SIGALRM):
                assert process.returncode == 0, said
                return False
            self.hit[PHASES[trace[0]]] += 1
        self._look()
        kills = self.hit.total()
        # Now and then a day goes by; else the station is on again within a second or an hour.
        stride = self.random.choice([0.0, 1.0, 61.0, 3601.0])
        self.clock += DAY_S if kills % CUTS_A_DAY == 0 else stride
        return True

    def finish(self, reference: dict[str, bytes], **variables: str) -> None:
        """Leave the station in peace until all pauses are over, and look what it made."""
        self.station.nothing_is_blamed()
        for _ in range(2):
            done = self.station.run(STATION_CLOCK=self.clock, **self.settings | variables)
            assert (done.code, done.lines()) == (0, []), done.err
            self.clock += DAY_S
        self.station.is_whole(reference)
        self._look()
        self._alarms_are_told()

    def _look(self) -> None:
        """See that files are whole at any moment, and that what was taken is told no more."""
        out = self.station.out
        if (out / "status.json").exists():
            json.loads((out / "status.json").read_bytes())
        if (out / "alarms.geojson").exists():
            json.loads((out / "alarms.geojson").read_bytes())
        if (out / "report.html").exists():
            assert (out / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
        told = Counter(self.told.read_text(encoding="utf-8").splitlines())
        for text, times in self.taken.items():
            assert told[text] == times
        rows = self.station.query("SELECT content FROM outbox WHERE done_at IS NOT NULL")
        for (text,) in rows:
            assert told[text] >= 1
            self.taken.setdefault(text, told[text])

    def _alarms_are_told(self) -> None:
        """Hold ``alarms.jsonl`` against the results, and what was told against both."""
        out = self.station.out
        listed = [json.loads(line) for line in (out / "alarms.jsonl").read_bytes().splitlines()]
        newest = max((a["alarm"]["time"] for a in listed), default="")
        found = [
            record
            for path in out.glob("*_??????.jsonl")
            for record in map(json.loads, path.read_bytes().splitlines())
            # Two missions lie years apart, and the files reach back a month.
            if record["type"] == "alarm" and record["time"][:7] == newest[:7]
        ]
        by_time = {(a["half_orbit"], a["time"]): a for a in found}
        assert {(a["alarm"]["half_orbit"], a["alarm"]["time"]) for a in listed} >= by_time.keys()
        told = [json.loads(line) for line in self.told.read_bytes().splitlines()]
        for entry in listed:
            alarm = entry["alarm"]
            if alarm["time"][:7] == newest[:7]:
                assert alarm == by_time[alarm["half_orbit"], alarm["time"]]
            assert any(t["alarm"] == alarm and t["state"] != "withdrawn" for t in told)

    def doubles(self) -> int:
        """Messages that were told once more than they had to."""
        lines = self.told.read_bytes().splitlines()
        return len(lines) - len(set(lines))

    def figures(self) -> str:
        hit = ", ".join(f"{phase} {self.hit[phase]}" for phase in PHASES)
        lines = len(self.told.read_bytes().splitlines())
        return f"{hit}; {lines} messages told, {self.doubles()} of them once more"


def test_a_few_kills_lose_nothing(
    station: Any, tmp_path: Path, reference: Callable[..., dict[str, bytes]], eager: str
) -> None:
    bundle = {"EDGE_SCORE_BUNDLE": eager}
    killer = Killer(station, tmp_path, runs_last=1.5)
    # What lets work be left comes first.
    early = ("imports", "reading", "scoring", "writing", "ledger", "alarms")
    for phase in (*early, "alarms", "writing", *early[1:], *("telling", "status", "page") * 2):
        killer.kill(phase, **bundle)
        # Beyond the pause before a half-orbit is tried again.
        killer.clock += 3601.0
    killer.finish(reference(**bundle), **bundle)
    print(f"\nseed {SEED}: killed at {killer.figures()}")
    # How many of them hit depends on the machine; that nothing is lost does not.
    assert killer.hit.total()


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing(
    new_station: Any,
    dozen: list[Path],
    tmp_path: Path,
    reference: Callable[..., dict[str, bytes]],
    eager: str,
) -> None:
    station = new_station(dozen)
    # After each round everything is due again under other settings, over the earlier results.
    bundle = {"EDGE_SCORE_BUNDLE": eager}
    settings = (bundle, {"EDGE_SCORE_MIN_COVERAGE": "0.9"})
    began = time.monotonic()
    reference(**settings[0]), reference(**settings[1])
    killer = Killer(station, tmp_path, runs_last=(time.monotonic() - began) / 2)
    killer.entries = 3
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
