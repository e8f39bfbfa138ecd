from __future__ import annotations

import os

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.readers.cses import read_cses
from edge.readers.halforbit import Payload
from edge.readers.names import parse_name
from edge.readers.opening import read_payload

BOTH_FLAVOURS = pytest.mark.parametrize("flavour", ["array", "scalar"])


def column(path, name) -> np.ndarray:
    with h5py.File(path) as file:
        return file[name][...].astype(np.float64).squeeze()


def changed(make_cses, name, row, value, payload="LAP_1", **others):
    """Write a file where one row of one dataset has another value."""
    values = column(make_cses(payload), name)
    values[row] = value
    return make_cses(payload, **{name: values}, **others)


@BOTH_FLAVOURS
@pytest.mark.parametrize("payload", ["HPM_5", "HPM_6", "LAP_1", "LAP_2", "PAP_0"])
def test_every_dataset_is_read_as_plain_h5py_reads_it(make_cses, payload, flavour):
    path = make_cses(payload, flavour=flavour)
    read = read_payload(path)
    assert read.notes == ()
    assert read.path == path
    assert len(read.channels) >= 5
    for name, channel in read.channels.items():
        np.testing.assert_array_equal(channel.values, column(path, name))
        assert channel.valid.all()
        assert channel.valid.shape == channel.values.shape
        assert channel.track is read.track
    for ours, theirs in (("latitude", "GEO_LAT"), ("longitude", "GEO_LON")):
        np.testing.assert_allclose(getattr(read.track, ours), column(path, theirs), rtol=1e-12)
    times = np.datetime64("2009-01-01", "ms") + column(path, "VERSE_TIME").astype("m8[ms]")
    np.testing.assert_array_equal(read.track.time, times)
    assert read.track.time.dtype == "datetime64[ms]"


@pytest.mark.parametrize(("payload", "cadence"), [("HPM_5", 1.0), ("LAP_1", 3.0), ("PAP_0", 1.0)])
def test_the_cadence_is_the_payload_s(make_cses, payload, cadence):
    assert read_payload(make_cses(payload)).track.cadence == cadence
    assert read_payload(make_cses(payload, n=1)).track.cadence == cadence


def test_columns_may_be_flat(make_cses):
    values = np.linspace(1e10, 2e10, 40)
    path = make_cses(A311=values)
    with h5py.File(path, "a") as file:
        del file["A311"]
        file["A311"] = values
    np.testing.assert_array_equal(read_payload(path).channels["A311"].values, values)


@pytest.mark.parametrize("dtype", [">f8", "<f4", "<f2", "<i4", ">u2"])
def test_numbers_of_any_type_and_byte_order_are_read(make_cses, dtype):
    values = np.arange(1, 41).astype(dtype)
    channel = read_payload(make_cses(UF=values[:, None])).channels["UF"]
    np.testing.assert_array_equal(channel.values, np.arange(1.0, 41.0))
    assert channel.values.dtype == np.float64


def test_only_the_channels_asked_for_are_read(make_cses):
    path = make_cses(A321=None)
    assert set(read_payload(path, {"A311": ()}).channels) == {"A311"}


def test_optional_datasets_may_be_absent(make_cses):
    path = make_cses(UF=None, WORKMODE=None)
    assert set(read_payload(path).channels) == {"A311", "A321", "UP", "MAG_LAT", "MAG_LON"}


# Units, in all the forms that attributes take.


@pytest.mark.parametrize("key", ["units", "Units", "UNITS"])
@pytest.mark.parametrize(
    "value",
    [
        "cm-3",
        np.bytes_(b"cm-3"),
        np.array([b"cm-3"]),
        np.array([[b"cm-3"]]),
        np.bytes_(b"cm-3\0\0"),
        " 1/cm^3 ",
    ],
)
def test_a_unit_is_read_in_whatever_form_it_is_written(make_cses, key, value):
    path = make_cses(attributes={"A311": {"units": None, key: value}})
    assert read_payload(path).channels["A311"].unit == "cm^-3"


@pytest.mark.parametrize("value", [None, h5py.Empty("S1"), "", np.array([b""]), np.array([], "S1")])
def test_without_a_unit_the_table_s_own_is_taken(make_cses, value):
    path = make_cses(attributes={"A311": {"units": value}})
    assert read_payload(path).channels["A311"].unit == "m^-3"


