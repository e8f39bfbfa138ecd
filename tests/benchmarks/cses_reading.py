"""From CSES-01 files to channels, against bare h5py reads and, where it is installed, csespy."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from timing import in_turn, rows

from edge.bundle import models_path
from edge.observables import FULL
from edge.readers.cses import read_cses
from edge.readers.names import parse_name

TITLE = "Reading CSES-01 half-orbits"
NOTE = (
    "The peer is h5py alone, which reads the same datasets without a look at units, fill values, "
    "times or positions. `HPM_5, every channel` reads 15 datasets; csespy reads 8 of them, so its "
    "peer is another one. The wave files are simulated, 1024 bins, a record every 2.048 s; "
    "all files are in the page cache."
)

CSESPY = "SEQNETQUAKE_CSESPY_PYTHON"
ORACLE = Path(__file__).parents[1] / "oracles" / "cses_csespy.py"
ROUNDS = 15
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


def csespy_row(path: Path, peer: float) -> dict[str, str]:
    name = "csespy on HPM_5"
    python = os.environ.get(CSESPY)
    if not python:
        return {"what": name, "median ms": "not installed here", "ratio": ""}
    done = subprocess.run(
        [python, "-W", "ignore", str(ORACLE), "--time", str(ROUNDS), str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = statistics.median(float(line) for line in done.stdout.split())
    return {"what": name, "median ms": f"{1000 * seconds:.3g}", "ratio": f"{seconds / peer:.2f}"}


def measure() -> list[dict[str, str]]:
    hpm = magnetometer()
    name = parse_name(hpm)
    with h5py.File(hpm, "r") as file:
        every = tuple(file)
    labels = ("HPM_5, 15 datasets: h5py (peer)", "HPM_5, 8 datasets: h5py (peer of csespy)")
    medians = in_turn(
        {
            labels[0]: lambda: bare({hpm: every}),
            "HPM_5, every channel": lambda: read_cses(hpm, name),
            labels[1]: lambda: bare({hpm: SHORT + PLACE}),
            "HPM_5, the same 8 datasets": lambda: read_cses(hpm, name, dict.fromkeys(SHORT, ())),
        },
        ROUNDS,
    )
    both = list(medians)
    table = rows({k: medians[k] for k in both[:2]}, labels[0])
    table += rows({k: medians[k] for k in both[2:]}, labels[1])
    table.append(csespy_row(hpm, medians[labels[1]]))
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
        medians = in_turn(
            {peer: lambda: bare(asked), "LAP + PAP + EFD + SCM, profile full": ours}, ROUNDS
        )
    return table + rows(medians, peer)
