"""Simulated files, read back with plain h5py and struct."""

from __future__ import annotations

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from trainer.simulate import cses_payloads as cses_hpm
from trainer.simulate import cses_payloads as cses_plasma
from trainer.simulate import demeter_files
from trainer.simulate.background import Background, background
from trainer.simulate.orbits import Pass, half_orbits
from trainer.simulate.plagues import NO_PLAGUES, Plagues


def one_night(mission: str, text: str) -> tuple[Pass, Background]:
    found = half_orbits(mission, np.datetime64(text), np.datetime64(text) + np.timedelta64(1, "D"))
    half_orbit = next(h for h in found if h.direction == 1)
    return half_orbit, background(half_orbit, np.random.SeedSequence(2), mission == "cses")


@pytest.fixture(scope="module")
def cses() -> tuple[Pass, Background]:
    return one_night("cses", "2019-11-01")


@pytest.fixture(scope="module")
def demeter() -> tuple[Pass, Background]:
    return one_night("demeter", "2006-05-01")


def rng() -> np.random.Generator:
    return np.random.default_rng(4)


CLEAN = NO_PLAGUES


def test_hpm_has_the_layout_of_the_real_file(
    tmp_path: Path, cses: tuple[Pass, Background], real_hpm: Path
) -> None:
    path = cses_hpm.write_hpm(tmp_path, *cses, rng(), CLEAN)
    assert len(path.name) == len(real_hpm.name) == 66
    with h5py.File(path) as ours, h5py.File(real_hpm) as real:
        assert set(ours) == set(real)
        assert set(ours.attrs) - {"SIMULATED"} == set(real.attrs)
        for key in real.attrs:
            left, right = ours.attrs.get_id(key), real.attrs.get_id(key)
            assert (left.dtype, left.shape) == (right.dtype, right.shape)
        for name in real:
            assert ours[name].dtype == real[name].dtype
            assert ours[name].shape[1] == real[name].shape[1]
            assert ours[name].chunks is None
            assert set(ours[name].attrs) == set(real[name].attrs)
            for key, value in real[name].attrs.items():
                left = ours[name].attrs.get_id(key)
                right = real[name].attrs.get_id(key)
                assert (left.dtype, left.shape) == (right.dtype, right.shape)
                if key != "GenerationDate" and not isinstance(value, h5py.Empty):
                    np.testing.assert_array_equal(ours[name].attrs[key], value)


def test_hpm_content(tmp_path: Path, cses: tuple[Pass, Background]) -> None:
    half_orbit, _ = cses
    path = cses_hpm.write_hpm(tmp_path, *cses, rng(), CLEAN)
    assert path.name.startswith(f"CSES_01_HPM_5_L02_A2_{half_orbit.name}_")
    assert not list(tmp_path.glob(".*"))
    with h5py.File(path) as file:
        assert file.attrs["SIMULATED"].startswith("simulated")
        field = np.hstack([file[name][()] for name in ("A221", "A222", "A223")])
        sensor = file["B_FGM"][()]
        verse, utc = file["VERSE_TIME"][:, 0], file["UTC_TIME"][:, 0]
        quaternion, shadow = file["q_SIM_ECI"][()], file["FLAG_SHW"][:, 0]
        assert np.abs(file["GEO_LAT"][()]).max() <= 65.0
        assert isinstance(file["q_SIM_ECI"].attrs["Units"], h5py.Empty)
    np.testing.assert_allclose(
        np.linalg.norm(field, axis=1), np.linalg.norm(sensor, axis=1), rtol=1e-12
    )
    np.testing.assert_allclose(np.linalg.norm(quaternion, axis=1), 1.0, rtol=1e-12)
    assert np.abs(np.diff(quaternion, axis=0)).max() < 0.01
    assert np.all(np.diff(verse) == 1000)
    text = str(utc[0])
    stamp = (
        f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}.{text[14:]}"
    )
    since = np.datetime64(stamp) - np.datetime64("2009-01-01", "ms")
    assert since == np.timedelta64(int(verse[0]), "ms")
    # Most of a night pass is in shadow, and one end of it in sunlight.
    assert 0.5 < shadow.mean() < 1.0


def test_lap_and_pap_content(tmp_path: Path, cses: tuple[Pass, Background]) -> None:
    half_orbit, state = cses
    lap = cses_plasma.write_lap(tmp_path, *cses, rng(), CLEAN)
    pap = cses_plasma.write_pap(tmp_path, *cses, rng(), CLEAN)
    common = {"ALTITUDE", "GEO_LAT", "GEO_LON", "MAG_LAT", "MAG_LON"}
    common |= {"UTC_TIME", "VERSE_TIME", "WORKMODE"}
    with h5py.File(lap) as file:
        assert set(file) == common | {"A311", "A321", "UF", "UP"}
        assert file["A321"].attrs["units"].tolist() == [b"K"]
        assert file.attrs["ORBITNUM"].tolist() == [half_orbit.name[:5].encode()]
        assert np.all(np.diff(file["VERSE_TIME"][:, 0]) == 3000)
        assert 740 <= len(file["A311"]) <= 760
        np.testing.assert_allclose(file["A311"][:, 0], 10.0 ** state.plasma[::3, 0])
    with h5py.File(pap) as file:
        ions = {"A313", "A314", "A315", "A322", "A331", "A332", "A333"}
        assert set(file) == common | ions
        assert np.all(np.diff(file["VERSE_TIME"][:, 0]) == 1000)
        np.testing.assert_allclose(file["A315"][:, 0], 10.0 ** state.plasma[:, 2])
    assert {len(path.name) for path in (lap, pap)} == {66}


