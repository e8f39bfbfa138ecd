"""A ledger is held against itself and the disk."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.ledger import LEDGER_FILE, FileRecord, HalfOrbitRecord, Ledger
from edge.outputs import write_results
from edge.results import Alarm, HalfOrbitResult, ScoredHalfOrbit, WindowScore
from edge.station.alarms import compare, message, stamp, write_alarms
from edge.station.ledger_check import check

NOW = time.time()
KEYS = ("CSES_000011", "CSES_000021", "CSES_000031")


def scored(key: str, age: float = 3600.0) -> ScoredHalfOrbit:
    """Make a half-orbit of three windows and an alarm."""
    when = stamp(NOW - age)
    shared = {"half_orbit": key, "trained_on": "simulated", "latitude": 1.0, "longitude": 2.0}
    windows = [
        WindowScore(
            time=when, local_time=2.0, coverage=1.0, score=0.9, verdict="alarm",
            geomagnetic="unknown", failed=[], **shared,
        )
        for _ in range(3)
    ]  # fmt: skip
    alarm = Alarm(
        start=when, end=when, time=when, peak=0.9, windows=3, radius_km=300.0,
        valid_until=stamp(NOW + 9 * 86400.0), **shared,
    )  # fmt: skip
    summary = HalfOrbitResult(
        half_orbit=key, mission="cses", status="scored", side="night", start=when, end=when,
        payloads=["LAP_1"], failed={}, notes=[], night="dark", minimum_coverage=0.5,
        threshold=0.8, windows=3, insufficient=0, alarms=1, bundle="b", trained_on="simulated",
        code_version="1", runtime="r",
    )  # fmt: skip
    return ScoredHalfOrbit(summary=summary, windows=windows, alarms=[alarm], failures=[])


def add(out: Path, key: str, parameters: str = "p") -> None:
    found = scored(key)
    files = write_results(out, found)
    s = found.summary
    record = HalfOrbitRecord(
        key=key, status="done", parameters=parameters, windows=3, alarms=1, side="night",
        start=s.start, end=s.end, revision=1, done_at=NOW,
    )  # fmt: skip
    alarms, news = compare([], found.alarms, 1, NOW)
    file = FileRecord(
        path=f"{key}.h5", size=1, mtime_ns=1, ctime_ns=1, half_orbit=key, status="done"
    )
    with Ledger(out / LEDGER_FILE) as ledger:
        write_alarms(out, sorted([*ledger.alarms(), *alarms], key=lambda a: a.time))
        ledger.record([file], record, files, alarms, map(message, news), now=NOW)
        write_alarms(out, ledger.alarms())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A station of three half-orbits."""
    folder = tmp_path / "out"
    folder.mkdir()
    for key in KEYS:
        add(folder, key)
    return folder


def execute(out: Path, *statements: str) -> None:
    with closing(sqlite3.connect(out / LEDGER_FILE)) as db, db:
        for statement in statements:
            db.execute(statement)


def test_nothing_is_wrong_with_a_good_one(out: Path) -> None:
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    done = CliRunner().invoke(app, ["ledger", "check", str(out)])
    assert (done.exit_code, done.output) == (0, "nothing is wrong\n")
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_each_thing_that_is_wrong_is_told_with_what_to_do(out: Path) -> None:
    (out / f"{KEYS[0]}.csv").unlink()
    (out / f"{KEYS[0]}.jsonl").write_text("other")
    shutil.copy(out / f"{KEYS[1]}.csv", out / "CSES_000991.csv")
    (out / "alarms.jsonl").write_text("")
    execute(out, f"DELETE FROM half_orbit WHERE key = '{KEYS[2]}'")
    lines = list(check(out))
    for text in (
        f"{KEYS[0]}.csv: missing since it was written; the next edge-score stream makes it again",
        f"{KEYS[0]}.jsonl: changed since it was written",
        "CSES_000991.csv: a result that the ledger does not know; edge-score ledger repair out",
        f"table result: rows of 1 half-orbits that are not there, {KEYS[2]} first",
        "table file: rows of 1",
        "alarms.jsonl: expected the 3 alarms of the ledger, got 0 lines",
    ):
        assert any(text in line for line in lines), text
    assert len(lines) == 6
    assert CliRunner().invoke(app, ["ledger", "check", str(out)]).exit_code == 1


@pytest.mark.parametrize("damage", ["no database", "torn", "a table is gone", "index"])
def test_damage_is_told_in_a_line(out: Path, damage: str) -> None:
    path = out / LEDGER_FILE
    if damage == "no database":
        path.write_bytes(b"\xfe" * 9000)
    elif damage == "torn":
        path.write_bytes(path.read_bytes()[:-8192])
    elif damage == "a table is gone":
        execute(out, "DROP TABLE alarm")
    else:
        with closing(sqlite3.connect(path)) as db:
            row = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'file_half_orbit'")
            page = row.fetchone()[0]
        content = bytearray(path.read_bytes())
        content[page * 4096 - 11 : page * 4096 - 4] = b"\x00" * 7
        path.write_bytes(content)
    lines = list(check(out))
    assert lines
    assert "edge-score ledger repair out" in lines[0]
    done = CliRunner().invoke(app, ["ledger", "check", str(out)])
    assert done.exit_code == 1
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_what_cannot_be_looked_at_is_an_error(tmp_path: Path) -> None:
    from edge.errors import ConfigError, LedgerError

    with pytest.raises(ConfigError, match=r"got no ledger\.sqlite"):
        list(check(tmp_path))
    with closing(sqlite3.connect(tmp_path / LEDGER_FILE)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match="version 99"):
        list(check(tmp_path))
