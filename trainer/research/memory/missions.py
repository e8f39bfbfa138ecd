"""The blocks of the studies, their climatology, and windows as classifiers take them.

What is simulated is kept in a folder, chunk by chunk, so that an interrupted study goes on.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge import RELEASE
from edge.arrays import AnyArray
from edge.climatology import Climatology
from edge.grid import Grid
from edge.observables import PROFILES, MissionName
from edge.outputs import replace_file
from trainer.archives.archive import NightPass
from trainer.common.errors import TrainError
from trainer.datasets.climatology_fit import fit_background, join_fits
from trainer.datasets.recipe import read_dataset_recipe
from trainer.inputs.indices import Indices
from trainer.research.bayes import Reference
from trainer.research.memory.clusters import Chunk
from trainer.research.memory.tracks import Tracks
from trainer.research.memory.windows import Block, SimulatedWindows, join, refer
from trainer.research.paper.mission_rows import SimulatedMission
from trainer.simulate.space_weather import simulate_indices

#: Raised where the same plan gives other windows.
FORMAT = 2
_EMBARGO = np.timedelta64(34, "D")
_HALF_YEAR, _YEAR = np.timedelta64(183, "D"), np.timedelta64(365, "D")
_SEEDS = {"cses": 710_000_000, "demeter": 720_000_000}
#: Chunks of each block have seeds of their own.
_OF_BLOCK = {"train": 0, "validation": 10_000, "test": 20_000, "development": 25_000}
#: Blocks ``null-0``, ``null-1`` and so on follow, so many seeds apart.
_NULL, _FIRST_NULL, _NULL_STEP = "null-", 30_000, 1_000
#: Windows of each half-orbit of the climatology that the whitening is fitted on.
_CLEAR_WINDOWS = 4

_WINDOWS = tuple(f.name for f in fields(SimulatedWindows))

Tell = Callable[[str], None]


class NotDone(TrainError):
    """Something was asked for that is not done, and not to be done now."""


class MissionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated mission of a study.

    Attributes
    ----------
    mission : {"cses", "demeter"}
    first, last : str
        Days of the training block, UTC; `last` no more. Validation follows for half a year, and
        test for a year, 34 days apart.
    strengths : dict of str to float
    every : int
        The climatology is of one night half-orbit of the training block in so many.
    windows, test_windows : int
        Positives of a cluster, at most.
    """

    mission: MissionName
    first: str
    last: str
    strengths: dict[str, float]
    every: int
    windows: int = 6
    test_windows: int = 1
    profile: str = "plasma"


