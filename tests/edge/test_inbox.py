from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from edge.errors import InputError
from edge.inbox import Candidate, Settled, scan

HPM = "CSES_01_HPM_5_L02_A2_096791_20191101_001933_20191101_005555_000.h5"


def test_a_scan_finds_what_lies_in_folders_too(tmp_path: Path) -> None:
    (tmp_path / "2019").mkdir()
    (tmp_path / "2019" / HPM).write_bytes(b"x")
    (tmp_path / "notes.txt").write_bytes(b"x")
    found = scan(tmp_path, tmp_path / "out")
    assert [c.key for c in found] == [f"2019/{HPM}", "notes.txt"]
    assert found[0].name is not None
    assert found[0].name.half_orbit == "CSES_096791"
    assert found[1].name is None
    assert not found[1].malformed


@pytest.mark.parametrize("name", [f".{HPM}", f"{HPM}.part", f"{HPM}.tmp", ".hidden/x"])
def test_hidden_and_unfinished_files_are_left_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"x")
    assert scan(tmp_path, tmp_path / "out") == []


def test_the_output_folder_inside_the_inbox_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / HPM).write_bytes(b"x")
    assert scan(tmp_path, tmp_path / "out") == []


def test_a_damaged_name_of_ours_is_told_from_a_foreign_file(tmp_path: Path) -> None:
    (tmp_path / "CSES_01_HPM_5_L02_A2_0967.h5").write_bytes(b"x")
    (tmp_path / HPM.replace("HPM_5", "HEP_1")).write_bytes(b"x")
    unsupported, damaged = scan(tmp_path, tmp_path / "out")
    assert damaged.malformed
    assert not unsupported.malformed


@pytest.mark.parametrize("name", ["none", "file"])
def test_an_inbox_that_is_none_is_one_clear_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=f"^{name}: "):
        scan(tmp_path / name, tmp_path / "out")


def candidate(path: Path) -> Candidate:
    status = path.stat()
    return Candidate(path, path.name, status.st_size, status.st_mtime_ns, None, None)


def test_a_file_settles_by_its_age(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    settled = Settled(30.0)
    assert not settled(candidate(path))
    os.utime(path, (time.time() - 60, time.time() - 60))
    assert settled(candidate(path))


def test_a_file_settles_though_the_clock_was_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: path.stat().st_mtime + 1.0)
    settled = Settled(30.0)
    assert not settled(candidate(path))
    now[0] = 29.0
    assert not settled(candidate(path))
    now[0] = 31.0
    assert settled(candidate(path))


def test_zero_seconds_settle_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    assert Settled(0.0)(candidate(path))
