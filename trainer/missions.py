"""One mission's share of a run: its archive, simulated where none is given, as labelled windows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from edge import RELEASE
from edge.bundle import MissionData
from edge.climatology import Climatology
from edge.observables import MissionName
from trainer.archives.archive import SIMULATION_FILE
from trainer.archives.cluster import connect
from trainer.archives.manifest import HalfOrbitRows, Manifest
from trainer.archives.row_stage import make_rows
from trainer.catalogues.catalogue import Catalogue
from trainer.datasets.block_windows import open_blocks
from trainer.datasets.build import build_dataset, read_events
from trainer.datasets.labels import POSITIVE
from trainer.datasets.windows import Windows
from trainer.errors import TrainError
from trainer.indices import Indices, read_indices
from trainer.recipe import Recipe, Simulation

_REQUEST_FILE = "request.json"
_CATALOGUE_FILE = "catalogue.csv"
_INDICES_FILE = "indices.txt"


@dataclass(frozen=True, slots=True, eq=False)
class Mission:
    """Labelled windows of one mission in three blocks.

    Attributes
    ----------
    name : {"cses", "demeter"}
    archive, dataset : Path
    manifest : Manifest
        What was read of it.
    catalogue : Catalogue
    catalogue_simulated : bool
    card : dict
        What ``dataset.json`` says.
    climatology : Climatology
        Of this mission's training block.
    half_orbits : dict of str to int
        Number in each block, those without a sufficient window too.
    windows : dict of str to Windows
        Every window of each block.
    samples : dict of str to ndarray of int64
        Places of the matched windows in them: positives and as many controls.
    """

    name: MissionName
    archive: Path
    dataset: Path
    manifest: Manifest
    catalogue: Catalogue
    catalogue_simulated: bool
    card: dict[str, Any]
    climatology: Climatology
    half_orbits: dict[str, int]
    windows: dict[str, Windows]
    samples: dict[str, npt.NDArray[np.int64]]

    @property
    def simulated(self) -> bool:
        """Whether the archive is a simulation."""
        return self.manifest.simulated

    def half_orbit(self, place: int) -> HalfOrbitRows:
        """Half-orbit at a place of `Windows.half_orbit`."""
        return self.manifest.half_orbits[place]

    def files(self, place: int) -> list[Path]:
        """Files of that half-orbit."""
        return [self.archive / f.name for f in self.half_orbit(place).files]

    def describe(self) -> MissionData:
        """Tell the card what was seen."""
        train = self.windows["train"].label[self.samples["train"]]
        parameters: dict[str, str | int | float | bool | None] = {
            "embargo_days": self.card["embargo_days"],
            "files_failed": len(self.manifest.failed),
        }
        for name, (start, end) in self.card["blocks"].items():
            parameters[f"{name}_block"] = f"{start} to {end}"
            days = np.datetime64(end[:-1], "ms") - np.datetime64(start[:-1], "ms")
            parameters[f"{name}_block_days"] = round(float(days / np.timedelta64(1, "D")), 2)
            positive = self.windows[name].event
            parameters[f"{name}_events"] = int(np.unique(positive[positive >= 0]).size)
        if self.simulated:
            found = msgspec.json.decode((self.archive / SIMULATION_FILE).read_bytes())
            parameters |= {k: v for k, v in found.items() if not isinstance(v, dict | list)}
        orbits = self.manifest.half_orbits
        return MissionData(
            mission=self.name,
            simulated=self.simulated,
            start=orbits[0].start or "",
            end=orbits[-1].end or "",
            half_orbits=len(orbits),
            train_windows=int(train.size),
            positive_windows=int((train == POSITIVE).sum()),
            parameters=parameters,
        )


def simulate_missing(
    wanted: dict[MissionName, Simulation], profile: str, build: Path, workers: int = 2
) -> dict[MissionName, Path]:
    """Simulate missions under ``build/simulated``, or find them there from an earlier run.

    Parameters
    ----------
    wanted : dict of str to Simulation
    profile : str
        Whose payloads are written: ``plasma``, ``waves`` or ``full``.
    build : Path
    workers : int, optional
        Processes; 1 simulates in this one.

    Returns
    -------
    dict of str to Path
        The archive of each mission.
    """
    folders = {mission: build / "simulated" / f"{mission}-{profile}" for mission in wanted}
    due = [m for m in wanted if not _is_current(folders[m], wanted[m], profile)]
    if workers < 2 or len(due) < 2:
        for mission in due:
            _simulate(mission, wanted[mission], profile, folders[mission])
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(_simulate, m, wanted[m], profile, folders[m]) for m in due]
            for job in jobs:
                job.result()
    return folders


def prepare(
    name: MissionName,
    path: Path,
    catalogue_path: Path | None,
    indices_path: Path | None,
    recipe: Recipe,
    build: Path,
    tell: Callable[[str], None],
    workers: int = 2,
    strict: bool = False,
) -> Mission:
    """Turn a mission's archive into a dataset under ``build/datasets``, and open it.

    Parameters
    ----------
    name : {"cses", "demeter"}
    path : Path
        The archive.
    catalogue_path, indices_path : Path, optional
        Of a real archive, and of a simulated one that brings none.
    recipe : Recipe
    build : Path
    tell : callable
        Takes a line for each file that failed, and what was left out of the catalogue.
    workers : int, optional
    strict : bool, optional
        Refuse a catalogue with a row that cannot be used.

    Returns
    -------
    Mission

    Raises
    ------
    EdgeError
        No catalogue, no usable half-orbit, or too few of them.

    Notes
    -----
    These are the steps of ``edge-train prepare``; what an earlier run made is not made again.
    """
    rule = recipe.dataset
    catalogue, made_up = _catalogue(path, catalogue_path, recipe, strict)
    for line in catalogue.tally():
        tell(line)
    indices = _indices(path, indices_path)
    dataset = build / "datasets" / f"{name}-{rule.profile}"
    make_rows(path, dataset, name, rule.profile, rule.windows.night, lambda: connect(workers))
    build_dataset(dataset, catalogue, indices, rule, lambda line: None)
    opened = open_blocks(dataset, catalogue, indices, rule)
    for reason in opened.manifest.failed.values():
        tell(f"skipped {reason}")
    return Mission(
        name,
        path,
        dataset,
        opened.manifest,
        catalogue,
        made_up,
        opened.card,
        opened.climatology,
        opened.half_orbits,
        opened.windows,
        opened.samples,
    )


def _catalogue(
    path: Path, catalogue_path: Path | None, recipe: Recipe, strict: bool
) -> tuple[Catalogue, bool]:
    brought = path / _CATALOGUE_FILE
    # Only its own catalogue says where a simulated mission has its perturbations.
    made_up = (path / SIMULATION_FILE).is_file() and brought.is_file()
    if made_up:
        catalogue_path = brought
    if catalogue_path is None:
        raise TrainError(f"{path}: a real archive needs a catalogue: give --catalogue FILE")
    return read_events(catalogue_path, recipe.dataset, strict), made_up


def _indices(path: Path, indices_path: Path | None) -> Indices | None:
    brought = path / _INDICES_FILE
    if (path / SIMULATION_FILE).is_file() and brought.is_file():
        indices_path = brought
    return None if indices_path is None else read_indices(indices_path)


def _is_current(folder: Path, wanted: Simulation, profile: str) -> bool:
    request = folder / _REQUEST_FILE
    return request.is_file() and request.read_bytes() == _request(wanted, profile)


def _request(wanted: Simulation, profile: str) -> bytes:
    return msgspec.json.encode({"code_version": RELEASE, "profile": profile, "parameters": wanted})


def _simulate(mission: MissionName, wanted: Simulation, profile: str, folder: Path) -> None:
    from trainer.simulate import simulate_mission
    from trainer.simulate.cses_waves import FEWEST_WAVE_BINS

    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    end = wanted.start + timedelta(days=wanted.days)
    try:
        simulate_mission(
            mission,
            np.datetime64(wanted.start),
            np.datetime64(end),
            wanted.seed,
            wanted.injection,
            folder,
            night_only=True,
            pap_off=wanted.pap_off,
            events_per_day=wanted.events_per_day,
            profile=profile,
            # Thin spectra: every band keeps two bins of the one component that is read.
            wave_bins=FEWEST_WAVE_BINS,
            wave_components=1,
        )
    except ValueError as error:
        raise TrainError(f"simulation of {mission}: {error}") from None
    # Written last: a simulation that was cut short is made again.
    (folder / _REQUEST_FILE).write_bytes(_request(wanted, profile))
