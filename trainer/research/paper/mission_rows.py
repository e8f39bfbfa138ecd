"""Rows of one simulated mission at several strengths, through its native files.

Each half-orbit is written in the mission's own formats, read by the edge's readers and forgotten,
so that years of a mission need no room. Its background is drawn once; where a perturbation
reaches it the files are written again at each strength. What comes out is what `edge-train
simulate` and `edge-train prepare` give, without the archive between them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from edge import __version__
from edge.observables import MissionName
from edge.outputs import replace_file
from edge.readers.names import parse_name
from trainer.archives.archive import NightPass, RowRule, read_pass
from trainer.archives.manifest import (
    MANIFEST_FILE,
    ORBITS_PER_PART,
    ROWS_FOLDER,
    ROWS_FORMAT,
    HalfOrbitRows,
    PartRecord,
    RowsRecord,
    read_part_record,
)
from trainer.archives.part_making import describe_half_orbit, hash_input, write_part
from trainer.common.errors import TrainError
from trainer.inputs.indices import Indices, write_indices
from trainer.simulate import precursors, space_weather
from trainer.simulate.background import Background, background
from trainer.simulate.cses_waves import FEWEST_WAVE_BINS
from trainer.simulate.half_orbit_files import (
    BACKGROUND,
    stream,
    write_half_orbit,
    write_wave_files,
)
from trainer.simulate.mission import CATALOGUE_MARGIN_DAYS, INDICES_MARGIN_DAYS
from trainer.simulate.orbits import Pass, half_orbits
from trainer.simulate.precursors import Perturbation
from trainer.simulate.seismicity import SimulatedCatalogue, simulate_catalogue, write_catalogue

CATALOGUE_FILE = "catalogue.csv"
INDICES_FILE = "indices.txt"
#: CSES-01 comes back to a track after 5 days.
ORBITS_IN_CYCLE = 76
_REVISITS = 3
#: Purpose of a random stream beside those of `trainer.simulate.half_orbit_files`.
_KEPT = 0x6B65


class SimulatedMission(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is simulated.

    Attributes
    ----------
    mission : {"cses", "demeter"}
    start : str
        First day, UTC.
    days : int
    seed : int
    events_per_day : float
        Of M >= 5; on Earth about 4.
    strengths : dict of str to float
        Name and strength in standard deviations of each set of rows; 0 is the null mission.
    profile : str
    night : {"dark", "paper", "day"}
    pap_off : float
        Probability that the plasma analyser of CSES-01 is off in a half-orbit.
    keep : float
        Share of the half-orbits that are simulated without a need: below 1 for time that serves
        to train on alone, and whose stream no one counts. Needed are those that pass a mainshock
        in place and time and, of CSES-01, those on the same track 5, 10 and 15 days before and
        after, where its controls lie.
    whole_from : str
        From this day on all half-orbits are simulated; empty: `keep` holds throughout.
    """

    mission: MissionName
    start: str
    days: int
    seed: int
    events_per_day: float
    strengths: dict[str, float]
    profile: str = "plasma"
    night: RowRule = "dark"
    pap_off: float = 0.8
    keep: float = 1.0
    whole_from: str = ""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Catalogue and indices of a simulated mission."""

    events: SimulatedCatalogue
    indices: Indices


def surroundings(plan: SimulatedMission) -> Surroundings:
    """Simulate the earthquakes and the space weather of a mission."""
    first = np.datetime64(plan.start, "D")
    last = first + np.timedelta64(plan.days, "D")
    margin = np.timedelta64(CATALOGUE_MARGIN_DAYS, "D")
    events = simulate_catalogue(first - margin, last + margin, plan.seed, plan.events_per_day)
    margin = np.timedelta64(INDICES_MARGIN_DAYS, "D")
    indices = space_weather.simulate_indices(
        first - margin, last + margin + np.timedelta64(1, "D"), plan.seed
    )
    return Surroundings(events, indices)


def mission_passes(
    plan: SimulatedMission,
    first: np.datetime64 | None = None,
    last: np.datetime64 | None = None,
) -> Iterator[Pass]:
    """Half-orbits of the wanted side in order of time: all, or those from `first` to `last`."""
    start = np.datetime64(plan.start, "ms")
    end = start + np.timedelta64(plan.days, "D")
    start = start if first is None else max(start, first)
    end = end if last is None else min(end, last)
    side = 0 if plan.night == "day" else 1
    return (h for h in half_orbits(plan.mission, start, end) if h.direction == side)


def make_rows(plan: SimulatedMission, out: Path, tell: Callable[[str], None]) -> None:
    """Write ``OUT/<name>/rows`` for each strength, ``catalogue.csv`` and ``indices.txt``.

    Parameters
    ----------
    plan : SimulatedMission
    out : Path
        Folder; what it holds of the same plan is kept, so that an interrupted run goes on.
    tell : callable
        Takes a line of progress.

    Raises
    ------
    TrainError
        A simulated file could not be read back, or a part cannot be written.
    """
    fingerprint = hashlib.sha256(msgspec.json.encode((ROWS_FORMAT, __version__, plan))).hexdigest()
    if all(_complete(out / name, fingerprint) for name in plan.strengths):
        return
    out.mkdir(parents=True, exist_ok=True)
    around = surroundings(plan)
    write_catalogue(out / CATALOGUE_FILE, around.events)
    lines = ["simulated; not an observation of the Sun or the geomagnetic field"]
    write_indices(out / INDICES_FILE, around.indices, [*lines, around.indices.name])
    parts: dict[str, str] = {}
    share: list[Pass] = []
    for name in plan.strengths:
        (out / name / ROWS_FOLDER).mkdir(parents=True, exist_ok=True)
    for half_orbit in [*_wanted(plan, around), None]:
        number = None if half_orbit is None else half_orbit.orbit // ORBITS_PER_PART
        if share and number != share[0].orbit // ORBITS_PER_PART:
            name = f"part-{share[0].orbit // ORBITS_PER_PART:05d}.parquet"
            parts[name] = f"{fingerprint}-{name}"
            _make_part(plan, around, share, out, name, parts[name])
            share = []
            tell(f"{plan.mission} seed {plan.seed}: {name}")
        if half_orbit is not None:
            share.append(half_orbit)
    for name in plan.strengths:
        record = RowsRecord(
            format=ROWS_FORMAT,
            code_version=__version__,
            mission=plan.mission,
            profile=plan.profile,
            night=plan.night,
            simulated=True,
            parts=parts,
            failed=[],
        )
        replace_file(
            out / name / ROWS_FOLDER / MANIFEST_FILE,
            msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n",
        )


def fingerprint_of(plan: SimulatedMission) -> str:
    """Fingerprint of everything that the rows of a mission are made from."""
    return hashlib.sha256(msgspec.json.encode((ROWS_FORMAT, __version__, plan))).hexdigest()


def write_files(plan: SimulatedMission, folder: Path, half_orbit: Pass, state: Background) -> None:
    """Write the native files that the plan's profile needs."""
    if plan.profile != "waves":
        write_half_orbit(folder, half_orbit, state, plan.seed, plan.pap_off)
    if plan.profile != "plasma":
        # Thin spectra: every band keeps two bins of the one component that is read.
        write_wave_files(folder, half_orbit, state, plan.seed, bins=FEWEST_WAVE_BINS, components=1)


