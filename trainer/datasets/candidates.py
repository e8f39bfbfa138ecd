"""Where the windows of a half-orbit begin, and which of their values are valid, in short."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray, BoolArray, Features, FloatArray, IntArray
from edge.climatology import Climatology
from edge.geodesy import dipole_latitude, local_time
from edge.observables import MissionName, Profile
from edge.windows import window_starts
from trainer.archives.archive import NightPass
from trainer.common.clear_windows import ClearMoments, ClearWindows
from trainer.datasets.labels import EXCLUDED, NEGATIVE, POSITIVE, REASONS, SampleLabeller
from trainer.datasets.recipe import DatasetRecipe
from trainer.datasets.splits import NAMES, TRAIN, Blocks
from trainer.inputs.indices import Indices

#: Classes of the valid rows of one observable: none, up to a third of the partial counts, up to
#: two thirds, the rest, all.
MASK_CLASSES = 5
# Neighbouring windows share 19 of 20 rows.
_CLEAR_STRIDE = 5


def mask_classes(valid: BoolArray, first: IntArray, length: int) -> tuple[IntArray, IntArray]:
    """Sum up which rows of each observable are valid in each window.

    Parameters
    ----------
    valid : ndarray of bool, shape (N, F)
    first : ndarray of int64, shape (n,)
        First row of each window.
    length : int
        L.

    Returns
    -------
    count : ndarray of int64, shape (n, F)
        Valid rows.
    packed : ndarray of int64, shape (n,)
        The class of each observable, as a number in base `MASK_CLASSES`, the first one lowest.
    """
    total = np.zeros((valid.shape[0] + 1, valid.shape[1]), dtype=np.int64)
    np.cumsum(valid, axis=0, out=total[1:])
    count = total[first + length] - total[first]
    classes = np.where(
        count == 0,
        0,
        np.where(count == length, MASK_CLASSES - 1, 1 + (3 * (count - 1)) // max(length - 1, 1)),
    )
    return count, classes @ (MASK_CLASSES ** np.arange(valid.shape[1], dtype=np.int64))


def mask_text(packed: IntArray, observables: int) -> list[str]:
    """Spell masks, one digit an observable: 0 none valid, 4 all, 1 to 3 some."""
    return [
        "".join(str((int(p) // MASK_CLASSES**i) % MASK_CLASSES) for i in range(observables))
        for p in packed
    ]


#: What is known of a candidate. Places in the archive and in the catalogue are numbers from 0.
CANDIDATE = np.dtype(
    [
        ("half_orbit", np.int32),
        ("first_cell", np.int64),
        ("time", np.int64),
        ("latitude", np.float64),
        ("longitude", np.float64),
        ("dipole_latitude", np.float64),
        ("local_time", np.float64),
        ("kp", np.float64),
        ("samples", np.float64),
        ("coverage", np.float64),
        ("mask", np.int64),
        ("key", np.uint64),
        ("mode", np.int8),
        ("block", np.int8),
        ("label", np.int8),
        ("event", np.int64),
        ("lead_hours", np.float64),
        ("distance_km", np.float64),
    ]
)

#: Modes of the instruments over a window.
MODES = ("survey", "burst", "mixed")


@dataclass(slots=True, kw_only=True)
class Scan:
    """What a walk through the half-orbits found.

    Attributes
    ----------
    candidates : ndarray of CANDIDATE, shape (n,)
        Drawn positives, and the clear windows that may become controls; in the order of time.
    windows, positive, negative, excluded : ndarray of int64, shape (H,)
        Of each half-orbit: windows that cover enough, and their labels.
    dropped : dict of str to int
        Windows left out, by reason.
    events : set of int
        That have a positive window, drawn or not.
    clear : ClearWindows
        Of every few negative windows of the training block.
    """

    candidates: npt.NDArray[np.void]
    windows: IntArray
    positive: IntArray
    negative: IntArray
    excluded: IntArray
    dropped: dict[str, int] = field(default_factory=dict)
    events: set[int] = field(default_factory=set)
    clear: ClearWindows


class Scanner:
    """Walks through half-orbits and gathers candidates.

    Parameters
    ----------
    recipe : DatasetRecipe
    profile : Profile
    mission : {"cses", "demeter"}
    climatology : Climatology
        Where it knows nothing, a value counts as masked, as at the edge.
    labeller : SampleLabeller
        With the events' blocks.
    indices : Indices or None
    blocks : Blocks
    """

    def __init__(
        self,
        recipe: DatasetRecipe,
        profile: Profile,
        mission: MissionName,
        climatology: Climatology,
        labeller: SampleLabeller,
        indices: Indices | None,
        blocks: Blocks,
    ) -> None:
        self.recipe = recipe
        self.profile = profile
        self.mission = mission
        self.climatology = climatology
        self.labeller = labeller
        self.indices = indices
        self.blocks = blocks
        rng = np.random.default_rng([recipe.seed, 1])
        bits = (recipe.windows.length, len(profile.observables))
        # One random word a bit of the mask: equal sums mean equal masks but for one in 2^64.
        self._words = rng.integers(0, 2**64, bits, dtype=np.uint64)

    def scan(self, passes: Iterable[NightPass], state: npt.NDArray[np.int8]) -> Scan:
        """Gather candidates from all half-orbits.

        Parameters
        ----------
        passes : iterable of NightPass
            In the order of time; one is held at a time.
        state : ndarray of int8, shape (H,)
            Block of each, a place in `trainer.datasets.splits.STATES`.
        """
        counts = np.zeros((4, state.size), dtype=np.int64)
        dropped = dict.fromkeys(REASONS[1:], 0)
        dropped |= {"under the minimum coverage": 0, "Kp too high": 0, "Kp unknown": 0}
        found, events = [], set()
        moments = ClearMoments(self.recipe.windows.length, len(self.profile.observables))
        for place, item in enumerate(passes):
            if state[place] >= len(NAMES):
                continue
            rows, reason, sparse = self.windows(item, place, int(state[place]))
            dropped["under the minimum coverage"] += sparse
            label = rows["label"]
            counts[:, place] = (
                rows.size,
                (label == POSITIVE).sum(),
                (label == NEGATIVE).sum(),
                (label == EXCLUDED).sum(),
            )
            for number, why in enumerate(REASONS[1:], start=1):
                dropped[why] += int((reason == number).sum())
            rows = rows[label != EXCLUDED]
            events |= set(rows["event"][rows["label"] == POSITIVE].tolist())
            rows = self._quiet(rows, dropped)
            if state[place] == TRAIN:
                clear = rows["first_cell"][rows["label"] == NEGATIVE]
                residual, value, valid = self.cut(item, clear[::_CLEAR_STRIDE])
                moments.add(value if self.recipe.background.raw else residual, valid)
            found.append(self._draw(rows, item.key))
        joined = np.concatenate(found) if found else np.zeros(0, CANDIDATE)
        windows, positives, negatives, excluded = counts
        return Scan(
            candidates=joined,
            windows=windows,
            positive=positives,
            negative=negatives,
            excluded=excluded,
            dropped=dropped,
            events=events,
            clear=moments.result(),
        )

    def cut(
        self, item: NightPass, first_cell: IntArray
    ) -> tuple[Features, Features, npt.NDArray[np.bool_]]:
        """Cut windows out of a half-orbit.

        Parameters
        ----------
        item : NightPass
        first_cell : ndarray of int64, shape (n,)
            Of each window.

        Returns
        -------
        residual, value : ndarray of float32, shape (n, L, F)
            Residuals as the edge computes them, and values before the climatology; 0 where masked.
        valid : ndarray of bool, shape (n, L, F)
        """
        rows = self.features(item)
        columns = len(self.profile.observables)
        length = self.recipe.windows.length
        which = (first_cell - item.grid.cell[0])[:, None] + np.arange(length)
        valid = rows[:, columns:] > 0.5
        value = np.where(valid, item.grid.values, 0.0).astype(np.float32)
        return rows[which, :columns], value[which], valid[which]

    def features(self, item: NightPass) -> Features:
        """Rows as a model sees them.

        Parameters
        ----------
        item : NightPass
            N rows.

        Returns
        -------
        ndarray of float32, shape (N, 2 F)
        """
        clip = self.recipe.windows.clip
        return self.climatology.features(item.grid, self.profile, self.mission, clip)

    def windows(
        self, item: NightPass, place: int, block: int
    ) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int8], int]:
        """Describe and label every window that covers enough.

        Parameters
        ----------
        item : NightPass
        place : int
            Of the half-orbit in the archive.
        block : int
            Place in `trainer.datasets.splits.NAMES`.

        Returns
        -------
        windows : ndarray of CANDIDATE, shape (n,)
        reason : ndarray of int8, shape (n,)
            Place in `trainer.datasets.labels.REASONS` for excluded windows, else 0.
        sparse : int
            Windows that were left out, since they cover too little.
        """
        grid, rule = item.grid, self.recipe.windows
        valid = self.features(item)[:, len(self.profile.observables) :] > 0.5
        first = window_starts(item.night, rule.length)
        count, packed = mask_classes(valid, first, rule.length)
        total = count.sum(axis=1)
        coverage = total / (rule.length * sum(self.profile.available(self.mission)))
        enough = (coverage >= rule.minimum_coverage) & (total > 0)
        first = first[enough]
        middle = first + rule.length // 2
        time, latitude, longitude = grid.time, grid.latitude, grid.longitude
        inside = None
        if self.blocks.region is not None and NAMES[block] == "test":
            inside = self.blocks.region.contains(latitude[middle], longitude[middle])
        labels = self.labeller.label(time, latitude, longitude, first, rule.length, block, inside)
        out = np.zeros(first.size, dtype=CANDIDATE)
        out["half_orbit"], out["block"] = place, block
        out["first_cell"] = grid.cell[first]
        out["time"] = time[middle].astype(np.int64)
        out["latitude"], out["longitude"] = latitude[middle], longitude[middle]
        out["dipole_latitude"] = dipole_latitude(time, latitude, longitude)[middle]
        out["local_time"] = local_time(time, longitude)[middle]
        out["kp"] = np.nan if self.indices is None else self.indices.kp_at(time[middle])
        out["samples"] = _means(item.samples.astype(np.float64), first, rule.length)
        out["coverage"] = coverage[enough]
        out["mask"] = packed[enough]
        if self.recipe.controls.mask == "exact":
            out["key"] = self._exact(valid, first)
        share = _means(item.burst.astype(np.float64), first, rule.length)
        out["mode"] = np.where(share <= 0.0, 0, np.where(share >= 1.0, 1, 2))
        for name in ("label", "event", "lead_hours", "distance_km"):
            out[name] = getattr(labels, name)
        return out, labels.reason, int((~enough).sum())

    def _exact(self, valid: BoolArray, first: IntArray) -> npt.NDArray[np.uint64]:
        key = np.zeros(first.size, dtype=np.uint64)
        for row in range(self.recipe.windows.length):
            # Adding 64-bit words wraps round, which is what is wanted.
            key += (valid[first + row] * self._words[row]).sum(axis=1, dtype=np.uint64)
        return key

    def _quiet(self, rows: npt.NDArray[np.void], dropped: dict[str, int]) -> npt.NDArray[np.void]:
        rule = self.recipe.controls
        unknown = np.isnan(rows["kp"])
        loud = ~unknown & (rows["kp"] > rule.quiet_kp)
        dropped["Kp too high"] += int(loud.sum())
        kept = ~loud
        if rule.unknown_kp == "drop":
            dropped["Kp unknown"] += int(unknown.sum())
            kept &= ~unknown
        result: npt.NDArray[np.void] = rows[kept]
        return result

    def _draw(self, rows: npt.NDArray[np.void], key: str) -> npt.NDArray[np.void]:
        """Keep a few positives of each event, and every so many clear windows."""
        # The half-orbit has a stream of its own: what else is in the archive changes nothing.
        rng = np.random.default_rng([self.recipe.seed, 2, zlib.crc32(key.encode())])
        order = rng.permutation(rows.size)
        positive = order[rows["label"][order] == POSITIVE]
        rank = _rank_in_group(rows["event"][positive][None, :])
        positive = positive[rank < self.recipe.windows.positives_per_pass]
        stride = self.recipe.controls.stride
        phase = int(rng.integers(stride))
        negative = (rows["label"] == NEGATIVE) & (rows["first_cell"] % stride == phase)
        result: npt.NDArray[np.void] = rows[
            np.sort(np.concatenate([positive, np.flatnonzero(negative)]))
        ]
        return result


def column(rows: npt.NDArray[np.void], name: str) -> AnyArray:
    """One column of candidates as an array of its own, shape (n,)."""
    return np.ascontiguousarray(rows[name])


def _means(values: FloatArray, first: IntArray, length: int) -> FloatArray:
    total = np.concatenate([[0.0], np.cumsum(values)])
    result: FloatArray = (total[first + length] - total[first]) / length
    return result


def _rank_in_group(group: AnyArray) -> npt.NDArray[np.int64]:
    """How many earlier columns are equal to each column of (k, n)."""
    if not group.shape[1]:
        return np.zeros(0, dtype=np.int64)
    _, inverse = np.unique(group, axis=1, return_inverse=True)
    inverse = inverse.ravel()
    order = np.argsort(inverse, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(inverse[order]) != 0])
    sizes = np.diff(np.r_[starts, order.size])
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size) - np.repeat(starts, sizes)
    return rank
