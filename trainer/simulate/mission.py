"""A whole simulated mission: catalogue, indices, half-orbits, files and the truth about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge import RELEASE
from edge.errors import one_line
from edge.outputs import replace_file
from edge.readers.names import looks_like_payload
from trainer.archives.archive import SIMULATION_FILE
from trainer.common.errors import TrainError
from trainer.inputs.catalogue import read_catalogue
from trainer.inputs.catalogue_formats import RANGES
from trainer.simulate import precursors, space_weather
from trainer.simulate.background import Background, background
from trainer.simulate.cses_waves import WAVE_BINS
from trainer.simulate.elements import read_two_line
from trainer.simulate.half_orbit_files import (
    BACKGROUND,
    PAP_OFF,
    stream,
    write_half_orbit,
    write_wave_files,
)
from trainer.simulate.mission_options import (
    check_file_options,
    check_mission_options,
    describe_simulation,
)
from trainer.simulate.orbits import Pass, half_orbits
from trainer.simulate.plagues import PLAGUES, Plagues
from trainer.simulate.precursors import Injected, write_truth
from trainer.simulate.seismicity import (
    SimulatedCatalogue,
    simulate_catalogue,
    write_catalogue,
)

if TYPE_CHECKING:
    from trainer.inputs.indices import Indices

__all__ = ["Summary", "simulate_half_orbit", "simulate_mission", "write_half_orbit"]

#: A simulated catalogue begins and ends this many days outside of the mission, so that
#: precursors of later events, and quiet days around controls, are complete.
CATALOGUE_MARGIN_DAYS = 10
#: Simulated indices do by this many: the 81-day mean of F10.7 is then complete.
INDICES_MARGIN_DAYS = 60
#: Simulated Kp and F10.7 in an archive, in GFZ's layout.
INDICES_FILE = "indices.txt"
#: Holds the parameters of a simulation until it is complete.
PARTIAL_FILE = "simulation.partial.json"
_COUNTS = ("half_orbits", "files", "injected")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a simulation wrote.

    Parameters
    ----------
    mission : str
        ``cses`` or ``demeter``.
    half_orbits, files, size_bytes : int
        Half-orbits simulated, archive files written, and their size.
    events : int
        Events in the catalogue.
    injected : int
        Pairs of event and half-orbit with a perturbation: rows of the truth table.
    out : Path
        Folder of all files.
    up_to_date : bool
        Whether all of it was there from an earlier run.
    """

    mission: str
    half_orbits: int
    files: int
    size_bytes: int
    events: int
    injected: int
    out: Path
    up_to_date: bool = False


