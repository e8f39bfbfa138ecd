"""How large one standard deviation is, in an archive whose mission nobody simulated.

Each observable is brought to the grid by the edge's own code, for some half-orbits spread over
the archive. Where there are at least eight of them its median in bands of 5 degrees of dipole
latitude is taken away, with fewer a cubic in dipole latitude along each half-orbit; the spread is
the interquartile range of the rest over 1.349. It is that of grid cells and holds the variation
by season and longitude, so it is rather too large than too small: an amplitude in these units is
no smaller than it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.geodesy import dipole_latitude
from edge.grid import make_grid
from edge.observables import FULL, MAGNETIC_RMS, MissionName, Profile
from edge.readers.names import FileName
from edge.readers.opening import read_half_orbit
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass

#: Half-orbits that are looked at.
MOST_HALF_ORBITS = 48
_FEWEST_FOR_BANDS = 8
_FEWEST_VALUES = 60
_BAND_DEG = 5.0
_HIGHEST_DEG = 50.0
_IQR_OF_SIGMA = 1.349
_RMS_ONLY = Profile("b_rms", (MAGNETIC_RMS,))


def estimate_spread(groups: Sequence[dict[Path, FileName]], mission: MissionName) -> Floats:
    """Spread of each observable of the profile `full` in an archive.

    Parameters
    ----------
    groups : sequence of dict of Path to FileName
        Files of each half-orbit; what cannot be read is left out.
    mission : {"cses", "demeter"}

    Returns
    -------
    (21,) float64
        0 for an observable of which fewer than 60 cells within 50 degrees of dipole latitude
        were found.
    """
    chosen = np.unique(np.linspace(0, len(groups) - 1, MOST_HALF_ORBITS).round().astype(np.int64))
    latitude, values, valid = [], [], []
    for place in chosen[: len(groups)]:
        half_orbit = read_half_orbit(groups[place], FULL.payloads(mission))
        if not any(p.track.time.size for p in half_orbit.payloads.values()):
            continue
        grid = make_grid(half_orbit, FULL)
        dipole = np.nan_to_num(dipole_latitude(grid.time, grid.latitude, grid.longitude), nan=90.0)
        low = np.flatnonzero(grid.present & (np.abs(dipole) <= _HIGHEST_DEG))
        latitude.append(dipole[low])
        values.append(grid.values[low])
        valid.append(grid.valid[low])
    spread = np.zeros(len(FULL.names))
    for column in range(len(FULL.names)):
        pairs = [
            (lat[good[:, column]], v[good[:, column], column])
            for lat, v, good in zip(latitude, values, valid, strict=True)
            if good[:, column].sum() >= 8
        ]
        if sum(v.size for _, v in pairs) >= _FEWEST_VALUES:
            low, high = np.percentile(_residuals(pairs), (25.0, 75.0))
            spread[column] = (high - low) / _IQR_OF_SIGMA
    return spread


def _residuals(pairs: list[tuple[Floats, Floats]]) -> Floats:
    if len(pairs) < _FEWEST_FOR_BANDS:
        parts = []
        for latitude, values in pairs:
            x = latitude / _HIGHEST_DEG
            parts.append(values - np.polyval(np.polyfit(x, values, 3), x))
        return np.concatenate(parts)
    latitude, values = (np.concatenate(part) for part in zip(*pairs, strict=True))
    band = np.floor(latitude / _BAND_DEG).astype(np.int64)
    result = np.empty(values.size)
    for one in np.unique(band):
        result[band == one] = values[band == one] - np.median(values[band == one])
    return result


def local_noise(path: Path, name: FileName, place: Pass) -> Floats:
    """Strength of the magnetic noise along a magnetometer file, as it is measured.

    Parameters
    ----------
    path : Path
        HPM_5; of another file nothing is known.
    name : FileName
    place : Pass
        Samples of the file, (n,).

    Returns
    -------
    (n,) float64
        RMS about a cubic over 60 s, nT; 0 where no cell has one.
    """
    half_orbit = read_half_orbit({path: name}, _RMS_ONLY.payloads(name.mission))
    if not half_orbit.payloads:
        return np.zeros(len(place.time))
    grid = make_grid(half_orbit, _RMS_ONLY)
    known = np.flatnonzero(grid.valid[:, 0])
    if not known.size:
        return np.zeros(len(place.time))
    at = grid.time[known].astype(np.int64).astype(np.float64)
    log = np.interp(place.time.astype(np.int64).astype(np.float64), at, grid.values[known, 0])
    return np.asarray(10.0**log)
