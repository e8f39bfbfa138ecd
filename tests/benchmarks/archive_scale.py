"""Archives on dask.distributed: `prepare` stage 1 and `rescore`, on one worker and on two."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from edge.bundle import default_bundle_path
from edge.observables import PROFILES
from trainer.archives.cluster import connect
from trainer.archives.part_making import peak_bytes
from trainer.archives.rescore import rescore_archive
from trainer.archives.row_stage import make_rows
from trainer.simulate import simulate_mission

#: Night half-orbits of DEMETER, 2004-07 to 2010-12: half of about 66,000.
ALL_OF_DEMETER = 33_000
DAYS = 5
ORBITS_PER_PART = 8
_WARM_UP, _ROUNDS = 2, 3

TITLE = f"An archive on dask.distributed ({DAYS} days of DEMETER, night side, simulated)"
NOTE = (
    "Half-orbits a second, median of 3 rounds, once the workers are up and warm; the files are in "
    "the page cache. `all of DEMETER` is the time that follows for its 33,000 night half-orbits "
    "(6.5 years, about 66,000 half-orbits) on as many workers of this machine, of files of the "
    "size given: a disk or network that gives them slower sets the pace instead. `speed-up` is "
    "that from one worker to two. Peak memory is the largest resident set of a worker."
)


def _timed(workers: int, work: Callable[..., None]) -> tuple[float, int]:
    """Median seconds of a piece of work on a cluster that is warm, and its workers' peak bytes."""
    seconds = []
    with connect(workers) as client:

        @contextmanager
        def cluster() -> Iterator[object]:
            yield client

        for turn in range(_WARM_UP + _ROUNDS):
            start = time.perf_counter()
            work(cluster=cluster, turn=turn)
            seconds.append(time.perf_counter() - start)
        peak = max(client.run(peak_bytes).values())
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
