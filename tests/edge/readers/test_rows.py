from __future__ import annotations

from datetime import datetime
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.readers.names import FileName
from edge.readers.rows import (
    STUCK_RECORDS,
    STUCK_SPAN,
    date_ms,
    distinct_rows,
    increasing_rows,
    make_track,
    not_filled,
    time_order,
    trusted_times,
    without_stuck,
)

NAME = FileName("cses", "LAP_1", 1, 1, datetime(2020, 1, 1), datetime(2020, 1, 1, 0, 10))
START_MS = int(np.datetime64("2020-01-01", "ms").astype(np.int64))


def track_of(latitude, longitude, altitude=None, step_ms=1000):
    n = len(latitude)
    notes: list[str] = []
    track = make_track(
        START_MS + step_ms * np.arange(n),
        np.array(latitude, dtype=np.float64),
        np.array(longitude, dtype=np.float64),
        np.full(n, 507.0) if altitude is None else np.array(altitude, dtype=np.float64),
        7.0,
        notes,
    )
    return track, notes


def lost(track) -> list[int]:
    return np.flatnonzero(np.isnan(track.latitude)).tolist()


@pytest.mark.parametrize(
    "value",
    [
        *(-9999.0, -99999.0, -999999.0, 99999.0, np.nan, np.inf, -np.inf, 42.0),
        *(9.969209968386869e36, float(np.float32(9.96921e36)), -1e31, float(-(2**63) + 2)),
    ],
)
def test_every_fill_value_is_told_from_values(value):
    assert not_filled(np.array([1.0, value, -9998.0]), 42.0).tolist() == [True, False, True]


@given(st.lists(st.integers(0, 9), max_size=9))
def test_the_longest_increasing_rows_are_kept(times):
    keep = increasing_rows(np.array(times, dtype=np.int64))
    kept = [t for t, k in zip(times, keep, strict=True) if k]
    assert kept == sorted(set(kept))
    longest = max(
        size
        for size in range(len(times) + 1)
        for chosen in combinations(times, size)
        if all(a < b for a, b in pairwise(chosen))
    )
    assert len(kept) == longest


@given(n=st.integers(3, 200), row=st.integers(0, 199), time=st.integers(-1000, 1000))
def test_one_row_out_of_order_costs_at_most_itself(n, row, time):
    times = np.arange(n)
    times[row % n] = time
    expected = n if np.all(np.diff(times) > 0) else n - 1
    assert increasing_rows(times).sum() == expected


def test_times_are_trusted_within_five_minutes_of_the_name():
    minutes = np.array([-5.01, -5.0, 0.0, 5.0, 15.0, 15.01])
    notes: list[str] = []
    milliseconds = START_MS + np.round(minutes * 60_000).astype(np.int64)
    good = trusted_times("x", NAME, milliseconds, np.ones(6, dtype=bool), notes)
    assert good.tolist() == [False, True, True, True, True, False]
    assert notes == ["2 records outside the name's times"]


def test_each_defect_of_time_is_noted_with_its_count():
    seconds = np.array([0, 1, 2, 30, 3, 4, 5, 6])
    known = np.ones(8, dtype=bool)
    known[5] = False
    notes: list[str] = []
    good = trusted_times("x", NAME, START_MS + 1000 * seconds, known, notes)
    assert np.flatnonzero(~good).tolist() == [3, 5]
    assert notes == ["1 record without a valid time", "1 record out of time order"]


def test_a_file_of_another_time_is_refused_with_both_times():
    with pytest.raises(InputError, match=r"data from 2020-01-02.*name from 2020-01-01") as caught:
        trusted_times(
            "x", NAME, START_MS + 86_400_000 + np.arange(3) * 1000, np.ones(3, dtype=bool), []
        )
    assert str(caught.value).isprintable()


def test_a_file_without_times_is_refused():
    with pytest.raises(InputError, match="none of its 3 records has a valid time"):
        trusted_times("x", NAME, np.zeros(3, dtype=np.int64), np.zeros(3, dtype=bool), [])