def half_orbit_state(plan: SimulatedMission, around: Surroundings, one: Pass) -> Background:
    """Draw the undisturbed state along a half-orbit."""
    return background(
        one,
        stream(plan.seed, one, BACKGROUND),
        one.mission == "cses",
        indices=around.indices,
        waves=plan.profile != "plasma",
    )


def scaled(change: Perturbation, strength: float) -> Perturbation:
    """Give a perturbation of strength 1 another strength; amplitudes are proportional to it."""
    if strength == 0.0:
        return Perturbation(np.zeros_like(change.amplitude), change.phase, ())
    return replace(change, amplitude=change.amplitude * strength)


def read_back(
    plan: SimulatedMission, half_orbit: Pass, state: Background
) -> tuple[NightPass | None, HalfOrbitRows]:
    """Write the files of a half-orbit, and read them as the edge does.

    Returns
    -------
    NightPass or None
        With counts of samples in its grid; None where no row is night.
    HalfOrbitRows

    Raises
    ------
    TrainError
        A file could not be read.
    """
    key = f"{plan.mission.upper()}_{half_orbit.name}"
    with TemporaryDirectory(prefix="half-orbit-") as name:
        folder = Path(name)
        write_files(plan, folder, half_orbit, state)
        paths = sorted(folder.iterdir())
        files = {path: parse_name(path) for path in paths}
        found, failed = read_pass(files, plan.profile, plan.night)
        if failed:
            raise TrainError(f"simulated half-orbit {key}: {next(iter(failed.values()))}")
        inputs = [hash_input(folder, path.relative_to(folder)) for path in paths]
    if found is not None:
        found = replace(found, files=tuple(Path(f.name) for f in inputs))
    return found, describe_half_orbit(key, found, inputs)


