"""The climatology's fit: medians, fallbacks, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle import ClimatologyForm
from edge.climatology import SHAPE, Climatology, bins
from edge.geodesy import dipole_latitude
from edge.grid import Grid
from edge.observables import PLASMA
from trainer.archives.archive import NightPass
from trainer.common.errors import TrainError
from trainer.datasets.climatology_fit import fit_background, flux_epochs, join_fits
from trainer.inputs.indices import make_indices


@dataclass(frozen=True)
class Rule:
    least_values: int = 100
    form: ClimatologyForm = "nearest"
    least_spread: float = 1e-3
    flux_edges: tuple[float, ...] = (85.0, 120.0)


def night_pass(
    time: str, latitude: np.ndarray, longitude: float, values: np.ndarray, column: int = 0
) -> NightPass:
    n = latitude.size
    cell = np.datetime64(time, "s").astype(np.int64) // 3 + np.arange(n)
    table, valid = np.zeros((n, 5)), np.zeros((n, 5), dtype=bool)
    table[:, column], valid[:, column] = values, True
    night = np.ones(n, dtype=bool)
    grid = Grid(cell, latitude, np.full(n, longitude), np.full(n, 507.0), night, table, valid)
    samples = np.ones(n, dtype=np.float32)
    return NightPass(
        key="CSES_000011",
        files=(Path("x"),),
        payloads=("LAP_1",),
        grid=grid,
        night=night,
        samples=samples,
        burst=~night,
    )


def fit(passes, rule=None, mission="cses", indices=None, **options):
    return fit_background(passes, PLASMA, mission, rule or Rule(), indices, **options)


def flux_indices(first: str, flux: list[float]):
    day = np.datetime64(first, "D") + np.arange(len(flux))
    return make_indices("made up", day, np.zeros((len(flux), 8)), np.array(flux))


def test_median_and_spread_of_a_bin_and_what_others_borrow() -> None:
    rng = np.random.default_rng(0)
    here = night_pass("2019-07-01", np.full(4000, 2.0), 40.0, rng.normal(5.0, 0.2, 4000))
    winter = night_pass("2019-01-01", np.full(4000, 2.0), 40.0, rng.normal(3.0, 0.2, 4000))
    tables = fit([here, winter])
    assert tables.median.shape == tables.spread.shape == (1, *SHAPE, 5)
    median, spread = tables.median[0], tables.spread[0]
    season, latitude, longitude = (int(b[0]) for b in bins(here.grid))
    # The bin itself.
    assert median[season, latitude, longitude, 0] == pytest.approx(5.0, abs=0.02)
    assert spread[season, latitude, longitude, 0] == pytest.approx(0.2, rel=0.1)
    # The same band and season at another longitude.
    assert median[season, latitude, (longitude + 5) % 12, 0] == pytest.approx(5.0, abs=0.05)
    # The same band in a season without values: all seasons together. Another band: all values.
    other = next(s for s in range(4) if s not in (season, int(bins(winter.grid)[0][0])))
    for place in ((other, latitude, longitude, 0), (season, latitude + 8, longitude, 0)):
        assert 3.5 < median[place] < 4.5


def test_the_fewer_values_a_bin_has_the_more_it_borrows() -> None:
    rng = np.random.default_rng(1)
    many = night_pass("2019-07-01", np.full(2000, 2.0), 40.0, rng.normal(5.0, 0.1, 2000))
    found = []
    for count in (7, 8, 20, 50, 100, 400):
        few = night_pass("2019-07-02", np.full(count, 2.0), 75.0, np.full(count, 9.0))
        tables = fit([many, few])
        place = (0, *(int(b[0]) for b in bins(few.grid)), 0)
        found.append((tables.median[place], tables.spread[place]))
    medians, spreads = zip(*found, strict=True)
    assert medians[0] == pytest.approx(5.0, abs=0.01)
    assert list(medians) == sorted(medians)
    assert medians[1] < 7.5
    assert medians[-1] == pytest.approx(9.0, abs=0.1)
    assert spreads[0] == pytest.approx(0.1, rel=0.1)
    assert spreads[-1] < 0.02


def test_what_is_not_known_stays_masked() -> None:
    some = night_pass("2008-07-01", np.full(500, 2.0), 40.0, np.full(500, 4.0))
    tables = fit([some], mission="demeter")
    assert np.isnan(tables.median[..., 1:]).all()
    assert (tables.spread > 0.0).all()
    climatology = join_fits(PLASMA, {"demeter": tables})
    grid = some.grid
    grid.valid[:, 4] = True
    features = climatology.features(grid, PLASMA, "demeter", 6.0)
    assert (features[:, 5] == 1.0).all()
    assert (features[:, 9] == 0.0).all()


def test_rows_outside_the_night_do_not_count() -> None:
    some = night_pass("2019-07-01", np.full(400, 2.0), 40.0, np.repeat([4.0, 8.0], 200))
    some.night[200:] = False
    assert np.unique(fit([some]).median[..., 0]).tolist() == [4.0]


def test_no_rows_know_nothing() -> None:
    tables = fit([])
    assert np.isnan(tables.median).all()
    assert (tables.spread == 1.0).all()


def random_passes(seed: int, count: int = 6, n: int = 120):
    rng = np.random.default_rng(seed)
    passes = []
    for i in range(count):
        time = str(np.datetime64("2019-01-01") + np.timedelta64(rng.integers(0, 700), "D"))
        latitude = np.linspace(-20.0, 20.0, n)
        made = night_pass(time, latitude, float(rng.uniform(-180, 180)), np.zeros(n))
        made.grid.values[:] = rng.normal(i, 1.0, (n, 5))
        made.grid.valid[:] = rng.random((n, 5)) < 0.8
        made.night[:] = rng.random(n) < 0.9
        passes.append(made)
    return passes


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_the_first_medians_are_those_that_brute_force_finds(seed, least):
    passes = random_passes(seed)
    indices = flux_indices("2018-06-01", list(np.linspace(70.0, 140.0, 1000)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("trainer.datasets.climatology_fit._ROUNDS", 1)
        tables = fit(passes, Rule(least), indices=indices)
    climatology = join_fits(PLASMA, {"cses": tables})
    where = [np.stack(bins(p.grid), axis=-1)[p.night] for p in passes]
    season, latitude, longitude = np.concatenate(where).T
    epoch = np.concatenate([climatology.epoch(p.grid.time[p.night], "cses") for p in passes])
    values = np.concatenate([p.grid.values[p.night] for p in passes])
    valid = np.concatenate([p.grid.valid[p.night] for p in passes])
    rng = np.random.default_rng(seed)
    seen = rng.integers(0, season.size, 25)
    places = [(epoch[i], season[i], latitude[i], longitude[i]) for i in seen]
    places += [(e, s, y, x) for e, s, y, x in rng.integers(0, (3, 4, 36, 12), (25, 4))]

    def quartiles(part):
        low, middle, high = np.percentile(part, (25, 50, 75))
        return np.array([middle, np.log(max((high - low) / 1.349, 1e-3))])

    def blend(part, lent):
        share = part.size / (part.size + least) if part.size >= 8 else 0.0
        return lent if not share else (1.0 - share) * lent + share * quartiles(part)

    for e, s, y, x in places:
        for c in range(5):
            some, column = valid[:, c], values[:, c]
            if some.sum() < least:
                assert np.isnan(tables.median[e, s, y, x, c])
                continue
            band = some & (latitude == y)
            in_season = band & (season == s)
            there = in_season & (longitude == x)
            lent = blend(column[band], quartiles(column[some]))
            lent = blend(column[in_season], lent)
            moved = blend(column[in_season & (epoch == e)], lent) - lent
            lent = blend(column[there], lent)
            middle, width = blend(column[there & (epoch == e)], lent + moved)
            assert tables.median[e, s, y, x, c] == pytest.approx(middle, rel=1e-9)
            assert tables.spread[e, s, y, x, c] == pytest.approx(np.exp(width), rel=1e-9)


def background_pass(number: int, rng: np.random.Generator) -> NightPass:
    """A night of a smooth background, with crests, waves and seasons, and noise like a track's."""
    n = 700
    time = np.datetime64("2019-01-01") + np.timedelta64(int(number * 86400 * 1.37), "s")
    latitude = np.linspace(-62.0, 62.0, n)
    made = night_pass(str(time), latitude, float(rng.uniform(-180.0, 180.0)), np.zeros(n))
    # Over 124 degrees of latitude a track drifts by about 12 in longitude.
    made.grid.longitude[:] = (made.grid.longitude + np.linspace(6.0, -6.0, n) + 180.0) % 360 - 180.0
    made.grid.values[:, 0] = background_of(made) + noise_of(n, rng)
    return made