def test_an_empty_attribute_does_not_hide_its_other_spelling(make_cses):
    path = make_cses(attributes={"A311": {"units": h5py.Empty("S1"), "Units": "cm-3"}})
    assert read_payload(path).channels["A311"].unit == "cm^-3"


def test_an_unknown_unit_is_refused_with_the_known_ones(make_cses, refused):
    path = make_cses(attributes={"A311": {"units": "furlong\n"}})
    refused(path, "dataset A311 is in 'furlong'", "known is m^-3 or cm^-3")


@pytest.mark.parametrize("form", ["µV²/m²/Hz", "μV²/m²/Hz", "uV^2/m^2/Hz"])
@pytest.mark.parametrize("fixed", [True, False])
def test_units_in_utf_8_are_read_whatever_their_length(make_cses, form, fixed):
    kind = h5py.string_dtype("utf-8", len(form.encode()) if fixed else None)
    value = np.array([form.encode() if fixed else form], dtype=kind)
    read = read_payload(make_cses("EFD_2", attributes={"A121_P": {"units": value}}))
    raw = read_payload(make_cses("EFD_2", attributes={"A121_P": {"units": "mV^2/m^2/Hz"}}))
    ours, theirs = read.channels["A121_P"].values, raw.channels["A121_P"].values
    np.testing.assert_allclose(ours, theirs * 1e-6)


def test_a_unit_of_60_kb_is_no_line_of_60_kb(make_cses, refused):
    path = make_cses(attributes={"A311": {"units": np.bytes_(b"x" * 60_000)}})
    with pytest.raises(InputError) as caught:
        read_payload(path)
    assert len(str(caught.value)) < 600
    refused(path, "dataset A311 is in 'xxx")
    long = {"A121_P": {"units": np.bytes_(b"m" * 60_000)}}
    with pytest.raises(InputError) as caught:
        read_payload(make_cses("EFD_2", attributes=long))
    assert len(str(caught.value)) < 600


# Values.


@pytest.mark.parametrize("dataset", ["A311", "GEO_LAT", "VERSE_TIME"])
@pytest.mark.parametrize(("key", "value"), [("scale_factor", 0.1), ("add_offset", 5.0)])
def test_packed_values_are_refused_and_never_taken_for_plain_ones(
    make_cses, refused, dataset, key, value
):
    path = make_cses(attributes={dataset: {key: value}})
    refused(path, f"dataset {dataset} is packed: expected {key}", f"got [{value}]")
    plain = {"A311": {"scale_factor": 1.0, "add_offset": np.array([0.0])}}
    assert read_payload(make_cses(attributes=plain)).channels["A311"].valid.all()


@pytest.mark.parametrize("fill", [9.969209968386869e36, -1e31, -(2.0**63)])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_fills_of_netcdf_and_cdf_are_masked(make_cses, fill, dtype):
    values = column(make_cses(), "UF").astype(dtype)
    values[5] = fill
    channel = read_payload(make_cses(UF=values[:, None])).channels["UF"]
    assert np.flatnonzero(~channel.valid).tolist() == [5]


def test_what_stands_where_nothing_was_written_is_masked(make_cses):
    path = make_cses()
    with h5py.File(path, "a") as file:
        del file["UF"]
        file.create_dataset("UF", (40, 1), "f8", chunks=(10, 1), fillvalue=-7.5)[:20] = 1.0
    valid = read_payload(path).channels["UF"].valid
    assert np.flatnonzero(valid).tolist() == list(range(20))


@pytest.mark.parametrize("keys", [{"_FillValue": -5.0, "missing_value": -7.5}])
def test_every_fill_value_that_is_stated_is_masked(make_cses, keys):
    values = column(make_cses(), "UF")
    values[[3, 8]] = -5.0, -7.5
    path = make_cses(UF=values, attributes={"UF": keys})
    assert np.flatnonzero(~read_payload(path).channels["UF"].valid).tolist() == [3, 8]


@pytest.mark.parametrize("value", [-9999.0, -99999.0, -999999.0, np.nan, np.inf, 0.0, -5.0])
def test_fill_values_and_impossible_densities_are_masked(make_cses, value):
    channel = read_payload(changed(make_cses, "A311", 7, value)).channels["A311"]
    assert np.flatnonzero(~channel.valid).tolist() == [7]


