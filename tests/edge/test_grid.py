from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.grid import _cell_means, _cubic_rms, _mark_present, make_grid
from edge.observables import PLASMA, Observable, Profile, Source
from edge.readers.halforbit import Channel, HalfOrbit, Payload, Track
from edge.readers.names import FileName
from edge.readers.opening import open_half_orbit

STEP = 3000
START = np.datetime64("2020-03-01T02:00:00", "ms")
START_MS = int(START.astype(np.int64))
NE = Profile("ne", PLASMA.observables[:1])


def track_of(seconds, cadence=3.0, longitude=None, latitude=None) -> Track:
    seconds = np.asarray(seconds, dtype=np.float64)
    return Track(
        START + np.round(seconds * 1000).astype("m8[ms]"),
        0.06 * seconds if latitude is None else np.asarray(latitude, dtype=np.float64),
        10.0 - 0.01 * seconds if longitude is None else np.asarray(longitude, dtype=np.float64),
        507.0 + 0.001 * seconds,
        cadence,
    )


def half_orbit_of(*parts, mission="cses") -> HalfOrbit:
    """Each part: payload, track, and for each channel its unit, values and validity."""
    payloads = {}
    for payload, track, channels in parts:
        content = {
            name: Channel(
                name,
                payload,
                unit,
                np.asarray(values, dtype=np.float64),
                np.ones(np.shape(values), dtype=bool) if valid is None else np.asarray(valid),
                track,
            )
            for name, (unit, values, valid) in channels.items()
        }
        name = FileName(mission, payload, 1, 1, datetime(2020, 3, 1), datetime(2020, 3, 1, 1))
        payloads[payload] = Payload(name, "x", track, content)
    return HalfOrbit("KEY", mission, 1, 1, payloads)


def lap(seconds, values=None, valid=None, unit="cm^-3", **track) -> HalfOrbit:
    values = np.full(len(seconds), 1e4) if values is None else values
    return half_orbit_of(("LAP_1", track_of(seconds, **track), {"A311": (unit, values, valid)}))


# Cells against slow oracles.

samples = st.lists(
    st.tuples(st.integers(0, 40_000), st.floats(-1e3, 1e3), st.booleans()),
    max_size=30,
    unique_by=lambda sample: sample[0],
)


@given(samples=samples, origin=st.integers(-10, 10**6), reach=st.integers(1, 12_000))
def test_cells_hold_the_mean_or_a_short_interpolation(samples, origin, reach):
    samples.sort()
    times = origin * STEP + np.array([t for t, _, _ in samples], dtype=np.int64)
    values = np.array([v for _, v, _ in samples])
    good = np.array([g for _, _, g in samples], dtype=bool)
    n = 40_000 // STEP + 1
    out, filled, count = np.zeros(n), np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int32)
    _cell_means(times, values, good, origin, reach, out, filled, count)

    at, y = times[good], values[good]
    for cell in range(n):
        begin = (origin + cell) * STEP
        inside = (at >= begin) & (at < begin + STEP)
        centre = begin + STEP // 2
        left, right = at[at < centre], at[at > centre]
        assert count[cell] == inside.sum()
        if inside.any():
            assert out[cell] == pytest.approx(y[inside].mean(), abs=1e-9)
            assert filled[cell]
        elif left.size and right.size and right[0] - left[-1] <= reach:
            assert out[cell] == pytest.approx(np.interp(centre, at, y), abs=1e-6)
            assert filled[cell]
        else:
            assert not filled[cell]
            assert out[cell] == 0.0


