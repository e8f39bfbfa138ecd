from __future__ import annotations

import struct
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.readers.demeter import read_demeter
from edge.readers.demeter_file import record_dtype
from edge.readers.halforbit import Payload
from edge.readers.names import parse_name
from edge.readers.opening import read_payload

EVERY_APID = pytest.mark.parametrize("apid", ["1139", "1140", "1143", "1144"])

# Channel: offset in the record (tables of block 4 in DMT-SP-9-CM-6054-LPC).
IAP = {
    "n_H+": 280,
    "n_He+": 284,
    "n_O+": 288,
    "Ti": 292,
    "v_Oz": 296,
    "ang_v_-Oz": 300,
    "ang_vxy_Ox": 304,
    "sat_potential": 308,
}
ISL = {"Ne": 265, "Ni": 269, "Te": 273, "V_plasma": 277, "V_float": 281, "V_sat": 285}
CHANNELS = {"1139": IAP, "1140": IAP, "1143": ISL, "1144": ISL}
HEAD = {"lt", "mag_lat", "mag_lon", "mlt", "inv_lat", "L", "att_quality"}
SIZE = {"1139": 312, "1140": 312, "1143": 289, "1144": 289}


def floats(path, apid, offset) -> list[float]:
    content = path.read_bytes()
    return [
        struct.unpack(">f", content[at + offset : at + offset + 4])[0]
        for at in range(0, len(content), SIZE[apid])
    ]


def with_row(row, **values):
    """Edit one record only."""
    return lambda at, record: record.update(values) if at == row else None


def with_all(**values):
    return lambda _, record: record.update(values)


@EVERY_APID
def test_every_channel_is_the_float_at_the_document_s_offset(make_demeter, apid):
    path = make_demeter(apid)
    read = read_payload(path)
    assert read.notes == ()
    assert set(read.channels) == set(CHANNELS[apid]) | HEAD
    for name, offset in CHANNELS[apid].items():
        np.testing.assert_array_equal(read.channels[name].values, floats(path, apid, offset))
        assert read.channels[name].valid.all()
    np.testing.assert_array_equal(read.track.latitude, floats(path, apid, 38))
    np.testing.assert_array_equal(read.track.altitude, floats(path, apid, 46))
    east = np.array(floats(path, apid, 42))
    np.testing.assert_allclose(read.track.longitude, np.where(east >= 180, east - 360, east))


@EVERY_APID
def test_times_are_ccsds_days_since_1950_and_milliseconds(make_demeter, apid):
    path = make_demeter(apid)
    content = path.read_bytes()
    expected = []
    for at in range(0, len(content), SIZE[apid]):
        (day,) = struct.unpack(">I", b"\0" + content[at + 1 : at + 4])
        (ms,) = struct.unpack(">I", content[at + 4 : at + 8])
        day_ms = np.timedelta64(day, "D") + np.timedelta64(ms, "ms")
        expected.append(np.datetime64("1950-01-01", "ms") + day_ms)
    np.testing.assert_array_equal(read_payload(path).track.time, expected)
    assert str(expected[0]) == "2006-08-09T21:00:00.250"


@EVERY_APID
def test_the_record_has_the_document_s_size_and_offsets(n1_layout, apid):
    size, _, block_4, _ = n1_layout.records[apid]
    dtype = record_dtype(apid)
    assert dtype.itemsize == size
    assert dtype.fields is not None
    theirs = n1_layout.common | block_4
    shared = [field for field in theirs if field in dtype.fields]
    assert len(shared) >= len(theirs) - 4
    for field in shared:
        offset, form = theirs[field]
        assert dtype.fields[field][1] == offset
        assert dtype.fields[field][0].itemsize == struct.calcsize(form)


@pytest.mark.parametrize(
    ("apid", "cadence"), [("1139", 2.3), ("1140", 4.4), ("1143", 1.0), ("1144", 1.0)]
)
def test_the_cadence_is_the_payload_s(make_demeter, apid, cadence):
    assert read_payload(make_demeter(apid)).track.cadence == cadence
    assert read_payload(make_demeter(apid, n=1)).track.cadence == cadence