@pytest.mark.parametrize("fill", [np.array([-7.5]), -7.5, np.float32(-7.5), np.array(-7.5)])
@pytest.mark.parametrize("key", ["FillValue", "_FillValue"])
def test_the_file_s_own_fill_value_is_masked(make_cses, key, fill):
    path = changed(make_cses, "UF", 3, -7.5, attributes={"UF": {key: fill}})
    assert np.flatnonzero(~read_payload(path).channels["UF"].valid).tolist() == [3]


@pytest.mark.parametrize("fill", ["-7.5", h5py.Empty("f8"), np.array([]), np.array([np.nan])])
def test_a_fill_value_that_is_no_number_masks_nothing(make_cses, fill):
    path = changed(make_cses, "UF", 3, -7.5, attributes={"UF": {"FillValue": fill}})
    assert read_payload(path).channels["UF"].valid.all()


def test_values_outside_the_file_s_valid_range_are_masked(make_cses):
    path = changed(
        make_cses, "UF", 3, 5.1, attributes={"UF": {"ValidRange": np.array([-5.0, 5.0])}}
    )
    assert np.flatnonzero(~read_payload(path).channels["UF"].valid).tolist() == [3]


@pytest.mark.parametrize(
    "limits", ["--", np.bytes_(b"0-1"), np.array([5.0, -5.0]), np.array([np.nan, 1.0]), 3.0]
)
def test_a_valid_range_that_is_none_masks_nothing(make_cses, limits):
    path = make_cses(attributes={"UF": {"ValidRange": limits}})
    assert read_payload(path).channels["UF"].valid.all()


def test_magnetorquer_rows_are_masked_in_the_field_alone(make_cses):
    flag = np.zeros(40)
    flag[[4, 20]] = [1, -9999]
    channels = read_payload(make_cses("HPM_5", FLAG_MT=flag)).channels
    for name in ("B_FGM", "A221", "A222", "A223"):
        rows = channels[name].valid.reshape(40, -1).all(axis=1)
        assert np.flatnonzero(~rows).tolist() == [4, 20]
    assert not channels["B_FGM"].valid[4].any()
    assert channels["q_SIM_ECI"].valid.all()


def test_a_fill_value_of_one_component_masks_that_component(make_cses):
    field = np.full((40, 3), 20_000.0)
    field[5, 1] = -999999.0
    valid = read_payload(make_cses("HPM_5", B_FGM=field)).channels["B_FGM"].valid
    assert np.argwhere(~valid).tolist() == [[5, 1]]


# Time.


@pytest.mark.parametrize("missing", ["UTC_TIME", "VERSE_TIME"])
def test_one_of_the_two_times_is_enough(make_cses, missing):
    whole = read_payload(make_cses())
    read = read_payload(make_cses(**{missing: None}))
    np.testing.assert_array_equal(read.track.time, whole.track.time)


def test_without_both_times_a_file_is_refused(make_cses, refused):
    path = make_cses(UTC_TIME=None, VERSE_TIME=None)
    refused(path, "datasets VERSE_TIME and UTC_TIME are both missing")


@pytest.mark.parametrize("verse", [0, -1, -9999, np.iinfo(np.int64).min, np.iinfo(np.int64).max])
def test_utc_time_stands_in_where_verse_time_is_impossible(make_cses, verse):
    times = column(make_cses(), "VERSE_TIME").astype(np.int64)
    times[3] = verse
    read = read_payload(make_cses(VERSE_TIME=times))
    np.testing.assert_array_equal(read.track.time, read_payload(make_cses()).track.time)
    assert read.notes == ()


def test_utc_fill_values_cost_nothing_while_verse_time_is_there(make_cses):
    utc = column(make_cses(), "UTC_TIME").astype(np.int64)
    utc[[3, 4]] = -9999
    read = read_payload(make_cses(UTC_TIME=utc))
    assert read.track.time.size == 40
    assert read.notes == ()


@pytest.mark.parametrize(
    "utc",
    [
        -9999,
        0,
        2020_13_01_02_00_09_000,
        2020_03_00_02_00_09_000,
        2020_03_01_24_00_09_000,
        2020_03_01_02_60_09_000,
        1999_03_01_02_00_09_000,
    ],
)
def test_a_row_without_any_time_is_dropped_and_noted(make_cses, utc):
    times = column(make_cses(), "UTC_TIME").astype(np.int64)
    times[3] = utc
    read = read_payload(make_cses(UTC_TIME=times, VERSE_TIME=None))
    assert read.track.time.size == read.channels["A311"].values.size == 39
    assert read.notes == ("1 record without a valid time",)


