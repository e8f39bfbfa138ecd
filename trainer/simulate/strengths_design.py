"""The design of which strengths are found: windows simulated from the state to the grid's cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edge.night import night_rows
from edge.observables import PROFILES, MissionName
from trainer.simulate import precursors
from trainer.simulate.background import Background, background
from trainer.simulate.bayes_prior import PositivePrior, draw_positives
from trainer.simulate.bayes_windows import WindowValues, grid_windows, join_windows
from trainer.simulate.conditions import Conditions
from trainer.simulate.environment import half_orbit_conditions
from trainer.simulate.geometry import EARTH_RADIUS_KM, Floats
from trainer.simulate.half_orbit_files import PAP_OFF
from trainer.simulate.orbits import MISSION_YEARS, Pass, half_orbits
from trainer.simulate.seismicity import Catalogue
from trainer.simulate.state_cells import CADENCE_S, state_grid

if TYPE_CHECKING:
    from trainer.indices import Indices

#: First day of the design; each mission's days are spread over a year from there.
DESIGN_START = {"cses": np.datetime64("2019-01-01"), "demeter": np.datetime64("2006-01-01")}
#: Seed of the design, far from those of missions that are simulated for training.
DESIGN_SEED = 918_000_001
_CODE = {"cses": 1, "demeter": 2}
_DAYS = 36
_MARGIN_S = 60


@dataclass(frozen=True, eq=False)
class DesignWindow:
    """One window of the design: the state about it, and the event that it may precede.

    Parameters
    ----------
    part : Pass
        The window's samples and a minute on both sides.
    state : Background
        Without perturbation.
    conditions : Conditions
        Of the whole half-orbit.
    phase_s : dict of str to float
        First sample of each payload.
    absent : tuple of str
        Payloads that are off.
    middle : int
        Grid cell of the window's midpoint.
    event : Catalogue
        One event.
    """

    part: Pass
    state: Background
    conditions: Conditions
    phase_s: dict[str, float]
    absent: tuple[str, ...]
    middle: int
    event: Catalogue


def make_design(
    mission: MissionName,
    profile: str,
    windows: int,
    seed: int = DESIGN_SEED,
    prior: PositivePrior | None = None,
    length: int = 20,
    pap_off: float = PAP_OFF,
) -> list[DesignWindow]:
    """Simulate the design's windows, one a half-orbit.

    Parameters
    ----------
    mission : {"cses", "demeter"}
    profile : str
        Says which parts of the state are drawn.
    windows : int
        How many, at most 540.
    seed : int
    prior : PositivePrior, optional
    length : int
        Cells of a window.
    pap_off : float
        Probability that PAP is off in a half-orbit of CSES-01.

    Returns
    -------
    list of DesignWindow
    """
    from trainer.simulate.space_weather import simulate_indices

    observables = PROFILES[profile]
    start = max(DESIGN_START[mission], MISSION_YEARS[mission][0])
    margin = np.timedelta64(60, "D")
    indices = simulate_indices(start - margin, start + np.timedelta64(366, "D") + margin, seed)
    magnetic = mission == "cses" and "b_rms" in observables.names
    waves = any(name.startswith(("log_e_", "log_b_")) for name in observables.names)
    found: list[DesignWindow] = []
    step = np.timedelta64(365 // _DAYS, "D")
    a_day = -(-windows // _DAYS)
    for day in range(_DAYS):
        begin = start + day * step
        night = [
            h
            for h in half_orbits(mission, begin, begin + np.timedelta64(1, "D"))
            if h.direction == 1
        ]
        for half_orbit in night[:a_day]:
            key = [seed, _CODE[mission], half_orbit.orbit]
            one = _design_window(
                half_orbit,
                np.random.SeedSequence(key),
                profile,
                (magnetic, waves),
                prior or PositivePrior(),
                length,
                pap_off,
                indices,
            )
            if one is not None:
                found.append(one)
    return found[:windows]


def _design_window(
    half_orbit: Pass,
    seeds: np.random.SeedSequence,
    profile: str,
    parts: tuple[bool, bool],
    prior: PositivePrior,
    length: int,
    pap_off: float,
    indices: Indices,
) -> DesignWindow | None:
    """Draw the state of a half-orbit, a window in its night, and the window's event."""
    of_state, of_window = seeds.spawn(2)
    magnetic, waves = parts
    state = background(half_orbit, of_state, magnetic, None, indices, waves)
    rng = np.random.default_rng(of_window)
    mission = half_orbit.mission
    phase = {
        payload: 0.0 if mission == "cses" else round(float(rng.uniform(0.0, 1.0)), 3)
        for payload in CADENCE_S
    }
    absent = ("PAP_0",) if mission == "cses" and rng.random() < pap_off else ()
    # Any observable serves to find the night.
    grid = state_grid(half_orbit, state, PROFILES[profile], phase, absent)
    night = np.flatnonzero(night_rows(grid, True, "dark"))
    uniform = rng.random((1, 6))
    place = rng.random()
    if night.size < 2 * length or night[-1] - night[0] != night.size - 1:
        return None
    first = int(night[0] + np.floor(place * (night.size - length)))
    middle = first + length // 2
    event = _event(grid.time[middle], half_orbit, prior, uniform)
    begin = int((grid.time[first] - half_orbit.time[0]) / np.timedelta64(1, "s"))
    low = max(0, begin - _MARGIN_S)
    # Sampling patterns of three seconds go on unbroken.
    rows = slice(low - low % 3, begin + 3 * length + _MARGIN_S)
    return DesignWindow(
        _cut_pass(half_orbit, rows),
        _cut_state(state, rows),
        half_orbit_conditions(half_orbit, indices),
        {p: (phase[p] - rows.start) % CADENCE_S[p] for p in phase},
        absent,
        int(grid.cell[middle]),
        event,
    )


