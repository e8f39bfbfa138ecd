from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.climatology import SHAPE, Climatology, bins
from edge.errors import BundleError
from edge.geodesy import dipole_latitude
from edge.grid import Grid
from edge.observables import PLASMA, Profile

PROFILE = Profile("two", PLASMA.observables[:2])


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


@pytest.mark.kernel
@given(seed=st.integers(0, 2**32), clip=st.sampled_from([0.5, 3.0, 8.0]))
def test_features_are_clipped_residuals_and_then_flags(seed, clip):
    rng = np.random.default_rng(seed)
    median, spread = rng.normal(size=(*SHAPE, 2)), rng.uniform(0.1, 2.0, size=(*SHAPE, 2))
    median[rng.random(median.shape) < 0.2] = np.nan
    n = 30
    grid = grid_of(
        np.datetime64("2020-01-01", "ms") + (rng.random(n) * 3e10).astype("m8[ms]"),
        rng.uniform(-90, 90, n),
        rng.uniform(-180, 180, n),
        rng.normal(size=(n, 2)) * 3.0,
        rng.random((n, 2)) < 0.7,
    )
    climatology = Climatology(PROFILE.names, {"cses": median}, {"cses": spread})
    features = climatology.features(grid, PROFILE, "cses", clip)
    place = bins(grid)
    known = grid.valid & np.isfinite(median[place])
    residual = np.clip((grid.values - np.nan_to_num(median[place])) / spread[place], -clip, clip)
    assert features.dtype == np.float32
    assert features.shape == (n, 4)
    np.testing.assert_allclose(features[:, :2], np.where(known, residual, 0.0), rtol=1e-6)
    np.testing.assert_array_equal(features[:, 2:], known)


@pytest.mark.kernel
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


TABLE = np.ones((*SHAPE, 1))


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"cses_median": TABLE},
        {"cses_median": TABLE, "demeter_spread": TABLE},
        {"cses_median": TABLE[:3], "cses_spread": TABLE[:3]},
        {"cses_median": np.ones((*SHAPE, 2)), "cses_spread": np.ones((*SHAPE, 2))},
    ],
)
def test_tables_of_other_shapes_are_refused(tmp_path, tables):
    path = tmp_path / "climatology.npz"
    np.savez(path, names=np.array(["te"]), **tables)
    message = refusal(path)
    assert "float (4, 36, 12, 1) expected" in message or "not a climatology" in message


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
