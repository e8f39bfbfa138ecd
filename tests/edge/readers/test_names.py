from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import NotAHalfOrbitFile, UnsupportedPayload
from edge.readers.names import FileName, looks_like_payload, parse_name

HPM = "CSES_01_HPM_5_L02_A2_096791_20191101_001933_20191101_005555_000.h5"
ISL = "DMT_N1_1144_112341_20060809_210000_20060809_213000.DAT"


def test_a_cses_name_gives_payload_orbit_direction_and_times():
    assert len(HPM) == 66
    expected = FileName(
        "cses", "HPM_5", 9679, 1, datetime(2019, 11, 1, 0, 19, 33), datetime(2019, 11, 1, 0, 55, 55)
    )
    assert parse_name(f"/any/folder/{HPM}") == expected


def test_a_demeter_name_gives_apid_orbit_direction_and_times():
    expected = FileName(
        "demeter", "1144", 11234, 1, datetime(2006, 8, 9, 21), datetime(2006, 8, 9, 21, 30)
    )
    assert parse_name(ISL) == expected


def test_payloads_of_a_half_orbit_share_its_key():
    lap = HPM.replace("HPM_5", "LAP_1").replace("A2", "A3").replace("001933", "002000")
    assert parse_name(HPM).half_orbit == parse_name(lap).half_orbit == "CSES_096791"
    assert parse_name(ISL).half_orbit == "DEMETER_112341"


@pytest.mark.parametrize(
    ("name", "direction", "night"),
    [
        (HPM, "ascending", True),
        (HPM.replace("096791", "096790"), "descending", False),
        (ISL, "upward", True),
        (ISL.replace("112341", "112340"), "downward", False),
    ],
)
def test_direction_digit_1_is_the_night_side_on_both_missions(name, direction, night):
    parsed = parse_name(name)
    assert (parsed.direction_name, parsed.night_side) == (direction, night)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "notes.txt",
        HPM + ".part",
        HPM.replace("CSES", "C\u017fES"),
        "." + HPM,
        HPM.replace("CSES_01", "CSES_03"),
        HPM.replace("CSES_01", "CSES_00"),
        HPM.replace("096791", "096792"),
        HPM.replace("096791", "96791"),
        HPM.replace(".h5", ".hdf5"),
        ISL + "\n",
        "CSES_HEP_DDD_0219741_20220117_214156_20220117_230638_L3_0000267631.h5",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(NotAHalfOrbitFile, match="not the name of a CSES-01"):
        parse_name(name)


@pytest.mark.parametrize("name", [HPM, ISL])
@pytest.mark.parametrize("change", [str.lower, str.upper, str.swapcase, str.title])
def test_names_are_known_in_either_case(name, change):
    assert parse_name(change(name)) == parse_name(name)
    assert looks_like_payload(change(name))


@pytest.mark.parametrize(
    "end", [".gz", ".zip", ".bz2", ".xz", ".zst", ".tar.gz", ".7z", ".GZ", ".tgz"]
)
@pytest.mark.parametrize("name", [HPM, ISL, HPM.lower()])
def test_packed_files_are_named_as_such_and_never_passed_over(name, end):
    for packed in (name + end, name.rpartition(".")[0] + end):
        with pytest.raises(NotAHalfOrbitFile, match="is packed: unpack it; expected a plain") as e:
            parse_name(packed)
        # The class and this are what `stream` goes by when it names a file.
        assert type(e.value) is NotAHalfOrbitFile
        assert looks_like_payload(packed)


@pytest.mark.parametrize("end", [".zarr", ".zarr.zip"])
def test_zarr_is_refused_by_name(end):
    with pytest.raises(NotAHalfOrbitFile, match="is packed"):
        parse_name(HPM.replace(".h5", end))


# CSES-02.


