"""The reader against csespy, in a Python of its own (tests/oracles/README.md)."""

from __future__ import annotations

import os
import subprocess

import numpy as np
import pytest

from edge.readers import read_payload

ABSENT = "SEQNETQUAKE_CSESPY_PYTHON is not set"

VALUES = {
    "HPM_5": {"A221": "Bx", "A222": "By", "A223": "Bz"},
    "LAP_1": {"A311": "ne", "A321": "Te"},
    "PAP_0": {
        **{"A313": "nH+", "A314": "nHe+", "A315": "nO+", "A322": "Ti"},
        **{"A331": "vx", "A332": "vy", "A333": "vz"},
    },
}
SPECTRA = {"EFD_1": "A11", "EFD_2": "A12", "EFD_3": "A13", "SCM_1": "A23", "SCM_2": "A24"}


@pytest.fixture(scope="module")
def csespy_reads(repository, tmp_path_factory):
    """Run csespy on files and give what it made of them."""
    python = os.environ.get("SEQNETQUAKE_CSESPY_PYTHON")
    if not python:
        pytest.skip(ABSENT)

    def read(*paths) -> dict[str, np.ndarray]:
        out = tmp_path_factory.mktemp("csespy") / "out.npz"
        script = repository / "tests" / "oracles" / "cses_csespy.py"
        command = [python, "-W", "ignore", str(script), str(out), *map(str, paths)]
        subprocess.run(command, check=True, capture_output=True)
        with np.load(out) as found:
            return dict(found)

    return read


def compare(path, theirs) -> None:
    read = read_payload(path)
    name, payload = path.name, path.name[8:13]
    np.testing.assert_allclose(theirs[f"{name}/lat"], read.track.latitude, atol=1e-5)
    np.testing.assert_allclose(theirs[f"{name}/lon"], read.track.longitude, atol=1e-4)
    np.testing.assert_allclose(theirs[f"{name}/alt"], read.track.altitude, atol=1e-4)
    seconds = (read.track.time - read.track.time[0]) / np.timedelta64(1, "s")
    np.testing.assert_allclose(
        theirs[f"{name}/time"] - theirs[f"{name}/time"][0], seconds, atol=0.002
    )
    for ours, their in VALUES[payload].items():
        np.testing.assert_array_equal(theirs[f"{name}/{their}"], read.channels[ours].values)


def test_csespy_reads_the_same_values(csespy_reads, make_cses):
    paths = [
        make_cses("HPM_5", flavour="scalar"),
        make_cses("LAP_1", n=300),
        make_cses("PAP_0", n=300),
    ]
    theirs = csespy_reads(*paths)
    for path in paths:
        compare(path, theirs)


def test_csespy_reads_the_same_real_half_orbit(csespy_reads, real_hpm):
    compare(real_hpm, csespy_reads(real_hpm))


def test_csespy_gives_the_same_power_spectra(csespy_reads, make_cses):
    paths = [make_cses(payload) for payload in SPECTRA]
    theirs = csespy_reads(*paths)
    for path, numbers in zip(paths, SPECTRA.values(), strict=True):
        channels = read_payload(path).channels
        for k, axis in enumerate("xyz", 1):
            field = "E" if "EFD" in path.name else "B"
            np.testing.assert_allclose(
                channels[f"{numbers}{k}_P"].values,
                theirs[f"{path.name}/psd/{field}{axis}"],
                rtol=1e-14,
            )
