"""A whole simulated mission: catalogue, half-orbits, files and the truth about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from trainer.simulate import cses_files, cses_waves, demeter_files, precursors
from trainer.simulate.background import PARAMETERS, Background, background
from trainer.simulate.orbits import MISSION_YEARS, Pass, check_mission, half_orbits
from trainer.simulate.precursors import Injected, write_truth
from trainer.simulate.seismicity import (
    Catalogue,
    read_catalogue,
    simulate_catalogue,
    write_catalogue,
)
from trainer.simulate.text_files import write_text

#: A simulated catalogue begins and ends this many days outside of the mission, so that
#: precursors of later events, and quiet days around controls, are complete.
CATALOGUE_MARGIN_DAYS = 10

# A quarter of the real files' bins; every band of the profile `waves` keeps three and more.
_CSES_BINS = 256

_MISSION_CODE = {"cses": 1, "demeter": 2}
_BACKGROUND, _DEFECTS, _PAP_STATE, _WAVES = range(4)


@dataclass(frozen=True)
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
    """

    mission: str
    half_orbits: int
    files: int
    size_bytes: int
    events: int
    injected: int
    out: Path


def simulate_mission(
    mission: str,
    start: np.datetime64,
    end: np.datetime64,
    seed: int,
    injection: float,
    out: Path,
    catalogue: Path | None = None,
    night_only: bool = False,
    pap_off: float = 0.5,
    events_per_day: float = 4.0,
    progress: Callable[[int, Pass], None] | None = None,
    waves: bool = False,
) -> Summary:
    """Write a simulated mission in its native file formats.

    Parameters
    ----------
    mission : str
        ``cses`` (HPM_5, LAP_1 and PAP_0 files) or ``demeter`` (APID 1144 and 1140 files).
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
        ``truth.csv`` and, without `catalogue`, ``catalogue.csv``.
    catalogue : Path, optional
        Catalogue in the ComCat CSV layout whose events have precursors. By default one is
        simulated.
    night_only : bool
        Leave out the day side.
    pap_off : float
        Probability that the plasma analyser of CSES-01 is off in a half-orbit. It was off for
        most of the real mission.
    events_per_day : float
        Mean rate of the simulated catalogue.
    progress : callable, optional
        Called after each half-orbit with the number done and the half-orbit.
    waves : bool
        Write survey spectra too: APID 1132 and 1137 of DEMETER, EFD_2, EFD_3, SCM_2 and SCM_3
        of CSES-01 (27 MB a half-orbit). They hold no precursors, and
        the other files are the same with and without them.

    Returns
    -------
    Summary

    Raises
    ------
    ValueError
        If an argument is outside of its range, or the catalogue cannot be understood.
    OSError
        If a file cannot be read or written.

    Notes
    -----
    ``truth.csv`` says where perturbations were put. Only an evaluation may read it.
    """
    _check(mission, start, end, seed, injection, pap_off)
    first, last = np.datetime64(start, "ms"), np.datetime64(end, "ms")
    if catalogue is None:
        margin = np.timedelta64(CATALOGUE_MARGIN_DAYS, "D")
        days = (first.astype("M8[D]") - margin, last.astype("M8[D]") + margin)
        events = simulate_catalogue(*days, seed, events_per_day)
    else:
        events = read_catalogue(catalogue)
    out.mkdir(parents=True, exist_ok=True)
    if catalogue is None:
        write_catalogue(out / "catalogue.csv", events)
    done = files = size = 0
    injected: list[Injected] = []
    for half_orbit in half_orbits(mission, first, last):
        if night_only and half_orbit.direction == 0:
            continue
        state, rows = simulate_half_orbit(half_orbit, seed, injection, events)
        written = write_half_orbit(out, half_orbit, state, seed, pap_off)
        if waves:
            written += write_wave_files(out, half_orbit, seed)
        done += 1
        files += len(written)
        size += sum(path.stat().st_size for path in written)
        injected.extend(rows)
        if progress is not None:
            progress(done, half_orbit)
    write_truth(out / "truth.csv", injected)
    parameters = {
        "mission": mission,
        "start": str(first),
        "end": str(last),
        "seed": seed,
        "injection": injection,
        "catalogue": "catalogue.csv" if catalogue is None else catalogue.name,
        "catalogue_simulated": catalogue is None,
        "events_per_day": events_per_day if catalogue is None else None,
        "night_only": night_only,
        "pap_off": pap_off if mission == "cses" else None,
    }
    if waves:
        parameters["waves"] = True
    write_text(out / "simulation.json", _description(parameters, done, files, len(injected)))
    return Summary(mission, done, files, size, len(events), len(injected), out)


