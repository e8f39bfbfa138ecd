"""Controls: clear windows that are like a positive in all that is not the ionosphere.

Controls drawn at random differ from positives in place and season, and so does what they were
measured with; a model then learns the map, the calendar or the instrument's mode. Here each
positive is paired with clear windows of the same place, local time, season, Kp class, mode,
samples a cell and validity mask, from its own block.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray
from edge.observables import MissionName
from trainer.datasets.candidates import column
from trainer.datasets.labels import NEGATIVE, POSITIVE
from trainer.datasets.recipe import ControlRule

#: CSES passes over a track again after 76 orbits.
REVISIT_DAYS = 5.0

_DAY_MS = 86_400_000
_YEAR_DAYS = 365.2425
# So many unmatched positives are asked what stood in the way, and so many candidates each.
_MOST_ASKED = 400
_MOST_CANDIDATES = 20_000
_FIRST_NEIGHBOURS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Pairs of a positive and its controls.

    Attributes
    ----------
    row : ndarray of int64, shape (k,)
        Places of the matched windows among the candidates, increasing.
    pair : ndarray of int64, shape (k,)
        Number of the pair of each of them, from 0 in the order of the positives.
    unmatched : ndarray of int64, shape (u,)
        Places of the positives without enough controls.
    obstacles : dict of str to int
        For unmatched positives, which criteria the candidates nearest to a match fail; "taken"
        where all that match serve another positive. Of `asked` of them, drawn at random.
    asked : int
    """

    row: IntArray
    pair: IntArray
    unmatched: IntArray
    obstacles: dict[str, int] = field(default_factory=dict)
    asked: int = 0


def match_controls(
    rows: npt.NDArray[np.void], rule: ControlRule, mission: MissionName, seed: int
) -> Matches:
    """Pair positives with controls.

    Parameters
    ----------
    rows : ndarray of CANDIDATE, shape (n,)
    rule : ControlRule
        `per_positive` controls for each, or none at all.
    mission : {"cses", "demeter"}
        `rule.same_track` is for CSES alone.
    seed : int
        Of the order in which positives choose: each takes the nearest that are left.

    Notes
    -----
    A control is of another half-orbit than any positive, and serves one positive. The distance of
    two windows is the largest of their differences, each over its tolerance; above 1 they do not
    match.
    """
    label, orbit = column(rows, "label"), column(rows, "half_orbit")
    positive = np.flatnonzero(label == POSITIVE)
    clear = np.flatnonzero((label == NEGATIVE) & ~np.isin(orbit, orbit[positive]))
    space = _Space(rows, rule, mission)
    taken = np.zeros(rows.size, dtype=np.bool_)
    order = np.random.default_rng([seed, 3]).permutation(positive)
    chosen: dict[int, list[int]] = {}
    group = space.group
    members = _by_group(clear, group)
    for key, wanting in _by_group(order, group).items():
        if key in members:
            _serve(space, wanting, members[key], rule.per_positive, taken, chosen)
    matched = np.array(sorted(chosen), dtype=np.int64)
    pairs = np.arange(matched.size)
    controls = np.array([c for p in matched for c in chosen[int(p)]], dtype=np.int64)
    row = np.concatenate([matched, controls])
    pair = np.concatenate([pairs, np.repeat(pairs, rule.per_positive)])
    place = np.argsort(row, kind="stable")
    unmatched = np.setdiff1d(positive, matched)
    rng = np.random.default_rng([seed, 4])
    asked = np.sort(rng.permutation(unmatched)[:_MOST_ASKED])
    obstacles = space.obstacles(asked, clear, rng)
    return Matches(row[place], pair[place], unmatched, obstacles, int(asked.size))


def kp_class(kp: FloatArray, edges: tuple[float, ...]) -> IntArray:
    """Class of Kp, shape (n,): values up to and with the first edge are 0; unknown is -1."""
    result = np.searchsorted(np.array(edges), kp, side="left").astype(np.int64)
    result[np.isnan(kp)] = -1
    return result


