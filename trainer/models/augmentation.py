"""Varies training windows at random: masked inputs, noise, windows turned round in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.arrays import Features
from edge.observables import MissionName, Profile
from trainer.datasets.recipe import Section, Share


class Dropping(Section, frozen=True):
    """Probabilities that an input is masked over a whole training window."""

    observable: Share
    payload: Share
    window: Share


def drop_inputs(
    inputs: Features,
    payloads: Sequence[Sequence[int]],
    dropping: Dropping,
    rng: np.random.Generator,
) -> Features:
    """Mask observables over whole windows at random, independently of the label.

    Parameters
    ----------
    inputs : ndarray of float32, shape (n, L, C)
        C / 2 residuals, then C / 2 flags; not changed.
    payloads : sequence of sequences of int
        Columns of the observables that fail together.
    dropping : Dropping
    rng : Generator

    Returns
    -------
    ndarray of float32, shape (n, L, C)
    """
    n, columns = inputs.shape[0], inputs.shape[2] // 2
    lost = rng.random((n, columns)) < dropping.observable
    for members in payloads:
        lost[:, list(members)] |= (rng.random(n) < dropping.payload)[:, None]
    lost |= (rng.random(n) < dropping.window)[:, None]
    kept = ~np.concatenate([lost, lost], axis=1)
    result: Features = inputs * kept[:, None, :].astype(np.float32)
    return result


def disturbed(inputs: Features, noise: float, reverse: float, rng: np.random.Generator) -> Features:
    """Vary training windows: noise on valid values, and some windows turned round in time.

    Parameters
    ----------
    inputs : ndarray of float32, shape (n, L, C)
        C / 2 residuals, then C / 2 flags; not changed.
    noise : float
        Standard deviation, in those of the residuals.
    reverse : float
        Probability.
    rng : Generator

    Returns
    -------
    ndarray of float32, shape (n, L, C)
    """
    result = inputs
    if reverse > 0.0:
        turned = rng.random(inputs.shape[0]) < reverse
        result = np.where(turned[:, None, None], result[:, ::-1], result)
    if noise > 0.0:
        columns = inputs.shape[2] // 2
        drawn = rng.standard_normal((*inputs.shape[:2], columns), dtype=np.float32)
        valid = result[:, :, columns:]
        values = result[:, :, :columns] + np.float32(noise) * drawn * valid
        result = np.concatenate([values, valid], axis=2)
    return result


def payload_columns(profile: Profile, mission: MissionName) -> list[list[int]]:
    """Columns of the observables that come from one payload, for each payload."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for column, observable in enumerate(profile.observables):
        if mission in observable.sources:
            groups.setdefault(observable.sources[mission].payloads, []).append(column)
    return list(groups.values())