def simulate_half_orbit(
    half_orbit: Pass, seed: int, injection: float, catalogue: Catalogue
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
    catalogue : Catalogue
        Events, in order of time.

    Returns
    -------
    Background
        State at 1 s.
    tuple of Injected
        Empty if no event is near.
    """
    state = background(
        half_orbit, _stream(seed, half_orbit, _BACKGROUND), half_orbit.mission == "cses"
    )
    change = precursors.perturbation(half_orbit, catalogue, injection)
    return precursors.apply(half_orbit, state, change), change.injected


def write_half_orbit(
    folder: Path, half_orbit: Pass, state: Background, seed: int, pap_off: float = 0.5
) -> list[Path]:
    """Write the files of one half-orbit.

    Parameters
    ----------
    folder : Path
        Existing folder.
    half_orbit : Pass
        Times and places.
    state : Background
        State along it.
    seed : int
        Of the mission; defects come from streams of their own.
    pap_off : float
        Probability that PAP is off (CSES-01).

    Returns
    -------
    list of Path
        CSES-01: HPM_5, LAP_1 and perhaps PAP_0. DEMETER: 1144 and 1140.
    """
    streams = _stream(seed, half_orbit, _DEFECTS).spawn(3)
    one, two, three = (np.random.Generator(np.random.PCG64(s)) for s in streams)
    if half_orbit.mission == "demeter":
        return [
            demeter_files.write_n1(folder, 1144, half_orbit, state, one),
            demeter_files.write_n1(folder, 1140, half_orbit, state, two),
        ]
    files = [
        cses_files.write_hpm(folder, half_orbit, state, one),
        cses_files.write_lap(folder, half_orbit, state, two),
    ]
    if np.random.default_rng(_stream(seed, half_orbit, _PAP_STATE)).random() >= pap_off:
        files.append(cses_files.write_pap(folder, half_orbit, state, three))
    return files


def write_wave_files(folder: Path, half_orbit: Pass, seed: int) -> list[Path]:
    """Write the files of survey spectra of one half-orbit.

    Parameters
    ----------
    folder : Path
        Existing folder.
    half_orbit : Pass
        Times and places.
    seed : int
        Of the mission; spectra come from streams of their own.

    Returns
    -------
    list of Path
        DEMETER: 1132 and 1137. CSES-01: EFD_2, EFD_3, SCM_2 and SCM_3.
    """
    if half_orbit.mission == "cses":
        return cses_waves.write_waves(folder, half_orbit, seed, bins=_CSES_BINS)
    streams = _stream(seed, half_orbit, _WAVES).spawn(len(demeter_files.WAVE_PRODUCTS))
    return [
        demeter_files.write_waves(folder, apid, half_orbit, np.random.Generator(np.random.PCG64(s)))
        for apid, s in zip(demeter_files.WAVE_PRODUCTS, streams, strict=True)
    ]


def _stream(seed: int, half_orbit: Pass, purpose: int) -> np.random.SeedSequence:
    """Seed of one purpose in one half-orbit."""
    code = _MISSION_CODE[half_orbit.mission]
    return np.random.SeedSequence([seed, code, half_orbit.orbit, half_orbit.direction, purpose])


def _check(
    mission: str,
    start: np.datetime64,
    end: np.datetime64,
    seed: int,
    injection: float,
    pap_off: float,
) -> None:
    """Raise ValueError naming a bad value and its range."""
    check_mission(mission)
    first, last = MISSION_YEARS[mission]
    if np.isnat(start) or np.isnat(end) or not start < end:
        raise ValueError(f"start {start} must come before end {end}")
    if start < first or end > last:
        raise ValueError(
            f"{start}..{end} is outside of what can be simulated for {mission}: {first}..{last}"
        )
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    if not 0.0 <= injection <= 100.0:
        raise ValueError(f"injection must be in 0..100 standard deviations, not {injection}")
    if not 0.0 <= pap_off <= 1.0:
        raise ValueError(f"probability of PAP being off must be in 0..1, not {pap_off}")


def _description(
    parameters: dict[str, object], half_orbits_done: int, files: int, injected: int
) -> str:
    """Text of ``simulation.json``: every parameter, and no clock time."""
    mission = str(parameters["mission"])
    defects = cses_files.DEFECTS if mission == "cses" else demeter_files.DEFECTS
    return (
        json.dumps(
            {
                "simulated": True,
                "note": "simulated; not an observation of any satellite or earthquake",
                **parameters,
                "half_orbits": half_orbits_done,
                "files": files,
                "injected": injected,
                "precursors": {
                    "lead_time_h": precursors.LEAD_TIME_H,
                    "plasma_signs": precursors.PLASMA_SIGNS,
                    "field_period_s": precursors.FIELD_PERIOD_S,
                    "radius_km": "10**(0.43 M)",
                },
                "background": asdict(PARAMETERS[mission]),
                "defects": asdict(defects),
            },
            indent=1,
        )
        + "\n"
    )