def _event(
    time: np.datetime64, half_orbit: Pass, prior: PositivePrior, uniform: Floats
) -> Catalogue:
    """Place an event as the prior has it about the track's place at a time."""
    positive = draw_positives(prior, uniform)
    seconds = (half_orbit.time - time) / np.timedelta64(1, "s")
    at = int(np.argmin(np.abs(seconds)))
    at = min(max(at, 1), len(seconds) - 2)
    # The epicentre lies behind the midpoint where the midpoint has gone beyond it.
    here, ahead = (_unit(half_orbit.latitude[i], half_orbit.longitude[i]) for i in (at, at + 1))
    pole = np.cross(here, ahead)
    pole /= np.linalg.norm(pole)
    forward = np.cross(pole, here)
    along = -float(positive.along_km[0]) / EARTH_RADIUS_KM
    across = float(positive.across_km[0]) / EARTH_RADIUS_KM
    foot = np.cos(along) * here + np.sin(along) * forward
    place = np.cos(across) * foot + np.sin(across) * pole
    lead = np.timedelta64(round(float(positive.lead_h[0]) * 3.6e6), "ms")
    return Catalogue(
        np.array([f"design{half_orbit.name}"]),
        np.array(["simulated, design"]),
        np.array([time + lead], "datetime64[ms]"),
        np.array([np.rad2deg(np.arcsin(place[2]))]),
        np.array([np.rad2deg(np.arctan2(place[1], place[0]))]),
        np.array([10.0]),
        np.array([float(positive.magnitude[0])]),
    )


def _unit(latitude: float, longitude: float) -> Floats:
    phi, lam = np.deg2rad(latitude), np.deg2rad(longitude)
    return np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


def _cut_pass(half_orbit: Pass, rows: slice) -> Pass:
    names = ("time", "latitude", "longitude", "altitude_km")
    return replace(half_orbit, **{n: getattr(half_orbit, n)[rows] for n in names})


def _cut_state(state: Background, rows: slice) -> Background:
    names = ("plasma", "ions", "field", "field_noise", "waves")
    parts = {n: getattr(state, n) for n in names}
    return replace(state, **{n: v[rows] for n, v in parts.items() if v is not None})


def design_values(
    design: list[DesignWindow], profile: str, strength: float, length: int, prior: PositivePrior
) -> WindowValues:
    """Put perturbations of a strength into the design's windows.

    Parameters
    ----------
    design : list of DesignWindow
    profile : str
    strength : float
        Standard deviations; 0 for the clear windows.
    length : int
        Cells of a window.
    prior : PositivePrior
        That the design was made with.

    Returns
    -------
    WindowValues
        One window of each.
    """
    observables = PROFILES[profile]
    parts = []
    for one in design:
        change = precursors.perturbation(one.part, one.event, strength, prior.model)
        state = precursors.apply(one.part, one.state, change)
        grid = state_grid(one.part, state, observables, one.phase_s, one.absent)
        night = np.zeros(grid.cell.size, np.bool_)
        first = one.middle - length // 2 - int(grid.cell[0])
        night[first : first + length] = True
        parts.append(
            grid_windows(grid, night, one.part.mission, observables, length, at=one.conditions)
        )
    return join_windows(parts)
