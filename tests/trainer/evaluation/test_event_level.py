"""Rules for events, against going through all passes one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.common.errors import TrainError
from trainer.evaluation.event_level import (
    EventRule,
    choose_event_rule,
    event_metrics,
    events_found,
    pass_units,
)


def made(seed: int, skill: float = 0.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = 120
    positive = rng.random(n) < 0.5
    positive[:2] = True, False
    return {
        "scores": np.round(rng.random(n) + skill * positive, 2),
        "positive": positive,
        "event": rng.integers(0, 9, n),
        "half_orbit": np.where(positive, rng.integers(0, 4, n), rng.integers(4, 8, n)),
    }


def by_hand(rule: EventRule, data: dict[str, np.ndarray]) -> tuple[float, float, float]:
    def alarmed(some: np.ndarray) -> bool:
        return int((data["scores"][some] >= rule.threshold).sum()) >= rule.least_windows

    hits = alarms = events = 0
    for event in np.unique(data["event"]):
        found = False
        for orbit in range(8):
            some = (data["event"] == event) & (data["half_orbit"] == orbit)
            if not some.any():
                continue
            if orbit < 4:
                found |= alarmed(some)
            else:
                alarms += alarmed(some)
        events += bool((data["positive"] & (data["event"] == event)).any())
        hits += found
    precision = hits / (hits + alarms) if hits + alarms else 0.0
    return hits / events, precision, 2.0 * hits / (hits + alarms + events)


def units(data: dict[str, np.ndarray]) -> np.ndarray:
    return pass_units(data["event"], data["half_orbit"], data["positive"])


@given(st.integers(0, 10_000), st.floats(0.0, 1.0), st.integers(1, 3))
def test_events_are_counted_as_by_hand(seed: int, threshold: float, least: int) -> None:
    data, rule = made(seed), EventRule(threshold, least)
    found = event_metrics(
        rule, data["scores"], data["positive"], data["event"], units(data), resamples=20
    )
    recall, precision, f1 = by_hand(rule, data)
    assert found["event_recall"].value == pytest.approx(recall)
    assert found["event_precision"].value == pytest.approx(precision)
    assert found["event_f1"].value == pytest.approx(f1)
    hits = events_found(rule, data["scores"], data["positive"], data["event"], units(data))
    assert hits.mean() == pytest.approx(recall)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_no_rule_is_better_than_the_one_chosen(seed: int) -> None:
    data = made(seed, skill=0.3)
    rule = choose_event_rule(**data)
    sizes = np.unique(units(data)[~data["positive"]], return_counts=True)[1]
    allowed = [k for k in (1, 2, 3) if k == 1 or (sizes >= k).mean() >= 0.5]
    best = max(
        by_hand(EventRule(t, k), data)[2] for t in np.unique(data["scores"]) for k in allowed
    )
    assert by_hand(rule, data)[2] == pytest.approx(best)
    # Of equally good ones, the fewest windows and the highest threshold.
    for least in allowed[: rule.least_windows - 1]:
        assert (
            max(by_hand(EventRule(t, least), data)[2] for t in np.unique(data["scores"]))
            < best - 1e-12
        )


def test_intervals_come_from_whole_events() -> None:
    rng = np.random.default_rng(0)
    event = np.repeat(np.arange(50), 20)
    positive = np.tile(np.arange(20) < 10, 50)
    half_orbit = 2 * event + ~positive
    scores = np.where(positive, rng.random(50)[event], 0.3)
    unit = pass_units(event, half_orbit, positive)
    found = event_metrics(EventRule(0.5, 2), scores, positive, event, unit)["event_recall"]
    share = found.value
    error = np.sqrt(share * (1.0 - share) / 50)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_a_pass_with_too_few_windows_is_never_alarmed() -> None:
    scores = np.array([0.9, 0.9, 0.9, 0.1])
    positive = np.array([True, True, False, False])
    event, half_orbit = np.array([0, 1, 0, 1]), np.array([0, 1, 2, 3])
    unit = pass_units(event, half_orbit, positive)
    two = event_metrics(EventRule(0.5, 2), scores, positive, event, unit)
    assert [m.value for m in two.values()] == [0.0, 0.0, 0.0]
    one = event_metrics(EventRule(0.5, 1), scores, positive, event, unit)
    assert one["event_recall"].value == 1.0
    assert one["event_precision"].value == pytest.approx(2 / 3)


def test_rules_that_no_control_could_break_are_not_chosen() -> None:
    rng = np.random.default_rng(0)
    # Eight windows before each event in one pass; their controls lie in eight half-orbits.
    event, positive = np.repeat(np.arange(30), 16), np.tile(np.arange(16) < 8, 30)
    half_orbit = np.where(positive, 0, 1 + np.arange(480) % 16)
    rule = choose_event_rule(rng.random(480), positive, event, half_orbit)
    assert rule.least_windows == 1


def test_pairs_may_be_passes_of_their_own() -> None:
    event, half_orbit, pair = np.zeros(4, int), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    positive = np.array([True, True, False, False])
    assert np.unique(pass_units(event, half_orbit, positive)).size == 2
    found = pass_units(event, half_orbit, positive, pair)
    assert found[0] == found[1]
    assert np.unique(found).size == 3


def test_passes_of_both_classes_are_refused() -> None:
    data = made(0)
    with pytest.raises(TrainError, match=r"1 passes hold positives and controls"):
        event_metrics(
            EventRule(0.5, 1), data["scores"], data["positive"], data["event"], np.zeros(120, int)
        )
    with pytest.raises(TrainError, match=r"group below 0"):
        choose_event_rule(data["scores"], data["positive"], data["event"] - 1, data["half_orbit"])
    with pytest.raises(TrainError, match=r"least_windows"):
        choose_event_rule(**data, least_windows=(0,))
