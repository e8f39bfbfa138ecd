"""Controls are like their positives, serve once, and take shortcuts away."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from trainer.datasets.candidates import CANDIDATE
from trainer.datasets.controls import kp_class, match_controls
from trainer.datasets.labels import NEGATIVE, POSITIVE
from trainer.datasets.recipe import ControlRule, read_dataset_recipe

DAY = 86_400_000
RULE = read_dataset_recipe().controls


def rule(**keys: object) -> ControlRule:
    return msgspec.structs.replace(RULE, **keys)


def candidates(n: int, **columns: object) -> np.ndarray:
    rows = np.zeros(n, dtype=CANDIDATE)
    rows["half_orbit"] = np.arange(n)
    rows["time"] = np.datetime64("2019-03-01", "ms").astype(np.int64)
    rows["kp"] = 2.0
    rows["samples"] = 1.0
    rows["local_time"] = 2.0
    for name, values in columns.items():
        rows[name] = values
    return rows


def one_pair(name: str, positive: object, control: object, mission="demeter", **keys) -> bool:
    rows = candidates(2, label=[POSITIVE, NEGATIVE], **{name: [positive, control]})
    return match_controls(rows, rule(**keys), mission, 0).row.size == 2


@pytest.mark.parametrize(
    ("name", "positive", "control", "expected"),
    [
        ("latitude", 10.0, 12.0, True),
        ("latitude", 10.0, 12.01, False),
        ("longitude", 178.0, -178.0, True),
        ("longitude", 178.0, -176.9, False),
        ("local_time", 23.8, 0.2, True),
        ("local_time", 23.8, 0.4, False),
        ("samples", 1.0, 1.5, True),
        ("samples", 1.0, 1.6, False),
        ("time", 0, 30 * DAY, True),
        ("time", 0, 31 * DAY, False),
        ("time", 0, round(365.2425 * 3 * DAY), True),
        ("kp", 1.3, 2.0, True),
        ("kp", 2.0, 2.3, False),
        ("kp", np.nan, np.nan, True),
        ("kp", np.nan, 1.0, False),
        ("mode", 0, 1, False),
        ("mask", 3, 4, False),
        ("block", 0, 1, False),
    ],
)
def test_each_criterion_keeps_to_its_tolerance(name, positive, control, expected) -> None:
    assert one_pair(name, positive, control) == expected


def test_criteria_can_be_switched_off() -> None:
    assert one_pair("mode", 0, 1, mode=False)
    assert one_pair("mask", 3, 4, mask="none")
    assert one_pair("mask", 3, 4, mask="exact")
    assert not one_pair("key", 3, 4, mask="exact")
    assert one_pair("key", 3, 4)


@pytest.mark.parametrize(
    ("days", "expected"), [(5.0, True), (-10.0, True), (5.003, True), (5.01, False), (2.0, False)]
)
def test_on_cses_the_track_comes_back_after_five_days(days: float, expected: bool) -> None:
    time = 1000 * DAY + np.array([0, round(days * DAY)])
    assert one_pair("time", *time, "cses") == expected
    assert one_pair("time", *time, "demeter")
    assert one_pair("time", *time, "cses", same_track=False)


def test_no_control_from_a_half_orbit_with_a_positive() -> None:
    rows = candidates(4, label=[POSITIVE, NEGATIVE, POSITIVE, NEGATIVE], half_orbit=[0, 0, 1, 2])
    found = match_controls(rows, RULE, "demeter", 0)
    assert found.row.size == 2
    assert 3 in found.row
    assert found.unmatched.size == 1
    assert found.obstacles == {"taken": 1}


def test_each_takes_the_nearest_and_none_twice() -> None:
    rng = np.random.default_rng(2)
    n = 4000
    label = np.where(np.arange(n) < 300, POSITIVE, NEGATIVE)
    rows = candidates(
        n, label=label, latitude=rng.uniform(-20, 20, n), longitude=rng.uniform(-40, 40, n)
    )
    found = match_controls(rows, rule(per_positive=2), "demeter", 5)
    again = match_controls(rows, rule(per_positive=2), "demeter", 5)
    assert np.array_equal(found.row, again.row)
    assert np.array_equal(found.pair, again.pair)
    assert np.unique(found.row).size == found.row.size
    assert (np.bincount(found.pair) == 3).all()
    kept = rows[found.row]
    for pair in range(found.pair.max() + 1):
        members = kept[found.pair == pair]
        assert (members["label"] == POSITIVE).sum() == 1
        assert np.ptp(members["latitude"]) <= 4.0
    first = rows[found.row[found.pair == 0]]
    away = np.maximum(
        np.abs(rows["latitude"] - first["latitude"][0]) / RULE.latitude_deg,
        np.abs(rows["longitude"] - first["longitude"][0]) / RULE.longitude_deg,
    )
    nearest = np.sort(away[label == NEGATIVE])[: 2 * 300]
    chosen = away[found.row[found.pair == 0]]
    assert chosen.max() <= nearest.max()


def test_unmatched_positives_say_what_was_in_the_way() -> None:
    rows = candidates(
        20, label=[POSITIVE] * 4 + [NEGATIVE] * 16, latitude=[0.0] * 4 + [3.0] * 16, mask=7
    )
    found = match_controls(rows, RULE, "demeter", 0)
    assert found.row.size == 0
    assert found.unmatched.tolist() == [0, 1, 2, 3]
    assert found.obstacles == {"latitude": 4}
    assert found.asked == 4
    nothing = match_controls(rows[:4], RULE, "demeter", 0)
    assert nothing.obstacles == {"no candidate": 4}
    assert match_controls(rows[:0], RULE, "demeter", 0).row.size == 0


def test_classes_of_kp() -> None:
    kp = np.array([0.0, 1.0, 1.3, 2.0, 3.3, 9.0, np.nan])
    assert kp_class(kp, (1.0, 2.0, 3.0)).tolist() == [0, 0, 1, 1, 3, 3, -1]


def null_rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows that hold nothing, but come more often before events in some places and masks."""
    rng = np.random.default_rng(seed)
    n = 40_000
    longitude, latitude = rng.uniform(-60, 60, n), rng.uniform(-30, 30, n)
    belt = (np.abs(longitude - 20.0) < 15.0) & (np.abs(latitude) < 15.0)
    mask = np.where(rng.random(n) < np.where(belt, 0.8, 0.2), 1, 0)
    season = rng.uniform(0, 365, n)
    odds = np.where(belt, 0.08, 0.005) * np.where(season < 180, 1.6, 0.4)
    label = np.where(rng.random(n) < odds, POSITIVE, NEGATIVE)
    rows = candidates(
        n,
        label=label,
        latitude=latitude,
        longitude=longitude,
        mask=mask,
        time=(season * DAY).astype(np.int64),
    )
    inputs = np.stack([latitude, longitude, np.sin(season / 58.1), np.cos(season / 58.1)], axis=1)
    return rows, inputs


def shortcut(inputs: np.ndarray, label: np.ndarray, other: np.ndarray, truth: np.ndarray) -> float:
    model = HistGradientBoostingClassifier(max_iter=40, early_stopping=False, random_state=0)
    # More threads gain nothing on so little data, and lose much on a busy machine.
    with threadpool_limits(1):
        model.fit(inputs, label)
        return float(roc_auc_score(truth, model.predict_proba(other)[:, 1]))


def test_matching_leaves_no_skill_to_place_season_or_mask() -> None:
    (rows, inputs), (later, others) = null_rows(1), null_rows(2)
    found, other = (match_controls(r, RULE, "demeter", 0) for r in (rows, later))
    assert found.unmatched.size < 0.05 * (rows["label"] == POSITIVE).sum()
    for columns in (slice(0, 4), None):
        a = rows["mask"][:, None] if columns is None else inputs[:, columns]
        b = later["mask"][:, None] if columns is None else others[:, columns]
        raw = shortcut(a, rows["label"], b, later["label"])
        matched = shortcut(
            a[found.row], rows["label"][found.row], b[other.row], later["label"][other.row]
        )
        assert raw > 0.65
        assert matched == pytest.approx(0.5, abs=0.04)
