"""No skill where there is none, and skill where it is, by class."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import recall_score, roc_auc_score

from trainer.common.errors import TrainError
from trainer.evaluation.breakdown import LEAST_EVENTS, UNKNOWN, breakdown
from trainer.evaluation.null_test import NullResult, coverage, max_statistic
from trainer.models.window_set import WindowSet, windows_of_arrays


def pairs_of(
    seed: int, groups: int = 30, controls: int = 1, skill: float = 0.0
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), 4 * (1 + controls))
    positive = np.tile(np.arange(4 * (1 + controls)) < 4, groups)
    # The positives of a group share their luck, and so do models; controls are on their own.
    shared = np.where(positive, rng.normal(size=groups)[group], rng.normal(size=group.size))
    scores = {
        name: shared + 0.5 * rng.normal(size=group.size) + skill * positive * (name == "b")
        for name in "abcd"
    }
    return scores, positive, group


def test_statistic_is_that_of_swapped_labels() -> None:
    scores, positive, group = pairs_of(0, groups=6)
    found = max_statistic(scores, positive, group, 20_000)
    assert found.auc == pytest.approx({n: roc_auc_score(positive, s) for n, s in scores.items()})
    assert found.statistic == pytest.approx(max(abs(a - 0.5) for a in found.auc.values()))
    # All 64 ways to swap positives and controls of whole groups.
    largest = np.array(
        [
            max(
                abs(roc_auc_score(positive ^ np.array(swap)[group], s) - 0.5)
                for s in scores.values()
            )
            for swap in product((False, True), repeat=6)
        ]
    )
    for name, auc in found.auc.items():
        expected = (largest >= abs(auc - 0.5) - 1e-12).mean()
        assert found.p_values[name] == pytest.approx(expected, abs=0.02)
    assert found.p_value == found.p_values[found.model]


@pytest.mark.parametrize("controls", [1, 3])
def test_best_of_many_without_skill_shows_none(controls: int) -> None:
    p_values = []
    for seed in range(300):
        scores, positive, group = pairs_of(seed, controls=controls)
        p_values.append(max_statistic(scores, positive, group, 200, seed).p_value)
    # Of 300, 15 are expected.
    assert stats.binomtest(int((np.array(p_values) <= 0.05).sum()), 300, 0.05).pvalue > 1e-3


def test_skill_of_one_among_many_is_found() -> None:
    scores, positive, group = pairs_of(1, skill=1.5)
    found = max_statistic(scores, positive, group)
    assert found.model == "b"
    assert found.p_value < 0.01
    assert found.statistic > found.critical
    upside_down = {n: -s for n, s in scores.items()}
    assert max_statistic(upside_down, positive, group).p_value < 0.01
    assert max_statistic(upside_down, positive, group, two_sided=False).p_values["b"] > 0.9


def test_a_constant_shows_no_skill() -> None:
    _, positive, group = pairs_of(0)
    found = max_statistic({"constant": np.zeros(positive.size)}, positive, group)
    assert (found.statistic, found.p_value) == (0.0, 1.0)


def test_what_cannot_be_swapped_is_refused() -> None:
    scores, positive, group = pairs_of(0)
    with pytest.raises(TrainError, match=r"0 models"):
        max_statistic({}, positive, group)
    with pytest.raises(TrainError, match=r"no group holds"):
        max_statistic(scores, positive, 2 * group + positive)
    with pytest.raises(TrainError, match=r"valid is 1 or more of each"):
        max_statistic(scores, np.zeros_like(positive), group)


def test_coverage_is_binomial() -> None:
    results = [NullResult(f"m{i % 10}", i // 10, 0.5, 0.45 + 0.1 * (i < 6), 0.6) for i in range(50)]
    found = coverage(results)
    expected = stats.binomtest(44, 50, 0.95)
    assert (found.intervals, found.covered, found.seeds) == (50, 44, 5)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.proportion_ci(0.95, "exact")))
    with pytest.raises(TrainError, match=r"0 results"):
        coverage([])
    with pytest.raises(TrainError, match=r"1 of them"):
        coverage([NullResult("m", 0, np.nan, 0.4, 0.6)])


def matched(seed: int = 0, events: int = 40) -> tuple[np.ndarray, WindowSet]:
    """Positives with two controls each; skill grows with magnitude alone."""
    rng = np.random.default_rng(seed)
    each = 3
    pair = np.repeat(np.arange(events * each), 3)
    n = pair.size
    positive = np.tile([True, False, False], events * each)
    cluster = pair // each
    magnitude = np.array([5.2, 5.7, 6.2, 7.0])[np.minimum(cluster % 10 // 3, 3)]
    lead = np.array([2.0, 4.0, 4.1, 48.0, 60.0])[cluster % 5]
    windows = windows_of_arrays(np.zeros((n, 2, 2), np.float32), positive.astype(np.int8), ("ne",))
    values = {
        "cluster": np.where(positive, cluster, -1),
        "pair": pair,
        "magnitude": np.where(positive, magnitude, np.nan),
        "lead_hours": np.where(positive, lead, np.nan),
        "distance_km": np.where(positive, rng.uniform(0, 100, n), np.nan),
        "latitude": np.where(cluster % 2, 38.0, 0.0),
        "longitude": np.where(cluster % 2, 142.0, -30.0),
    }
    for name, value in values.items():
        object.__setattr__(windows, name, value)
    logit = rng.normal(size=n) + positive * (magnitude - 5.2)
    return 1.0 / (1.0 + np.exp(-logit)), windows


def test_classes_are_their_positives_and_their_controls() -> None:
    scores, windows = matched()
    found = {(c.axis, c.name): c for c in breakdown(scores, windows, 0.6, resamples=100)}
    owner = np.where(windows.positive, windows.cluster, windows.pair // 3)
    for name, magnitude in (("5-5.5", 5.2), ("5.5-6", 5.7), ("6-6.5", 6.2)):
        some = np.isclose(np.array([5.2, 5.7, 6.2, 7.0])[np.minimum(owner % 10 // 3, 3)], magnitude)
        one = found["magnitude", name]
        assert one.roc_auc is not None
        assert one.recall is not None
        truth = windows.positive[some]
        assert (one.positives, one.controls) == (int(truth.sum()), int((~truth).sum()))
        assert one.roc_auc.value == pytest.approx(roc_auc_score(truth, scores[some]))
        assert one.recall.value == pytest.approx(recall_score(truth, scores[some] >= 0.6))
        assert one.roc_auc.low < one.roc_auc.value < one.roc_auc.high
    leads = {n: c.events for (a, n), c in found.items() if a == "lead_hours"}
    assert leads == {"0-4": 16, "4-12": 8, "12-24": 0, "24-48": 8, "48+": 8}
    assert found["region", "japan-kuril"].events == 20
    assert found["region", "elsewhere"].events == 20


def test_few_events_get_words_and_no_number() -> None:
    scores, windows = matched()
    few = [c for c in breakdown(scores, windows, resamples=20) if c.events < LEAST_EVENTS]
    assert few
    assert {(c.axis, c.name) for c in few} >= {("magnitude", "6.5+"), ("lead_hours", "12-24")}
    for one in few:
        assert one.roc_auc is None
        assert one.recall is None
        assert one.note is not None
        assert f"{one.events} events" in one.note


def test_unknown_origins_are_classes_of_their_own() -> None:
    label = np.tile([1, 0], 20).astype(np.int8)
    event = np.repeat([f"e{i}" for i in range(20)], 2)
    windows = windows_of_arrays(np.zeros((40, 2, 2), np.float32), label, ("ne",), event)
    found = breakdown(np.linspace(0, 1, 40), windows, resamples=20)
    assert {c.axis for c in found if c.name == UNKNOWN} == {"magnitude", "region", "lead_hours"}
    assert all(c.positives == (20 if c.name == UNKNOWN else 0) for c in found)
    with pytest.raises(TrainError, match=r"valid is 1 or more of each"):
        breakdown(np.linspace(0, 1, 20), windows.take(windows.positive))
