"""What retention removes, and all that it never does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge.cli import app
from edge.config import Settings
from edge.events import Idle, Ignored, Problem, Removed
from edge.inbox import look_at
from edge.ledger import LEDGER_FILE, AlarmRecord, FileRecord, HalfOrbitRecord, Ledger, Pruned
from edge.observables import PLASMA
from edge.outputs import result_paths
from edge.plan import HalfOrbitFiles
from edge.results import WrittenFile
from edge.station import retention
from edge.station.alarms import stamp
from edge.station.diary import Diary
from edge.station.retention import (
    RetentionPlan,
    make_plan,
    newest_acquisition,
    prune_when_due,
    remove,
)
from edge.stream import Stream

DAY = 86_400.0
NOW = 1_795_000_000.0
BOTH = Settings(keep_input_days=10, keep_results_days=10)
OLD, NEW = "CSES_000011", "CSES_000031"


def name(orbit: int, end: float, payload: str = "LAP_1") -> str:
    begin, until = (time.strftime("%Y%m%d_%H%M%S", time.gmtime(t)) for t in (end - 2400, end))
    return f"CSES_01_{payload}_L02_A3_{orbit:05d}1_{begin}_{until}_000.h5"


class Station:
    """An inbox and an output folder whose half-orbits are done, without a scorer."""

    def __init__(self, folder: Path) -> None:
        self.inbox, self.out = folder / "inbox", folder / "out"
        self.inbox.mkdir()
        self.out.mkdir()

    def add(self, orbit: int, end: float, status: Any = "done", **record: Any) -> list[Path]:
        """Add a half-orbit of two payloads with its results."""
        key = f"CSES_{orbit:05d}1"
        made = []
        for payload in ("LAP_1", "PAP_0"):
            path = self.inbox / "2026" / name(orbit, end, payload)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x" * 1000)
            made.append(FileRecord.of(look_at(path, f"2026/{path.name}"), "done"))
        written = []
        for path in result_paths(self.out, key):
            path.write_text(key)
            s = path.stat()
            sha = retention.is_intact.__globals__["_sha256"](path.read_bytes())
            written.append(WrittenFile(path.name, s.st_size, s.st_mtime_ns, sha))
        values = {"end": stamp(end), "windows": 5, "side": "night", **record}
        with self.ledger() as ledger:
            ledger.record(
                made, HalfOrbitRecord(key=key, status=status, parameters="p", **values), written
            )
        return [self.inbox / f.path for f in made]

    def ledger(self) -> Ledger:
        return Ledger(self.out / LEDGER_FILE)

    def plan(self, settings: Settings = BOTH, now: float = NOW) -> list[str]:
        with self.ledger() as ledger:
            return [p.name for p in make_plan(self.inbox, self.out, ledger, settings, now).files]

    def prune(self, settings: Settings = BOTH, now: float = NOW) -> list[Problem | Removed]:
        with self.ledger() as ledger:
            plan = make_plan(self.inbox, self.out, ledger, settings, now)
            return list(remove(plan, self.inbox, self.out, ledger))

    def due(self, parameters: str = "p") -> list[Any]:
        """What a stream would do."""

        def never() -> Any:
            raise AssertionError

        work = Stream(self.inbox, self.out, PLASMA, parameters, never)
        with self.ledger() as ledger:
            return list(work.due(ledger))


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """One half-orbit of 30 days ago, three of today."""
    made = Station(tmp_path)
    made.add(1, NOW - 30 * DAY)
    for orbit in (2, 3, 4):
        made.add(orbit, NOW - orbit * 6000)
    return made


def kept(station: Station, orbit: int = 1) -> bool:
    """Whether nothing of a half-orbit would go."""
    return not any(f"{orbit:05d}1" in n for n in station.plan())


def test_what_is_old_goes_and_the_ledger_keeps_it(station: Station) -> None:
    assert len(station.plan()) == 5
    assert [type(e) for e in station.prune()] == [Removed]
    assert not list(station.inbox.rglob("*000011*"))
    assert not list(station.out.glob(f"{OLD}*"))
    assert len(list(station.inbox.rglob("*.h5"))) == 6
    with station.ledger() as ledger:
        record = ledger.half_orbit(OLD)
        assert record is not None
        assert (record.status, record.windows) == ("done", 5)
        assert [f.status for f in ledger.files_of(OLD)] == ["done", "done"]
        assert len(ledger.pruned(OLD)) == 5
    assert station.due() == []
    assert station.plan() == []


def test_folders_stay_that_are_empty(station: Station) -> None:
    for path in station.inbox.rglob("*.h5"):
        os.utime(path)
    for path in station.inbox.rglob("*0000[234]1*"):
        path.unlink()
    station.prune(Settings(keep_input_days=10))
    assert (station.inbox / "2026").is_dir()


@pytest.mark.parametrize("status", ["running", "failed", "retry", "given up"])
def test_what_is_not_done_stays(station: Station, status: str) -> None:
    station.add(1, NOW - 30 * DAY, status)
    assert kept(station)


def test_what_is_due_again_stays(station: Station) -> None:
    station.add(1, NOW - 30 * DAY, retry_at=NOW)
    assert kept(station)


@pytest.mark.parametrize("status", ["failed", "refused", "running"])
def test_a_half_orbit_stays_whole_while_one_file_is_not_done(station: Station, status: Any) -> None:
    path = next(station.inbox.rglob("*LAP_1*000011*"))
    with station.ledger() as ledger:
        ledger.record([FileRecord.of(look_at(path, f"2026/{path.name}"), status, "why")])
    assert not any("000011_" in n for n in station.plan())


def test_what_settles_or_waits_stays(station: Station) -> None:
    path = next(station.inbox.rglob("*LAP_1*000011*"))
    with station.ledger() as ledger:
        ledger.remember({}, {f"wait 2026/{path.name}": ("", NOW)})
    assert not any("000011_" in n for n in station.plan())


def test_a_late_payload_that_nobody_saw_yet_keeps_its_siblings(station: Station) -> None:
    (station.inbox / name(1, NOW - 30 * DAY, "HPM_5")).write_bytes(b"late")
    assert not any("000011_" in n for n in station.plan())


def test_an_alarm_that_is_valid_by_either_time_stays(station: Station) -> None:
    with station.ledger() as ledger:
        record = ledger.half_orbit(OLD)
        until = stamp(NOW - 6000)
        ledger.record([], record, None, [AlarmRecord(OLD, "t", 1, until, "{}")])
    # By the clock it is over, by the newest acquisition it is not.
    assert kept(station)
    assert not [n for n in station.plan(now=NOW - DAY) if OLD in n]


def test_files_of_others_stay(station: Station) -> None:
    foreign = [station.out / n for n in ("report.html", "CSES_000990.jsonl", ".cron.lock", "a.csv")]
    foreign += [station.inbox / "2026" / n for n in ("notes.txt", name(90, NOW - 90 * DAY))]
    for path in foreign:
        path.write_text("mine")
    station.prune()
    assert all(path.exists() for path in foreign)


@pytest.mark.parametrize("now", [0.0, NOW - 3000 * DAY])
def test_a_clock_that_is_behind_removes_nothing(station: Station, now: float) -> None:
    assert station.plan(now=now) == []


def test_a_clock_that_jumped_removes_nothing_that_it_alone_makes_old(station: Station) -> None:
    assert station.plan(now=NOW + 4000 * DAY) == station.plan()
    with station.ledger() as ledger:
        plan = make_plan(station.inbox, station.out, ledger, BOTH, NOW + 4000 * DAY)
    assert "the clock says 2037" in plan.notes[0]


def test_a_damaged_file_of_2099_makes_nothing_old(station: Station) -> None:
    station.add(9, NOW + 26000 * DAY)
    assert station.plan(now=NOW + 30000 * DAY) == station.plan()
    assert not any("000091" in n for n in station.plan())


@given(
    st.lists(st.floats(NOW - 400 * DAY, NOW), max_size=30),
    st.lists(st.floats(NOW + 10 * DAY, NOW + 30000 * DAY), max_size=2),
)
def test_two_outliers_make_no_newest_acquisition(good: list[float], bad: list[float]) -> None:
    found = newest_acquisition(good + bad)
    assert found is None or found <= NOW
    if found is not None:
        assert sum(found - 3 * DAY <= t <= found for t in good) >= 3


def test_files_that_are_reached_by_a_link_stay(station: Station, tmp_path: Path) -> None:
    elsewhere = tmp_path / "archive"
    with station.ledger() as ledger:
        plan = make_plan(station.inbox, station.out, ledger, BOTH, NOW)
        # Between plan and removal the folder becomes a link.
        (station.inbox / "2026").rename(elsewhere)
        (station.inbox / "2026").symlink_to(elsewhere)
        events = list(remove(plan, station.inbox, station.out, ledger))
    assert isinstance(events[0], Problem)
    assert len(list(elsewhere.iterdir())) == 8
    assert station.plan() == []


def test_a_link_in_place_of_a_file_stays(station: Station, tmp_path: Path) -> None:
    path = next(station.inbox.rglob("*LAP_1*000011*"))
    target = path.rename(tmp_path / "target")
    path.symlink_to(target)
    station.prune()
    assert path.is_symlink()
    assert target.exists()


def test_names_that_lead_out_of_the_inbox_are_refused(station: Station, tmp_path: Path) -> None:
    path = tmp_path / name(1, NOW - 30 * DAY, "HPM_5")
    path.write_bytes(b"outside")
    with station.ledger() as ledger:
        ledger.record([FileRecord.of(look_at(path, f"../{path.name}"), "done")])
        assert f"../{path.name}" not in station.plan()
        forged = Pruned(kind="input", name=f"../{path.name}", half_orbit=OLD, size=7, mtime_ns=0)
        (event,) = remove(RetentionPlan(files=[forged]), station.inbox, station.out, ledger)
    assert "leads out of the folder" in event.message
    assert path.exists()


def test_a_file_that_was_replaced_between_plan_and_removal_stays(station: Station) -> None:
    path = next(station.inbox.rglob("*LAP_1*000011*"))
    result = station.out / f"{OLD}.csv"
    with station.ledger() as ledger:
        plan = make_plan(station.inbox, station.out, ledger, BOTH, NOW)
        path.write_bytes(b"y" * 1000)
        os.utime(path, ns=(1, 1))
        result.write_text("another")
        events = list(remove(plan, station.inbox, station.out, ledger))
        assert [type(e) for e in events] == [Problem, Problem, Removed]
        assert path.exists()
        assert result.exists()
        assert [r.name for r in ledger.results_of(OLD)] == [result.name]


def test_an_inbox_that_is_read_only_is_told_and_nothing_is_recorded(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(retention.os, "unlink", refuse)
    events = station.prune()
    assert [type(e) for e in events] == [Problem]
    assert "5 files cannot be removed" in events[0].message
    with station.ledger() as ledger:
        assert ledger.pruned() == []
        assert len(ledger.results_of(OLD)) == 3
    assert station.due() == []


@pytest.mark.parametrize("survived", [0, 1, 3, 4])
def test_a_kill_between_record_and_removal_scores_nothing_again(
    station: Station, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    unlink, calls = os.unlink, []

    def killed(*arguments: Any, **more: Any) -> None:
        calls.append(arguments)
        if len(calls) > survived:
            raise KeyboardInterrupt
        unlink(*arguments, **more)

    monkeypatch.setattr(retention.os, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        station.prune()
    monkeypatch.undo()
    assert station.due() == []
    station.prune()
    assert not list(station.out.glob(f"{OLD}*"))
    assert not list(station.inbox.rglob("*000011*"))
    assert station.due() == []


def test_runs_that_are_killed_lose_no_result_of_what_stays(
    station: Station, tmp_path: Path
) -> None:
    for orbit in range(10, 130):
        station.add(orbit, NOW - 30 * DAY)
    config = tmp_path / "settings.toml"
    config.write_text("keep_input_days = 10\nkeep_results_days = 10\n")
    call = [sys.executable, "-m", "edge.cli", "prune", str(station.out), "--yes"]
    call += ["--inbox", str(station.inbox), "--config", str(config)]
    killed = 0
    left = len(station.plan())
    for _ in range(20):
        with subprocess.Popen(call, stdout=subprocess.DEVNULL) as process:
            before = len(list(station.inbox.rglob("*.h5"))) + len(list(station.out.iterdir()))
            while process.poll() is None:
                time.sleep(0.001)
                now = len(list(station.inbox.rglob("*.h5"))) + len(list(station.out.iterdir()))
                if now < before - 20:
                    process.kill()
            killed += process.returncode == -9
        assert station.due() == []
        left = len(station.plan())
        if not left:
            break
    assert not left
    assert killed
    assert len(list(station.inbox.rglob("*.h5"))) == 6
    assert len([p for p in station.out.iterdir() if p.name.startswith("CSES")]) == 9


@pytest.mark.parametrize("settings", [BOTH, Settings(keep_input_days=10)])
def test_a_late_payload_of_what_was_pruned_is_refused(station: Station, settings: Settings) -> None:
    station.prune(settings)
    (station.inbox / name(1, NOW - 30 * DAY, "HPM_5")).write_bytes(b"late")
    (event,) = station.due()
    assert isinstance(event, Problem)
    assert "removed from the inbox by retention" in event.message
    assert ("counts are kept" in event.message) == (settings is BOTH)
    assert station.due() == []


def copies(station: Station, tmp_path: Path) -> Callable[[str], None]:
    """Keep a mirror's copies, to bring them again as rsync does."""
    mirror = tmp_path / "mirror"
    shutil.copytree(station.inbox, mirror)

    def bring(pattern: str) -> None:
        for path in mirror.rglob(pattern):
            shutil.copy2(path, station.inbox / path.relative_to(mirror))

    return bring


