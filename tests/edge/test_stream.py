"""Files in, results out, nothing lost."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import h5py
import pytest

from edge import ledger_file, stream
from edge.bundle import load_bundle, models_path
from edge.errors import Busy, ConfigError, InputError, LedgerError, StationError
from edge.events import DaySide, Event, Idle, Ignored, Problem, Scored, Settling, Waiting
from edge.ledger import LEDGER_FILE, Ledger
from edge.observables import PLASMA, PROFILES, Profile
from edge.plan import PAUSES_S
from edge.readers import opening
from edge.readers.halforbit import HalfOrbit, Payload
from edge.readers.names import FileName, parse_name
from edge.scoring import Scorer
from edge.stream import Stream
from edge.watching import hold, watch

Turn = Callable[..., list[Event]]


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(load_bundle())


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def turn(inbox: Path, out: Path, scorer: Scorer) -> Turn:
    def run(parameters: str = "p", wait: float = 0.0) -> list[Event]:
        work = Stream(inbox, out, PLASMA, parameters, lambda: scorer, wait=wait)
        with Ledger(out / LEDGER_FILE) as ledger:
            return list(work.turn(ledger))

    return run


@pytest.fixture(scope="module")
def half_orbit(simulated_cses: Path) -> dict[str, Path]:
    """The files of one simulated half-orbit, by payload."""
    files = sorted(simulated_cses.glob("*.h5"))
    key = parse_name(files[0]).half_orbit
    return {n.payload: f for f in files if (n := parse_name(f)).half_orbit == key}


def scored(events: list[Event]) -> list[Scored]:
    return [e for e in events if isinstance(e, Scored)]


def results(out: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in sorted(out.iterdir()) if f.suffix != ".sqlite"}


def test_a_half_orbit_is_scored_once(turn: Turn, inbox: Path, half_orbit: dict[str, Path]) -> None:
    for file in half_orbit.values():
        shutil.copy(file, inbox)
    first = turn()
    assert len(scored(first)) == 1
    assert sorted(scored(first)[0].half_orbit.summary.payloads) == ["HPM_5", "LAP_1", "PAP_0"]
    assert first[-1] == Idle(half_orbits=1, failed=0, waiting=0)
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_a_late_payload_rescores_the_half_orbit_whole(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path]
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    assert scored(turn())[0].half_orbit.summary.payloads == ["LAP_1"]
    shutil.copy(half_orbit["HPM_5"], inbox)
    assert scored(turn())[0].half_orbit.summary.payloads == ["HPM_5", "LAP_1"]


def test_running_again_writes_the_same_bytes(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    for file in half_orbit.values():
        shutil.copy(file, inbox)
    turn()
    before = results(out)
    assert [Path(n).suffix for n in before] == [".csv", ".geojson", ".jsonl"]
    (out / LEDGER_FILE).unlink()
    turn()
    assert results(out) == before


def test_the_settings_say_which_files_are_written(
    turn: Turn, scorer: Scorer, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    for file in half_orbit.values():
        shutil.copy(file, inbox)
    turn()
    (before,) = [content for name, content in results(out).items() if name.endswith(".jsonl")]
    work = Stream(inbox, out, PLASMA, "q", lambda: scorer, formats=("jsonl",))
    with Ledger(out / LEDGER_FILE) as ledger:
        assert len(scored(list(work.turn(ledger)))) == 1
        # Files that are no longer asked for would be of the earlier parameters.
        assert list(results(out).values()) == [before]
        assert len(list(ledger.results())) == 1
        assert not scored(list(work.turn(ledger)))


def test_other_parameters_score_again(turn: Turn, inbox: Path, half_orbit: dict[str, Path]) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    turn("one bundle")
    assert len(scored(turn("another bundle"))) == 1


def test_a_bad_payload_is_masked_and_named_and_its_siblings_are_scored(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    bad = inbox / half_orbit["HPM_5"].name
    bad.write_bytes(half_orbit["HPM_5"].read_bytes()[:5000])
    events = turn()
    assert next(e.message for e in events if isinstance(e, Problem)).startswith(bad.name)
    summary = scored(events)[0].half_orbit.summary
    assert summary.payloads == ["LAP_1"]
    assert list(summary.failed) == ["HPM_5"]
    lines = (out / f"{summary.half_orbit}.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0])["failed"]["HPM_5"].startswith(bad.name)
    assert all(json.loads(line)["failed"] == ["HPM_5"] for line in lines[1:] if "window" in line)


def test_a_failure_is_never_stored_as_nothing_found(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    (inbox / half_orbit["LAP_1"].name).write_bytes(b"")
    events = turn()
    assert isinstance(events[0], Problem)
    assert scored(events) == []
    assert results(out) == {}
    with Ledger(out / LEDGER_FILE) as ledger:
        (record,) = ledger.half_orbits().values()
        (file,) = ledger.files().values()
    assert record.status == "failed"
    assert (file.status, file.reason) == ("failed", "is empty (0 bytes)")


def test_a_repaired_file_is_scored(turn: Turn, inbox: Path, half_orbit: dict[str, Path]) -> None:
    (inbox / half_orbit["LAP_1"].name).write_bytes(b"")
    turn()
    shutil.copy(half_orbit["LAP_1"], inbox)
    assert len(scored(turn())) == 1


def test_files_that_are_not_ours_are_told_once_and_left_alone(turn: Turn, inbox: Path) -> None:
    (inbox / "notes.txt").write_text("x", encoding="utf-8")
    (event, idle) = turn()
    assert isinstance(event, Ignored)
    assert event.message.startswith("notes.txt")
    assert idle == Idle(half_orbits=0, failed=0, waiting=0)
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]
    assert (inbox / "notes.txt").exists()


def test_a_damaged_name_is_a_problem_once(turn: Turn, inbox: Path) -> None:
    (inbox / "CSES_01_HPM_5_broken.h5").write_bytes(b"x")
    assert isinstance(turn()[0], Problem)
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_an_incomplete_half_orbit_waits_for_its_payloads(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its old time does not say that it has been here for long.
    shutil.copy2(half_orbit["LAP_1"], inbox)
    os.utime(inbox / half_orbit["LAP_1"].name, (1e9, 1e9))
    (event, idle) = turn(wait=3600.0)
    assert isinstance(event, Waiting)
    assert idle == Idle(half_orbits=0, failed=0, waiting=1)
    later = time.time() + 7200
    monkeypatch.setattr(time, "time", lambda: later)
    assert len(scored(turn(wait=3600.0))) == 1


def test_a_complete_half_orbit_does_not_wait(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path]
) -> None:
    for file in half_orbit.values():
        shutil.copy(file, inbox)
    assert len(scored(turn(wait=3600.0))) == 1


def test_a_late_payload_whose_siblings_are_gone_does_not_replace_their_result(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    turn()
    before = results(out)
    lap.unlink()
    shutil.copy(half_orbit["HPM_5"], inbox)
    (event, idle) = turn()
    assert isinstance(event, Problem)
    assert "its result is kept" in event.message
    assert idle == Idle(half_orbits=0, failed=1, waiting=0)
    assert results(out) == before
    shutil.copy(half_orbit["LAP_1"], inbox)
    assert scored(turn())[0].half_orbit.summary.payloads == ["HPM_5", "LAP_1"]


def test_siblings_that_are_put_back_unchanged_are_scored_with_the_late_one(
    turn: Turn, inbox: Path, tmp_path: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    turn()
    away = lap.rename(tmp_path / lap.name)
    shutil.copy(half_orbit["HPM_5"], inbox)
    assert isinstance(turn()[0], Problem)
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]
    away.rename(lap)
    assert scored(turn())[0].half_orbit.summary.payloads == ["HPM_5", "LAP_1"]


def test_a_file_that_is_moved_within_the_inbox_is_not_missed(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    turn()
    (inbox / "2020").mkdir()
    lap.rename(inbox / "2020" / lap.name)
    assert not any(isinstance(e, Problem) for e in turn())
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_a_later_version_of_a_payload_replaces_it(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    before = scored(turn())[0].half_orbit
    newer = inbox / lap.name.replace("_000.h5", "_001.h5")
    shutil.copy(lap, newer)
    with h5py.File(newer, "r+") as file:
        file["A311"][...] *= 2.0
    after = scored(turn())[0].half_orbit
    assert len(after.windows) == len(before.windows)
    assert [w.score for w in after.windows] != [w.score for w in before.windows]
    # The version that it replaced may go.
    lap.unlink()
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_a_broken_replacement_leaves_the_earlier_result_and_says_so(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    turn()
    before = results(out)
    lap.write_bytes(lap.read_bytes()[:4000])
    (event, idle) = turn()
    assert isinstance(event, Problem)
    assert "the earlier result of" in event.message
    assert idle == Idle(half_orbits=0, failed=1, waiting=0)
    assert results(out) == before


def test_results_that_were_deleted_are_made_again(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    turn()
    before = results(out)
    for name in before:
        (out / name).unlink()
    assert len(scored(turn())) == 1
    assert results(out) == before


def test_the_same_size_and_time_with_other_content_is_noticed(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    turn()
    status = lap.stat()
    with h5py.File(lap, "r+") as file:
        file["A311"][...] *= 2.0
    os.utime(lap, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert lap.stat().st_size == status.st_size
    assert len(scored(turn())) == 1


def test_payloads_of_other_profiles_are_left_alone(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path]
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    efd = half_orbit["LAP_1"].name.replace("LAP_1", "EFD_1").replace("_A3_", "_A1_")
    shutil.copy(half_orbit["LAP_1"], inbox / efd)
    # What is wanted comes first, however much else lies there.
    done, ignored, _ = turn()
    assert isinstance(ignored, Ignored)
    assert "not of the profile plasma" in ignored.message
    assert isinstance(done, Scored)
    assert done.half_orbit.summary.failed == {}
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_of_a_payload_that_came_twice_the_longer_file_is_kept(
    turn: Turn, inbox: Path, simulated_demeter: Path
) -> None:
    file = sorted(simulated_demeter.glob("DMT_N1_1144_*.DAT"))[0]
    shutil.copy(file, inbox)
    (inbox / "resent").mkdir()
    (inbox / "resent" / file.name).write_bytes(file.read_bytes()[: 289 * 100])
    track = scored(turn())[0].half_orbit
    assert len(track.windows) > 300


def test_when_results_cannot_be_written_nothing_is_recorded(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        turn()
    monkeypatch.undo()
    assert results(out) == {}
    for _ in range(7):
        # However often the disk was full, the half-orbit is not to blame.
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(ConfigError):
                turn()
    assert len(scored(turn())) == 1


def test_one_process_holds_an_output_folder(out: Path) -> None:
    with hold(out), pytest.raises(Busy, match="another edge-score"), hold(out):
        pass
    with hold(out):
        pass


def test_watching_outlives_an_inbox_that_is_gone_for_a_while(
    inbox: Path, out: Path, tmp_path: Path, scorer: Scorer, half_orbit: dict[str, Path]
) -> None:
    stop = threading.Event()
    work = Stream(inbox, out, PLASMA, "p", lambda: scorer)
    inbox.rename(tmp_path / "away")
    seen: list[Event] = []
    deadline = time.monotonic() + 60
    with Ledger(out / LEDGER_FILE) as ledger:
        for event in watch(work, ledger, inbox, 1.0, stop):
            seen.append(event)
            if isinstance(event, Problem):
                (tmp_path / "away").rename(inbox)
                shutil.copy(half_orbit["LAP_1"], inbox)
            if isinstance(event, Scored) or time.monotonic() > deadline:
                stop.set()
    assert isinstance(seen[0], Problem)
    assert len(scored(seen)) == 1


def test_leftovers_of_a_killed_process_are_removed(out: Path) -> None:
    (out / ".CSES_000011.jsonl.tmp").write_bytes(b"half")
    with hold(out):
        assert list(out.glob(".*.tmp")) == []


def test_watching_scores_what_arrives(
    inbox: Path, out: Path, scorer: Scorer, half_orbit: dict[str, Path]
) -> None:
    stop = threading.Event()
    work = Stream(inbox, out, PLASMA, "p", lambda: scorer)

    def arrive() -> Iterator[None]:
        part = inbox / (half_orbit["LAP_1"].name + ".part")
        shutil.copy(half_orbit["LAP_1"], part)
        part.rename(inbox / half_orbit["LAP_1"].name)
        yield

    arrival = arrive()
    seen: list[Event] = []
    deadline = time.monotonic() + 60
    with Ledger(out / LEDGER_FILE) as ledger:
        # A long poll: only a file event can end the wait in time.
        for event in watch(work, ledger, inbox, 600.0, stop):
            seen.append(event)
            if isinstance(event, Idle):
                next(arrival, None)
            if isinstance(event, Scored) or time.monotonic() > deadline:
                stop.set()
    assert len(scored(seen)) == 1


class Clock:
    """Stands for the computer's clock, and goes on only when told to."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stream, "_now", clock)
    return clock


