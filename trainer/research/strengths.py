"""Strengths of injection that give the reference a wanted AUC: fixed once, before any training.

The design is a simulation with seeds of its own, straight from the state to the cells of the
grid (`state_cells`). A sample is one window for each half-orbit: night by the rule ``dark``
(dipole latitude within 50 degrees), its midpoint within R of a mainshock and 0-48 h before it, by
the prior of `bayes_prior`. The clear windows are the same ones without the event. The AUC is that
of the reference which knows the strength; with strength the same random numbers are used, so
that it rises smoothly and a bisection finds the strength.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge.observables import PROFILES, MissionName
from trainer.common.errors import TrainError
from trainer.evaluation.metrics import roc_auc
from trainer.research.bayes import Reference
from trainer.research.bayes_prior import PositivePrior
from trainer.research.strengths_design import DESIGN_SEED, design_values, make_design
from trainer.simulate.geometry import Floats

#: AUC that strengths are wanted for.
TARGETS = (0.6, 0.7, 0.8, 0.9)
_WIDEST = 64.0
_RESAMPLES = 500
_MOST_STEPS = 16


@dataclass(frozen=True)
class Strength:
    """A strength and what the reference reaches with it.

    Parameters
    ----------
    target, auc : float
        Wanted and found.
    interval : tuple of float
        95 % interval of the AUC, from resampling half-orbits.
    strength : float
        Standard deviations.
    """

    target: float
    auc: float
    interval: tuple[float, float]
    strength: float


def find_strengths(
    mission: MissionName,
    profile: str,
    windows: int = 500,
    seed: int = DESIGN_SEED,
    targets: tuple[float, ...] = TARGETS,
    length: int = 20,
    tolerance: float = 0.002,
    tell: Callable[[str], None] = lambda line: None,
) -> tuple[list[Strength], Reference, int]:
    """Find the strengths at which the reference has the wanted AUC.

    Parameters
    ----------
    mission : {"cses", "demeter"}
    profile : str
    windows : int
        Of each class in the design.
    seed : int
    targets : tuple of float
    length : int
        Cells of a window.
    tolerance : float
        Of the AUC, at which the bisection ends.
    tell : callable
        Takes a line on each strength that was tried.

    Returns
    -------
    list of Strength
        In the order of `targets`.
    Reference
        For its name and approximations.
    int
        Windows of each class that the design has.

    Raises
    ------
    TrainError
        No strength up to 64 reaches an AUC.
    """
    prior = PositivePrior()
    observables = PROFILES[profile]
    design = make_design(mission, profile, windows, seed, prior, length)
    clear = design_values(design, profile, 0.0, length, prior)
    base = Reference(mission, observables, 1.0, length, prior)
    tried: dict[float, tuple[Floats, Floats, float]] = {}

    def reached(strength: float) -> float:
        if strength not in tried:
            reference = base.at_strength(strength)
            perturbed = design_values(design, profile, strength, length, prior)
            scores = reference.log_ratio(perturbed), reference.log_ratio(clear)
            tried[strength] = (*scores, auc(*scores))
            tell(f"{mission} {profile}: strength {strength:g}, AUC {tried[strength][2]:.4f}")
        return tried[strength][2]

    result = []
    for target in targets:
        low = max((s for s in tried if tried[s][2] < target), default=0.0)
        high = min((s for s in tried if tried[s][2] >= target), default=max(2.0 * low, 2.0))
        while reached(high) < target:
            low, high = high, 2.0 * high
            if high > _WIDEST:
                raise TrainError(
                    f"{mission} {profile}: no strength up to {_WIDEST:g} has AUC {target}"
                )
        best = high
        for _ in range(_MOST_STEPS):
            if abs(reached(best) - target) <= tolerance:
                break
            # By the straight line between the ends, but well inside of them.
            span = (reached(high) - (reached(low) if low else 0.5)) or 1.0
            share = (target - (reached(low) if low else 0.5)) / span
            best = float(f"{low + min(max(share, 0.15), 0.85) * (high - low):.4g}")
            low, high = (best, high) if reached(best) < target else (low, best)
        positive, negative, found = tried[best]
        result.append(Strength(target, found, auc_interval(positive, negative), best))
    return result, base, len(design)


def auc(positive: Floats, negative: Floats) -> float:
    """Area under the ROC curve of the scores of two classes."""
    truth = np.concatenate([np.ones(len(positive)), np.zeros(len(negative))]) > 0.5
    return roc_auc(np.concatenate([positive, negative]), truth)


def auc_interval(positive: Floats, negative: Floats, seed: int = 0) -> tuple[float, float]:
    """Interval of 95 % of the AUC of n pairs, from resampling the pairs' half-orbits."""
    order = 0.5 * (np.sign(positive[:, None] - negative) + 1.0)
    n = len(positive)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), _RESAMPLES)
    found = np.einsum("ri,ij,rj->r", counts, order, counts, optimize=True) / n**2
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)