@given(
    seconds=st.lists(st.integers(0, 90), min_size=1, max_size=12, unique=True),
    reach=st.integers(1, 20),
)
def test_a_cell_is_present_with_a_record_or_between_two_near_ones(seconds, reach):
    seconds.sort()
    present = np.zeros(31, dtype=bool)
    _mark_present(START_MS + 1000 * np.array(seconds), START_MS // STEP, 1000 * reach, present)
    expected = np.zeros(31, dtype=bool)
    for second in seconds:
        expected[second // 3] = True
    for a, b in pairwise(seconds):
        if b - a <= reach:
            expected[a // 3 : b // 3 + 1] = True
    np.testing.assert_array_equal(present, expected)


@given(seed=st.integers(0, 2**32), amplitude=st.sampled_from([0.01, 1.0, 300.0]))
def test_the_rms_is_that_about_numpy_s_own_cubic(seed, amplitude):
    rng = np.random.default_rng(seed)
    seconds = np.arange(0.0, 200.0) + rng.uniform(-0.3, 0.3, 200)
    times = START_MS + np.round(seconds * 1000).astype(np.int64)
    field = 30_000.0 + 20.0 * seconds - 0.2 * seconds**2 + amplitude * rng.normal(size=200)
    good = rng.random(200) > 0.1
    first, n = START_MS // STEP, 67
    out, filled = np.zeros(n), np.zeros(n, dtype=bool)
    _cubic_rms(times, field, good, first, 30_000, 45.0, out, filled)
    for cell in range(n):
        centre = (first + cell) * STEP + STEP // 2
        near = good & (times >= centre - 30_000) & (times < centre + 30_000)
        assert filled[cell] == (near.sum() >= 45)
        if filled[cell]:
            x = (times[near] - centre) / 30_000.0
            y = field[near] - field[near].mean()
            left_over = y - np.polyval(np.polyfit(x, y, 3), x)
            assert out[cell] == pytest.approx(np.sqrt(np.mean(left_over**2)), rel=1e-6)


def test_a_cubic_field_has_no_rms():
    seconds = np.arange(120)
    field = 30_000.0 + 20.0 * seconds - 0.2 * seconds**2 + 1e-3 * seconds**3
    out, filled = np.zeros(40), np.zeros(40, dtype=bool)
    good = np.ones(120, dtype=bool)
    times = START_MS + 1000 * seconds
    _cubic_rms(times, field, good, START_MS // STEP, 30_000, 45.0, out, filled)
    assert filled.sum() == 30
    assert out.max() < 1e-8


def test_samples_at_one_place_give_no_fit():
    times, good = np.full(60, START_MS + 1500), np.ones(60, dtype=bool)
    out, filled = np.zeros(1), np.zeros(1, dtype=bool)
    _cubic_rms(times, np.arange(60.0), good, START_MS // STEP, 30_000, 45.0, out, filled)
    assert not filled.any()


# The grid as a whole.


def test_the_grid_runs_from_the_first_to_the_last_record_without_a_break():
    grid = make_grid(lap([0, 3, 6, 30]), NE)
    np.testing.assert_array_equal(grid.cell, START_MS // STEP + np.arange(11))
    assert grid.time[0] == START + np.timedelta64(1500, "ms")
    assert grid.values.shape == grid.valid.shape == (11, 1)


def test_cells_without_records_are_gaps():
    grid = make_grid(lap([0, 3, 6, 30]), NE)
    assert np.flatnonzero(grid.present).tolist() == [0, 1, 2, 10]
    assert not grid.valid[~grid.present].any()


def test_another_payload_s_records_keep_a_cell_from_being_a_gap():
    half_orbit = half_orbit_of(
        ("LAP_1", track_of([0, 3, 6, 30]), {"A311": ("cm^-3", np.full(4, 1e4), None)}),
        ("PAP_0", track_of(np.arange(31), cadence=1.0), {}),
    )
    grid = make_grid(half_orbit, NE)
    assert grid.present.all()
    assert np.flatnonzero(grid.valid[:, 0]).tolist() == [0, 1, 2, 10]


def test_densities_are_averaged_as_logarithms_in_the_common_unit():
    seconds = [0.0, 1.0, 2.0]
    grid = make_grid(lap(seconds, [1e9, 1e10, 1e12], unit="m^-3", cadence=1.0), NE)
    assert grid.values[0, 0] == pytest.approx((3.0 + 4.0 + 6.0) / 3.0)


def test_a_unit_that_cannot_be_converted_is_refused():
    with pytest.raises(InputError, match=r"LAP_1: channel A311: no conversion from 'K'"):
        make_grid(lap([0, 3, 6], unit="K"), NE)


@pytest.mark.parametrize("value", [9.9, 1.1e7, np.nan, -1e4, np.inf])
def test_implausible_samples_are_masked_and_never_clipped(value):
    grid = make_grid(lap([0, 3, 6, 9, 12], [1e4, 1e4, value, 1e4, 1e4]), NE)
    assert grid.valid[:, 0].tolist() == [True, True, False, True, True]
    assert grid.values[2, 0] == 0.0
    assert np.isfinite(grid.values).all()


def test_invalid_samples_are_masked():
    grid = make_grid(lap([0, 3, 6, 9], valid=[True, False, False, True]), NE)
    assert grid.valid[:, 0].tolist() == [True, False, False, True]
    assert grid.present.all()


def test_a_cadence_over_three_seconds_leaves_no_holes():
    half_orbit = half_orbit_of(
        (
            "1140",
            track_of(4.4 * np.arange(40), cadence=4.4),
            {"n_O+": ("cm^-3", np.logspace(3, 4, 40), None)},
        ),
        mission="demeter",
    )
    grid = make_grid(half_orbit, Profile("o", PLASMA.observables[2:3]))
    # A last cell may lie past the last record.
    assert grid.present.all()
    assert grid.valid[:-1].all()
    assert np.all(np.diff(grid.values[:-1, 0]) > 0)


def test_a_gap_over_one_and_a_half_cadences_is_not_bridged():
    seconds = np.array([0.0, 4.4, 8.8, 16.0, 20.4])
    half_orbit = half_orbit_of(
        ("1140", track_of(seconds, cadence=4.4), {"n_O+": ("cm^-3", np.full(5, 1e4), None)}),
        mission="demeter",
    )
    grid = make_grid(half_orbit, Profile("o", PLASMA.observables[2:3]))
    assert grid.valid[:, 0].tolist() == [True, True, True, False, False, True, True]


def test_the_preferred_source_wins_and_the_other_fills_in():
    survey = ("1144", track_of(np.arange(0, 12.0)), {"Ne": ("cm^-3", np.full(12, 1e4), None)})
    burst = ("1143", track_of(np.arange(6, 24.0)), {"Ne": ("cm^-3", np.full(18, 1e5), None)})
    for parts in ((survey, burst), (burst, survey)):
        grid = make_grid(half_orbit_of(*parts, mission="demeter"), NE)
        np.testing.assert_allclose(grid.values[:, 0], [4] * 4 + [5] * 4)


def test_what_the_mission_lacks_is_masked():
    half_orbit = half_orbit_of(
        ("1144", track_of(np.arange(30.0)), {"Ne": ("cm^-3", np.full(30, 1e4), None)}),
        mission="demeter",
    )
    grid = make_grid(half_orbit, PLASMA)
    np.testing.assert_array_equal(grid.valid.all(axis=0), [True, False, False, False, False])
    assert not grid.values[:, 1:].any()


def test_a_half_orbit_without_payloads_is_refused():
    with pytest.raises(ValueError, match="half-orbit KEY has no payload"):
        make_grid(half_orbit_of(), NE)


@pytest.mark.parametrize("start", [179.99, 359.99, -0.005])
def test_longitude_is_interpolated_across_its_seams(start):
    raw = start + 0.004 * np.arange(20)
    wrapped = (raw + 180.0) % 360.0 - 180.0
    grid = make_grid(lap(3.0 * np.arange(20), longitude=wrapped), NE)
    expected = start + 0.004 * (np.arange(20) + 0.5)
    turns = (grid.longitude - expected) / 360.0
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-9)
    assert np.all((grid.longitude >= -180.0) & (grid.longitude < 180.0))


def test_positions_are_those_of_the_cell_centres():
    grid = make_grid(lap(3.0 * np.arange(20)), NE)
    seconds = 3.0 * np.arange(20) + 1.5
    np.testing.assert_allclose(grid.latitude, 0.06 * seconds)
    np.testing.assert_allclose(grid.longitude, 10.0 - 0.01 * seconds)
    np.testing.assert_allclose(grid.altitude, 507.0 + 0.001 * seconds)


def test_a_hole_in_position_is_bridged_up_to_a_minute():
    latitude = 0.18 * np.arange(60)
    latitude[[5, 6]] = np.nan
    latitude[20:45] = np.nan
    grid = make_grid(lap(3.0 * np.arange(60), latitude=latitude), NE)
    lost = np.flatnonzero(~grid.present)
    assert lost[0] >= 20
    assert lost[-1] <= 44
    assert lost.size >= 23
    np.testing.assert_array_equal(np.isnan(grid.latitude), ~grid.present)


def test_without_any_position_every_cell_is_a_gap():
    grid = make_grid(lap(3.0 * np.arange(9), latitude=np.full(9, np.nan)), NE)
    assert not grid.present.any()


def test_another_payload_s_position_stands_in():
    n = 20
    bad = track_of(3.0 * np.arange(n), latitude=np.full(n, np.nan))
    good = track_of(np.arange(3.0 * n), cadence=1.0)
    half_orbit = half_orbit_of(
        ("LAP_1", bad, {"A311": ("cm^-3", np.full(n, 1e4), None)}), ("PAP_0", good, {})
    )
    grid = make_grid(half_orbit, NE)
    assert grid.present.all()
    np.testing.assert_allclose(grid.latitude, 0.06 * (3.0 * np.arange(n) + 1.5))


@pytest.mark.parametrize("mission", ["cses", "demeter"])
def test_files_come_out_as_finite_values_with_every_column(make_cses, make_demeter, mission):
    if mission == "cses":
        payloads = {"LAP_1": 60, "PAP_0": 180, "HPM_5": 180}
        rng = np.random.default_rng(3)
        field = np.array([2e4, -5e3, 1e4]) + rng.normal(size=(180, 3))
        files = [
            make_cses(payload, n=n, **({"B_FGM": field} if payload == "HPM_5" else {}))
            for payload, n in payloads.items()
        ]
    else:
        files = [make_demeter("1144", n=180), make_demeter("1140", n=41)]
    grid = make_grid(open_half_orbit(files), PLASMA)
    assert grid.present.all()
    assert np.isfinite(grid.values).all()
    assert not grid.values[~grid.valid].any()
    share = grid.valid.mean(axis=0)
    assert np.all(share[:4] > 0.95)
    # The fit needs three quarters of a minute on both sides together.
    assert share[4] == (pytest.approx(50 / 60, abs=0.05) if mission == "cses" else 0.0)


def test_values_are_in_their_plausible_ranges_after_the_transform(make_cses):
    def inside(observable: Observable, values: np.ndarray) -> bool:
        low, high = observable.plausible
        back = 10.0**values if observable.transform == "log10" else values
        return bool(np.all((back >= low * (1 - 1e-9)) & (back <= high * (1 + 1e-9))))

    grid = make_grid(open_half_orbit([make_cses("LAP_1"), make_cses("PAP_0")]), PLASMA)
    for column, observable in enumerate(PLASMA.observables):
        assert inside(observable, grid.values[grid.valid[:, column], column])


def test_an_observable_without_a_source_in_the_mission_is_masked():
    nothing = Observable(
        name="x",
        unit="K",
        transform="none",
        plausible=(0.0, 1.0),
        sources={"demeter": Source(("1144",), "Te")},
    )
    grid = make_grid(lap([0, 3, 6]), Profile("x", (nothing,)))
    assert not grid.valid.any()


# The real half-orbit.


def test_the_real_half_orbit_gives_the_rms_of_plain_numpy(real_hpm):
    import h5py

    grid = make_grid(open_half_orbit(real_hpm), PLASMA)
    assert grid.cell.size == 694
    assert grid.present.all()
    assert not grid.valid[:, :4].any()
    with h5py.File(real_hpm) as file:
        ms = file["VERSE_TIME"][:, 0] + int(np.datetime64("2009-01-01", "ms").astype(np.int64))
        field = np.linalg.norm(file["B_FGM"][...], axis=1)
        good = file["FLAG_MT"][:, 0] == 0
    for row in range(0, 694, 7):
        centre = int(grid.cell[row]) * STEP + STEP // 2
        near = good & (np.abs(ms - centre) <= 30_000)
        assert grid.valid[row, 4] == (near.sum() >= 45)
        if grid.valid[row, 4]:
            x, y = (ms[near] - centre) / 30_000.0, field[near]
            left_over = y - np.polyval(np.polyfit(x, y, 3), x)
            rms = np.sqrt(np.mean(left_over**2))
            assert grid.values[row, 4] == pytest.approx(np.log10(rms), abs=1e-6)