def test_a_row_out_of_order_is_dropped_with_its_values(make_cses):
    verse = column(make_cses(), "VERSE_TIME").astype(np.int64)
    verse[10] = verse[20] + 1
    path = make_cses(VERSE_TIME=verse, UTC_TIME=None)
    read = read_payload(path)
    assert read.notes == ("1 record out of time order",)
    expected = np.delete(column(path, "A311"), 10)
    np.testing.assert_array_equal(read.channels["A311"].values, expected)
    assert np.all(np.diff(read.track.time) > np.timedelta64(0, "ms"))


def test_rows_outside_the_name_s_bracket_are_dropped(make_cses):
    verse = column(make_cses(), "VERSE_TIME").astype(np.int64)
    verse[-2:] += 86_400_000
    read = read_payload(make_cses(VERSE_TIME=verse, UTC_TIME=None))
    assert read.track.time.size == 38
    assert read.notes == ("2 records outside the name's times",)


def test_two_times_that_differ_are_noted_and_verse_time_is_kept(make_cses):
    utc = column(make_cses(), "UTC_TIME").astype(np.int64)
    utc[5] += 30_000
    read = read_payload(make_cses(UTC_TIME=utc))
    assert read.notes == ("1 record with two times that differ by more than 1 s",)
    np.testing.assert_array_equal(read.track.time, read_payload(make_cses()).track.time)


EPOCH = np.datetime64("2009-01-01", "ms")


def utc_digits(verse):
    times = (EPOCH + verse.astype("m8[ms]")).astype(str)
    return np.array([int("".join(c for c in t if c.isdigit())) for t in times])


@pytest.mark.parametrize("wrong", ["VERSE_TIME", "UTC_TIME"])
@pytest.mark.parametrize("rows", [slice(None), slice(10, 30)], ids=["all", "some"])
@pytest.mark.parametrize("shift_s", [86_400 * 365, -86_400])
def test_a_wrong_time_gives_way_to_the_one_that_agrees_with_the_name(
    make_cses, wrong, rows, shift_s
):
    right = column(make_cses(), "VERSE_TIME").astype(np.int64)
    shifted = right.copy()
    shifted[rows] += 1000 * shift_s
    values = shifted if wrong == "VERSE_TIME" else utc_digits(shifted)
    read = read_payload(make_cses(**{wrong: values}))
    np.testing.assert_array_equal(read.track.time, EPOCH + right.astype("m8[ms]"))
    count = right[rows].size
    assert read.notes[0] == f"{count} records with two times that differ by more than 1 s"


def test_a_verse_time_out_of_order_gives_way_to_a_utc_time_in_order(make_cses):
    right = column(make_cses(), "VERSE_TIME").astype(np.int64)
    stepped = right.copy()
    stepped[20:] -= 20_000
    read = read_payload(make_cses(VERSE_TIME=stepped))
    np.testing.assert_array_equal(read.track.time, EPOCH + right.astype("m8[ms]"))
    assert "VERSE_TIME gives way to UTC_TIME, which more records keep to" in read.notes


def test_two_clocks_that_stand_apart_are_never_mixed(make_cses):
    right = column(make_cses(), "VERSE_TIME").astype(np.int64)
    verse = right + 60_000
    verse[5] = -9999
    read = read_payload(make_cses(VERSE_TIME=verse))
    # UTC_TIME alone has every record.
    np.testing.assert_array_equal(read.track.time, EPOCH + right.astype("m8[ms]"))


def both_times(verse):
    return {"VERSE_TIME": verse, "UTC_TIME": utc_digits(verse)}


