"""A watcher lives on, whatever happens about it, and ends with 0 when it is told to."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.ledger import LEDGER_FILE

Reference = Callable[..., dict[str, bytes]]


@contextlib.contextmanager
def watched(
    station: Any, reference: dict[str, bytes], **variables: str
) -> Iterator[Callable[[int], None]]:
    """Watch with one half-orbit out of the inbox, which comes when the fault is over.

    Gives a function that waits for so many half-orbits. In the end the watcher is told to
    stop, ends with 0, and all is whole.
    """
    late = station.files[-1]
    away = Path(shutil.move(late, station.inbox.parent))

    def scored(half_orbits: int) -> None:
        station.wait_for(lambda: len(list(station.out.glob("*.geojson"))) >= half_orbits)

    with station.watching(**variables) as process:
        scored(len(station.keys) - 1)
        yield scored
        assert process.poll() is None
        shutil.move(away, late)
        scored(len(station.keys))
        # Its ledger is written a moment later.
        station.wait_for(lambda: station.statuses() == dict.fromkeys(station.keys, "done"))
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        station.said = out + err
    assert process.returncode == 0, err
    assert "Traceback" not in err
    station.is_whole(reference)


def test_a_file_system_without_locks_and_a_folder_in_the_way(
    station: Any, reference: Reference
) -> None:
    in_the_way = station.out / ".x.tmp"
    in_the_way.mkdir(parents=True)
    faults = "flock:EOPNOTSUPP fsync:EINVAL"
    with watched(station, reference(), STATION_FAULTS=faults):
        in_the_way.rmdir()
        done = station.run(STATION_FAULTS=faults)
        assert done.code == 3
        assert "another edge-score works on it" in done.lines()[-1]
    assert station.said.count("has no locks") == 1


def test_a_ledger_that_is_damaged_then_removed_while_it_is_open(
    station: Any, reference: Reference
) -> None:
    path = station.out / LEDGER_FILE
    with watched(station, reference()) as scored:
        # SQLite writes over what is damaged in the middle of a transaction.
        station.wait_for(lambda: list(station.statuses().values()).count("done") == 2)
        time.sleep(1.0)
        content = path.read_bytes()
        with path.open("r+b") as file:
            file.write(b"\xa5" * len(content))
        (station.inbox / "notes-1.txt").touch()
        station.wait_for(lambda: list(station.out.glob("ledger.sqlite.damaged-1")))
        station.wait_for(lambda: "done" in station.statuses().values())
        path.unlink()
        (station.inbox / "notes-2.txt").touch()
        station.wait_for(path.exists)
        scored(len(station.keys) - 1)
    assert "damaged-1" in station.said


@pytest.mark.slow
def test_a_ledger_that_is_full_then_locked(
    station: Any, disk: Callable[[str], Path], reference: Reference
) -> None:
    station.out.mkdir()
    path = disk("64m") / LEDGER_FILE
    (station.out / LEDGER_FILE).symlink_to(path)
    with watched(station, reference()):
        (path.parent / "ballast").write_bytes(bytes(64))
        disk(f"{path.stat().st_size // 1024 + 4}k")
        (station.inbox / "notes-1.txt").touch()
        time.sleep(3.0)
        disk("64m")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            (station.inbox / "notes-2.txt").touch()
            # Longer than the ledger waits.
            time.sleep(8.0)
            other.execute("ROLLBACK")
    assert "full" in station.said
    assert "locked" in station.said


@pytest.mark.slow
def test_an_output_folder_that_is_full(
    station: Any, disk: Callable[[str], Path], reference: Reference
) -> None:
    station.out = disk("64m")
    with watched(station, reference()):
        used = sum(p.stat().st_size for p in station.out.iterdir())
        disk(f"{used // 1024 + 40}k")
        for file in station.inbox.iterdir():
            os.utime(file, (1e9, 1e9))
        time.sleep(4.0)
        disk("64m")
    # Once for each half-orbit that met it, not in every turn.
    lines = [line for line in station.said.splitlines() if "No space left on device" in line]
    assert 1 <= len(lines) == len(set(lines))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after", [0.4, 0.8, 1.2, 1.6, 2.0, 3.0])
def test_a_watcher_that_is_told_to_stop_at_any_moment_ends_with_0(
    station: Any, number: signal.Signals, after: float, reference: Reference
) -> None:
    (station.inbox / station.files[0].name).write_bytes(b"")
    with station.watching() as process:
        station.wait_for((station.out / LEDGER_FILE).exists)
        time.sleep(after)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "Traceback" not in err
