from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edge.errors import LedgerError
from edge.ledger import FileRecord, HalfOrbitRecord, Ledger

FILE = FileRecord("a.h5", 10, 20, 30, "CSES_000011", "scored")
FAILED = FileRecord("b.h5", 1, 2, 3, "CSES_000011", "failed", "is empty (0 bytes)", True)
HALF_ORBIT = HalfOrbitRecord("CSES_000011", "scored", "abc", 499, 0, 1)


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
        assert db.execute("SELECT status FROM file").fetchall() == [("scored",)]
    db.close()


def test_a_record_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        bad = HalfOrbitRecord("x", "quiet", "abc", 0, 0, 0)  # type: ignore[arg-type]
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
