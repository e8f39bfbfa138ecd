"""Masks the inputs of training windows at random, so that a network can do without any of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.arrays import Features
from edge.observables import MissionName, Profile
from trainer.recipe import Dropping


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


def payload_columns(profile: Profile, mission: MissionName) -> list[list[int]]:
    """Columns of the observables that come from one payload, for each payload."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for column, observable in enumerate(profile.observables):
        if mission in observable.sources:
            groups.setdefault(observable.sources[mission].payloads, []).append(column)
    return list(groups.values())