@pytest.mark.parametrize("pattern", ["*000011*", "*LAP_1*000011*"])
@pytest.mark.parametrize("settings", [BOTH, Settings(keep_input_days=10)])
def test_the_same_files_coming_again_are_not_scored(
    station: Station, tmp_path: Path, settings: Settings, pattern: str
) -> None:
    bring = copies(station, tmp_path)
    station.prune(settings)
    bring(pattern)
    (event,) = station.due()
    assert isinstance(event, Ignored)
    assert "came again" in event.message
    assert station.due() == []
    station.prune(settings)
    assert not list(station.inbox.rglob("*000011*"))


def test_a_mirror_that_brings_all_again_makes_one_line(station: Station, tmp_path: Path) -> None:
    station.add(5, NOW - 20 * DAY)
    bring = copies(station, tmp_path)
    station.prune()
    bring("*_0000[15]1_*")
    (event,) = station.due()
    assert isinstance(event, Ignored)
    assert event.message.endswith("(and 1 more half-orbits)")


def test_files_that_are_put_back_are_scored_where_something_asks_for_them(
    station: Station, tmp_path: Path
) -> None:
    bring = copies(station, tmp_path)
    station.prune(Settings(keep_input_days=10))
    bring("*000011*")
    (station.out / f"{OLD}.csv").unlink()
    (work,) = station.due()
    assert isinstance(work, HalfOrbitFiles)
    assert len(work.files) == 2


