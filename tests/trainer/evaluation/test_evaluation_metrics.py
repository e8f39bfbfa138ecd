"""Window metrics and their intervals, paired differences and calibration, against others' code."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from trainer.common.errors import TrainError
from trainer.evaluation.bootstrap import draws, exact_interval, exact_test, numbered
from trainer.evaluation.comparison import paired_difference, paired_events
from trainer.evaluation.decide import Calibration, calibrate, logit_of
from trainer.evaluation.metrics import (
    METRICS,
    GroupedScores,
    reliability,
    roc_auc,
    window_metrics,
)
from trainer.models.window_set import groups_of


def plain(scores: np.ndarray, positive: np.ndarray, threshold: float) -> dict[str, float]:
    guess = scores >= threshold
    return {
        "roc_auc": sk.roc_auc_score(positive, scores),
        "pr_auc": sk.average_precision_score(positive, scores),
        "f1": sk.f1_score(positive, guess, zero_division=0),
        "mcc": sk.matthews_corrcoef(positive, guess),
        "precision": sk.precision_score(positive, guess, zero_division=0),
        "recall": sk.recall_score(positive, guess, zero_division=0),
        "brier": sk.brier_score_loss(positive, scores),
    }


def made(
    seed: int, groups: int = 40, digits: int = 2, skill: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), rng.integers(2, 12, groups))
    positive = np.arange(group.size) % 2 == 0
    logit = rng.normal(size=group.size) + rng.normal(size=groups)[group] + skill * positive
    return np.round(1.0 / (1.0 + np.exp(-logit)), digits), positive, group


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(2, 8), st.integers(1, 6), st.sampled_from([0.0, 0.5, 0.9])
)
def test_metrics_and_each_resample_agree_with_scikit_learn(
    seed: int, groups: int, digits: int, threshold: float
) -> None:
    scores, positive, group = made(seed, groups, digits)
    sample = GroupedScores(scores, positive, group, threshold)
    assert sample.value() == pytest.approx(plain(scores, positive, threshold), abs=1e-12)
    weights = next(draws(groups, 3, seed))
    found = sample.values(weights)
    for i, weight in enumerate(weights):
        taken = np.repeat(np.arange(group.size), weight[group].astype(int))
        expected = plain(scores[taken], positive[taken], threshold)
        assert {n: float(found[n][i]) for n in METRICS} == pytest.approx(expected, abs=1e-12)


def test_interval_is_that_of_resampled_groups() -> None:
    scores, positive, group = made(1)
    rng = np.random.default_rng(5)
    members = [np.flatnonzero(group == g) for g in range(40)]
    drawn = []
    for _ in range(200):
        taken = np.concatenate([members[g] for g in rng.integers(0, 40, 40)])
        drawn.append(list(plain(scores[taken], positive[taken], 0.5).values()))
    expected = np.quantile(drawn, (0.025, 0.975), axis=0)
    found = window_metrics(scores, positive, group, resamples=4000)
    for i, name in enumerate(METRICS):
        width = expected[1, i] - expected[0, i]
        assert found[name].low == pytest.approx(expected[0, i], abs=0.2 * width)
        assert found[name].high == pytest.approx(expected[1, i], abs=0.2 * width)


def test_intervals_cover_without_skill_although_windows_of_a_group_are_alike() -> None:
    covered = narrow = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        half = np.repeat(np.arange(60), 6)
        # Six windows of a pass share nearly all of their score, as neighbours do.
        scores = stats.norm.cdf(rng.normal(size=60)[half] + 0.1 * rng.normal(size=360))
        positive = half % 2 == 0
        found = window_metrics(scores, positive, half // 2, resamples=300)["roc_auc"]
        covered += found.low <= 0.5 <= found.high
        alone = window_metrics(scores, positive, np.arange(360), resamples=300)["roc_auc"]
        narrow += alone.low <= 0.5 <= alone.high
    assert stats.binomtest(covered, 100, 0.95).pvalue > 1e-3
    assert narrow < 75


def test_draws_do_not_depend_on_chunks() -> None:
    whole = np.concatenate(list(draws(30, 500, 3)))
    assert whole.shape == (500, 30)
    assert (whole.sum(axis=1) == 30).all()
    np.testing.assert_array_equal(whole, np.concatenate(list(draws(30, 500, 3, 90_000))))


def test_many_windows_are_quick() -> None:
    rng = np.random.default_rng(0)
    begin = time.monotonic()
    window_metrics(rng.random(10_000), rng.random(10_000) < 0.5, rng.integers(0, 2000, 10_000))
    # It takes 1 s; a busy machine takes longer.
    assert time.monotonic() - begin < 10.0


def test_what_no_metric_can_be_made_of_is_refused() -> None:
    scores, positive, group = made(0)
    with pytest.raises(TrainError, match=r"0 positive and 0 other"):
        window_metrics(scores[:0], positive[:0], group[:0])
    with pytest.raises(TrainError, match=r"valid is 1 or more of each"):
        window_metrics(scores, np.ones_like(positive), group)
    with pytest.raises(TrainError, match=r"valid is 0 to 1"):
        window_metrics(scores + 1.0, positive, group)
    with pytest.raises(TrainError, match=r"1 of \d+ scores are missing"):
        window_metrics(np.r_[np.nan, scores[1:]], positive, group)
    with pytest.raises(TrainError, match=r"group below 0"):
        window_metrics(scores, positive, group - 1)
    with pytest.raises(TrainError, match=r"2 or more"):
        window_metrics(scores, positive, np.zeros_like(group))
    with pytest.raises(TrainError, match=r"shape"):
        window_metrics(scores, positive, group[1:])
    with pytest.raises(TrainError, match=r"metric 'auc'"):
        paired_difference(scores, scores, positive, group, "auc")
    with pytest.raises(TrainError, match=r"valid is 1 or more of each"):
        roc_auc(scores, np.zeros_like(positive))


@pytest.mark.parametrize("metric", ["roc_auc", "f1", "brier"])
def test_paired_difference_is_that_of_the_metrics(metric: str) -> None:
    first, positive, group = made(2, skill=2.0)
    second = made(2, skill=0.5)[0]
    found = paired_difference(first, second, positive, group, metric, (0.6, 0.4))
    a, b = plain(first, positive, 0.6)[metric], plain(second, positive, 0.4)[metric]
    assert found.difference == pytest.approx(a - b)
    assert found.relative == pytest.approx((a - b) / b)
    assert found.low < found.difference < found.high
    back = paired_difference(second, first, positive, group, metric, (0.4, 0.6))
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))
    assert back.p_value == found.p_value


def test_same_scores_differ_by_nothing_and_shared_luck_cancels() -> None:
    scores, positive, group = made(3, digits=6)
    same = paired_difference(scores, scores, positive, group, "mcc")
    assert (same.difference, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)
    better = np.clip(scores + 0.05 * positive, 0.0, 1.0)
    found = paired_difference(better, scores, positive, group, "roc_auc")
    alone = window_metrics(scores, positive, group)["roc_auc"]
    assert found.p_value < 0.01
    assert found.high - found.low < 0.3 * (alone.high - alone.low)


def test_paired_events_are_mcnemars() -> None:
    rng = np.random.default_rng(0)
    hit_a, hit_b = rng.random(60) < 0.6, rng.random(60) < 0.4
    found = paired_events(hit_a, hit_b)
    only_a, only_b = int((hit_a & ~hit_b).sum()), int((hit_b & ~hit_a).sum())
    assert found.p_value == pytest.approx(stats.binomtest(only_a, only_a + only_b, 0.5).pvalue)
    assert found.difference == pytest.approx(hit_a.mean() - hit_b.mean())
    assert found.low <= found.difference <= found.high
    assert paired_events(hit_a, hit_a).p_value == 1.0
    assert paired_events(hit_a, np.zeros(60, dtype=bool)).relative is None
    with pytest.raises(TrainError, match=r"0 and 0 events"):
        paired_events(hit_a[:0], hit_b[:0])


def test_binomials_of_no_trials_tell_nothing() -> None:
    assert exact_interval(0, 0) == (0.0, 1.0)
    assert exact_test(0, 0, 0.5) == 1.0


def test_weights_count_as_repeated_windows() -> None:
    rng = np.random.default_rng(1)
    positive = rng.random(300) < 0.3
    logits = rng.normal(size=300) + positive
    times = rng.integers(1, 4, 300)
    found = calibrate(logits, positive, times.astype(float))
    expected = calibrate(np.repeat(logits, times), np.repeat(positive, times))
    assert found.slope == pytest.approx(expected.slope, rel=1e-3)
    assert found.intercept == pytest.approx(expected.intercept, abs=1e-3)
    with pytest.raises(TrainError, match=r"weights sum"):
        calibrate(logits, positive, np.where(positive, 0.0, 1.0))
    with pytest.raises(TrainError, match=r"0 positive"):
        calibrate(logits, np.zeros_like(positive))


def test_logits_are_those_of_probabilities() -> None:
    some = np.array([0.001, 0.25, 0.5, 0.9999])
    np.testing.assert_allclose(Calibration(1.0, 0.0).scores(logit_of(some)), some)
    assert np.isfinite(logit_of(np.array([0.0, 1.0]))).all()
    assert np.isnan(logit_of(np.array([np.nan])))[0]


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 20))
def test_reliability_agrees_with_scikit_learn(seed: int, bins: int) -> None:
    from sklearn.calibration import calibration_curve

    scores, positive, group = made(seed)
    share, mean = calibration_curve(positive, scores, n_bins=bins)
    for by in (None, group):
        found = reliability(scores, positive, by, bins, resamples=50)
        assert [b.observed for b in found] == pytest.approx(list(share))
        assert [b.mean_score for b in found] == pytest.approx(list(mean))
        assert sum(b.count for b in found) == scores.size
        assert all(0.0 <= b.interval[0] <= b.interval[1] <= 1.0 for b in found)


def test_what_is_calibrated_is_reliable() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(50_000)
    bins = reliability(scores, rng.random(50_000) < scores)
    assert sum(b.interval[0] <= b.mean_score <= b.interval[1] for b in bins) >= 8
    with pytest.raises(TrainError, match=r"valid is 1 bin"):
        reliability(scores, scores > 0.5, bins=0)


def test_groups_have_numbers() -> None:
    number, groups = numbered(np.array(["b", "a", "b"]))
    assert number.tolist() == [1, 0, 1]
    assert groups == 2


def test_controls_go_with_the_cluster_of_their_positive() -> None:
    cluster = np.array([7, -1, 7, -1, -1, 2, -1])
    pair = np.array([0, 0, 1, 1, 4, 3, 3])
    # Pair 4 has lost its positive.
    assert groups_of(cluster, pair).tolist() == [1, 1, 1, 1, 2, 0, 0]
    assert groups_of(cluster[:0], pair[:0]).size == 0
