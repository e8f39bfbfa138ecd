from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from edge.outputs import replace_file, write_results
from edge.results import HalfOrbitResult, ScoredHalfOrbit, WindowScore


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    replace_file(path, b"old")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_when_writing_fails_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    replace_file(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_planted_link_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    out = tmp_path / "out"
    out.mkdir()
    (out / ".a.csv.tmp").symlink_to(victim)
    replace_file(out / "a.csv", b"new")
    assert victim.read_bytes() == b"precious"
    assert (out / "a.csv").read_bytes() == b"new"
    assert [p.name for p in out.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_folder_that_cannot_be_flushed_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    flush = os.fsync

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        flush(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    replace_file(tmp_path / "a.csv", b"new")
    assert (tmp_path / "a.csv").read_bytes() == b"new"


def window(second: int, longitude: float, latitude: float = 10.0) -> WindowScore:
    return WindowScore(
        half_orbit="CSES_096791",
        time=f"2020-09-12T20:00:{second:02d}.500Z",
        latitude=latitude,
        longitude=longitude,
        local_time=2.0,
        coverage=1.0,
        score=0.1,
        verdict="quiet",
        geomagnetic="unknown",
        trained_on="simulated",
        failed=[],
    )


def track(tmp_path: Path, *windows: WindowScore) -> list | None:
    summary = HalfOrbitResult(
        half_orbit="CSES_096791",
        mission="cses",
        status="scored",
        side="night",
        start=None,
        end=None,
        payloads=["LAP_1"],
        failed={},
        notes=[],
        night="dark",
        minimum_coverage=0.35,
        threshold=0.9,
        windows=len(windows),
        insufficient=0,
        alarms=0,
        bundle="plasma",
        trained_on="simulated",
        code_version="0",
        runtime="none",
    )
    (written,) = write_results(
        tmp_path,
        ScoredHalfOrbit(summary=summary, windows=list(windows), alarms=[], failures=[]),
        ["jsonl"],
    )
    assert written.name.endswith(".jsonl")
    write_results(
        tmp_path, ScoredHalfOrbit(summary=summary, windows=list(windows), alarms=[], failures=[])
    )
    (feature,) = json.loads((tmp_path / "CSES_096791.geojson").read_text())["features"]
    return feature["geometry"] and feature["geometry"]["coordinates"]


def test_the_track_is_cut_at_gaps_and_at_the_antimeridian(tmp_path: Path) -> None:
    assert track(tmp_path, window(0, 1.0), window(3, 1.1)) == [[[1.0, 10.0], [1.1, 10.0]]]
    cut = track(tmp_path, window(0, 179.9), window(3, -179.9), window(6, -179.8))
    assert cut == [[[179.9, 10.0]] * 2, [[-179.9, 10.0], [-179.8, 10.0]]]
    gap = track(tmp_path, window(0, 1.0), window(3, 1.1), window(9, 1.3), window(12, 1.4))
    assert gap == [[[1.0, 10.0], [1.1, 10.0]], [[1.3, 10.0], [1.4, 10.0]]]
    assert track(tmp_path) is None
