"""The files that the simulator writes for the further payloads are read without a defect."""

from __future__ import annotations

import numpy as np
import pytest

from edge.readers import read_payload
from edge.readers.cses_tables import PAYLOADS
from edge.readers.halforbit import SIMULATED

pytest.importorskip("sgp4")


@pytest.fixture(scope="module")
def night():
    from trainer.simulate.orbits import half_orbits

    first, last = (np.datetime64(f"2020-03-20T0{h}:00", "ms") for h in (0, 2))
    return next(h for h in half_orbits("cses", first, last) if h.direction == 1)


@pytest.fixture(scope="module")
def state(night):
    from trainer.simulate.background import background

    return background(night, np.random.SeedSequence(1), True)


def write_hpm_scalar(folder, half_orbit, state):
    """Write the scalar magnetometer's file at 1 Hz, which no simulated mission has."""
    from trainer.simulate.cses_files import (
        FIELD_FILL,
        FILL,
        HPM,
        HPM_ZONE_DEG,
        place_and_time,
        write_file,
    )
    from trainer.simulate.sampling import resampled

    own = {
        "A211": ("nT", FIELD_FILL, (-1e5, 1e5), "CDSM scalar magnetic field"),
        "FLAG_N3": ("none", FILL, (0.0, 1.0), "flag of the scalar magnetometer"),
    }
    keep = np.flatnonzero(np.abs(half_orbit.latitude) <= HPM_ZONE_DEG)
    track = resampled(half_orbit, keep.astype(np.float64))
    data = {
        "A211": np.linalg.norm(state.field[keep], axis=1),
        "FLAG_MT": np.zeros(len(keep), np.int32),
        "FLAG_N3": np.zeros(len(keep), np.int32),
        **place_and_time(track),
    }
    root = {
        "FREQRANGE": "DC",
        "ORBITNUM": np.bytes_(f"{half_orbit.orbit:06d}"),
        "ORBITTYPE": np.bytes_(str(half_orbit.direction)),
        "SAMPLERATE": "1Hz",
        "SOFTVERSION": "V1.0",
    }
    attributes = {}
    for name in data:
        unit, fill, valid, long_name = (HPM | own)[name]
        attributes[name] = {
            "FillValue": np.array([fill]),
            "LongName": np.bytes_(long_name),
            "Units": np.bytes_(unit or ""),
            "ValidRange": np.bytes_(valid) if isinstance(valid, str) else np.array(valid),
        }
    return write_file(folder, "HPM_6", track, data, root, attributes)


def test_the_scalar_magnetometer_gives_the_size_of_the_field(tmp_path, night, state):
    read = read_payload(write_hpm_scalar(tmp_path, night, state))
    assert read.notes == (SIMULATED,)
    size = np.linalg.norm(state.field[np.abs(night.latitude) <= 65.0], axis=1)
    np.testing.assert_array_equal(read.channels["A211"].values, size)
    assert read.channels["A211"].valid.all()


def test_the_small_probe_is_written_as_the_large_one(tmp_path, night, state):
    from trainer.simulate.cses_payloads import write_lap

    read = read_payload(
        write_lap(tmp_path, night, state, np.random.default_rng(1), payload="LAP_2")
    )
    assert read.name.payload == "LAP_2"
    assert read.channels["A311"].valid.mean() > 0.9


@pytest.mark.parametrize("payload", ["EFD_1", "EFD_2", "EFD_3", "SCM_1", "SCM_2", "SCM_3"])
def test_wave_files_hold_all_that_the_table_lists(tmp_path, night, payload):
    from trainer.simulate.cses_waves import write_waves

    (path,) = write_waves(tmp_path, night, 3, (payload,), bins=64, cadence_s=60.0, waveforms=True)
    read = read_payload(path)
    assert read.notes == (SIMULATED,)
    assert set(read.channels) == set(PAYLOADS[payload].datasets)
    assert all(c.valid.all() for c in read.channels.values())


def test_the_same_seed_gives_the_same_bytes_whatever_else_is_written(tmp_path, night):
    from trainer.simulate.cses_waves import write_waves

    some = {"bins": 32, "cadence_s": 60.0}
    both = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    for folder in both:
        folder.mkdir()
    every = write_waves(both[0], night, 3, **some)
    alone = write_waves(both[1], night, 3, ("SCM_2",), **some)
    other = write_waves(both[2], night, 4, ("SCM_2",), **some)
    assert every[2].read_bytes() == alone[0].read_bytes() != other[0].read_bytes()
