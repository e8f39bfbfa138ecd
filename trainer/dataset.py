"""From an archive to labelled windows, and the samples drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray, Features
from edge.climatology import Climatology
from edge.geodesy import dipole_latitude
from edge.observables import MissionName, Profile
from edge.windows import WindowStream, iterate_windows
from trainer.archive import NightPass
from trainer.labels import EXCLUDED, NEGATIVE, POSITIVE, Labeller
from trainer.recipe import Dropping, WindowRule

#: Width of the dipole-latitude bands in which negatives are matched to positives.
_BAND_DEG = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Every window of some half-orbits that covers enough, not yet cut out.

    Attributes
    ----------
    features : ndarray of float32, shape (M, C)
        Rows of all half-orbits, one after another.
    length : int
        Rows in a window, L.
    first : ndarray of int64, shape (n,)
        First row of each window in `features`.
    label : ndarray of int8, shape (n,)
        Of the middle row, L // 2.
    event : ndarray of int64, shape (n,)
        Place in the catalogue of a positive's event, else -1.
    half_orbit : ndarray of int64, shape (n,)
        Place in the archive.
    dipole : ndarray, shape (n,)
        Dipole latitude of the middle row in degrees.
    """

    features: Features
    length: int
    first: npt.NDArray[np.int64]
    label: npt.NDArray[np.int8]
    event: npt.NDArray[np.int64]
    half_orbit: npt.NDArray[np.int64]
    dipole: npt.NDArray[np.float64]

    @property
    def size(self) -> int:
        """Number of windows."""
        return int(self.first.size)

    def inputs(self, chosen: npt.NDArray[np.int64] | slice) -> Features:
        """Cut windows out.

        Parameters
        ----------
        chosen : ndarray of int64, shape (k,), or slice

        Returns
        -------
        ndarray of float32, shape (k, L, C)
        """
        return self.features[self.first[chosen, None] + np.arange(self.length)]


def make_windows(
    passes: Sequence[NightPass],
    places: npt.NDArray[np.int64],
    climatology: Climatology,
    profile: Profile,
    mission: MissionName,
    labeller: Labeller,
    rule: WindowRule,
) -> Windows:
    """Cut half-orbits into labelled windows, as the edge does.

    Parameters
    ----------
    passes : sequence of NightPass
        All of an archive.
    places : ndarray of int64
        Which of them are wanted.
    climatology : Climatology
    profile : Profile
    mission : {"cses", "demeter"}
    labeller : Labeller
    rule : WindowRule
        Length, clip and minimum coverage.

    Returns
    -------
    Windows
        Those at or above the minimum coverage, excluded labels too.
    """
    columns = 2 * len(profile.observables)
    possible = rule.length * sum(profile.available(mission))
    parts: list[tuple[AnyArray, ...]] = []
    features = []
    offset = 0
    for place in places:
        grid, night = passes[place].grid, passes[place].night
        rows = climatology.features(grid, profile, mission, rule.clip)
        label, event = labeller.label(grid.time, grid.latitude, grid.longitude)
        dipole = dipole_latitude(grid.time, grid.latitude, grid.longitude)
        stream = WindowStream(rule.length, columns)
        for inputs, last_cell in iterate_windows(stream, grid.cell, night, rows):
            valid = inputs[:, :, columns // 2 :].sum(axis=(1, 2), dtype=np.float64)
            enough = (valid / possible >= rule.minimum_coverage) & (valid > 0)
            first = (last_cell - grid.cell[0] - rule.length + 1)[enough]
            middle = first + rule.length // 2
            parts.append(
                (
                    first + offset,
                    label[middle],
                    event[middle],
                    np.full(first.size, place),
                    dipole[middle],
                )
            )
        features.append(rows)
        offset += rows.shape[0]
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        rows = np.zeros((0, columns), dtype=np.float32)
        return Windows(
            rows, rule.length, none, none.astype(np.int8), none, none, none.astype(np.float64)
        )
    joined = [np.concatenate(p) for p in zip(*parts, strict=True)]
    return Windows(np.concatenate(features), rule.length, *joined)


def draw_samples(
    windows: Windows, rule: WindowRule, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw a matched sample of positives and negatives.

    Parameters
    ----------
    windows : Windows
    rule : WindowRule
        At most ``positives_per_pass`` windows of one event in one half-orbit;
        ``negatives_per_positive`` as many negatives from each band of dipole latitude as it
        has positives, or all that the band has.
    rng : Generator

    Returns
    -------
    ndarray of int64, shape (k,)
        Places of the windows, increasing.
    """
    order = rng.permutation(windows.size)
    positive = order[windows.label[order] == POSITIVE]
    group = np.stack([windows.event[positive], windows.half_orbit[positive]])
    positive = positive[_rank_in_group(group) < rule.positives_per_pass]
    negative = order[windows.label[order] == NEGATIVE]
    band = np.floor(windows.dipole / _BAND_DEG).astype(np.int64)
    chosen = [positive]
    for key, count in zip(*np.unique(band[positive], return_counts=True), strict=True):
        wanted = round(float(count) * rule.negatives_per_positive)
        chosen.append(negative[band[negative] == key][:wanted])
    return np.sort(np.concatenate(chosen))


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


def counts(windows: Windows) -> tuple[int, int, int]:
    """Numbers of positive, negative and excluded windows."""
    return tuple(int((windows.label == k).sum()) for k in (POSITIVE, NEGATIVE, EXCLUDED))  # type: ignore[return-value]


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