def test_cses_plagues_are_there(tmp_path: Path, cses: tuple[Pass, Background]) -> None:
    plagues = Plagues(fill=0.1, field_fill=0.1, gap=1.0, jitter=0.2, torquer=20.0)
    with h5py.File(cses_plasma.write_lap(tmp_path, *cses, rng(), plagues)) as file:
        density = file["A311"][:, 0]
        assert np.isnan(density).any()
        assert (density == -9999.0).any()
        steps = np.diff(file["VERSE_TIME"][:, 0])
        assert steps.max() >= 6000
        assert {2999, 3001} <= set(steps.tolist())
    with h5py.File(cses_hpm.write_hpm(tmp_path, *cses, rng(), plagues)) as file:
        assert (file["A221"][()] == -999999.0).any()
        assert 0 < np.count_nonzero(file["FLAG_MT"][()] == 1) <= 7 * 40


def test_names_bracket_the_data(tmp_path: Path, cses: tuple[Pass, Background]) -> None:
    half_orbit, _ = cses
    name = cses_plasma.write_lap(tmp_path, *cses, rng(), CLEAN).stem.split("_")
    begin, end = (
        np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}T{t[:2]}:{t[2:4]}:{t[4:]}")
        for d, t in ((name[7], name[8]), (name[9], name[10]))
    )
    assert np.timedelta64(60, "s") <= half_orbit.time[0] - begin <= np.timedelta64(120, "s")
    assert np.timedelta64(0, "s") < end - half_orbit.time[-1] <= np.timedelta64(120, "s")


# Offsets in a record after the Data Product Description; big-endian.
@pytest.mark.parametrize(
    ("apid", "size", "label", "step_s"),
    [
        (1144, 289, b"ISL SURVEY", 1.0),
        (1143, 289, b"ISL BURST ", 1.0),
        (1140, 312, b"IAP SURVEY", 4.4),
        (1139, 312, b"IAP BURST ", 2.3),
    ],
)
def test_n1_records(
    tmp_path: Path, demeter: tuple[Pass, Background],
    apid: int, size: int, label: bytes, step_s: float,
) -> None:  # fmt: skip
    half_orbit, _ = demeter
    path = demeter_files.write_n1(tmp_path, apid, *demeter, rng(), CLEAN)
    assert path is not None
    raw = path.read_bytes()
    assert len(raw) % size == 0
    records = [raw[i : i + size] for i in range(0, len(raw), size)]
    times = []
    for record in records:
        assert record[0] == 76
        day = int.from_bytes(record[1:4], "big")
        (ms,) = struct.unpack_from(">I", record, 4)
        since = np.timedelta64(day * 86_400_000 + ms, "ms")
        times.append(np.datetime64("1950-01-01", "ms") + since)
        year, month, date, hour, minute, second, milli = struct.unpack_from(">7h", record, 8)
        calendar = f"{year}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}"
        assert np.datetime64(calendar) == times[-1]
    assert np.all(np.diff(times) == np.timedelta64(int(step_s * 1000), "ms"))
    record = records[len(records) // 2]
    assert struct.unpack_from(">Hh", record, 22) == (half_orbit.orbit, 1)
    assert record[26:34] == b"TOULOUSE"
    latitude, longitude, altitude, hour = struct.unpack_from(">4f", record, 38)
    assert 0.0 <= longitude < 360.0
    assert 640.0 < altitude < 760.0
    assert hour == pytest.approx(22.25, abs=0.8)
    at = int(np.argmin(np.abs(half_orbit.time - times[len(records) // 2])))
    assert latitude == pytest.approx(half_orbit.latitude[at], abs=0.05)
    inside = [struct.unpack_from(">f", r, 62)[0] for r in records]
    assert max(inside) <= 65.1
    assert struct.unpack_from(">h", record, 200)[0] == 1
    assert record[204:214] == label
    assert record[214:223] == b"simulated"
    if apid in (1143, 1144):
        assert record[250:265] == b"cm^-3K    V    "
        ne, ni, te = struct.unpack_from(">3f", record, 265)
        assert ni == pytest.approx(ne, rel=0.15)
        assert 1e3 < ne < 1e6
        assert 500.0 < te < 3000.0
    else:
        assert record[250:280] == b"cm^-3 K     m/s   V     degree"
        hydrogen, helium, oxygen, ti = struct.unpack_from(">4f", record, 280)
        assert oxygen > hydrogen > helium > 0.0
        assert 500.0 < ti < 2000.0
    last = str((times[-1] + np.timedelta64(999, "ms")).astype("M8[s]"))
    assert path.name.startswith(f"DMT_N1_{apid}_{half_orbit.name}_")
    assert path.name.endswith(f"_{last.replace('-', '').replace(':', '').replace('T', '_')}.DAT")


def test_other_apids_are_refused(tmp_path: Path, demeter: tuple[Pass, Background]) -> None:
    with pytest.raises(ValueError, match=r"APID 1132 .* valid: 1139, 1140, 1143, 1144"):
        demeter_files.write_n1(tmp_path, 1132, *demeter, rng())


def test_magnetometer_needs_a_field(tmp_path: Path, demeter: tuple[Pass, Background]) -> None:
    with pytest.raises(ValueError, match="no magnetic field"):
        cses_hpm.write_hpm(tmp_path, *demeter, rng())
