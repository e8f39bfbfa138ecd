"""Archives: `prepare` stage 1 and `rescore` on one worker and on two, and memory as they grow.

``archive_scale.py FOLDER 2500 5000 10000 20000`` makes archives of so many night half-orbits in
a folder (of 1140 alone, 0.14 MB each: a month that was simulated, over and over, with the dates and
orbits of later months), and takes them through `prepare` and the stream of `evaluate`. Of more than
5,000 the files are found, and not read: the rows of 5,000 stand for them, with later dates.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from edge.arrays import FloatArray
from edge.bundle import default_bundle_path
from edge.observables import GRID_STEP_S, PROFILES
from trainer.archives.cluster import RunTasks, connect
from trainer.archives.manifest import (
    MANIFEST_FILE,
    METADATA_KEY,
    ROWS_FOLDER,
    Part,
    read_manifest,
    read_part_record,
    read_rows_record,
)
from trainer.archives.manifest import ORBITS_PER_PART as ORBITS
from trainer.archives.part_making import PartMade, peak_bytes
from trainer.archives.rescore import rescore_archive
from trainer.archives.row_stage import make_rows
from trainer.datasets.build import build_dataset
from trainer.datasets.recipe import DatasetRecipe, find_recipe, read_dataset_recipe
from trainer.datasets.stream import open_stream
from trainer.evaluation.stream_scores import score_stream
from trainer.models.window_set import WindowSet
from trainer.simulate import simulate_mission
from trainer.simulate.demeter_layout import PRODUCTS
from trainer.simulate.seismicity import simulate_catalogue

#: Night half-orbits of DEMETER, 2004-07 to 2010-12: half of about 66,000.
ALL_OF_DEMETER = 33_000
DAYS = 5
ORBITS_PER_PART = 8
_WARM_UP, _ROUNDS = 2, 3

TITLE = f"An archive in processes of its own ({DAYS} days of DEMETER, night side, simulated)"
NOTE = (
    "Half-orbits a second, median of 3 rounds, once the workers are up and warm; the files are in "
    "the page cache. `all of DEMETER` is the time that follows for its 33,000 night half-orbits "
    "(6.5 years, about 66,000 half-orbits) on as many workers of this machine, of files of the "
    "size given: a disk or network that gives them slower sets the pace instead. `speed-up` is "
    "that from one worker to two. Peak memory is the largest resident set of a worker."
)


def _peak(_: int) -> int:
    return peak_bytes()


def _timed(workers: int, work: Callable[..., None]) -> tuple[float, int]:
    """Median seconds of a piece of work by processes that are warm, and their peak bytes."""
    seconds = []
    with connect(workers) as run:

        @contextmanager
        def cluster() -> Iterator[RunTasks]:
            yield run

        for turn in range(_WARM_UP + _ROUNDS):
            start = time.perf_counter()
            work(cluster=cluster, turn=turn)
            seconds.append(time.perf_counter() - start)
        peak = max(found for _, found in run(_peak, {str(i): i for i in range(4 * workers)}))
    # Imports and compiled kernels are loaded once, in seconds that no archive notices.
    return statistics.median(seconds[_WARM_UP:]), peak


def _prepare(archive: Path, out: Path, profile: str, cluster: object, turn: int) -> None:
    make_rows(
        archive, out / f"{profile}-{turn}", "demeter", profile, "dark", cluster, ORBITS_PER_PART
    )


def _rescore(archive: Path, out: Path, cluster: object, turn: int) -> None:
    folder = out / f"scores-{turn}"
    folder.mkdir()
    rescore_archive(archive, default_bundle_path(), folder, cluster)


def measure() -> list[dict[str, str]]:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = folder / "archive"
        simulate_mission(
            "demeter",
            np.datetime64("2008-05-01", "ms"),
            np.datetime64("2008-05-01", "ms") + np.timedelta64(DAYS, "D"),
            seed=1,
            injection=0.0,
            out=archive,
            night_only=True,
            waves=True,
        )
        count = len({f.name[12:18] for f in archive.glob("DMT_*")})
        works = {
            "prepare, plasma": (partial(_prepare, profile="plasma"), "plasma"),
            "prepare, full": (partial(_prepare, profile="full"), "full"),
            "rescore, plasma": (_rescore, "plasma"),
        }
        for what, (work, profile) in works.items():
            apids = PROFILES[profile].payloads("demeter")
            size = sum(
                f.stat().st_size for f in archive.glob("DMT_*") if f.name.split("_")[2] in apids
            )
            one = 0.0
            for workers in (1, 2):
                out = folder / f"{what}-{workers}"
                out.mkdir()
                seconds, peak = _timed(workers, partial(work, archive, out))
                rate = count / seconds
                one = one or rate
                rows.append(
                    {
                        "what": what,
                        "MB a half-orbit": f"{size / count / 1e6:.2f}",
                        "workers": str(workers),
                        "half-orbits/s": f"{rate:.3g}",
                        "speed-up": f"{rate / one:.2f}",
                        "all of DEMETER": f"{ALL_OF_DEMETER / rate / 60:.1f} min",
                        "peak memory": f"{peak / 2**20:.0f} MiB",
                    }
                )
    return rows


_MONTH_DAYS = 30
_SHIFTED = "DMT_N1_1140"
_1950 = np.datetime64("1950-01-01", "D")
#: Half-orbits that are read from files at most; more are made of the rows of these.
_READ = 5000
#: Days that they span.
_READ_DAYS = 360


def _later_names(month: Path, count: int) -> Iterator[tuple[Path, str, int, int]]:
    """Files of a month again and again: each with its later name, orbit and days added."""
    files = sorted(month.glob(f"{_SHIFTED}_*"))
    orbits = int(files[-1].name[12:17]) - int(files[0].name[12:17]) + 1
    for number in range(count):
        turn, place = divmod(number, len(files))
        days = _MONTH_DAYS * turn
        words = files[place].stem.split("_")
        orbit = int(words[3][:5]) + orbits * turn
        words[3] = f"{orbit:05d}{words[3][5:]}"
        for at in (4, 6):
            day = np.datetime64(f"{words[at][:4]}-{words[at][4:6]}-{words[at][6:]}", "D") + days
            words[at] = str(day).replace("-", "")
        yield files[place], "_".join(words) + ".DAT", orbit, days


def link(month: Path, archive: Path, count: int) -> None:
    """Fill an archive with names of so many half-orbits, whose content is another one's."""
    archive.mkdir(parents=True, exist_ok=True)
    for file, name, _, _ in _later_names(month, count):
        if not (archive / name).exists():
            os.link(file, archive / name)


