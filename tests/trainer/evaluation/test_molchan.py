"""Molchan's diagram against brute force, and its significance where there is no skill."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn.metrics import roc_auc_score

from edge.geodesy import great_circle_km
from trainer.common.errors import TrainError
from trainer.evaluation.molchan import (
    area_skill_score,
    molchan,
    probability_gain,
)
from trainer.evaluation.seismicity import UNIFORM_SHARE, SeismicityMap
from trainer.evaluation.stream import highest_covering


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_trajectory_is_what_each_threshold_alarms(seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    units, measure = np.round(rng.random(50), digits), rng.random(50)
    events = np.round(rng.random(12), digits)
    events[:2] = np.nan
    found = molchan(units, events, measure)
    assert found.uncovered == 2
    for threshold, tau, nu in zip(found.threshold, found.tau, found.nu, strict=True):
        alarmed = measure[units >= threshold].sum() / measure.sum()
        assert tau == pytest.approx(alarmed, abs=1e-12)
        assert nu == pytest.approx(1.0 - (events >= threshold).sum() / 12)
        assert found.at(threshold) == (tau, nu)
    assert found.at(2.0) == (0.0, 1.0)
    assert found.at(-1.0) == (found.tau[-1], found.nu[-1])
    skill = area_skill_score(found, resamples=20)
    assert skill.value == pytest.approx(1.0 - integrate.trapezoid(found.nu, found.tau))
    # With nothing uncovered it is the weighted ROC AUC of events against the reference.
    assert skill.covered_value == pytest.approx(
        roc_auc_score(
            np.r_[np.zeros(50), np.ones(10)],
            np.r_[units, events[2:]],
            sample_weight=np.r_[measure, np.ones(10)],
        )
    )


def test_significance_is_uniform_without_skill() -> None:
    p_values = []
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        units, measure = rng.normal(size=300), rng.exponential(size=300)
        events = rng.choice(units, 25, p=measure / measure.sum())
        found = area_skill_score(molchan(units, events, measure), 200, seed)
        p_values.append(found.p_value)
        inside += found.null_low <= found.value <= found.null_high
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3
    assert stats.binomtest(inside, 200, 0.95).pvalue > 1e-3


def test_forecast_and_anti_forecast() -> None:
    rng = np.random.default_rng(0)
    units, events = rng.random(2000), 0.7 + 0.3 * rng.random(40)
    good = area_skill_score(molchan(units, events, np.ones(2000)))
    bad = area_skill_score(molchan(-units, -events, np.ones(2000)))
    assert good.value > 0.8
    assert good.p_value < 0.01
    assert good.low < good.value < good.high
    assert bad.value == pytest.approx(1.0 - good.value)
    assert bad.value < 0.2
    assert bad.p_value == 1.0


def test_uncovered_events_are_missed_and_told() -> None:
    rng = np.random.default_rng(0)
    units = rng.random(500)
    events = np.r_[rng.random(30), np.full(10, np.nan)]
    found = area_skill_score(molchan(units, events, np.ones(500)))
    assert found.uncovered == 10
    assert found.covered_value is not None
    assert found.value == pytest.approx(0.75 * found.covered_value)
    assert found.null_low < 0.375 < found.null_high
    none = area_skill_score(molchan(units, np.full(3, np.nan), np.ones(500)))
    assert (none.value, none.p_value, none.covered_value) == (0.0, 1.0, None)


def test_probability_gain_of_nothing_alarmed_is_not_told() -> None:
    found = probability_gain(np.array([0.0, 0.1, 1.0]), np.array([1.0, 0.5, 0.0]))
    assert np.isnan(found[0])
    assert found[1:].tolist() == [5.0, 1.0]


def test_what_makes_no_diagram_is_refused() -> None:
    some = np.arange(3.0)
    with pytest.raises(TrainError, match=r"0 events"):
        molchan(some, some[:0], np.ones(3))
    with pytest.raises(TrainError, match=r"0 covered units"):
        molchan(np.full(3, np.nan), some, np.ones(3))
    with pytest.raises(TrainError, match=r"not all finite"):
        molchan(some, some, -np.ones(3))
    with pytest.raises(TrainError, match=r"shape"):
        molchan(some, some, np.ones(2))


def stream(seed: int, n: int = 4000) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    start = np.datetime64("2020-01-01T00:00:00.000")
    time = start + rng.integers(0, 20 * 86_400_000, n).astype("timedelta64[ms]")
    return rng.random(n), time, rng.uniform(-50, 50, n), rng.uniform(-180, 180, n)


def test_highest_covering_is_found_by_going_through_all() -> None:
    score, time, latitude, longitude = stream(0)
    score[:100] = np.nan
    _, at, at_latitude, at_longitude = stream(1, 200)
    radius = np.random.default_rng(2).uniform(100.0, 1500.0, 200)
    found = highest_covering(
        score, time, latitude, longitude, at, at_latitude, at_longitude, radius, 48.0
    )
    for i in range(200):
        near = great_circle_km(latitude, longitude, at_latitude[i], at_longitude[i]) <= radius[i]
        ahead = (at[i] - time) / np.timedelta64(1, "h")
        held = near & (ahead > 0.0) & (ahead <= 48.0) & np.isfinite(score)
        expected = score[held].max() if held.any() else np.nan
        assert found[i] == pytest.approx(expected, nan_ok=True)
    assert 0 < np.isnan(found).sum() < 200
    with pytest.raises(TrainError, match=r"above 0"):
        highest_covering(
            score, time, latitude, longitude, at, at_latitude, at_longitude, radius, 0.0
        )


def test_random_scores_look_skilful_against_single_windows_alone() -> None:
    fair, unfair = [], []
    for seed in range(20):
        windows = stream(seed)
        _, at, latitude, longitude = stream(100 + seed, 40)
        events = highest_covering(*windows, at, latitude, longitude, 1000.0, 96.0)
        _, when, lat, lon = stream(200 + seed, 1000)
        points = highest_covering(*windows, when, lat, lon, 1000.0, 96.0)
        fair.append(area_skill_score(molchan(points, events, np.ones(1000)), 100).covered_value)
        unfair.append(area_skill_score(molchan(windows[0], events, np.ones(4000)), 100).value)
    assert np.mean(fair) == pytest.approx(0.5, abs=0.04)
    assert np.mean(unfair) > 0.7


def test_map_holds_every_event_and_no_place_is_empty() -> None:
    rng = np.random.default_rng(0)
    latitude, longitude = rng.normal(-20.0, 3.0, 600), rng.normal(179.0, 3.0, 600)
    longitude = (longitude + 180.0) % 360.0 - 180.0
    found = SeismicityMap.fit(latitude, longitude)
    assert (found.area * found.rate).sum() == pytest.approx(1.0)
    assert found.area.sum() == pytest.approx(1.0)
    assert found.area.max() / np.median(found.area) < 1.3
    far = found.density(np.array([60.0, -90.0, 90.0]), np.array([0.0, 180.0, -180.0]))
    np.testing.assert_allclose(far, UNIFORM_SHARE)
    # Across the date line the rate goes on.
    east, west = found.density(np.full(2, -20.0), np.array([179.5, -179.5]))
    assert east == pytest.approx(west, rel=0.2)
    assert east > 100.0


def test_one_event_has_a_gaussian_about_it() -> None:
    found = SeismicityMap.fit(np.array([0.5]), np.array([0.5]), bandwidth_km=400.0)
    offset = np.array([0.0, 2.0, 4.0, 6.0])
    density = found.density(0.5 + offset, np.full(4, 0.5)) - UNIFORM_SHARE
    km = great_circle_km(0.5 + offset, np.full(4, 0.5), 0.5, 0.5)
    np.testing.assert_allclose(density / density[0], np.exp(-0.5 * (km / 400.0) ** 2), rtol=0.01)
    # Per area of the sphere: the peak of a plane Gaussian over its mean.
    assert density[0] == pytest.approx(
        0.99 * 4.0 * np.pi * 6371.0**2 / (2.0 * np.pi * 400.0**2), rel=0.02
    )


def test_draws_follow_the_map() -> None:
    rng = np.random.default_rng(0)
    found = SeismicityMap.fit(rng.uniform(-40, 40, 300), rng.uniform(-180, 180, 300), 500.0)
    latitude, longitude = found.draw(200_000, 1)
    drawn = np.histogram(latitude, np.arange(-90, 91, 10))[0] / 200_000
    row = np.repeat(np.arange(180), np.diff(found.first)) // 10
    np.testing.assert_allclose(drawn, np.bincount(row, found.area * found.rate), atol=0.005)
    assert longitude.min() >= -180.0
    assert longitude.max() < 180.0
    # The mean density at drawn places is that of the squared map.
    assert found.density(latitude, longitude).mean() == pytest.approx(
        (found.area * found.rate**2).sum(), rel=0.02
    )


def test_places_that_are_none_are_refused() -> None:
    some = np.array([0.0])
    with pytest.raises(TrainError, match=r"0 events"):
        SeismicityMap.fit(some[:0], some[:0])
    with pytest.raises(TrainError, match=r"bandwidth_km is 10"):
        SeismicityMap.fit(some, some, 10.0)
    with pytest.raises(TrainError, match=r"beyond a pole"):
        SeismicityMap.fit(np.array([91.0]), some)
    with pytest.raises(TrainError, match=r"missing"):
        SeismicityMap.fit(some, some).density(np.array([np.nan]), some)
