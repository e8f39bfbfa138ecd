"""Which rows of the grid are night, by one of two rules."""

from __future__ import annotations

from typing import Literal

import numpy as np

from edge.arrays import BoolArray
from edge.geodesy import dipole_latitude, solar_zenith_angle
from edge.grid import Grid

NightRule = Literal["dark", "paper"]

#: Above this solar zenith angle the F region is dark (108 deg: end of astronomical twilight).
DARK_ZENITH_ANGLE_DEG = 108.0

#: Beyond this dipole latitude aurora and trough rule the plasma.
HIGHEST_DIPOLE_LATITUDE_DEG = 50.0


def night_rows(grid: Grid, night_side: bool, rule: NightRule) -> BoolArray:
    """Mark the rows of a half-orbit that are night.

    Parameters
    ----------
    grid : Grid
        N rows.
    night_side : bool
        Whether the half-orbit's direction flag says night.
    rule : {"dark", "paper"}
        ``dark``: night side, solar zenith angle above 108 deg, dipole latitude within
        50 deg. ``paper``: the direction flag alone (Xiong et al. 2021).

    Returns
    -------
    ndarray of bool, shape (N,)
        False in gaps.
    """
    if not night_side:
        return np.zeros(grid.cell.size, dtype=np.bool_)
    if rule == "paper":
        return grid.present.copy()
    time = grid.time
    zenith = solar_zenith_angle(time, grid.latitude, grid.longitude)
    dipole = dipole_latitude(time, grid.latitude, grid.longitude)
    # NaN positions compare false, and are gaps already.
    dark: BoolArray = (zenith > DARK_ZENITH_ANGLE_DEG) & (
        np.abs(dipole) <= HIGHEST_DIPOLE_LATITUDE_DEG
    )
    return grid.present & dark
