"""A new ledger of what can be read of a damaged one, and of the results."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.config import Settings
from edge.errors import ConfigError
from edge.ledger import LEDGER_FILE, FileRecord, HalfOrbitRecord, Ledger
from edge.station import ledger_repair
from edge.station.alarms import JSONL_FILE
from edge.station.ledger_check import check
from edge.station.ledger_repair import repair, whole_result
from edge.watching import hold

from .test_ledger_check import KEYS, execute, out, scored

__all__ = ["out"]


def mend(folder: Path) -> list[str]:
    return list(repair(folder, Settings(), None, time.time()))


def contents(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    with Ledger(folder / LEDGER_FILE, read_only=True) as ledger:
        tables = ("file", "half_orbit", "result", "alarm", "outbox")
        return {t: sorted(ledger.rows(f"SELECT * FROM {t}")) for t in tables}


def test_a_good_ledger_stays_as_it_is(out: Path) -> None:
    before, bytes_before = contents(out), (out / LEDGER_FILE).read_bytes()
    lines = mend(out)
    assert contents(out) == before
    assert "table half_orbit: 3 rows copied" in lines
    assert (out / "ledger.sqlite.before-repair-1").read_bytes() == bytes_before
    assert not list(out.glob(".ledger*"))
    assert list(check(out)) == []


@pytest.mark.parametrize("table", ["half_orbit", "result", "alarm"])
def test_rows_that_are_lost_come_from_the_results(
    out: Path, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_repair, "_current", lambda *_: ("p", ("b", "dark", 0.5, "1", "r")))
    before = contents(out)
    execute(out, f"DELETE FROM {table}", *(["DELETE FROM result"] * (table == "alarm")))
    lines = mend(out)
    after = contents(out)
    for same in ("file", "result", "alarm", "outbox"):
        assert after[same] == before[same], same
    assert any("3 half-orbits taken in" in line for line in lines)
    with Ledger(out / LEDGER_FILE) as ledger:
        # The fingerprint of now: a stream has nothing to do.
        assert {h.parameters for h in ledger.half_orbits().values()} == {"p"}
    assert list(check(out)) == []


def test_files_whose_half_orbit_is_lost_are_scored_again(out: Path) -> None:
    execute(out, "DELETE FROM half_orbit", "INSERT INTO folder VALUES ('', 'nothing left to do')")
    (out / f"{KEYS[0]}.jsonl").unlink()
    lines = mend(out)
    assert "1 files of half-orbits whose row is lost count as new" in lines
    with Ledger(out / LEDGER_FILE) as ledger:
        assert f"{KEYS[0]}.h5" not in ledger.files()
        assert ledger.folder_digest("") is None


def test_a_failure_that_was_to_be_tried_again_is(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_repair, "_current", lambda *_: ("p", ("b", "dark", 0.5, "1", "r")))
    execute(out, "DELETE FROM half_orbit", "UPDATE file SET status = 'failed', transient = 1")
    mend(out)
    with Ledger(out / LEDGER_FILE) as ledger:
        assert {h.parameters for h in ledger.half_orbits().values()} == {""}


def test_results_of_another_bundle_are_scored_again(out: Path) -> None:
    execute(out, "DELETE FROM half_orbit", "DELETE FROM result")
    mend(out)
    with Ledger(out / LEDGER_FILE) as ledger:
        assert {h.parameters for h in ledger.half_orbits().values()} == {""}


def test_a_ledger_that_is_no_database_is_made_of_the_results(out: Path) -> None:
    before = contents(out)
    (out / LEDGER_FILE).write_bytes(b"\xfe" * 9000)
    (out / "ledger.sqlite-journal").write_bytes(b"journal")
    lines = mend(out)
    after = contents(out)
    assert after["result"] == before["result"]
    # As they were told, with when the station came to know them; told again while valid.
    assert after["alarm"] == before["alarm"]
    assert len(after["outbox"]) == 3
    assert "table file: lost, it cannot be read" in lines
    assert (out / "ledger.sqlite.before-repair-1-journal").read_bytes() == b"journal"
    assert list(check(out)) == []


def test_an_alarm_known_of_its_result_alone_has_the_id_that_explain_takes(out: Path) -> None:
    execute(out, "DELETE FROM alarm", "DELETE FROM result")
    (out / JSONL_FILE).unlink()
    mend(out)
    with Ledger(out / LEDGER_FILE) as ledger:
        found = [json.loads(a.content) for a in ledger.alarms()]
    assert len(found) == 3
    for alarm in found:
        assert alarm["id"] == f"{alarm['alarm']['half_orbit']}@{alarm['alarm']['time']}"
        assert (alarm["state"], alarm["revision"]) == ("new", 1)


def test_results_that_are_not_whole_are_not_taken(out: Path) -> None:
    execute(out, "DELETE FROM half_orbit", "DELETE FROM result")
    (out / f"{KEYS[0]}.csv").write_text("")
    (out / f"{KEYS[1]}.geojson").unlink()
    shutil.copy(out / f"{KEYS[2]}.jsonl", out / "CSES_000991.jsonl")
    lines = mend(out)
    for key in (KEYS[0], KEYS[1], "CSES_000991"):
        assert f"{key}: its result is not whole or another one" in "\n".join(lines)
    with Ledger(out / LEDGER_FILE) as ledger:
        assert list(ledger.half_orbits()) == [KEYS[2]]


def test_results_of_fewer_files_are_whole_where_the_settings_ask_for_no_more(out: Path) -> None:
    execute(out, "DELETE FROM half_orbit", "DELETE FROM result")
    for name in (f"{KEYS[0]}.csv", f"{KEYS[1]}.csv", f"{KEYS[1]}.geojson"):
        (out / name).unlink()
    (out / f"{KEYS[2]}.csv").write_text("")
    list(repair(out, Settings(results=("jsonl",)), None, time.time()))
    with Ledger(out / LEDGER_FILE) as ledger:
        assert tuple(ledger.half_orbits()) == KEYS[:2]
        found = {key: {r.name for r in ledger.results_of(key)} for key in KEYS[:2]}
    assert found == {
        KEYS[0]: {f"{KEYS[0]}.jsonl", f"{KEYS[0]}.geojson"},
        KEYS[1]: {f"{KEYS[1]}.jsonl"},
    }


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}\n", b"[" * 100_000, b"null\n"])
def test_a_result_of_any_bytes_is_no_result(out: Path, content: bytes) -> None:
    for suffix in (".jsonl", ".geojson"):
        whole = (out / f"{KEYS[0]}{suffix}").read_bytes()
        assert whole_result(out, KEYS[0]) is not None
        (out / f"{KEYS[0]}{suffix}").write_bytes(content)
        assert whole_result(out, KEYS[0]) is None
        (out / f"{KEYS[0]}{suffix}").write_bytes(whole)


@pytest.mark.parametrize("seed", range(12))
def test_rows_about_a_damaged_page_are_kept(tmp_path: Path, seed: int) -> None:
    path = tmp_path / LEDGER_FILE
    with Ledger(path) as ledger:
        for part in range(4):
            ledger.record(
                FileRecord(
                    path=f"{part}-{n}.h5",
                    size=n,
                    mtime_ns=n,
                    ctime_ns=n,
                    half_orbit="CSES_000011",
                    status="ignored",
                    reason="why" * 20,
                )
                for n in range(250)
            )
        ledger.record([], HalfOrbitRecord(key="CSES_000011", status="failed", parameters="p"))
        pages = {
            row[0] for row in ledger.rows("SELECT rootpage FROM sqlite_schema WHERE name != 'file'")
        }
    content = bytearray(path.read_bytes())
    chance = random.Random(seed)
    spared = {1, *pages}
    page = chance.choice([p for p in range(2, len(content) // 4096) if p not in spared])
    content[page * 4096 - 4096 : page * 4096] = chance.randbytes(4096)
    path.write_bytes(content)
    lines = mend(tmp_path)
    with Ledger(path) as ledger:
        kept = len(ledger.files())
        assert ledger.rows("PRAGMA integrity_check") == [("ok",)]
    assert any(f"table file: {kept} rows copied" in line for line in lines) or not kept


def test_a_kill_in_between_leaves_the_old_one(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (out / LEDGER_FILE).read_bytes()
    for step in ("_copy_rows", "_take_results", "write_alarms", "flush_folder"):
        with monkeypatch.context() as patch:

            def killed(*_: object) -> None:
                raise KeyboardInterrupt

            patch.setattr(ledger_repair, step, killed)
            with pytest.raises(KeyboardInterrupt):
                mend(out)
        assert (out / LEDGER_FILE).read_bytes() == before or list(check(out)) == []
        assert not list(out.glob(".ledger.sqlite.repair"))
    mend(out)
    assert list(check(out)) == []


def test_it_waits_for_no_stream_and_needs_a_ledger(out: Path, tmp_path: Path) -> None:
    with hold(out):
        done = CliRunner().invoke(app, ["ledger", "repair", str(out)])
    assert getattr(done.exception, "exit_code", None) == 3
    with pytest.raises(ConfigError, match="got no ledger"):
        mend(tmp_path)
    done = CliRunner().invoke(app, ["ledger", "repair", str(out)])
    assert done.exit_code == 0
    assert "kept as ledger.sqlite.before-repair-1" in done.output


def test_a_damaged_alarm_is_lost_and_said(out: Path) -> None:
    with closing(sqlite3.connect(out / LEDGER_FILE)) as db, db:
        db.execute("UPDATE alarm SET content = 'no JSON' WHERE half_orbit = ?", (KEYS[0],))
        db.execute("DELETE FROM result WHERE half_orbit = ?", (KEYS[0],))
    lines = mend(out)
    assert "table alarm: 2 rows copied, 1 places of it cannot be read and are lost" in lines
    assert list(check(out)) == []
    assert scored(KEYS[0]).alarms[0].half_orbit == KEYS[0]
