"""Every kind of N1 file against plain struct calls; damage to every kind."""

from __future__ import annotations

import struct
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.readers.demeter import read_demeter
from edge.readers.demeter_file import record_dtype
from edge.readers.demeter_tables import APIDS, HEADER
from edge.readers.halforbit import SIMULATED, Payload
from edge.readers.names import parse_name
from edge.readers.opening import read_payload
from edge.readers.sniffing import RECORD_BYTES

KINDS = [str(apid) for apid in range(1129, 1145)]
EVERY_KIND = pytest.mark.parametrize("apid", KINDS)

# Channel: offset, struct format, rows of a record, unit (tables N1-8 to N1-38).
E_ULF = {
    **{f"E{n}": (at, ">256f", 1, "mV/m") for n, at in (("1st", 331), ("2nd", 1358), ("3rd", 2385))},
    **{f"V{n}": (3412 + 1027 * (n - 1), ">256f", 1, "V") for n in (1, 2, 3, 4)},
    "fs": (318, ">f", 1, "Hz"),
}


def elf(axis, unit):
    starts = (("1st", 331), ("2nd", 16718), ("3rd", 33105))
    return {f"{axis}{n}": (at, ">4096f", 1, unit) for n, at in starts} | {
        "fs": (318, ">f", 1, "Hz")
    }


def one(samples, unit, rate):
    return {"wf": (295, f">{samples}f", 1, unit), "fs": (282, ">f", 1, rate)}


def spectra(unit):
    return {"spectra": (318, ">2048f", 2, unit)}


FLUX = "elec/cm^2/s/ster/keV"
IDP = {"V_pol": (250, ">f", 1, "V"), "discr": (254, ">f", 1, "keV")}
IAP = {
    **{f"n_{i}": (280 + 4 * k, ">f", 1, "cm^-3") for k, i in enumerate(("H+", "He+", "O+"))},
    "Ti": (292, ">f", 1, "K"),
    "v_Oz": (296, ">f", 1, "m/s"),
    "ang_v_-Oz": (300, ">f", 1, "deg"),
    "ang_vxy_Ox": (304, ">f", 1, "deg"),
    "sat_potential": (308, ">f", 1, "V"),
}
ISL = {
    "Ne": (265, ">f", 1, "cm^-3"),
    "Ni": (269, ">f", 1, "cm^-3"),
    "Te": (273, ">f", 1, "K"),
    **{f"V_{n}": (277 + 4 * k, ">f", 1, "V") for k, n in enumerate(("plasma", "float", "sat"))},
}
CHANNELS = {
    "1129": E_ULF,
    "1130": elf("E", "uV/m"),
    "1131": one(8192, "uV/m", "Hz"),
    "1132": spectra("log(uV^2/m^2/Hz)"),
    "1133": one(4096, "uV/m", "kHz"),
    "1134": spectra("log(uV^2/m^2/Hz)"),
    "1135": elf("B", "nT"),
    "1136": one(8192, "nT", "Hz"),
    "1137": spectra("log(nT^2/Hz)"),
    "1138": {"Dmin": (298, ">20f", 1, "s^1/2"), "Dmax": (378, ">20f", 1, "s^1/2")},
    "1139": IAP,
    "1140": IAP,
    "1141": IDP
    | {
        "spectra": (284, ">1024f", 4, FLUX),
        "energy": (4380, ">256f", 1, "keV"),
        "pitch": (5404, ">f", 1, "deg"),
    },
    "1142": {
        "V_pol": (254, ">f", 1, "V"),
        "discr": (258, ">f", 1, "keV"),
        **{f"thr{n}": (262 + 4 * k, ">f", 1, "keV") for k, n in enumerate((1, 2, 3, "_hi3"))},
        "energy": (4224, ">128f", 1, "keV"),
        "pitch": (4736, ">f", 1, "deg"),
    },
    "1143": ISL,
    "1144": ISL,
}
HEAD = {
    "lt": (50, ">f", 1, "h"),
    "mag_lat": (54, ">f", 1, "deg"),
    "mag_lon": (58, ">f", 1, "deg"),
    "mlt": (62, ">f", 1, "h"),
    "inv_lat": (66, ">f", 1, "deg"),
    "L": (70, ">f", 1, "-"),
    "att_quality": (200, ">h", 1, "-"),
}
SIZE = {
    "1129": 7517, "1130": 49489, "1131": 33063, "1132": 8510, "1133": 16679, "1134": 8510,
    "1135": 49489, "1136": 33063, "1137": 8510, "1138": 5706, "1139": 312, "1140": 312,
    "1141": 5408, "1142": 4740, "1143": 289, "1144": 289,
}  # fmt: skip