class Mission:
    """A simulated mission, made where it is not in the folder yet.

    Parameters
    ----------
    plan : MissionPlan
    folder : Path
    tell : callable
        Takes a line of progress.
    work : bool, optional
        False: what is not in the folder raises `NotDone`.
    """

    def __init__(self, plan: MissionPlan, folder: Path, tell: Tell, work: bool = True) -> None:
        self.plan, self.folder, self._tell, self._work = plan, folder, tell, work
        first, last = np.datetime64(plan.first, "D"), np.datetime64(plan.last, "D")
        held = last + _EMBARGO
        final = held + _HALF_YEAR + _EMBARGO
        self._spans = {
            "train": (first, last),
            "validation": (held, held + _HALF_YEAR),
            "test": (final, final + _YEAR),
            "development": (first, last),
        }
        margin = np.timedelta64(60, "D")
        self.indices: Indices = simulate_indices(
            first - margin, final + _YEAR + margin, _SEEDS[plan.mission]
        )
        self._tracks: dict[str, Tracks] = {}
        self._kept: dict[tuple[str, int], SimulatedWindows] = {}

    def block(self, name: str) -> Block:
        """Give the plan of a block.

        It is ``train``, ``validation``, ``test``, ``development``, ``null-0``, ``null-1`` and so
        on. ``development`` is of the span of ``train`` with other earthquakes and noise; the null
        ones of that of ``test`` likewise, and have no perturbations.
        """
        null = name.startswith(_NULL)
        first, last = self._spans[_span(name)]
        number = int(name.removeprefix(_NULL)) if null else 0
        seed = _FIRST_NULL + _NULL_STEP * number if null else _OF_BLOCK[name]
        return Block(
            mission=self.plan.mission,
            first=first,
            last=last,
            seed=_SEEDS[self.plan.mission] + seed,
            indices=self.indices,
            strengths={} if null else self.plan.strengths,
            windows=self.plan.test_windows if _span(name) == "test" else self.plan.windows,
            refer=name == "test",
            profile=self.plan.profile,
        )

    @property
    def reference(self) -> Reference:
        """Detector that knows the simulator, for a strength of 1."""
        length = read_dataset_recipe().windows.length
        return Reference(self.plan.mission, PROFILES[self.plan.profile], 1.0, length)

    def windows(self, name: str, clusters: int) -> SimulatedWindows:
        """Simulate the first clusters of a block.

        Parameters
        ----------
        name : str
            Of `block`.
        clusters : int
        """
        if (name, clusters) in self._kept:
            return self._kept[name, clusters]
        block, have = self.block(name), 0
        parts: list[SimulatedWindows] = []
        while have < clusters:
            number = len(parts)
            path = self._path(f"{name}-{number:03d}", (block.plan(number), block.windows))
            if self._missing(path):
                chunk = Chunk(block, number, self.tracks(name))
                found = join(list(chunk.clusters()))
                _write(path, _arrays(refer(block, found) if block.refer else found))
                self._tell(f"{path.stem}: simulated")
            parts.append(SimulatedWindows(**_read(path)))
            have += int(parts[-1].cluster.max(initial=-1)) + 1
        self._kept[name, clusters] = join(parts).clusters(0, clusters)
        return self._kept[name, clusters]

    def tracks(self, name: str) -> Tracks:
        """Give the ground tracks of a block."""
        span = _span(name)
        if span not in self._tracks:
            self._tracks[span] = Tracks(self.plan.mission, *self._spans[span])
        return self._tracks[span]

    def climatology(self, form: str) -> tuple[Climatology, SimulatedWindows]:
        """Fit the climatology of the training block on clear half-orbits.

        Parameters
        ----------
        form : {"nearest", "interpolated"}

        Returns
        -------
        Climatology
        SimulatedWindows
            Clear windows of the same half-orbits, for the whitening.
        """
        clear = self._simulate_clear()
        profile = PROFILES[self.plan.profile]
        rule = msgspec.structs.replace(read_dataset_recipe().background, form=form)
        path = self._path(f"climatology-{form}", (*self._thinned(), rule))
        if self._missing(path):
            fit = fit_background(_passes(clear), profile, self.plan.mission, rule, self.indices)
            content = io.BytesIO()
            join_fits(profile, {self.plan.mission: fit}).save(content)  # type: ignore[arg-type]
            replace_file(path, content.getvalue())
        return Climatology.load(path), SimulatedWindows(**_read(clear, _WINDOWS))

    def _thinned(self) -> tuple[SimulatedMission, int, str]:
        """Give all that the clear half-orbits depend on."""
        block = replace(self.block("train"), strengths={})
        return block.plan(0), self.plan.every, self.plan.last

    def _simulate_clear(self) -> Path:
        """Simulate the clear half-orbits where they are not in the folder yet."""
        block = replace(self.block("train"), strengths={})
        path = self._path("clear", self._thinned())
        if self._missing(path):
            chunk = Chunk(block, 0, self.tracks("train"))
            orbits = self.tracks("train").orbit.size
            # At random: a step could go round with the cycle of the orbit.
            chosen = np.sort(
                np.random.default_rng(block.seed).permutation(orbits)[: orbits // self.plan.every]
            )
            found, windows = [], []
            for place in chosen:
                one, cut = chunk.clear(int(place), _CLEAR_WINDOWS)
                found += [] if one is None else [one]
                windows += [] if cut is None else [cut]
            columns = [f.name for f in fields(Grid) if f.name != "samples"]
            grids = {
                f"grid_{c}": np.concatenate([getattr(p.grid, c) for p in found]) for c in columns
            }
            grids["grid_values"] = grids["grid_values"].astype(np.float32)
            grids["night"] = np.concatenate([p.night for p in found])
            grids["size"] = np.array([p.night.size for p in found])
            _write(path, grids | _arrays(join(windows)))
            self._tell(f"{path.stem}: {len(found)} of {orbits} half-orbits simulated")
        return path

    def _missing(self, path: Path) -> bool:
        if path.is_file():
            return False
        if not self._work:
            raise NotDone(f"{path.stem}: is not simulated")
        return True

    def _path(self, name: str, about: Any) -> Path:
        digest = hashlib.sha256(msgspec.json.encode((FORMAT, RELEASE, name, about))).hexdigest()
        return self.folder / f"{self.plan.mission}-{name}-{digest[:12]}.npz"


def _span(block: str) -> str:
    return "test" if block.startswith(_NULL) else block


def _arrays(windows: SimulatedWindows) -> dict[str, AnyArray]:
    return {f.name: getattr(windows, f.name) for f in fields(windows)}


def _write(path: Path, arrays: dict[str, AnyArray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    np.savez(content, **arrays)
    replace_file(path, content.getvalue())


def _read(path: Path, names: Sequence[str] = ()) -> dict[str, AnyArray]:
    """Read arrays of a file: some, or all."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in names or file.files}


def _passes(path: Path) -> list[NightPass]:
    """Read clear half-orbits."""
    columns = [f.name for f in fields(Grid) if f.name != "samples"]
    arrays = _read(path, ["size", "night", *(f"grid_{c}" for c in columns)])
    ends = np.cumsum(arrays["size"])
    return [
        NightPass(
            key=str(i),
            files=(),
            payloads=(),
            grid=Grid(**{c: arrays[f"grid_{c}"][end - n : end] for c in columns}),
            night=arrays["night"][end - n : end],
            samples=np.zeros(n, np.float32),
            burst=np.zeros(n, np.bool_),
        )
        for i, (n, end) in enumerate(zip(arrays["size"], ends, strict=True))
    ]
