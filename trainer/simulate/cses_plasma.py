"""Simulated CSES-01 files LAP_1 (LAP_2) and PAP_0: the plasma payloads of one half-orbit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.simulate.background import Background
from trainer.simulate.cses_files import (
    BURST,
    SURVEY,
    byte_attributes,
    plagued_place_and_time,
    unit_attributes,
    write_file,
)
from trainer.simulate.cses_layout import FILL, PLASMA_ROOT, PLASMA_UNITS
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass
from trainer.simulate.plagues import (
    PLAGUES,
    Plagues,
    Streams,
    kept_rows,
    lost_rows,
    outliers,
)
from trainer.simulate.sampling import nearest, resampled

#: Seconds between the rows of LAP, in survey and in burst mode, and of PAP.
LAP_SURVEY_S, LAP_BURST_S, PAP_S = 3.0, 1.5, 1.0
#: Of the share of outliers in densities, what temperatures get.
_TEMPERATURE_SHARE = 1.0 / 3.0


def write_lap(
    folder: Path,
    half_orbit: Pass,
    state: Background,
    rng: np.random.Generator,
    plagues: Plagues = PLAGUES,
    payload: str = "LAP_1",
    burst: NDArray[np.bool_] | None = None,
) -> Path:
    """Write a Langmuir probe's file: Ne, Te and potentials, every 3 s, or 1.5 s in burst mode.

    Parameters
    ----------
    folder : Path
        Existing folder.
    half_orbit : Pass
        Times and places, (n,).
    state : Background
        State along it.
    rng : Generator
        For the plagues.
    plagues : Plagues
        Their rates.
    payload : str
        ``LAP_1`` or, for the small probe, ``LAP_2``.
    burst : (n,) bool, optional
        Samples in burst mode; by default none.

    Returns
    -------
    Path
        The file, complete: it is written under a temporary name and renamed.
    """
    n, streams = len(half_orbit.time), Streams(rng)
    mode = np.zeros(n, np.bool_) if burst is None else burst
    # Plagued on the grid of burst mode, so that they are the same in either mode.
    seconds = np.arange(0.0, n - 0.5, LAP_BURST_S)
    rows = nearest(seconds, n)
    te = state.plasma[rows, 1]
    # A probe floats some kT/e below the plasma: kT/e is 1 V at 11,605 K.
    floating = -4.5 * te / 11605.0 + streams["potential"].normal(0.0, 0.01, n)[rows]
    data: dict[str, NDArray[Any]] = {
        "A311": 10.0 ** np.ascontiguousarray(state.plasma[rows, 0]),
        "A321": te,
        "UF": floating,
        "UP": floating + 5.2 * te / 11605.0,
    }
    # The first sample of a sweep is sometimes odd.
    if streams["first"].random() < plagues.first_odd:
        data["A321"][0] *= 3.0
    kinds = (("A311",), ("A321",))
    return _write(folder, payload, half_orbit, seconds, data, kinds, mode, streams, plagues, 2)


def write_pap(
    folder: Path,
    half_orbit: Pass,
    state: Background,
    rng: np.random.Generator,
    plagues: Plagues = PLAGUES,
    burst: NDArray[np.bool_] | None = None,
) -> Path:
    """Write the plasma analyser's file PAP_0: ion densities, temperature and drift at 1 Hz.

    Parameters and result are those of :func:`write_lap`; the mode shows in WORKMODE alone.
    """
    n, streams = len(half_orbit.time), Streams(rng)
    mode = np.zeros(n, np.bool_) if burst is None else burst
    drift = streams["drift"].normal(0.0, 40.0, (n, 3))
    data: dict[str, NDArray[Any]] = {
        "A313": state.ions[:, 0].copy(),
        "A314": state.ions[:, 1].copy(),
        "A315": 10.0 ** np.ascontiguousarray(state.plasma[:, 2]),
        "A322": state.plasma[:, 3].copy(),
        "A331": drift[:, 0],
        "A332": drift[:, 1],
        "A333": drift[:, 2],
    }
    kinds = (("A313", "A314", "A315"), ("A322",))
    seconds = np.arange(0.0, n, PAP_S)
    return _write(folder, "PAP_0", half_orbit, seconds, data, kinds, mode, streams, plagues)


def _write(
    folder: Path,
    payload: str,
    half_orbit: Pass,
    seconds: Floats,
    data: dict[str, NDArray[Any]],
    kinds: tuple[tuple[str, ...], tuple[str, ...]],
    mode: NDArray[np.bool_],
    streams: Streams,
    plagues: Plagues,
    every: int = 1,
) -> Path:
    """Plague and write a plasma payload; `kinds` names its densities and temperatures.

    Outside of burst mode one row in `every` is written.
    """
    track = resampled(half_orbit, seconds)
    off = outliers(len(seconds), streams, plagues)
    for names, share in zip(kinds, (1.0, _TEMPERATURE_SHARE), strict=True):
        for name in names:
            data[name] *= 10.0 ** (share * off)
    lost, how = lost_rows(len(seconds), streams, plagues.fill, FILL)
    for values in data.values():
        values[lost] = how[lost]
    data |= plagued_place_and_time(track, streams, plagues, every=every)
    burst = mode[nearest(seconds, len(mode))]
    data["WORKMODE"] = np.where(burst, BURST, SURVEY).astype(np.int32)
    root = byte_attributes(
        {
            **PLASMA_ROOT[payload],
            "ORBITNUM": f"{half_orbit.orbit:05d}",
            "ORBITTYPE": str(half_orbit.direction),
            "SOFTVERSION": "V1.1",
        }
    )
    attributes = unit_attributes({name: PLASMA_UNITS[name] for name in data})
    keep = kept_rows(seconds, streams, plagues)
    keep &= burst | (np.arange(len(seconds)) % every == 0)
    return write_file(folder, payload, track, data, root, attributes, keep)
