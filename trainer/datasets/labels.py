"""Labels of windows as the experiment defines them: before mainshocks, or clear of any event."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray, TimeArray, wrap_longitude
from edge.geodesy import EARTH_RADIUS_KM
from trainer.common.errors import CatalogueError
from trainer.common.sphere import arc_km, unit_vectors
from trainer.datasets.recipe import DatasetRecipe, EventCuts, SampleLabels
from trainer.inputs.catalogue import Catalogue, read_catalogue
from trainer.inputs.declustering import Clusters

#: Labels of windows.
POSITIVE, NEGATIVE, EXCLUDED = 1, 0, -1

#: Why a window is neither positive nor negative; the order is that of `PassLabels.reason`.
REASONS = (
    "",
    "no position, or beyond the catalogue",
    "near an event in place and time",
    "the next event is no mainshock",
    "a cluster crosses the blocks",
    "near an event of another block",
    "outside the region",
)
(_NONE, _HORIZON, _NEAR, _NO_MAINSHOCK, _CROSSES, _OTHER, _OUTSIDE) = range(len(REASONS))

#: Block of an event whose cluster reaches into several; no window of it is used.
CROSSING = -2
#: Block of an event that gives no positive window in any.
NO_BLOCK = -1

#: Ground track of one row in km: 3 s at the 7.0 km/s of both missions' foot points.
ROW_KM = 21.0
_MS_PER_HOUR = 3_600_000.0


@dataclass(frozen=True, slots=True, eq=False)
class PassLabels:
    """Labels of the windows of one half-orbit.

    Attributes
    ----------
    label : ndarray of int8, shape (n,)
        POSITIVE, NEGATIVE or EXCLUDED.
    reason : ndarray of int8, shape (n,)
        Place in `REASONS` for excluded windows, else 0.
    event : ndarray of int64, shape (n,)
        Place in the catalogue of a positive's mainshock, else -1.
    lead_hours, distance_km : ndarray, shape (n,)
        From a positive's middle row to that event, its true epicentre; else NaN.
    """

    label: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int8]
    event: IntArray
    lead_hours: FloatArray
    distance_km: FloatArray


class SampleLabeller:
    """Labels the windows of half-orbits by a declustered catalogue.

    Parameters
    ----------
    catalogue : Catalogue
        Undeclustered.
    clusters : Clusters
        Of its events.
    rule : SampleLabels
    eligible : ndarray of bool, shape (n,), optional
        Which events may give positives; all by default.

    Notes
    -----
    With t the time from the middle row to an event and T0, T1 the lead times:

    - positive: of the events with T0 < t <= T1 in whose area the window lies, the first to come
      is a mainshock, and eligible, and the window is as clear as a negative of all others but
      those of that cluster that are to come;
    - excluded, if that event is none, or the window not clear;
    - negative: for no event at all does the middle row lie within R of it, or in its area, with
      -before <= t <= T1 + after;
    - excluded otherwise, and where the catalogue does not reach from `before` before the window to
      T1 + `after` after it.

    R = 10^(0.43 M) km, Dobrovolsky et al., Pure Appl. Geophys. 117, 1025 (1979).
    """

    def __init__(
        self,
        catalogue: Catalogue,
        clusters: Clusters,
        rule: SampleLabels,
        eligible: BoolArray | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.clusters = clusters
        self.rule = rule
        #: Which events may give positives, shape (n,).
        self.target: BoolArray = (
            clusters.mainshock if eligible is None else (clusters.mainshock & eligible)
        )
        #: Block of each event, shape (n,): `NO_BLOCK`, `CROSSING`, or a place in splits.NAMES.
        self.block: IntArray | None = None
        self._unit = unit_vectors(catalogue.latitude, catalogue.longitude)
        moved = catalogue.longitude + rule.shift_deg
        self._moved = unit_vectors(catalogue.latitude, moved)
        self._moved_longitude = moved
        self._cosine = np.cos(np.minimum(radius_km(catalogue.magnitude) / EARTH_RADIUS_KM, np.pi))
        self._from, self._to = (_span(hours) for hours in rule.lead_hours)
        self._before = _span(24.0 * rule.clear_before_days)
        self._horizon = self._to + _span(24.0 * rule.clear_after_days)

    @property
    def usable(self) -> tuple[np.datetime64, np.datetime64]:
        """First and last time of which the catalogue says everything a label needs.

        The catalogue is taken to begin and end with its first and last event.
        """
        time = self.catalogue.time
        return time[0] + self._before, time[-1] - self._horizon

    @property
    def lead(self) -> np.timedelta64:
        """Longest time from a positive window to its event."""
        return self._to

    def label(
        self,
        time: TimeArray,
        latitude: FloatArray,
        longitude: FloatArray,
        first: IntArray,
        length: int,
        block: int = NO_BLOCK,
        inside: BoolArray | None = None,
    ) -> PassLabels:
        """Label the windows of one half-orbit.

        Parameters
        ----------
        time : ndarray of datetime64[ms], shape (N,)
            UTC of the rows.
        latitude, longitude : ndarray, shape (N,)
            Degrees.
        first : ndarray of int64, shape (n,)
            First row of each window.
        length : int
            Rows in a window, L; the middle row is ``first + L // 2``.
        block : int, optional
            Of the half-orbit, where `self.block` says those of the events.
        inside : ndarray of bool, shape (n,), optional
            False for windows outside the region that their block is.
        """
        n = first.size
        middle = first + length // 2
        label = np.full(n, NEGATIVE, dtype=np.int8)
        reason = np.zeros(n, dtype=np.int8)
        event = np.full(n, -1, dtype=np.int64)
        if n:
            self._near_events(time, latitude, longitude, first, length, block, label, reason, event)
        when, lat, lon = time[middle], latitude[middle], longitude[middle]
        begin, end = self.usable
        beyond = (when < begin) | (when > end) | ~np.isfinite(lat + lon)
        outside = np.zeros(n, dtype=np.bool_) if inside is None else ~inside
        for which, why in ((outside, _OUTSIDE), (beyond, _HORIZON)):
            label[which], reason[which], event[which] = EXCLUDED, why, -1
        positive = np.flatnonzero(event >= 0)
        lead, distance = np.full(n, np.nan), np.full(n, np.nan)
        which_event = event[positive]
        lead[positive] = _hours(self.catalogue.time[which_event] - when[positive])
        chord = unit_vectors(lat[positive], lon[positive]) - self._unit[which_event]
        distance[positive] = arc_km(np.sqrt((chord**2).sum(axis=1)))
        return PassLabels(label, reason, event, lead, distance)

    def _near_events(
        self,
        time: TimeArray,
        latitude: FloatArray,
        longitude: FloatArray,
        first: IntArray,
        length: int,
        block: int,
        label: AnyArray,
        reason: AnyArray,
        event: IntArray,
    ) -> None:
        middle = first + length // 2
        when = time[middle]
        quake = self.catalogue.time
        low = int(np.searchsorted(quake, when.min() - self._before, "left"))
        high = int(np.searchsorted(quake, when.max() + self._horizon, "right"))
        if low == high:
            return
        some = slice(low, high)
        with np.errstate(invalid="ignore"):
            points = unit_vectors(latitude[middle], longitude[middle])
            circle = points @ self._unit[some].T >= self._cosine[some]
            rows = slice(int(first[0]), int(first[-1]) + length)
            area = self._area(latitude[rows], longitude[rows], some)
        offset = first - first[0]
        central = area[offset + length // 2]
        if self.rule.placement == "contained":
            total = np.zeros((area.shape[0] + 1, area.shape[1]), dtype=np.int64)
            np.cumsum(area, axis=0, out=total[1:])
            held = total[offset + length] - total[offset] == length
        else:
            held = central
        ahead = quake[some][None, :] - when[:, None]
        touched = (circle | central) & (ahead >= -self._before) & (ahead <= self._horizon)
        leading = held & (ahead > self._from) & (ahead <= self._to)
        near = touched.any(axis=1)
        label[near], reason[near] = EXCLUDED, _NEAR
        # Events are in the order of time: the first to come is the first that qualifies.
        found = np.flatnonzero(leading.any(axis=1))
        following = low + leading[found].argmax(axis=1)
        shock = self.target[following]
        reason[found[~shock]] = _NO_MAINSHOCK
        # As clear as a control, but of the cluster that is to come: or what went before would tell.
        cluster = self.clusters.cluster
        own = (cluster[some] == cluster[following][:, None]) & (ahead[found] > np.timedelta64(0))
        shock &= ~(touched[found] & ~own).any(axis=1)
        label[found[shock]], reason[found[shock]] = POSITIVE, _NONE
        event[found[shock]] = following[shock]
        if self.block is None:
            return
        blocks = self.block[some]
        strange = (touched & (blocks >= 0) & (blocks != block)).any(axis=1)
        # The circle of a positive's own event may lie in no block, or in another one.
        home = np.full(event.size, block, dtype=np.int64)
        home[event >= 0] = self.block[event[event >= 0]]
        for which, why in ((home == CROSSING, _CROSSES), (strange | (home != block), _OTHER)):
            which &= label != EXCLUDED
            label[which], reason[which], event[which] = EXCLUDED, why, -1

    def _area(self, latitude: FloatArray, longitude: FloatArray, some: slice) -> BoolArray:
        """Whether rows lie in the area of events, shape (N, K)."""
        if self.rule.area == "dobrovolsky":
            points = unit_vectors(latitude, longitude)
            circle: BoolArray = points @ self._moved[some].T >= self._cosine[some]
            return circle
        width = self.rule.half_width_deg
        north = latitude[:, None] - self.catalogue.latitude[some]
        east = wrap_longitude(longitude[:, None] - self._moved_longitude[some])
        square: BoolArray = (np.abs(north) <= width) & (np.abs(east) <= width)
        return square


def radius_km(magnitude: FloatArray) -> FloatArray:
    """Dobrovolsky radius of each event, shape (n,), km."""
    result: FloatArray = 10.0 ** (0.43 * np.ascontiguousarray(magnitude))
    return result


def events_lost(
    catalogue: Catalogue, clusters: Clusters, window_km: float, counted: BoolArray | None = None
) -> int:
    """How many mainshocks have circles too small to contain a window.

    Parameters
    ----------
    catalogue : Catalogue
    clusters : Clusters
    window_km : float
        Ground track from the first to the last row of a window.
    counted : ndarray of bool, shape (n,), optional
        Which events count; all by default.
    """
    small = 2.0 * radius_km(catalogue.magnitude) < window_km
    small &= clusters.mainshock
    return int((small if counted is None else small & counted).sum())


def _span(hours: float) -> np.timedelta64:
    return np.timedelta64(round(hours * _MS_PER_HOUR), "ms")


def _hours(span: AnyArray) -> FloatArray:
    result: FloatArray = span.astype("timedelta64[ms]").astype(np.int64) / _MS_PER_HOUR
    return result


#: Controls are clear of events of this magnitude and more.
CLEARING_MAGNITUDE = 5.0


def clearing_magnitude(rule: EventCuts) -> float:
    """Least magnitude of the events that controls are clear of."""
    return min(CLEARING_MAGNITUDE, rule.least_magnitude)


def has_cuts(rule: EventCuts) -> bool:
    """Whether controls are clear of events that can give no positive."""
    return (
        rule.least_magnitude > CLEARING_MAGNITUDE or rule.first is not None or rule.last is not None
    )


def read_events(path: Path, recipe: DatasetRecipe, strict: bool = False) -> Catalogue:
    """Read the events that a dataset is declustered with and cleared of.

    Parameters
    ----------
    path : Path
    recipe : DatasetRecipe
    strict : bool, optional
        Refuse a file with a row that cannot be used.

    Returns
    -------
    Catalogue
        Of all time, M >= 5 or the recipe's least magnitude where that is smaller, within its
        depth; `within_cuts` tells which may give positives.

    Raises
    ------
    CatalogueError
        As `trainer.inputs.catalogue.read_catalogue`, or no event is within the cuts.
    """
    rule = recipe.events
    found = read_catalogue(path, clearing_magnitude(rule), rule.largest_depth_km, strict=strict)
    if not within_cuts(found, rule).any():
        first, last = cut_span(rule)
        raise CatalogueError(
            path,
            f"none of {found.size} events has M >= {rule.least_magnitude:g} from "
            f"{first or 'the first'} to {last or 'the last'}",
        )
    return found


def within_cuts(catalogue: Catalogue, rule: EventCuts) -> BoolArray:
    """Mark the events that may give positives, if they are mainshocks.

    Parameters
    ----------
    catalogue : Catalogue
        n events; of a placebo the moved ones.
    rule : EventCuts

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    found: BoolArray = catalogue.magnitude >= rule.least_magnitude
    first, last = cut_span(rule)
    if first is not None:
        found &= catalogue.time >= first
    if last is not None:
        found &= catalogue.time <= last
    return found


def cut_span(rule: EventCuts) -> tuple[np.datetime64 | None, np.datetime64 | None]:
    """First and last instant of the days that a recipe asks for, in ms; the last day is within."""
    first = None if rule.first is None else np.datetime64(rule.first, "ms")
    last = None if rule.last is None else np.datetime64(rule.last, "ms") + np.timedelta64(1, "D")
    return first, last
