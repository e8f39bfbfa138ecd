from __future__ import annotations

import numpy as np
import pytest

from edge.geodesy import dipole_latitude, solar_zenith_angle
from edge.grid import Grid, make_grid
from edge.night import night_rows
from edge.observables import PLASMA
from edge.readers.opening import open_half_orbit
from edge.windows import window_starts


def grid_of(latitude, longitude, time, present=None) -> Grid:
    n = len(latitude)
    first = int(np.datetime64(time, "ms").astype(np.int64)) // 3000
    return Grid(
        first + np.arange(n),
        np.asarray(latitude, dtype=np.float64),
        np.asarray(longitude, dtype=np.float64),
        np.full(n, 507.0),
        np.ones(n, dtype=bool) if present is None else np.asarray(present),
        np.zeros((n, 5)),
        np.zeros((n, 5), dtype=bool),
    )


MIDNIGHT = grid_of(np.linspace(-80, 80, 200), np.full(200, 0.0), "2020-03-20T00:00")


@pytest.mark.parametrize("rule", ["dark", "paper"])
def test_the_day_side_has_no_night_rows(rule):
    assert not night_rows(MIDNIGHT, False, rule).any()


def test_the_rule_paper_is_the_direction_flag_alone():
    noon = grid_of(np.linspace(-80, 80, 200), np.full(200, 180.0), "2020-03-20T00:00")
    assert night_rows(noon, True, "paper").all()
    assert not night_rows(noon, True, "dark").any()


def test_the_rule_dark_is_that_of_zenith_angle_and_dipole_latitude():
    zenith = solar_zenith_angle(MIDNIGHT.time, MIDNIGHT.latitude, MIDNIGHT.longitude)
    dipole = dipole_latitude(MIDNIGHT.time, MIDNIGHT.latitude, MIDNIGHT.longitude)
    rows = night_rows(MIDNIGHT, True, "dark")
    np.testing.assert_array_equal(rows, (zenith > 108.0) & (np.abs(dipole) <= 50.0))
    assert 0 < rows.sum() < 200


@pytest.mark.parametrize("rule", ["dark", "paper"])
def test_gaps_are_never_night(rule):
    present = np.arange(200) % 3 > 0
    latitude = np.where(present, MIDNIGHT.latitude, np.nan)
    grid = grid_of(latitude, np.where(present, 0.0, np.nan), "2020-03-20T00:00", present)
    assert not night_rows(grid, True, rule)[~present].any()


def test_the_flags_of_a_grid_are_left_alone():
    night = night_rows(MIDNIGHT, True, "paper")
    night[:] = False
    assert MIDNIGHT.present.all()


@pytest.mark.parametrize(("rule", "rows", "windows"), [("dark", 518, 499), ("paper", 694, 675)])
def test_the_real_half_orbit_has_its_known_rows_and_windows(real_hpm, rule, rows, windows):
    half_orbit = open_half_orbit(real_hpm)
    grid = make_grid(half_orbit, PLASMA)
    night = night_rows(grid, half_orbit.night_side, rule)
    assert night.sum() == rows
    first = window_starts(night, 20)
    assert first.size == windows
    assert np.all(np.diff(first) == 1)
