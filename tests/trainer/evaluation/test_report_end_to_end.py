"""Runs on a made-up dataset, from training to the page."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from trainer.common.errors import TrainError
from trainer.datasets.build import build_dataset
from trainer.datasets.stream import open_stream
from trainer.evaluation.evaluating import evaluate_runs
from trainer.evaluation.evaluation_options import Options
from trainer.evaluation.judged_run import Evaluated, read_run_card
from trainer.evaluation.reference_share import first_cells
from trainer.evaluation.report.data import Report, find, read_report
from trainer.evaluation.shifted_catalogues import ShiftedLabels
from trainer.training.loading import load_windows
from trainer.training.run_plan import Request
from trainer.training.run_recipe import RunRecipe
from trainer.training.running import run_training

KINDS = ("logistic", "place", "constant")
OPTIONS = Options(resamples=50, shifts=12, units=300, half_orbits=30)


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def train(dataset: Path, folder: Path, kind: str) -> Path:
    run_training(Request("train", dataset, RunRecipe(kind, kind, 1), folder / kind))
    return folder / kind


@pytest.fixture(scope="module")
def placebo_dataset(forty_days: Path, made: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = tmp_path_factory.mktemp("placebo") / "shifted"
    shutil.copytree(forty_days, dataset)
    recipe = made.recipe(placebo={"kind": "time-shift", "amount": 17.0})
    build_dataset(
        dataset,
        made.random_catalogue(40.0, 4.0, 1),
        made.indices(40.0, (1.3, 2.0, 2.7, 3.3)),
        recipe,
        lambda line: None,
    )
    return dataset


@pytest.fixture(scope="module")
def runs(built: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [train(built, folder, kind) for kind in KINDS]


@pytest.fixture(scope="module")
def reference(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    windows = load_windows(built, "test", allow_test=True)
    path = tmp_path_factory.mktemp("reference") / "reference.npz"
    noise = np.random.default_rng(1).normal(size=len(windows))
    np.savez(
        path,
        half_orbit=windows.half_orbit,
        first_cell=first_cells(windows),
        log_ratio=windows.label + noise,
    )
    return path


@pytest.fixture(scope="module")
def evaluated(
    runs: list[Path],
    placebo_dataset: Path,
    reference: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Report]:
    out = tmp_path_factory.mktemp("evaluation") / "out"
    report = evaluate_runs(
        runs,
        out,
        replace(OPTIONS, placebos=(placebo_dataset,), nulls=tuple(runs[:2]), reference=reference),
    )
    return out, report


def test_report_reads_back_as_written(evaluated: tuple[Path, Report]) -> None:
    out, report = evaluated
    assert read_report(out) == report
    assert b"NaN" not in (out / "report.json").read_bytes()


def test_every_model_is_judged_on_the_same_windows(
    evaluated: tuple[Path, Report], built: Path
) -> None:
    report = evaluated[1]
    windows = load_windows(built, "test", allow_test=True)
    assert [m.name for m in report.models] == list(KINDS)
    assert report.simulated
    assert report.sample.windows == len(windows)
    for model in report.models:
        area = find(model.matched, "roc_auc")
        assert area is not None
        assert area.sample == report.sample
        assert area.low is not None
        assert area.value is not None
        assert area.high is not None
        assert area.low <= area.value <= area.high
    constant = find(report.models[2].matched, "roc_auc")
    assert constant is not None
    assert constant.value == 0.5
    assert not report.models[2].decisions.skilful


def test_thresholds_keep_to_the_alarm_rate_on_validation_and_lie_on_the_card(
    evaluated: tuple[Path, Report], runs: list[Path]
) -> None:
    for folder, model in zip(runs, evaluated[1].models, strict=True):
        card = read_run_card(folder)
        assert card.decisions == model.decisions
        assert card.simulated
        assert "SIMULATED" in card.notice
        assert {m.name for m in card.metrics} >= {"roc_auc", "f1", "event_recall"}


def test_stream_reports_what_a_station_would_see(evaluated: tuple[Path, Report]) -> None:
    stream = evaluated[1].models[0].stream
    assert stream is not None
    assert stream.sample.half_orbits == 30
    names = {e.name for e in stream.estimates}
    assert {"alarms_per_night_half_orbit", "alarmed_share", "base_rate", "precision"} <= names
    assert {"area_skill_score", "events_passed", "event_recall"} <= names
    assert stream.molchan is not None
    assert (stream.molchan.x[0], stream.molchan.y[0]) == (0.0, 1.0)
    assert (stream.molchan.x[-1], stream.molchan.y[-1]) == (1.0, 0.0)
    # The map shows what the numbers count.
    recall, passed = (find(stream.estimates, n) for n in ("event_recall", "events_passed"))
    told = [e.alarmed for e in stream.epicentres if e.alarmed is not None]
    assert recall is not None
    assert passed is not None
    assert recall.value == pytest.approx(sum(told) / len(told))
    assert passed.value == pytest.approx(len(told) / len(stream.epicentres))
    rate = find(stream.estimates, "alarms_per_night_half_orbit")
    assert rate is not None
    assert rate.value == pytest.approx(len(stream.alarms) / stream.sample.half_orbits)


def test_pairs_are_corrected_and_placebos_stand_beside(evaluated: tuple[Path, Report]) -> None:
    report = evaluated[1]
    assert {(p.first, p.second) for p in report.pairs if p.with_main} == {
        ("logistic", "place"),
        ("logistic", "constant"),
    }
    for pair in report.pairs:
        assert pair.p is not None
        assert pair.p_corrected is not None
        assert pair.p_corrected >= pair.p
    names = [p.name for p in report.models[0].placebos]
    assert names == ["shifted catalogues", "shifted"]
    assert [r.name for r in report.null_runs] == ["logistic", "place"]
    assert report.null_tests[0].intervals == 2
    share = find(report.models[2].reference, "reference_share")
    assert share is not None
    assert share.value == 0.0


def test_each_opening_of_the_test_block_is_counted(
    runs: list[Path], evaluated: tuple[Path, Report], tmp_path: Path
) -> None:
    def times() -> int:
        found = msgspec.json.decode((runs[2] / "evaluated.json").read_bytes(), type=Evaluated)
        return found.times

    before = times()
    report = evaluate_runs([runs[2]], tmp_path / "again", replace(OPTIONS, stream=False))
    assert times() == before + 1
    assert report.models[0].opened == before + 1
    assert report.models[0].stream is None


def test_runs_with_other_test_windows_are_refused(
    runs: list[Path], placebo_dataset: Path, tmp_path: Path
) -> None:
    other = train(placebo_dataset, tmp_path, "constant")
    with pytest.raises(TrainError, match="other test windows"):
        evaluate_runs([runs[0], other], tmp_path / "out", replace(OPTIONS, stream=False))
    assert not (other / "evaluated.json").exists()
    with pytest.raises(TrainError, match="given twice"):
        evaluate_runs([runs[0], runs[0]], tmp_path / "out", OPTIONS)
    with pytest.raises(TrainError, match=r"no run\.json"):
        evaluate_runs([tmp_path / "nowhere"], tmp_path / "out", OPTIONS)


def test_true_dataset_is_no_placebo(runs: list[Path], built: Path, tmp_path: Path) -> None:
    options = replace(OPTIONS, stream=False, placebos=(built,))
    with pytest.raises(TrainError, match="its labels are true ones"):
        evaluate_runs([runs[2]], tmp_path / "out", options)


def test_reference_without_the_windows_is_refused(
    runs: list[Path], reference: Path, tmp_path: Path
) -> None:
    with np.load(reference) as stored:
        held = dict(stored)
    held["first_cell"] = held["first_cell"] + 1_000_000
    np.savez(tmp_path / "wrong.npz", **held)
    options = replace(OPTIONS, stream=False, reference=tmp_path / "wrong.npz")
    with pytest.raises(TrainError, match="test windows are not in it"):
        evaluate_runs([runs[2]], tmp_path / "out", options)


def test_labels_of_no_shift_are_those_of_the_dataset(built: Path) -> None:
    stream = open_stream(built, "validation", 40)
    labels = ShiftedLabels(
        stream.time.astype("datetime64[ms]").astype(np.int64),
        stream.latitude,
        stream.longitude,
        stream.catalogue,
        stream.clusters,
        stream.labeller.rule,
    )
    # Blocks exclude more; of what they leave, every label is the same.
    kept = stream.windows.label >= 0
    assert kept.any()
    assert (labels.at(0)[kept] == stream.windows.label[kept]).all()
    assert (labels.at(labels.period)[kept] == stream.windows.label[kept]).all()
    assert (labels.at(labels.least)[kept] != stream.windows.label[kept]).any()


class _Page(HTMLParser):
    """Gathers what the page would load, and what lacks a name."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.images = 0
        self.unnamed = 0
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.tags.append(tag)
        self.loaded += [v or "" for k, v in attributes if k in ("src", "href", "srcset")]
        if tag == "img":
            self.images += 1
            self.unnamed += not given.get("alt")
        if tag == "th":
            self.unnamed += given.get("scope") not in ("row", "col")


