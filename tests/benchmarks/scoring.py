"""From files to verdicts for one half-orbit, and what the interpreter alone takes of it."""

from __future__ import annotations

import numpy as np
from timing import least_cpu, rows

from edge.bundle import load_bundle, models_path
from edge.grid import make_grid
from edge.night import night_rows
from edge.readers.names import FileName, parse_name
from edge.scoring import Scorer

TITLE = "Scoring one half-orbit (LAP + PAP + HPM, about 500 windows, one thread)"
NOTE = (
    "The peer is the interpreter alone on the same windows, in batches of 64: what is above it is "
    "reading, grid, windows and verdicts. The least CPU time of 60 rounds in turn."
)


def measure() -> list[dict[str, str]]:
    files: dict[object, FileName] = {}
    for path in sorted((models_path() / "samples").glob("CSES_*.h5")):
        files[path] = parse_name(path)
    keys = [n.half_orbit for n in files.values()]
    key = max(keys, key=keys.count)
    chosen = {p: n for p, n in files.items() if n.half_orbit == key}
    scorer = Scorer(load_bundle())
    half_orbit = scorer.read(chosen)
    grid = make_grid(half_orbit, scorer.bundle.profile)
    count = len(scorer.score(half_orbit).windows)
    inputs = np.zeros((count, *scorer._model.window_shape), dtype=np.float32)
    least = least_cpu(
        {
            f"interpreter alone, {count} windows (peer)": lambda: scorer.probabilities(inputs),
            "read the files": lambda: scorer.read(chosen),
            "grid": lambda: make_grid(half_orbit, scorer.bundle.profile),
            "night": lambda: night_rows(grid, True, "dark"),
            "score a half-orbit that was read": lambda: scorer.score(half_orbit),
            "files to verdicts": lambda: scorer.score(scorer.read(chosen)),
        }
    )
    return rows(least, next(iter(least)), "least CPU ms")
