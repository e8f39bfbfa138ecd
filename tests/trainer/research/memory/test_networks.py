"""Ranks with intervals, from made-up scores."""

from __future__ import annotations

import numpy as np

from trainer.research.memory.curves import Truth
from trainer.research.memory.networks import rank


def test_a_rank_is_as_sure_as_its_interval() -> None:
    rng = np.random.default_rng(0)
    positive = np.tile([True, False], 400)
    signal = positive * 1.0
    truth = Truth(positive, np.arange(800) // 2, signal + rng.normal(0.0, 0.5, 800))
    near = signal + rng.normal(0.0, 1.0, 800)
    found = rank(
        "auc80",
        {
            "poor": [signal + rng.normal(0.0, 6.0, 800)],
            "best": [near, near + rng.normal(0.0, 0.01, 800)],
            "like": [near + rng.normal(0.0, 0.05, 800)],
        },
        truth,
        200,
    )
    places = {one.kind: one for one in found}
    assert [one.rank.value for one in found] == [1.0, 2.0, 3.0]
    assert (places["poor"].rank.low, places["poor"].rank.high) == (3.0, 3.0)
    assert places["poor"].verdict == "missed"
    # Two that are all but the same: which of them is first, no one can say.
    assert {places["best"].verdict, places["like"].verdict} == {"undecided"}
    assert places["best"].share.low < places["best"].share.value < places["best"].share.high


def test_a_clear_winner_has_met_its_goal() -> None:
    positive = np.tile([True, False], 100)
    rng = np.random.default_rng(1)
    truth = Truth(positive, np.arange(200) // 2, positive * 1.0)
    scores = {"sure": [positive * 1.0], "blind": [rng.normal(size=200)]}
    assert rank("auc90", scores, truth, 100)[0].verdict == "met"
