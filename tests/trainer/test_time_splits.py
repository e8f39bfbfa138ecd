"""Blocks of time, and planted leaks of each kind."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import TrainError
from trainer.splits import NAMES, check_splits, make_splits

FIRST = np.datetime64("2019-01-01", "ms")
DAY = np.timedelta64(86_400_000, "ms")
SHARES = (0.6, 0.2, 0.2)


def cut(days: float, embargo: float = 9.0):
    last = FIRST + np.timedelta64(round(days * 86_400_000), "ms")
    return make_splits(FIRST, last, SHARES, embargo, 30.0, 90.0, 5.0)


@given(st.floats(44.0, 3000.0))
def test_blocks_follow_one_another_with_the_embargo_between(days: float) -> None:
    splits = cut(days)
    blocks = [splits.blocks[name] for name in NAMES]
    embargo = splits.embargo_days * DAY
    for (_, end), (start, _) in pairwise(blocks):
        assert start - end >= embargo
    lengths = np.array([(end - start) / DAY for start, end in blocks])
    assert np.allclose(lengths / lengths.sum(), SHARES, atol=1e-6)
    assert abs((blocks[-1][1] - FIRST) / DAY - days) < 1e-6


def test_long_archives_take_the_long_embargo_and_long_blocks() -> None:
    assert cut(509.0).embargo_days == 9.0
    splits = cut(511.0)
    assert splits.embargo_days == 30.0
    assert all(end - start >= 90 * DAY for start, end in splits.blocks.values())


def test_short_archive_is_refused_with_the_days_it_needs() -> None:
    with pytest.raises(TrainError, match=r"40.0 days .* at least 43.0 days"):
        cut(40.0)


def test_half_orbits_across_a_border_are_left_out() -> None:
    splits = cut(118.0)
    start = FIRST + np.arange(0, 118 * 24, 1.5) * np.timedelta64(3_600_000, "ms")
    end = start + np.timedelta64(35 * 60_000, "ms")
    members = splits.members(start, end)
    for name, (low, high) in splits.blocks.items():
        assert (start[members[name]] >= low).all()
        assert (end[members[name]] <= high).all()
    check_splits(splits, members, {n: np.array([-1]) for n in NAMES}, start, end)


def planted():
    splits = cut(118.0)
    start = FIRST + np.arange(118) * DAY
    members = splits.members(start, start)
    events = {name: np.array([-1, i]) for i, name in enumerate(NAMES)}
    return splits, members, events, start


def test_shared_half_orbit_is_found() -> None:
    splits, members, events, start = planted()
    members["test"] = np.append(members["test"], members["train"][0])
    with pytest.raises(TrainError, match="1 half-orbits are in train and in test"):
        check_splits(splits, members, events, start, start)


def test_shared_event_is_found() -> None:
    splits, members, events, start = planted()
    events["validation"] = np.array([-1, 0])
    with pytest.raises(TrainError, match="1 events have positive windows in train and in valid"):
        check_splits(splits, members, events, start, start)


def test_broken_embargo_is_found() -> None:
    splits, members, events, start = planted()
    members["validation"] = members["validation"] - 1
    with pytest.raises(TrainError, match="the embargo is 9 days"):
        check_splits(splits, members, events, start, start)