def background_of(made: NightPass) -> np.ndarray:
    grid = made.grid
    dipole = dipole_latitude(grid.time, grid.latitude, grid.longitude)
    year = 2.0 * np.pi * (grid.time - np.datetime64("2019-01-01")) / np.timedelta64(365, "D")
    crests = 0.5 * np.exp(-(((np.abs(dipole) - 14.0) / 9.0) ** 2)) - 0.3 * (dipole / 60.0) ** 2
    east = np.radians(grid.longitude)
    return (
        4.5 + crests + 0.15 * np.cos(4.0 * east) + 0.2 * np.cos(year) * np.sin(np.radians(dipole))
    )


def noise_of(n: int, rng: np.random.Generator) -> np.ndarray:
    """Slow along the track, with little from one row to the next."""
    slow = np.cumsum(rng.normal(0.0, 0.005, n)) + rng.normal(0.0, 0.1)
    return slow + rng.normal(0.0, 0.005, n)


@pytest.mark.parametrize(
    ("form", "least", "most"), [("nearest", 1.3, 99.0), ("interpolated", 0.9, 1.1)]
)
def test_the_scatter_from_row_to_row_is_no_larger_at_the_edges_of_bins(form, least, most) -> None:
    rng = np.random.default_rng(11)
    tables = fit([background_pass(i, rng) for i in range(500)], Rule(150, form))
    climatology = join_fits(PLASMA, {"cses": tables})
    change, edge = [], []
    for number in range(500, 700):
        made = background_pass(number, rng)
        residual = climatology.features(made.grid, PLASMA, "cses", 1e3)[:, 0]
        change.append(np.diff(residual))
        places = np.stack(bins(made.grid))
        edge.append((np.diff(places) != 0).any(axis=0))
    scatter = [
        np.std(np.concatenate(change)[at]) for at in (np.concatenate(edge), ~np.concatenate(edge))
    ]
    assert least < scatter[0] / scatter[1] < most