def simulate_mission(
    mission: str,
    start: np.datetime64,
    end: np.datetime64,
    seed: int,
    injection: float,
    out: Path,
    catalogue: Path | None = None,
    night_only: bool = False,
    pap_off: float = PAP_OFF,
    events_per_day: float = 4.0,
    progress: Callable[[int, Pass], None] | None = None,
    waves: bool = False,
    profile: str = "plasma",
    tle: Path | None = None,
    indices: Path | None = None,
    wave_bins: int = WAVE_BINS,
    wave_components: int = 3,
    plagues: Plagues = PLAGUES,
    strict: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> Summary:
    """Write a simulated mission in its native file formats.

    Parameters
    ----------
    mission : str
        ``cses`` or ``demeter``.
    start, end : datetime64
        Half-orbits that begin in [start, end), UTC.
    seed : int
        Not negative. Each half-orbit has streams of its own, made of seed, mission, orbit and
        direction: it comes out the same whatever else is simulated.
    injection : float
        Strength of the perturbations before events, in standard deviations of each observable;
        0 gives the background alone, of the same bytes.
    out : Path
        Folder, made if missing. Besides the archive files it gets ``simulation.json``,
        ``truth.csv`` and, unless they are given, ``catalogue.csv`` and ``indices.txt``.
    catalogue : Path, optional
        ComCat CSV or QuakeML, whose events of any magnitude and depth have precursors. By default
        one is simulated.
    night_only : bool
        Leave out the day side.
    pap_off : float
        Probability that the plasma analyser of CSES-01 is off in a half-orbit.
    events_per_day : float
        Mean rate of the simulated catalogue.
    progress : callable, optional
        Called after each half-orbit with the number done and the half-orbit.
    waves : bool
        The same as `profile` ``full``.
    profile : str
        ``plasma``: HPM_5, LAP_1 and PAP_0 of CSES-01, APIDs 1144, 1143, 1140 and 1139 of
        DEMETER. ``waves``: EFD_2, EFD_3, SCM_2 and SCM_3, or 1132 and 1137. ``full``: both.
        Files that two of them share have the same bytes.
    tle : Path, optional
        Two-line element set to fly CSES-01 along, within 30 days of its epoch.
    indices : Path, optional
        Kp and F10.7 in GFZ's text layout. By default they are simulated.
    wave_bins : int
        Bins of a spectrum of CSES-01, 160 to 1024 (as real files); fewer make smaller files.
    wave_components : int
        1 to 3 components of the spectra of CSES-01; bands need the first.
    plagues : Plagues
        Rates of what plagues real files.
    strict : bool
        Refuse a catalogue with a row that cannot be used.
    tell : callable
        Takes lines on what was left out of the catalogue.

    Raises
    ------
    ValueError
        If an argument is outside of its range.
    EdgeError
        If catalogue, elements or indices cannot be understood, or do not serve the dates; or
        `out` holds another simulation.
    OSError
        If a file cannot be read or written.

    Notes
    -----
    ``truth.csv`` says where perturbations were put. Only an evaluation may read it. Run again, it
    finds the archive up to date; interrupted, it begins anew.
    """
    profile = "full" if waves else profile
    check_mission_options(mission, start, end, seed, injection, pap_off)
    check_file_options(mission, profile, tle, wave_bins, wave_components)
    first, last = np.datetime64(start, "ms"), np.datetime64(end, "ms")
    elements = None if tle is None else read_two_line(tle)
    if elements is not None:
        elements.check_range(first, last)
    sun = _indices(indices, first, last, seed)
    if catalogue is None:
        margin = np.timedelta64(CATALOGUE_MARGIN_DAYS, "D")
        days = (first.astype("M8[D]") - margin, last.astype("M8[D]") + margin)
        events = simulate_catalogue(*days, seed, events_per_day)
        catalogue_sha256 = None
    else:
        found = read_catalogue(catalogue, RANGES["mag"][0], RANGES["depth"][1], strict=strict)
        for line in found.tally():
            tell(line)
        events = SimulatedCatalogue.of(found)
        catalogue_sha256 = found.sha256
    cses = mission == "cses"
    parameters: dict[str, Any] = {
        "code_version": RELEASE,
        "mission": mission,
        "start": str(first),
        "end": str(last),
        "seed": seed,
        "injection": injection,
        "profile": profile,
        "catalogue": "catalogue.csv" if catalogue is None else catalogue.name,
        "catalogue_sha256": catalogue_sha256,
        "catalogue_simulated": catalogue is None,
        "events_per_day": events_per_day if catalogue is None else None,
        "indices": INDICES_FILE if indices is None else indices.name,
        "indices_simulated": indices is None,
        "indices_sha256": sun.sha256,
        "elements": "built in" if elements is None else elements.file,
        "night_only": night_only,
        "pap_off": pap_off if cses else None,
        "wave_bins": wave_bins if cses and profile != "plasma" else None,
        "wave_components": wave_components if cses and profile != "plasma" else None,
    }
    text = describe_simulation(parameters, elements, indices is None, plagues)
    out.mkdir(parents=True, exist_ok=True)
    if counts := _counts_of_earlier(out, text):
        size = sum(p.stat().st_size for p in out.iterdir() if looks_like_payload(p.name))
        n, files, injections = counts
        return Summary(
            mission=mission,
            half_orbits=n,
            files=files,
            size_bytes=size,
            events=len(events),
            injected=injections,
            out=out,
            up_to_date=True,
        )
    replace_file(out / PARTIAL_FILE, text.encode())
    (out / SIMULATION_FILE).unlink(missing_ok=True)
    if catalogue is None:
        write_catalogue(out / "catalogue.csv", events)
    if indices is None:
        _write_indices(out / INDICES_FILE, sun)
    done = files = size = 0
    injected: list[Injected] = []
    satrec = None if elements is None else elements.satrec
    for half_orbit in half_orbits(mission, first, last, satrec):
        if night_only and half_orbit.direction == 0:
            continue
        state, rows = simulate_half_orbit(
            half_orbit, seed, injection, events, sun, profile != "plasma"
        )
        written: list[Path] = []
        if profile != "waves":
            written += write_half_orbit(out, half_orbit, state, seed, pap_off, plagues)
        if profile != "plasma":
            thin = (wave_bins, wave_components)
            written += write_wave_files(out, half_orbit, state, seed, plagues, *thin)
        done += 1
        files += len(written)
        size += sum(path.stat().st_size for path in written)
        injected.extend(rows)
        if progress is not None:
            progress(done, half_orbit)
    write_truth(out / "truth.csv", injected)
    complete = json.loads(text) | dict(zip(_COUNTS, (done, files, len(injected)), strict=True))
    replace_file(out / SIMULATION_FILE, (json.dumps(complete, indent=1) + "\n").encode())
    (out / PARTIAL_FILE).unlink()
    return Summary(
        mission=mission,
        half_orbits=done,
        files=files,
        size_bytes=size,
        events=len(events),
        injected=len(injected),
        out=out,
    )


def _counts_of_earlier(out: Path, text: str) -> tuple[int, int, int] | None:
    """Count what a complete simulation of the same parameters made; refuse one of others."""
    wanted = json.loads(text)
    for name in (SIMULATION_FILE, PARTIAL_FILE):
        if not (out / name).is_file():
            continue
        try:
            found = json.loads((out / name).read_bytes())
            counts = [found.pop(key, None) for key in _COUNTS]
        except (ValueError, AttributeError) as error:
            raise TrainError(f"{out}: {name} is damaged: {one_line(str(error))}") from None
        for key in sorted({*found, *wanted}):
            if found.get(key) != wanted.get(key):
                raise TrainError(
                    f"{out}: holds another simulation ({key} {found.get(key)!r}, now "
                    f"{wanted.get(key)!r}): remove it, or choose another folder"
                )
        if name == SIMULATION_FILE and all(isinstance(c, int) for c in counts):
            return counts[0], counts[1], counts[2]
    return None


def simulate_half_orbit(
    half_orbit: Pass,
    seed: int,
    injection: float,
    catalogue: SimulatedCatalogue,
    indices: Indices | None = None,
    waves: bool = False,
) -> tuple[Background, tuple[Injected, ...]]:
    """Background of one half-orbit with its perturbations, and what was injected.

    Parameters
    ----------
    half_orbit : Pass
        Times and places.
    seed : int
        Of the mission.
    injection : float
        Strength in standard deviations.
    catalogue : SimulatedCatalogue
        Events, in order of time.
    indices : Indices, optional
        Kp and F10.7.
    waves : bool
        Whether the state has wave bands; the rest is the same without them.

    Returns
    -------
    Background
        State at 1 s.
    tuple of Injected
        Empty if no event is near.
    """
    state = background(
        half_orbit,
        stream(seed, half_orbit, BACKGROUND),
        half_orbit.mission == "cses",
        indices=indices,
        waves=waves,
    )
    change = precursors.perturbation(half_orbit, catalogue, injection)
    return precursors.apply(half_orbit, state, change), change.injected


def _indices(path: Path | None, first: np.datetime64, last: np.datetime64, seed: int) -> Indices:
    """Read indices, or simulate them for the mission's days and a margin."""
    from trainer.inputs.indices import read_indices

    if path is not None:
        return read_indices(path)
    margin = np.timedelta64(INDICES_MARGIN_DAYS, "D")
    days = first.astype("M8[D]") - margin, last.astype("M8[D]") + margin + np.timedelta64(1, "D")
    return space_weather.simulate_indices(*days, seed)


def _write_indices(path: Path, indices: Indices) -> None:
    from trainer.inputs.indices import write_indices

    lines = ["simulated; not an observation of the Sun or the geomagnetic field", indices.name]
    write_indices(path, indices, lines)
