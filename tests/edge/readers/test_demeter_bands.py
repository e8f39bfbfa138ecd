"""Spectra and the power of bands: types that change, and float64 arithmetic as the oracle."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from datetime import datetime

import numpy as np
import pytest

from commands import edge_score
from edge.observables import ELF_BANDS, VLF_BANDS, WAVES, band_name
from edge.readers.opening import read_payload

BANDS = ELF_BANDS + VLF_BANDS
LINES = (11_905.0, 12_649.0, 14_881.0, 15_100.0, 16_300.0, 16_400.0)
KINDS = pytest.mark.parametrize("apid", ["1132", "1134", "1137"])
UNIT = {"1132": "uV^2/m^2/Hz", "1134": "uV^2/m^2/Hz", "1137": "nT^2/Hz"}
COARSE = {"nb": 8, "nbf": 256, "total_duration": 16.384}
START = datetime(2006, 8, 9, 21, 0, 0, 250_000)


def coarse_rows(rows, apid):
    """Make these records, and the times of all after them, those of type 2: 8 x 256."""
    df = 13.020833 if apid == "1134" else 78.125

    def edit(row, values):
        late = sum(12_288 for r in rows if r < row)
        moment = np.datetime64(START, "ms") + np.timedelta64(row * 4096 + late, "ms")
        text = moment.astype(datetime)
        ut = (*text.timetuple()[:6], text.microsecond // 1000)
        values |= {"ut": ut, "ut_first": ut}
        values["ccsds_ms"] = int((moment - moment.astype("datetime64[D]")).astype(int))
        for key, rate in (("lat", 0.06), ("lon", 0.015), ("alt", 0.01)):
            values[key] += rate * late / 1000.0
        if row in rows:
            values |= COARSE | {"df": df}

    return edit


def oracle(path, bands, unit_hz=1.0):
    """Time in ms, and mean power of each band, for each spectrum, from the bytes."""
    content = path.read_bytes()
    rows = []
    for at in range(0, len(content), 8510):
        (ms,) = struct.unpack_from(">I", content, at + 4)
        nb, nbf, duration, df = struct.unpack_from(">Bhff", content, at + 285)
        spectra = struct.unpack_from(">2048f", content, at + 318)
        for k in range(nb):
            logs = spectra[k * nbf : (k + 1) * nbf]
            means = []
            for low, high in bands:
                frequency = [(i + 1) * df * unit_hz for i in range(nbf)]
                inside = [
                    logs[i]
                    for i, f in enumerate(frequency)
                    if low <= f < high and all(abs(f - line) > 100.0 for line in LINES)
                ]
                good = [10.0**x for x in inside if abs(x) <= 30.0]
                enough = len(good) >= 2 and 2 * len(good) >= len(inside)
                means.append(sum(good) / len(good) if enough else np.nan)
            rows.append([ms + round(1000.0 * k * duration / nb), *means])
    return np.array(rows)


def check(path, bands, unit_hz=1.0):
    read = read_payload(path, {"spectra": bands})
    expected = oracle(path, bands, unit_hz)
    assert list(read.channels) == [band_name("spectra", b) for b in bands]
    midnight = read.track.time.astype("datetime64[D]")
    np.testing.assert_array_equal((read.track.time - midnight).astype(int), expected[:, 0])
    for column, channel in enumerate(read.channels.values(), start=1):
        assert channel.track is read.track
        np.testing.assert_array_equal(channel.valid, np.isfinite(expected[:, column]))
        good = channel.valid
        np.testing.assert_allclose(channel.values[good], expected[good, column], rtol=1e-5)
        assert (channel.values[~good] == 0.0).all()
    return read


@KINDS
@pytest.mark.kernel
def test_bands_are_the_mean_of_the_linear_power(make_demeter, apid):
    bands = ((15e3, 50e3), (50e3, 400e3)) if apid == "1134" else BANDS
    read = check(make_demeter(apid, n=2), bands, 1000.0 if apid == "1134" else 1.0)
    assert read.notes == ()
    assert {c.unit for c in read.channels.values()} == {UNIT[apid]}
    assert all(c.valid.all() for c in read.channels.values())
    assert np.flatnonzero(np.isfinite(read.track.latitude)).tolist() == [0, 2]


@pytest.mark.kernel
@pytest.mark.parametrize("coarse", [(1,), (0, 1, 2)])
def test_the_type_may_change_within_a_file(make_demeter, coarse):
    read = check(make_demeter("1132", n=3, edit=coarse_rows(coarse, "1132")), BANDS)
    assert read.notes == ()
    assert read.track.time.size == 8 * len(coarse) + 2 * (3 - len(coarse))
    assert set(np.diff(read.track.time).astype(int)) == {2048}
    assert read.track.cadence == pytest.approx(2.048)
    # One bin of 78 Hz is too few.
    valid = read.channels["spectra[40-100 Hz]"].valid
    assert valid.sum() == 2 * (3 - len(coarse))


@KINDS
def test_whole_spectra_of_changing_width_are_padded(make_demeter, apid):
    path = make_demeter(apid, n=5, edit=coarse_rows((1, 2), apid))
    read = read_payload(path)
    spectra, df = read.channels["spectra"], read.channels["df"]
    assert spectra.values.shape == (22, 1024)
    content, row = path.read_bytes(), 0
    for index, nb in enumerate((2, 8, 8, 2, 2)):
        logs = struct.unpack_from(">2048f", content, 8510 * index + 318)
        width = 2048 // nb
        for k in range(nb):
            np.testing.assert_array_equal(
                spectra.values[row, :width], logs[k * width : (k + 1) * width]
            )
            assert np.isnan(spectra.values[row, width:]).all()
            assert spectra.valid[row, :width].all()
            assert not spectra.valid[row, width:].any()
            assert df.values[row] == struct.unpack_from(">f", content, 8510 * index + 292)[0]
            row += 1
    assert spectra.track is df.track is read.track
    assert read.notes == ()


@pytest.mark.kernel
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -9999.0, 99999.0, 30.5])
def test_bins_that_are_not_valid_are_left_out(make_demeter, value):
    def edit(row, values):
        logs = list(values["spectra"])
        # Bins 5 to 8 are 100-180 Hz: three of four are gone; of 500-1200 Hz one.
        logs[5:8] = [value] * 3
        logs[30] = value
        values["spectra"] = tuple(logs)

    read = check(make_demeter("1137", n=2, edit=edit), BANDS)
    assert read.channels["spectra[100-180 Hz]"].valid.tolist() == [False, True, False, True]
    assert read.channels["spectra[500-1200 Hz]"].valid.all()


@pytest.mark.kernel
def test_powers_of_every_size_are_within_a_hundred_thousandth(make_demeter):
    rng = np.random.default_rng(5)
    logs = tuple(rng.uniform(-29.9, 29.9, 2048).tolist())
    path = make_demeter("1132", n=1, edit=lambda _, v: v.update(spectra=logs))
    check(path, tuple((f, f + 45.0) for f in np.arange(15.0, 10_000.0, 400.0).tolist()))
    exact = make_demeter("1132", n=1, edit=lambda _, v: v.update(spectra=(-2.0,) * 2048))
    values = read_payload(exact, {"spectra": ((1000.0, 2000.0),)}).channels
    assert values["spectra[1000-2000 Hz]"].values == pytest.approx(0.01, rel=1e-6)


def test_a_band_outside_of_the_spectra_is_masked(make_demeter):
    read = read_payload(make_demeter("1132", n=2), {"spectra": ((21e3, 22e3),)})
    assert not read.channels["spectra[21000-22000 Hz]"].valid.any()


@pytest.mark.parametrize(
    "bad",
    [{"nb": 4}, {"nbf": 512}, {"nb": 0}, {"nbf": -1}, {"total_duration": float("nan")},
     {"total_duration": 0.0}, {"total_duration": 1e3}, {"df": 78.125}, {"df": float("inf")}],
)  # fmt: skip
def test_a_record_of_another_type_costs_itself(make_demeter, refused, bad):
    def edit(row, values):
        if row == 1:
            values |= bad

    read = read_payload(make_demeter("1132", n=3, edit=edit), {"spectra": BANDS})
    assert read.notes == ("1 record with another block 4 than the format's",)
    assert read.track.time.size == 4
    path = make_demeter("1132", n=3, edit=lambda _, v: v.update(bad))
    refused(path, "none of its 3 records has the format's block 4")


def test_short_spectra_of_type_1(make_demeter):
    path = make_demeter("1132", n=3, edit=lambda _, v: v.update(total_duration=1.024))
    read = check(path, BANDS)
    assert read.track.cadence == pytest.approx(0.512)


def test_a_first_spectrum_at_another_time_is_noted(make_demeter):
    def edit(row, values):
        if row == 1:
            values["ut_first"] = (2006, 8, 9, 22, 0, 0, 0)
        if row == 2:
            values["ut_first"] = (*values["ut"][:6], values["ut"][6] + 5)

    read = read_payload(make_demeter("1132", n=4, edit=edit))
    assert read.notes == ("1 record whose first spectrum has another time",)
    late = (read.track.time - np.datetime64(START, "ms")).astype(int)
    assert late.tolist() == [0, 2048, 4096, 6144, 8197, 10245, 12288, 14336]


def test_bands_reach_the_grid_with_the_last_record_s_spectra(make_demeter):
    from edge.grid import make_grid
    from edge.readers import open_half_orbit
    from edge.readers.names import parse_name
    from edge.readers.opening import read_half_orbit

    path = make_demeter("1132", n=30, edit=coarse_rows((29,), "1132"))
    half_orbit = read_half_orbit({path: parse_name(path)}, WAVES.payloads("demeter"))
    assert not half_orbit.failed
    grid = make_grid(half_orbit, WAVES)
    names = WAVES.names
    assert grid.valid[:-1, names.index("log_e_2300_5000")].mean() > 0.95
    assert not grid.valid[:, names.index("log_b_2300_5000")].any()
    assert np.isfinite(grid.latitude[:-6]).all()
    assert open_half_orbit(path).channels["1132/spectra"].values.shape == (66, 1024)


def test_warmup_compiles_all_that_reading_calls(make_demeter, tmp_path):
    paths = [make_demeter("1132", n=3), make_demeter("1137", n=3, edit=coarse_rows((1,), "1137"))]
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    assert edge_score("warmup", **environment).returncode == 0
    program = (
        "import sys; from edge.readers.opening import read_payload\n"
        f"for path in sys.argv[1:]: read_payload(path, {{'spectra': {BANDS}}})\n"
        "from edge.readers.demeter_bands import sum_bands\n"
        "print(sum(sum_bands.stats.cache_hits.values()), len(sum_bands.stats.cache_misses))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    assert done.stdout == "1 0\n"


# An independent reader.


@KINDS
def test_maser4py_reads_the_same(make_demeter, repository, tmp_path, apid):
    python = os.environ.get("SEQNETQUAKE_MASER_PYTHON")
    if not python:
        pytest.skip("SEQNETQUAKE_MASER_PYTHON is not set")
    path = make_demeter(apid, n=6, edit=coarse_rows((2, 3), apid))
    script = repository / "tests" / "oracles" / "demeter_maser4py.py"
    out = tmp_path / "theirs.npz"
    subprocess.run([python, str(script), str(out), str(path)], check=True, timeout=120)
    with np.load(out) as archive:
        theirs = {name.removeprefix("0/"): archive[name] for name in archive.files}
    read = read_payload(path)
    spectra, track, row = read.channels["spectra"], read.track, 0
    for i in range(6):
        nb, nbf = int(theirs["nb"][i]), int(theirs["nbf"][i])
        year, month, day, *clock = theirs["first"][i].tolist()
        first = np.datetime64(datetime(year, month, day, *clock[:3]), "ms") + clock[3]
        assert (theirs["first"][i] == theirs["calendar"][i]).all()
        for name in ("latitude", "longitude", "altitude"):
            ours = getattr(track, name)[row] % 360.0
            assert ours == pytest.approx(theirs[name][i] % 360.0, abs=1e-12)
        for k in range(nb):
            after = round(1000.0 * k * float(theirs["duration"][i]) / nb)
            assert track.time[row] == first + np.timedelta64(after, "ms")
            power = theirs["spectra"][i].reshape(nb, nbf)[k]
            np.testing.assert_array_equal(spectra.values[row, :nbf], power)
            assert read.channels["df"].values[row] == theirs["df"][i]
            row += 1
    assert row == track.time.size


@pytest.mark.parametrize(
    ("apid", "first", "last"),
    [("1132", 19.53125, 20_000.0), ("1137", 19.53125, 20_000.0), ("1134", 3255.208, 3_333_333.0)],
)
def test_whole_spectra_know_their_frequencies(make_demeter, apid, first, last):
    frequency = read_payload(make_demeter(apid)).channels["spectra"].frequency
    assert frequency is not None
    assert frequency[[0, -1]] == pytest.approx([first, last], rel=1e-4)
    assert np.all(np.diff(frequency) > 0.0)
