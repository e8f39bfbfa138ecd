"""Large files: memory stays bounded, and what is left out is said."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pytest

from edge.readers import cses, read_payload
from edge.show import describe as describing
from edge.show.describe import describe

MIB = 1024 * 1024

# Peak of the process beyond what it holds after its imports and one small file.
MEASURE = """
import resource, sys, tracemalloc
from edge.readers import read_payload
from edge.show.describe import describe
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
small, large, what = sys.argv[1:]
def run(path):
    if what == "info":
        describe(path)
    else:
        read_payload(path, {"A231_P": ((10.0, 40.0), (40.0, 100.0))})
from pathlib import Path
run(Path(small))
before = peak()
if what == "traced":
    tracemalloc.start()
run(Path(large))
print(tracemalloc.get_traced_memory()[1] / 2**20 if what == "traced" else peak() - before)
"""


def waveform_file(make_cses, n, **others):
    gone = {f"A23{k}_P": None for k in (1, 2, 3)}
    path = make_cses("SCM_1", n=n, **gone, **others)
    with h5py.File(path, "a") as file:
        stored = file.create_dataset("A231_W", (n, 4096), "f8")
        stored.attrs["units"] = np.array([b"nT"])
        rng = np.random.default_rng(0)
        for start in range(0, n, 500):
            stored[start : start + 500] = rng.normal(5.0, 1.0, (min(500, n - start), 4096))
    return path


def mebibytes(small, large, what, repository) -> float:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(small), str(large), what],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


@pytest.mark.parametrize("what", ["bands", "info", "traced"])
def test_a_waveform_file_is_read_in_a_fixed_amount_of_memory(make_cses, repository, what):
    small, large = waveform_file(make_cses, 40), waveform_file(make_cses, 1000)
    assert large.stat().st_size > 31 * MIB
    # An exact median holds up to two million values.
    assert mebibytes(small, large, what, repository) < (64 if what == "info" else 16)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["bands", "info", "traced"])
def test_200_mb_of_waveform_are_read_in_64_mib(make_cses, repository, what):
    # A half-orbit has 563 such records in 37.5 minutes; this one is written at every 0.37 s.
    n = 6104
    small = waveform_file(make_cses, 40)
    gaps = (np.arange(n) * 370).astype(np.int64)
    path = waveform_file(
        make_cses,
        n,
        filename="CSES_01_SCM_1_L02_A2_096791_20200301_015900_20200301_024000_000.h5",
        UTC_TIME=None,
        VERSE_TIME=gaps + 352_260_000_000,
    )
    assert path.stat().st_size > 199e6
    assert mebibytes(small, path, what, repository) < 64


def test_what_is_not_asked_for_is_not_read(make_cses, monkeypatch):
    path = waveform_file(make_cses, 40)
    read = []
    plain = cses.RootGroup.dataset

    def spy(self, name, *others, **more):
        read.append(name)
        return plain(self, name, *others, **more)

    monkeypatch.setattr(cses.RootGroup, "dataset", spy)
    read_payload(path, {"A231_P": ((40.0, 100.0),)})
    assert sorted(read) == [
        "A231_W", "ALTITUDE", "GEO_LAT", "GEO_LON", "UTC_TIME", "VERSE_TIME",
    ]  # fmt: skip


def test_large_waveforms_are_left_out_unless_asked_for_by_name(make_cses, monkeypatch):
    path = waveform_file(make_cses, 40)
    assert read_payload(path).channels["A231_W"].values.shape == (40, 4096)
    monkeypatch.setattr(cses, "WAVEFORM_BYTES", MIB)
    read = read_payload(path)
    assert "A231_W" not in read.channels
    assert "A231_P" in read.channels
    assert read.notes == (
        "no A231_P: computed from A231_W at 1024 Hz",
        "A231_W (1 MiB) is not read unasked",
    )
    asked = read_payload(path, {"A231_W": ()})
    assert asked.channels["A231_W"].values.shape == (40, 4096)


@pytest.mark.parametrize("n", [40, 41])
@pytest.mark.parametrize("held", [0, 1, 100, 10**9])
def test_medians_are_exact_however_they_are_found(make_cses, monkeypatch, n, held):
    rng = np.random.default_rng(n)
    wave = rng.normal(0.0, 100.0, (n, 256)) * 10.0 ** rng.integers(-9, 9, (n, 256))
    wave[0, 0] = np.nan
    wave[1, :9] = -9999.0
    wave[2, :4] = [0.0, -0.0, 5e-324, -5e-324]
    wave[3:30] = rng.integers(-2, 3, (27, 256))
    monkeypatch.setattr(describing, "MAX_HELD", held)
    found = describe(make_cses("EFD_1", n=n, A111_W=wave))
    info = next(c for c in found.channels if c.name == "A111_W")
    good = wave[np.isfinite(wave) & (wave != -9999.0)]
    good = good[(good != -99999.0) & (good != 99999.0) & (good != -999999.0)]
    assert info.count == n * 256
    assert info.valid_share == pytest.approx(good.size / wave.size, abs=1e-4)
    assert (info.minimum, info.maximum) == (good.min(), good.max())
    assert info.median == np.median(good)


def test_info_names_a_convention_and_summarises_spectra_as_a_whole(make_cses):
    found = describe(make_cses("SCM_2"))
    assert found.notes == ["layout by convention: seen in no real file"]
    info = {c.name: c for c in found.channels}
    assert list(info) == ["A241_P", "A242_P", "A243_P", "MAG_LAT", "MAG_LON", "WORKMODE"]
    assert info["A241_P"].count == 40 * 1024
    assert info["A241_P"].unit == "nT^2/Hz"
    assert describe(make_cses("HPM_5")).notes == []