@pytest.mark.parametrize(("payload", "lost"), [("HPM_5", 2), ("LAP_1", 0)])
def test_a_clock_set_back_by_2_s_costs_the_records_about_it(make_cses, payload, lost):
    n = 400
    verse = column(make_cses(payload, n=n), "VERSE_TIME").astype(np.int64)
    verse[n // 2 :] -= 2000
    read = read_payload(make_cses(payload, n=n, **both_times(verse)))
    assert read.track.time.size == n - lost
    assert np.isfinite(read.track.latitude).all()
    assert read.notes[0].startswith("the clock was set back by 2.0 s at 2020-03-01T02:")


@pytest.mark.parametrize("payload", ["LAP_1", "EFD_2"])
@pytest.mark.parametrize("how", ["reversed", "halves swapped", "shuffled"])
def test_rows_out_of_order_are_put_in_order(make_cses, payload, how):
    n = 60
    order = {
        "reversed": np.arange(n)[::-1],
        "halves swapped": np.r_[n // 2 : n, : n // 2],
        "shuffled": np.random.default_rng(3).permutation(n),
    }[how]
    path = make_cses(payload, n=n)
    with h5py.File(path) as file:
        per_row = {k: file[k][...] for k in file if k != "FREQ"}
    mixed = make_cses(payload, n=n, **{k: v[order] for k, v in per_row.items()})
    band = ((40.0, 100.0), (500.0, 1200.0))
    request = {"A121_P": band} if payload == "EFD_2" else None
    one, other = read_payload(path, request), read_payload(mixed, request)
    assert other.notes == ("its records are out of order: put in order of time",)
    for ours, theirs in zip(one.channels.values(), other.channels.values(), strict=True):
        np.testing.assert_array_equal(ours.values, theirs.values)
        np.testing.assert_array_equal(ours.valid, theirs.valid)
    np.testing.assert_array_equal(one.track.time, other.track.time)
    np.testing.assert_array_equal(one.track.latitude, other.track.latitude)


def test_rows_in_no_order_are_refused_by_name(make_cses, refused):
    # A name with room for them.
    start = column(make_cses(n=693), "VERSE_TIME").astype(np.int64)[0]
    verse = start + np.random.default_rng(0).integers(0, 693 * 3000, 693)
    refused(make_cses(n=693, **both_times(verse)), "in no order of time: at most", "could be kept")


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("s", 1e-3), ("ms", 1), ("ns", 10**6), ("seconds", 1e-3), ("", 1), ("MS", 1)],
)
def test_verse_time_is_in_the_unit_that_it_names(make_cses, unit, factor):
    verse = column(make_cses(), "VERSE_TIME").astype(np.int64)
    path = make_cses(
        VERSE_TIME=(verse * factor).astype(np.int64),
        UTC_TIME=None,
        attributes={"VERSE_TIME": {"units": np.bytes_(unit.encode())}},
    )
    np.testing.assert_array_equal(read_payload(path).track.time, EPOCH + verse.astype("m8[ms]"))


# Position.


@pytest.mark.parametrize(
    ("dataset", "value"),
    [
        ("GEO_LAT", 90.5),
        ("GEO_LAT", -9999.0),
        ("GEO_LAT", np.nan),
        ("GEO_LAT", 20.0),
        ("GEO_LON", 0.0),
        ("GEO_LON", -9999.0),
        ("GEO_LON", np.inf),
        ("ALTITUDE", -9999.0),
        ("ALTITUDE", 1500.0),
    ],
)
def test_a_bad_position_costs_its_row_s_position_and_no_value(make_cses, dataset, value):
    read = read_payload(changed(make_cses, dataset, 11, value))
    assert np.flatnonzero(np.isnan(read.track.latitude)).tolist() == [11]
    assert np.isnan([read.track.longitude[11], read.track.altitude[11]]).all()
    assert read.channels["A311"].valid.all()
    assert read.notes == ("1 record without a valid position",)


# Name against content.


@BOTH_FLAVOURS
@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("ORBITNUM", "009680", "orbit number 009680 inside, 9679 in the name"),
        ("ORBITTYPE", "0", "direction 0 inside, 1 in the name"),
    ],
)
def test_attributes_that_contradict_the_name_are_refused(
    make_cses, refused, flavour, key, value, words
):
    path = make_cses(flavour=flavour, root={key: value})
    refused(path, f"name and content disagree: {words}")


def test_the_payload_of_the_first_flavour_is_held_against_the_name(make_cses, refused):
    path = make_cses(flavour="array", root={"PAYLOADID": "EFD"})
    refused(path, "name and content disagree: payload EFD inside, LAP in the name")


@pytest.mark.parametrize("value", [None, h5py.Empty("S1"), "", "unknown", np.array([], dtype="S1")])
@pytest.mark.parametrize("key", ["ORBITNUM", "ORBITTYPE", "PAYLOADID"])
def test_attributes_that_say_nothing_are_accepted(make_cses, key, value):
    assert read_payload(make_cses(root={key: value})).track.time.size == 40