def cells(path, apid):
    content = path.read_bytes()
    assert len(content) % SIZE[apid] == 0
    return [content[at : at + SIZE[apid]] for at in range(0, len(content), SIZE[apid])]


def unpacked(path, apid, offset, form):
    found = [struct.unpack_from(form, record, offset) for record in cells(path, apid)]
    return np.array(found, dtype=float)


def with_row(row, **values):
    return lambda at, record: record.update(values) if at == row else None


def with_all(**values):
    return lambda _, record: record.update(values)


@EVERY_KIND
def test_every_number_is_the_one_at_the_document_s_offset(make_demeter, apid):
    path = make_demeter(apid, n=5)
    read = read_payload(path)
    assert read.notes == ()
    special = {"1138": {"intensity", "uncertainty"}, "1142": {"spectra", "counters"}}
    special |= {kind: {"df"} for kind in ("1132", "1134", "1137")}
    assert set(read.channels) == set(CHANNELS[apid]) | set(HEAD) | special.get(apid, set())
    for name, (offset, form, rows, unit) in (CHANNELS[apid] | HEAD).items():
        channel = read.channels[name]
        expected = unpacked(path, apid, offset, form).reshape(5 * rows, -1)
        np.testing.assert_array_equal(channel.values.reshape(5 * rows, -1), expected)
        assert channel.values.ndim == (1 if form in (">f", ">h") else 2)
        assert channel.valid.all() or apid == "1138"
        assert channel.unit == unit
        assert channel.track.time.size == 5 * rows


@EVERY_KIND
def test_sizes_and_offsets_are_the_document_s(n1_layout, apid):
    dtype = record_dtype(apid)
    assert dtype.itemsize == RECORD_BYTES[apid] == SIZE[apid]
    assert dtype.fields is not None
    block_4 = n1_layout.records[apid][2]
    assert {name for name, *_ in APIDS[apid].block_4} == set(block_4)
    for field, (offset, form) in block_4.items():
        assert dtype.fields[field][1] == offset
        assert dtype.fields[field][0].itemsize == struct.calcsize(form)


def test_sixteen_kinds_are_in_every_table():
    assert set(APIDS) == set(RECORD_BYTES) == set(KINDS)


@EVERY_KIND
def test_times_cross_midnight_and_the_year(make_demeter, apid):
    read = read_payload(make_demeter(apid, n=4, start=datetime(2006, 12, 31, 23, 59, 58, 500_000)))
    assert read.notes == ()
    assert read.track.time[0] == np.datetime64("2006-12-31T23:59:58.500")
    assert np.all(np.diff(read.track.time) > np.timedelta64(0, "ms"))
    step = read.track.time[-1] - read.track.time[0]
    assert step < np.timedelta64(120, "s")


@EVERY_KIND
@pytest.mark.parametrize(("field", "value"), [("orbit", 4), ("suborbit", 0)])
def test_another_half_orbit_inside_is_refused(make_demeter, refused, apid, field, value):
    refused(make_demeter(apid, n=3, edit=with_row(1, **{field: value})), f"record 1 has {field}")


@EVERY_KIND
def test_another_kind_inside_is_refused(make_demeter, refused, apid):
    refused(make_demeter(apid, n=3, edit=with_row(2, type=b"XYZ")), "a record of kind 'XYZ")


# Rows within a record.


