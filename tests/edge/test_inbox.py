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
    found = scan(tmp_path, tmp_path / "out").candidates
    assert [c.key for c in found] == [f"2019/{HPM}", "notes.txt"]
    assert found[0].name is not None
    assert found[0].name.half_orbit == "CSES_096791"
    assert found[1].name is None
    assert not found[1].malformed


@pytest.mark.parametrize("name", [f".{HPM}", f"{HPM}.part", f"{HPM}.tmp", ".hidden/x"])
def test_hidden_and_unfinished_files_are_left_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"x")
    assert scan(tmp_path, tmp_path / "out").candidates == []


def test_the_output_folder_inside_the_inbox_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / HPM).write_bytes(b"x")
    assert scan(tmp_path, tmp_path / "out").candidates == []


def test_a_damaged_name_of_ours_is_told_from_a_foreign_file(tmp_path: Path) -> None:
    (tmp_path / "CSES_01_HPM_5_L02_A2_0967.h5").write_bytes(b"x")
    (tmp_path / HPM.replace("HPM_5", "HEP_1")).write_bytes(b"x")
    unsupported, damaged = scan(tmp_path, tmp_path / "out").candidates
    assert damaged.malformed
    assert not unsupported.malformed


@pytest.mark.parametrize("name", ["none", "file"])
def test_an_inbox_that_is_none_is_one_clear_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=f"^{name}: "):
        scan(tmp_path / name, tmp_path / "out")


def candidate(path: Path) -> Candidate:
    status = path.stat()
    return Candidate(
        path, path.name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, None, None
    )


def test_a_file_settles_by_the_time_it_has_been_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    # A copy that keeps the time of its source has still only just arrived.
    os.utime(path, (1e9, 1e9))
    assert not Settled(30.0)(candidate(path))
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    assert Settled(30.0)(candidate(path))


def test_a_name_that_is_no_text_has_a_key_that_is(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"bad\xff.txt")  # noqa: PTH118
    with open(path, "wb") as stream:  # noqa: PTH123
        stream.write(b"x")
    (found,) = scan(tmp_path, tmp_path / "out").candidates
    assert found.key == "bad\\xff.txt"
    found.key.encode()


def test_links_in_a_ring_and_times_beyond_the_calendar_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "far").write_bytes(b"x")
    os.utime(tmp_path / "far", (10_500_000_000, 10_500_000_000))
    (found,) = scan(tmp_path, tmp_path / "out").candidates
    assert -(2**63) <= found.mtime_ns < 2**63


def test_a_closed_folder_hides_its_own_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a").write_bytes(b"x")
    listing = os.scandir

    def scandir(folder: Path) -> object:
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return listing(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    look = scan(tmp_path, tmp_path / "out")
    assert [c.key for c in look.candidates] == ["a"]
    assert [str(e) for e in look.blind] == ["closed: no permission to read it"]
    assert look.may_hold("closed/x")
    assert not look.may_hold("closed2/x")


def test_a_file_settles_though_the_clock_was_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: path.stat().st_ctime + 1.0)
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
