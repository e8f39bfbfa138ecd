"""An archive to rows in processes that are killed, crash and run again."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from pathlib import Path

import h5py
import numpy as np
import pytest
from distributed import LocalCluster

from by_value import ByValue
from edge.errors import InputError
from trainer.archives import row_stage, rows
from trainer.archives.cluster import RunTasks, connect
from trainer.archives.row_stage import find_mission, make_rows
from trainer.archives.rows import iter_passes, read_manifest, read_part
from trainer.common.errors import TrainError

ORBITS = 2


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve night half-orbits of DEMETER."""
    from trainer.simulate import simulate_mission

    out = tmp_path_factory.mktemp("demeter")
    simulate_mission(
        "demeter",
        np.datetime64("2008-03-20T00:00", "ms"),
        np.datetime64("2008-03-20T20:00", "ms"),
        seed=5,
        injection=0.0,
        out=out,
        night_only=True,
    )
    return out


def no_cluster() -> RunTasks:
    raise AssertionError("nothing was to be made")


def make(archive: Path, out: Path, cluster: Callable | None = None, orbits: int = ORBITS) -> int:
    cluster = cluster or (lambda: connect(2))
    return make_rows(archive, out, "demeter", "plasma", "dark", cluster, orbits)


def content(out: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in sorted((out / "rows").iterdir())}


@pytest.fixture(scope="module")
def undisturbed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed")
    make(archive, out)
    return content(out)


def disturbed(seconds: float, deadly: str = "") -> ByValue:
    """Make parts where each half-orbit takes a while; one may take the process down."""

    def make_part(part):
        import trainer.archives.part_making as module

        read = module.read_pass

        def slow(files, profile, rule):
            time.sleep(seconds)
            if next(iter(files.values())).half_orbit == deadly:
                os.kill(os.getpid(), signal.SIGSEGV)
            return read(files, profile, rule)

        module.read_pass = slow
        try:
            return module.make_part(part)
        finally:
            module.read_pass = read

    return ByValue(make_part)


def test_one_after_another_or_side_by_side_the_bytes_are_the_same(
    archive: Path, tmp_path: Path, undisturbed: dict[str, bytes], capfd
) -> None:
    assert len(undisturbed) > 5
    made = make(archive, tmp_path, lambda: connect(1))
    assert made == len(undisturbed) - 1
    assert content(tmp_path) == undisturbed
    out, err = capfd.readouterr()
    assert out == ""
    assert {line.partition(":")[0] for line in err.splitlines()} == {"reading"}
    manifest = read_manifest(tmp_path)
    passes = list(iter_passes(tmp_path))
    assert [p.key for p in passes] == [h.key for h in manifest.half_orbits]
    starts = [p.grid.cell[0] for p in passes]
    assert starts == sorted(starts)
    assert manifest.simulated
    assert manifest.failed == {}


def test_only_the_parts_of_what_is_wanted_are_read(
    archive: Path, tmp_path: Path, monkeypatch
) -> None:
    make(archive, tmp_path)
    keys = [p.key for p in iter_passes(tmp_path)]
    opened = []

    def watched(path: Path, profile):
        opened.append(path.name)
        return read_part(path, profile)

    monkeypatch.setattr(rows, "read_part", watched)
    parts = sorted(name for name in content(tmp_path) if name.startswith("part"))
    # Two of one part, and one of the last but one: nothing is read after it, or between.
    places = np.array([0, 1, len(keys) - ORBITS - 1])
    found = [p.key for p in iter_passes(tmp_path, places)]
    assert found == [keys[place] for place in places]
    assert opened[0] == parts[0]
    assert len(opened) == 2
    assert parts[-1] not in opened


def test_what_is_there_is_not_made_again(archive: Path, tmp_path: Path) -> None:
    make(archive, tmp_path)
    times = {f: f.stat().st_mtime_ns for f in (tmp_path / "rows").iterdir()}
    assert make(archive, tmp_path, no_cluster) == 0
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "rows").iterdir()} == times


