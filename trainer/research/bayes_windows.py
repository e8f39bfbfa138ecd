"""Plasma bubbles as hypotheses of the reference: an enumeration of their documented prior.

The prior (centre, width, depth) is cut into bins. Within a bin the depletion's shape is replaced
by its mean and covariance, to which the covariance of the bubble's fine structure is added: a
mixture of normal distributions, one for each bin. At most one bubble touches a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from edge.arrays import BoolArray
from edge.grid import Grid
from edge.observables import GRID_STEP_S, MissionName, Profile
from trainer.simulate.background import track_dipole_latitude
from trainer.simulate.bubbles import TRACK_KM_S, Bubble, depletion, expected_number
from trainer.simulate.geometry import Floats
from trainer.simulate.moments import cell_mean, middle_conditions, track_of
from trainer.simulate.parameters import PARAMETERS, BackgroundParameters, BubbleParameters

if TYPE_CHECKING:
    from trainer.inputs.indices import Indices
    from trainer.simulate.environment import Conditions

#: Bins of the width's and of the depth's logarithm; centres have one a cell.
WIDTH_BINS, DEPTH_BINS = 4, 4
_DRAWS = 128


@dataclass(frozen=True, eq=False)
class BubbleBins:
    """The hypotheses for a window of L cells.

    Parameters
    ----------
    centre : (K,) int64
        Cell of the bubble's centre, counted from the window's first.
    shape : (K, L) float64
        Mean fall of log10 Ne.
    covariance : (K, L, L) float64
        Of the fall, structure included.
    share : float
        Probability of each width and depth bin.
    """

    centre: Floats
    shape: Floats
    covariance: Floats
    share: float


@lru_cache(maxsize=8)
def bubble_bins(p: BubbleParameters, length: int, samples: int) -> BubbleBins:
    """Enumerate the prior.

    Parameters
    ----------
    p : BubbleParameters
    length : int
        Cells of a window, L.
    samples : int
        Samples that a cell averages: 1, at an unknown place in it, or 3.
    """
    reach = int(np.ceil((0.5 * p.width_km[1] + 3.0 * p.wall_km) / TRACK_KM_S / GRID_STEP_S))
    cells = np.arange(-(length + 2 * reach), length + 2 * reach + 1)
    seconds = GRID_STEP_S * cells.astype(np.float64)
    uniform = qmc.Sobol(4, scramble=True, seed=0).random(_DRAWS)
    thin, wide = np.log(p.width_km)
    shallow, deep = np.log10(p.factor)
    widths = np.linspace(thin, wide, WIDTH_BINS + 1)
    depths = np.linspace(shallow, deep, DEPTH_BINS + 1)
    middle = length + 2 * reach
    centre, shapes, covariances = [], [], []
    for w in range(WIDTH_BINS):
        for d in range(DEPTH_BINS):
            mean, covariance = _moments(
                p, seconds, uniform, widths[w : w + 2], depths[d : d + 2], samples
            )
            for at in range(-reach, length + reach):
                part = slice(middle - at, middle - at + length)
                centre.append(at)
                shapes.append(mean[part])
                covariances.append(covariance[part, part])
    return BubbleBins(
        np.array(centre), np.array(shapes), np.array(covariances), 1.0 / (WIDTH_BINS * DEPTH_BINS)
    )


def _moments(
    p: BubbleParameters,
    seconds: Floats,
    uniform: Floats,
    width: Floats,
    depth: Floats,
    samples: int,
) -> tuple[Floats, Floats]:
    """Mean and covariance of the fall at cells for a bubble of one bin, centred in cell 0."""
    place = (np.arange(samples) - 0.5 * (samples - 1)) * (GRID_STEP_S / samples)
    falls = np.empty((len(uniform), samples, seconds.size))
    for i, (c, w, d, offset) in enumerate(uniform):
        bubble = Bubble(
            GRID_STEP_S * (c - 0.5),
            float(np.exp(width[0] + w * (width[1] - width[0]))) / TRACK_KM_S,
            float(depth[0] + d * (depth[1] - depth[0])),
        )
        inside = GRID_STEP_S * (offset - 0.5) if samples == 1 else 0.0
        for k in range(samples):
            falls[i, k] = depletion(p, seconds + place[k] + inside, bubble)
    cell = falls.mean(axis=1)
    mean = cell.mean(axis=0)
    covariance = np.cov(cell.T, bias=True)
    # Structure is in proportion to the fall, and correlated over seconds.
    times = (seconds[None, :] + place[:, None]).ravel()
    correlation = np.exp(-np.abs(times[:, None] - times) / p.structure_s)
    flat = falls.reshape(len(uniform), -1)
    rough = p.structure**2 * (flat.T @ flat / len(uniform)) * correlation
    n = seconds.size
    covariance += rough.reshape(samples, n, samples, n).mean(axis=(0, 2))
    # So that it can be inverted where a bubble does not reach.
    return mean, covariance


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
    magnetic[rows] = track_dipole_latitude(track)
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
