"""CSES-02, and the other layout of CSES-01 files that are published."""

from __future__ import annotations

from datetime import datetime

import h5py
import numpy as np
import pytest

from edge.readers import open_half_orbit, read_payload
from edge.readers.halforbit import untrained_note
from edge.show.describe import describe

BY_CSESPY = "layout of CSES-02: as csespy reads it, seen in no real file here"
BY_CONVENTION = "layout of CSES-02: by convention, seen in no real file"


def second(make_cses, payload, **others):
    name = make_cses(payload).name.replace("CSES_01", "CSES_02")
    return make_cses(payload, filename=name, **others)


@pytest.mark.parametrize(
    ("payload", "note"),
    [
        ("HPM_5", BY_CSESPY),
        ("HPM_6", BY_CSESPY),
        ("LAP_1", BY_CONVENTION),
        ("LAP_2", BY_CONVENTION),
        ("PAP_0", BY_CONVENTION),
    ],
)
@pytest.mark.parametrize(("unit", "factor"), [("ms", 1), ("s", 1e-3), ("ns", 10**6)])
def test_a_file_of_cses_02_is_read_with_a_note(make_cses, payload, note, unit, factor):
    first = read_payload(make_cses(payload))
    verse = (first.track.time - np.datetime64("2009-01-01", "ms")).astype(np.int64)
    path = second(
        make_cses,
        payload,
        VERSE_TIME=(verse * factor).astype(np.int64),
        UTC_TIME=None,
        attributes={"VERSE_TIME": {"units": np.bytes_(unit.encode())}},
    )
    read = read_payload(path)
    assert read.notes == (note,)
    np.testing.assert_array_equal(read.track.time, first.track.time)
    for name, channel in first.channels.items():
        np.testing.assert_array_equal(read.channels[name].values, channel.values)
    described = describe(path)
    assert described.half_orbit == "CSES_02_096791"
    assert described.notes == [note]


def test_half_orbits_of_the_two_satellites_never_mix(make_cses):
    one, two = open_half_orbit(make_cses("LAP_1")), open_half_orbit(second(make_cses, "LAP_1"))
    assert (one.key, two.key) == ("CSES_096791", "CSES_02_096791")
    assert (one.satellite, two.satellite) == ("CSES-01", "CSES-02")
    assert one.mission == two.mission == "cses"


def test_a_model_that_saw_nothing_of_the_satellite_is_said_to(make_cses, make_demeter):
    one, two = open_half_orbit(make_cses("LAP_1")), open_half_orbit(second(make_cses, "LAP_1"))
    demeter = open_half_orbit(make_demeter())
    assert untrained_note(one, ["cses"]) is None
    assert untrained_note(two, ["cses", "demeter"]) == (
        "the bundle was trained without data of CSES-02"
    )
    assert untrained_note(one, ["demeter"]) == "the bundle was trained without data of CSES-01"
    assert untrained_note(demeter, ["demeter"]) is None


# ScienceDB, DOI 10.57760/sciencedb.06921, as its users describe it.


def test_the_langmuir_probe_of_the_open_sample_is_read(make_cses):
    density, temperature = np.linspace(5.5e8, 6e8, 740), np.linspace(1257.0, 1300.0, 740)
    density[[3, 9]] = temperature[[3, 700]] = -99999.0
    path = make_cses(
        "LAP_1",
        n=740,
        start=datetime(2018, 8, 11, 21, 40, 2),
        orbit=2900,
        A311=density,
        A321=temperature,
        GEO_LAT=np.linspace(-69.0, 69.0, 740),
        VERSE_TIME=None,
        **dict.fromkeys(("MAG_LAT", "MAG_LON", "WORKMODE")),
    )
    with h5py.File(path) as file:
        assert {file[name].dtype for name in ("GEO_LAT", "GEO_LON", "ALTITUDE")} == {np.dtype("f4")}
    read = read_payload(path)
    assert read.notes == ()
    assert read.track.time.size == 740
    assert str(read.track.time[0]) == "2018-08-11T21:40:02.000"
    assert np.flatnonzero(~read.channels["A311"].valid).tolist() == [3, 9]
    assert np.flatnonzero(~read.channels["A321"].valid).tolist() == [3, 700]
    described = {c.name: c for c in describe(path).channels}
    assert described["A311"].minimum == 5.5e8
    assert described["A311"].valid_share == pytest.approx(738 / 740, abs=1e-4)


@pytest.mark.parametrize(
    ("payload", "datasets"),
    [
        ("HPM_5", {"UTCTime": np.array([[b"20180811214154.006"]] * 9), "FG2": np.ones((9, 3))}),
        ("EFD_1", {"UTCTime": np.ones((9, 1), "i8"), "X_WAVE": np.ones((9, 256))}),
        ("SCM_1", {"SatPos": np.ones((9, 3)), "X_WAVE": np.ones((9, 4096))}),
        ("EFD_2", {"SAT_POS": np.ones((9, 3)), "Y_WAVE": np.ones((9, 4096))}),
    ],
)
def test_the_other_files_of_the_open_sample_are_refused_by_name(
    make_cses, refused, payload, datasets
):
    path = make_cses(payload)
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    names = [
        n for n in ("UTCTime", "SAT_POS", "SatPos", "X_WAVE", "Y_WAVE", "FG2") if n in datasets
    ]
    refused(
        path,
        f"is of another layout of CSES files, with {', '.join(names)} and without GEO_LAT",
        f"expected the Level 2 datasets of {payload}",
    )
