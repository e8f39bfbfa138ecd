"""Files in, results out, nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import pytest

from edge.bundle import load_bundle
from edge.errors import Busy, ConfigError
from edge.events import Event, Idle, Ignored, Problem, Scored, Waiting
from edge.ledger import Ledger
from edge.observables import PLASMA
from edge.readers.halforbit import HalfOrbit
from edge.readers.names import FileName, parse_name
from edge.scoring import Scorer
from edge.stream import LEDGER_FILE, Stream
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
        stream = Stream(inbox, out, PLASMA, parameters, lambda: scorer, wait=wait)
        with Ledger(out / LEDGER_FILE) as ledger:
            return list(stream.turn(ledger))

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
    assert sorted(scored(first)[0].track.summary.payloads) == ["HPM_5", "LAP_1", "PAP_0"]
    assert first[-1] == Idle(1, 0, 0)
    assert turn() == [Idle(0, 0, 0)]


def test_a_late_payload_rescores_the_half_orbit_whole(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path]
) -> None:
    shutil.copy(half_orbit["LAP_1"], inbox)
    assert scored(turn())[0].track.summary.payloads == ["LAP_1"]
    shutil.copy(half_orbit["HPM_5"], inbox)
    assert scored(turn())[0].track.summary.payloads == ["HPM_5", "LAP_1"]


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
    summary = scored(events)[0].track.summary
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
    assert idle == Idle(0, 0, 0)
    assert turn() == [Idle(0, 0, 0)]
    assert (inbox / "notes.txt").exists()


def test_a_damaged_name_is_a_problem_once(turn: Turn, inbox: Path) -> None:
    (inbox / "CSES_01_HPM_5_broken.h5").write_bytes(b"x")
    assert isinstance(turn()[0], Problem)
    assert turn() == [Idle(0, 0, 0)]


def test_an_incomplete_half_orbit_waits_for_its_payloads(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its old time does not say that it has been here for long.
    shutil.copy2(half_orbit["LAP_1"], inbox)
    os.utime(inbox / half_orbit["LAP_1"].name, (1e9, 1e9))
    (event, idle) = turn(wait=3600.0)
    assert isinstance(event, Waiting)
    assert idle == Idle(0, 0, 1)
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
    assert idle == Idle(0, 1, 0)
    assert results(out) == before
    shutil.copy(half_orbit["LAP_1"], inbox)
    assert scored(turn())[0].track.summary.payloads == ["HPM_5", "LAP_1"]


def test_siblings_that_are_put_back_unchanged_are_scored_with_the_late_one(
    turn: Turn, inbox: Path, tmp_path: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    turn()
    away = lap.rename(tmp_path / lap.name)
    shutil.copy(half_orbit["HPM_5"], inbox)
    assert isinstance(turn()[0], Problem)
    assert turn() == [Idle(0, 0, 0)]
    away.rename(lap)
    assert scored(turn())[0].track.summary.payloads == ["HPM_5", "LAP_1"]


def test_a_file_that_is_moved_within_the_inbox_is_not_missed(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    turn()
    (inbox / "2020").mkdir()
    lap.rename(inbox / "2020" / lap.name)
    assert not any(isinstance(e, Problem) for e in turn())
    assert turn() == [Idle(0, 0, 0)]


def test_a_later_version_of_a_payload_replaces_it(
    turn: Turn, inbox: Path, half_orbit: dict[str, Path]
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))
    before = scored(turn())[0].track
    newer = inbox / lap.name.replace("_000.h5", "_001.h5")
    shutil.copy(lap, newer)
    with h5py.File(newer, "r+") as file:
        file["A311"][...] *= 2.0
    after = scored(turn())[0].track
    assert len(after.windows) == len(before.windows)
    assert [w.score for w in after.windows] != [w.score for w in before.windows]
    # The version that it replaced may go.
    lap.unlink()
    assert turn() == [Idle(0, 0, 0)]


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
    assert idle == Idle(0, 1, 0)
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
    ignored, done, _ = turn()
    assert isinstance(ignored, Ignored)
    assert "not of the profile plasma" in ignored.message
    assert isinstance(done, Scored)
    assert done.track.summary.failed == {}
    assert turn() == [Idle(0, 0, 0)]


def test_of_a_payload_that_came_twice_the_longer_file_is_kept(
    turn: Turn, inbox: Path, simulated_demeter: Path
) -> None:
    file = sorted(simulated_demeter.glob("DMT_N1_1144_*.DAT"))[0]
    shutil.copy(file, inbox)
    (inbox / "resent").mkdir()
    (inbox / "resent" / file.name).write_bytes(file.read_bytes()[: 289 * 100])
    track = scored(turn())[0].track
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
    stream = Stream(inbox, out, PLASMA, "p", lambda: scorer)
    inbox.rename(tmp_path / "away")
    seen: list[Event] = []
    deadline = time.monotonic() + 60
    with Ledger(out / LEDGER_FILE) as ledger:
        for event in watch(stream, ledger, inbox, 1.0, stop):
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
    stream = Stream(inbox, out, PLASMA, "p", lambda: scorer)

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
        for event in watch(stream, ledger, inbox, 600.0, stop):
            seen.append(event)
            if isinstance(event, Idle):
                next(arrival, None)
            if isinstance(event, Scored) or time.monotonic() > deadline:
                stop.set()
    assert len(scored(seen)) == 1


def test_a_half_orbit_that_ends_the_process_is_left_alone_in_the_end(
    turn: Turn, inbox: Path, out: Path, half_orbit: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    lap = Path(shutil.copy(half_orbit["LAP_1"], inbox))

    def end(*_: object) -> None:
        raise SystemExit("as if libhdf5 had crashed")

    with monkeypatch.context() as patch:
        patch.setattr(Scorer, "read", end)
        for _ in range(5):
            with pytest.raises(SystemExit):
                turn()
        (event, idle) = turn()
    assert isinstance(event, Problem)
    assert "ended the process 5 times in a row" in event.message
    assert idle == Idle(0, 1, 0)
    assert turn() == [Idle(0, 0, 0)]
    # Another delivery of the file is another chance.
    os.utime(lap, (1e9, 1e9))
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


def test_a_fault_in_one_half_orbit_does_not_stop_the_others(
    turn: Turn, inbox: Path, simulated_cses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sorted(simulated_cses.glob("*LAP_1*.h5"))[:2]
    shutil.copy(first, inbox)
    shutil.copy(second, inbox)
    key = parse_name(first).half_orbit
    read = Scorer.read

    def fault(self: Scorer, files: dict[Path, FileName]) -> HalfOrbit:
        if parse_name(next(iter(files))).half_orbit == key:
            raise ZeroDivisionError("division\nby zero")
        return read(self, files)

    monkeypatch.setattr(Scorer, "read", fault)
    problem, done, idle = turn()
    assert isinstance(problem, Problem)
    assert "ZeroDivisionError at test_stream.py" in problem.message
    assert "\n" not in problem.message
    assert isinstance(done, Scored)
    assert idle == Idle(1, 1, 0)
