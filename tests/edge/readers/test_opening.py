from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.errors import InputError, NotAHalfOrbitFile
from edge.readers.names import parse_name
from edge.readers.opening import open_half_orbit, read_half_orbit, read_payload


def named(*paths):
    return {path: parse_name(path) for path in paths}


def test_the_payloads_of_a_half_orbit_come_together(make_cses):
    paths = [make_cses(payload) for payload in ("LAP_1", "PAP_0", "HPM_5")]
    half_orbit = open_half_orbit(paths)
    assert half_orbit.key == "CSES_096791"
    assert (half_orbit.mission, half_orbit.orbit, half_orbit.direction) == ("cses", 9679, 1)
    assert half_orbit.night_side
    assert set(half_orbit.payloads) == {"LAP_1", "PAP_0", "HPM_5"}
    assert half_orbit.failed == {}
    assert half_orbit.channels["LAP_1/A311"] is half_orbit.payloads["LAP_1"].channels["A311"]


def test_demeter_payloads_come_together_too(make_demeter):
    half_orbit = open_half_orbit([make_demeter("1144"), make_demeter("1140")])
    assert half_orbit.key == "DEMETER_112341"
    assert set(half_orbit.payloads) == {"1140", "1144"}


def test_one_path_is_enough(make_demeter):
    path = make_demeter(direction=0)
    for given in (path, str(path), [path]):
        half_orbit = open_half_orbit(given)
        assert half_orbit.payloads["1144"].path == path
        assert not half_orbit.night_side


def test_the_order_of_files_does_not_matter(make_cses):
    paths = [make_cses(payload) for payload in ("LAP_1", "HPM_5")]
    one, other = open_half_orbit(paths), open_half_orbit(reversed(paths))
    assert set(one.channels) == set(other.channels)


def test_a_file_that_fails_is_named_and_its_siblings_are_read(make_cses):
    good, bad = make_cses("LAP_1"), make_cses("PAP_0", A315=None)
    half_orbit = read_half_orbit(named(good, bad))
    assert set(half_orbit.payloads) == {"LAP_1"}
    assert set(half_orbit.failed) == {"PAP_0"}
    assert str(half_orbit.failed["PAP_0"]) == f"{bad.name}: dataset A315 is missing"


def test_opening_by_hand_refuses_a_file_that_fails(make_cses):
    good, bad = make_cses("LAP_1"), make_cses("PAP_0", A315=None)
    with pytest.raises(InputError, match=f"{bad.name}: dataset A315 is missing"):
        open_half_orbit([good, bad])


@pytest.mark.parametrize("longer", [0, 1])
def test_of_two_files_of_a_payload_the_one_with_more_records_is_kept(make_cses, tmp_path, longer):
    lengths = (60, 30) if longer == 0 else (30, 60)
    name = make_cses(n=60).name
    paths = [
        make_cses(n=n, folder=tmp_path, filename=name.replace("_000.h5", f"_00{k}.h5"))
        for k, n in enumerate(lengths)
    ]
    half_orbit = open_half_orbit(paths)
    assert half_orbit.payloads["LAP_1"].path == paths[longer]
    assert half_orbit.payloads["LAP_1"].track.time.size == 60


def test_of_two_files_of_a_payload_the_damaged_one_is_the_one_that_is_named(make_cses, tmp_path):
    name = make_cses().name.replace("_000.h5", "_001.h5")
    good = make_cses(folder=tmp_path)
    bad = make_cses(folder=tmp_path, filename=name, A311=None)
    half_orbit = read_half_orbit(named(good, bad))
    assert half_orbit.payloads["LAP_1"].path == good
    with pytest.raises(InputError, match=bad.name):
        open_half_orbit([good, bad])


def test_only_the_payloads_and_channels_asked_for_are_read(make_cses):
    lap, broken = make_cses("LAP_1"), make_cses("PAP_0", A315=None)
    half_orbit = read_half_orbit(named(lap, broken), {"LAP_1": {"A311": ()}})
    assert set(half_orbit.channels) == {"LAP_1/A311"}
    assert half_orbit.failed == {}


def test_files_of_two_half_orbits_are_refused_with_both_keys(make_cses):
    paths = [make_cses(), make_cses(orbit=9680)]
    with pytest.raises(InputError, match="files of 2 half-orbits: CSES_096791, CSES_096801"):
        open_half_orbit(paths)
    with pytest.raises(ValueError, match="files of one half-orbit expected"):
        read_half_orbit(named(*paths))


def test_no_file_is_refused():
    with pytest.raises(InputError, match="no file given"):
        open_half_orbit([])
    with pytest.raises(ValueError, match="files of one half-orbit expected"):
        read_half_orbit({})


def test_what_is_no_half_orbit_file_is_refused(tmp_path, make_cses):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(NotAHalfOrbitFile):
        open_half_orbit([make_cses(), tmp_path / "notes.txt"])


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_a_file_without_permission_is_refused(make_cses, refused, monkeypatch, code):
    def deny(*_):
        raise PermissionError(code, "denied")

    path = make_cses()
    monkeypatch.setattr(Path, "open", deny)
    refused(path, "no permission to read it")


def test_reading_twice_gives_the_same_and_leaves_the_file_alone(make_cses, make_demeter):
    for path in (make_cses(), make_demeter()):
        before = path.read_bytes()
        one, two = read_payload(path), read_payload(path)
        for name in one.channels:
            np.testing.assert_array_equal(one.channels[name].values, two.channels[name].values)
        assert path.read_bytes() == before


def test_a_demeter_half_orbit_is_read_without_h5py(make_demeter, repository):
    code = (
        "import sys\nfrom edge.readers import open_half_orbit\n"
        f"open_half_orbit({str(make_demeter())!r})\nprint('h5py' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