@pytest.mark.parametrize("payload", ["HPM_5", "HPM_6", "LAP_1", "LAP_2", "PAP_0"])
def test_names_of_cses_02_have_keys_of_their_own(payload):
    first = HPM.replace("HPM_5", payload)
    second = first.replace("CSES_01", "CSES_02")
    ours, theirs = parse_name(first), parse_name(second)
    assert (ours.half_orbit, theirs.half_orbit) == ("CSES_096791", "CSES_02_096791")
    assert (ours.satellite, theirs.satellite) == ("CSES-01", "CSES-02")
    assert theirs.mission == "cses"
    assert theirs == replace(ours, spacecraft=2)
    assert parse_name(ISL).satellite == "DEMETER"


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("EFD_1", r"EFD_1 of CSES-02 \(electric field: its bands and datasets are not those"),
        ("EFD_4", r"EFD_4 \(HF\): its layout is not known"),
        ("EFD_5", "EFD_5 of CSES-02"),
        ("SCM_2", r"SCM_2 of CSES-02 \(search coil: its layout"),
        ("HPM_1", r"HPM_1 \(FGM 1 at full rate\)"),
        ("HEP_1", r"HEP_1 \(particles\)"),
        ("XYZ_1", "payload XYZ_1 is not supported"),
    ],
)
def test_payloads_of_cses_02_that_no_reader_knows_are_refused_by_name(payload, words):
    name = HPM.replace("CSES_01", "CSES_02").replace("HPM_5", payload)
    with pytest.raises(UnsupportedPayload, match=words) as caught:
        parse_name(name)
    assert "are HPM_5, HPM_6, LAP_1, LAP_2, PAP_0" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "payload", "known"),
    [
        (HPM.replace("HPM_5", "HPM_9"), "HPM_9", "EFD_1, EFD_2, EFD_3, HPM_5"),
        (ISL.replace("1144", "1145"), "1145", "1129, 1130, 1131"),
    ],
)
def test_unsupported_payloads_are_named_with_the_supported_ones(name, payload, known):
    with pytest.raises(NotAHalfOrbitFile, match=f"payload {payload} is not.*are {known}"):
        parse_name(name)


@pytest.mark.parametrize(
    "stamp", ["20191301_001933", "20190230_001933", "20191101_240000", "20191101_006000"]
)
def test_impossible_dates_are_refused(stamp):
    with pytest.raises(NotAHalfOrbitFile, match=f"{stamp}.*not two UTC times"):
        parse_name(HPM.replace("20191101_001933", stamp))


@pytest.mark.parametrize(
    ("end", "span"),
    [("20191101_001932", "-1 s"), ("20191101_013434", "4501 s")],
)
def test_a_span_that_no_half_orbit_has_is_refused_with_its_limits(end, span):
    with pytest.raises(NotAHalfOrbitFile, match=f"spans {span}; .* 0 to 4500 s"):
        parse_name(HPM.replace("20191101_005555", end))


@pytest.mark.parametrize("seconds", [0, 4500])
@pytest.mark.parametrize("name", [HPM, ISL])
def test_the_shortest_and_the_longest_half_orbit_are_known(name, seconds):
    start = parse_name(name).start
    end = start + timedelta(seconds=seconds)
    parsed = parse_name(
        name.replace(f"{parse_name(name).end:%Y%m%d_%H%M%S}", f"{end:%Y%m%d_%H%M%S}")
    )
    assert (parsed.start, parsed.end) == (start, end)


def refusal(text: str) -> str:
    try:
        parse_name(text)
    except NotAHalfOrbitFile as error:
        return str(error)
    return ""


@given(st.text())
def test_arbitrary_text_is_parsed_or_refused_and_nothing_else(text):
    assert refusal(text).isprintable()


NEARLY = st.from_regex(
    r"(CSES_0[12]_[A-Z]{3}_\d_L(02|2A)_A\d|DMT_N1_\d{4})_\d{6}_\d{8}_\d{6}_\d{8}_\d{6}(_000\.h5|\.DAT)",
    fullmatch=True,
)


@given(NEARLY)
def test_names_of_the_right_shape_are_parsed_or_refused_and_nothing_else(text):
    assert refusal(text).isprintable()


@given(
    mission=st.sampled_from(["cses", "demeter"]),
    which=st.integers(0, 2),
    orbit=st.integers(0, 99_999),
    direction=st.integers(0, 1),
    start=st.datetimes(datetime(2004, 1, 1), datetime(2040, 1, 1)),
    seconds=st.integers(0, 4500),
)
def test_names_round_trip(mission, which, orbit, direction, start, seconds):
    start = start.replace(microsecond=0)
    end = start + timedelta(seconds=seconds)
    stamps = f"{start:%Y%m%d_%H%M%S}_{end:%Y%m%d_%H%M%S}"
    if mission == "cses":
        payload, group = [("HPM_5", 2), ("LAP_1", 3), ("PAP_0", 3)][which]
        name = f"CSES_01_{payload}_L02_A{group}_{orbit:05d}{direction}_{stamps}_000.h5"
    else:
        payload = ["1140", "1143", "1144"][which]
        name = f"DMT_N1_{payload}_{orbit:05d}{direction}_{stamps}.DAT"
    assert parse_name(name) == FileName(mission, payload, orbit, direction, start, end)