def test_page_stands_alone_and_has_names(evaluated: tuple[Path, Report]) -> None:
    out, report = evaluated
    text = (out / "report.html").read_text()
    page = _Page()
    page.feed(text)
    # Links lead to headings of the page itself.
    assert all(place.startswith(("data:", "#")) for place in page.loaded)
    assert "script" not in page.tags
    assert page.images == 7 == len(list(out.glob("*.png")))
    assert page.unnamed == 0
    assert page.tags.count("table") == page.tags.count("caption") == 9
    body = re.sub(r"<[^>]+>", "", text[text.index("<body>") :]).strip()
    assert body.startswith("SIMULATED")
    assert "never for the protection of life or property" in body.splitlines()[0]
    assert not re.search(r"\bnan\b", body.lower())
    assert report.dataset in body


@pytest.mark.parametrize(("width", "dark"), [(500, False), (390, True)])
def test_page_shows_in_a_browser(
    evaluated: tuple[Path, Report], tmp_path: Path, width: int, dark: bool
) -> None:
    if CHROMIUM is None:
        pytest.skip("chromium is absent: the page is not shown in a browser")
    from matplotlib.image import imread

    picture = tmp_path / "page.png"
    options = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
        "--disable-background-networking --disable-component-update --disable-sync "
        f"--window-size={width},1600 --blink-settings=preferredColorScheme={int(not dark)}"
    )
    subprocess.run(
        [
            CHROMIUM,
            *options.split(),
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={picture}",
            (evaluated[0] / "report.html").as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    pixels = imread(picture)
    assert pixels.shape[:2] == (1600, width)
    # The notice fills the width of the first lines.
    assert (pixels[8, :, 0] < 0.6).all()
    assert (pixels[8, :, 0] > 0.4).all()
    # The page below is black on white, or white on black.
    shades = 1.0 - pixels[200:, :, :3] if dark else pixels[200:, :, :3]
    assert shades.min() < 0.2
    # Nothing wider than a phone: the right edge stays empty below the notice.
    assert (shades[:, -6:] > (0.85 if dark else 0.95)).mean() > 0.95
