"""Pieces of the report: corrected p values, decisions, numbers that are none, and cells."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy import stats

from trainer.common.errors import TrainError
from trainer.evaluation.comparison import holm
from trainer.evaluation.decide import best_f1_threshold, fit_calibration
from trainer.evaluation.event_level import EventRule, event_metrics, pass_units
from trainer.evaluation.matched import thinned
from trainer.evaluation.report.data import (
    Curve,
    Estimate,
    Sample,
    encode,
    estimate,
    read_report,
)
from trainer.evaluation.report.page import environment
from trainer.evaluation.report.words import notice, number

SAMPLE = Sample(10, 5, 3, 2)


def cell(found: Estimate | None) -> str:
    macros = environment().get_template("macros.html.jinja").module
    return str(macros.cell(found)).strip()  # type: ignore[attr-defined]


def test_holm_on_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_best_f1_threshold_is_that_of_trying_all() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        truth = rng.random(40) < 0.4
        scores = np.round(np.clip(0.3 * truth + rng.random(40) * 0.7, 0.0, 1.0), 1)
        threshold = best_f1_threshold(scores, truth)

        def f1(at: float, scores: np.ndarray = scores, truth: np.ndarray = truth) -> float:
            called = scores >= at
            return 2.0 * (called & truth).sum() / (called.sum() + truth.sum())

        assert f1(threshold) == max(f1(s) for s in np.unique(scores))


def test_scores_that_are_turned_round_are_not_calibrated_back() -> None:
    truth = np.arange(40) % 2 == 0
    calibration, skilful = fit_calibration(np.where(truth, 0.2, 0.8), truth)
    assert not skilful
    assert (calibration.slope, calibration.intercept) == (1.0, 0.0)
    assert fit_calibration(np.where(truth, 0.8, 0.2), truth)[1]
    with pytest.raises(TrainError):
        fit_calibration(np.full(3, 0.5), np.ones(3, dtype=bool))


def test_numbers_that_are_none_become_null_or_are_refused() -> None:
    class Found:
        value, low, high = float("nan"), 0.1, float("inf")

    found = estimate("x", Found(), SAMPLE)
    assert (found.value, found.low, found.high) == (None, 0.1, None)
    assert b'"value": null' in encode(found)
    with pytest.raises(ValueError, match=r"Estimate\.value is nan"):
        encode(Estimate("x", float("nan"), None, None, SAMPLE))


def test_reports_of_other_versions_and_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"report\.json: No such file"):
        read_report(tmp_path)
    (tmp_path / "report.json").write_text('{"format": 99}')
    with pytest.raises(TrainError, match="format 99; this version reads 2"):
        read_report(tmp_path)
    (tmp_path / "report.json").write_text("[")
    with pytest.raises(TrainError, match=r"report\.json"):
        read_report(tmp_path)


def test_real_data_are_not_called_simulated() -> None:
    assert "SIMULATED" not in notice(False)
    for simulated in (False, True):
        assert "never for the protection of life or property" in notice(simulated)


def test_cells_tell_what_is_not_known() -> None:
    assert cell(None) == cell(Estimate("x", None, None, None, SAMPLE)) == "<td>not known</td>"
    found = Estimate("x", 0.5, 0.25, 0.75, SAMPLE)
    assert cell(found) == "<td>0.500<small>0.250 to 0.750</small></td>"
    bare = msgspec.structs.replace(found, low=None)
    assert cell(bare) == "<td>0.500<small>no interval</small></td>"
    assert number(0.00012) == "1.2e-04"
    assert number(None) == "not known"


def test_thinned_curves_keep_their_ends_and_their_steps() -> None:
    x = np.linspace(0.0, 1.0, 5000)
    y = (x > 0.5).astype(float)
    curve = thinned(x, y, 50)
    assert isinstance(curve, Curve)
    assert len(curve.x) <= 53
    assert (curve.x[0], curve.x[-1]) == (0.0, 1.0)
    assert sorted(curve.x) == curve.x
    jump = next(i for i, v in enumerate(curve.y) if v == 1.0)
    assert curve.x[jump] - curve.x[jump - 1] < 0.05


def test_a_number_without_spread_is_not_called_sure() -> None:
    sample = Sample(100, 50, 20, 40)
    alike = cell(Estimate("event_precision", 1.0, 1.0, 1.0, sample))
    assert "1.000 to 1.000" not in alike
    assert "no spread over 20 clusters" in alike
    shifts = cell(Estimate("roc_auc", 0.5, 0.5, 0.5, msgspec.structs.replace(sample, clusters=0)))
    assert "<small>no spread</small>" in shifts


@pytest.mark.parametrize("hits", [0, 20])
def test_recall_of_none_or_all_events_has_the_exact_interval(hits: int) -> None:
    event, positive = np.repeat(np.arange(20), 2), np.tile([True, False], 20)
    scores = np.where(positive, 0.9 if hits else 0.1, 0.5)
    units = pass_units(event, 2 * event + ~positive, positive)
    found = event_metrics(EventRule(0.7, 1), scores, positive, event, units, resamples=20)
    low, high = stats.binomtest(hits, 20).proportion_ci(0.95)
    recall = found["event_recall"]
    assert recall.value == hits / 20
    assert (recall.low, recall.high) == pytest.approx((low, high))
    sample = Sample(40, 20, 20, 40)
    assert f"{low:.3f} to {high:.3f}" in cell(estimate("event_recall", recall, sample))
