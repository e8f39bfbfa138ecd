"""Rows on disk: what comes back is what was written, and parts are what their request says."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.grid import Grid
from edge.observables import PLASMA
from edge.readers.names import FileName
from trainer.archives.archive import NightPass
from trainer.archives.manifest import (
    METADATA_KEY,
    HalfOrbitRows,
    InputFile,
    Part,
    PartRecord,
    RowsRecord,
    RowsRequest,
    is_made,
    plan_parts,
)
from trainer.archives.part_making import make_part
from trainer.archives.rows import iter_passes, read_manifest, read_part, rows_table
from trainer.common.errors import TrainError

FIELDS = ("cell", "latitude", "longitude", "altitude", "present", "values", "valid")


def some_pass(key: str, first: int, n: int, seed: int) -> NightPass:
    rng = np.random.default_rng(seed)
    valid = rng.random((n, 5)) < 0.6
    present = rng.random(n) < 0.9
    place = [np.where(present, rng.uniform(-80, 80, n), np.nan) for _ in range(3)]
    values = np.where(valid, rng.normal(size=(n, 5)) * 10.0 ** rng.integers(-300, 300), 0.0)
    grid = Grid(first + np.arange(n), *place, present, values, valid)
    night = present & (rng.random(n) < 0.8)
    samples = rng.uniform(0, 3, n).astype(np.float32)
    return NightPass(
        key=key,
        files=(Path(f"{key}.DAT"),),
        payloads=("1144",),
        grid=grid,
        night=night,
        samples=samples,
        burst=~night,
    )


def record_of(passes: list[NightPass], **changes: object) -> PartRecord:
    half_orbits = [
        HalfOrbitRows(
            p.key, p.grid.cell.size, "a", "b", ["1144"], [InputFile(f"{p.key}.DAT", 1, "")]
        )
        for p in passes
    ]
    fields = {
        "format": 1,
        "code_version": "0",
        "mission": "demeter",
        "profile": "plasma",
        "night": "dark",
        "simulated": True,
        "fingerprint": "f",
        "half_orbits": half_orbits,
        "failed": [],
    }
    return PartRecord(**(fields | changes))


def test_half_orbits_come_back_to_the_last_bit(tmp_path: Path) -> None:
    passes = [some_pass(f"DEMETER_0000{k}1", 1000 * k, 40 + k, k) for k in range(1, 5)]
    path = tmp_path / "part-00000.parquet"
    pq.write_table(rows_table(passes, PLASMA, record_of(passes)), path, compression="zstd")
    found = list(read_part(path, PLASMA))
    assert [p.key for p in found] == [p.key for p in passes]
    for a, b in zip(found, passes, strict=True):
        for name in FIELDS:
            x, y = getattr(a.grid, name), getattr(b.grid, name)
            assert x.dtype == y.dtype
            np.testing.assert_array_equal(x, y)
        for name in ("night", "samples", "burst"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert (a.files, a.payloads) == (b.files, b.payloads)


def test_columns_have_units_and_a_masked_value_is_null(tmp_path: Path) -> None:
    passes = [some_pass("DEMETER_000011", 0, 50, 1)]
    table = rows_table(passes, PLASMA, record_of(passes))
    units = {f.name: f.metadata[b"unit"].decode() for f in table.schema}
    assert units["log_ne"] == "log10(cm^-3)"
    assert units["te"] == "K"
    assert units["latitude"] == "degrees_north"
    assert table["te"].null_count == int((~passes[0].grid.valid[:, 1]).sum())
    assert table["latitude"].null_count == int((~passes[0].grid.present).sum())
    assert table.schema.metadata[b"simulated"] == b"true"
    assert json.loads(table.schema.metadata[METADATA_KEY])["mission"] == "demeter"


def test_no_half_orbit_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(rows_table([], PLASMA, record_of([])), path)
    assert list(read_part(path, PLASMA)) == []


def test_what_is_no_part_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "part-00001.parquet"
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(TrainError, match=r"part-00001.parquet: not a part of rows"):
        list(read_part(path, PLASMA))
    passes = [some_pass("DEMETER_000011", 0, 50, 1)]
    wrong = record_of([some_pass("DEMETER_000011", 0, 60, 1)])
    pq.write_table(rows_table(passes, PLASMA, wrong), path)
    with pytest.raises(TrainError, match="50 rows, its record says 60"):
        list(read_part(path, PLASMA))


def test_rows_without_a_manifest_are_not_complete(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="not complete: run edge-train prepare"):
        read_manifest(tmp_path)
    with pytest.raises(TrainError, match="not complete"):
        list(iter_passes(tmp_path))


def test_a_part_of_another_run_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    passes = [some_pass("DEMETER_000011", 0, 50, 1)]
    pq.write_table(rows_table(passes, PLASMA, record_of(passes)), folder / "part-00000.parquet")
    import msgspec

    record = RowsRecord(
        format=1,
        code_version="0",
        mission="demeter",
        profile="plasma",
        night="dark",
        simulated=True,
        parts={"part-00000.parquet": "f"},
        failed=[],
    )
    (folder / "manifest.json").write_bytes(msgspec.json.encode(record))
    assert read_manifest(tmp_path).half_orbits[0].key == "DEMETER_000011"
    other = msgspec.structs.replace(record, parts={"part-00000.parquet": "g"})
    (folder / "manifest.json").write_bytes(msgspec.json.encode(other))
    with pytest.raises(TrainError, match=r"is not the part that manifest.json names"):
        read_manifest(tmp_path)
    old = msgspec.structs.replace(record, format=7)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(old))
    with pytest.raises(TrainError, match="format 7; this version reads 1"):
        read_manifest(tmp_path)


# Which half-orbits go where.

ARCHIVE = Path("/archive")


def groups_of(hours: list[int]) -> dict[str, dict[Path, FileName]]:
    begin = datetime(2008, 1, 1)
    groups = {}
    for orbit, hour in enumerate(hours):
        start = begin + timedelta(hours=hour)
        name = FileName("demeter", "1144", orbit, 1, start, start + timedelta(minutes=30))
        groups[name.half_orbit] = {ARCHIVE / f"{orbit}.DAT": name}
    return groups


def request_of(archive: Path = ARCHIVE) -> RowsRequest:
    return RowsRequest(archive, "demeter", "plasma", "dark", True)


@given(hours=st.lists(st.integers(0, 8), max_size=9))
def test_what_contradicts_the_order_of_time_is_left_out_and_no_more(hours: list[int]) -> None:
    failed: dict[Path, str] = {}
    parts = plan_parts(groups_of(hours), request_of(), Path("/out"), failed, 3)
    kept = [int(key[8:13]) for part in parts for key in part.half_orbits]
    assert kept == sorted(kept)
    assert [hours[k] for k in kept] == sorted(hours[k] for k in kept)
    longest = max(
        (
            n
            for n in range(len(hours) + 1)
            for chosen in combinations(hours, n)
            if list(chosen) == sorted(chosen)
        ),
        default=0,
    )
    assert len(kept) == longest
    assert len(failed) == len(hours) - longest


def test_a_half_orbit_that_is_added_changes_one_part() -> None:
    failed: dict[Path, str] = {}
    groups = groups_of(list(range(12)))
    less = {key: files for key, files in groups.items() if key != "DEMETER_000051"}
    full = {p.path: p.fingerprint for p in plan_parts(groups, request_of(), Path(), failed, 4)}
    part = {p.path: p.fingerprint for p in plan_parts(less, request_of(), Path(), failed, 4)}
    assert full.keys() == part.keys()
    assert [p.name for p in full if full[p] != part[p]] == ["part-00001.parquet"]
    assert not failed


@pytest.mark.parametrize(
    "change", [{"profile": "full"}, {"night": "paper"}, {"code_version": "9"}, {"simulated": False}]
)
def test_another_request_has_another_fingerprint(change: dict[str, object]) -> None:
    groups = groups_of([0, 1])
    a, b = (
        plan_parts(groups, r, Path(), {})[0].fingerprint
        for r in (request_of(), replace(request_of(), **change))
    )
    assert a != b


@pytest.fixture
def part(simulated_demeter: Path, tmp_path: Path) -> Part:
    from trainer.archives.archive import find_half_orbits

    archive = tmp_path / "archive"
    archive.mkdir()
    for file in simulated_demeter.glob("DMT_*"):
        (archive / file.name).write_bytes(file.read_bytes())
        os.utime(archive / file.name, (1e9, 1e9))
    groups = find_half_orbits(archive, "demeter", "plasma", "dark", {})
    return plan_parts(groups, request_of(archive), tmp_path, {}, 100_000)[0]


def test_a_part_is_made_once_and_always_the_same(part: Part) -> None:
    assert not is_made(part)
    made = make_part(part)
    assert made.half_orbits == len(part.half_orbits)
    first = part.path.read_bytes()
    assert is_made(part)
    make_part(part)
    assert part.path.read_bytes() == first
    assert [p.name for p in part.path.parent.iterdir() if p.is_file()] == [part.path.name]
    assert not is_made(replace(part, fingerprint="other"))
    for found in read_part(part.path, PLASMA):
        assert all((part.request.archive / file).is_file() for file in found.files)


def test_a_file_that_is_younger_than_its_part_is_read_again(part: Part) -> None:
    make_part(part)
    file = part.request.archive / next(iter(part.half_orbits.values()))[0]
    os.utime(file, ns=(0, part.path.stat().st_mtime_ns + 1))
    assert not is_made(part)


def test_a_file_that_may_be_readable_later_is_tried_again(part: Part, monkeypatch) -> None:
    from edge.errors import InputError

    file = part.request.archive / next(iter(part.half_orbits.values()))[0]
    failing = {file: InputError(file, "no permission to read it", transient=True)}
    monkeypatch.setattr("trainer.archives.part_making.read_pass", lambda *_: (None, failing))
    made = make_part(part)
    assert made.rows == 0
    assert made.failed[0].reason.endswith("no permission to read it")
    assert not is_made(part)


def test_a_fault_in_one_half_orbit_is_named_and_the_others_are_read(
    part: Part, monkeypatch
) -> None:
    from trainer.archives.archive import read_pass

    first = next(iter(part.half_orbits))

    def faulty(files, profile, rule):
        if next(iter(files.values())).half_orbit == first:
            raise RuntimeError("unforeseen")
        return read_pass(files, profile, rule)

    monkeypatch.setattr("trainer.archives.part_making.read_pass", faulty)
    made = make_part(part)
    assert {f.name for f in made.failed} == {p.name for p in part.half_orbits[first]}
    assert "RuntimeError at test_rows.py" in made.failed[0].reason
    assert len(list(read_part(part.path, PLASMA))) == len(part.half_orbits) - 1


def test_a_worker_of_another_version_refuses(part: Part) -> None:
    other = replace(part, request=replace(part.request, code_version="9.9"))
    with pytest.raises(TrainError, match=r"this worker has version .*, whoever asks has 9\.9"):
        make_part(other)


def test_a_part_that_cannot_be_written_leaves_nothing(part: Part, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="cannot be written: No such file or directory"):
        make_part(replace(part, path=tmp_path / "gone" / "part-00000.parquet"))