def test_a_killed_worker_costs_nothing_and_doubles_nothing(
    archive: Path, tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch
) -> None:
    killed = []

    def kill() -> None:
        while not list((tmp_path / "rows").glob("part-*.parquet")):
            time.sleep(0.01)
        worker = active_children()[0]
        worker.kill()
        killed.append(worker)

    monkeypatch.setattr(row_stage, "make_part", disturbed(0.2))
    thread = threading.Thread(target=kill)
    thread.start()
    make(archive, tmp_path)
    thread.join()
    assert killed
    assert active_children() == []
    assert content(tmp_path) == undisturbed


def test_a_worker_that_ends_while_it_writes_leaves_nothing_behind(
    archive: Path, tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch
) -> None:
    seen = tmp_path / "seen"

    def make_part(part):
        import pyarrow.parquet as pq

        import trainer.archives.part_making as module

        def ended(table, stream, **_):
            stream.write(b"half a pa")
            stream.flush()
            seen.touch()
            os.kill(os.getpid(), signal.SIGKILL)

        if not seen.exists():
            pq.write_table = ended
        return module.make_part(part)

    monkeypatch.setattr(row_stage, "make_part", ByValue(make_part))
    make(archive, tmp_path / "out")
    assert seen.exists()
    assert content(tmp_path / "out") == undisturbed


def test_a_half_orbit_that_takes_its_worker_down_is_named_and_the_rest_is_read(
    archive: Path, tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch, capfd
) -> None:
    all_keys = sorted({f.name[12:18] for f in archive.glob("DMT_*")})
    deadly = f"DEMETER_{all_keys[4]}"
    monkeypatch.setattr(row_stage, "make_part", disturbed(0.0, deadly))
    make(archive, tmp_path)
    manifest = read_manifest(tmp_path)
    assert {name[12:18] for name in manifest.failed} == {all_keys[4]}
    assert all("ended every process that read it" in why for why in manifest.failed.values())
    assert manifest.without_rows == (deadly,)
    assert len(manifest.half_orbits) == len(all_keys) - 1
    found = content(tmp_path)
    assert found.keys() == undisturbed.keys()
    assert sum(found[name] != undisturbed[name] for name in found if name.startswith("part")) == 1
    assert [line for line in capfd.readouterr().err.splitlines() if "reading" not in line] == []


def test_a_part_that_ends_every_worker_when_it_is_written_is_one_clear_error(
    archive: Path, tmp_path: Path, monkeypatch
) -> None:
    def make_part(part):
        import trainer.archives.part_making as module

        module.write_part = lambda *_: os.kill(os.getpid(), signal.SIGSEGV)
        return module.make_part(part)

    monkeypatch.setattr(row_stage, "make_part", ByValue(make_part))
    with pytest.raises(TrainError, match="ends every process that makes it, although no half-orb"):
        make(archive, tmp_path, orbits=100_000)


def test_a_process_over_its_memory_is_ended_and_what_it_read_is_named(
    archive: Path, tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch
) -> None:
    all_keys = sorted({f.name[12:18] for f in archive.glob("DMT_*")})
    large = f"DEMETER_{all_keys[2]}"

    def make_part(part):
        import trainer.archives.part_making as module

        read = module.read_pass

        def greedy(files, profile, rule):
            if next(iter(files.values())).half_orbit == large:
                held = np.ones(2**27)
                time.sleep(60)
                assert held.size
            return read(files, profile, rule)

        module.read_pass = greedy
        return module.make_part(part)

    monkeypatch.setattr(row_stage, "make_part", ByValue(make_part))
    make(archive, tmp_path, lambda: connect(1, memory_limit="800MB"))
    assert {name[12:18] for name in read_manifest(tmp_path).failed} == {all_keys[2]}


def test_an_interrupted_run_goes_on(
    archive: Path, tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch
) -> None:
    @contextmanager
    def interrupted() -> Iterator[RunTasks]:
        with connect(2) as run:

            def some(*arguments):
                for count, done in enumerate(run(*arguments)):
                    yield done
                    if count == 1:
                        raise KeyboardInterrupt

            yield some

    monkeypatch.setattr(row_stage, "make_part", disturbed(0.1))
    with pytest.raises(KeyboardInterrupt):
        make(archive, tmp_path, interrupted)
    monkeypatch.undo()
    assert active_children() == []
    there = {f for f in content(tmp_path) if f.startswith("part")}
    assert 2 <= len(there) < len(undisturbed) - 1
    assert not (tmp_path / "rows" / "manifest.json").exists()
    assert make(archive, tmp_path) == len(undisturbed) - 1 - len(there)
    # What was being read when it was cut short is swept up as well.
    assert content(tmp_path) == undisturbed


