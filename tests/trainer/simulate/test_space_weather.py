"""Simulated Kp and F10.7 against what is known of the real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainer.inputs.indices import read_indices
from trainer.simulate import simulate_mission
from trainer.simulate.environment import conditions, solar_cycle
from trainer.simulate.space_weather import simulate_indices

FIRST, LAST = np.datetime64("2004-07-01"), np.datetime64("2011-01-01")


def lagged(values: np.ndarray, lag: int) -> float:
    x = values - values.mean()
    return float(np.mean(x[:-lag] * x[lag:]) / np.mean(x**2))


def test_kp_is_as_quiet_and_as_stormy_as_the_real_one() -> None:
    both = [simulate_indices(FIRST, LAST, seed) for seed in (1, 2)]
    for found in both:
        assert np.all((found.kp >= 0.0) & (found.kp <= 9.0))
        np.testing.assert_allclose(np.round(found.kp * 3.0), found.kp * 3.0, atol=1e-9)
        # The real one: 0.883, 0.018 of Kp >= 5; 0.42 after a day, 0.34 after 27, 0.06 after 13.
        assert np.mean(found.kp <= 3.0 + 1e-9) == pytest.approx(0.90, abs=0.03)
        assert np.mean(found.kp >= 5.0) == pytest.approx(0.018, abs=0.01)
        assert 0.2 < lagged(found.kp, 8) < 0.6
        assert lagged(found.kp, 8 * 27) > lagged(found.kp, 8 * 13) + 0.08
    assert not np.array_equal(both[0].kp, both[1].kp)


def test_f107_follows_the_real_cycle() -> None:
    found = simulate_indices(np.datetime64("2008-01-01"), np.datetime64("2020-12-31"), 1)
    time = np.array(["2008-12-01", "2014-05-01", "2019-11-01"], "datetime64[ms]")
    low, high, low_again = found.f107_at(time)
    assert 64.0 < low < 75.0
    assert 120.0 < high < 180.0
    assert 64.0 < low_again < 75.0
    assert solar_cycle(np.datetime64("2014-04-15")) > solar_cycle(np.datetime64("2012-01-01"))
    daily = found.f107[::8]
    assert daily.min() > 63.0
    maximum = (found.time[::8] > time[1] - np.timedelta64(200, "D")) & (
        found.time[::8] < time[1] + np.timedelta64(200, "D")
    )
    assert 5.0 < daily[maximum].std() < 60.0


def test_ranges_agree_where_they_overlap() -> None:
    whole = simulate_indices(np.datetime64("2019-01-01"), np.datetime64("2019-07-01"), 4)
    part = simulate_indices(np.datetime64("2019-03-01"), np.datetime64("2019-03-11"), 4)
    inside = (whole.time >= part.time[0]) & (whole.time <= part.time[-1])
    np.testing.assert_array_equal(whole.kp[inside], part.kp)
    np.testing.assert_array_equal(whole.f107[inside], part.f107)


def test_an_empty_range_is_named() -> None:
    with pytest.raises(ValueError, match="must come before"):
        simulate_indices(LAST, FIRST, 1)


def test_storms_are_felt_late_and_fade() -> None:
    found = simulate_indices(np.datetime64("2005-01-01"), np.datetime64("2005-02-01"), 1)
    kp = np.full_like(found.kp, 1.0)
    storm = np.datetime64("2005-01-10", "ms")
    kp[(found.time >= storm) & (found.time < storm + np.timedelta64(9, "h"))] = 7.0
    made = type(found)("made up", "", found.time, kp, found.f107)
    hours = np.array([-3, 3, 9, 24, 72])
    at = [conditions(storm + np.timedelta64(h, "h"), made) for h in hours]
    assert at[0].storm == at[0].aftermath == 0.0
    assert np.argmax([c.storm for c in at]) == 2
    assert np.argmax([c.aftermath for c in at]) in (2, 3)
    assert at[4].storm < 0.05 * at[2].storm
    assert at[1].kp == pytest.approx(7.0)


def test_an_archive_brings_its_indices(tmp_path: Path) -> None:
    start = np.datetime64("2019-11-01", "ms")
    span = (start, start + np.timedelta64(100, "m"))
    simulate_mission("cses", *span, 3, 0.0, tmp_path / "own")
    path = tmp_path / "own" / "indices.txt"
    assert "simulated" in path.read_text(encoding="ascii").splitlines()[0]
    read = read_indices(path)
    assert read.time[0] <= start - np.timedelta64(59, "D")
    # Given as a file, the same indices give the same bytes.
    simulate_mission("cses", *span, 3, 0.0, tmp_path / "given", indices=path)
    assert not (tmp_path / "given" / "indices.txt").exists()
    for one in (tmp_path / "own").glob("*.h5"):
        assert one.read_bytes() == (tmp_path / "given" / one.name).read_bytes()
