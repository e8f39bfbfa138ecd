"""Windows as the reference takes them: residuals from the known mean, and counts of samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.arrays import BoolArray
from edge.grid import Grid
from edge.observables import MissionName, Profile
from trainer.simulate.background import dipole_latitude
from trainer.simulate.bayes_bubbles import bubble_bins
from trainer.simulate.bubbles import expected_number
from trainer.simulate.geometry import Floats
from trainer.simulate.moments import cell_mean, middle_conditions, track_of
from trainer.simulate.parameters import PARAMETERS, BackgroundParameters

if TYPE_CHECKING:
    from trainer.indices import Indices
    from trainer.simulate.conditions import Conditions


@dataclass(frozen=True, eq=False)
class WindowValues:
    """n windows of L cells and F observables.

    Parameters
    ----------
    first : (n,) int64
        First row of each window in the grid.
    residual : (n, L, F) float64
        Transformed values less the background's mean; 0 where masked.
    samples : (n, L, F) int64
        Raw samples of each cell; 0 where masked or interpolated.
    bubble_chance : (n, K) float64
        Probability that a bubble's centre lies in the cell of each hypothesis of
        `bayes_bubbles`, for its width and depth bins together; all 0 where none can be.
    """

    first: NDArray[np.int64]
    residual: Floats
    samples: NDArray[np.int64]
    bubble_chance: Floats

    def take(self, chosen: NDArray[np.int64] | slice) -> WindowValues:
        """Take some of the windows."""
        return WindowValues(
            self.first[chosen],
            self.residual[chosen],
            self.samples[chosen],
            self.bubble_chance[chosen],
        )


def join_windows(parts: list[WindowValues]) -> WindowValues:
    """Put windows of several half-orbits together."""
    return WindowValues(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("first", "residual", "samples", "bubble_chance")
        )
    )


def grid_windows(
    grid: Grid,
    night: BoolArray,
    mission: MissionName,
    profile: Profile,
    length: int = 20,
    indices: Indices | None = None,
    parameters: BackgroundParameters | None = None,
    at: Conditions | None = None,
) -> WindowValues:
    """Cut the night of a half-orbit into windows, as `edge.windows` does.

    Parameters
    ----------
    grid : Grid
        N rows; without counts of samples every valid cell is taken to have one.
    night : (N,) bool
    mission : {"cses", "demeter"}
    profile : Profile
        Of the grid's columns.
    length : int
        L.
    indices : Indices, optional
        That the mission was simulated with.
    parameters : BackgroundParameters, optional
        By default those of the mission.
    at : Conditions, optional
        Of the half-orbit; by default those when it is nearest to the equator.

    Returns
    -------
    WindowValues
        Windows of L consecutive cells, all night.
    """
    p = parameters or PARAMETERS[mission]
    good = np.asarray(night, np.bool_) & grid.present
    # A window begins where the run of night rows still has L of them.
    run = np.convolve(good, np.ones(length, np.int64))[length - 1 : good.size] == length
    first = np.flatnonzero(run & (np.diff(grid.cell, prepend=grid.cell[0] - 1)[: run.size] > 0))
    span = grid.cell[first + length - 1] - grid.cell[first] if first.size else first
    first = first[span == length - 1]
    rows = np.flatnonzero(good)
    residual = np.zeros(grid.values.shape)
    bins = bubble_bins(p.bubbles, length, 1 if mission == "cses" else 3)
    if not first.size:
        none = np.zeros((0, length, residual.shape[1]))
        return WindowValues(first, none, none.astype(np.int64), np.zeros((0, bins.centre.size)))
    track = track_of(grid, mission, rows)
    at = at or middle_conditions(track, indices)
    residual[rows] = grid.values[rows] - cell_mean(track, p, at, profile)
    samples = grid.valid.astype(np.int64) if grid.samples is None else grid.samples.astype(np.int64)
    samples = np.where(grid.valid, samples, 0)
    residual[samples == 0] = 0.0
    place = first[:, None] + np.arange(length)
    magnetic = np.zeros(grid.cell.size)
    magnetic[rows] = dipole_latitude(track)
    equator = int(np.argmin(np.abs(magnetic[rows])))
    number = expected_number(
        p.bubbles, track.time[equator], float(track.longitude[equator]), at.flux
    )
    # Degrees of dipole latitude in a cell, and so the cells of the zone of bubbles.
    step = (magnetic[first + length - 1] - magnetic[first]) / (length - 1)
    there = magnetic[first][:, None] + step[:, None] * bins.centre
    inside = np.abs(there) < p.bubbles.latitude_deg
    cells = 2.0 * p.bubbles.latitude_deg / np.abs(step)
    chance = np.where(inside, number / cells[:, None], 0.0)
    return WindowValues(first, residual[place], samples[place], chance)
