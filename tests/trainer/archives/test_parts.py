"""Which half-orbits go where, when a part is made again, and what is not opened."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from edge.readers.names import FileName, parse_name
from trainer.archives.manifest import Part, RowsRequest, is_made, plan_parts, read_part_record
from trainer.archives.part_making import make_part

PAYLOADS = ("1144", "1140")


def archive_of(folder: Path, orbits: list[int]) -> dict[str, dict[Path, FileName]]:
    """Write files of 10 bytes, two a half-orbit and one folder a payload, and group them."""
    groups: dict[str, dict[Path, FileName]] = {}
    for orbit in orbits:
        start = datetime(2008, 1, 1) + timedelta(minutes=99 * orbit)
        stamps = f"{start:%Y%m%d_%H%M%S}_{start + timedelta(minutes=35):%Y%m%d_%H%M%S}"
        for payload in PAYLOADS:
            path = folder / payload / f"DMT_N1_{payload}_{orbit:05d}1_{stamps}.DAT"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(10))
            os.utime(path, (1e9, 1e9))
            name = parse_name(path)
            groups.setdefault(name.half_orbit, {})[path] = name
    return groups


def plan(folder: Path, groups: dict[str, dict[Path, FileName]], orbits: int = 4) -> list[Part]:
    request = RowsRequest(folder, "demeter", "plasma", "dark", False)
    return plan_parts(groups, request, folder / "rows", {}, orbits)


@pytest.fixture
def unread(tmp_path: Path) -> Part:
    """A part of half-orbits that are given up before any is opened."""
    (part,) = plan(tmp_path, archive_of(tmp_path, [0, 1]))
    part.path.parent.mkdir()
    return replace(part, given_up=dict.fromkeys(part.half_orbits, "it ended every process"))


def test_a_part_is_a_stretch_of_orbit_numbers_whatever_is_missing(tmp_path: Path) -> None:
    parts = plan(tmp_path, archive_of(tmp_path, [2, 3, 4, 11, 12]))
    assert {p.path.name: [int(k[8:13]) for k in p.half_orbits] for p in parts} == {
        "part-00000.parquet": [2, 3],
        "part-00001.parquet": [4],
        "part-00002.parquet": [11],
        "part-00003.parquet": [12],
    }


def test_files_are_named_from_the_archive_and_in_order(tmp_path: Path) -> None:
    groups = archive_of(tmp_path, [7])
    (part,) = plan(tmp_path, groups)
    (below,) = part.half_orbits.values()
    assert [path.parent.name for path in below] == sorted(PAYLOADS)
    assert {tmp_path / path for path in below} == set(*groups.values())


@pytest.mark.parametrize("change", ["size", "name", "gone"])
def test_other_files_are_another_part(tmp_path: Path, change: str) -> None:
    groups = archive_of(tmp_path, list(range(8)))
    before = plan(tmp_path, groups)
    file = next(iter(groups["DEMETER_000051"]))
    if change == "size":
        file.write_bytes(bytes(11))
    elif change == "gone":
        file.unlink()
    else:
        moved = file.rename(tmp_path / file.name)
        groups["DEMETER_000051"] = {moved: parse_name(moved)}
    after = plan(tmp_path, groups)
    assert [a.fingerprint == b.fingerprint for a, b in zip(before, after, strict=True)] == [
        True,
        False,
    ]


def test_the_same_bytes_at_another_time_are_the_same_part(tmp_path: Path) -> None:
    groups = archive_of(tmp_path, [1])
    (before,) = plan(tmp_path, groups)
    for file in groups["DEMETER_000011"]:
        os.utime(file, (1.1e9, 1.1e9))
    assert plan(tmp_path, groups) == [before]


def test_what_is_given_up_is_named_and_not_opened(
    unread: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr("trainer.archives.part_making.read_pass", opened)
    made = make_part(unread)
    assert (made.half_orbits, made.rows) == (2, 0)
    assert {f.name for f in made.failed} == {
        str(path) for below in unread.half_orbits.values() for path in below
    }
    assert {f.reason for f in made.failed} == {"it ended every process"}
    record = read_part_record(unread.path)
    assert record.failed == list(made.failed)
    assert [(h.key, h.rows, h.files) for h in record.half_orbits] == [
        (key, 0, []) for key in unread.half_orbits
    ]
    # Until its files change.
    assert is_made(unread)


def test_a_part_is_not_made_where_it_or_a_file_of_it_is_gone_or_damaged(unread: Part) -> None:
    make_part(unread)
    content = unread.path.read_bytes()
    unread.path.write_bytes(content[:-1])
    assert not is_made(unread)
    unread.path.write_bytes(content)
    assert is_made(unread)
    file = unread.request.archive / next(iter(unread.half_orbits.values()))[0]
    file.unlink()
    assert not is_made(unread)
