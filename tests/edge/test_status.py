from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from msgspec.structs import replace

from edge.errors import ConfigError
from edge.inbox import look_at
from edge.ledger import LEDGER_FILE, FileRecord, HalfOrbitRecord, Ledger
from edge.results import Alarm, WrittenFile
from edge.station import status
from edge.station.alarms import compare, stamp
from edge.station.status import StationStatus, station_status, status_table, write_status

NOW = time.time()
SCORED = HalfOrbitRecord(
    key="CSES_096791",
    status="done",
    parameters="p",
    windows=499,
    insufficient=9,
    alarms=1,
    done_at=NOW - 600,
    side="night",
    start=stamp(NOW - 7200),
    end=stamp(NOW - 5400),
)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A station that works."""
    (tmp_path / "CSES_01_LAP_1_L02_A3_096791_20191101_001933_20191101_005555_000.h5").touch()
    with Ledger(tmp_path / LEDGER_FILE) as ledger:
        run = ledger.begin_run(NOW - 610, "1", "r")
        files = [FileRecord.of(look_at(p, p.name), "done") for p in tmp_path.glob("*.h5")]
        ledger.record(files, SCORED, now=NOW - 620)
        ledger.end_run(run, NOW - 600, (1, 0, 0), 0)
    return tmp_path


def add(out: Path, *records: HalfOrbitRecord) -> StationStatus:
    with Ledger(out / LEDGER_FILE) as ledger:
        for record in records:
            ledger.record([], record, now=NOW)
    return station_status(out, None, NOW)


def test_a_station_that_works_needs_nobody(out: Path) -> None:
    found = station_status(out, None, NOW)
    assert found.attention == []
    assert (found.last_half_orbit, found.last_exit) == ("CSES_096791", 0)
    assert (found.day.scored, found.week.alarms, found.waiting) == (1, 1, 0)
    assert found.trained_on == "simulated"
    lines = list(status_table(found))
    assert lines[0] == "all is well"
    assert lines[4].endswith("; 1 alarm")


def test_a_run_that_is_missed_and_files_that_do_not_come(out: Path) -> None:
    found = station_status(out, None, NOW + 3 * 86400)
    assert found.attention[0].startswith("no run for 72 h")
    assert found.attention[1].startswith("no file came for 72 h")
    assert station_status(out, None, NOW + 3 * 86400, max_age_h=100).attention == []


def test_what_failed_is_told_with_its_reason(out: Path) -> None:
    found = add(
        out,
        replace(SCORED, key="CSES_096801", status="failed", reason="a.h5: is empty (0 bytes)"),
        replace(SCORED, key="CSES_096811", status="given up", reason="ended the process"),
        replace(SCORED, key="CSES_096821", status="retry", reason="read error"),
    )
    assert [t.half_orbit for t in found.failed] == ["CSES_096801"]
    assert [t.reason for t in found.given_up] == ["ended the process"]
    assert [t.half_orbit for t in found.retried] == ["CSES_096821"]
    lines = "\n".join(status_table(found))
    assert lines.startswith("NEEDS YOU: 1 half-orbit given up, CSES_096811 first")
    assert "CSES_096801: a.h5: is empty (0 bytes)" in lines


def test_kinds_of_half_orbits_are_counted_apart(out: Path) -> None:
    found = add(
        out,
        replace(SCORED, key="CSES_096800", status="day", windows=0, insufficient=0, alarms=0),
        replace(SCORED, key="CSES_096811", status="insufficient", insufficient=499, alarms=0),
        replace(SCORED, key="CSES_096821", done_at=NOW - 3 * 86400),
        replace(SCORED, key="CSES_096831", done_at=NOW - 30 * 86400),
    )
    assert (found.day.scored, found.day.insufficient, found.day.day) == (1, 1, 1)
    assert found.week.scored == 2


def test_each_state_is_counted_and_its_half_orbits_are_named(out: Path) -> None:
    name = "2026/CSES_01_HPM_5_L02_A2_096831_20191101_001933_20191101_005555_000.h5"
    with Ledger(out / LEDGER_FILE) as ledger:
        ledger.remember({}, {f"wait {name}": ("1 2 3", NOW), "settle a.h5": ("1 2 3", NOW)})
    found = add(
        out,
        replace(SCORED, key="CSES_096801", status="running", attempts=1),
        replace(SCORED, key="CSES_096811", status="running", attempts=2, reason="ended"),
        replace(SCORED, key="CSES_096810", status="day"),
    )
    assert found.states == {
        "waiting": 2,
        "running": 2,
        "done": 1,
        "day": 1,
        "insufficient": 0,
        "retry": 0,
        "failed": 0,
        "given up": 0,
    }
    assert found.held_back == ["CSES_096831", "a.h5"]
    # A first attempt is under way; at the second one, the first ended the process.
    assert (found.running, [t.half_orbit for t in found.retried]) == (
        ["CSES_096801"],
        ["CSES_096811"],
    )
    assert found.attention == ["1 half-orbit to be tried again, CSES_096811 first"]
    lines = list(status_table(found))
    assert "waiting         CSES_096831, a.h5" in lines
    assert "running         CSES_096801" in lines


def test_half_orbits_that_never_came_are_named(out: Path) -> None:
    found = add(out, replace(SCORED, key="CSES_096821"), replace(SCORED, key="DEMETER_000011"))
    assert found.gaps == ["CSES_096801", "CSES_096811"]


def test_alarms_that_are_valid_stand_there(out: Path) -> None:
    alarm = Alarm(
        half_orbit="CSES_096791",
        start=stamp(NOW),
        end=stamp(NOW),
        time=stamp(NOW),
        latitude=1.0,
        longitude=2.0,
        peak=0.9,
        windows=3,
        radius_km=150.0,
        valid_until=stamp(NOW + 3600),
        trained_on="simulated",
    )
    with Ledger(out / LEDGER_FILE) as ledger:
        ledger.record([], SCORED, None, compare([], [alarm], 1, NOW)[0])
    assert f"CSES_096791@{stamp(NOW)} lat 1.0 lon 2.0" in "\n".join(
        status_table(station_status(out, None, NOW))
    )
    assert station_status(out, None, NOW + 7200).alarms == []


def test_a_disk_that_fills_is_told_days_before(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status.shutil, "disk_usage", lambda _: SimpleNamespace(free=150_000_000))
    assert station_status(out, None, NOW).attention == ["disk: 150 MB free"]
    with Ledger(out / LEDGER_FILE) as ledger:
        ledger.record([replace(f, size=12_000_000) for f in ledger.files().values()])
    (line,) = station_status(out, None, NOW).attention
    assert line.endswith("(edge-score prune) can free up to 12 MB")


@pytest.mark.parametrize(
    ("size", "words"), [(1_000_000, ", full in 35.0 days; "), (1000, " free; results")]
)
def test_days_until_the_disk_is_full_are_told_within_ten_years(
    out: Path, monkeypatch: pytest.MonkeyPatch, size: int, words: str
) -> None:
    monkeypatch.setattr(status.shutil, "disk_usage", lambda _: SimpleNamespace(free=250_000_000))
    with Ledger(out / LEDGER_FILE) as ledger:
        written = [WrittenFile("CSES_096791.csv", 50 * size, 1, "")]
        ledger.record([], SCORED, written, None, now=NOW)
    (line,) = (s for s in status_table(station_status(out, None, NOW)) if s.startswith("disk "))
    assert words in line


def test_a_bundle_that_is_damaged_is_told(out: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(Path(status.default_bundle_path()), bundle)
    (bundle / "card.json").write_text("{}", encoding="utf-8")
    assert "bundle" in station_status(out, bundle, NOW).attention[0]


def test_status_json_is_what_status_says(out: Path) -> None:
    write_status(out, None, NOW)
    found = msgspec.json.decode((out / "status.json").read_bytes(), type=StationStatus)
    assert found.last_half_orbit == "CSES_096791"
    assert json.loads((out / "status.json").read_text())["attention"] == []


def test_a_folder_of_no_station_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"got no ledger\.sqlite"):
        station_status(tmp_path, None, NOW)


def test_looking_changes_nothing(out: Path) -> None:
    before = (out / LEDGER_FILE).read_bytes()
    (out / LEDGER_FILE).chmod(0o444)
    station_status(out, None, NOW)
    assert (out / LEDGER_FILE).read_bytes() == before
