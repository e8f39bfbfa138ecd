"""From a simulated state to the cells of the grid, without files between.

The payloads are put together in memory as an undisturbed file would give them, and `edge.grid`
does the rest: what comes out is what reading the files gives, but for the defects that files
have and the rounding of what they store. For designs and calibrations that need thousands of
half-orbits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.arrays import wrap_longitude
from edge.grid import Grid, make_grid
from edge.night import night_rows
from edge.observables import FULL, PROFILES, MissionName, Profile
from edge.readers.halforbit import Channel, HalfOrbit, Payload, Track
from edge.readers.names import FileName
from trainer.research.bayes_prior import PositivePrior, draw_positives
from trainer.research.bayes_windows import WindowValues, grid_windows, join_windows
from trainer.simulate import precursors
from trainer.simulate.background import Background, background
from trainer.simulate.environment import Conditions, half_orbit_conditions
from trainer.simulate.geometry import EARTH_RADIUS_KM, Floats
from trainer.simulate.half_orbit_files import PAP_OFF
from trainer.simulate.orbits import MISSION_YEARS, Pass, half_orbits
from trainer.simulate.seismicity import SimulatedCatalogue

if TYPE_CHECKING:
    from trainer.inputs.indices import Indices

#: Seconds between the samples of each payload in survey mode.
CADENCE_S = {
    "LAP_1": 3.0,
    "PAP_0": 1.0,
    "HPM_5": 1.0,
    **dict.fromkeys(("EFD_2", "EFD_3", "SCM_2", "SCM_3"), 2.048),
    "1144": 1.0,
    "1140": 4.4,
    "1132": 2.048,
    "1137": 2.048,
}
_PLASMA = {"log_ne": 0, "te": 1, "log_o": 2, "ti": 3}


def state_grid(
    half_orbit: Pass,
    state: Background,
    profile: Profile,
    phase_s: dict[str, float] | None = None,
    absent: tuple[str, ...] = (),
) -> Grid:
    """Put a state on the grid.

    Parameters
    ----------
    half_orbit : Pass
        Times and places of the n samples of the state.
    state : Background
    profile : Profile
    phase_s : dict of str to float, optional
        For each payload the time of its first sample after the half-orbit's first; 0 by default.
    absent : tuple of str
        Payloads that are off.
    """
    mission = half_orbit.mission
    begin, end = (t.astype("datetime64[s]").astype(datetime) for t in half_orbit.time[[0, -1]])
    payloads: dict[str, Payload] = {}
    for observable in profile.observables:
        source = observable.sources.get(mission)
        if source is None or source.payloads[0] in absent:
            continue
        payload = source.payloads[0]
        if payload not in payloads:
            name = FileName(mission, payload, half_orbit.orbit, half_orbit.direction, begin, end)
            first = (phase_s or {}).get(payload, 0.0)
            track = _track(half_orbit, CADENCE_S[payload], first)
            payloads[payload] = Payload(name, Path(payload), track, {})
        into = payloads[payload]
        values = _values(half_orbit, state, into.track, observable.name)
        into.channels[source.name] = Channel(
            source.name,
            payload,
            observable.unit,
            values,
            np.ones(values.shape, np.bool_),
            into.track,
        )
    key = f"{mission.upper()}_{half_orbit.name}"
    whole = HalfOrbit(key, mission, half_orbit.orbit, half_orbit.direction, payloads)
    return make_grid(whole, profile)


def _track(half_orbit: Pass, cadence_s: float, first_s: float) -> Track:
    length = len(half_orbit.time) - 1
    at = np.round(np.arange(first_s, length + 0.5, cadence_s) * 1e3).astype(np.int64)
    at = at[at <= 1000 * length]
    seconds = np.arange(length + 1, dtype=np.float64)
    longitude = np.unwrap(half_orbit.longitude, period=360.0)
    return Track(
        half_orbit.time[0] + at.astype("timedelta64[ms]"),
        np.interp(at / 1e3, seconds, half_orbit.latitude),
        wrap_longitude(np.interp(at / 1e3, seconds, longitude)),
        np.interp(at / 1e3, seconds, half_orbit.altitude_km),
        cadence_s,
    )


def _values(half_orbit: Pass, state: Background, track: Track, observable: str) -> Floats:
    """Take the samples of one observable in its own unit, before the transform."""
    milliseconds = (track.time - half_orbit.time[0]).astype(np.int64)
    # The sample of the nearest second: interpolation would smooth the noise.
    rows: NDArray[np.int64] = np.minimum(
        np.round(milliseconds / 1e3).astype(np.int64), len(half_orbit.time) - 1
    )
    if observable == "b_rms":
        if state.field is None:
            raise ValueError("the state has no magnetic field")
        return np.ascontiguousarray(state.field[rows])
    if observable in _PLASMA:
        column = np.ascontiguousarray(state.plasma[rows, _PLASMA[observable]])
        # m^-3 to cm^-3.
        return 10.0 ** (column - 6.0) if observable.startswith("log_") else column
    if state.waves is None:
        raise ValueError("the state has no wave bands")
    band = FULL.names.index(observable) - FULL.names.index("b_rms") - 1
    return np.asarray(10.0 ** np.ascontiguousarray(state.waves[rows, band]))


#: First day of the design; each mission's days are spread over a year from there.
DESIGN_START = {"cses": np.datetime64("2019-01-01"), "demeter": np.datetime64("2006-01-01")}
#: Seed of the design, far from those of missions that are simulated for training.
DESIGN_SEED = 918_000_001
_CODE = {"cses": 1, "demeter": 2}
_DAYS = 36
_MARGIN_S = 60


@dataclass(frozen=True, eq=False, kw_only=True)
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
    event : SimulatedCatalogue
        One event.
    """

    part: Pass
    state: Background
    conditions: Conditions
    phase_s: dict[str, float]
    absent: tuple[str, ...]
    middle: int
    event: SimulatedCatalogue


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
        part=cut_pass(half_orbit, rows),
        state=cut_state(state, rows),
        conditions=half_orbit_conditions(half_orbit, indices),
        phase_s={p: (phase[p] - rows.start) % CADENCE_S[p] for p in phase},
        absent=absent,
        middle=int(grid.cell[middle]),
        event=event,
    )


def _event(
    time: np.datetime64, half_orbit: Pass, prior: PositivePrior, uniform: Floats
) -> SimulatedCatalogue:
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
    return SimulatedCatalogue(
        event_id=np.array([f"design{half_orbit.name}"]),
        place=np.array(["simulated, design"]),
        time=np.array([time + lead], "datetime64[ms]"),
        latitude=np.array([np.rad2deg(np.arcsin(place[2]))]),
        longitude=np.array([np.rad2deg(np.arctan2(place[1], place[0]))]),
        depth_km=np.array([10.0]),
        magnitude=np.array([float(positive.magnitude[0])]),
    )


def _unit(latitude: float, longitude: float) -> Floats:
    phi, lam = np.deg2rad(latitude), np.deg2rad(longitude)
    return np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


def cut_pass(half_orbit: Pass, rows: slice) -> Pass:
    """Take some samples of a half-orbit."""
    names = ("time", "latitude", "longitude", "altitude_km")
    return replace(half_orbit, **{n: getattr(half_orbit, n)[rows] for n in names})


def cut_state(state: Background, rows: slice) -> Background:
    """Take some samples of a state."""
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
