"""Metrics for Prometheus, held against the grammar of its text exposition format."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.config import Settings
from edge.errors import ConfigError
from edge.events import Idle, Problem
from edge.ledger import LEDGER_FILE, HalfOrbitRecord, Ledger
from edge.station.diary import Diary
from edge.station.metrics import check_path, metrics_text, write_metrics
from edge.station.status import station_status

NOW = 1_600_000_000.0
# Of https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN"
HELP = re.compile(rf"# HELP ({_NAME}) (?:[^\\\n]|\\[\\n])+")
TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram|summary|untyped)")
SAMPLE = re.compile(rf"({_NAME})(\{{{_LABEL}(?:,{_LABEL})*\}})? ({_NUMBER})")


def parsed(text: str) -> dict[str, float]:
    """Samples by name with labels; each metric has HELP, TYPE, then its samples, once."""
    assert text.endswith("\n")
    assert "\n\n" not in text
    found: dict[str, float] = {}
    metric, kinds = "", {}
    lines: Iterator[str] = iter(text.splitlines())
    for line in lines:
        if match := HELP.fullmatch(line):
            metric = match[1]
            assert metric not in kinds
            kind = TYPE.fullmatch(next(lines))
            assert kind is not None
            assert kind[1] == metric
            kinds[metric] = kind[2]
            # Counters end in _total, and nothing else does.
            assert metric.endswith("_total") == (kind[2] == "counter")
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample is not None, line
        assert sample[1] == metric
        key = sample[1] + (sample[2] or "")
        assert key not in found
        found[key] = float(sample[3])
    assert all(name.startswith("edge_score_") for name in kinds)
    return found


@pytest.fixture
def out(tmp_path: Path) -> Path:
    with Ledger(tmp_path / LEDGER_FILE) as ledger:
        run = ledger.begin_run(NOW - 100, "1", "r")
        for number, status in enumerate(("done", "done", "day", "insufficient", "given up")):
            record = HalfOrbitRecord(
                key=f"CSES_00{number}1",
                status=status,  # type: ignore[arg-type]
                parameters="p",
                done_at=NOW - 50,
                start="2020-09-13T10:00:00.000Z",
                end="2020-09-13T10:40:00.500Z",
                alarms=int(number == 0),
            )
            ledger.record([], record, now=NOW - 60)
        ledger.end_run(run, NOW - 10, (2, 1, 0), 0)
    return tmp_path


def test_the_text_has_the_documented_format_and_numbers(out: Path) -> None:
    found = parsed(metrics_text(station_status(out, None, NOW)))
    assert found['edge_score_half_orbits{state="done"}'] == 2
    assert found['edge_score_half_orbits{state="given up"}'] == 1
    assert found['edge_score_half_orbits{state="waiting"}'] == 0
    assert found['edge_score_finished_half_orbits{state="day"}'] == 1
    assert found["edge_score_alarms"] == 1
    assert found["edge_score_runs_total"] == 1
    assert found["edge_score_simulated_training"] == 1
    assert found["edge_score_last_run_exit_code"] == 0
    assert found["edge_score_last_success_timestamp_seconds"] == NOW - 10
    assert found["edge_score_last_acquisition_timestamp_seconds"] == 1599993600.5
    assert found["edge_score_disk_free_bytes"] > 0
    # No file has come.
    assert "edge_score_last_arrival_timestamp_seconds" not in found
    (info,) = (key for key in found if key.startswith("edge_score_info"))
    assert 'bundle="plasma",trained_on="simulated"' in info


def test_an_empty_station_has_metrics_too(tmp_path: Path) -> None:
    Ledger(tmp_path / LEDGER_FILE).close()
    found = parsed(metrics_text(station_status(tmp_path, None, NOW)))
    assert found["edge_score_runs_total"] == 0
    assert not any("timestamp" in key for key in found)


def test_names_of_any_letters_stay_labels(out: Path, tmp_path: Path) -> None:
    bundle = tmp_path / 'a"b\\c\nd'
    bundle.mkdir()
    text = metrics_text(station_status(out, bundle, NOW))
    parsed(text)
    assert r'bundle="a\"b\\c\nd"' in text


def test_promtool_finds_nothing_where_it_is_installed(out: Path) -> None:
    text = metrics_text(station_status(out, None, NOW))
    if program := shutil.which("promtool"):
        done = subprocess.run(
            [program, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    parsed(text)


def test_a_run_and_each_turn_of_a_watcher_replace_the_file(out: Path, tmp_path: Path) -> None:
    path = tmp_path / "station.prom"
    with Ledger(out / LEDGER_FILE) as ledger:
        diary = Diary(out, ledger, Settings(metrics=str(path)), once=False)
        diary.note(Idle(half_orbits=0, failed=0, waiting=0))
        first = parsed(path.read_text())
        assert "edge_score_last_run_exit_code" not in first
        diary.note(Problem("a.h5: is empty"))
        path.unlink()
        diary.end(2)
    found = parsed(path.read_text())
    assert found["edge_score_last_run_exit_code"] == 2
    assert found["edge_score_runs_total"] == 2
    assert path.stat().st_mode & 0o444 == 0o444
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_is_gone_stops_no_station(out: Path, tmp_path: Path) -> None:
    settings = Settings(metrics=str(tmp_path / "gone" / "a.prom"))
    with Ledger(out / LEDGER_FILE) as ledger:
        Diary(out, ledger, settings, once=True).end(0)
    assert (out / "status.json").exists()
    with pytest.raises(FileNotFoundError):
        write_metrics(tmp_path / "gone" / "a.prom", station_status(out, None, NOW))


def test_a_name_that_no_collector_reads_is_refused(tmp_path: Path) -> None:
    assert check_path(None) == check_path(str(tmp_path / "a.prom")) == ""
    with pytest.raises(ConfigError, match=r"metrics: expected a name that ends in \.prom, got"):
        check_path(str(tmp_path / "a.txt"))
    # That one may come back, and is no reason to score nothing.
    gone = str(tmp_path / "gone" / "a.prom")
    assert check_path(gone).startswith("metrics: expected a file in a folder that is there, got ")
