"""Calibration, threshold, operating point and metrics against plain computations."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.common.errors import TrainError
from trainer.datasets.windows import Windows
from trainer.evaluation.decide import alarm_starts, calibrate, choose_threshold, operating_point


def windows_of(label: list[int], half_orbit: list[int], first: list[int]) -> Windows:
    found = np.array(label, dtype=np.int8)
    event = np.where(found == 1, 0, -1)
    numbers = [np.array(x, dtype=np.int64) for x in (first, half_orbit)]
    rows = np.zeros((1, 10), np.float32)
    return Windows(rows, 20, numbers[0], found, event, numbers[1])


WINDOWS = windows_of([1, 1, 0, 0, -1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 1], [0, 1, 2, 4, 5, 6, 7, 8])


def test_alarms_are_runs_within_a_half_orbit() -> None:
    over = np.array([1, 1, 0, 1, 1, 1, 0, 1], dtype=bool)
    starts = alarm_starts(over, WINDOWS)
    assert np.flatnonzero(starts).tolist() == [0, 3, 5, 7]
    # Rows 2 and 4 are no neighbours: a window that covered too little lies between.
    starts = alarm_starts(np.ones(8, dtype=bool), WINDOWS)
    assert np.flatnonzero(starts).tolist() == [0, 3, 5]


def test_threshold_keeps_to_the_alarm_rate() -> None:
    logits = np.array([5.0, 4.0, -1.0, 3.0, -1.0, 2.0, -1.0, 1.0])
    assert choose_threshold(logits, WINDOWS, 2, 0.5) == 3.5
    assert choose_threshold(logits, WINDOWS, 2, 1.0) == 2.5
    assert choose_threshold(logits, WINDOWS, 2, 100.0) == -2.0
    assert choose_threshold(logits, WINDOWS, 2, 0.1) > 5.0


def test_operating_point_counts_every_window() -> None:
    over = np.array([1, 0, 1, 0, 1, 0, 0, 0], dtype=bool)
    point = operating_point(over, WINDOWS, 4)
    assert point.windows == 8
    assert point.base_rate == 0.25
    assert point.precision == pytest.approx(1 / 3)
    assert point.recall == 0.5
    assert point.alarmed_share == 0.375
    assert point.alarms_per_night_half_orbit == 0.75
    silent = operating_point(np.zeros(8, dtype=bool), WINDOWS, 4)
    assert silent.precision is None
    assert silent.recall == 0.0


def test_calibration_recovers_a_known_slope() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2.0, size=20_000)
    positive = rng.random(20_000) < 1.0 / (1.0 + np.exp(-(0.5 * logits)))
    found = calibrate(logits, positive)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.intercept == pytest.approx(0.0, abs=0.05)


def test_no_skill_is_refused() -> None:
    logits = np.linspace(-1, 1, 100)
    with pytest.raises(TrainError, match="no skill"):
        calibrate(logits, logits < 0)