@given(
    start=st.floats(-70, 70),
    longitude=st.floats(-180, 360),
    rate=st.sampled_from([-0.0624, 0.0624]),
)
def test_an_undisturbed_track_keeps_every_row_in_the_common_convention(start, longitude, rate):
    latitude = start + rate * np.arange(60)
    track, notes = track_of(latitude, longitude - 0.01 * np.arange(60))
    assert not notes
    np.testing.assert_array_equal(track.latitude, latitude)
    assert np.all((track.longitude >= -180.0) & (track.longitude < 180.0))
    turn = (track.longitude - longitude + 0.01 * np.arange(60)) / 360.0
    np.testing.assert_allclose(turn, np.round(turn), atol=1e-9)


@pytest.mark.parametrize("row", [0, 1, 5, 8, 9])
@pytest.mark.parametrize(
    ("latitude", "longitude", "altitude"),
    [
        (95.0, 10.0, 507.0),
        (np.nan, 10.0, 507.0),
        (0.0, 400.0, 507.0),
        (0.0, np.nan, 507.0),
        (0.0, 10.0, -1.0),
        (0.0, 10.0, 2000.0),
        (0.0, 10.0, np.nan),
        (30.0, 10.0, 507.0),
        (0.0, 0.0, 507.0),
    ],
)
def test_an_impossible_or_jumping_position_costs_its_own_row(row, latitude, longitude, altitude):
    lat, lon, alt = 0.06 * np.arange(10), np.full(10, 10.0), np.full(10, 507.0)
    lat[row], lon[row], alt[row] = latitude, longitude, altitude
    track, notes = track_of(lat, lon, alt)
    assert lost(track) == [row]
    assert np.isnan([track.longitude[row], track.altitude[row]]).all()
    assert notes == ["1 record without a valid position"]


def test_a_short_displaced_piece_is_dropped_and_both_sides_of_it_kept():
    lat = 0.06 * np.arange(30)
    lat[12:16] += 20.0
    track, _ = track_of(lat, np.full(30, 10.0))
    assert lost(track) == [12, 13, 14, 15]


@pytest.mark.parametrize("before", [179.99, 359.99])
def test_crossing_a_seam_of_longitude_is_no_jump(before):
    lon = (before + 0.005 * np.arange(10)) % 360.0
    track, notes = track_of(0.06 * np.arange(10), lon)
    assert not notes
    assert np.ptp(np.unwrap(track.longitude, period=360.0)) == pytest.approx(0.045)


def test_the_cadence_is_that_of_the_times_or_else_the_nominal_one():
    assert track_of(0.06 * np.arange(10), np.zeros(10), step_ms=2300)[0].cadence == 2.3
    assert track_of([0.0, 0.06], [0.0, 0.0])[0].cadence == 7.0


def test_holes_do_not_pass_for_a_slow_cadence():
    sparse = START_MS + np.arange(3, dtype=np.int64) * 600_000
    zero = np.zeros(3)
    assert make_track(sparse, zero, zero, zero + 500.0, 3.0, []).cadence == 4.5


def test_infinite_positions_become_nan_without_a_warning():
    times = START_MS + np.arange(3, dtype=np.int64) * 1000
    bad = np.array([0.0, np.inf, 0.0])
    track = make_track(times, np.zeros(3), bad, np.full(3, 500.0), 1.0, [])
    assert np.isnan(track.longitude).tolist() == [False, True, False]


def test_dates_that_do_not_exist_are_unknown():
    year, month, day = (np.array(v) for v in ([2020, 2021, 2020], [2, 2, 13], [29, 29, 1]))
    _, known = date_ms(year, month, day, np.zeros(3, dtype=np.int64))
    assert known.tolist() == [True, False, False]


def test_many_pieces_are_told_apart_in_time():
    n = 20_000
    times = START_MS + np.arange(n, dtype=np.int64) * 1000
    latitude = np.where(np.arange(n) % 2, 60.0, -60.0)
    track = make_track(times, latitude, np.zeros(n), np.full(n, 500.0), 1.0, [])
    assert np.isfinite(track.latitude).sum() >= 1


# The clock of the satellite, and rows that were shuffled.


def moved_on(rows, step_s=1.0):
    """Latitudes of rows at orbital speed."""
    return -20.0 + 0.0624 * step_s * np.asarray(rows)


