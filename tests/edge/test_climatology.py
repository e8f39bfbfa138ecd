from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle import default_bundle_path, load_bundle
from edge.climatology import SHAPE, Climatology, bins
from edge.errors import BundleError
from edge.geodesy import dipole_latitude
from edge.grid import Grid
from edge.observables import PLASMA, Profile

PROFILE = Profile("two", PLASMA.observables[:2])
TABLE = np.ones((*SHAPE, 1))


def grid_of(time, latitude, longitude, values=None, valid=None) -> Grid:
    """Rows of any time: the cells need not be consecutive here."""
    latitude = np.atleast_1d(np.asarray(latitude, dtype=np.float64))
    n = latitude.size
    times = np.broadcast_to(np.asarray(time, dtype="datetime64[ms]"), n)
    return Grid(
        times.astype(np.int64) // 3000,
        latitude,
        np.broadcast_to(np.asarray(longitude, dtype=np.float64), n).copy(),
        np.full(n, 507.0),
        np.isfinite(latitude),
        np.zeros((n, 2)) if values is None else np.asarray(values, dtype=np.float64),
        np.ones((n, 2), dtype=bool) if valid is None else np.asarray(valid),
    )


@pytest.fixture
def climatology() -> Climatology:
    rng = np.random.default_rng(1)
    median = rng.normal(size=(*SHAPE, 2))
    spread = rng.uniform(0.5, 2.0, size=(*SHAPE, 2))
    return Climatology(PROFILE.names, {"cses": median}, {"cses": spread})


@pytest.mark.parametrize(
    ("month", "season"), list(enumerate([0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0], start=1))
)
def test_december_begins_the_first_of_four_seasons(month, season):
    assert bins(grid_of(f"2020-{month:02d}-15", 0.0, 0.0))[0].tolist() == [season]


@pytest.mark.parametrize(
    ("longitude", "place"), [(-180.0, 0), (-150.001, 0), (-150.0, 1), (0.0, 6), (179.999, 11)]
)
def test_longitude_has_twelve_bins_from_the_date_line(longitude, place):
    assert bins(grid_of("2020-03-01", 0.0, longitude))[2].tolist() == [place]


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 179.9)), min_size=1, max_size=9))
def test_latitude_bins_are_five_degrees_of_dipole_latitude(places):
    latitude, longitude = np.array(places).T
    grid = grid_of("2020-03-01", latitude, longitude)
    dipole = dipole_latitude(grid.time, latitude, longitude)
    _, found, east = bins(grid)
    assert np.all((found >= 0) & (found < 36) & (east >= 0) & (east < 12))
    assert np.all((dipole >= found * 5.0 - 90.0 - 1e-9) & (dipole <= found * 5.0 - 85.0 + 1e-9))


def test_rows_without_a_position_fall_in_some_bin():
    season, latitude, longitude = bins(grid_of("2020-03-01", np.nan, np.nan))
    assert 0 <= season[0] < 4
    assert 0 <= latitude[0] < 36
    assert 0 <= longitude[0] < 12


@given(seed=st.integers(0, 2**32), clip=st.sampled_from([0.5, 3.0, 8.0]))
def test_features_are_clipped_residuals_and_then_flags(seed, clip):
    rng = np.random.default_rng(seed)
    shape = (3, *SHAPE, 2)
    median, spread = rng.normal(size=shape), rng.uniform(0.1, 2.0, size=shape)
    median[rng.random(median.shape) < 0.2] = np.nan
    start = np.datetime64("2020-03-01", "ms") + np.arange(5) * np.timedelta64(50, "D")
    holds = rng.integers(0, 3, 5)
    n = 30
    grid = grid_of(
        np.datetime64("2020-01-01", "ms") + (rng.random(n) * 3e10).astype("m8[ms]"),
        rng.uniform(-90, 90, n),
        rng.uniform(-180, 180, n),
        rng.normal(size=(n, 2)) * 3.0,
        rng.random((n, 2)) < 0.7,
    )
    climatology = Climatology(
        PROFILE.names, {"cses": median}, {"cses": spread}, {"cses": start}, {"cses": holds}
    )
    features = climatology.features(grid, PROFILE, "cses", clip)
    epoch = [holds[max(int((start <= t).sum()) - 1, 0)] for t in grid.time]
    np.testing.assert_array_equal(climatology.epoch(grid.time, "cses"), epoch)
    place = (epoch, *bins(grid))
    known = grid.valid & np.isfinite(median[place])
    residual = np.clip((grid.values - np.nan_to_num(median[place])) / spread[place], -clip, clip)
    assert features.dtype == np.float32
    assert features.shape == (n, 4)
    np.testing.assert_allclose(features[:, :2], np.where(known, residual, 0.0), rtol=1e-6)
    np.testing.assert_array_equal(features[:, 2:], known)


