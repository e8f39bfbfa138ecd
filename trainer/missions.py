"""One mission's share of a run: its archive, simulated where none is given, as labelled windows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from edge import __version__
from edge.bundle import MissionData
from edge.climatology import Climatology
from edge.observables import PROFILES, MissionName
from trainer.archive import SIMULATION_FILE, Archive, read_archive
from trainer.background import fit_background
from trainer.catalogue import Catalogue, read_catalogue
from trainer.dataset import Windows, draw_samples, make_windows
from trainer.errors import TrainError
from trainer.labels import POSITIVE, Labeller, LabelRule
from trainer.recipe import Recipe, Simulation
from trainer.splits import NAMES, Splits, check_splits, make_splits

_REQUEST_FILE = "request.json"
_CATALOGUE_FILE = "catalogue.csv"


@dataclass(frozen=True, slots=True, eq=False)
class Mission:
    """Labelled windows of one mission in three blocks of time.

    Attributes
    ----------
    name : {"cses", "demeter"}
    archive : Archive
    catalogue : Catalogue
    catalogue_simulated : bool
    splits : Splits
    half_orbits : dict of str to ndarray of int64
        Places in the archive of the half-orbits of each block.
    climatology : Climatology
        Of this mission's training block.
    windows : dict of str to Windows
    samples : dict of str to ndarray of int64
        Matched windows of each block; in validation and test as many of either class.
    """

    name: MissionName
    archive: Archive
    catalogue: Catalogue
    catalogue_simulated: bool
    splits: Splits
    half_orbits: dict[str, npt.NDArray[np.int64]]
    climatology: Climatology
    windows: dict[str, Windows]
    samples: dict[str, npt.NDArray[np.int64]]

    def describe(self) -> MissionData:
        """Say for the card what was seen."""
        cell_time = [self.archive.passes[i].grid.time[j] for i, j in ((0, 0), (-1, -1))]
        train = self.windows["train"].label[self.samples["train"]]
        parameters: dict[str, str | int | float | bool | None] = {
            "embargo_days": self.splits.embargo_days,
            "files_failed": len(self.archive.failed),
        }
        for name, (start, end) in self.splits.blocks.items():
            parameters[f"{name}_block"] = f"{start}Z to {end}Z"
            parameters[f"{name}_block_days"] = round(
                float((end - start) / np.timedelta64(1, "D")), 2
            )
            positive = self.windows[name].event
            parameters[f"{name}_events"] = int(np.unique(positive[positive >= 0]).size)
        if self.archive.simulated:
            made = self.archive.path / SIMULATION_FILE
            found = msgspec.json.decode(made.read_bytes())
            parameters |= {k: v for k, v in found.items() if not isinstance(v, dict | list)}
        return MissionData(
            mission=self.name,
            simulated=self.archive.simulated,
            start=f"{cell_time[0]}Z",
            end=f"{cell_time[1]}Z",
            half_orbits=len(self.archive.passes),
            train_windows=int(train.size),
            positive_windows=int((train == POSITIVE).sum()),
            parameters=parameters,
        )


def simulate_missing(
    wanted: dict[MissionName, Simulation], build: Path, workers: int = 2
) -> dict[MissionName, Path]:
    """Simulate missions under ``build/simulated``, or find them there from an earlier run.

    Parameters
    ----------
    wanted : dict of str to Simulation
    build : Path
    workers : int, optional
        Processes; 1 simulates in this one.

    Returns
    -------
    dict of str to Path
        The archive of each mission.
    """
    folders = {mission: build / "simulated" / mission for mission in wanted}
    due = [m for m in wanted if not _is_current(folders[m], wanted[m])]
    if workers < 2 or len(due) < 2:
        for mission in due:
            _simulate(mission, wanted[mission], folders[mission])
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(_simulate, m, wanted[m], folders[m]) for m in due]
            for job in jobs:
                job.result()
    return folders


def prepare(
    name: MissionName,
    path: Path,
    catalogue_path: Path | None,
    recipe: Recipe,
    tell: Callable[[str], None],
    workers: int = 2,
) -> Mission:
    """Read a mission's archive and cut it into labelled windows.

    Parameters
    ----------
    name : {"cses", "demeter"}
    path : Path
        The archive.
    catalogue_path : Path, optional
        Of a real archive, and of a simulated one that brings none.
    recipe : Recipe
    tell : callable
        Takes a line for each file that failed.
    workers : int, optional

    Returns
    -------
    Mission

    Raises
    ------
    EdgeError
        No catalogue, no usable half-orbit, or too few of them.
    """
    profile, rule = PROFILES[recipe.profile], recipe.windows
    catalogue, made_up = _catalogue(path, catalogue_path, recipe)
    archive = read_archive(path, name, recipe.profile, rule.night, workers)
    for reason in archive.failed.values():
        tell(f"skipped {reason}")
    labels = recipe.labels
    labeller = Labeller(
        catalogue,
        LabelRule(labels.lead_hours, labels.clear_before_days, labels.clear_after_days),
    )
    start = np.array([p.grid.time[0] for p in archive.passes])
    end = np.array([p.grid.time[-1] for p in archive.passes])
    cut = recipe.splits
    usable = labeller.usable
    splits = make_splits(
        max(start.min(), usable[0]),
        min(end.max(), usable[1]),
        cut.shares,
        cut.embargo_days,
        cut.long_embargo_days,
        cut.long_block_days,
        cut.least_block_days,
    )
    places = splits.members(start, end)
    empty = [n for n in NAMES if not places[n].size]
    if empty:
        raise TrainError(f"{name}: no half-orbit in the blocks {', '.join(empty)}")
    median, spread = fit_background(
        [archive.passes[i] for i in places["train"]],
        profile,
        recipe.background.least_values,
        recipe.background.least_spread,
    )
    climatology = Climatology(profile.names, {name: median}, {name: spread})
    windows = {
        n: make_windows(archive.passes, places[n], climatology, profile, name, labeller, rule)
        for n in NAMES
    }
    check_splits(splits, places, {n: w.event for n, w in windows.items()}, start, end)
    rng = np.random.default_rng(recipe.training.seed)
    balanced = msgspec.structs.replace(rule, negatives_per_positive=1.0)
    samples = {
        n: draw_samples(w, rule if n == "train" else balanced, rng) for n, w in windows.items()
    }
    return Mission(name, archive, catalogue, made_up, splits, places, climatology, windows, samples)


def _catalogue(path: Path, catalogue_path: Path | None, recipe: Recipe) -> tuple[Catalogue, bool]:
    brought = path / _CATALOGUE_FILE
    # Only its own catalogue says where a simulated mission has its perturbations.
    made_up = (path / SIMULATION_FILE).is_file() and brought.is_file()
    if made_up:
        catalogue_path = brought
    if catalogue_path is None:
        raise TrainError(f"{path}: a real archive needs a catalogue: give --catalogue FILE")
    cuts = recipe.events
    found = read_catalogue(catalogue_path, cuts.least_magnitude, cuts.largest_depth_km)
    return found, made_up


def _is_current(folder: Path, wanted: Simulation) -> bool:
    request = folder / _REQUEST_FILE
    return request.is_file() and request.read_bytes() == _request(wanted)


def _request(wanted: Simulation) -> bytes:
    return msgspec.json.encode({"code_version": __version__, "parameters": wanted})


def _simulate(mission: MissionName, wanted: Simulation, folder: Path) -> None:
    from trainer.simulate import simulate_mission

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
        )
    except ValueError as error:
        raise TrainError(f"simulation of {mission}: {error}") from None
    # Written last: a simulation that was cut short is made again.
    (folder / _REQUEST_FILE).write_bytes(_request(wanted))
