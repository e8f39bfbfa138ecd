"""Which cells of a half-orbit were taken in burst mode.

Both missions switch over regions chosen beforehand, seismic belts among them, so the mode
tells where the satellite was: whoever matches controls must know it.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from edge.arrays import BoolArray
from edge.errors import InputError
from edge.geodesy import dipole_latitude, solar_zenith_angle
from edge.grid import Grid, make_grid
from edge.inbox import group_by_half_orbit
from edge.night import HIGHEST_DIPOLE_LATITUDE_DEG, night_rows
from edge.observables import GRID_STEP_S, PROFILES, MissionName, Request
from edge.readers import sniff
from edge.readers.cses_tables import BURST, PAYLOADS, WORKMODE
from edge.readers.halforbit import Payload
from edge.readers.names import FileName, looks_like_payload, parse_name
from edge.readers.opening import read_half_orbit
from trainer.common.progress import track

#: APIDs of DEMETER that are written in burst mode alone (DMT-SP-9-CM-6054-LPC, 3.2).
BURST_APIDS = frozenset({"1130", "1131", "1133", "1135", "1136", "1139", "1141", "1143"})

#: Small burst files that tell the mode where a profile reads none: ISL and IAP.
MODE_APIDS = frozenset({"1139", "1143"})

# LAP has a record every 3 s in survey mode and every 1.5 s in burst mode; jitter is below 1 s.
_CADENCE_TELLS = "LAP_1"
_SHORT = 0.6


def mode_requests(mission: MissionName, wanted: dict[str, Request]) -> dict[str, Request]:
    """Ask for the working mode beside what a profile needs.

    Parameters
    ----------
    mission : {"cses", "demeter"}
    wanted : dict of str to dict
        For each payload its channels, as of `Profile.payloads`.

    Returns
    -------
    dict of str to dict
        Those of CSES with the channel ``WORKMODE``; those of DEMETER as they are.
    """
    if mission == "demeter":
        return wanted
    return {payload: {**channels, WORKMODE: ()} for payload, channels in wanted.items()}


def burst_cells(payloads: Iterable[Payload], grid: Grid) -> BoolArray:
    """Mark the cells that hold a record of burst mode.

    Parameters
    ----------
    payloads : iterable of Payload
        Of one half-orbit; those of CSES with the channel ``WORKMODE`` where they have it.
    grid : Grid
        N rows.

    Returns
    -------
    ndarray of bool, shape (N,)

    Notes
    -----
    In burst mode every instrument has a record in at most 3 s, so no cell lies between two.
    A CSES file without ``WORKMODE`` tells by its cadence, of LAP alone.
    """
    out = np.zeros(grid.cell.size, dtype=np.bool_)
    for payload in payloads:
        rows = _burst_records(payload)
        step = GRID_STEP_S * 1000
        milliseconds = payload.track.time[rows].astype("datetime64[ms]").astype(np.int64)
        cells = milliseconds // step - grid.cell[0]
        out[cells[(cells >= 0) & (cells < out.size)]] = True
    return out


def _burst_records(payload: Payload) -> BoolArray:
    n = payload.track.time.size
    if payload.name.mission == "demeter":
        return np.full(n, payload.name.payload in BURST_APIDS)
    mode = payload.channels.get(WORKMODE)
    if mode is not None:
        result: BoolArray = mode.valid & (mode.values == BURST)
        return result
    if payload.name.payload != _CADENCE_TELLS or n < 3:
        return np.zeros(n, dtype=np.bool_)
    longest = round(1000 * _SHORT * PAYLOADS[_CADENCE_TELLS].cadence)
    short = np.diff(payload.track.time.astype(np.int64)) <= longest
    # Two short steps in a row: a repeated or shifted time stamp makes one.
    pair = short[:-1] & short[1:]
    out = np.zeros(n, dtype=np.bool_)
    for shift in range(3):
        out[shift : n - 2 + shift] |= pair
    return out


#: Which rows of an archive are wanted: by a night rule of `edge.night`, or, for the ablation,
#: the day side within the same latitudes.
RowRule = Literal["dark", "paper", "day"]

#: Beside the files of a simulated mission; an archive that has it is called simulated.
SIMULATION_FILE = "simulation.json"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
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
    samples : ndarray of float32, shape (N,)
        Mean number of raw samples in the cell over its valid observables; 0 if none is.
    burst : ndarray of bool, shape (N,)
        Whether an instrument was in burst mode.
    """

    key: str
    files: tuple[Path, ...]
    payloads: tuple[str, ...]
    grid: Grid
    night: BoolArray
    samples: npt.NDArray[np.float32]
    burst: BoolArray


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
    path: Path, mission: MissionName, profile: str, night: RowRule, workers: int = 2
) -> Archive:
    """Read every night-side half-orbit of a folder and of the folders in it.

    Parameters
    ----------
    path : Path
    mission : {"cses", "demeter"}
        Files of the other one are left alone.
    profile : str
        Name of a profile of `edge.observables`.
    night : {"dark", "paper", "day"}
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
    groups = list(find_half_orbits(path, mission, profile, night, failed).values())
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


def read_simulation(archive: Path) -> dict[str, Any] | None:
    """Read what a simulated archive says of itself.

    Returns
    -------
    dict or None
        The numbers and words of ``simulation.json``; None of an archive that is not simulated.

    Raises
    ------
    InputError
        The file is damaged.
    """
    path = archive / SIMULATION_FILE
    if not path.is_file():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(path, f"expected what a simulation says of itself: {error}") from None
    return {k: v for k, v in found.items() if not isinstance(v, dict | list)}


def find_half_orbits(
    path: Path,
    mission: MissionName,
    profile: str,
    rule: RowRule,
    failed: dict[Path, str],
) -> dict[str, dict[Path, FileName]]:
    """Find the half-orbits of a folder and of the folders in it, by the files' names.

    Parameters
    ----------
    path : Path
    mission : {"cses", "demeter"}
        Files of the other one are left alone.
    profile : str
        Files of payloads that it has no use for are left alone.
    rule : {"dark", "paper", "day"}
        Of ``day`` the day side, else the night side.
    failed : dict of Path to str
        Receives the files that cannot be what their name says, with the reason.

    Returns
    -------
    dict of str to dict of Path to FileName
        The files of each half-orbit, in order of orbit and direction.

    Notes
    -----
    No file is opened by h5py; of those that are wanted the first bytes are looked at
    (`edge.readers.sniffing`), of the others the name alone.
    """
    wanted = set(PROFILES[profile].payloads(mission))
    if mission == "demeter":
        wanted |= MODE_APIDS
    named: list[tuple[Path, FileName]] = []
    found = sorted(file for file in path.rglob("*") if looks_like_payload(file.name))
    for file in track(found, "finding", len(found), "files"):
        try:
            name = parse_name(file)
            if (
                name.mission == mission
                and name.night_side == (rule != "day")
                and name.payload in wanted
                and file.is_file()
            ):
                named.append((file, sniff(file)))
        except InputError as error:
            if file.is_file():
                failed[file] = str(error)
    # Keys of one mission have one width, so their order is that of orbit and direction.
    return group_by_half_orbit(named)


def read_pass(
    files: dict[Path, FileName], profile: str, rule: RowRule
) -> tuple[NightPass | None, dict[Path, InputError]]:
    """Read the files of one half-orbit on to the grid, and keep its night.

    Parameters
    ----------
    files : dict of Path to FileName
        All of one half-orbit.
    profile : str
        Name of a profile of `edge.observables`.
    rule : {"dark", "paper", "day"}

    Returns
    -------
    found : NightPass or None
        None where no file can be read, or no row is night.
    failed : dict of Path to InputError
        Files that could not be used; their siblings were.
    """
    observables = PROFILES[profile]
    mission = next(iter(files.values())).mission
    wanted = observables.payloads(mission)
    half_orbit = read_half_orbit(files, mode_requests(mission, wanted))
    failed = {error.path: error for error in half_orbit.errors}
    if not half_orbit.payloads:
        return None, failed
    grid = make_grid(half_orbit, observables)
    rows = _wanted_rows(grid, half_orbit.night_side, rule)
    kept = np.flatnonzero(rows)
    if not kept.size:
        return None, failed
    payloads = list(half_orbit.payloads.values())
    # Files that tell the mode and nothing else never touch the grid: the edge does not read them.
    extra = {f: n for f, n in files.items() if n.payload in MODE_APIDS - wanted.keys()}
    if mission == "demeter" and extra:
        mode = read_half_orbit(extra, {payload: {} for payload in MODE_APIDS})
        failed |= {error.path: error for error in mode.errors}
        payloads += mode.payloads.values()
    burst = burst_cells(payloads, grid)
    span = slice(int(kept[0]), int(kept[-1]) + 1)
    part = Grid(*(np.ascontiguousarray(getattr(grid, f.name)[span]) for f in fields(Grid)))
    return (
        NightPass(
            key=half_orbit.key,
            files=tuple(sorted(files)),
            payloads=tuple(sorted(half_orbit.payloads)),
            grid=part,
            night=rows[span],
            samples=mean_samples(part),
            burst=burst[span],
        ),
        failed,
    )


def mean_samples(grid: Grid) -> npt.NDArray[np.float32]:
    """Mean number of raw samples in a cell, over its valid observables.

    Parameters
    ----------
    grid : Grid
        N rows, with counts.

    Returns
    -------
    ndarray of float32, shape (N,)
        0 where none is valid. A cell that was interpolated counts 0.
    """
    if grid.samples is None:
        raise ValueError("the samples of this grid were not counted")
    observables = grid.valid.sum(axis=1)
    total = np.where(grid.valid, grid.samples, 0).sum(axis=1)
    result: npt.NDArray[np.float32] = (total / np.maximum(observables, 1)).astype(np.float32)
    return result


def _wanted_rows(grid: Grid, night_side: bool, rule: RowRule) -> BoolArray:
    if rule != "day":
        return night_rows(grid, night_side, rule)
    if night_side:
        return np.zeros(grid.cell.size, dtype=np.bool_)
    # The night rule `dark` in the light: the same latitudes, and the sun above the horizon.
    zenith = solar_zenith_angle(grid.time, grid.latitude, grid.longitude)
    dipole = dipole_latitude(grid.time, grid.latitude, grid.longitude)
    rows: BoolArray = (
        grid.present & (zenith < 90.0) & (np.abs(dipole) <= HIGHEST_DIPOLE_LATITUDE_DEG)
    )
    return rows


def _read_pass(
    files: dict[Path, FileName], profile: str, night: RowRule
) -> tuple[NightPass | None, dict[Path, str]]:
    found, failed = read_pass(files, profile, night)
    # As text: the error itself does not survive the way between processes.
    return found, {path: str(error) for path, error in failed.items()}


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