def test_on_a_dask_scheduler_the_bytes_are_the_same(
    archive: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
    ) as there:
        make(archive, tmp_path, lambda: connect(1, there.scheduler_address))
    assert content(tmp_path) == undisturbed


def test_bad_files_are_named_and_their_siblings_are_read(archive: Path, tmp_path: Path) -> None:
    copy = tmp_path / "archive"
    shutil.copytree(archive, copy)
    files = sorted(copy.glob("DMT_N1_1144_*"))
    files[0].write_bytes(b"")
    damaged = bytearray(files[1].read_bytes())
    # Another orbit number in the first record than in the name.
    damaged[22:24] = b"\xff\xff"
    files[1].write_bytes(damaged)
    out = tmp_path / "out"
    make(copy, out)
    manifest = read_manifest(out)
    assert set(manifest.failed) == {files[0].name, files[1].name}
    assert "is empty" in manifest.failed[files[0].name]
    assert "name and content disagree" in manifest.failed[files[1].name]
    assert len(manifest.half_orbits) == len(list(copy.glob("DMT_N1_1140_*")))
    assert manifest.half_orbits[0].payloads == ["1140"]


def test_a_change_of_the_archive_makes_its_parts_again_and_removes_leftovers(
    archive: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    copy = tmp_path / "archive"
    shutil.copytree(archive, copy)
    last = sorted(copy.glob("DMT_N1_1144_*"))[-1]
    held = last.read_bytes()
    last.unlink()
    out = tmp_path / "out"
    make(copy, out)
    (out / "rows" / "part-99999.parquet").write_bytes(b"of another archive")
    last.write_bytes(held)
    assert make(copy, out) == 1
    assert content(out) == undisturbed
    # A wider part replaces them all.
    assert make(copy, out, orbits=100_000) == 1
    assert len(content(out)) == 2


def test_the_mission_is_found_from_the_files(
    archive: Path, simulated_cses: Path, tmp_path: Path
) -> None:
    assert find_mission(archive) == "demeter"
    assert find_mission(simulated_cses) == "cses"
    shutil.copy(next(archive.glob("DMT_*")), tmp_path)
    shutil.copy(next(simulated_cses.glob("CSES_*")), tmp_path)
    with pytest.raises(InputError, match=r"of CSES-01 and of DEMETER: give --mission"):
        find_mission(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="holds no half-orbit file"):
        find_mission(empty)
    with pytest.raises(InputError, match="is not a folder"):
        find_mission(tmp_path / "gone")
    with pytest.raises(InputError, match="no usable night-side half-orbit of cses"):
        make_rows(archive, tmp_path / "o", "cses", "plasma", "dark", no_cluster)


def test_damaged_hdf5_is_a_bad_file_and_no_dead_worker(
    simulated_cses: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "archive"
    shutil.copytree(simulated_cses, copy)
    bad = next(copy.glob("*_LAP_1_*"))
    with h5py.File(bad, "r+") as file:
        del file["A311"]
    make_rows(copy, tmp_path / "out", "cses", "plasma", "dark", lambda: connect(1), 64)
    assert list(read_manifest(tmp_path / "out").failed) == [bad.name]


def test_memory_does_not_grow_with_the_number_of_parts(archive: Path, tmp_path: Path) -> None:
    """One worker makes every part five times over; what it holds after the first round it keeps."""
    from trainer.archives.archive import find_half_orbits
    from trainer.archives.manifest import RowsRequest, plan_parts
    from trainer.archives.part_making import make_part

    groups = find_half_orbits(archive, "demeter", "plasma", "dark", {})
    request = RowsRequest(archive, "demeter", "plasma", "dark", True)
    parts = {p.path.name: p for p in plan_parts(groups, request, tmp_path, {}, 1)}
    peaks = []
    with connect(1) as run:
        for _ in range(5):
            made = [m.peak_bytes for _, m in run(make_part, parts)]
            peaks.append(max(made))
    assert peaks[-1] - peaks[0] < 24 * 2**20
    assert peaks[-1] < 500 * 2**20
