"""A few half-orbits of the simulated test blocks, to try the bundle on."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.arrays import AnyArray
from edge.errors import BundleError
from edge.outputs import replace_file
from edge.readers.names import looks_like_payload, parse_name
from trainer.datasets.labels import NEGATIVE, POSITIVE
from trainer.datasets.windows import Windows
from trainer.folders import new_folder
from trainer.missions import Mission

_INDEX = """\
# Sample half-orbits

**Simulated.** No file here is an observation of any satellite, and no earthquake behind them
happened. They are in the native formats of CSES-01 Level 2 and DEMETER N1, were written by
`make train-export` (`edge-train train-export`), and are from the simulated test block, which
the model has not seen. `edge-score stream models/samples --out build/run --once` scores them.

| Half-orbit | Files | What was simulated |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One half-orbit to hand out.

    Attributes
    ----------
    key : str
    files : tuple of Path
    note : str
        What was simulated.
    """

    key: str
    files: tuple[Path, ...]
    note: str


def choose_with_event(
    mission: Mission, windows: Windows, logits: AnyArray, payloads: Sequence[str]
) -> Sample | None:
    """Choose the half-orbit whose event the model sees best, among those with all payloads.

    It is chosen by its score, so it shows what an alarm looks like and not how often it is right.
    """
    order = np.argsort(-logits, kind="stable")
    for i in order[windows.label[order] == POSITIVE]:
        found = mission.half_orbit(int(windows.half_orbit[i]))
        if set(payloads) <= set(found.payloads):
            note = "an event near the track, the one that the model sees best"
            return _sample(mission, int(windows.half_orbit[i]), payloads, note)
    return None


def choose_without_event(
    mission: Mission, windows: Windows, payloads: Sequence[str]
) -> Sample | None:
    """Choose the first half-orbit, with all payloads, that has no event near its track."""
    for place in np.unique(windows.half_orbit):
        labels = windows.label[windows.half_orbit == place]
        if (labels == NEGATIVE).all() and set(payloads) <= set(
            mission.half_orbit(int(place)).payloads
        ):
            return _sample(mission, int(place), payloads, "no event near the track")
    return None


def choose_first_with_event(
    mission: Mission, windows: Windows, payloads: Sequence[str]
) -> Sample | None:
    """Choose the first half-orbit, with all payloads, that has an event near its track."""
    for place in np.unique(windows.half_orbit[windows.label == POSITIVE]):
        if set(payloads) <= set(mission.half_orbit(int(place)).payloads):
            return _sample(mission, int(place), payloads, "an event near the track")
    return None


def write_samples(out: Path, samples: Sequence[Sample]) -> int:
    """Replace the folder of samples.

    Parameters
    ----------
    out : Path
    samples : sequence of Sample

    Returns
    -------
    int
        Bytes in the folder.

    Raises
    ------
    BundleError
        `out` holds something else than samples.
    """
    if out.exists():
        strange = [p.name for p in out.iterdir() if not looks_like_payload(p.name)]
        if strange:
            raise BundleError(f"{out}: holds {strange[0]}, and is not replaced")
    with new_folder(out) as folder:
        lines = []
        for sample in samples:
            for file in sample.files:
                shutil.copyfile(file, folder / file.name)
            names = ", ".join(parse_name(f).payload for f in sample.files)
            lines.append(f"| `{sample.key}` | {names} | {sample.note} |\n")
    # Beside the folder, which `edge-score stream` takes as an inbox.
    replace_file(out.with_suffix(".md"), (_INDEX + "".join(lines)).encode())
    return sum(p.stat().st_size for p in out.iterdir())


def _sample(mission: Mission, place: int, payloads: Sequence[str], note: str) -> Sample:
    found = mission.half_orbit(int(place))
    files = tuple(f for f in mission.files(place) if parse_name(f).payload in payloads)
    return Sample(found.key, files, note)