class _Space:
    """Candidates as points whose largest coordinate difference is at most 1 where they match."""

    def __init__(self, rows: npt.NDArray[np.void], rule: ControlRule, mission: MissionName) -> None:
        time = column(rows, "time")
        day = time / _DAY_MS
        # Name, value, tolerance, period (0: none).
        axes: list[tuple[str, FloatArray, float, float]] = [
            ("latitude", column(rows, "latitude"), rule.latitude_deg, 0.0),
            ("longitude", column(rows, "longitude"), rule.longitude_deg, 360.0),
            ("season", day % _YEAR_DAYS, rule.season_days, _YEAR_DAYS),
            ("local time", column(rows, "local_time"), rule.local_time_h, 24.0),
            ("samples a cell", column(rows, "samples"), rule.samples, 0.0),
        ]
        if rule.same_track and mission == "cses":
            # Whole multiples of 5 days apart: at the same place of the cycle. No other
            # half-orbit than the same one is less than an orbit away, so none is 0 of them.
            minutes = rule.same_track_minutes / 1440.0
            axes.append(("track", day % REVISIT_DAYS, minutes, REVISIT_DAYS))
        self.names = [name for name, *_ in axes]
        self.period = np.array([period / width for _, _, width, period in axes])
        self.points = np.stack([value / width for _, value, width, _ in axes], axis=1)
        for i, period in enumerate(self.period):
            if period:
                self.points[:, i] %= period
                # The remainder of a tiny negative number rounds up to the period.
                self.points[self.points[:, i] >= period, i] = 0.0
        classes: list[tuple[str, AnyArray]] = [
            ("block", column(rows, "block")),
            ("Kp", kp_class(column(rows, "kp"), rule.kp_edges)),
        ]
        if rule.mode:
            classes.append(("mode", column(rows, "mode")))
        if rule.mask != "none":
            which = "key" if rule.mask == "exact" else "mask"
            classes.append(("mask", column(rows, which)))
        self.class_names = [name for name, _ in classes]
        self.classes = np.stack(
            [np.unique(values, return_inverse=True)[1].reshape(-1) for _, values in classes],
            axis=1,
        )
        self.group: IntArray = np.zeros(0, dtype=np.int64)
        if rows.size:
            self.group = np.unique(self.classes, axis=0, return_inverse=True)[1].reshape(-1)

    def obstacles(
        self, asked: IntArray, clear: IntArray, rng: np.random.Generator
    ) -> dict[str, int]:
        """Count which criteria keep the candidates nearest to a match from it."""
        names = [*self.class_names, *self.names]
        total = dict.fromkeys(names, 0)
        total["taken"] = 0
        if not clear.size:
            return {"no candidate": int(asked.size)} if asked.size else {}
        if clear.size > _MOST_CANDIDATES:
            clear = np.sort(rng.choice(clear, _MOST_CANDIDATES, replace=False))
        for one in asked:
            wrong = self.classes[clear] != self.classes[one]
            gap = np.abs(self.points[clear] - self.points[one])
            gap = np.where(self.period > 0.0, np.minimum(gap, self.period - gap), gap)
            fails: BoolArray = np.concatenate([wrong, gap > 1.0], axis=1)
            number = fails.sum(axis=1)
            # Other blocks are never near a match, whatever else agrees.
            number[wrong[:, 0]] += len(names)
            best = fails[number == number.min()]
            if number.min() == 0:
                total["taken"] += 1
                continue
            for name, failed in zip(names, best.any(axis=0), strict=True):
                total[name] += int(failed)
        return {k: v for k, v in sorted(total.items(), key=lambda kv: (-kv[1], kv[0])) if v}


def _serve(
    space: _Space,
    wanting: IntArray,
    members: IntArray,
    needed: int,
    taken: BoolArray,
    chosen: dict[int, list[int]],
) -> None:
    """Let positives of one group choose, one after another."""
    # An axis whose period is 0 goes on for ever.
    tree = cKDTree(space.points[members], boxsize=space.period)
    points = space.points[wanting]
    known = min(max(_FIRST_NEIGHBOURS, needed), members.size)
    near = _nearest(tree, points, known)
    for i, one in enumerate(wanting):
        found, asked = near[i], known
        while True:
            free = [int(members[j]) for j in found if not taken[members[j]]][:needed]
            # A full answer may hide more behind it.
            if len(free) == needed or found.size < asked or asked == members.size:
                break
            asked = min(4 * asked, members.size)
            found = _nearest(tree, points[i : i + 1], asked)[0]
        if len(free) == needed:
            taken[free] = True
            chosen[int(one)] = free


def _nearest(tree: cKDTree, points: FloatArray, k: int) -> list[IntArray]:
    """Members within the tolerances of each point, the nearest first, at most k."""
    # The bound itself is left out, and a difference of exactly one tolerance is a match.
    bound = float(np.nextafter(1.0, 2.0))
    distance, place = tree.query(
        points, k=np.arange(1, k + 1), p=np.inf, distance_upper_bound=bound
    )
    return [p[np.isfinite(d)] for d, p in zip(distance, place, strict=True)]


def _by_group(places: IntArray, group: IntArray) -> dict[int, IntArray]:
    """Places of each group, in the order in which they come."""
    if not places.size:
        return {}
    order = np.argsort(group[places], kind="stable")
    found = group[places][order]
    starts = np.flatnonzero(np.r_[True, np.diff(found) != 0])
    parts = np.split(places[order], starts[1:])
    return {int(found[s]): part for s, part in zip(starts, parts, strict=True)}
