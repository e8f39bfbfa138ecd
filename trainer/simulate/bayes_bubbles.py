"""Plasma bubbles as hypotheses of the reference: an enumeration of their documented prior.

The prior (centre, width, depth) is cut into bins. Within a bin the depletion's shape is replaced
by its mean and covariance, to which the covariance of the bubble's fine structure is added: a
mixture of normal distributions, one for each bin. At most one bubble touches a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import qmc

from edge.observables import GRID_STEP_S
from trainer.simulate.bubbles import TRACK_KM_S, Bubble, depletion
from trainer.simulate.geometry import Floats
from trainer.simulate.parameters import BubbleParameters

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

    Returns
    -------
    BubbleBins
    """
    reach = int(np.ceil((0.5 * p.width_km[1] + 3.0 * p.wall_km) / TRACK_KM_S / GRID_STEP_S))
    cells = np.arange(-(length + 2 * reach), length + 2 * reach + 1)
    seconds = GRID_STEP_S * cells.astype(np.float64)
    uniform = qmc.Sobol(4, scramble=True, seed=0).random(_DRAWS)
    widths = np.linspace(*np.log(p.width_km), WIDTH_BINS + 1)
    depths = np.linspace(*np.log10(p.factor), DEPTH_BINS + 1)
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
