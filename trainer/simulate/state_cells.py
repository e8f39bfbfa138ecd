"""From a simulated state to the cells of the grid, without files between.

The payloads are put together in memory as an undisturbed file would give them, and `edge.grid`
does the rest: what comes out is what reading the files gives, but for the defects that files
have and the rounding of what they store. For designs and calibrations that need thousands of
half-orbits.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.grid import Grid, make_grid
from edge.observables import FULL, Profile
from edge.readers.halforbit import Channel, HalfOrbit, Payload, Track
from edge.readers.names import FileName
from trainer.simulate.background import Background
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass

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

    Returns
    -------
    Grid
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
        (np.interp(at / 1e3, seconds, longitude) + 180.0) % 360.0 - 180.0,
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