def test_the_detector_s_survey_records_hold_28_seconds(make_demeter):
    path = make_demeter("1142", n=3)
    channels = read_payload(path).channels
    flux, counts = channels["spectra"], channels["counters"]
    expected = [
        struct.unpack_from(">128f", record, 352 + 560 * k)
        for record in cells(path, "1142")
        for k in range(7)
    ]
    np.testing.assert_array_equal(flux.values, expected)
    counted = [
        struct.unpack_from(">3i", record, 304 + 560 * k + 12 * second)
        for record in cells(path, "1142")
        for k in range(7)
        for second in range(4)
    ]
    np.testing.assert_array_equal(counts.values, counted)
    assert np.all(np.diff(flux.time) == np.timedelta64(4, "s"))
    assert np.all(np.diff(counts.time) == np.timedelta64(1, "s"))
    assert np.flatnonzero(np.isfinite(flux.track.latitude)).tolist() == [0, 7, 14]
    assert (flux.track.cadence, counts.track.cadence) == (4.0, 1.0)


def test_rows_that_overlap_the_next_record_are_left_out(make_demeter):
    # The second record begins one second early.
    ut, ms = (2006, 8, 9, 21, 0, 3, 250), 75_603_250
    read = read_payload(make_demeter("1141", n=3, edit=with_row(1, ut=ut, ccsds_ms=ms)))
    flux = read.channels["spectra"]
    assert read.notes == ("1 record of several rows that overlap the next one",)
    assert flux.time.size == len(flux.values) == 11
    assert np.all(np.diff(flux.time) > np.timedelta64(0, "ms"))


@pytest.mark.parametrize("value", [-1.0, float("nan"), 99999.0])
def test_impossible_fluxes_are_masked(make_demeter, value):
    flux = [1.0] * 1024
    flux[300] = value
    read = read_payload(make_demeter("1141", n=2, edit=with_row(1, spectra=tuple(flux))))
    assert np.argwhere(~read.channels["spectra"].valid).tolist() == [[5, 44]]


def test_vectors_of_the_network_are_as_many_as_the_record_says(make_demeter):
    path = make_demeter("1138", n=4)
    content = read_payload(path).channels
    row = 0
    for index, record in enumerate(cells(path, "1138")):
        start = np.datetime64("2006-08-09T21:00:00.250") + np.timedelta64(13_100 * index, "ms")
        classes, vectors = record[285], record[286]
        for k in range(vectors):
            for name, offset in (("intensity", 586), ("uncertainty", 3146)):
                channel = content[name]
                at = offset + k * classes
                assert channel.values[row, :classes].tolist() == list(record[at : at + classes])
                assert np.isnan(channel.values[row, classes:]).all()
                assert channel.valid[row, :classes].all() == (record[458 + k] == 1)
                assert not channel.valid[row, classes:].any()
                assert channel.time[row] == start + np.timedelta64(100 * k, "ms")
            row += 1
    assert row == content["intensity"].time.size
    assert content["Dmin"].valid.sum(axis=1).tolist() == [12] * 4


@pytest.mark.parametrize("bad", [{"subtype": 1}, {"nbs": 129}, {"nbclasses": 0}, {"dt": 0.0}])
def test_a_network_record_of_another_size_costs_itself(make_demeter, refused, bad):
    read = read_payload(make_demeter("1138", n=4, edit=with_row(1, **bad)))
    assert read.notes == ("1 record with another block 4 than the format's",)
    assert read.track.time.size == 3
    refused(make_demeter("1138", n=4, edit=with_all(**bad)), "none of its 4 records has the format")


# Units and header.


def test_the_unit_of_the_ulf_waveform_is_the_table_s(make_demeter):
    for text in (b"V/m", b"mV/m", b"?"):
        path = make_demeter("1129", n=2, edit=with_all(unit=text.ljust(16)))
        assert read_payload(path).channels["E1st"].unit == "mV/m"


def test_another_unit_of_spectra_is_refused(make_demeter, refused):
    path = make_demeter("1137", n=2, edit=with_all(unit=b"nT^2/Hz".ljust(16)))
    refused(path, "unit: expected 'log(nT^2/Hz)', got 'nT^2/Hz'")
    path = make_demeter("1137", n=2, edit=with_all(unit=b" " * 16))
    assert read_payload(path).channels["spectra"].unit == "log(nT^2/Hz)"