def trust(seconds):
    notes: list[str] = []
    times = START_MS + np.round(1000 * np.asarray(seconds)).astype(np.int64)
    return trusted_times("x", NAME, times, np.ones(len(times), dtype=bool), notes), times, notes


@given(
    back=st.floats(0.0, 60.0),
    at=st.integers(3, 190),
    cadence=st.sampled_from([1.0, 2.048, 3.0]),
)
def test_a_clock_set_back_costs_the_records_about_it(back, at, cadence):
    n = 200
    seconds = cadence * np.arange(n)
    seconds[at:] -= back
    good, times, notes = trust(seconds)
    lost = n - good.sum()
    assert lost <= min(back / cadence + 1, at, n - at)
    if back > 0.26 * cadence and 3 <= at <= n - 4:
        assert any("the clock was set back by" in note for note in notes)
    elif back < 0.24 * cadence:
        assert notes == []
    rows = np.flatnonzero(good)
    track = make_track(
        times[good], moved_on(rows, cadence), np.full(rows.size, 10.0), np.full(rows.size, 507.0),
        cadence, notes, rows,
    )  # fmt: skip
    assert np.isfinite(track.latitude).all()


def test_a_clock_step_is_named_with_its_place_and_size():
    seconds = np.arange(60.0)
    seconds[30:] -= 2.0
    _, _, notes = trust(seconds)
    assert notes == [
        "the clock was set back by 2.0 s at 2020-01-01T00:00:29.000",
        "2 records out of time order",
    ]
    seconds[45:] -= 2.0
    assert "and 1 times more" in trust(seconds)[2][0]


@given(st.permutations(range(40)))
def test_shuffled_rows_are_put_in_order(order):
    times = START_MS + 3000 * np.array(order, dtype=np.int64)
    found = time_order(times, np.ones(40, dtype=bool))
    if found is None:
        assert increasing_rows(times).sum() >= 37
    else:
        np.testing.assert_array_equal(times[found], np.sort(times))


@pytest.mark.parametrize(
    "seconds",
    [
        np.arange(60.0),
        np.where(np.arange(60) == 7, 30.0, np.arange(60.0)),
        np.r_[np.arange(30.0), np.arange(30.0)],
        np.arange(60.0) % 7,
        np.random.default_rng(0).uniform(0, 500, 60),
    ],
    ids=["in order", "one wrong", "twice", "seven times", "any"],
)
def test_what_is_no_permutation_is_left_as_it_is(seconds):
    times = START_MS + (1000 * seconds).astype(np.int64)
    assert time_order(times, np.ones(60, dtype=bool)) is None


def test_rows_without_a_time_come_last():
    times = START_MS + 1000 * np.arange(40)[::-1]
    known = np.ones(40, dtype=bool)
    known[[3, 8]] = False
    found = time_order(times, known)
    assert found[-2:].tolist() == [3, 8]
    assert np.all(np.diff(times[found[:-2]]) > 0)


def test_rows_in_no_order_are_refused():
    with pytest.raises(InputError, match=r"in no order of time: at most .* of 60 could be kept"):
        trust(np.random.default_rng(0).uniform(0, 500, 60))


def test_doubled_rows_are_no_disorder():
    good, _, _ = trust(np.repeat(np.arange(20.0), 3))
    assert good.sum() == 20


# Records that come twice.


@given(steps=st.lists(st.integers(200, 5000), min_size=1, max_size=50))
def test_records_further_apart_than_a_thirtieth_of_the_cadence_are_all_kept(steps):
    notes: list[str] = []
    assert distinct_rows(np.cumsum(np.array(steps, dtype=np.int64)), 6.0, notes).all()
    assert notes == []


@given(
    n=st.integers(1, 50),
    copies=st.integers(2, 5),
    late=st.integers(1, 8),
    cadence=st.sampled_from([1.0, 3.0, 4.096]),
)
def test_of_records_that_come_several_times_one_is_kept(n, copies, late, cadence):
    times = np.arange(n, dtype=np.int64) * round(1000 * cadence)
    doubled = (times[:, None] + late * np.arange(copies)).ravel()
    notes: list[str] = []
    distinct = distinct_rows(doubled, cadence, notes)
    assert doubled[distinct].tolist() == times.tolist()
    said = f"{n * (copies - 1)} record{'s' * (n * (copies - 1) > 1)} within "
    assert len(notes) == 1
    assert notes[0].startswith(said)
    assert notes[0].endswith("of the one before: doubled, left out")