def test_little_memory_an_iterator_and_a_callable_give_the_same_tables() -> None:
    passes = random_passes(3)
    turns = []

    def again():
        turns.append(1)
        return iter(passes)

    tables = [
        fit(passes, Rule(5)),
        fit(iter(passes), Rule(5)),
        fit(again, Rule(5), memory_bytes=1),
    ]
    # Once for the places, and three times for each observable.
    assert len(turns) == 16
    for other in tables[1:]:
        np.testing.assert_array_equal(other.median, tables[0].median)
        np.testing.assert_array_equal(other.spread, tables[0].spread)


@pytest.mark.parametrize("second", [5, 7])
def test_rows_that_change_in_between_are_refused(second) -> None:
    passes = random_passes(3, 7)
    turns = iter([6, second])
    with pytest.raises(TrainError, match="changed while the background was fitted"):
        fit(lambda: iter(passes[: next(turns)]))


def test_days_of_one_class_are_one_epoch() -> None:
    flux = [70.0] * 200 + [100.0] * 200 + [200.0] * 200 + [70.0] * 200
    start, holds, classes = flux_epochs(flux_indices("2010-01-01", flux), (85.0, 120.0))
    assert classes == 3
    assert holds.tolist() == [0, 1, 2, 1, 0]
    assert start[0] == np.datetime64("2010-01-01")
    assert start.dtype == "datetime64[ms]"
    # Half of the 81 days about it are of the new flux where the mean passes the edge.
    assert abs(start[1] - np.datetime64("2010-07-20")) <= np.timedelta64(5, "D")
    assert (np.diff(start) > np.timedelta64(0, "ms")).all()


