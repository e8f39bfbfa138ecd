"""From CSES-01 files to channels, against bare h5py reads and, where it is installed, csespy."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from timing import least_cpu, rows

from edge.bundle import models_path
from edge.observables import FULL
from edge.readers.cses import read_cses
from edge.readers.names import parse_name

TITLE = "Reading CSES-01 half-orbits"
NOTE = (
    "The peer is h5py alone, which reads the same datasets without a look at units, fill values, "
    "times or positions. `HPM_5, every channel` reads 15 datasets; csespy reads 8 of them, so its "
    "peer is another one. The wave files are simulated, 1024 bins, a record every 2.048 s; "
    "all files are in the page cache. The least CPU time of 60 rounds in turn, csespy in a Python "
    "of its own."
)

COLUMN = "least CPU ms"
CSESPY = "SEQNETQUAKE_CSESPY_PYTHON"
ORACLE = Path(__file__).parents[1] / "oracles" / "cses_csespy.py"
PLACE = ("GEO_LAT", "GEO_LON", "ALTITUDE", "UTC_TIME", "VERSE_TIME")
# What csespy takes of HPM_5.
SHORT = ("A221", "A222", "A223")


def bare(files: dict[Path, Sequence[str]]) -> None:
    for path, names in files.items():
        with h5py.File(path, "r") as file:
            for name in names:
                file[name][...]


def magnetometer() -> Path:
    """Real file beside the checkout, or the sample."""
    shared = Path(__file__).parents[3] / "shared" / "data"
    folders = (Path(os.environ.get("SEQNETQUAKE_SHARED", shared)), models_path() / "samples")
    return next(p for f in folders for p in sorted(f.glob("CSES_01_HPM_5_*.h5")))


def simulated(folder: Path) -> dict[Path, dict[str, tuple[tuple[float, float], ...]]]:
    """Write LAP, PAP, EFD and SCM of one half-orbit; each with what the profile asks of it."""
    from trainer.simulate.cses_waves import write_waves
    from trainer.simulate.mission import simulate_half_orbit, write_half_orbit
    from trainer.simulate.orbits import half_orbits
    from trainer.simulate.seismicity import simulate_catalogue

    first, last = (np.datetime64(f"2020-03-20T0{h}:00", "ms") for h in (0, 2))
    night = next(h for h in half_orbits("cses", first, last) if h.direction == 1)
    days = (np.datetime64("2020-03-19", "D"), np.datetime64("2020-03-21", "D"))
    state, _ = simulate_half_orbit(night, 1, 0.0, simulate_catalogue(*days, 1, 4.0))
    paths = [*write_waves(folder, night, 1), *write_half_orbit(folder, night, state, 1, 0.0)]
    wanted = FULL.payloads("cses")
    kinds = {p: parse_name(p).payload for p in paths}
    return {p: wanted[k] for p, k in kinds.items() if k in wanted and not k.startswith("HPM")}


@contextmanager
def csespy(path: Path) -> Iterator[dict[str, Callable[[], float]]]:
    """What reads a file with csespy once and gives the CPU seconds, where it is installed."""
    python = os.environ.get(CSESPY)
    if not python:
        yield {}
        return
    command = [python, "-W", "ignore", str(ORACLE), "--time", str(path)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, bufsize=1) as child:

        def read() -> float:
            child.stdin.write("\n")
            return float(child.stdout.readline())

        yield {"csespy on HPM_5": read}
        child.stdin.close()


def measure() -> list[dict[str, str]]:
    hpm = magnetometer()
    name = parse_name(hpm)
    with h5py.File(hpm, "r") as file:
        every = tuple(file)
    labels = ("HPM_5, 15 datasets: h5py (peer)", "HPM_5, 8 datasets: h5py (peer of csespy)")
    with csespy(hpm) as other:
        least = least_cpu(
            {
                labels[0]: lambda: bare({hpm: every}),
                "HPM_5, every channel": lambda: read_cses(hpm, name),
                labels[1]: lambda: bare({hpm: SHORT + PLACE}),
                "HPM_5, the same 8 datasets": lambda: read_cses(
                    hpm, name, dict.fromkeys(SHORT, ())
                ),
                **other,
            }
        )
    each = list(least)
    table = rows({k: least[k] for k in each[:2]}, labels[0], COLUMN)
    table += rows({k: least[k] for k in each[2:]}, labels[1], COLUMN)
    if not other:
        table.append({"what": "csespy on HPM_5", COLUMN: "not installed here", "ratio": ""})
    with tempfile.TemporaryDirectory() as folder:
        files = simulated(Path(folder))
        names = {path: parse_name(path) for path in files}
        asked = {
            path: [*request, *PLACE, *(["FREQ"] if any(request.values()) else [])]
            for path, request in files.items()
        }

        def ours() -> None:
            for path, request in files.items():
                read_cses(path, names[path], request)

        peer = "LAP + PAP + EFD + SCM: h5py (peer)"
        least = least_cpu({peer: lambda: bare(asked), "LAP + PAP + EFD + SCM, profile full": ours})
    return table + rows(least, peer, COLUMN)
