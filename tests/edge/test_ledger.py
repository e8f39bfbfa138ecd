from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.errors import LedgerDamaged, LedgerError
from edge.ledger import FileRecord, FileStatus, HalfOrbitRecord, Ledger, open_ledger
from edge.ledger_schema import MIGRATIONS


def file_record(path: str, status: FileStatus, reason: str = "", **more: Any) -> FileRecord:
    return FileRecord(
        path=path,
        size=10,
        mtime_ns=20,
        ctime_ns=30,
        half_orbit="CSES_000011",
        status=status,
        reason=reason,
        **more,
    )


FILE = file_record("a.h5", "done")
FAILED = file_record("b.h5", "failed", "is empty (0 bytes)", transient=True)
HALF_ORBIT = HalfOrbitRecord(
    key="CSES_000011", status="done", parameters="abc", windows=499, alarms=1
)


def test_what_was_recorded_is_there_after_reopening(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record([FILE, FAILED], HALF_ORBIT)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.files() == {"a.h5": FILE, "b.h5": FAILED}
        assert ledger.half_orbits() == {"CSES_000011": HALF_ORBIT}


def test_it_is_a_plain_sqlite_file(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record([FILE])
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT status FROM file").fetchall() == [("done",)]
    db.close()


def test_a_record_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        bad = HalfOrbitRecord(key="x", status="quiet", parameters="abc")  # type: ignore[arg-type]
        with pytest.raises(LedgerError, match=r"ledger\.sqlite"):
            ledger.record([FILE], bad)
        assert ledger.files() == {}


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(LedgerError, match=r"ledger\.sqlite: cannot be used") as caught:
        Ledger(path)
    assert "\n" not in str(caught.value)


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(LedgerError, match="version 9"):
        Ledger(path)


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_ledger_that_is_no_database_is_begun_anew(tmp_path: Path, size: int) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"\xfe" * size)
    # That of a writer that a power cut ended; it is no part of the new ledger.
    path.with_name("ledger.sqlite-journal").write_bytes(b"journal")
    for number in (1, 2):
        ledger, notice = open_ledger(path)
        with ledger:
            ledger.record([FILE], HALF_ORBIT)
            assert ledger.half_orbits() == {"CSES_000011": HALF_ORBIT}
        if size:
            assert f"kept as ledger.sqlite.damaged-{number}" in notice
            assert (tmp_path / f"ledger.sqlite.damaged-{number}").stat().st_size == size
        path.write_bytes(b"\xfe" * size)


def test_text_that_is_no_utf8_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.record([FAILED], HALF_ORBIT)
    path.write_bytes(path.read_bytes().replace(b"is empty", b"is \xff\xfepty"))
    with Ledger(path) as ledger, pytest.raises(LedgerDamaged, match="decode"):
        ledger.files()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # In the schema, where sqlite3 words its complaint with bytes that are no text.
        (b'CREATE TABLE "half_orbit" (', b'CREATE TABLE "\xff\xfeal\xf9_orbit" ('),
        (b"parameters TEXT", b"qarameters TEXT"),
    ],
)
def test_a_schema_that_is_damaged_is_damage(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.record([FILE], HALF_ORBIT)
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(LedgerDamaged) as caught, Ledger(path) as ledger:
        ledger.half_orbits()
    assert str(caught.value).isprintable()


# As the first release made it, with a scored half-orbit and one that a power cut ended.
VERSION_1 = """
CREATE TABLE file (path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL, half_orbit TEXT, status TEXT NOT NULL, reason TEXT NOT NULL,
    transient INTEGER NOT NULL) STRICT;
CREATE INDEX file_half_orbit ON file (half_orbit);
CREATE TABLE half_orbit (key TEXT PRIMARY KEY, status TEXT NOT NULL, parameters TEXT NOT NULL,
    windows INTEGER NOT NULL, insufficient INTEGER NOT NULL, alarms INTEGER NOT NULL,
    attempts INTEGER NOT NULL) STRICT;
INSERT INTO file VALUES ('a.h5', 10, 20, 30, 'CSES_000011', 'scored', '', 0);
INSERT INTO file VALUES ('c.h5', 10, 20, 30, 'CSES_000021', 'begun', '', 0);
INSERT INTO half_orbit VALUES ('CSES_000011', 'scored', 'abc', 499, 0, 1, 0);
INSERT INTO half_orbit VALUES ('CSES_000021', 'begun', 'abc', 0, 0, 0, 2);
PRAGMA user_version = 1;
"""


def test_a_ledger_of_version_1_is_taken_along(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    db = sqlite3.connect(path)
    db.executescript(VERSION_1)
    db.close()
    with Ledger(path) as ledger:
        assert ledger.file("a.h5") == FILE
        assert ledger.half_orbit("CSES_000011") == HALF_ORBIT
        running = ledger.half_orbit("CSES_000021")
        assert running is not None
        assert (running.status, running.attempts) == ("running", 2)
        assert ledger.due(now=1e9, horizon=1e5) == ["CSES_000021"]


# Of each old state; a day side of the first release is known by its direction digit alone.
VERSION_3 = """
INSERT INTO half_orbit (key, status, parameters, windows, insufficient, alarms, attempts, tried_at,
    retry_at, reason, code_version, runtime, side, track) VALUES
    ('A_1', 'scored', 'p', 9, 8, 1, 0, 0, NULL, '', '', '', 'night', '[[1,2,0.5]]'),
    ('A_11', 'scored', 'p', 9, 9, 0, 0, 0, NULL, '', '', '', 'night', '[]'),
    ('A_21', 'scored', 'p', 0, 0, 0, 0, 0, 7, '', '', '', 'night', '[]'),
    ('A_20', 'scored', 'p', 0, 0, 0, 0, 0, NULL, '', '', '', 'day', '[]'),
    ('A_30', 'scored', 'p', 0, 0, 0, 0, 0, NULL, '', '', '', '', '[]'),
    ('A_31', 'begun', 'p', 0, 0, 0, 2, 0, 8, '', '', '', '', '[]'),
    ('A_41', 'failed', 'p', 0, 0, 0, 0, 0, NULL, 'empty', '', '', '', '[]'),
    ('A_51', 'retry', 'p', 0, 0, 0, 1, 0, 9, 'EIO', '', '', '', '[]'),
    ('A_61', 'given up', 'p', 0, 0, 0, 5, 0, NULL, 'five', '', '', '', '[]');
INSERT INTO file VALUES
    ('a', 1, 2, 3, 'A_1', 'scored', '', 0, 4), ('b', 1, 2, 3, 'A_20', 'scored', '', 0, 4),
    ('c', 1, 2, 3, 'A_31', 'begun', '', 0, 4), ('d', 1, 2, 3, NULL, 'ignored', 'x', 0, 4);
"""


def test_the_states_of_version_3_get_their_names(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as db:
        for script in MIGRATIONS[:3]:
            db.executescript(script)
        db.executescript(VERSION_3 + "PRAGMA user_version = 3;")
    with Ledger(path) as ledger:
        found = ledger.half_orbits()
        assert {key: record.status for key, record in found.items()} == {
            "A_1": "done",
            "A_11": "insufficient",
            "A_21": "insufficient",
            "A_20": "day",
            "A_30": "day",
            "A_31": "running",
            "A_41": "failed",
            "A_51": "retry",
            "A_61": "given up",
        }
        assert (found["A_1"].track, found["A_51"].retry_at) == ("[[1,2,0.5]]", 9.0)
        states = {name: file.status for name, file in ledger.files().items()}
        assert states == {"a": "done", "b": "day", "c": "running", "d": "ignored"}
        assert ledger.rows("SELECT first_seen FROM file WHERE path = 'a'") == [(4.0,)]
        assert ledger.to_retry() == 3
        indexes = {row[0] for row in ledger.rows("SELECT name FROM sqlite_schema")}
        assert {"half_orbit_retry", "half_orbit_given_up", "half_orbit_start"} <= indexes


def test_what_failed_is_due_again_when_it_is_told_to(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for key, status in (("a", "done"), ("b", "given up"), ("c", "failed")):
            ledger.record([], HalfOrbitRecord(key=key, status=status, parameters="p", attempts=5))
        assert [h.key for h in ledger.given_up()] == ["b"]
        assert ledger.due(now=1e9, horizon=1e5) == []
        assert ledger.retry(["a", "b"]) == ["b"]
        assert ledger.due(now=1e9, horizon=1e5) == ["b"]
        assert ledger.retry() == ["b", "c"]
        assert ledger.given_up() == []


def test_one_whose_process_was_killed_in_a_transaction_can_be_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.record([FILE])
    # So small a cache that changed pages reach the file before the end that never comes.
    killed = (
        "import os, sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('PRAGMA cache_size = 1')\n"
        "db.execute('BEGIN')\n"
        "db.executemany('INSERT INTO waiting VALUES (?, ?, 0)', "
        "((str(k), 'x' * 500) for k in range(500)))\n"
        "os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", killed, path], check=False)
    assert path.with_name("ledger.sqlite-journal").exists()
    with Ledger(path, read_only=True) as ledger:
        assert ledger.files() == {"a.h5": FILE}
        assert ledger.waiting() == {}
        with pytest.raises(LedgerError):
            ledger.record([FAILED])
