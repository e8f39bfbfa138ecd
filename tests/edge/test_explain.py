"""What scores hang on, drawn and in words."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace as replace_struct

from commands import edge_score
from edge.bundle import load_bundle, models_path
from edge.readers.names import parse_name
from edge.scoring import Scorer
from edge.show.explain import Explanation, explain, explanation_lines
from edge.station.status import station_status, status_table

SAMPLES = models_path() / "samples"


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(load_bundle())


def found(scorer: Scorer, *files: Path) -> Explanation:
    return explain(scorer, scorer.read({f: parse_name(f) for f in files}))


def sample() -> list[Path]:
    return sorted(SAMPLES.glob("CSES_01_*_131571_*.h5"))


def demeter() -> Path:
    (path,) = SAMPLES.glob("DMT_*.DAT")
    return path


def alarm_time(alarm: dict[str, str]) -> float:
    return datetime.fromisoformat(alarm["time"]).timestamp()


def test_hiding_is_what_a_payload_that_is_missing_does(scorer: Scorer) -> None:
    hpm, lap, pap = sample()
    whole = found(scorer, hpm, lap, pap)
    assert [h.name for h in whole.hidden] == list(scorer.bundle.profile.names)
    assert {h.valid for h in whole.hidden} == {1.0}
    peak = whole.peak
    assert peak is not None
    assert peak.score == max(w.score or 0.0 for w in whole.scored.windows)
    without = scorer.score(scorer.read({f: parse_name(f) for f in (lap, pap)}))
    (b_rms,) = [h for h in whole.hidden if h.name == "b_rms"]
    # The grid of fewer payloads is the same, but for cells at its ends that lie outside night.
    assert b_rms.score == next(w.score for w in without.windows if w.time == peak.time)
    assert b_rms.highest == max(w.score or 0.0 for w in without.windows)
    assert b_rms.over == sum(w.verdict == "alarm" for w in without.windows)


def test_what_is_masked_at_the_peak_changes_nothing_there(scorer: Scorer) -> None:
    explanation = found(scorer, demeter())
    peak = explanation.peak
    assert peak is not None
    # DEMETER has no b_rms at all, and of this half-orbit no ISL.
    assert [h.name for h in explanation.hidden] == ["log_ne", "te", "log_o", "ti"]
    for hidden in explanation.hidden[:2]:
        assert (hidden.valid, hidden.score) == (0.0, peak.score)
    assert all(h.score != peak.score for h in explanation.hidden[2:])


def test_the_last_observable_leaves_nothing_to_score(scorer: Scorer, real_hpm: Path) -> None:
    low = Scorer(scorer.bundle, minimum_coverage=0.0)
    explanation = found(low, real_hpm)
    (b_rms,) = [h for h in explanation.hidden if h.name == "b_rms"]
    assert (b_rms.score, b_rms.highest, b_rms.over) == (None, None, 0)
    (line,) = [x for x in explanation_lines(explanation) if x.startswith("b_rms")]
    assert line.split() == ["b_rms", "100%", "-", "-", "-", "0"]


def test_the_band_is_what_the_model_sees_its_residuals_from(scorer: Scorer) -> None:
    explanation = found(scorer, *sample())
    grid, card = explanation.grid, scorer.bundle.card
    features = scorer.climatology.features(grid, scorer.bundle.profile, "cses", card.clip)
    residual = (grid.values - explanation.median) / explanation.spread
    seen = grid.valid & explanation.night[:, None]
    assert seen.sum() > 1000
    np.testing.assert_allclose(
        np.clip(residual, -card.clip, card.clip)[seen],
        features[:, : grid.valid.shape[1]][seen],
        rtol=1e-5,
        atol=1e-6,
    )
    assert np.isnan(explanation.median[~explanation.night]).all()


def test_an_alarm_is_looked_at_where_it_peaks(scorer: Scorer) -> None:
    # Two alarms in one half-orbit: a threshold that only the highest windows of each are over.
    half_orbit = scorer.read({f: parse_name(f) for f in sample()})
    low = Scorer(scorer.bundle)
    card = replace_struct(scorer.bundle.card, threshold=0.3)
    low.bundle = replace(scorer.bundle, card=card)
    alarms = low.score(half_orbit).alarms
    assert len(alarms) > 1
    for alarm in alarms:
        explanation = explain(low, half_orbit, alarm.time)
        assert explanation.alarm == alarm
        assert explanation.peak is not None
        assert (explanation.peak.time, explanation.peak.score) == (alarm.time, alarm.peak)


def test_words_say_the_peak_each_observable_and_what_it_is_worth(scorer: Scorer) -> None:
    explanation = found(scorer, *sample())
    lines = list(explanation_lines(explanation))
    assert lines[0].startswith("CSES_131571 (cses, night): ")
    assert lines[1].startswith("ALARM CSES_131571 ")
    over = sum(window.verdict == "alarm" for window in explanation.scored.windows)
    assert f"geomagnetic activity unknown; {over} windows at or above the threshold" in lines[2]
    assert lines[3].split() == ["without", "valid", "score", "there", "change", "highest", "over"]
    assert [line.split()[0] for line in lines[4:-1]] == [h.name for h in explanation.hidden]
    assert "simulated" in lines[-1]
    quiet = replace(explanation, peak=None, hidden=[])
    assert "no window was scored, so there is nothing to explain" in explanation_lines(quiet)


def test_a_picture_for_files_says_that_it_is_simulated(scorer: Scorer, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from edge.show.explain import _draw

    figure = Figure()
    _draw(figure, found(scorer, *sample()))
    assert len(figure.axes) == 6
    texts = [t.get_text() for t in figure.texts]
    assert "simulated: no observation" in texts[1]
    assert texts[3].startswith("The model was trained on simulated missions")
    assert figure.axes[0].get_title(loc="left") == "log_ne: electron density"
    assert figure.axes[0].get_title(loc="right").startswith("without it: score ")
    scores = figure.axes[-1]
    title = f"threshold {load_bundle().card.threshold:.3f}; 1 alarm; 0 of 443 windows"
    assert scores.get_title(loc="right").startswith(title)
    labels = [t.get_text().split("\n") for t in scores.get_xticklabels()]
    assert [label[0] for label in labels] == [f"20:{m:02d}" for m in range(5, 40, 5)]
    assert all(-90.0 < float(label[1]) < 90.0 > float(label[2]) > 0.0 for label in labels)


def test_the_command_gives_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    contents = []
    for settings in ("", "figure.facecolor: black\n"):
        (tmp_path / "matplotlibrc").write_text(settings)
        done = edge_score(
            "explain", demeter(), cwd=tmp_path, MATPLOTLIBRC=str(tmp_path / "matplotlibrc")
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[0] == "DEMETER_199131.png"
        contents.append((tmp_path / "DEMETER_199131.png").read_bytes())
    assert contents[0] == contents[1]
    assert contents[0].startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", contents[0][16:24])[0] == 1100


@pytest.mark.parametrize(("payload", "rows", "direction"), [("LAP_1", 1, 1), ("HPM_5", 90, 0)])
def test_half_orbits_without_windows_are_drawn(
    payload: str, rows: int, direction: int, make_cses: Callable[..., Path], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    path = make_cses(payload, rows, direction=direction)
    done = edge_score("explain", path, "--out", tmp_path / "a.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no window was scored" in done.stdout
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_a_half_orbit_without_a_position_is_drawn(
    make_cses: Callable[..., Path], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    path = make_cses("LAP_1", 40, GEO_LAT=np.full(40, -9999.0))
    done = edge_score("explain", path, "--out", tmp_path / "a.png")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_half_orbit_is_found_by_its_key_in_a_stream(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    inbox, out, picture = tmp_path / "inbox", tmp_path / "out", tmp_path / "a.png"
    (inbox / "2020").mkdir(parents=True)
    for file in sample():
        shutil.copy(file, inbox / "2020")
    edge_score("stream", inbox, "--out", out, "--once")
    asked = ("explain", out, "CSES_131571", "--inbox", inbox, "--out", picture)
    done = edge_score(*asked)
    assert done.returncode == 0
    assert "payloads: HPM_5, LAP_1, PAP_0" in done.stdout
    picture.unlink()
    (line,) = (out / "alarms.jsonl").read_text().splitlines()
    alarm, name = json.loads(line)["alarm"], json.loads(line)["id"]
    assert f"  {name} lat " in "\n".join(status_table(station_status(out, None, alarm_time(alarm))))
    done = edge_score("explain", out, name, "--inbox", inbox, "--out", picture)
    assert f"peak of the alarm {alarm['peak']:.4f} at {alarm['time']}" in done.stdout
    picture.unlink()
    for arguments, message in (
        (("explain", out, "CSES_000011", "--inbox", inbox), "out: expected a half-orbit of its"),
        (("explain", inbox, "CSES_131571", "--inbox", inbox), "got no ledger.sqlite"),
        (("explain", out, "--inbox", inbox), "got 1 arguments"),
        (
            ("explain", out, "CSES_131571@2020", "--inbox", inbox),
            f"expected the time of an alarm ({alarm['time']}), got 2020",
        ),
    ):
        wrong = edge_score(*arguments, "--out", picture)
        assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
        assert message in wrong.stderr
    shutil.rmtree(inbox / "2020")
    gone = edge_score(*asked)
    assert (gone.returncode, len(gone.stderr.splitlines())) == (2, 1)
    assert "expected a file of CSES_131571 such as 2020/CSES_01_" in gone.stderr
    assert not picture.exists()


def test_bad_input_is_one_line_each_and_siblings_are_explained(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    hpm, lap, pap = sample()
    empty = tmp_path / pap.name
    empty.write_bytes(b"")
    done = edge_score("explain", hpm, lap, empty, "--out", tmp_path / "a.png")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "failed: PAP_0" in done.stdout
    assert (tmp_path / "a.png").exists()
    for arguments, message in (
        ((empty,), "is empty"),
        ((lap, demeter()), "expected files of one half-orbit, got those of CSES_131571, DEMETER_"),
        ((tmp_path / "notes.txt",), "notes.txt"),
    ):
        wrong = edge_score("explain", *arguments, "--out", tmp_path / "b.png")
        assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
        assert message in wrong.stderr
    assert not (tmp_path / "b.png").exists()


def test_missing_matplotlib_is_one_line_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError\n")
    done = edge_score("explain", demeter(), cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("edge-score: matplotlib is not installed: explain needs the extra")