def full(monkeypatch: pytest.MonkeyPatch, free: float) -> None:
    usage = SimpleNamespace(free=int(free))
    monkeypatch.setattr(retention.shutil, "disk_usage", lambda _: usage)


def test_a_full_disk_takes_the_oldest_input_first_and_no_more_than_it_needs(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    station.add(5, NOW - 20 * DAY)
    settings = Settings(keep_disk_free=1.0)
    full(monkeypatch, 1e9)
    assert station.plan(settings) == []
    full(monkeypatch, 1e9 - 1500)
    assert ["000011" in n and n.endswith(".h5") for n in station.plan(settings)] == [True, True]
    full(monkeypatch, 1e9 - 4001)
    found = station.plan(settings)
    assert [n.endswith(".h5") for n in found] == [True] * 4 + [False]
    assert OLD in found[4]


def test_a_disk_that_another_program_fills_does_not_take_the_newest_day(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    full(monkeypatch, 0)
    with station.ledger() as ledger:
        plan = make_plan(station.inbox, station.out, ledger, Settings(keep_disk_free=1.0), NOW)
    assert {p.half_orbit for p in plan.files} == {OLD}
    assert "got 0.00 GB with all removed" in plan.notes[-1]


def test_a_stream_prunes_once_an_hour_and_only_when_asked(station: Station) -> None:
    idle = Idle(half_orbits=0, failed=0, waiting=0)
    with station.ledger() as ledger:
        assert Diary(station.out, ledger, Settings(), True, station.inbox).note(idle) == []
        assert list(prune_when_due(station.inbox, station.out, ledger, BOTH, NOW))
        station.add(6, NOW - 20 * DAY)
        assert not list(prune_when_due(station.inbox, station.out, ledger, BOTH, NOW + 3000))
        assert list(prune_when_due(station.inbox, station.out, ledger, BOTH, NOW + 3700))
        station.add(7, NOW - 20 * DAY)
        # A clock that was ahead holds nothing back.
        assert list(prune_when_due(station.inbox, station.out, ledger, BOTH, NOW))
        station.add(8, NOW - 20 * DAY)
        (event,) = Diary(station.out, ledger, BOTH, True, station.inbox).note(idle)
        assert isinstance(event, Removed)


def test_the_command_says_what_would_go_and_removes_it_when_told(
    station: Station, tmp_path: Path
) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("keep_input_days = 10\nkeep_results_days = 10\n")
    call = ["prune", str(station.out), "--config", str(config), "--inbox", str(station.inbox)]
    before = sorted(tmp_path.rglob("*"))
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0
    assert "would remove 2 files of the inbox (0.0 MB) and 3 files of results" in done.output
    assert sorted(tmp_path.rglob("*")) == before
    done = CliRunner().invoke(app, [*call, "--yes"])
    assert done.exit_code == 0
    assert "removed 2 files of the inbox" in done.output
    assert not list(station.out.glob(f"{OLD}*"))
    assert list(station.out.glob(f"{NEW}*"))
    done = CliRunner().invoke(app, ["prune", str(station.out)])
    assert "are not set" in done.output


def test_the_page_gives_way_first_where_the_disk_runs_full(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = station.out / "report.html"
    keep = Settings(page=True, keep_disk_free=2.0)
    with station.ledger() as ledger:
        full(monkeypatch, 1.9e9)
        Diary(station.out, ledger, keep, True).end(0)
        assert not page.exists()
        assert (station.out / "status.json").exists()
        full(monkeypatch, 2.1e9)
        Diary(station.out, ledger, keep, True).end(0)
        assert page.exists()


def test_results_within_the_inbox_are_no_input(tmp_path: Path) -> None:
    station = Station(tmp_path)
    station.out.rmdir()
    station.out = station.inbox / "out"
    station.out.mkdir()
    for orbit, age in ((1, 30), (2, 0.1), (3, 0.2), (4, 0.3)):
        station.add(orbit, NOW - age * DAY)
    assert len(station.plan()) == 5
    assert len(station.plan(Settings(keep_input_days=10))) == 2


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_only_what_is_done_and_old_by_both_times_goes(data: st.DataObject) -> None:
    ages = st.floats(-20000.0, 400.0)
    statuses = st.sampled_from(["done", "failed", "retry", "given up", "running"])
    with tempfile.TemporaryDirectory() as folder:
        station = Station(Path(folder))
        drawn = data.draw(st.lists(st.tuples(ages, statuses), min_size=3, max_size=8))
        for orbit, (age, status) in enumerate(drawn):
            station.add(orbit, NOW - age * DAY, status)
        now = NOW + data.draw(st.floats(-20000.0, 4000.0)) * DAY
        for planned in station.plan(now=now):
            orbit = next(n for n in range(len(drawn)) if f"{n:05d}1" in planned)
            age, status = drawn[orbit]
            assert status == "scored"
            assert NOW - age * DAY < now - 10 * DAY
            others = [a for a, s in drawn if s == "done" and a < age - 9.99]
            assert len(others) >= 3
