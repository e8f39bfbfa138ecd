"""Archives: folders of payload files, read half-orbit by half-orbit on to the grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from edge.arrays import BoolArray
from edge.errors import InputError
from edge.grid import Grid, make_grid
from edge.night import NightRule, night_rows
from edge.observables import PROFILES, MissionName
from edge.readers import sniff
from edge.readers.names import FileName, looks_like_payload
from edge.readers.opening import read_half_orbit

#: Beside the files of a simulated mission; an archive that has it is called simulated.
SIMULATION_FILE = "simulation.json"


@dataclass(frozen=True, slots=True, eq=False)
class NightPass:
    """The night of one half-orbit, from its first to its last night row.

    Attributes
    ----------
    key : str
        Of the half-orbit.
    files : tuple of Path
    payloads : tuple of str
        That were read.
    grid : Grid
        N rows.
    night : ndarray of bool, shape (N,)
    """

    key: str
    files: tuple[Path, ...]
    payloads: tuple[str, ...]
    grid: Grid
    night: BoolArray


@dataclass(slots=True)
class Archive:
    """The night-side half-orbits of one mission, in the order of time.

    Attributes
    ----------
    mission : {"cses", "demeter"}
    path : Path
    simulated : bool
    passes : list of NightPass
        Those with at least one night row.
    failed : dict of Path to str
        Files that could not be used, with the reason.
    """

    mission: MissionName
    path: Path
    simulated: bool
    passes: list[NightPass]
    failed: dict[Path, str] = field(default_factory=dict)


def read_archive(
    path: Path, mission: MissionName, profile: str, night: NightRule, workers: int = 2
) -> Archive:
    """Read every night-side half-orbit of a folder and of the folders in it.

    Parameters
    ----------
    path : Path
    mission : {"cses", "demeter"}
        Files of the other one are left alone.
    profile : str
        Name of a profile of `edge.observables`.
    night : {"dark", "paper"}
    workers : int, optional
        Processes; 1 reads in this one.

    Returns
    -------
    Archive
        A file that fails is listed and skipped; its siblings are read.

    Raises
    ------
    InputError
        The folder is not there, or holds no usable night-side half-orbit of the mission.
    """
    if not path.is_dir():
        raise InputError(path, "is not a folder")
    failed: dict[Path, str] = {}
    groups = list(_night_half_orbits(path, mission, profile, failed))
    read = partial(_read_pass, profile=profile, night=night)
    passes = []
    for result, bad in _map(read, groups, workers):
        failed.update(bad)
        if result is not None:
            passes.append(result)
    if not passes:
        first = "" if not failed else f"; {len(failed)} files failed, {next(iter(failed.values()))}"
        raise InputError(path, f"no usable night-side half-orbit of {mission}{first}")
    passes.sort(key=lambda p: int(p.grid.cell[0]))
    return Archive(mission, path, (path / SIMULATION_FILE).is_file(), passes, failed)


def _night_half_orbits(
    path: Path, mission: MissionName, profile: str, failed: dict[Path, str]
) -> Iterator[dict[Path, FileName]]:
    wanted = PROFILES[profile].payloads(mission)
    groups: dict[str, dict[Path, FileName]] = {}
    for file in sorted(path.rglob("*")):
        if not looks_like_payload(file.name) or not file.is_file():
            continue
        try:
            name = sniff(file)
        except InputError as error:
            failed[file] = str(error)
            continue
        if name.mission == mission and name.night_side and name.payload in wanted:
            groups.setdefault(name.half_orbit, {})[file] = name
    yield from groups.values()


def _read_pass(
    files: dict[Path, FileName], profile: str, night: NightRule
) -> tuple[NightPass | None, dict[Path, str]]:
    observables = PROFILES[profile]
    mission = next(iter(files.values())).mission
    half_orbit = read_half_orbit(files, observables.payloads(mission))
    # As text: the error itself does not survive the way between processes.
    bad = {
        path: str(half_orbit.failed[name.payload])
        for path, name in files.items()
        if name.payload in half_orbit.failed
    }
    if not half_orbit.payloads:
        return None, bad
    grid = make_grid(half_orbit, observables)
    rows = night_rows(grid, half_orbit.night_side, night)
    kept = np.flatnonzero(rows)
    if not kept.size:
        return None, bad
    span = slice(int(kept[0]), int(kept[-1]) + 1)
    grid = Grid(
        *(
            np.ascontiguousarray(getattr(grid, name)[span])
            for name in (
                "cell",
                "latitude",
                "longitude",
                "altitude",
                "present",
                "values",
                "valid",
            )
        )
    )
    payloads = tuple(sorted(half_orbit.payloads))
    return NightPass(half_orbit.key, tuple(sorted(files)), payloads, grid, rows[span]), bad


def _map(
    function: partial[tuple[NightPass | None, dict[Path, str]]],
    groups: list[dict[Path, FileName]],
    workers: int,
) -> Iterable[tuple[NightPass | None, dict[Path, str]]]:
    if workers < 2 or len(groups) < 64:
        yield from map(function, groups)
        return
    # A fresh process, not a fork: the caller may hold TensorFlow and its threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, groups, chunksize=16)