def test_the_sampling_rate_is_known_and_other_sizes_cost_their_record(make_demeter):
    read = read_payload(make_demeter("1135", n=3, edit=with_row(2, nsamp=4095)))
    assert read.channels["fs"].values.tolist() == [2500.0, 2500.0]
    assert read.notes == ("1 record with another block 4 than the format's",)


def test_header_fields_beyond_the_model_are_masked(make_demeter):
    path = make_demeter(n=3, edit=with_row(1, geomagnetic=(99999.0,) * 11, att_quality=-3))
    channels = read_payload(path).channels
    for name in HEADER:
        assert channels[name].valid.tolist() == [True, name == "lt", True]


def test_a_header_field_can_be_asked_for_alone(make_demeter):
    assert set(read_payload(make_demeter("1132", n=2), {"lt": ()}).channels) == {"lt"}


def test_a_file_too_large_to_read_is_refused(make_demeter, refused):
    path = make_demeter("1131", n=1)
    with path.open("r+b") as stream:
        stream.truncate(33063 * 32_500)
    refused(path, "expected at most 5870 records for the 1 s of its name, got 32500")


def test_a_file_cut_short_after_the_look_at_it_is_read_or_refused(make_demeter):
    path = make_demeter("1132", n=3)
    name = parse_name(path)
    content = path.read_bytes()
    path.write_bytes(content[: 2 * 8510 + 100])
    assert read_demeter(path, name).channels["lt"].time.size == 2
    path.write_bytes(b"")
    with pytest.raises(InputError, match="has 0 bytes, less than a record"):
        read_demeter(path, name)


def test_a_look_at_spectra_loads_no_numba(make_demeter, repository):
    import subprocess

    path = make_demeter("1132", n=2)
    code = (
        "import sys\nfrom edge.readers.opening import read_payload\n"
        f"read_payload({str(path)!r})\nprint('numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# Damage.

DAMAGE = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), max_size=20)
BANDS = ((100.0, 180.0), (10_000.0, 17_000.0))


@pytest.fixture(scope="module")
def whole(make_demeter):
    """One intact file of each kind, and its bytes."""
    paths = {apid: make_demeter(apid, n=3) for apid in KINDS}
    return {apid: (path, path.read_bytes()) for apid, path in paths.items()}


@given(
    apid=st.sampled_from(KINDS), damage=DAMAGE, head=st.booleans(), cut=st.integers(0, 5),
    bands=st.sampled_from([(), BANDS]),
)  # fmt: skip
def test_damage_gives_an_input_error_or_a_payload(whole, apid, damage, head, cut, bands):
    path, intact = whole[apid]
    content = bytearray(intact)
    for at, value in damage:
        # Blocks 1 to 3 and the beginning of block 4 decide; the rest is numbers.
        place = at % 3 * SIZE[apid] + at % min(340, SIZE[apid]) if head else at % len(content)
        content[place] = value
    if cut < 3:
        del content[cut * SIZE[apid] :]
    path.write_bytes(content)
    asked = None if not bands else {"spectra": bands, "lt": (), "wf": (), "Ne": ()}
    try:
        read = read_demeter(path, parse_name(path), asked)
    except InputError as error:
        said, read = str(error), None
    if read is None:
        assert said.isprintable()
        return
    assert isinstance(read, Payload)
    assert np.all(np.diff(read.track.time) > np.timedelta64(0, "ms"))
    for channel in read.channels.values():
        assert len(channel.values) == channel.time.size
        assert channel.values.shape == channel.valid.shape
        assert np.isfinite(channel.values[channel.valid]).all()
        assert np.all(np.diff(channel.time) > np.timedelta64(0, "ms"))


def test_a_simulated_file_says_so(simulated_demeter: Path) -> None:
    for file in sorted(simulated_demeter.glob("*.DAT"))[:2]:
        assert SIMULATED in read_payload(file).notes