def test_masked_values_show_nothing_of_themselves(climatology):
    grid = grid_of("2020-03-01", np.zeros(3), 0.0, np.full((3, 2), 1e6), np.zeros((3, 2), bool))
    assert not climatology.features(grid, PROFILE, "cses", 5.0).any()


@pytest.mark.parametrize(
    ("profile", "mission", "words"),
    [
        (PLASMA, "cses", "asked for log_ne, te, log_o, ti, b_rms for cses"),
        (Profile("swapped", PROFILE.observables[::-1]), "cses", "asked for te, log_ne"),
        (PROFILE, "demeter", "log_ne, te for cses; asked for log_ne, te for demeter"),
    ],
)
def test_other_observables_or_missions_are_refused(climatology, profile, mission, words):
    with pytest.raises(BundleError, match=words):
        climatology.features(grid_of("2020-03-01", 0.0, 0.0), profile, mission, 5.0)


def test_a_climatology_is_loaded_as_it_was_saved(climatology, tmp_path):
    climatology.save(tmp_path / "climatology.npz")
    loaded = Climatology.load(tmp_path / "climatology.npz")
    assert loaded.names == climatology.names
    assert loaded.median.keys() == loaded.spread.keys() == {"cses"}
    for ours, theirs in ((loaded.median, climatology.median), (loaded.spread, climatology.spread)):
        np.testing.assert_array_equal(ours["cses"], theirs["cses"].astype(np.float32))


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("1999-01-01", 2),
        ("2010-01-01", 2),
        ("2011-12-31T23:59:59.999", 2),
        ("2012-01-01", 0),
        ("2040-01-01", 0),
    ],
)
def test_an_epoch_holds_from_its_start_and_the_ends_hold_beyond(time, expected):
    start = np.array(["2010-01-01", "2012-01-01"], "datetime64[ms]")
    tables = np.ones((3, *SHAPE, 1))
    found = Climatology(
        ("te",), {"cses": tables}, {"cses": tables}, {"cses": start}, {"cses": np.array([2, 0])}
    )
    assert found.epoch(np.array([time], "datetime64[ms]"), "cses").tolist() == [expected]


def test_tables_of_one_class_may_lack_its_axis_and_callers_keep_theirs():
    median, spread = {"cses": np.zeros((*SHAPE, 2))}, {"cses": np.ones((*SHAPE, 2))}
    found = Climatology(PROFILE.names, median, spread)
    assert found.median["cses"].shape == found.spread["cses"].shape == (1, *SHAPE, 2)
    assert median["cses"].shape == (*SHAPE, 2)
    assert found.epoch(np.array(["2020-01-01"], "M8[ms]"), "cses").tolist() == [0]


