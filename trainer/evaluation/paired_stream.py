"""Two models on one stream, each at its own threshold: paired numbers with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from edge.arrays import BoolArray, FloatArray
from edge.bundle import Metric
from trainer.common.errors import TrainError
from trainer.datasets.labels import EXCLUDED, POSITIVE, radius_km
from trainer.datasets.stream import StreamWindows
from trainer.evaluation.bootstrap import draws, interval
from trainer.evaluation.decide import alarm_starts
from trainer.evaluation.event_level import share_of_events
from trainer.evaluation.metrics import GroupedScores
from trainer.evaluation.report.data import Record, finite
from trainer.evaluation.shifted_catalogues import STRIDE
from trainer.evaluation.stream import highest_covering
from trainer.evaluation.stream_rates import rate_ratios, rate_sums, stretches


class Number(Record, frozen=True):
    """A number with its 95 % interval; null where it cannot be told."""

    value: float | None
    low: float | None
    high: float | None


class Compared(Record, frozen=True):
    """A measure of two models; the difference is the new one less the old one."""

    name: str
    old: Number
    new: Number
    difference: Number


@dataclass(frozen=True, slots=True, eq=False)
class ScoredStream:
    """What one model makes of a stream.

    Attributes
    ----------
    stream : StreamWindows
        n windows.
    logits : ndarray, shape (n,)
    threshold : float
        Logit at or above which a window is alarmed.
    """

    stream: StreamWindows
    logits: FloatArray
    threshold: float


def events_found(
    sides: Sequence[ScoredStream], begin: np.datetime64, until: np.datetime64
) -> BoolArray:
    """Tell which mainshocks each model alarmed, of those that a window of either could.

    Parameters
    ----------
    sides : sequence of ScoredStream
        Two, of the same half-orbits.
    begin, until : datetime64
        UTC; events after the first, and up to the second, count.

    Returns
    -------
    ndarray of bool, shape (2, e)

    Raises
    ------
    TrainError
        There is none.
    """
    labeller = sides[0].stream.labeller
    events = labeller.catalogue
    some = labeller.target & (events.time > begin) & (events.time <= until)
    levels = np.array(
        [
            highest_covering(
                side.logits,
                side.stream.time,
                side.stream.latitude,
                side.stream.longitude,
                events.time[some],
                events.latitude[some],
                events.longitude[some],
                radius_km(events.magnitude[some]),
                float(labeller.rule.lead_hours[1]),
            )
            for side in sides
        ]
    )
    levels = levels[:, np.isfinite(levels).any(axis=0)]
    if not levels.size:
        raise TrainError(
            f"{events.name}: none of {int(some.sum())} mainshocks from {begin} to {until} was "
            "passed within radius and lead time; valid is 1 or more"
        )
    found: BoolArray = levels >= np.array([[side.threshold] for side in sides])
    return found


def paired_rates(
    sides: Sequence[ScoredStream], begin: np.datetime64, resamples: int, seed: int
) -> dict[str, Compared]:
    """Compare alarms, precision and recall, with the same resampled stretches of time for both.

    Parameters
    ----------
    sides : sequence of ScoredStream
        Two, of the same half-orbits.
    begin : datetime64
        Where the first stretch begins.
    resamples, seed : int

    Returns
    -------
    dict of str to Compared
        As `rate_ratios` names them, and ``alarm_precision``: the share of alarms, runs of windows
        at or above the threshold, that have a positive window.
    """
    numbers = [stretches(side.stream, begin) for side in sides]
    spans = 1 + max(int(number.max()) for number in numbers)
    tables = []
    for side, number in zip(sides, numbers, strict=True):
        over, windows = side.logits >= side.threshold, side.stream.windows
        starts = alarm_starts(over, windows)
        # Of each alarm, whether one of its windows is positive; counted where it starts.
        true = np.bincount(np.cumsum(starts)[over] - 1, windows.label[over] == POSITIVE) > 0
        hits = np.bincount(number[starts][true], minlength=spans)
        tables.append(np.column_stack([rate_sums(over, side.stream, number, spans), hits]))

    def ratios(sums: FloatArray) -> dict[str, FloatArray]:
        with np.errstate(invalid="ignore"):
            return rate_ratios(sums[:, :-1]) | {"alarm_precision": sums[:, -1] / sums[:, 0]}

    whole = [ratios(t.sum(axis=0, keepdims=True)) for t in tables]
    drawn = [[ratios(w @ t) for t in tables] for w in draws(spans, resamples, seed)]
    return {
        name: _compared(
            name,
            [float(side[name][0]) for side in whole],
            [np.concatenate([chunk[i][name] for chunk in drawn]) for i in range(2)],
        )
        for name in whole[0]
    }


def paired_recall(hits: BoolArray, resamples: int, seed: int) -> Compared:
    """Compare shares of events found, with the same resampled events for both.

    Parameters
    ----------
    hits : ndarray of bool, shape (2, e)
    resamples, seed : int

    Returns
    -------
    Compared
        Of none or all of the events the interval of a share is the exact one.
    """
    events = hits.shape[1]
    chunks = draws(events, resamples, seed)
    drawn = np.concatenate([w @ hits.T for w in chunks]).T / events
    found = _compared("event_recall", hits.mean(axis=1).tolist(), list(drawn))
    old, new = (
        _number(share_of_events("event_recall", int(hit.sum()), events, d))
        for hit, d in zip(hits, drawn, strict=True)
    )
    return msgspec.structs.replace(found, old=old, new=new)


def paired_areas(
    sides: Sequence[ScoredStream], begin: np.datetime64, resamples: int, seed: int
) -> Compared:
    """Compare ROC AUC of positive against clear windows that both have, one in `STRIDE`.

    Parameters
    ----------
    sides, begin, resamples, seed
        As `paired_rates` takes them.
    """
    old, new = (side.stream for side in sides)
    # Times of one satellite: the windows of either bundle lack where its climatology knows nothing.
    common = np.intersect1d(old.time, new.time, return_indices=True)
    places = np.array(common[1:])[:, ::STRIDE]
    places = places[:, old.windows.label[places[0]] != EXCLUDED]
    positive = old.windows.label[places[0]] == POSITIVE
    if not positive.any() or positive.all():
        return _compared("roc_auc", [np.nan, np.nan], [np.full(1, np.nan)] * 2)
    number = np.unique(stretches(old, begin)[places[0]], return_inverse=True)[1]
    grouped = [
        GroupedScores(side.logits[some], positive, number, names=("roc_auc",))
        for side, some in zip(sides, places, strict=True)
    ]
    chunks = draws(int(number.max()) + 1, resamples, seed, grouped[0].width)
    drawn = np.hstack([[g.values(w)["roc_auc"] for g in grouped] for w in chunks])
    return _compared("roc_auc", [g.value()["roc_auc"] for g in grouped], list(drawn))


def _compared(name: str, values: Sequence[float], drawn: Sequence[FloatArray]) -> Compared:
    pairs = [*zip(values, drawn, strict=True), (values[1] - values[0], drawn[1] - drawn[0])]
    return Compared(name, *(_number(_metric(name, v, d)) for v, d in pairs))


def _metric(name: str, value: float, drawn: FloatArray) -> Metric:
    known = np.isfinite(value) and np.isfinite(drawn).any()
    return Metric(name, value, *(interval(drawn) if known else (np.nan, np.nan)))


def _number(found: Metric) -> Number:
    return Number(finite(found.value), finite(found.low), finite(found.high))
