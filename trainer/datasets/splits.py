"""Which half-orbit and which cluster of events belongs to which block of a dataset."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge.arrays import BoolArray, FloatArray, IntArray, TimeArray
from trainer.common.errors import TrainError
from trainer.datasets.labels import CROSSING, NO_BLOCK, radius_km
from trainer.datasets.recipe import DatasetSplits
from trainer.inputs.catalogue import Catalogue
from trainer.inputs.declustering import Clusters
from trainer.inputs.regions import REGIONS, Region

#: Blocks of a dataset.
NAMES = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(len(NAMES))

#: What becomes of half-orbits that are in no block; their places follow those of `NAMES`.
LEFT_OUT = ("outside", "embargo", "buffer")
_OUTSIDE, _EMBARGO, _BUFFER = range(len(NAMES), len(NAMES) + len(LEFT_OUT))
STATES = (*NAMES, *LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Where a dataset is cut.

    Attributes
    ----------
    spans : dict of str to tuple of datetime64[ms]
        Start and end of each block; of a region left out, the block ``test`` is all of the time.
    embargo_days : float
    region : Region, optional
        Of the test, where it is not a block of time.
    buffer_km : float
        Half-orbits that come so near to the region are in no block.
    """

    spans: dict[str, tuple[np.datetime64, np.datetime64]]
    embargo_days: float
    region: Region | None = None
    buffer_km: float = 0.0

    def place_half_orbits(
        self, start: TimeArray, end: TimeArray, region_km: FloatArray | None = None
    ) -> npt.NDArray[np.int8]:
        """Find the block of each half-orbit.

        Parameters
        ----------
        start, end : ndarray of datetime64[ms], shape (n,)
            First and last night row.
        region_km : ndarray, shape (n,), optional
            Least distance of its night rows to the region; 0 in it.

        Returns
        -------
        ndarray of int8, shape (n,)
            Places in `STATES`.
        """
        state = np.full(start.size, _OUTSIDE, dtype=np.int8)
        times = [self.spans[n] for n in NAMES[: 3 if self.region is None else 2]]
        low, high = times[0][0], times[-1][1]
        state[(end >= low) & (start <= high)] = _EMBARGO
        for place, (begin, until) in enumerate(times):
            state[(start >= begin) & (end <= until)] = place
        if self.region is not None and region_km is not None:
            begin, until = self.spans["test"]
            within = (start >= begin) & (end <= until)
            state[within & (region_km <= self.buffer_km)] = _BUFFER
            state[within & (region_km <= 0.0)] = TEST
        return state

    def place_events(
        self, catalogue: Catalogue, clusters: Clusters, lead: np.timedelta64
    ) -> IntArray:
        """Find the block in which each event can have positive windows.

        Parameters
        ----------
        catalogue : Catalogue
        clusters : Clusters
        lead : timedelta64
            Longest time from a positive window to its event.

        Returns
        -------
        ndarray of int64, shape (n,)
            Places in `NAMES`; NO_BLOCK; or CROSSING for every event of a cluster that has events
            in more than one block.
        """
        time = catalogue.time
        block = np.full(catalogue.size, NO_BLOCK, dtype=np.int64)
        inside = np.zeros(catalogue.size, dtype=np.bool_)
        if self.region is not None:
            inside = self.region.contains(catalogue.latitude, catalogue.longitude)
        for place, name in enumerate(NAMES):
            begin, until = self.spans[name]
            reached = (time > begin) & (time - lead <= until)
            if self.region is not None:
                reached &= inside if place == TEST else ~inside
            block[reached] = place
        return _drop_crossing(block, clusters.cluster)


def make_blocks(
    rule: DatasetSplits,
    start: TimeArray,
    end: TimeArray,
    usable: tuple[np.datetime64, np.datetime64],
    catalogue: Catalogue,
) -> Blocks:
    """Cut the time that half-orbits and catalogue have in common.

    Parameters
    ----------
    rule : DatasetSplits
    start, end : ndarray of datetime64[ms], shape (n,)
        Of the half-orbits.
    usable : tuple of datetime64
        Within which labels are certain.
    catalogue : Catalogue
        Of the largest event in the region, whose R is the buffer where the rule has none.

    Raises
    ------
    TrainError
        The time is too short.
    """
    first, last = max(start.min(), usable[0]), min(end.max(), usable[1])
    if rule.kind == "time":
        return Blocks(_time_blocks(first, last, rule), rule.embargo_days)
    region = REGIONS[rule.region]
    buffer = rule.buffer_km
    if buffer is None:
        held = region.contains(catalogue.latitude, catalogue.longitude)
        held &= (catalogue.time >= first) & (catalogue.time <= last)
        if not held.any():
            raise TrainError(f"region {rule.region}: no event of the catalogue lies in it")
        buffer = float(radius_km(catalogue.magnitude[held]).max())
    # Two blocks of time: the span behind the test block of zero length is not used.
    whole = rule.shares[0] + rule.shares[1]
    days = float((last - first) / np.timedelta64(1, "ms")) / 86_400_000.0
    share = rule.shares[0] / whole
    least = (days - rule.embargo_days) * min(share, 1.0 - share)
    if least < rule.least_block_days:
        needed = rule.least_block_days / min(share, 1.0 - share) + rule.embargo_days
        raise TrainError(
            f"{max(days, 0.0):.1f} days of half-orbits with certain labels are too few for two "
            f"blocks; at least {needed:.1f} days are needed"
        )
    border = first + _days((days - rule.embargo_days) * share)
    spans = {
        "train": (first, border),
        "validation": (border + _days(rule.embargo_days), last),
        "test": (first, last),
    }
    return replace(Blocks(spans, rule.embargo_days), region=region, buffer_km=buffer)


def _time_blocks(
    first: np.datetime64, last: np.datetime64, rule: DatasetSplits
) -> dict[str, tuple[np.datetime64, np.datetime64]]:
    """Three blocks one after another, the embargo between them."""
    span = float((last - first) / np.timedelta64(1, "ms")) / 86_400_000.0
    usable = span - 2.0 * rule.embargo_days
    if usable * min(rule.shares) < rule.least_block_days:
        needed = rule.least_block_days / min(rule.shares) + 2.0 * rule.embargo_days
        raise TrainError(
            f"{max(span, 0.0):.1f} days of half-orbits with certain labels are too few for three "
            f"blocks; at least {needed:.1f} days are needed"
        )
    blocks = {}
    start = first
    for name, share in zip(NAMES, rule.shares, strict=True):
        end = start + _days(usable * share)
        blocks[name] = (start, end)
        start = end + _days(rule.embargo_days)
    return blocks


def crossing_clusters(block: IntArray, clusters: Clusters) -> int:
    """How many clusters have events in more than one block."""
    return int(np.unique(clusters.cluster[block == CROSSING]).size)


def _drop_crossing(block: IntArray, cluster: IntArray) -> IntArray:
    number = int(cluster.max()) + 1 if cluster.size else 0
    held: BoolArray = np.zeros((number, len(NAMES)), dtype=np.bool_)
    some = block >= 0
    held[cluster[some], block[some]] = True
    crossing = held.sum(axis=1) > 1
    return np.where(crossing[cluster], CROSSING, block)


def _days(days: float) -> np.timedelta64:
    return np.timedelta64(round(days * 86_400_000.0), "ms")
