from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.errors import InputError
from edge.inbox import InboxFile, Settled, look_at, path_of, walk

HPM = "CSES_01_HPM_5_L02_A2_096791_20191101_001933_20191101_005555_000.h5"


def scan(inbox: Path, out: Path) -> tuple[list[InboxFile], dict[str, str]]:
    """Everything in an inbox, and the folders that cannot be looked into."""
    blind: dict[str, str] = {}
    found = [
        file
        for folder, _ in walk(inbox, out, lambda key, error: blind.update({key: str(error)}))
        for file in folder.files(lambda *_: False)
    ]
    return sorted(found, key=lambda f: f.key), blind


def digests(inbox: Path) -> dict[str, str]:
    return {folder.key: digest for folder, digest in walk(inbox, inbox / "out", lambda *_: None)}


def test_a_scan_finds_what_lies_in_folders_too(tmp_path: Path) -> None:
    (tmp_path / "2019").mkdir()
    (tmp_path / "2019" / HPM).write_bytes(b"x")
    (tmp_path / "notes.txt").write_bytes(b"x")
    found, _ = scan(tmp_path, tmp_path / "out")
    assert [c.key for c in found] == [f"2019/{HPM}", "notes.txt"]
    assert found[0].name is not None
    assert found[0].name.half_orbit == "CSES_096791"
    assert found[1].name is None
    assert not found[1].malformed


@pytest.mark.parametrize(
    "name",
    [
        f".{HPM}",
        f"{HPM}.part",
        f"{HPM}.tmp",
        ".hidden/x",
        f"{HPM}.filepart",
        f"{HPM}.crdownload",
        f"{HPM}.aria2",
        f"{HPM}.partial",
        f"{HPM}.!qB",
        f"{HPM}.download",
    ],
)
def test_hidden_and_unfinished_files_are_left_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"x")
    assert scan(tmp_path, tmp_path / "out")[0] == []


def test_the_output_folder_inside_the_inbox_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / HPM).write_bytes(b"x")
    assert scan(tmp_path, tmp_path / "out")[0] == []


def test_a_damaged_name_of_ours_is_told_from_a_foreign_file(tmp_path: Path) -> None:
    (tmp_path / "CSES_01_HPM_5_L02_A2_0967.h5").write_bytes(b"x")
    (tmp_path / HPM.replace("HPM_5", "HEP_1")).write_bytes(b"x")
    unsupported, damaged = scan(tmp_path, tmp_path / "out")[0]
    assert damaged.malformed
    assert not unsupported.malformed


@pytest.mark.parametrize("name", ["none", "file"])
def test_an_inbox_that_is_none_is_one_clear_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=f"^{name}: "):
        scan(tmp_path / name, tmp_path / "out")


def test_a_file_settles_by_the_time_it_has_been_here(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    # A copy that keeps the time of its source has still only just arrived.
    os.utime(path, (1e9, 1e9))
    file = look_at(path, "a")
    now = path.stat().st_ctime + 1.0
    assert not Settled(30.0)(file, "settle", {}, now)
    assert Settled(30.0)(file, "settle", {}, now + 60.0)


def test_a_name_that_is_no_text_has_a_key_that_is(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"bad\xff.txt")  # noqa: PTH118
    with open(path, "wb") as stream:  # noqa: PTH123
        stream.write(b"x")
    (found,) = scan(tmp_path, tmp_path / "out")[0]
    assert found.key == "bad\\xff.txt"
    found.key.encode()
    assert path_of(tmp_path, found.key) == found.path


def test_links_in_a_ring_and_times_beyond_the_calendar_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "far").write_bytes(b"x")
    os.utime(tmp_path / "far", (10_500_000_000, 10_500_000_000))
    found, loop = scan(tmp_path, tmp_path / "out")[0]
    assert -(2**63) <= found.mtime_ns < 2**63
    assert str(loop.problem) == "loop: is a link that leads nowhere"


def test_a_closed_folder_hides_its_own_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a").write_bytes(b"x")
    listing = os.scandir

    def scandir(folder: str) -> object:
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return listing(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    found, blind = scan(tmp_path, tmp_path / "out")
    assert [c.key for c in found] == ["a"]
    assert blind == {"closed/": "closed: no permission to read it"}


def test_a_file_settles_though_the_clock_was_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    file = look_at(path, "a")
    ticks = [0.0]
    monkeypatch.setattr("edge.inbox.time.monotonic", lambda: ticks[0])
    now = path.stat().st_ctime + 1.0
    settled = Settled(30.0)
    assert not settled(file, "settle", {}, now)
    ticks[0] = 29.0
    assert not settled(file, "settle", {}, now)
    ticks[0] = 31.0
    assert settled(file, "settle", {}, now)


def test_zero_seconds_settle_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    assert Settled(0.0)(look_at(path, "a"), "settle", {}, 0.0)


def test_a_digest_tells_every_change_of_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    before = digests(tmp_path)
    assert digests(tmp_path) == before
    path.write_bytes(b"y")
    changed = digests(tmp_path)
    assert changed[""] != before[""]
    assert changed["folder/"] == before["folder/"]
    path.rename(tmp_path / "b")
    renamed = digests(tmp_path)
    assert renamed[""] != changed[""]
    (tmp_path / "folder" / "c").touch()
    assert digests(tmp_path)["folder/"] != before["folder/"]
    # Nobody looks for files that may still grow.
    now = digests(tmp_path)["folder/"].partition("-")[0]
    (tmp_path / "folder" / "d.part").touch()
    assert digests(tmp_path)["folder/"].partition("-")[0] == now