def test_numeric_attributes_are_held_against_the_name_too(make_cses, refused):
    assert read_payload(make_cses(root={"ORBITNUM": np.int32(9679)})).notes == ()
    refused(make_cses(root={"ORBITNUM": np.array([1])}), "orbit number 1 inside")


def test_the_misspelt_direction_is_held_against_the_name_too(make_cses, refused):
    path = make_cses(root={"ORBITTYPE": None, "ORBITYPE": "0"})
    refused(path, "direction 0 inside, 1 in the name")


def test_times_of_another_day_are_refused(make_cses, refused):
    name = "CSES_01_LAP_1_L02_A3_096791_20200302_015900_20200302_020210_000.h5"
    refused(make_cses(filename=name), "name and content disagree: data from 2020-03-01T02:00:00")


def test_a_file_renamed_to_another_payload_is_refused(make_cses, refused):
    name = make_cses("HPM_5").name
    refused(make_cses("LAP_1", filename=name), "payload LAP inside, HPM in the name")
    refused(make_cses("LAP_1", filename=name, flavour="scalar"), "dataset B_FGM is missing")


# Bad input.


@pytest.mark.parametrize(
    "dataset", ["A311", "A321", "GEO_LAT", "GEO_LON", "ALTITUDE"], ids=lambda d: d
)
def test_a_missing_dataset_is_named(make_cses, refused, dataset):
    refused(make_cses(**{dataset: None}), f"dataset {dataset} is missing")


@pytest.mark.parametrize("dataset", ["A311", "GEO_LON", "ALTITUDE", "UTC_TIME", "VERSE_TIME"])
def test_shapes_that_disagree_are_refused_with_both_lengths(make_cses, refused, dataset):
    path = make_cses(**{dataset: np.arange(1, 40)})
    refused(path, f"shapes disagree: {dataset} has 39 records, GEO_LAT 40")


def test_a_flag_of_another_length_is_refused(make_cses, refused):
    path = make_cses("HPM_5", FLAG_MT=np.zeros(39))
    refused(path, "shapes disagree: FLAG_MT has 39 records, GEO_LAT 40")


@pytest.mark.parametrize("shape", [(40, 2), (40, 1, 1), (), (2, 40)])
def test_a_wrong_shape_is_refused_with_the_right_one(make_cses, refused, shape):
    refused(make_cses(A311=np.ones(shape)), f"dataset A311 has shape {shape}, not (N, 1)")


def test_a_field_without_three_components_is_refused(make_cses, refused):
    path = make_cses("HPM_5", B_FGM=np.ones((40, 2)))
    refused(path, "dataset B_FGM has shape (40, 2), not (N, 3)")


@pytest.mark.parametrize(
    "values",
    [
        np.array([[b"1.0"]] * 40),
        np.ones((40, 1), dtype=bool),
        np.ones((40, 1), dtype=complex),
        np.ones((40, 1), dtype=[("a", "f8"), ("b", "f8")]),
    ],
    ids=["text", "bool", "complex", "compound"],
)
def test_a_dataset_of_another_type_is_refused(make_cses, refused, values):
    refused(make_cses(A311=values), "dataset A311 has type", "not a number")


def test_times_that_are_no_integers_are_refused(make_cses, refused):
    refused(make_cses(VERSE_TIME=np.ones((40, 1), dtype="f8")), "VERSE_TIME has type float64")


@pytest.mark.parametrize("records", [0, 72_001, 10**12])
def test_an_impossible_number_of_records_is_refused_before_it_is_read(make_cses, refused, records):
    path = make_cses(GEO_LAT=None)
    with h5py.File(path, "a") as file:
        shape = {"shape": (records, 1), "maxshape": (None, 1), "chunks": (64, 1)}
        file.create_dataset("GEO_LAT", dtype="f4", **shape)
    huge = "dataset GEO_LAT declares shape (1000000000000, 1), 7629395 MiB; at most 512 MiB"
    usual = f"GEO_LAT has {records} records; a half-orbit has 1 to 72000"
    refused(path, huge if records > 10**9 else usual)


def test_a_null_dataset_is_refused(make_cses, refused):
    path = make_cses(A311=None)
    with h5py.File(path, "a") as file:
        file["A311"] = h5py.Empty("f8")
    refused(path, "dataset A311 has shape (), not (N, 1)")


