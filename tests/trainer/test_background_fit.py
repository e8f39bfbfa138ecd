"""The climatology's fit: medians, fallbacks, and what is not known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.climatology import SHAPE, Climatology, bins
from edge.grid import Grid
from edge.observables import PLASMA
from trainer.archive import NightPass
from trainer.background import fit_background

pytestmark = pytest.mark.kernel


def night_pass(
    time: str, latitude: np.ndarray, longitude: float, values: np.ndarray, column: int = 0
) -> NightPass:
    n = latitude.size
    cell = np.datetime64(time, "s").astype(np.int64) // 3 + np.arange(n)
    table, valid = np.zeros((n, 5)), np.zeros((n, 5), dtype=bool)
    table[:, column], valid[:, column] = values, True
    night = np.ones(n, dtype=bool)
    grid = Grid(cell, latitude, np.full(n, longitude), np.full(n, 507.0), night, table, valid)
    return NightPass("CSES_000011", (Path("x"),), ("LAP_1",), grid, night)


def test_median_spread_and_fallbacks() -> None:
    rng = np.random.default_rng(0)
    here = night_pass("2019-07-01", np.full(4000, 2.0), 40.0, rng.normal(5.0, 0.2, 4000))
    winter = night_pass("2019-01-01", np.full(4000, 2.0), 40.0, rng.normal(3.0, 0.2, 4000))
    median, spread = fit_background([here, winter], PLASMA, 100, 1e-3)
    assert median.shape == spread.shape == (*SHAPE, 5)
    season, latitude, longitude = (int(b[0]) for b in bins(here.grid))
    # The bin itself.
    assert median[season, latitude, longitude, 0] == pytest.approx(5.0, abs=0.02)
    assert spread[season, latitude, longitude, 0] == pytest.approx(0.2, rel=0.06)
    # The same band and season at another longitude.
    assert median[season, latitude, (longitude + 5) % 12, 0] == pytest.approx(5.0, abs=0.02)
    # The same band in a season without values: all seasons together.
    other = next(s for s in range(4) if s not in (season, int(bins(winter.grid)[0][0])))
    everything = np.median(np.concatenate([p.grid.values[:, 0] for p in (here, winter)]))
    assert median[other, latitude, longitude, 0] == pytest.approx(everything)
    # Another band: all values.
    assert median[season, latitude + 8, longitude, 0] == pytest.approx(everything)


def test_few_values_in_a_bin_borrow() -> None:
    rng = np.random.default_rng(1)
    many = night_pass("2019-07-01", np.full(1000, 2.0), 40.0, rng.normal(5.0, 0.1, 1000))
    few = night_pass("2019-07-02", np.full(50, 2.0), 75.0, np.full(50, 9.0))
    season, latitude, longitude = (int(b[0]) for b in bins(few.grid))
    borrowed, _ = fit_background([many, few], PLASMA, 51, 1e-3)
    own, floor = fit_background([many, few], PLASMA, 50, 1e-3)
    assert borrowed[season, latitude, longitude, 0] == pytest.approx(5.0, abs=0.05)
    assert own[season, latitude, longitude, 0] == 9.0
    assert floor[season, latitude, longitude, 0] == 1e-3


def test_what_is_not_known_stays_masked() -> None:
    some = night_pass("2008-07-01", np.full(500, 2.0), 40.0, np.full(500, 4.0))
    median, spread = fit_background([some], PLASMA, 100, 1e-3)
    assert np.isnan(median[..., 1:]).all()
    assert (spread > 0.0).all()
    climatology = Climatology(PLASMA.names, {"demeter": median}, {"demeter": spread})
    grid = some.grid
    grid.valid[:, 4] = True
    features = climatology.features(grid, PLASMA, "demeter", 6.0)
    assert (features[:, 5] == 1.0).all()
    assert (features[:, 9] == 0.0).all()


def test_rows_outside_the_night_do_not_count() -> None:
    some = night_pass("2019-07-01", np.full(400, 2.0), 40.0, np.repeat([4.0, 8.0], 200))
    some.night[200:] = False
    median, _ = fit_background([some], PLASMA, 100, 1e-3)
    assert np.unique(median[..., 0]).tolist() == [4.0]
