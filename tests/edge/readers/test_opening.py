from __future__ import annotations

import errno
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import h5py
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


def parts(make, kind, lengths, gap_s, **others):
    """Write files of one payload that follow each other, `gap_s` between."""
    start = datetime(2020, 3, 1, 2) if others.get("orbit") is None else datetime(2006, 8, 9, 21)
    paths = []
    for n in lengths:
        paths.append(make(kind, n=n, start=start, **others))
        times = read_payload(paths[-1]).track.time
        start = times[-1].astype(datetime) + timedelta(seconds=gap_s)
    return paths


@pytest.mark.parametrize("lengths", [(60, 30), (30, 60), (20, 40, 30)])
@pytest.mark.parametrize(("kind", "gap_s"), [("LAP_1", 3.0), ("LAP_1", 300.0), ("EFD_2", 2.048)])
def test_files_of_a_payload_that_follow_each_other_are_joined(make_cses, kind, lengths, gap_s):
    paths = parts(make_cses, kind, lengths, gap_s)
    alone = [read_payload(path) for path in paths]
    payload = read_half_orbit(named(*reversed(paths))).payloads[kind]
    assert payload.track.time.size == sum(lengths)
    assert np.all(np.diff(payload.track.time).astype(int) > 0)
    for name, channel in payload.channels.items():
        assert channel.track is payload.track
        together = np.concatenate([p.channels[name].values for p in alone])
        np.testing.assert_array_equal(channel.values, together)
    names = ", ".join(path.name for path in paths)
    assert payload.notes == (f"joined in time from {names}",)
    assert (payload.name.start, payload.name.end) == (alone[0].name.start, alone[-1].name.end)
    assert payload.path == paths[lengths.index(max(lengths))]


@pytest.mark.parametrize("apid", ["1144", "1132", "1129", "1138"])
def test_files_of_a_demeter_payload_are_joined_too(make_demeter, apid):
    first = make_demeter(apid, n=12, start=datetime(2006, 8, 9, 21))
    second = make_demeter(apid, n=9, start=datetime(2006, 8, 9, 21, 10))
    payload = read_half_orbit(named(first, second)).payloads[apid]
    alone = [read_payload(path) for path in (first, second)]
    assert payload.track.time.size == sum(p.track.time.size for p in alone)
    for name, channel in payload.channels.items():
        assert len(channel.values) == sum(len(p.channels[name].values) for p in alone)
        assert channel.track.time.size == len(channel.values)


def test_files_that_share_the_records_where_they_meet_are_joined(make_cses):
    paths = parts(make_cses, "LAP_1", (60, 30), -6.0)
    payload = read_half_orbit(named(*paths)).payloads["LAP_1"]
    assert payload.track.time.size == 60 + 30 - 3
    assert np.all(np.diff(payload.track.time).astype(int) > 0)


@pytest.mark.parametrize("gap_s", [-90.0, -170.0])
def test_of_files_that_overlap_the_longer_is_kept_and_the_other_named(make_cses, gap_s):
    paths = parts(make_cses, "LAP_1", (60, 30), gap_s)
    payload = read_half_orbit(named(*paths)).payloads["LAP_1"]
    assert payload.track.time.size == 60
    assert payload.notes == (
        f"{paths[1].name} is left out: {paths[0].name} has its time, with as many records or more",
    )


def test_a_file_around_another_is_left_out(make_cses):
    # 40 records a second apart, amid 21 that lie a minute apart.
    inner = make_cses("HPM_5", n=40, start=datetime(2020, 3, 1, 2, 9, 30))
    times = np.arange(21) * 60_000 + np.int64(352_000_000_000)
    verse = np.datetime64("2020-03-01T02:00", "ms") - np.datetime64("2009-01-01", "ms")
    verse = verse.astype(np.int64) + times - times[0]
    outer = make_cses(
        "HPM_5",
        n=21,
        VERSE_TIME=verse,
        UTC_TIME=None,
        filename=inner.name.replace("_000.", "_001."),
    )
    payload = read_half_orbit(named(inner, outer)).payloads["HPM_5"]
    assert payload.path == inner
    assert payload.track.time.size == 40


def test_joined_parts_in_two_units_have_one(make_cses):
    first, second = parts(make_cses, "LAP_1", (40, 30), 3.0)
    with h5py.File(second, "a") as file:
        file["A311"].attrs["units"] = np.bytes_(b"cm-3")
    channel = read_half_orbit(named(first, second)).payloads["LAP_1"].channels["A311"]
    assert channel.unit == "m^-3"
    expected = read_payload(second).channels["A311"].values * 1e6
    np.testing.assert_allclose(channel.values[40:], expected)


def test_a_channel_that_one_part_has_alone_keeps_its_own_records(make_cses):
    first = make_cses("LAP_1", n=40)
    start = read_payload(first).track.time[-1].astype(datetime) + timedelta(seconds=3)
    second = make_cses("LAP_1", n=30, start=start, UF=None)
    payload = read_half_orbit(named(first, second)).payloads["LAP_1"]
    assert payload.channels["A311"].values.size == 70
    uf = payload.channels["UF"]
    assert uf.values.size == uf.track.time.size == 40


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