def test_an_edge_belongs_to_the_class_above() -> None:
    _, holds, _ = flux_epochs(flux_indices("2010-01-01", [85.0] * 100), (85.0, 120.0))
    assert holds.tolist() == [1]


def test_unknown_days_keep_the_class_before_and_the_first_known_one() -> None:
    flux = [np.nan] * 300 + [200.0] * 100 + [np.nan] * 300
    start, holds, _ = flux_epochs(flux_indices("2010-01-01", flux), (85.0, 120.0))
    assert (start.tolist(), holds.tolist()) == ([np.datetime64("2010-01-01", "ms").item()], [2])


@pytest.mark.parametrize("indices", [None, flux_indices("2010-01-01", [np.nan] * 90)])
def test_without_flux_there_is_one_class(indices) -> None:
    start, holds, classes = flux_epochs(indices, (85.0, 120.0))
    assert (start.size, holds.tolist(), classes) == (1, [0], 1)


def test_classes_have_medians_of_their_own_and_lend_what_they_know() -> None:
    rng = np.random.default_rng(5)
    flux = [70.0] * 400 + [200.0] * 400
    indices = flux_indices("2018-01-01", flux)
    quiet = night_pass("2018-07-01", np.full(500, 2.0), 40.0, rng.normal(4.0, 0.1, 500))
    active = night_pass("2019-07-01", np.full(500, 2.0), 40.0, rng.normal(6.0, 0.1, 500))
    elsewhere = night_pass("2018-07-02", np.full(500, 2.0), 160.0, rng.normal(1.0, 0.1, 500))
    tables = fit([quiet, active, elsewhere], indices=indices)
    assert tables.median.shape == (3, *SHAPE, 5)
    season, latitude, longitude = (int(b[0]) for b in bins(quiet.grid))
    here = (season, latitude, longitude, 0)
    assert tables.median[(0, *here)] == pytest.approx(4.0, abs=0.05)
    assert tables.median[(2, *here)] == pytest.approx(6.0, abs=0.05)
    # A class without any values has what all classes have together: two humps.
    assert 4.1 < tables.median[(1, *here)] < 5.9
    # Where the active class has its band and not the bin, the bin moves as the band does.
    there = (season, latitude, int(bins(elsewhere.grid)[2][0]), 0)
    assert 2.5 < tables.median[(2, *there)] < 4.0
    # The edge tells the classes apart by time alone.
    climatology = join_fits(PLASMA, {"cses": tables})
    found = [climatology.features(p.grid, PLASMA, "cses", 9.0)[:, 0] for p in (quiet, active)]
    for residual in found:
        assert np.median(residual) == pytest.approx(0.0, abs=0.2)
        assert np.std(residual) == pytest.approx(1.0, abs=0.15)


def test_fits_of_missions_are_joined() -> None:
    some = random_passes(1)
    one = fit(some, Rule(5))
    other = fit(some, Rule(5), "demeter", flux_indices("2018-01-01", [70.0] * 900))
    joined = join_fits(PLASMA, {"cses": one, "demeter": other})
    assert isinstance(joined, Climatology)
    assert joined.median["cses"].shape[0] == 1
    assert joined.median["demeter"].shape[0] == 3
    assert replace(joined).epoch_class["demeter"].tolist() == [0]
