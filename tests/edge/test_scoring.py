"""What the scorer says beside scores: Kp where it is known, and "unknown" where it is not."""

from __future__ import annotations

import csv
import json
import shutil
import time
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from commands import edge_score
from edge.bundle import models_path
from edge.ledger import LEDGER_FILE, Ledger
from edge.results import Alarm, WindowScore

SAMPLES = models_path() / "samples"
WITH_ALARM = "CSES_131571"
# The passage of the sample with the alarm lies in the seventh interval of its day.
DAY, INTERVAL = date(2020, 6, 16), 6


def write_kp(path: Path, last: date, kp: float = 1.333, interval: int = INTERVAL) -> None:
    """A file of GFZ's layout, from two days before to `last`, quiet but for one interval of DAY."""
    lines = ["# PURPOSE: a test"]
    day = DAY - timedelta(days=2)
    while day <= last:
        number = (day - date(1932, 1, 1)).days
        values = [kp if (day, k) == (DAY, interval) else 0.667 for k in range(8)]
        lines.append(
            f"{day:%Y %m %d} {number} {number}.5 2547 16 "
            + " ".join(f"{v:6.3f}" for v in values)
            + " 5" * 8
            + "  5 -1  70.1  72.3 1"
        )
        day += timedelta(days=1)
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def sample() -> list[Path]:
    return sorted(SAMPLES.glob("CSES_01_*_131571_*.h5"))


def records(out: Path) -> list[dict[str, object]]:
    path = out / f"{WITH_ALARM}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def said(found: list[dict[str, object]], kind: str) -> set[tuple[object, object]]:
    return {(r["geomagnetic"], r["kp"]) for r in found if r["type"] == kind}


@pytest.mark.parametrize(
    ("kp", "meaning"), [(3.0, "quiet"), (3.333, "disturbed"), (-1.0, "unknown")]
)
def test_windows_and_alarms_say_what_kp_was(kp: float, meaning: str, tmp_path: Path) -> None:
    write_kp(tmp_path / "Kp.txt", DAY, kp)
    out = tmp_path / "out"
    done = edge_score("score", *sample(), "--out", out, EDGE_SCORE_KP=str(tmp_path / "Kp.txt"))
    assert (done.returncode, done.stderr) == (0, "")
    number = None if kp < 0 else kp
    found = records(out)
    assert said(found, "window") == said(found, "alarm") == {(meaning, number)}
    text = meaning if number is None else f"{meaning} (Kp {kp:.2f})"
    assert f"geomagnetic activity {text}\n" in done.stdout
    count = sum(r["type"] == "window" for r in found)
    note = f"Kp is not known for {count} of {count} windows"
    assert (note in found[0]["notes"]) == (number is None)
    with (out / f"{WITH_ALARM}.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    # What was there before keeps its place.
    assert rows[0][8:] == ["geomagnetic", "trained_on", "failed", "kp"]
    assert rows[1][11] == ("" if number is None else str(kp))


def test_the_interval_that_holds_the_passage_counts_alone(tmp_path: Path) -> None:
    write_kp(tmp_path / "Kp.txt", DAY, 5.0, INTERVAL - 1)
    out = tmp_path / "out"
    edge_score("score", *sample(), "--out", out, "--kp", tmp_path / "Kp.txt")
    assert said(records(out), "window") == {("quiet", 0.667)}


@pytest.mark.parametrize("content", [None, b"\x89PNG", b"", b"2020 06 16 1 2\n"])
def test_a_file_that_is_missing_or_wrong_is_unknown_and_said(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "Kp.txt"
    if content is not None:
        path.write_bytes(content)
    done = edge_score("score", *sample(), "--out", tmp_path / "out", "--kp", path)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("edge-score: Kp.txt: ")
    assert line.endswith("; geomagnetic activity is unknown")
    assert said(records(tmp_path / "out"), "window") == {("unknown", None)}


def test_a_file_that_ends_too_early_is_unknown_and_not_quiet(tmp_path: Path) -> None:
    write_kp(tmp_path / "Kp.txt", DAY - timedelta(days=1))
    done = edge_score("score", *sample(), "--out", tmp_path / "out", "--kp", tmp_path / "Kp.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert said(records(tmp_path / "out"), "alarm") == {("unknown", None)}


def test_a_file_that_grows_rescores_nothing_and_a_later_rescoring_takes_it(tmp_path: Path) -> None:
    inbox, out, path = tmp_path / "inbox", tmp_path / "out", tmp_path / "Kp.txt"
    inbox.mkdir()
    for file in sample():
        shutil.copy(file, inbox)
    run = ("stream", inbox, "--out", out, "--once", "--kp", path)
    write_kp(path, DAY - timedelta(days=1))
    assert edge_score(*run).returncode == 0
    assert said(records(out), "window") == {("unknown", None)}
    written = {p: p.read_bytes() for p in out.glob("CSES_*")}
    write_kp(path, DAY, 7.667)
    assert edge_score(*run).stdout == ""
    assert {p: p.read_bytes() for p in out.glob("CSES_*")} == written
    for result in written:
        result.unlink()
    assert edge_score(*run).returncode == 0
    assert said(records(out), "window") == {("disturbed", 7.667)}
    # The alarm is the one that was told of, and what is known of it now is kept.
    with Ledger(out / LEDGER_FILE) as ledger:
        (alarm,) = ledger.alarms(WITH_ALARM)
        told = ledger.messages(time.time())
    assert alarm.revision == 1
    assert msgspec.json.decode(alarm.content)["alarm"]["kp"] == 7.667
    assert [message.kind for message in told] == ["alarm"]
    # Scores are the same with and without it.
    scores = [r["score"] for r in records(out) if r["type"] == "window"]
    earlier = written[out / f"{WITH_ALARM}.jsonl"].splitlines()
    found = [msgspec.json.decode(line) for line in earlier]
    assert scores == [r["score"] for r in found if r["type"] == "window"]


def test_columns_of_records_are_only_added_at_the_end() -> None:
    assert WindowScore.__struct_fields__[-1] == "kp"
    assert Alarm.__struct_fields__[-3:] == ("trained_on", "geomagnetic", "kp")
