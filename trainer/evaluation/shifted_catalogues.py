"""Circular time shifts of the catalogue: the same scores against earthquakes at other times.

Nothing is trained or scored anew. Which window lies in which event's circle does not change with
a shift, so it is found once; a shift then only asks for the times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray, wrap_longitude
from edge.geodesy import EARTH_RADIUS_KM
from trainer.common.errors import TrainError
from trainer.common.sphere import unit_vectors
from trainer.datasets.labels import EXCLUDED, NEGATIVE, POSITIVE, radius_km
from trainer.datasets.recipe import SampleLabels
from trainer.datasets.stream import StreamWindows
from trainer.evaluation.metrics import roc_auc
from trainer.inputs.catalogue import Catalogue
from trainer.inputs.declustering import Clusters

#: One window in so many is looked at: its neighbours share all rows but one.
STRIDE = 5
_MS_PER_HOUR = 3_600_000.0
_CHUNK = 64


@dataclass(frozen=True, slots=True, eq=False)
class PlaceboAucs:
    """ROC AUC of the stream by true and by shifted catalogues.

    Attributes
    ----------
    real : float
        By the catalogue itself; NaN if a class is missing.
    values : ndarray, shape (k,)
        Of the shifts that give both classes.
    days : ndarray, shape (k,)
        How far each shifts.
    """

    real: float
    values: FloatArray
    days: FloatArray

    @property
    def p(self) -> float | None:
        """Share of all, the true one counted among them, that do as well as the true one."""
        if not np.isfinite(self.real) or not self.values.size:
            return None
        return float((1 + (self.values >= self.real).sum()) / (1 + self.values.size))


class ShiftedLabels:
    """Labels of windows by a catalogue whose times move.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        ms since 1970, of the middle rows, as the places.
    latitude, longitude : ndarray, shape (n,)
        Degrees.
    catalogue : Catalogue
    clusters : Clusters
    rule : SampleLabels

    Notes
    -----
    The rule is that of `trainer.datasets.labels.SampleLabeller` with two things left out: blocks,
    which a shifted event does not have, and the placement `contained`, for which a window's
    middle row stands.
    """

    def __init__(
        self,
        time: IntArray,
        latitude: FloatArray,
        longitude: FloatArray,
        catalogue: Catalogue,
        clusters: Clusters,
        rule: SampleLabels,
    ) -> None:
        self.size = time.size
        self._time = time
        self._event_time = catalogue.time.astype("datetime64[ms]").astype(np.int64)
        self._mainshock = clusters.mainshock
        self._window, self._event, self._in_area = _near(latitude, longitude, catalogue, rule)
        hours = (*rule.lead_hours, 24.0 * rule.clear_before_days, 24.0 * rule.clear_after_days)
        self._from, self._to, self._before, after = (round(h * _MS_PER_HOUR) for h in hours)
        self._horizon = self._to + after
        first, last = int(self._event_time[0]), int(self._event_time[-1])
        span = last - first
        #: ms after which a shift is none again; as `trainer.inputs.placebos`.
        self.period = span + max(span // max(catalogue.size - 1, 1), 1)
        #: ms that a shift has to move at least to break every tie.
        self.least = self._before + self._horizon

    def at(self, shift: int) -> npt.NDArray[np.int8]:
        """Label the windows with every event `shift` ms later, circularly.

        Returns
        -------
        ndarray of int8, shape (n,)
            POSITIVE, NEGATIVE or EXCLUDED.
        """
        since = (self._event_time - self._event_time[0] + shift) % self.period
        ahead = (self._event_time[0] + since)[self._event] - self._time[self._window]
        label = np.full(self.size, NEGATIVE, dtype=np.int8)
        touched = (ahead >= -self._before) & (ahead <= self._horizon)
        label[self._window[touched]] = EXCLUDED
        leading = np.flatnonzero(self._in_area & (ahead > self._from) & (ahead <= self._to))
        # The first to come decides: sorted by window and time, it is the first of its window.
        order = leading[np.lexsort((ahead[leading], self._window[leading]))]
        window, place = np.unique(self._window[order], return_index=True)
        shock = self._mainshock[self._event[order[place]]]
        label[window[shock]] = POSITIVE
        return label


def placebo_aucs(
    scores: FloatArray,
    stream: StreamWindows,
    catalogue: Catalogue | None = None,
    shifts: int = 200,
    clusters: Clusters | None = None,
) -> PlaceboAucs:
    """Score a stream against shifted catalogues, without retraining.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        A model's, of the stream's windows; see `trainer.evaluation.stream_scores.score_stream`.
    stream : StreamWindows
    catalogue : Catalogue, optional
        Undeclustered; that of the stream by default.
    shifts : int, optional
        Evenly over the span of the catalogue, those too near to none left out.
    clusters : Clusters, optional
        Of another catalogue than the stream's.

    Returns
    -------
    PlaceboAucs
        Positive windows against clear ones; one window in `STRIDE` is looked at.

    Raises
    ------
    TrainError
        The catalogue is too short for a shift that moves every event out of reach.
    """
    some = np.arange(0, scores.size, STRIDE)
    labels = ShiftedLabels(
        stream.time[some].astype("datetime64[ms]").astype(np.int64),
        stream.latitude[some],
        stream.longitude[some],
        stream.catalogue if catalogue is None else catalogue,
        stream.clusters if clusters is None else clusters,
        stream.labeller.rule,
    )
    moves = _moves(labels, shifts)
    real = _area(scores[some], labels.at(0))
    found = np.array([_area(scores[some], labels.at(m)) for m in moves])
    kept = np.isfinite(found)
    days = np.array(moves, dtype=np.float64)[kept] / (24.0 * _MS_PER_HOUR)
    return PlaceboAucs(real, found[kept], days)


def _moves(labels: ShiftedLabels, shifts: int) -> list[int]:
    low, high = labels.least, labels.period - labels.least
    if low >= high:
        raise TrainError(
            f"the catalogue spans {labels.period / _MS_PER_HOUR / 24.0:.1f} days; for time shifts "
            f"valid is more than {2.0 * labels.least / _MS_PER_HOUR / 24.0:.1f}"
        )
    return [round(m) for m in np.linspace(low, high, shifts)]


def _area(scores: FloatArray, label: npt.NDArray[np.int8]) -> float:
    used = label != EXCLUDED
    positive: BoolArray = label[used] == POSITIVE
    if not positive.any() or positive.all():
        return float("nan")
    return roc_auc(scores[used], positive)


def _near(
    latitude: FloatArray, longitude: FloatArray, catalogue: Catalogue, rule: SampleLabels
) -> tuple[IntArray, IntArray, BoolArray]:
    """Pairs of window and event in whose circle or area it lies, and whether it is the area."""
    points = unit_vectors(latitude, longitude)
    tree = cKDTree(points)
    radius = np.minimum(radius_km(catalogue.magnitude) / EARTH_RADIUS_KM, np.pi)
    chord = 2.0 * np.sin(0.5 * radius)
    moved = catalogue.longitude + rule.shift_deg
    centres = unit_vectors(catalogue.latitude, catalogue.longitude)
    circle = list(_pairs(tree, centres, chord))
    if rule.area == "dobrovolsky":
        if rule.shift_deg == 0.0:
            area = circle
        else:
            area = list(_pairs(tree, unit_vectors(catalogue.latitude, moved), chord))
    else:
        # A circle around the square, and then the square itself.
        reach = np.full(chord.size, 2.0 * np.sin(0.5 * np.radians(1.5 * rule.half_width_deg)))
        area = []
        for window, event in _pairs(tree, unit_vectors(catalogue.latitude, moved), reach):
            north = np.abs(latitude[window] - catalogue.latitude[event])
            east = np.abs(wrap_longitude(longitude[window] - moved[event]))
            held = (north <= rule.half_width_deg) & (east <= rule.half_width_deg)
            area.append((window[held], event[held]))
    parts = [[np.concatenate(side) for side in zip(*some, strict=True)] for some in (circle, area)]
    width = catalogue.size
    codes = [part[0] * width + part[1] for part in parts]
    every = np.union1d(*codes)
    in_area: BoolArray = np.isin(every, codes[1])
    return every // width, every % width, in_area


def _pairs(
    tree: cKDTree, centres: FloatArray, chord: FloatArray
) -> Iterator[tuple[IntArray, IntArray]]:
    for start in range(0, chord.size, _CHUNK):
        found: AnyArray = tree.query_ball_point(
            centres[start : start + _CHUNK], chord[start : start + _CHUNK]
        )
        count = np.array([len(f) for f in found], dtype=np.int64)
        window = np.concatenate([np.asarray(f, dtype=np.int64) for f in found])
        yield window, start + np.repeat(np.arange(count.size), count)
