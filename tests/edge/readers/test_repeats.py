"""CSES-01 records that come twice, and sensors that are stuck."""

from __future__ import annotations

import numpy as np
import pytest

from edge.readers.opening import read_payload

VALUES = {
    "HPM_5": {"B_FGM": np.stack([20_000.0 + np.sin(np.arange(120.0) + k) for k in range(3)], 1)},
    "LAP_1": {"A311": 2e10 + 1e8 * np.arange(120.0), "A321": 1500.0 + np.arange(120.0)},
    "PAP_0": {"A315": 2e10 + 1e8 * np.arange(120.0), "A322": 1100.0 + np.arange(120.0)},
}


@pytest.mark.parametrize("payload", ["HPM_5", "LAP_1", "PAP_0"])
@pytest.mark.parametrize("clocks", [("VERSE_TIME", "UTC_TIME"), ("VERSE_TIME",)])
def test_records_doubled_one_millisecond_apart_count_once(make_cses, payload, clocks):
    import h5py

    path = make_cses(payload, 40)
    wanted = dict.fromkeys(VALUES[payload], ())
    whole = read_payload(path, wanted)
    with h5py.File(path, "r+") as file:
        for name in list(file):
            values, attributes = np.repeat(file[name][()], 2, axis=0), dict(file[name].attrs)
            if name in clocks:
                values[1::2] += 1
            del file[name]
            file[name] = values
            file[name].attrs.update(attributes)
    once = read_payload(path, wanted)
    (note,) = once.notes
    assert note.startswith("40 records within ")
    assert once.track.cadence == whole.track.cadence
    np.testing.assert_array_equal(once.track.time, whole.track.time)
    for name in wanted:
        np.testing.assert_array_equal(once.channels[name].values, whole.channels[name].values)


@pytest.mark.parametrize(
    ("payload", "channel"),
    [
        ("HPM_5", "B_FGM"),
        ("LAP_1", "A311"),
        ("LAP_1", "A321"),
        ("PAP_0", "A315"),
        ("PAP_0", "A322"),
    ],
)
@pytest.mark.parametrize("asked", [True, False])
def test_a_sensor_that_is_stuck_is_masked_and_named(make_cses, payload, channel, asked):
    values = {name: column.copy() for name, column in VALUES[payload].items()}
    values[channel][30:100] = values[channel][30]
    path = make_cses(payload, 120, **values)
    read = read_payload(path, dict.fromkeys(values, ()) if asked else None)
    assert f"70 records with one value of {channel} for 60 s or more: stuck, masked" in read.notes
    for name in values:
        stuck = np.flatnonzero(~read.channels[name].valid.reshape(120, -1).any(axis=1))
        assert stuck.tolist() == ([*range(30, 100)] if name == channel else [])


def test_bands_of_spectra_that_are_stuck_are_masked_and_named(make_cses):
    power = np.random.default_rng(2).uniform(1e-4, 1e-2, (120, 1024))
    power[30:100] = power[30]
    path = make_cses("EFD_3", 120, A131_P=power)
    read = read_payload(path, {"A131_P": ((2300.0, 5000.0), (5000.0, 10_000.0))})
    assert read.notes == ("70 records with one value of A131_P for 60 s or more: stuck, masked",)
    for channel in read.channels.values():
        assert np.flatnonzero(~channel.valid).tolist() == [*range(30, 100)]


def test_flags_and_potentials_may_stay(make_cses):
    read = read_payload(make_cses("LAP_1", 120, UF=np.full(120, -1.0), **VALUES["LAP_1"]))
    assert read.notes == ()
    assert all(channel.valid.all() for channel in read.channels.values())
