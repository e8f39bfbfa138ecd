"""Nested subsets by whole earthquake clusters, and the learning curve over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trainer.common.errors import TrainError
from trainer.models.window_set import WindowSet, windows_of_arrays
from trainer.training.fractions import (
    FRACTIONS,
    count_clusters,
    shrink_validation,
    take_fraction,
)


def matched_windows(clusters: int, seed: int = 1, observables: int = 2) -> WindowSet:
    """Make 1 to 5 positives a cluster, each with a control, in mixed order."""
    import dataclasses

    rng = np.random.default_rng(seed)
    members = np.repeat(np.arange(clusters), rng.integers(1, 6, clusters))
    n = members.size
    inputs = rng.normal(size=(2 * n, 4, 2 * observables)).astype(np.float32)
    label = np.repeat([1, 0], n).astype(np.int8)
    inputs[label == 1, :, 0] += 1.0
    inputs[:, :, observables:] = 1.0
    names = tuple(f"o{i}" for i in range(observables))
    windows = windows_of_arrays(inputs, label, names)
    none = np.full(n, -1)
    event = np.concatenate([np.array([f"e{m}" for m in members]), np.full(n, "")])
    windows = dataclasses.replace(
        windows,
        cluster=np.concatenate([members, none]).astype(np.int64),
        pair=np.tile(np.arange(n, dtype=np.int64), 2),
        event=event,
    )
    return windows.take(rng.permutation(2 * n))


def pairs(windows: WindowSet) -> set[int]:
    return set(windows.pair.tolist())


def test_subsets_are_nested_and_hold_whole_clusters_with_their_controls() -> None:
    windows = matched_windows(60)
    before: set[int] = set()
    for fraction, clusters in zip(FRACTIONS, (3, 6, 15, 30, 60), strict=True):
        some = take_fraction(windows, fraction, seed=4)
        assert count_clusters(some) == clusters
        assert before < pairs(some)
        before = pairs(some)
        kept = np.isin(windows.cluster, some.cluster[some.positive])
        assert some.positive.sum() == (kept & windows.positive).sum()
        # One control each.
        assert len(some) == 2 * some.positive.sum() == 2 * len(pairs(some))
    assert len(some) == len(windows)


def test_the_seed_draws_and_the_order_of_the_file_stays() -> None:
    windows = matched_windows(40)
    one, same, other = (take_fraction(windows, 0.25, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.inputs, same.inputs)
    assert pairs(one) != pairs(other)
    place = [np.flatnonzero((windows.inputs == w).all(axis=(1, 2)))[0] for w in one.inputs]
    assert place == sorted(place)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction: float) -> None:
    with pytest.raises(TrainError, match="valid is above 0 and at most 1"):
        take_fraction(matched_windows(5), fraction, 1)


def test_two_clusters_must_remain() -> None:
    with pytest.raises(TrainError, match=r"0.1 of 14 earthquake clusters is 1; valid is 0.107 and"):
        take_fraction(matched_windows(14), 0.1, 1)
    assert count_clusters(take_fraction(matched_windows(14), 0.108, 1)) == 2
    with pytest.raises(TrainError, match="valid are 2 clusters and more"):
        take_fraction(matched_windows(1), 1.0, 1)


def test_validation_shrinks_alike_and_keeps_two_clusters() -> None:
    windows = matched_windows(14)
    assert count_clusters(shrink_validation(windows, 0.5, 1)) == 7
    assert count_clusters(shrink_validation(windows, 0.05, 1)) == 2
    assert pairs(shrink_validation(windows, 0.05, 1)) < pairs(shrink_validation(windows, 0.5, 1))


def test_controls_without_a_positive_are_thinned_alike() -> None:
    rng = np.random.default_rng(0)
    label = np.repeat([1, 0], [40, 60]).astype(np.int8)
    inputs = rng.normal(size=(100, 4, 2)).astype(np.float32)
    some = take_fraction(windows_of_arrays(inputs, label, ("o0",)), 0.1, 1)
    assert some.positive.sum() == 4
    assert len(some) == 10


class Fake:
    """A classifier that notes what it is fitted with."""

    def __init__(self, kind: str, how: str | None, train: WindowSet, validation: WindowSet) -> None:
        self.kind, self.how = kind, how
        self.sizes = (count_clusters(train), count_clusters(validation))

    def predict_proba(self, windows: WindowSet) -> Any:
        return windows.inputs[:, :, 0].mean(axis=1).astype(np.float64)
