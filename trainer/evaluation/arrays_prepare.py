"""The authors' arrays made ready: validation windows cut off, values normalised and scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.arrays import Features, IntArray
from trainer.errors import TrainError
from trainer.evaluation.arrays_npz import Arrays

#: Part of the training arrays that validates.
VALIDATION_SHARE = 0.2
_SMALLEST_SPREAD = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Places of training and validation windows in the training arrays, and how they were cut."""

    train: IntArray
    validation: IntArray
    how: str


def split_training(arrays: Arrays, seed: int) -> Split:
    """Cut validation windows off the training arrays.

    Parameters
    ----------
    arrays : Arrays
    seed : int

    Returns
    -------
    Split
        By whole events where the files tell them; else the last part of each class in the order of
        the file, with as many windows before it left out as windows have rows: neighbours overlap.

    Raises
    ------
    TrainError
        There are too few windows or events.
    """
    label = arrays.train_label
    held = np.zeros(label.size, dtype=np.bool_)
    lost = np.zeros(label.size, dtype=np.bool_)
    if arrays.train_event is not None:
        rng = np.random.default_rng(seed)
        for which in (0, 1):
            events = np.unique(arrays.train_event[label == which])
            count = round(VALIDATION_SHARE * events.size)
            if count < 1 or count >= events.size:
                raise TrainError(
                    f"train_EQ_NUM: {events.size} events of label {which}; valid is 3 and more"
                )
            held |= np.isin(arrays.train_event, rng.choice(events, count, replace=False))
        how = f"{100 * VALIDATION_SHARE:g} % of the events of each class, drawn at random"
    else:
        gap = arrays.train.shape[1]
        for which in (0, 1):
            places = np.flatnonzero(label == which)
            count = round(VALIDATION_SHARE * places.size)
            # Few windows: what is left out must not be more than what is kept.
            gap_here = min(gap, places.size // 10)
            if count < 2 or places.size - count - gap_here < 2:
                raise TrainError(
                    f"train_y: {places.size} windows of label {which}; valid is 10 and more"
                )
            held[places[-count:]] = True
            lost[places[-count - gap_here : -count]] = True
        how = (
            f"the last {100 * VALIDATION_SHARE:g} % of each class in the order of the file, since "
            "it does not tell the events of training windows; up to a window's length before it "
            "is left out"
        )
    return Split(np.flatnonzero(~held & ~lost), np.flatnonzero(held), how)


def prepare(
    train: Features, others: Sequence[Features], normalise: bool, masks: bool
) -> list[Features]:
    """Normalise rows if asked, and standardise by training windows alone.

    Parameters
    ----------
    train : ndarray of float32, shape (N, L, F)
        NaN where missing.
    others : sequence of ndarray, shape (n, L, F)
    normalise : bool
        Divide each window by the root of the sum of its squares.
    masks : bool
        Leave missing values out and mark them; else they are 0 before all else and count as
        valid, as in the released code.

    Returns
    -------
    list of ndarray of float32, shape (n, L, 2 F)
        Of training and of the others: values, then flags.
    """
    flat = [a.reshape(a.shape[0], -1).astype(np.float64) for a in (train, *others)]
    if not masks:
        flat = [np.nan_to_num(a, nan=0.0) for a in flat]
    if normalise:
        norms = [np.sqrt(np.nansum(a * a, axis=1, keepdims=True)) for a in flat]
        flat = [a / np.where(n > 0.0, n, 1.0) for a, n in zip(flat, norms, strict=True)]
    known = np.isfinite(flat[0])
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, flat[0], 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, flat[0] - mean, 0.0) ** 2).sum(axis=0) / count)
    spread = np.where(spread > _SMALLEST_SPREAD, spread, 1.0)
    result = []
    for values, original in zip(flat, (train, *others), strict=True):
        scaled = ((values - mean) / spread).reshape(original.shape)
        valid = np.isfinite(scaled)
        both = [np.where(valid, scaled, 0.0), valid.astype(np.float64)]
        result.append(np.concatenate(both, axis=2).astype(np.float32))
    return result