def grow(month: Path, archive: Path, count: int) -> None:
    """Fill an archive with so many half-orbits: those of a month, and of it again, later."""
    archive.mkdir(parents=True, exist_ok=True)
    for file, name, orbit, days in _later_names(month, count):
        if (archive / name).exists():
            continue
        records = np.fromfile(file, PRODUCTS[1140].dtype)
        day = records["ccsds_day"].astype(np.int64) @ [1 << 16, 1 << 8, 1] + days
        records["ccsds_day"] = np.stack([day >> 16, day >> 8 & 255, day & 255], axis=-1)
        date = _1950 + day.astype("m8[D]")
        month_of = date.astype("M8[M]")
        records["ut"][:, 0] = month_of.astype(np.int64) // 12 + 1970
        records["ut"][:, 1] = month_of.astype(np.int64) % 12 + 1
        records["ut"][:, 2] = (date - month_of).astype(np.int64) + 1
        records["orbit"] = orbit
        records.tofile(archive / name)


def _recipe() -> DatasetRecipe:
    """Give one for archives of any length without indices, with the default's share of controls."""
    short = read_dataset_recipe(find_recipe(Path("windows-short.toml")))
    controls = msgspec.structs.replace(short.controls, unknown_kp="keep", stride=10)
    return msgspec.structs.replace(short, controls=controls)


class _Half:
    """A classifier that has learnt nothing, and takes no memory or time of its own."""

    kind = "constant"

    def predict_proba(self, windows: WindowSet) -> FloatArray:
        return np.full(len(windows), 0.5)