def _make_part(
    plan: SimulatedMission,
    around: Surroundings,
    share: list[Pass],
    out: Path,
    name: str,
    fingerprint: str,
) -> None:
    paths = {label: out / label / ROWS_FOLDER / name for label in plan.strengths}
    if all(_made(path, fingerprint) for path in paths.values()):
        return
    passes: dict[str, list[NightPass]] = {label: [] for label in paths}
    records: dict[str, list[HalfOrbitRows]] = {label: [] for label in paths}
    for half_orbit in share:
        state = half_orbit_state(plan, around, half_orbit)
        unit = precursors.perturbation(half_orbit, around.events, 1.0)
        clear: tuple[NightPass | None, HalfOrbitRows] | None = None
        for label, strength in plan.strengths.items():
            if unit.injected and strength > 0.0:
                changed = precursors.apply(half_orbit, state, scaled(unit, strength))
                found, record = read_back(plan, half_orbit, changed)
            else:
                clear = clear or read_back(plan, half_orbit, state)
                found, record = clear
            records[label].append(record)
            if found is not None:
                passes[label].append(found)
    for label, path in paths.items():
        about = PartRecord(
            format=ROWS_FORMAT,
            code_version=__version__,
            mission=plan.mission,
            profile=plan.profile,
            night=plan.night,
            simulated=True,
            fingerprint=fingerprint,
            half_orbits=records[label],
            failed=[],
        )
        write_part(path, passes[label], about)


def _wanted(plan: SimulatedMission, around: Surroundings) -> list[Pass]:
    """Half-orbits to simulate, in order of time."""
    passes = list(mission_passes(plan))
    if plan.keep == 1.0:
        return passes
    whole = np.datetime64(plan.whole_from or "9999-01-01", "ms")
    needed: set[int] = set()
    for half_orbit in passes:
        # A stream of its own: the same half-orbits whatever else is simulated.
        draw = np.random.default_rng(stream(plan.seed, half_orbit, _KEPT)).random()
        if draw < plan.keep or half_orbit.time[0] >= whole:
            needed.add(half_orbit.orbit)
        if precursors.perturbation(half_orbit, around.events, 1.0).injected:
            revisits = _REVISITS if plan.mission == "cses" else 0
            needed |= {
                half_orbit.orbit + k * ORBITS_IN_CYCLE for k in range(-revisits, revisits + 1)
            }
    return [half_orbit for half_orbit in passes if half_orbit.orbit in needed]


def _made(path: Path, fingerprint: str) -> bool:
    try:
        return read_part_record(path).fingerprint == fingerprint
    except TrainError:
        return False


def _complete(dataset: Path, fingerprint: str) -> bool:
    path = dataset / ROWS_FOLDER / MANIFEST_FILE
    try:
        record = msgspec.json.decode(path.read_bytes(), type=RowsRecord)
    except (OSError, msgspec.MsgspecError):
        return False
    return all(found.startswith(fingerprint) for found in record.parts.values())
