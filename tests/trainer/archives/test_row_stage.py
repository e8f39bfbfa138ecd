"""An archive to rows on a cluster of processes that are killed, crash and run again."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
from distributed import Client, WorkerPlugin

from edge.errors import InputError
from trainer.archives.cluster import connect
from trainer.archives.row_stage import find_mission, make_rows
from trainer.archives.rows import iter_passes, read_manifest

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


def no_cluster() -> Client:
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


class Slow(WorkerPlugin):
    """Makes each half-orbit take a while; one of them may take the process down."""

    def __init__(self, seconds: float, deadly: str = "") -> None:
        self.seconds, self.deadly = seconds, deadly

    def setup(self, worker: object) -> None:
        import trainer.archives.part_making as module

        read, seconds, deadly = module.read_pass, self.seconds, self.deadly

        def slow(files, profile, rule):
            time.sleep(seconds)
            if next(iter(files.values())).half_orbit == deadly:
                os.kill(os.getpid(), signal.SIGSEGV)
            return read(files, profile, rule)

        module.read_pass = slow


@pytest.fixture
def by_value() -> Iterator[None]:
    """Send this module's classes to workers that cannot import it."""
    import sys

    import cloudpickle

    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


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


def test_what_is_there_is_not_made_again(archive: Path, tmp_path: Path) -> None:
    make(archive, tmp_path)
    times = {f: f.stat().st_mtime_ns for f in (tmp_path / "rows").iterdir()}
    assert make(archive, tmp_path, no_cluster) == 0
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "rows").iterdir()} == times


def test_a_killed_worker_costs_nothing_and_doubles_nothing(
    archive: Path, tmp_path: Path, undisturbed: dict[str, bytes], by_value: None
) -> None:
    killed = []

    @contextmanager
    def disturbed() -> Iterator[Client]:
        with connect(2) as client:
            client.register_plugin(Slow(0.2))
            pids = list(client.run(os.getpid).values())

            def kill() -> None:
                while not list((tmp_path / "rows").glob("part-*.parquet")):
                    time.sleep(0.01)
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])

            thread = threading.Thread(target=kill)
            thread.start()
            yield client
            thread.join()
            assert pids[0] not in client.run(os.getpid).values()

    make(archive, tmp_path, disturbed)
    assert killed
    assert content(tmp_path) == undisturbed


def test_a_half_orbit_that_takes_its_worker_down_is_named_and_the_rest_is_read(
    archive: Path, tmp_path: Path, undisturbed: dict[str, bytes], by_value: None, capfd
) -> None:
    all_keys = sorted({f.name[12:18] for f in archive.glob("DMT_*")})
    deadly = f"DEMETER_{all_keys[4]}"

    @contextmanager
    def crashing() -> Iterator[Client]:
        with connect(2) as client:
            client.register_plugin(Slow(0.0, deadly))
            yield client

    make(archive, tmp_path, crashing)
    manifest = read_manifest(tmp_path)
    assert {name[12:18] for name in manifest.failed} == {all_keys[4]}
    assert all("ended every process that read it" in why for why in manifest.failed.values())
    assert manifest.without_rows == (deadly,)
    assert len(manifest.half_orbits) == len(all_keys) - 1
    found = content(tmp_path)
    assert found.keys() == undisturbed.keys()
    assert sum(found[name] != undisturbed[name] for name in found if name.startswith("part")) == 1
    assert [line for line in capfd.readouterr().err.splitlines() if "reading" not in line] == []


def test_an_interrupted_run_goes_on(
    archive: Path, tmp_path: Path, undisturbed: dict[str, bytes], by_value: None, monkeypatch
) -> None:
    @contextmanager
    def slow() -> Iterator[Client]:
        with connect(2) as client:
            client.register_plugin(Slow(0.1))
            yield client

    from trainer.archives import row_stage

    run = row_stage.run_tasks

    def interrupted(*arguments):
        for count, done in enumerate(run(*arguments)):
            yield done
            if count == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(row_stage, "run_tasks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(archive, tmp_path, slow)
    monkeypatch.undo()
    there = {f for f in content(tmp_path) if f.startswith("part")}
    assert 2 <= len(there) < len(undisturbed) - 1
    assert not (tmp_path / "rows" / "manifest.json").exists()
    assert make(archive, tmp_path) == len(undisturbed) - 1 - len(there)
    assert {k: v for k, v in content(tmp_path).items() if not k.startswith(".")} == undisturbed


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


def test_memory_does_not_grow_with_the_number_of_parts(
    archive: Path, tmp_path: Path, by_value: None
) -> None:
    """One worker makes every part five times over; what it holds after the first round it keeps."""
    from trainer.archives.archive import find_half_orbits
    from trainer.archives.cluster import run_tasks
    from trainer.archives.manifest import RowsRequest, plan_parts
    from trainer.archives.part_making import make_part

    groups = find_half_orbits(archive, "demeter", "plasma", "dark", {})
    request = RowsRequest(archive, "demeter", "plasma", "dark", True)
    parts = {p.path.name: p for p in plan_parts(groups, request, tmp_path, {}, 1)}
    peaks = []
    with connect(1) as client:
        for _ in range(5):
            made = [m.peak_bytes for _, m in run_tasks(client, make_part, parts)]
            peaks.append(max(made))
    assert peaks[-1] - peaks[0] < 24 * 2**20
    assert peaks[-1] < 500 * 2**20