@EVERY_APID
def test_units_are_those_of_the_document(make_demeter, apid):
    channels = read_payload(make_demeter(apid)).channels
    units = {name: c.unit for name, c in channels.items() if name not in HEAD}
    if apid in ("1143", "1144"):
        assert units == dict.fromkeys(("Ne", "Ni"), "cm^-3") | {"Te": "K"} | dict.fromkeys(
            ("V_plasma", "V_float", "V_sat"), "V"
        )
    else:
        assert units["n_O+"] == "cm^-3"
        assert (units["Ti"], units["v_Oz"], units["sat_potential"]) == ("K", "m/s", "V")
        assert units["ang_v_-Oz"] == units["ang_vxy_Ox"] == "deg"


@pytest.mark.parametrize(
    ("day", "number"), [(datetime(2004, 7, 12), 19916), (datetime(2006, 10, 13), 20739)]
)
def test_the_ccsds_day_is_unsigned(make_demeter, day, number):
    # 19916 = 0x4dcc is the document's own example.
    path = make_demeter(start=day.replace(hour=22))
    assert struct.unpack(">I", b"\0" + path.read_bytes()[1:4])[0] == number
    assert read_payload(path).track.time[0] == np.datetime64(day.replace(hour=22))


def test_days_of_every_low_byte_are_read(make_demeter):
    for offset in range(0, 256, 5):
        start = datetime(2006, 1, 1, 21) + timedelta(days=offset)
        assert read_payload(make_demeter(n=2, start=start)).track.time[0] == np.datetime64(start)


def test_a_half_orbit_across_midnight_keeps_its_order(make_demeter):
    read = read_payload(make_demeter(start=datetime(2006, 8, 9, 23, 59, 50)))
    assert np.all(np.diff(read.track.time) == np.timedelta64(1000, "ms"))


def test_bytes_that_are_no_utf8_are_latin_1(make_demeter, refused):
    # The micro sign is one byte, 0xB5.
    assert read_payload(make_demeter(edit=with_all(station=b"\xb5OULOUSE"))).notes == ()
    refused(make_demeter(edit=with_all(u_temp=b"\xb5K   ")), "u_temp: expected 'K', got 'µK'")


def test_empty_units_are_those_of_the_format(make_demeter):
    path = make_demeter(edit=with_all(u_density=b"     ", u_temp=b"\0\0\0\0\0"))
    channels = read_payload(path).channels
    assert (channels["Ne"].unit, channels["Te"].unit) == ("cm^-3", "K")


def test_only_the_channels_asked_for_are_read(make_demeter):
    assert set(read_payload(make_demeter(), {"Ne": (), "Te": ()}).channels) == {"Ne", "Te"}


# Values.


@pytest.mark.parametrize("value", [0.0, -1.0, -9999.0, 99999.0, float("nan"), float("inf")])
@pytest.mark.parametrize(("apid", "channel"), [("1144", "Ne"), ("1144", "Te"), ("1140", "n_O+")])
def test_impossible_densities_and_temperatures_are_masked(make_demeter, apid, channel, value):
    path = make_demeter(apid, edit=with_row(6, **{channel: value}))
    assert np.flatnonzero(~read_payload(path).channels[channel].valid).tolist() == [6]


@pytest.mark.parametrize("value", [99999.0, -99999.0, float("nan"), 1e30])
def test_impossible_potentials_are_masked_and_negative_ones_kept(make_demeter, value):
    valid = read_payload(make_demeter(edit=with_row(6, V_float=value))).channels["V_float"].valid
    assert np.flatnonzero(~valid).tolist() == [6]


@pytest.mark.parametrize(
    ("oxygen", "hydrogen", "helium", "clean"),
    [
        (500.0, 11.0, 1.0, True),
        (500.0, 1.0, 11.0, True),
        (499.0, 400.0, 400.0, False),
        (10_000.0, 200.0, 200.0, False),
        (10_000.0, 201.0, 1.0, True),
    ],
)
@pytest.mark.parametrize("apid", ["1139", "1140"])
def test_ion_temperature_and_velocity_need_a_clean_record(
    make_demeter, apid, oxygen, hydrogen, helium, clean
):
    densities = {"n_O+": oxygen, "n_H+": hydrogen, "n_He+": helium}
    channels = read_payload(make_demeter(apid, edit=with_row(4, **densities))).channels
    for name in ("Ti", "v_Oz", "ang_v_-Oz", "ang_vxy_Ox"):
        assert channels[name].valid[4] == clean
        assert channels[name].valid.sum() == 39 + clean
    assert channels["n_O+"].valid.all()
    assert channels["sat_potential"].valid.all()


