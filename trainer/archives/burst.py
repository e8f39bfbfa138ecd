"""Which cells of a half-orbit were taken in burst mode.

Both missions switch over regions chosen beforehand, seismic belts among them, so the mode
tells where the satellite was: whoever matches controls must know it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edge.arrays import BoolArray
from edge.grid import Grid
from edge.observables import GRID_STEP_S, MissionName, Request
from edge.readers.cses_tables import BURST, PAYLOADS, WORKMODE
from edge.readers.halforbit import Payload

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
        return mode.valid & (mode.values == BURST)
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