def test_a_group_in_place_of_a_dataset_is_refused(make_cses, refused):
    path = make_cses(A311=None)
    with h5py.File(path, "a") as file:
        file.create_group("A311")
    refused(path, "A311 is a group, not a dataset")


@pytest.mark.parametrize("dataset", ["A311", "GEO_LAT", "VERSE_TIME", "UF"])
@pytest.mark.parametrize("kind", ["soft", "external"])
def test_links_are_not_followed(make_cses, refused, dataset, kind):
    path, other = make_cses(**{dataset: None}), make_cses()
    with h5py.File(path, "a") as file:
        if kind == "external":
            file[dataset] = h5py.ExternalLink(str(other), f"/{dataset}")
        else:
            file.create_group("inner")["x"] = np.ones((40, 1))
            file[dataset] = h5py.SoftLink("/inner/x")
    refused(path, f"dataset {dataset} is a link out of the root group")


def test_values_kept_in_another_file_are_not_read(make_cses, refused, tmp_path):
    (tmp_path / "raw").write_bytes(bytes(320))
    path = make_cses(A311=None)
    with h5py.File(path, "a") as file:
        outside = [(str(tmp_path / "raw"), 0, 320)]
        file.create_dataset("A311", (40, 1), "f8", external=outside)
    refused(path, "dataset A311 keeps its values in another file")


def test_a_virtual_dataset_is_not_read(make_cses, refused):
    path, other = make_cses(A311=None), make_cses()
    layout = h5py.VirtualLayout((40, 1), "f8")
    layout[:] = h5py.VirtualSource(str(other), "A311", (40, 1))
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset("A311", layout)
    refused(path, "dataset A311 keeps its values in another file")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.999])
def test_a_truncated_file_is_refused(make_cses, refused, share):
    path = make_cses(n=700)
    os.truncate(path, max(8, int(path.stat().st_size * share)))
    refused(path, "damaged HDF5")


def test_another_hdf5_file_under_the_right_name_is_refused(make_cses, refused):
    path = make_cses()
    with h5py.File(path, "w") as file:
        file["temperature"] = np.arange(10)
    refused(path, "dataset A311 is missing")


MUTATIONS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), max_size=12)


@pytest.fixture(scope="module")
def whole_files(make_cses):
    paths = (make_cses(payload, flavour="scalar") for payload in ("HPM_5", "LAP_1"))
    return [(path, path.read_bytes()) for path in paths]


@given(which=st.integers(0, 1), bytes_=MUTATIONS, cut=st.integers(0, 10**9))
def test_a_damaged_file_gives_an_input_error_or_a_payload(whole_files, which, bytes_, cut):
    path, whole = whole_files[which]
    content = bytearray(whole)
    for at, value in bytes_:
        content[at % len(content)] = value
    if cut % 4 == 0:
        del content[cut % len(content) :]
    path.write_bytes(content)
    try:
        read = read_cses(path, parse_name(path), None)
    except InputError as error:
        said, read = str(error), None
    if read is None:
        assert said.isprintable()
        return
    assert isinstance(read, Payload)
    assert np.all(np.diff(read.track.time) > np.timedelta64(0, "ms"))


# The real file.


def test_the_real_file_is_read_as_plain_h5py_reads_it(real_hpm):
    read = read_payload(real_hpm)
    assert read.notes == ()
    assert read.track.time.size == 2079
    assert str(read.track.time[0]) == "2019-11-01T00:21:08.000"
    assert str(read.track.time[-1]) == "2019-11-01T00:55:46.000"
    assert read.track.cadence == 1.0
    for name, channel in read.channels.items():
        np.testing.assert_array_equal(channel.values, column(real_hpm, name))
    np.testing.assert_allclose(read.track.latitude, column(real_hpm, "GEO_LAT"), atol=1e-9)
    np.testing.assert_allclose(read.track.longitude, column(real_hpm, "GEO_LON"), atol=1e-9)
    np.testing.assert_allclose(read.track.altitude, column(real_hpm, "ALTITUDE"), atol=1e-9)


def test_the_real_file_loses_its_magnetorquer_rows_alone(real_hpm):
    valid = read_payload(real_hpm).channels["B_FGM"].valid
    np.testing.assert_array_equal(~valid[:, 0], column(real_hpm, "FLAG_MT") == 1)
    assert (~valid[:, 0]).sum() == 17
