"""Less data, by whole earthquakes: nested subsets, and what is learnt from each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.arrays import BoolArray
from trainer.common.errors import TrainError
from trainer.models.classifier import Classifier, Tell, silent
from trainer.models.window_set import WindowSet, groups_of
from trainer.training.fitting import Scores, fit_classifier, validation_scores
from trainer.training.run_recipe import TRANSFER_MODES, RunRecipe, TransferMode

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

    Parameters
    ----------
    windows : WindowSet
    fraction : float
    seed : int

    Returns
    -------
    WindowSet

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


@dataclass(frozen=True, slots=True, eq=False)
class CurvePoint:
    """What was learnt from one fraction in one way.

    Attributes
    ----------
    fraction : float
    transfer : {"frozen", "gradual", "full"} or None
        None: direct training.
    seed : int
    clusters, windows : int
        Of the training subset.
    model : Classifier
    validation : WindowSet
        The shrunk one: thresholds are chosen on it.
    scores : Scores
        Of the model on it.
    """

    fraction: float
    transfer: TransferMode | None
    seed: int
    clusters: int
    windows: int
    model: Classifier
    validation: WindowSet
    scores: Scores


def learning_curve(
    train: WindowSet,
    validation: WindowSet,
    direct: RunRecipe,
    tuned: RunRecipe,
    start: Classifier,
    fractions: Sequence[float] = FRACTIONS,
    modes: Sequence[TransferMode] = TRANSFER_MODES,
    tell: Tell = silent,
    keep: Callable[[CurvePoint], None] | None = None,
) -> list[CurvePoint]:
    """Train directly and by transfer on nested fractions of the same data.

    Parameters
    ----------
    train, validation : WindowSet
        Of the mission that is tuned for.
    direct, tuned : RunRecipe
        Of direct training and of fine-tuning. The seed of `direct` draws the subsets of both.
    start : Classifier
        Pretrained; it is not changed.
    fractions : sequence of float, optional
    modes : sequence of str, optional
    tell : callable, optional
    keep : callable, optional
        Takes each point as soon as it is there.

    Returns
    -------
    list of CurvePoint
        Fraction by fraction, direct training first. A fraction that leaves fewer than two
        clusters is told and left out.
    """
    points = []
    for fraction in fractions:
        clusters = clusters_kept(count_clusters(train), fraction)
        if clusters < LEAST_CLUSTERS:
            tell(f"{fraction:.0%} of the data: {clusters} clusters, left out")
            continue
        some = take_fraction(train, fraction, direct.seed)
        judged = shrink_validation(validation, fraction, direct.seed)
        ways: list[tuple[RunRecipe, TransferMode | None]] = [(direct, None)]
        ways += [(tuned, mode) for mode in modes]
        for recipe, mode in ways:
            model = fit_classifier(
                recipe.kind,
                recipe.parameters,
                recipe.seed,
                some,
                judged,
                start=None if mode is None else start,
                transfer=mode,
                tell=tell,
            )
            point = CurvePoint(
                fraction,
                mode,
                recipe.seed,
                clusters,
                len(some),
                model,
                judged,
                validation_scores(model, judged),
            )
            tell(
                f"{fraction:.0%} of the data, {mode or 'direct'}: "
                f"validation PR AUC {point.scores.pr_auc:.4f}"
            )
            points.append(point)
            if keep is not None:
                keep(point)
    return points
