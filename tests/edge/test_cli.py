"""The command as a person or cron calls it."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import pytest
from msgspec.structs import replace

from edge.bundle import models_path
from edge.cli import main
from edge.ledger import LEDGER_FILE, Ledger
from edge.readers.names import parse_name
from edge.watching import hold


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Call edge-score in this process."""
    for key in [k for k in os.environ if k.startswith("EDGE_SCORE_")]:
        monkeypatch.delenv(key)

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["edge-score", *map(str, arguments)])
        held = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        for number, handler in held.items():
            signal.signal(number, handler)
        text = capfd.readouterr()
        return Done(int(stop.value.code or 0), text.out, text.err)

    return call


@pytest.fixture(scope="module")
def half_orbit(simulated_cses: Path) -> list[Path]:
    """LAP + PAP + HPM of one simulated half-orbit."""
    files = sorted(simulated_cses.glob("*.h5"))
    key = parse_name(files[0]).half_orbit
    return [f for f in files if parse_name(f).half_orbit == key]


#: How a line on standard error begins: of a call, or of the log of a stream.
OURS = re.compile(r"edge-score: |\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ERROR ")


def complaints(done: Done) -> list[str]:
    """The lines of edge-score itself; the interpreter's own notices are not ours."""
    return [line for line in done.err.splitlines() if OURS.match(line)]


def test_score_prints_a_table(run: Run, half_orbit: list[Path]) -> None:
    done = run("score", *half_orbit)
    assert done.code == 0
    lines = done.out.splitlines()
    assert "payloads: HPM_5, LAP_1, PAP_0" in lines[0]
    assert lines[1].split() == [
        "time", "(UTC)", "lat", "lon", "LT", "coverage", "score", "verdict",
    ]  # fmt: skip
    verdicts = {line.split()[-1] for line in lines[2:] if line[:2] == "20"}
    assert verdicts <= {"quiet", "alarm", "insufficient"}
    assert verdicts & {"quiet", "alarm"}
    assert "trained on simulated missions" in lines[-1]


def test_json_is_one_line_a_window_and_nothing_else(run: Run, half_orbit: list[Path]) -> None:
    done = run("score", "--json", *half_orbit)
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert len(rows) > 400
    assert {r["type"] for r in rows} == {"window"}
    assert {r["trained_on"] for r in rows} == {"simulated"}
    assert {r["geomagnetic"] for r in rows} == {"unknown"}
    assert all((r["score"] is None) == (r["verdict"] == "insufficient") for r in rows)