def test_classes_are_loaded_as_they_were_saved(tmp_path):
    rng = np.random.default_rng(3)
    tables = {"cses": rng.uniform(1, 2, (2, *SHAPE, 2)), "demeter": np.ones((*SHAPE, 2))}
    start = {"cses": np.array(["2010-01-01", "2012-01-01"], "datetime64[ms]")}
    saved = Climatology(PROFILE.names, tables, tables, start, {"cses": np.array([1, 0])})
    for name in ("one", "two"):
        saved.save(tmp_path / f"{name}.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    loaded = Climatology.load(tmp_path / "one.npz")
    for mission in ("cses", "demeter"):
        for field in ("epoch_start", "epoch_class"):
            ours, theirs = getattr(loaded, field)[mission], getattr(saved, field)[mission]
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(
            loaded.median[mission], saved.median[mission].astype(np.float32)
        )


def test_a_climatology_from_before_there_were_classes_is_read(tmp_path):
    path = tmp_path / "climatology.npz"
    np.savez(path, names=np.array(["te"]), cses_median=TABLE * 3.0, cses_spread=TABLE)
    loaded = Climatology.load(path)
    assert loaded.median["cses"].shape == (1, *SHAPE, 1)
    assert loaded.epoch_class["cses"].tolist() == [0]


def test_the_bundle_that_ships_is_read():
    bundle = load_bundle(default_bundle_path())
    loaded = Climatology.load(bundle.climatology_path)
    assert loaded.names == bundle.profile.names
    assert set(loaded.median) == {"cses", "demeter"}


START = np.array(["2010-01-01", "2012-01-01"], "datetime64[ms]")


@pytest.mark.parametrize(
    ("epochs", "words"),
    [
        ({}, "cses has 2 classes and no epochs"),
        ({"cses_epoch_start": START}, "epochs of cses"),
        (
            {"demeter_epoch_start": START, "demeter_epoch_class": np.array([0, 1])},
            "epochs of demeter",
        ),
        (
            {"cses_epoch_start": START[::-1], "cses_epoch_class": np.array([0, 1])},
            "not a row of times in order",
        ),
        (
            {"cses_epoch_start": START.astype(np.int64), "cses_epoch_class": np.array([0, 1])},
            "not a row of times in order",
        ),
        (
            {"cses_epoch_start": START[:0], "cses_epoch_class": np.array([], np.int64)},
            "not a row of times in order",
        ),
        ({"cses_epoch_start": START, "cses_epoch_class": np.array([0])}, "cses_epoch_class is int"),
        (
            {"cses_epoch_start": START, "cses_epoch_class": np.array([0.0, 1.0])},
            "cses_epoch_class is float",
        ),
        (
            {"cses_epoch_start": START, "cses_epoch_class": np.array([0, 2])},
            "0 to 2; valid is 0 to 1",
        ),
        (
            {"cses_epoch_start": START, "cses_epoch_class": np.array([-1, 0])},
            "-1 to 0; valid is 0 to 1",
        ),
    ],
)
def test_epochs_that_do_not_fit_are_refused(tmp_path, epochs, words):
    path = tmp_path / "climatology.npz"
    tables = np.ones((2, *SHAPE, 1))
    np.savez(path, names=np.array(["te"]), cses_median=tables, cses_spread=tables, **epochs)
    assert words in refusal(path)


def refusal(path) -> str:
    with pytest.raises(BundleError) as caught:
        Climatology.load(path)
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(f"{path.name}: ")
    return message


def test_a_missing_climatology_is_refused(tmp_path):
    assert "not a .npz file" in refusal(tmp_path / "climatology.npz")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and no more"])
def test_what_is_no_climatology_is_refused(tmp_path, content):
    (tmp_path / "climatology.npz").write_bytes(content)
    assert "not a .npz file" in refusal(tmp_path / "climatology.npz")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_climatology_is_refused(climatology, tmp_path, share):
    path = tmp_path / "climatology.npz"
    climatology.save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert "not a .npz file" in refusal(path)


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"cses_median": TABLE},
        {"cses_median": TABLE, "demeter_spread": TABLE},
        {"cses_median": TABLE[:3], "cses_spread": TABLE[:3]},
        {"cses_median": np.ones((*SHAPE, 2)), "cses_spread": np.ones((*SHAPE, 2))},
        {"cses_median": np.ones((0, *SHAPE, 1)), "cses_spread": np.ones((0, *SHAPE, 1))},
        {"cses_median": TABLE[None, None], "cses_spread": TABLE[None, None]},
        {"cses_median": np.ones((2, *SHAPE, 1)), "cses_spread": TABLE},
    ],
)
def test_tables_of_other_shapes_are_refused(tmp_path, tables):
    path = tmp_path / "climatology.npz"
    np.savez(path, names=np.array(["te"]), **tables)
    message = refusal(path)
    words = ("float (E, 4, 36, 12, 1) expected", "not a climatology", "cses_median is (2, 4, 36")
    assert any(w in message for w in words)


@pytest.mark.parametrize("spread", [0.0, -1.0, np.nan])
def test_a_spread_that_cannot_divide_is_refused(tmp_path, spread):
    path = tmp_path / "climatology.npz"
    np.savez(path, names=np.array(["te"]), cses_median=TABLE, cses_spread=TABLE * spread)
    assert "cses_spread must be above 0" in refusal(path)


def test_an_array_in_place_of_tables_is_refused(tmp_path):
    path = tmp_path / "climatology.npz"
    with path.open("wb") as stream:
        np.save(stream, TABLE)
    assert "not a .npz file" in refusal(path)


@settings(max_examples=200)
@given(st.data())
def test_damaged_tables_are_refused_or_read(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "climatology.npz"
        Climatology(("te",), {"cses": TABLE}, {"cses": TABLE}).save(path)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 5))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        with contextlib.suppress(BundleError):
            Climatology.load(path)


def test_nothing_pickled_is_loaded(tmp_path):
    path = tmp_path / "climatology.npz"
    np.savez(path, names=np.array(["te", None], dtype=object), cses_median=TABLE, cses_spread=TABLE)
    assert "not a .npz file" in refusal(path)
