"""Days of a simulated station in simulated time, and its status against the simulation's diary.

All files are simulated. Nothing of the station is asked but what it tells everybody: exit codes,
result files, messages, and ``edge-score status --json``.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge import cli, scoring
from edge.errors import EdgeError
from edge.readers.names import parse_name

SEED = 20261126
BEGIN = datetime(2020, 3, 2)
RUNS_A_DAY = 4
ORBITS_A_DAY = 4
DAY = timedelta(days=1)


class Clock:
    """The time of the simulation, and how far the station's clock is from it."""

    def __init__(self) -> None:
        self.now = BEGIN.replace(tzinfo=UTC).timestamp()
        self.off = 0.0

    def __call__(self) -> float:
        return self.now + self.off


class Simulation:
    """A station and what befalls it, written down.

    Attributes
    ----------
    scored, insufficient, day, failed, given_up, missing : dict of str to float
        Half-orbits by what must become of them, and when that was known.
    """

    def __init__(
        self, folder: Path, make_cses: Callable[..., Path], bundle: Path, clock: Clock
    ) -> None:
        self.folder, self.make, self.clock = folder, make_cses, clock
        self.random = random.Random(SEED)
        self.inbox, self.out, self.bundles = (folder / n for n in ("inbox", "out", "bundles"))
        self.sky = folder / "sky"
        for path in (self.inbox, self.sky, self.bundles, self.inbox / "again"):
            path.mkdir()
        self.told = folder / "told.jsonl"
        self.told.touch()
        assert self.command("bundle", "install", bundle, "--to", self.bundles) == 0
        config = folder / "edge-score.toml"
        config.write_text(
            f'bundle = "{self.bundles / "current"}"\npage = true\n'
            f'on_alarm = "cat >> {self.told}"\non_failure = "cat >> {self.told}"\n'
        )
        self.config = config
        self.orbit = 11000
        self.scored: dict[str, float] = {}
        self.insufficient: dict[str, float] = {}
        self.day: dict[str, float] = {}
        self.failed: dict[str, float] = {}
        self.given_up: dict[str, float] = {}
        self.missing: list[str] = []
        self.taken: dict[str, float] = {}
        #: Files on their way: when they come, and to which half-orbit.
        self.late: list[tuple[float, Path]] = []
        self.arrived = 0.0
        #: What came since the last run, and what must become of it.
        self.came: list[tuple[dict[str, float], str]] = []
        self.poisoned = ""

    @staticmethod
    def command(*arguments: object) -> int:
        """Run ``edge-score`` in this process, whose time is that of the simulation."""
        handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            return cli.app([*map(str, arguments)], standalone_mode=False) or 0
        except EdgeError as error:
            cli._complain(error)
            return error.exit_code
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def run(self) -> int:
        return self.command(
            *("stream", self.inbox, "--out", self.out, "--once", "--config", self.config)
        )

    def take(self, what: str) -> None:
        """Let the satellite pass over once more."""
        self.orbit += 1
        now = datetime.fromtimestamp(self.clock.now, UTC).replace(tzinfo=None)
        # In the first hours of the day, when it is dark where these tracks lie.
        start = datetime.combine(now, datetime.min.time()) + timedelta(minutes=3 * now.hour)
        n = 15 if what == "short" else 300
        path = self.make("LAP_1", n, start=start, orbit=self.orbit, folder=self.sky,
                         direction=0 if what == "day" else 1)  # fmt: skip
        key = parse_name(path).half_orbit
        self.taken[key] = self.clock.now
        if what == "missing":
            self.missing.append(key)
            return
        if what == "late":
            due = self.clock.now + self.random.uniform(0.5, 2.5) * DAY.total_seconds()
            self.late.append((due, path))
            return
        if what == "damaged":
            path.write_bytes(path.read_bytes()[:1000])
        if what == "poisoned":
            self.poisoned = key
        if what == "doubled":
            self.arrive(path, self.inbox / "again")
        self.arrive(path, self.inbox, what)

    def arrive(self, path: Path, folder: Path, what: str = "") -> None:
        shutil.copy(path, folder)
        key = parse_name(path).half_orbit
        if what == "poisoned":
            return
        kinds = {"short": self.insufficient, "day": self.day, "damaged": self.failed}
        self.came.append((kinds.get(what, self.scored), key))

    def pass_time(self, days: int, upgrade: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let days go by, with everything that can happen to a station."""
        common = ("good", "good", "good", "late", "doubled", "short", "day", "missing", "damaged")
        # Each happens at least once.
        plan = ["good", *common[3:], "poisoned"]
        plan += [*self.random.choices(common, k=days * ORBITS_A_DAY - len(plan) - 1), "good"]
        gave_up = 0
        step = DAY.total_seconds() / RUNS_A_DAY
        for number in range(days * RUNS_A_DAY):
            today, hour = divmod(number, RUNS_A_DAY)
            # Half-orbits come between two runs.
            for what in plan[number * ORBITS_A_DAY // RUNS_A_DAY :][: ORBITS_A_DAY // RUNS_A_DAY]:
                self.take(what)
            self.clock.now += step
            # A battery that is empty, and a date that is set wrongly; right again at the next run.
            self.clock.off = {(0, 2): 3 * DAY.total_seconds(), (1, 1): -self.clock.now + 9e8}.get(
                (today, hour), 0.0
            )
            for due, path in [*self.late]:
                if due <= self.clock.now and not self.clock.off:
                    self.late.remove((due, path))
                    self.arrive(path, self.inbox)
            if number == days * RUNS_A_DAY // 2:
                code = self.command("bundle", "install", upgrade, "--to", self.bundles)
                assert code == 0
                # All that lies in the inbox is scored again; a day side depends on no bundle.
                for found in (self.scored, self.insufficient, self.failed):
                    for key in found:
                        found[key] = self.clock()
            for found, key in self.came:
                found[key] = self.clock()
            self.arrived = self.clock() if self.came else self.arrived
            self.came.clear()
            if (today, hour) == (1, 3):
                with monkeypatch.context() as full:
                    full.setattr(os, "fsync", no_space)
                    assert self.run() == 2
            assert self.run() in (0, 2)
            # The first run that says so.
            said = self.told.read_text(encoding="utf-8").count("5 times in a row")
            if said > gave_up:
                gave_up, self.given_up[self.poisoned] = said, self.clock()

    def status(self, capfd: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
        capfd.readouterr()
        code = self.command("status", self.out, "--json", "--config", self.config)
        return code, json.loads(capfd.readouterr().out)


def no_space(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time of the simulation in place of this computer's."""
    found = Clock()
    monkeypatch.setattr(time, "time", found)
    return found


@pytest.mark.parametrize("days", [4, pytest.param(14, marks=pytest.mark.slow)])
def test_status_tells_what_happened(
    days: int,
    tmp_path: Path,
    make_cses: Callable[..., Path],
    copy_bundle: Callable[..., Path],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    first = copy_bundle(tmp_path / "first", threshold=0.4)
    second = copy_bundle(tmp_path / "second", threshold=0.05, name="plasma second")
    station = Simulation(tmp_path, make_cses, first, clock)
    read = scoring.Scorer.read

    def poisoned(self: scoring.Scorer, files: Any) -> Any:
        if any(name.half_orbit == station.poisoned for name in files.values()):
            raise RuntimeError("a fault of this program's own")
        return read(self, files)

    monkeypatch.setattr(scoring.Scorer, "read", poisoned)
    station.pass_time(days, second, monkeypatch)
    code, told = station.status(capfd)
    diary = {k: v for k, v in vars(station).items() if isinstance(v, dict | list)}
    print(diary)
    assert code == 1

    def since(found: dict[str, float], span: timedelta) -> int:
        return sum(at >= clock.now - span.total_seconds() for at in found.values())

    for name, span in (("day", DAY), ("week", 7 * DAY)):
        counts = told[name]
        print(name, counts)
        assert counts["scored"] == since(station.scored, span)
        assert counts["insufficient"] == since(station.insufficient, span)
        assert counts["day"] == since(station.day, span)
        assert counts["failed"] == since(station.failed | station.given_up, span)
    week = clock.now - 7 * DAY.total_seconds()
    recent = sorted(k for k, at in station.failed.items() if at >= week)
    assert [t["half_orbit"] for t in told["failed"]] == recent
    assert all(t["reason"] for t in told["failed"])
    assert [t["half_orbit"] for t in told["given_up"]] == [station.poisoned]
    assert "a fault of this program's own" in told["given_up"][0]["reason"]
    # Of an orbit whose day side came, or nothing, the night side never did.
    nights = [*station.scored, *station.insufficient]
    seen = sorted(k for k in nights if station.taken[k] >= week)
    never = {*station.missing, *(f"{k[:-1]}1" for k in station.day)}
    assert told["gaps"] == sorted(k for k in never if seen[0] < k < seen[-1])
    # Alarms: of all that stand each was told, and status shows those that are valid still.
    messages = [json.loads(line) for line in station.told.read_bytes().splitlines()]
    alarms = [m["alarm"] for m in messages if "alarm" in m and m["state"] != "withdrawn"]
    listed = [
        json.loads(line)["alarm"]
        for line in (station.out / "alarms.jsonl").read_bytes().splitlines()
    ]
    assert all(alarm in alarms for alarm in listed)
    assert {a["half_orbit"] for a in listed} == {*station.scored}
    at = datetime.fromtimestamp(clock.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert [a["alarm"] for a in told["alarms"]] == [a for a in listed if a["valid_until"] >= at]
    failures = [m["reason"] for m in messages if "reason" in m]
    for key in (*station.failed, station.poisoned):
        assert any(key.removeprefix("CSES_") in reason for reason in failures)
    assert len(messages) == len({json.dumps(m) for m in messages})
    assert told["retried"] == []
    assert told["waiting"] == 0
    assert told["bundle"] == "plasma second"
    assert datetime.fromisoformat(told["last_arrival"]).timestamp() == station.arrived
    assert datetime.fromisoformat(told["last_run"]).timestamp() == clock.now
    # Results: of what was scored, and of nothing else.
    results = {p.stem for p in station.out.glob("CSES_*.jsonl")}
    assert results == {*station.scored, *station.insufficient}
    assert list(station.out.glob(".*.tmp")) == []
    assert json.loads((station.out / "status.json").read_bytes())["week"] == told["week"]