def test_one_doubled_record_costs_one():
    times = np.array([0, 1000, 1001, 2000])
    assert times[distinct_rows(times, 1.0, [])].tolist() == [0, 1000, 2000]
    assert distinct_rows(np.array([], dtype=np.int64), 1.0, []).size == 0


# Sensors that are stuck.


def stuck_rows(values, valid=None, step_s=1.0):
    values = np.asarray(values, dtype=np.float64)
    valid = np.ones(values.shape, dtype=bool) if valid is None else valid
    time = (START_MS + np.arange(len(values)) * round(1000 * step_s)).astype("datetime64[ms]")
    notes: list[str] = []
    before = valid.copy()
    good = without_stuck("A311", values, valid, time, notes)
    np.testing.assert_array_equal(valid, before)
    assert not (good & ~valid).any()
    assert bool(notes) == (good is not valid and bool((valid & ~good).any()))
    return np.flatnonzero(valid & ~good).tolist(), notes


@pytest.mark.parametrize(("same", "stuck"), [(60, False), (61, True), (200, True)])
def test_a_value_that_stays_for_a_minute_is_masked_and_named(same, stuck):
    values = np.arange(300.0)
    values[50 : 50 + same] = 7.25
    rows, notes = stuck_rows(values)
    assert rows == (list(range(50, 50 + same)) if stuck else [])
    said = f"{same} records with one value of A311 for 60 s or more: stuck, masked"
    assert notes == ([said] if stuck else [])


@pytest.mark.parametrize(("same", "stuck"), [(9, False), (10, True)])
def test_few_slow_records_do_not_make_a_stuck_sensor(same, stuck):
    values = np.arange(40.0)
    values[5 : 5 + same] = -1.0
    assert stuck_rows(values, step_s=28.0)[0] == (list(range(5, 5 + same)) if stuck else [])


def test_fill_values_between_do_not_hide_a_stuck_sensor():
    values = np.where(np.arange(200) % 2, -9999.0, 5.0)
    valid = values > 0.0
    assert stuck_rows(values, valid)[0] == np.flatnonzero(valid).tolist()
    values[100] = 6.0
    assert 100 not in stuck_rows(values, valid)[0]


def test_fill_values_themselves_are_no_stuck_sensor():
    values = np.full(300, -9999.0)
    assert stuck_rows(values, np.zeros(300, dtype=bool)) == ([], [])


def test_a_stuck_component_does_not_take_the_others_with_it():
    values = np.random.default_rng(1).normal(size=(300, 3))
    values[100:200, 1] = 0.5
    time = (START_MS + 1000 * np.arange(300)).astype("datetime64[ms]")
    notes: list[str] = []
    good = without_stuck("B_FGM", values, np.ones(values.shape, dtype=bool), time, notes)
    assert (~good).sum(axis=0).tolist() == [0, 100, 0]
    assert notes == ["100 records with one value of B_FGM for 60 s or more: stuck, masked"]


@given(
    runs=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 90)), min_size=1, max_size=12),
    holes=st.sets(st.integers(0, 300), max_size=40),
    step=st.sampled_from([1.0, 2.3, 4.4, 28.0]),
)
def test_the_runs_that_are_masked_are_those_of_a_plain_loop(runs, holes, step):
    values = np.concatenate([np.full(length, float(value)) for value, length in runs])
    valid = np.ones(values.size, dtype=bool)
    valid[[h for h in holes if h < values.size]] = False
    rows = np.flatnonzero(valid).tolist()
    expected: list[int] = []
    begin = 0
    for k in range(1, len(rows) + 1):
        if k == len(rows) or values[rows[k]] != values[rows[begin]]:
            span = (rows[k - 1] - rows[begin]) * np.timedelta64(round(1000 * step), "ms")
            if k - begin >= STUCK_RECORDS and span >= STUCK_SPAN:
                expected += rows[begin:k]
            begin = k
    assert stuck_rows(values, valid, step)[0] == expected