# Time and position.


def test_the_calendar_stands_in_for_impossible_milliseconds(make_demeter):
    path = make_demeter(edit=with_row(5, ccsds_ms=86_400_000))
    read = read_payload(path)
    assert read.notes == ()
    np.testing.assert_array_equal(read.track.time, read_payload(make_demeter()).track.time)


def test_a_row_without_any_time_is_dropped_and_noted(make_demeter):
    nothing = {"ccsds_ms": 2**32 - 1, "ut": (0, 0, 0, 0, 0, 0, 0)}
    read = read_payload(make_demeter(edit=with_row(5, **nothing)))
    assert read.track.time.size == 39
    assert read.notes == ("1 record without a valid time",)


def test_two_times_that_differ_are_noted(make_demeter):
    read = read_payload(make_demeter(edit=with_row(5, ut=(2006, 8, 9, 20, 0, 5, 250))))
    assert read.notes == ("1 record with two times that differ by more than 1 s",)
    assert read.track.time.size == 40


@pytest.mark.parametrize("position", [{"lat": 99.0}, {"alt": -1.0}, {"lat": 30.0}, {"lon": 90.0}])
def test_a_bad_position_costs_its_row_s_position_and_no_value(make_demeter, position):
    read = read_payload(make_demeter(edit=with_row(5, **position)))
    assert np.flatnonzero(np.isnan(read.track.latitude)).tolist() == [5]
    assert read.channels["Ne"].valid.all()


# Name against content.


@pytest.mark.parametrize("row", [0, 7])
@pytest.mark.parametrize(
    ("field", "value", "expected"), [("orbit", 11235, 11234), ("suborbit", 0, 1)]
)
def test_another_orbit_or_direction_inside_is_refused(
    make_demeter, refused, row, field, value, expected
):
    path = make_demeter(edit=with_row(row, **{field: value}))
    refused(path, f"record {row} has {field} {value}, the name {expected}")


@EVERY_APID
def test_another_kind_inside_is_refused(make_demeter, refused, apid):
    kinds = {"1139": b"IAP SURVEY", "1140": b"IAP BURST ", "1143": b"ISL SURVEY"}
    other = kinds.get(apid, b"ISL BURST ")
    path = make_demeter(apid, edit=with_all(type=other))
    refused(path, f"a record of kind '{other.decode().strip()}'", "the name says")


def test_one_record_of_another_kind_is_refused(make_demeter, refused):
    path = make_demeter(edit=with_row(3, type=b"ISL BURST "))
    refused(path, "a record of kind 'ISL BURST', the name says 'ISL SURVEY'")


def test_times_of_another_day_are_refused(make_demeter, refused):
    name = "DMT_N1_1144_112341_20060810_210000_20060810_210100.DAT"
    refused(make_demeter(filename=name), "data from 2006-08-09T21:00:00.250")


def test_a_survey_file_renamed_to_iap_is_refused(make_demeter, refused):
    # 312 records of 289 bytes are as many bytes as 289 records of 312.
    name = "DMT_N1_1140_112341_20060809_210000_20060809_210600.DAT"
    refused(make_demeter("1144", n=312, filename=name), "name and content disagree: record")


MUTATIONS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), max_size=30)


@given(apid=st.sampled_from(["1140", "1144"]), bytes_=MUTATIONS, cut=st.integers(0, 10**9))
def test_a_damaged_file_gives_an_input_error_or_a_payload(make_demeter, apid, bytes_, cut):
    path = make_demeter(apid, n=12)
    content = bytearray(path.read_bytes())
    for at, value in bytes_:
        content[at % len(content)] = value
    if cut % 4 == 0:
        del content[cut % len(content) :]
    path.write_bytes(content)
    try:
        read = read_demeter(path, parse_name(path))
    except InputError as error:
        said, read = str(error), None
    if read is None:
        assert said.isprintable()
        return
    assert isinstance(read, Payload)
    assert np.all(np.diff(read.track.time) > np.timedelta64(0, "ms"))
    position = np.isfinite(read.track.latitude)
    assert np.all(np.abs(read.track.latitude[position]) <= 90.0)