def test_out_gets_three_files_that_agree(run: Run, half_orbit: list[Path], tmp_path: Path) -> None:
    assert run("score", *half_orbit, "--out", tmp_path / "new" / "out").code == 0
    (stem,) = {f.stem for f in (tmp_path / "new" / "out").iterdir()}
    base = tmp_path / "new" / "out" / stem
    lines = [json.loads(x) for x in base.with_suffix(".jsonl").read_text().splitlines()]
    windows = [x for x in lines if x["type"] == "window"]
    alarms = [x for x in lines if x["type"] == "alarm"]
    assert lines[0]["windows"] == len(windows)
    with base.with_suffix(".csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [r["time"] for r in rows] == [w["time"] for w in windows]
    assert [r["score"] for r in rows] == [
        "" if w["score"] is None else str(w["score"]) for w in windows
    ]
    geo = json.loads(base.with_suffix(".geojson").read_text())
    assert geo["type"] == "FeatureCollection"
    track, *points = geo["features"]
    assert track["properties"] == {"kind": "track"}
    places = [place for line in track["geometry"]["coordinates"] for place in line]
    assert places == [[w["longitude"], w["latitude"]] for w in windows]
    assert [p["geometry"]["coordinates"] for p in points] == [
        [a["longitude"], a["latitude"]] for a in alarms
    ]


def test_demeter_is_scored(run: Run, simulated_demeter: Path) -> None:
    files = sorted(simulated_demeter.glob("*.DAT"))
    key = parse_name(files[0]).half_orbit
    done = run("score", "--json", *[f for f in files if parse_name(f).half_orbit == key])
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0
    assert len(rows) > 400
    assert any(r["score"] is not None for r in rows)


def test_lap_alone_is_enough_for_a_verdict(run: Run, half_orbit: list[Path]) -> None:
    lap = next(f for f in half_orbit if "LAP_1" in f.name)
    rows = [json.loads(line) for line in run("score", "--json", lap).out.splitlines()]
    assert {r["verdict"] for r in rows} & {"quiet", "alarm"}


def test_the_real_half_orbit_is_insufficient_and_so_says(run: Run, real_hpm: Path) -> None:
    rows = [json.loads(x) for x in run("score", "--json", real_hpm).out.splitlines()]
    assert len(rows) == 499
    assert {r["verdict"] for r in rows} == {"insufficient"}
    assert {r["score"] for r in rows} == {None}
    assert all(0 < r["coverage"] <= 0.2 for r in rows)
    assert all(abs(r["latitude"]) < 65 and 0 < r["local_time"] < 5 for r in rows)


def test_the_real_half_orbit_shows_scores_when_asked(run: Run, real_hpm: Path) -> None:
    done = run("score", "--json", "--min-coverage", "0", real_hpm)
    rows = [json.loads(x) for x in done.out.splitlines()]
    assert all(0 < r["score"] < 1 for r in rows)
    assert done.code == 0


def test_the_paper_rule_takes_the_whole_night_side(run: Run, real_hpm: Path) -> None:
    assert len(run("score", "--json", "--night", "paper", real_hpm).out.splitlines()) == 675


def test_the_real_half_orbit_streams(run: Run, real_hpm: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    shutil.copy(real_hpm, inbox)
    done = run("stream", inbox, "--out", tmp_path / "out", "--once")
    assert done.code == 0
    assert "499 night windows, 0 scored, 499 insufficient, 0 alarms" in done.out
    again = run("stream", inbox, "--out", tmp_path / "out", "--once")
    assert again.out == ""


def test_info_on_the_real_half_orbit(run: Run, real_hpm: Path) -> None:
    found = json.loads(run("info", "--json", real_hpm).out)
    assert (found["mission"], found["payload"]) == ("cses", "HPM_5")
    assert (found["half_orbit"], found["direction"]) == ("CSES_096791", "ascending")
    assert found["start"] == "2019-11-01T00:21:08.000Z"
    assert found["end"] == "2019-11-01T00:55:46.000Z"
    assert found["latitude"] == pytest.approx([-64.853, 64.354], abs=2e-3)
    channels = {c["name"]: c for c in found["channels"]}
    assert channels["FLAG_SHW"]["count"] == 2079
    with h5py.File(real_hpm) as file:
        good = file["FLAG_MT"][:, 0] == 0
        assert channels["A221"]["minimum"] == file["A221"][good, 0].min()
        assert channels["A221"]["maximum"] == file["A221"][good, 0].max()
    assert channels["A221"]["unit"] == "nT"
    assert "HPM_5" in run("info", real_hpm).out


def test_info_reads_every_simulated_payload(
    run: Run, half_orbit: list[Path], simulated_demeter: Path
) -> None:
    for file in (*half_orbit, *sorted(simulated_demeter.glob("*.DAT"))[:2]):
        done = run("info", file)
        assert done.code == 0
        assert parse_name(file).half_orbit in done.out


def test_model_shows_the_card(run: Run) -> None:
    done = run("model")
    assert done.code == 0
    assert "simulated" in done.out
    assert json.loads(run("model", "--json").out)["profile"] == "plasma"


def spoil(folder: Path, half_orbit: list[Path], demeter: Path) -> dict[str, Path]:
    """One file for each kind of bad input, under names that would be good."""
    lap = next(f for f in half_orbit if "LAP_1" in f.name)
    isl = sorted(demeter.glob("DMT_N1_1144_*.DAT"))[0]

    def place(kind: str, source: Path, content: bytes | None = None, name: str = "") -> Path:
        path = folder / kind / (name or source.name)
        path.parent.mkdir()
        if content is None:
            shutil.copy(source, path)
        else:
            path.write_bytes(content)
        return path

    bad = {
        "empty": place("empty", lap, b""),
        "truncated": place("truncated", lap, lap.read_bytes()[:9000]),
        "record": place("record", isl, isl.read_bytes()[:282]),
        "format": place("format", lap, b"\x89PNG\r\n\x1a\n" + bytes(100)),
        "name": place("name", lap, name=lap.name.replace("_2020", "_2021")),
        "orbit": place("orbit", isl, name=isl.name[:12] + "00001" + isl.name[17:]),
    }
    bad["missing"] = folder / "none" / lap.name
    bad["missing dataset"] = place("missing dataset", lap)
    with h5py.File(bad["missing dataset"], "r+") as file:
        del file["A321"]
    bad["shapes"] = place("shapes", lap)
    with h5py.File(bad["shapes"], "r+") as file:
        values = file["A311"][:-3]
        del file["A311"]
        file["A311"] = values
    bad["folder"] = folder / "folder" / lap.name
    bad["folder"].mkdir(parents=True)
    return bad


def test_each_bad_input_is_one_clear_line_and_the_rest_is_scored(
    run: Run, half_orbit: list[Path], simulated_demeter: Path, tmp_path: Path
) -> None:
    said = {
        "empty": "is empty (0 bytes)",
        "truncated": "damaged HDF5",
        "record": "has 282 bytes, less than a record of 289",
        "format": "is not HDF5",
        "name": "name and content disagree",
        "orbit": "name and content disagree",
        "missing": "no such file",
        "missing dataset": "dataset A321 is missing",
        "shapes": "shapes disagree",
        "folder": "is a folder",
    }
    bad = spoil(tmp_path, half_orbit, simulated_demeter)
    assert bad.keys() == said.keys()
    # Of another half-orbit than the bad ones.
    good = next(
        f
        for f in sorted(half_orbit[0].parent.glob("*LAP_1*.h5"), reverse=True)
        if parse_name(f).half_orbit != parse_name(half_orbit[0]).half_orbit
    )
    for kind, path in bad.items():
        done = run("score", "--json", path, good)
        assert done.code == 2, kind
        (line,) = complaints(done)
        assert path.name in line
        assert said[kind] in line
        assert "Traceback" not in done.err
        assert len(done.out.splitlines()) > 400, kind
        alone = run("info", path)
        assert alone.code == 2
        assert said[kind].replace("is a folder", "folder") in alone.err


def test_a_bad_payload_is_named_in_its_half_orbits_result(
    run: Run, half_orbit: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / next(f.name for f in half_orbit if "PAP_0" in f.name)
    bad.write_bytes(b"")
    siblings = [f for f in half_orbit if "PAP_0" not in f.name]
    done = run("score", "--json", bad, *siblings)
    assert done.code == 2
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert len(rows) > 400
    assert all(r["failed"] == ["PAP_0"] for r in rows)


# The first call loads every module while root can still read them, wherever Python is installed.
_AS_NOBODY = """
import contextlib, io, os, sys
from edge.cli import app, main
good, bad = sys.argv[1:]
with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
    app(["info", good], standalone_mode=False)
os.setgid(65534), os.setuid(65534)
sys.argv = ["edge-score", "info", bad]
main()
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_no_permission_is_one_clear_line(half_orbit: list[Path], tmp_path: Path) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    path = Path(shutil.copy(half_orbit[0], tmp_path))
    path.chmod(0o000)
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, half_orbit[0], path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"edge-score: {path.name}: no permission to read it\n"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["score", "--min-coverage", "2", "x.h5"], "--min-coverage"),
        (["score", "--night", "dusk", "x.h5"], "dusk"),
        (["score", "--colour", "x.h5"], "--colour"),
        (["score", "--bundle", "nowhere", "x.h5"], "nowhere"),
        (["stream", "nowhere", "--out", "{out}", "--once"], "nowhere"),
        (["stream", "."], "--out"),
        (["score", "notes.txt"], "notes.txt"),
    ],
)
def test_a_wrong_call_is_one_clear_line(
    run: Run, arguments: list[str], found: str, tmp_path: Path
) -> None:
    done = run(*[a.format(out=tmp_path / "out") for a in arguments])
    assert done.code == 2
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert OURS.match(line)
    assert found in line or found == "nowhere"


def test_a_second_process_on_the_same_output_says_so(
    run: Run, half_orbit: list[Path], tmp_path: Path
) -> None:
    with hold(tmp_path):
        done = run("stream", half_orbit[0].parent, "--out", tmp_path, "--once")
    assert done.code == 3
    assert "another edge-score works on it" in done.err


def test_an_output_folder_that_is_the_inbox_is_refused(run: Run, tmp_path: Path) -> None:
    done = run("stream", tmp_path, "--out", tmp_path, "--once")
    assert done.code == 2
    assert "is the inbox" in done.err


def test_a_payload_of_another_profile_is_named_and_the_rest_is_scored(
    run: Run, half_orbit: list[Path], tmp_path: Path
) -> None:
    lap = next(f for f in half_orbit if "LAP_1" in f.name)
    efd = tmp_path / lap.name.replace("LAP_1", "EFD_1").replace("_A3_", "_A1_")
    shutil.copy(lap, efd)
    done = run("score", "--json", lap, efd)
    assert done.code == 2
    assert "EFD_1 is not of the profile plasma" in done.err
    assert len(done.out.splitlines()) > 400


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full", "2>&-", "| head -1"])
def test_work_goes_on_where_its_output_cannot(
    half_orbit: list[Path], tmp_path: Path, redirection: str
) -> None:
    command = f"'{sys.executable}' -m edge.cli score \"$@\" --out '{tmp_path}/out' {redirection}"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}", "bash", *half_orbit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if "full" in redirection else 0), done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_stream_exits_with_2_when_an_input_failed(
    run: Run, half_orbit: list[Path], tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for file in half_orbit:
        shutil.copy(file, inbox)
    (inbox / half_orbit[0].name).write_bytes(b"")
    done = run("stream", inbox, "--out", tmp_path / "out", "--once")
    assert done.code == 2
    assert "1 half-orbit scored, 1 failed" in done.out
    assert run("stream", inbox, "--out", tmp_path / "out", "--once").code == 0


def test_a_log_of_json_and_metrics_are_written_where_they_are_asked_for(
    run: Run, half_orbit: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, prom = tmp_path / "inbox", tmp_path / "station.prom"
    inbox.mkdir()
    for file in half_orbit:
        shutil.copy(file, inbox)
    (inbox / half_orbit[0].name).write_bytes(b"")
    monkeypatch.setenv("EDGE_SCORE_METRICS", str(prom))
    done = run("stream", inbox, "--out", tmp_path / "out", "--once", "--log-format", "json")
    key = parse_name(half_orbit[0]).half_orbit
    (failed,) = (json.loads(x) for x in done.err.splitlines() if x.startswith("{"))
    assert (failed["level"], failed["key"]) == ("ERROR", key)
    said = [json.loads(line) for line in done.out.splitlines()]
    assert {(x["event"], x["key"]) for x in said if x["event"] == "scored"} == {("scored", key)}
    assert (said[-1]["event"], said[-1]["failed"]) == ("run", 1)
    assert "edge_score_last_run_exit_code 2\n" in prom.read_text()
    monkeypatch.setenv("EDGE_SCORE_METRICS", "station.txt")
    done = run("stream", inbox, "--out", tmp_path / "out", "--once")
    assert (done.code, done.out) == (2, "")
    assert "metrics: expected a name that ends in .prom, got 'station.txt'" in done.err


def test_watching_ends_cleanly_when_told_to(half_orbit: list[Path], tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    shutil.copy(half_orbit[0], inbox)
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", "stream", inbox, "--out", tmp_path / "out",
         "--settle", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list((tmp_path).glob("out/*.geojson")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "night windows" in out


def test_what_is_given_up_is_told_in_every_run_until_it_is_seen_to(
    run: Run, half_orbit: list[Path], tmp_path: Path
) -> None:
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    lap = Path(shutil.copy(next(f for f in half_orbit if "LAP_1" in f.name), inbox))
    assert run("stream", inbox, "--out", out, "--once").code == 0
    with Ledger(out / LEDGER_FILE) as ledger:
        (record,) = ledger.half_orbits().values()
        ledger.record([], replace(record, status="given up", reason=f"{record.key} is bad"))
    for _ in range(2):
        done = run("stream", inbox, "--out", out, "--once")
        assert done.code == 2
        assert [OURS.sub("", line) for line in complaints(done)] == [
            f"{record.key} is bad",
            "1 half-orbit given up: edge-score retry out tries them again",
        ]
        assert done.out == ""
    done = run("retry", out, record.key)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{record.key}: tried again by the next edge-score stream\n"
    assert run("stream", inbox, "--out", out, "--once").code == 0
    done = run("retry", out)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("nothing is to be tried again: ")
    done = run("retry", out, record.key)
    assert done.code == 2
    assert f"got {record.key}" in done.err
    assert run("retry", inbox).code == 2
    assert lap.exists()


def test_score_leaves_the_folder_of_a_stream_alone(
    run: Run, half_orbit: list[Path], tmp_path: Path
) -> None:
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    shutil.copy(half_orbit[0], inbox)
    run("stream", inbox, "--out", out, "--once")
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    done = run("score", *half_orbit, "--out", out)
    assert done.code == 2
    assert "is that of a stream" in done.err
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_score_writes_into_no_folder_that_another_process_holds(
    run: Run, half_orbit: list[Path], tmp_path: Path
) -> None:
    with hold(tmp_path / "out"):
        assert run("score", *half_orbit, "--out", tmp_path / "out").code == 3
    assert list((tmp_path / "out").iterdir()) == []


def test_verbose_names_what_may_still_grow(
    run: Run, half_orbit: list[Path], tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    shutil.copy(half_orbit[0], inbox)
    stream = ("stream", inbox, "--out", tmp_path / "out", "--once", "--settle", "600")
    assert run(*stream).out == ""
    said = run(*stream, "--verbose").out
    assert f"Z INFO {half_orbit[0].name}: waiting" in said
    assert said.endswith("Z INFO 0 half-orbits scored, 0 failed, 1 waiting\n")


def test_the_worth_of_the_scores_is_said_once_a_run(
    run: Run, simulated_cses: Path, tmp_path: Path
) -> None:
    done = run("stream", simulated_cses, "--out", tmp_path / "out", "--once")
    assert done.out.count("night windows") > 1
    assert done.out.count("trained on simulated missions") == 1
    for path in (tmp_path / "out").glob("CSES_*.jsonl"):
        assert json.loads(path.read_text().splitlines()[0])["trained_on"] == "simulated"


def test_a_watcher_outlives_its_terminal_and_ends_with_0_whatever_it_met(
    half_orbit: list[Path], tmp_path: Path
) -> None:
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    (inbox / half_orbit[0].name).write_bytes(b"")
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", "stream", inbox, "--out", out, "--settle", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "EDGE_SCORE_POLL": "3600"},
    )
    assert process.stderr is not None
    assert "is empty (0 bytes)" in process.stderr.readline()
    process.send_signal(signal.SIGHUP)
    shutil.copy(half_orbit[0], inbox)
    deadline = time.monotonic() + 60
    while not list(out.glob("*.geojson")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "night windows" in printed


def alarmed(folder: Path) -> list[Path]:
    """The shipped half-orbit that has an alarm."""
    folder.mkdir()
    found = sorted((models_path() / "samples").glob("CSES_*_131571_*.h5"))
    return [Path(shutil.copy(path, folder)) for path in found]


def test_an_alarm_is_told_to_the_operators_command_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, out, told = tmp_path / "inbox", tmp_path / "out", tmp_path / "told"
    alarmed(inbox)
    monkeypatch.setenv("EDGE_SCORE_ON_ALARM", f"cat >> '{told}'")
    for _ in range(2):
        assert run("stream", inbox, "--out", out, "--once").code == 0
    (line,) = told.read_text().splitlines()
    news = json.loads(line)
    assert (news["state"], news["alarm"]["half_orbit"]) == ("new", "CSES_131571")
    assert news["alarm"]["trained_on"] == "simulated"
    assert news["expired_on_arrival"]
    assert json.loads((out / "alarms.jsonl").read_text()) == news


def test_a_failure_is_told_to_the_operators_command_once_a_day(
    run: Run, half_orbit: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, out, told = tmp_path / "inbox", tmp_path / "out", tmp_path / "told"
    inbox.mkdir()
    (inbox / half_orbit[0].name).write_bytes(b"")
    monkeypatch.setenv("EDGE_SCORE_ON_FAILURE", f"cat >> '{told}'")
    for _ in range(2):
        run("stream", inbox, "--out", out, "--once")
        (inbox / half_orbit[0].name).touch()
    (line,) = told.read_text().splitlines()
    assert "is empty (0 bytes)" in json.loads(line)["reason"]


def test_a_late_payload_makes_another_revision_and_says_what_changed(
    run: Run, tmp_path: Path
) -> None:
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    files = alarmed(inbox)
    away = tmp_path / "away"
    away.mkdir()
    late = [shutil.move(f, away) for f in files if "LAP_1" not in f.name]
    run("stream", inbox, "--out", out, "--once")
    for file in late:
        shutil.move(file, inbox)
    done = run("stream", inbox, "--out", out, "--once")
    assert "Z INFO CSES_131571: revision 2: " in done.out
    with Ledger(out / LEDGER_FILE) as ledger:
        (record,) = ledger.half_orbits().values()
        assert record.revision == 2
        assert (record.side, len(json.loads(record.track))) == ("night", 12)
        assert record.peak == pytest.approx(1.0, abs=0.01)
    # Made again with the same bytes is no revision.
    (out / "CSES_131571.csv").unlink()
    assert "revision" not in run("stream", inbox, "--out", out, "--once").out.replace(
        "revision 2: its alarms are the same", ""
    )


def test_status_tells_how_a_station_is(run: Run, half_orbit: list[Path], tmp_path: Path) -> None:
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    for file in half_orbit:
        shutil.copy(file, inbox)
    run("stream", inbox, "--out", out, "--once")
    done = run("status", out)
    assert (done.code, done.out.splitlines()[0]) == (0, "all is well")
    (inbox / half_orbit[0].name.replace("18071_", "18081_")).write_bytes(b"")
    run("stream", inbox, "--out", out, "--once")
    done = run("status", out)
    assert done.code == 1
    assert done.out.startswith("NEEDS YOU: 1 half-orbit failed, CSES_118081 first")
    found = json.loads(run("status", out, "--json").out)
    assert found["last_exit"] == 2
    assert json.loads((out / "status.json").read_text())["failed"] == found["failed"]
    assert run("status", inbox).code == 2
