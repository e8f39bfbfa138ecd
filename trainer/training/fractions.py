"""Less data, by whole earthquakes: nested subsets."""

from __future__ import annotations

import numpy as np

from edge.arrays import BoolArray
from trainer.common.errors import TrainError
from trainer.models.window_set import WindowSet, groups_of

#: Of the paper's question: how much data of the second mission is needed.
FRACTIONS = (0.05, 0.10, 0.25, 0.50, 1.00)
#: With fewer, a subset holds one earthquake's place and weather, and no class of events.
LEAST_CLUSTERS = 2


def count_clusters(windows: WindowSet) -> int:
    """Count the earthquake clusters that have positive windows."""
    return int(np.unique(windows.cluster[windows.positive]).size)


def clusters_kept(clusters: int, fraction: float) -> int:
    """Say how many clusters a fraction holds; half a cluster is rounded up."""
    return int(np.floor(fraction * clusters + 0.5))


def take_fraction(windows: WindowSet, fraction: float, seed: int) -> WindowSet:
    """Take a fraction of the earthquake clusters, each with its matched controls.

    Parameters
    ----------
    windows : WindowSet
    fraction : float
        Above 0, at most 1.
    seed : int
        Puts the clusters in an order. A fraction is the beginning of it, so that of one seed the
        smaller subset lies in the larger.

    Returns
    -------
    WindowSet
        In the order of `windows`. Controls without a positive, which only arrays of unknown
        origin have, are thinned alike.

    Raises
    ------
    TrainError
        The fraction is out of range, or leaves fewer than two clusters.
    """
    if not 0.0 < fraction <= 1.0:
        raise TrainError(f"fraction {fraction:g}; valid is above 0 and at most 1")
    clusters = count_clusters(windows)
    kept = clusters_kept(clusters, fraction)
    if kept < LEAST_CLUSTERS:
        reason = f"fraction {fraction:g} of {clusters} earthquake clusters is {kept}"
        if clusters < LEAST_CLUSTERS:
            raise TrainError(f"{reason}; valid are {LEAST_CLUSTERS} clusters and more")
        least = (LEAST_CLUSTERS - 0.5) / clusters
        raise TrainError(f"{reason}; valid is {least:.3g} and more")
    return windows if fraction == 1.0 else windows.take(_chosen(windows, fraction, seed))


def shrink_validation(windows: WindowSet, fraction: float, seed: int) -> WindowSet:
    """Take the same fraction of the validation windows, two clusters at least.

    Notes
    -----
    Who has little data has little to stop and to choose by too: with the whole validation block
    beside a twentieth of the training windows, little data would look better than it is.
    """
    clusters = count_clusters(windows)
    if clusters >= LEAST_CLUSTERS:
        # Of 14 clusters 5 % is one: it would be no validation at all.
        fraction = max(fraction, min(1.0, LEAST_CLUSTERS / clusters))
    return take_fraction(windows, fraction, seed)


def _chosen(windows: WindowSet, fraction: float, seed: int) -> BoolArray:
    unit = groups_of(windows.cluster, windows.pair)
    with_positive = np.unique(unit[windows.positive])
    alone = np.setdiff1d(unit, with_positive)
    kept = []
    for place, units in enumerate((with_positive, alone)):
        order = np.random.default_rng([seed, place]).permutation(units)
        kept.append(order[: clusters_kept(units.size, fraction)])
    result: BoolArray = np.isin(unit, np.concatenate(kept))
    return result