def one_step(step: str, archive: Path, out: Path) -> dict[str, float]:
    """Do one step of the chain in this process, and say what it took."""
    begun = time.perf_counter()
    peaks = [0]
    if step == "find":

        @contextmanager
        def nothing() -> Iterator[RunTasks]:
            def told(_: Any, tasks: dict[str, Part]) -> Iterator[tuple[str, PartMade]]:
                for name, part in tasks.items():
                    yield name, PartMade(len(part.half_orbits), 0, (), 0)

            yield told

        with tempfile.TemporaryDirectory() as scratch:
            make_rows(archive, Path(scratch), "demeter", "plasma", "dark", nothing)
    elif step == "rows":
        with connect(2) as run:

            @contextmanager
            def watched() -> Iterator[RunTasks]:
                def told(*given: Any) -> Iterator[tuple[str, Any]]:
                    for name, made in run(*given):
                        peaks.append(made.peak_bytes)
                        yield name, made

                yield told

            make_rows(archive, out, "demeter", "plasma", "dark", watched)
    elif step == "windows":
        last = read_manifest(out).half_orbits[-1].end
        assert last is not None
        days = np.datetime64("2004-12-01", "D"), np.datetime64(last[:10], "D") + 30
        events = simulate_catalogue(*days, seed=3, events_per_day=4.0).plain()
        build_dataset(out, events, None, _recipe(), lambda line: print(line, file=sys.stderr))
    else:
        stream = open_stream(out, "test", allow_test=True)
        score_stream(_Half(), stream, "demeter", PROFILES["plasma"].names)
    seconds = time.perf_counter() - begun
    # Of this process and its workers: other work on this computer does not count.
    processor = sum(os.times()[:4])
    return {
        "seconds": seconds,
        "processor": processor,
        "own": peak_bytes() / 2**20,
        "worker": max(peaks) / 2**20,
    }


def later(dataset: Path, out: Path, times: int) -> None:
    """Give a dataset the rows of another one, so many times over with the dates of later years."""
    record = read_rows_record(dataset)
    change = msgspec.structs.replace
    numbers = [int(name[5:10]) for name in record.parts]
    parts: dict[str, str] = {}
    (out / ROWS_FOLDER).mkdir(parents=True, exist_ok=True)
    for turn in range(times):
        number = turn * (numbers[-1] - numbers[0] + 1)
        for name, fingerprint in record.parts.items():
            found = read_part_record(dataset / ROWS_FOLDER / name)
            moved = [
                change(
                    h,
                    key=f"{h.key[:-6]}{int(h.key[-6:-1]) + number * ORBITS:05d}{h.key[-1]}",
                    start=_moved(h.start, _READ_DAYS * turn),
                    end=_moved(h.end, _READ_DAYS * turn),
                )
                for h in found.half_orbits
            ]
            table = pq.read_table(dataset / ROWS_FOLDER / name)
            cells = pa.array(table["cell"].to_numpy() + _READ_DAYS * turn * (86400 // GRID_STEP_S))
            table = table.set_column(1, table.schema.field(1), cells)
            about = msgspec.json.encode(change(found, half_orbits=moved))
            table = table.replace_schema_metadata({**table.schema.metadata, METADATA_KEY: about})
            there = f"part-{int(name[5:10]) + number:05d}.parquet"
            pq.write_table(table, out / ROWS_FOLDER / there, compression="zstd")
            parts[there] = fingerprint
    whole = msgspec.json.encode(change(record, parts=parts))
    (out / ROWS_FOLDER / MANIFEST_FILE).write_bytes(whole)


def _moved(time: str | None, days: int) -> str | None:
    if time is None:
        return None
    return f"{np.datetime64(time[:-1], 'ms') + np.timedelta64(days, 'D')}Z"


def _scale(folder: Path, counts: list[int]) -> None:
    from run import table

    month = folder / "month"
    first = np.datetime64("2005-01-01", "ms")
    days = np.timedelta64(_MONTH_DAYS, "D")
    simulate_mission(
        "demeter", first, first + days, seed=3, injection=2.0, out=month, night_only=True
    )
    rows = []
    for count in counts:
        archive, out = folder / f"archive-{count}", folder / f"dataset-{count}"
        if count > _READ:
            source = folder / f"dataset-{_READ}"
            later(source, out, count // _READ)
        else:
            grow(month, archive, count)
        row = {"half-orbits": f"{count:,}"}
        for step in ("find", "rows", "windows", "stream"):
            if step == "rows" and count > _READ:
                row |= {"rows, CPU s": "", "rows, MiB": "", "a worker, MiB": ""}
                continue
            if step == "find":
                link(month, folder / f"names-{count}", count)
            place = folder / f"names-{count}" if step == "find" else archive
            words = [sys.executable, __file__, "--step", step, str(place), str(out)]
            told = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
            found = json.loads(told)
            row[f"{step}, CPU s"] = f"{found['processor']:.0f}"
            row[f"{step}, MiB"] = f"{found['own']:.0f}"
            if found["worker"]:
                row["a worker, MiB"] = f"{found['worker']:.0f}"
        rows.append(row)
        print("\n".join(table(rows)), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--step":
        print(json.dumps(one_step(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))))
    else:
        _scale(Path(sys.argv[1]), [int(count) for count in sys.argv[2:]])
