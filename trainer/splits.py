"""Training, validation and test: blocks of time with an embargo between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edge.arrays import AnyArray, TimeArray
from trainer.errors import TrainError

NAMES = ("train", "validation", "test")
_DAY_MS = 86_400_000.0


@dataclass(frozen=True, slots=True)
class Splits:
    """Three blocks of time.

    Attributes
    ----------
    blocks : dict of str to tuple of datetime64[ms]
        For ``train``, ``validation`` and ``test`` the start and the end.
    embargo_days : float
        Time between two blocks; half-orbits in it are not used.
    """

    blocks: dict[str, tuple[np.datetime64, np.datetime64]]
    embargo_days: float

    def members(self, start: TimeArray, end: TimeArray) -> dict[str, AnyArray]:
        """Half-orbits that lie wholly within a block.

        Parameters
        ----------
        start, end : ndarray of datetime64, shape (n,)
            Of each half-orbit.

        Returns
        -------
        dict of str to ndarray of int64
            Places of the half-orbits, for each block.
        """
        return {
            name: np.flatnonzero((start >= low) & (end <= high))
            for name, (low, high) in self.blocks.items()
        }


def make_splits(
    first: np.datetime64,
    last: np.datetime64,
    shares: tuple[float, float, float],
    embargo_days: float,
    long_embargo_days: float,
    long_block_days: float,
    least_block_days: float,
) -> Splits:
    """Cut a span of time.

    Parameters
    ----------
    first, last : datetime64
        The span.
    shares : tuple of 3 float
        Of training, validation and test in the time that the embargoes leave.
    embargo_days : float
        Between blocks.
    long_embargo_days, long_block_days : float
        An archive whose blocks would still have `long_block_days` takes the longer embargo.
    least_block_days : float
        No block is shorter.

    Returns
    -------
    Splits

    Raises
    ------
    TrainError
        The span is too short.
    """
    span = float((last - first) / np.timedelta64(1, "ms")) / _DAY_MS
    if (span - 2.0 * long_embargo_days) * min(shares) >= long_block_days:
        embargo_days = max(embargo_days, long_embargo_days)
    usable = span - 2.0 * embargo_days
    if usable * min(shares) < least_block_days:
        needed = least_block_days / min(shares) + 2.0 * embargo_days
        raise TrainError(
            f"{max(span, 0.0):.1f} days of half-orbits with certain labels are too few for three "
            f"blocks; at least {needed:.1f} days are needed"
        )
    blocks = {}
    start = first
    for name, share in zip(NAMES, shares, strict=True):
        end = start + _days(usable * share)
        blocks[name] = (start, end)
        start = end + _days(embargo_days)
    return Splits(blocks, embargo_days)


def check_splits(
    splits: Splits,
    half_orbits: Mapping[str, AnyArray],
    events: Mapping[str, AnyArray],
    start: TimeArray,
    end: TimeArray,
) -> None:
    """Refuse splits that leak.

    Parameters
    ----------
    splits : Splits
    half_orbits : mapping of str to ndarray of int64
        For each block, the half-orbits in it.
    events : mapping of str to ndarray of int64
        For each block, the events of its positive windows.
    start, end : ndarray of datetime64, shape (n,)
        Of each half-orbit.

    Raises
    ------
    TrainError
        A half-orbit or an event is in two blocks, or two blocks are closer than the embargo.
    """
    for i, one in enumerate(NAMES):
        for other in NAMES[i + 1 :]:
            shared = np.intersect1d(half_orbits[one], half_orbits[other])
            if shared.size:
                raise TrainError(f"{shared.size} half-orbits are in {one} and in {other}")
            shared = np.intersect1d(events[one], events[other])
            shared = shared[shared >= 0]
            if shared.size:
                raise TrainError(
                    f"{shared.size} events have positive windows in {one} and in {other}"
                )
    for one, other in pairwise(NAMES):
        if half_orbits[one].size and half_orbits[other].size:
            gap = start[half_orbits[other]].min() - end[half_orbits[one]].max()
            if gap < _days(splits.embargo_days):
                raise TrainError(
                    f"{one} and {other} are {gap / np.timedelta64(1, 'h') / 24.0:.1f} days apart; "
                    f"the embargo is {splits.embargo_days:g} days"
                )


def _days(days: float) -> np.timedelta64:
    return np.timedelta64(round(days * _DAY_MS), "ms")