def crash(turn: Turn, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run a turn in which reading what was sent ends the process; whether it came to that."""
    read = Scorer.read

    def end(self: Scorer, files: dict[Path, FileName]) -> HalfOrbit:
        if models_path() in next(iter(files)).parents:
            return read(self, files)
        raise SystemExit("as if libhdf5 had crashed")

    with monkeypatch.context() as patch:
        patch.setattr(Scorer, "read", end)
        try:
            turn()
        except SystemExit:
            return True
    return False


def test_a_half_orbit_that_ends_the_process_is_left_alone_in_the_end(
    turn: Turn,
    inbox: Path,
    out: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    for pause in PAUSES_S:
        assert crash(turn, monkeypatch)
        if pause:
            # Not at once: what ends the process may be the station's power.
            assert not crash(turn, monkeypatch)
            clock.now += pause - 1.0
            assert not crash(turn, monkeypatch)
        clock.now += 2.0
    (event, idle) = turn()
    assert isinstance(event, Problem)
    assert "ended the process 5 times in a row" in event.message
    assert idle == Idle(half_orbits=0, failed=1, waiting=0, given_up=1)
    # Told in every run.
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0, given_up=1)]
    # Another delivery of the file is another chance.
    os.utime(lap, (1e9, 1e9))
    assert len(scored(turn())) == 1
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_power_cuts_that_lie_far_apart_are_no_verdict(
    turn: Turn,
    inbox: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    for _ in range(7):
        assert crash(turn, monkeypatch)
        clock.now += 25 * 3600.0
    assert len(scored(turn())) == 1


def test_a_clock_that_was_ahead_holds_nothing_back(
    turn: Turn,
    inbox: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    clock.now += 10 * 365 * 86400.0
    for _ in range(2):
        assert crash(turn, monkeypatch)
    clock.now -= 10 * 365 * 86400.0
    assert len(scored(turn())) == 1


def test_what_was_given_up_can_be_told_to_try_again(
    turn: Turn,
    inbox: Path,
    out: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    for pause in PAUSES_S:
        assert crash(turn, monkeypatch)
        clock.now += pause + 1.0
    assert turn()[-1] == Idle(half_orbits=0, failed=1, waiting=0, given_up=1)
    with Ledger(out / LEDGER_FILE) as ledger:
        (key,) = ledger.retry()
    assert key == parse_name(lap).half_orbit
    assert len(scored(turn())) == 1


def test_files_that_are_taken_away_were_seen_to(
    turn: Turn,
    inbox: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    for pause in PAUSES_S:
        assert crash(turn, monkeypatch)
        clock.now += pause + 1.0
    assert turn()[-1] == Idle(half_orbits=0, failed=1, waiting=0, given_up=1)
    lap.unlink()
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_what_crashed_is_tried_again_only_where_the_station_can_score(
    turn: Turn,
    inbox: Path,
    out: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    with monkeypatch.context() as patch:

        def end(*_: object) -> None:
            raise SystemExit("as if memory were short")

        # It takes down the check as well.
        patch.setattr(Scorer, "check", end)
        for pause in (*PAUSES_S, *PAUSES_S):
            assert crash(turn, monkeypatch)
            clock.now += pause + 1.0
    with Ledger(out / LEDGER_FILE) as ledger:
        (record,) = ledger.half_orbits().values()
    assert record.attempts == 1
    assert len(scored(turn())) == 1


def test_a_ledger_that_is_full_counts_no_attempt(
    turn: Turn,
    inbox: Path,
    out: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    with monkeypatch.context() as patch:
        record = Ledger.record

        def full(
            self: Ledger,
            files: Any = (),
            half: Any = None,
            results: Any = None,
            *more: Any,
            **named: Any,
        ) -> None:
            if results:
                raise LedgerError("ledger.sqlite: cannot be written: database or disk is full")
            record(self, files, half, results, *more, **named)

        patch.setattr(Ledger, "record", full)
        for pause in (*PAUSES_S, *PAUSES_S):
            with pytest.raises(LedgerError):
                turn()
            clock.now += pause + 1.0
    assert len(scored(turn())) == 1


def test_one_interruption_is_no_verdict(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)

    def cut(*_: object) -> None:
        raise SystemExit("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(Scorer, "read", cut)
        with pytest.raises(SystemExit):
            turn()
    assert len(scored(turn())) == 1


def faulty(key: str, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the reading of one half-orbit, or of all (""), meet a fault that nobody expected."""
    read = Scorer.read

    def fault(self: Scorer, files: dict[Path, FileName]) -> HalfOrbit:
        if not key or parse_name(next(iter(files))).half_orbit == key:
            raise error
        return read(self, files)

    monkeypatch.setattr(Scorer, "read", fault)


def test_a_fault_in_one_half_orbit_does_not_stop_the_others(
    turn: Turn, inbox: Path, simulated_cses: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    # Not one that ships with the package, on which the station tries itself.
    shipped = {p.name[20:26] for p in (models_path() / "samples").glob("CSES*")}
    files = [f for f in sorted(simulated_cses.glob("*LAP_1*.h5")) if f.name[20:26] not in shipped]
    first, second = files[:2]
    shutil.copy(first, inbox)
    shutil.copy(second, inbox)
    key = parse_name(first).half_orbit
    with monkeypatch.context() as patch:
        faulty(key, patch, ZeroDivisionError("division\nby zero"))
        # The newest first.
        done, problem, idle = turn()
        assert isinstance(problem, Problem)
        assert "ZeroDivisionError at test_stream.py" in problem.message
        assert "attempt 1 of 5" in problem.message
        assert "\n" not in problem.message
        assert isinstance(done, Scored)
        assert idle == Idle(half_orbits=1, failed=1, waiting=0, retry=1)
        for pause in PAUSES_S[:-1]:
            clock.now += pause + 1.0
            problem, idle = turn()
            assert isinstance(problem, Problem)
        assert "5 times in a row" in problem.message
        assert idle == Idle(half_orbits=0, failed=1, waiting=0, given_up=1)


def test_a_fault_of_the_station_is_no_half_orbits(
    turn: Turn,
    inbox: Path,
    out: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    with monkeypatch.context() as patch:
        faulty("", patch, ImportError("libhdf5.so: cannot open shared object file"))
        for _ in range(9):
            with pytest.raises(StationError, match=r"ImportError at .* no half-orbit is to blame"):
                turn()
            clock.now += 1.0
    with Ledger(out / LEDGER_FILE) as ledger:
        (record,) = ledger.half_orbits().values()
    assert record.attempts == 0
    assert len(scored(turn())) == 1


def test_good_bytes_that_a_library_calls_damaged_are_the_stations_fault(
    turn: Turn,
    inbox: Path,
    out: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for payload in ("LAP_1", "HPM_5"):
        shutil.copy(half_orbit[payload], inbox)
    read = opening.read_payload

    def broken(path: Path, *rest: object) -> Payload:
        if "LAP_1" in path.name:
            raise InputError(path, "damaged HDF5: memory allocation failed for chunk")
        return read(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(opening, "read_payload", broken)
        for _ in range(9):
            with pytest.raises(StationError, match="memory allocation failed"):
                turn()
    with Ledger(out / LEDGER_FILE) as ledger:
        assert {f.status for f in ledger.files().values()} == {"running"}
    (done,) = scored(turn())
    assert done.half_orbit.summary.payloads == ["HPM_5", "LAP_1"]


def test_a_scorer_that_cannot_be_built_is_the_stations_fault(
    inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)

    def build() -> Scorer:
        raise MemoryError

    work = Stream(inbox, out, PLASMA, "p", build)
    with Ledger(out / LEDGER_FILE) as ledger:
        for _ in range(9):
            with pytest.raises(StationError, match="MemoryError"):
                list(work.turn(ledger))
        assert ledger.half_orbits() == {}


def test_a_file_that_cannot_be_read_for_now_is_tried_again_with_pauses(
    turn: Turn,
    inbox: Path,
    out: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    read = opening.read_payload

    def broken(path: Path, *rest: object) -> Payload:
        if path == lap:
            raise InputError(path, "Input/output error", transient=True)
        return read(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(opening, "read_payload", broken)
        for pause in (*PAUSES_S, *PAUSES_S[-1:] * 4):
            assert turn() == [
                Problem(f"{lap.name}: Input/output error", parse_name(lap).half_orbit),
                Idle(half_orbits=0, failed=1, waiting=0, retry=1),
            ]
            if pause:
                assert turn() == [Idle(half_orbits=0, failed=0, waiting=0, retry=1)]
            clock.now += pause + 1.0
    assert len(scored(turn())) == 1


def test_new_files_come_before_a_backlog(turn: Turn, inbox: Path, simulated_cses: Path) -> None:
    files = sorted(simulated_cses.glob("*LAP_1*.h5"))
    for file in files[:3]:
        shutil.copy(file, inbox)
    assert [e.half_orbit.summary.half_orbit for e in scored(turn())] == [
        parse_name(f).half_orbit for f in reversed(files[:3])
    ]
    # After an upgrade everything is scored again, and what is new comes first.
    shutil.copy(files[3], inbox)
    first = scored(turn("another bundle"))[0]
    assert first.half_orbit.summary.half_orbit == parse_name(files[3]).half_orbit


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".geojson"])
@pytest.mark.parametrize("how", ["deleted", "emptied", "cut short", "changed"])
def test_results_that_were_touched_are_made_again(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path], suffix: str, how: str
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    turn()
    before = results(out)
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]
    path = out / f"{parse_name(lap).half_orbit}{suffix}"
    content = path.read_bytes()
    if how == "deleted":
        path.unlink()
    elif how == "emptied":
        path.write_bytes(b"")
    elif how == "cut short":
        path.write_bytes(content[:-100])
    else:
        path.write_bytes(content.replace(b"5", b"6"))
    assert len(scored(turn())) == 1
    assert results(out) == before
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_a_touched_result_that_cannot_be_made_again_is_told_until_it_is_seen_to(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    turn()
    lap.unlink()
    key = parse_name(lap).half_orbit
    (out / f"{key}.csv").write_bytes(b"")
    for _ in range(2):
        (event, _) = turn()
        assert isinstance(event, Problem)
        assert f"{key}.csv: changed or missing" in event.message
    for path in out.glob(f"{key}.*"):
        path.unlink()
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_a_copy_of_the_output_folder_is_as_good(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    turn()
    for path in out.glob("CSES*"):
        os.utime(path, (1e9, 1e9))
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_a_damaged_ledger_is_set_aside_and_the_results_are_kept(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    for payload in ("LAP_1", "HPM_5"):
        shutil.copy(half_orbit[payload], inbox)
    turn()
    before = results(out)
    ledger = out / LEDGER_FILE
    content = bytearray(ledger.read_bytes())
    # The schema stays, so that the damage is met in the middle of a turn.
    with closing(sqlite3.connect(ledger)) as db:
        pages = [row[0] for row in db.execute("SELECT rootpage FROM sqlite_schema")]
    for page in pages:
        content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    ledger.write_bytes(content)
    problem, done, idle = turn()
    assert isinstance(problem, Problem)
    assert "ledger.sqlite.damaged-1" in problem.message
    assert isinstance(done, Scored)
    assert idle == Idle(half_orbits=1, failed=0, waiting=0)
    assert (out / "ledger.sqlite.damaged-1").read_bytes() == content
    assert {n: b for n, b in results(out).items() if "damaged" not in n} == before


def test_a_day_side_is_recorded_and_not_opened(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    for payload in ("LAP_1", "HPM_5"):
        name = half_orbit[payload].name.replace("_118071_", "_118070_")
        (inbox / name).write_bytes(b"what is not read cannot be wrong")
    assert turn() == [DaySide("CSES_118070"), Idle(half_orbits=0, failed=0, waiting=0, day=1)]
    with Ledger(out / LEDGER_FILE) as ledger:
        record = ledger.half_orbit("CSES_118070")
        assert record is not None
        assert (record.status, record.side, record.windows) == ("day", "day", 0)
        assert record.start == "2020-03-20T00:22:25.000Z"
        assert {f.status for f in ledger.files().values()} == {"day"}
    assert results(out) == {}
    # Another bundle asks for none of it.
    assert turn("another bundle") == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_a_day_side_that_an_earlier_release_scored_is_left_as_it_is(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    turn()
    before = results(out)
    with closing(sqlite3.connect(out / LEDGER_FILE)) as db:
        db.executescript(
            "UPDATE half_orbit SET status = 'retry', retry_at = 0, side = 'day', "
            "key = 'CSES_118070';"
            "UPDATE result SET half_orbit = 'CSES_118070';"
            "UPDATE file SET half_orbit = 'CSES_118070', status = 'failed', "
            "path = replace(path, '118071', '118070');"
        )
    lap.rename(inbox / lap.name.replace("118071", "118070"))
    assert turn() == [DaySide("CSES_118070"), Idle(half_orbits=0, failed=0, waiting=0, day=1)]
    assert results(out) == before
    for name in before:
        (out / name).unlink()
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_a_late_payload_replaces_no_better_result_though_the_ledger_is_lost(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    turn()
    (out / LEDGER_FILE).unlink()
    lap.unlink()
    before = results(out)
    shutil.copy(half_orbit["HPM_5"], inbox)
    (event, _) = turn()
    assert isinstance(event, Problem)
    assert "its result is kept" in event.message
    assert results(out) == before


def test_thousands_of_files_alike_make_one_line(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path]
) -> None:
    for k in range(1500):
        (inbox / f"notes-{k}.txt").touch()
        (inbox / f"CSES_01_broken-{k}.h5").touch()
    shutil.copy(half_orbit["LAP_1"], inbox)
    events = turn()
    problems = [e.message for e in events if isinstance(e, Problem)]
    ignored = [e.message for e in events if isinstance(e, Ignored)]
    assert len(problems) == len(ignored) == 3
    assert problems[-1].endswith("(and 1497 more files)")
    assert ignored[-1].endswith("(and 1497 more files)")
    assert len(scored(events)) == 1
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]


def test_what_is_no_regular_file_is_named_once(
    turn: Turn, inbox: Path, tmp_path: Path, half_orbit: dict[str, Path]
) -> None:
    os.mkfifo(inbox / half_orbit["LAP_1"].name)
    (inbox / "dead").symlink_to("nowhere")
    (inbox / "ring").symlink_to("ring")
    (inbox / "folder").symlink_to(tmp_path)
    (inbox / half_orbit["HPM_5"].name).symlink_to(half_orbit["HPM_5"])
    done, *ignored, idle = turn()
    assert isinstance(done, Scored)
    assert sorted(e.message.partition(": ")[2] for e in ignored if isinstance(e, Ignored)) == [
        "is a FIFO, not a regular file",
        "is a link that leads nowhere",
        "is a link that leads nowhere",
        "is a link to a folder, which is not followed: give that folder as the inbox",
    ]
    assert idle == Idle(half_orbits=1, failed=0, waiting=0)
    (inbox / "another.txt").touch()
    assert [type(e) for e in turn()] == [Ignored, Idle]


def test_folders_within_folders_without_end_are_named(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path]
) -> None:
    deep = inbox
    for _ in range(200):
        deep = deep / "d"
    deep.mkdir(parents=True)
    shutil.copy(half_orbit["LAP_1"], inbox / "d")
    problem, done, _ = turn()
    assert isinstance(problem, Problem)
    assert "expected at most 32 folders within each other" in problem.message
    assert isinstance(done, Scored)


def test_a_file_settles_across_runs_though_the_clock_is_behind(
    inbox: Path, out: Path, scorer: Scorer, half_orbit: dict[str, Path], clock: Clock
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    clock.now -= 86400.0

    def run() -> list[Event]:
        work = Stream(inbox, out, PLASMA, "p", lambda: scorer, settle=60.0)
        with Ledger(out / LEDGER_FILE) as ledger:
            return list(work.turn(ledger))

    assert run() == [Settling(half_orbit["LAP_1"].name), Idle(half_orbits=0, failed=0, waiting=1)]
    clock.now += 59.0
    assert run()[-1] == Idle(half_orbits=0, failed=0, waiting=1)
    clock.now += 2.0
    assert len(scored(run())) == 1


def test_a_run_with_nothing_new_writes_nothing(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    turn()
    turn()
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in out.iterdir()}
    turn()
    assert {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in out.iterdir()} == before


def test_a_payload_that_another_profile_wants_is_scored(
    inbox: Path, out: Path, scorer: Scorer, half_orbit: dict[str, Path]
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)

    def run(profile: Profile, parameters: str) -> list[Event]:
        work = Stream(inbox, out, profile, parameters, lambda: scorer)
        with Ledger(out / LEDGER_FILE) as ledger:
            return list(work.turn(ledger))

    assert isinstance(run(PROFILES["waves"], "w")[0], Ignored)
    assert len(scored(run(PLASMA, "p"))) == 1


def test_watching_outlives_a_ledger_that_another_program_holds(
    inbox: Path,
    out: Path,
    scorer: Scorer,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_file, "_LOCK_SECONDS", 0.1)
    shutil.copy(half_orbit["LAP_1"], inbox)
    stop = threading.Event()
    work = Stream(inbox, out, PLASMA, "p", lambda: scorer)
    seen: list[Event] = []
    deadline = time.monotonic() + 60
    with Ledger(out / LEDGER_FILE) as ledger:
        other = sqlite3.connect(out / LEDGER_FILE, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        for event in watch(work, ledger, inbox, 1.0, stop):
            seen.append(event)
            if isinstance(event, Problem):
                other.execute("ROLLBACK")
                other.close()
            if isinstance(event, Scored) or time.monotonic() > deadline:
                stop.set()
    assert isinstance(seen[0], Problem)
    assert "locked" in seen[0].message
    assert len(scored(seen)) == 1


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_once_and_held_another_way(
    out: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    said: list[str] = []
    with hold(out, warn=said.append):
        with pytest.raises(Busy, match="another edge-score"), hold(out):
            pass
        assert len(said) == 1
    # A process that was killed leaves its file behind.
    (out / ".lock").write_text("4194305", encoding="ascii")
    with hold(out, warn=said.append):
        pass
    # And after a reboot another process may have its number.
    (out / ".lock").write_text(
        f"{os.getpid()} {os.uname().nodename} 1 00000000-0000", encoding="ascii"
    )
    with hold(out, warn=said.append):
        pass
    (out / ".lock").write_text("1 another-computer 1 00000000-0000", encoding="ascii")
    with pytest.raises(Busy), hold(out, warn=said.append):
        pass
    (out / ".lock").unlink()
    assert list(out.iterdir()) == []


def test_folders_and_files_of_others_are_no_leftovers(out: Path) -> None:
    (out / ".x.tmp").mkdir()
    (out / ".notes.tmp").touch()
    with hold(out):
        pass
    assert sorted(p.name for p in out.iterdir()) == [".notes.tmp", ".x.tmp"]


def test_a_payload_in_two_files_is_joined_and_no_part_of_it_replaces_the_whole(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path]
) -> None:
    whole = half_orbit["LAP_1"]
    name = parse_name(whole)
    middle = f"{name.start + (name.end - name.start) / 2:%Y%m%d_%H%M%S}"
    start, end = (f"{t:%Y%m%d_%H%M%S}" for t in (name.start, name.end))
    first = inbox / whole.name.replace(f"{start}_{end}", f"{start}_{middle}")
    second = inbox / whole.name.replace(f"{start}_{end}", f"{middle}_{end}")
    with h5py.File(whole) as file:
        count = file["A311"].shape[0]
    for path, rows in ((first, slice(0, count // 2)), (second, slice(count // 2, None))):
        shutil.copy(whole, path)
        with h5py.File(path, "r+") as file:
            for key in [k for k in file if file[k].shape[:1] == (count,)]:
                values, attributes = file[key][rows], dict(file[key].attrs)
                del file[key]
                file[key] = values
                file[key].attrs.update(attributes)
    joined = scored(turn())[0].half_orbit
    assert len(joined.windows) == 501
    before = results(out)
    first.unlink()
    shutil.copy(half_orbit["HPM_5"], inbox)
    (event, _) = turn()
    assert isinstance(event, Problem)
    assert "its result is kept" in event.message
    assert results(out) == before


def refuse(
    monkeypatch: pytest.MonkeyPatch, call: str, where: Path, number: int, calls: int = 0
) -> None:
    """Let a call of `os` fail for all below a path, once it has succeeded some times."""
    original = getattr(os, call)
    left = [calls]

    def answer(path: object, *rest: Any, **named: Any) -> Any:
        if isinstance(path, str | Path) and Path(path).is_relative_to(where):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(number, os.strerror(number))
        return original(path, *rest, **named)

    monkeypatch.setattr(os, call, answer)


def test_a_folder_that_could_not_be_listed_is_looked_at_again(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    with monkeypatch.context() as patch:
        # It is summed up before it is listed.
        refuse(patch, "scandir", inbox, errno.EMFILE, calls=1)
        (problem, _) = turn()
        assert problem == Problem("inbox: Too many open files", "inbox")
    assert len(scored(turn())) == 1


def test_an_inbox_that_was_not_mounted_for_a_while_loses_no_attempt(
    turn: Turn,
    inbox: Path,
    tmp_path: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    assert crash(turn, monkeypatch)
    inbox.rename(tmp_path / "disk")
    inbox.mkdir()
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]
    inbox.rmdir()
    (tmp_path / "disk").rename(inbox)
    assert len(scored(turn())) == 1


def test_a_late_payload_waits_for_siblings_that_cannot_be_seen_for_now(
    turn: Turn,
    inbox: Path,
    out: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (inbox / "lap").mkdir()
    shutil.copy(half_orbit["LAP_1"], inbox / "lap")
    turn()
    before = results(out)
    shutil.copy(half_orbit["HPM_5"], inbox)
    with monkeypatch.context() as patch:
        refuse(patch, "stat", inbox / "lap", errno.EIO)
        events = turn()
        assert Waiting(parse_name(half_orbit["LAP_1"]).half_orbit) in events
        assert scored(events) == []
        assert results(out) == before
        # Nor is a result given up that cannot be made again just now.
        for name in before:
            (out / name).unlink()
        assert scored(turn()) == []
    (done,) = scored(turn())
    assert done.half_orbit.summary.payloads == ["HPM_5", "LAP_1"]


def test_what_was_given_up_is_not_forgotten_while_its_files_cannot_be_seen(
    turn: Turn,
    inbox: Path,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    for pause in PAUSES_S:
        assert crash(turn, monkeypatch)
        clock.now += pause + 1.0
    assert turn()[-1] == Idle(half_orbits=0, failed=1, waiting=0, given_up=1)
    with monkeypatch.context() as patch:
        refuse(patch, "lstat", inbox, errno.EIO)
        refuse(patch, "stat", inbox / half_orbit["LAP_1"].name, errno.EIO)
        assert turn()[-1].given_up == 1
    assert turn()[-1] == Idle(half_orbits=0, failed=0, waiting=0, given_up=1)


def test_a_sibling_that_became_a_dead_link_is_missed(
    turn: Turn, inbox: Path, out: Path, tmp_path: Path, half_orbit: dict[str, Path]
) -> None:
    target = Path(shutil.copy(half_orbit["LAP_1"], tmp_path))
    (inbox / target.name).symlink_to(target)
    turn()
    before = results(out)
    target.unlink()
    shutil.copy(half_orbit["HPM_5"], inbox)
    problem, ignored, _ = turn()
    assert isinstance(problem, Problem)
    assert "its result is kept" in problem.message
    assert isinstance(ignored, Ignored)
    assert "leads nowhere" in ignored.message
    assert results(out) == before
    assert turn() == [Idle(half_orbits=0, failed=0, waiting=0)]
    shutil.copy(half_orbit["LAP_1"], target)
    assert scored(turn())[0].half_orbit.summary.payloads == ["HPM_5", "LAP_1"]


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EIO, "Input/output error")])
def test_a_fault_of_the_machine_at_any_place_is_one_error(
    turn: Turn, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fault(*_: object) -> None:
        raise error

    monkeypatch.setattr(Ledger, "due", fault)
    with pytest.raises(StationError, match=r"cannot go on .*Error at"):
        turn()


@pytest.mark.parametrize("how", ["removed", "damaged", "replaced by a folder for a while"])
def test_watching_outlives_a_ledger_that_is_taken_away(
    inbox: Path,
    out: Path,
    scorer: Scorer,
    half_orbit: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    stop = threading.Event()
    work = Stream(inbox, out, PLASMA, "p", lambda: scorer)
    path = out / LEDGER_FILE
    looks = 0
    done: list[Event] = []
    deadline = time.monotonic() + 60
    with Ledger(path) as ledger:
        for event in watch(work, ledger, inbox, 1.0, stop):
            if isinstance(event, Idle) and looks == 0:
                looks += 1
                if how == "damaged":
                    path.write_bytes(b"\xa5" * path.stat().st_size)
                else:
                    path.unlink()
                if how.startswith("replaced"):
                    path.mkdir()
                shutil.copy(half_orbit["LAP_1"], inbox)
            elif isinstance(event, Problem) and path.is_dir():
                path.rmdir()
            done += [event] if isinstance(event, Scored) else []
            if (isinstance(event, Idle) and done) or time.monotonic() > deadline:
                stop.set()
    assert done
    with Ledger(path) as ledger:
        assert [h.status for h in ledger.half_orbits().values()] == ["done"]


def test_a_fault_that_lasts_is_told_once_though_half_orbits_take_turns_in_it(
    inbox: Path, out: Path, scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.watching._STEP_S", 0.01)
    stop = threading.Event()
    work = Stream(inbox, out, PLASMA, "p", lambda: scorer)
    turns = 0

    def full(*_: object) -> Iterator[Event]:
        nonlocal turns
        turns += 1
        if turns == 6:
            stop.set()
        if turns < 6:
            raise ConfigError(f"output folder out: No space left on device; {turns % 2}")
        yield Idle(half_orbits=0, failed=0, waiting=0)

    monkeypatch.setattr(work, "turn", full)
    with Ledger(out / LEDGER_FILE) as ledger:
        seen = list(watch(work, ledger, inbox, 0.01, stop))
    assert len([e for e in seen if isinstance(e, Problem)]) == 2
