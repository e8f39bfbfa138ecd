"""One run on matched windows: what validation decides, and what the test block then says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray
from edge.bundle import Metric
from trainer.datasets.stream import StreamWindows
from trainer.evaluation.breakdown import breakdown
from trainer.evaluation.decide import (
    Calibration,
    best_f1_threshold,
    choose_threshold,
    fit_calibration,
    logit_of,
)
from trainer.evaluation.event_level import (
    EventRule,
    choose_event_rule,
    event_metrics,
    events_found,
    pass_units,
)
from trainer.evaluation.metrics import reliability, window_metrics
from trainer.evaluation.report.data import (
    Curve,
    Decisions,
    Estimate,
    ReliabilityBin,
    Sample,
    Slice,
    estimate,
)
from trainer.models.window_set import WindowSet, groups_of

#: Points of a curve in the report.
MOST_POINTS = 300


@dataclass(frozen=True, slots=True)
class Decided:
    """What validation decided for a run.

    Attributes
    ----------
    calibration : Calibration
    rule : EventRule
    alarm_logit : float or None
        Of the scores before calibration, so that rounding near 0 and 1 decides nothing.
    decisions : Decisions
        The same for report and card.
    """

    calibration: Calibration
    rule: EventRule
    alarm_logit: float | None
    decisions: Decisions

    def scores(self, raw: FloatArray) -> FloatArray:
        """Calibrate a classifier's probabilities."""
        return self.calibration.scores(logit_of(raw))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MatchedResult:
    """What matched test windows say of a run.

    Attributes
    ----------
    scores : ndarray, shape (n,)
        Calibrated.
    found : ndarray of bool, shape (e,)
        Which events the rule finds.
    metrics : list of Metric
        For the card.
    estimates, events : list of Estimate
    reliability : list of ReliabilityBin
    roc, precision_recall : Curve
    slices : list of Slice
    """

    scores: FloatArray
    found: BoolArray
    metrics: list[Metric]
    estimates: list[Estimate]
    events: list[Estimate]
    reliability: list[ReliabilityBin]
    roc: Curve
    precision_recall: Curve
    slices: list[Slice]


def group_of(windows: WindowSet) -> IntArray:
    """Give what is resampled whole: a cluster with its controls."""
    return groups_of(windows.cluster, windows.pair)


def sample_of(windows: WindowSet) -> Sample:
    """Count windows, positives, clusters and half-orbits."""
    known = windows.cluster[windows.cluster >= 0]
    return Sample(
        len(windows),
        int(windows.positive.sum()),
        int(np.unique(known).size),
        int(np.unique(windows.half_orbit).size),
    )


def decide(
    raw: FloatArray,
    windows: WindowSet,
    alarms: float,
    stream: StreamWindows | None = None,
    stream_raw: FloatArray | None = None,
) -> Decided:
    """Choose calibration, thresholds and event rule.

    Parameters
    ----------
    raw : ndarray, shape (n,)
        A classifier's probabilities of the matched validation windows.
    windows : WindowSet
        These.
    alarms : float
        Most alarms a night half-orbit.
    stream : StreamWindows, optional
        Of validation.
    stream_raw : ndarray, shape (m,), optional
        Probabilities of its windows.
    """
    positive = windows.positive
    calibration, skilful = fit_calibration(raw, positive)
    scores = calibration.scores(logit_of(raw))
    threshold = best_f1_threshold(scores, positive)
    group = group_of(windows)
    units = pass_units(group, windows.half_orbit, positive)
    rule = choose_event_rule(scores, positive, group, windows.half_orbit, units)
    logit = None
    if stream is not None and stream_raw is not None and stream_raw.size:
        logit = choose_threshold(logit_of(stream_raw), stream.windows, stream.half_orbits, alarms)
    alarm = None if logit is None else float(calibration.scores(np.array([logit]))[0])
    plural = "s" if rule.least_windows > 1 else ""
    words = (
        f"an event is found where a half-orbit has {rule.least_windows} window{plural} or more "
        "before it with a score at or above the rule's threshold, which each model has of its own"
    )
    return Decided(
        calibration,
        rule,
        logit,
        Decisions(
            slope=calibration.slope,
            intercept=calibration.intercept,
            threshold=threshold,
            alarm_threshold=alarm,
            alarms_asked=alarms,
            event_rule=words,
            skilful=skilful,
        ),
    )


def judge_matched(
    decided: Decided, raw: FloatArray, windows: WindowSet, resamples: int, seed: int
) -> MatchedResult:
    """Judge a run on matched test windows.

    Parameters
    ----------
    decided : Decided
    raw : ndarray, shape (n,)
        A classifier's probabilities.
    windows : WindowSet
    resamples : int
    seed : int
    """
    scores, positive, group = decided.scores(raw), windows.positive, group_of(windows)
    sample = sample_of(windows)
    threshold = decided.decisions.threshold
    metrics = window_metrics(scores, positive, group, threshold, resamples, seed)
    units = pass_units(group, windows.half_orbit, positive)
    events = event_metrics(decided.rule, scores, positive, group, units, resamples, seed)
    bins = [
        ReliabilityBin(b.mean_score, b.observed, *b.interval, b.count)
        for b in reliability(scores, positive, group, resamples=resamples, seed=seed)
    ]
    roc, precision_recall = _curves(scores, positive)
    return MatchedResult(
        scores=scores,
        found=events_found(decided.rule, scores, positive, group, units),
        metrics=[*metrics.values(), *events.values()],
        estimates=[estimate(name, found, sample) for name, found in metrics.items()],
        events=[estimate(name, found, sample) for name, found in events.items()],
        reliability=bins,
        roc=roc,
        precision_recall=precision_recall,
        slices=_slices(scores, windows, threshold, resamples, seed),
    )


def thinned(x: AnyArray, y: AnyArray, most: int = MOST_POINTS) -> Curve:
    """Keep some points of a line, its ends among them."""
    if x.size > most:
        # Along the line, so that steep parts keep their shape.
        way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
        kept = np.unique(np.searchsorted(way, np.linspace(0.0, way[-1], most)))
        kept = np.union1d(np.minimum(kept, x.size - 1), [0, x.size - 1])
        x, y = x[kept], y[kept]
    return Curve([round(float(v), 6) for v in x], [round(float(v), 6) for v in y])


def _curves(scores: FloatArray, positive: BoolArray) -> tuple[Curve, Curve]:
    """ROC and precision over recall; windows of equal score are one step."""
    level, place = np.unique(-scores, return_inverse=True)
    hits = np.cumsum(np.bincount(place, positive, level.size))
    called = np.cumsum(np.bincount(place, minlength=level.size))
    false = called - hits
    recall = np.concatenate([[0.0], hits / hits[-1]])
    roc = thinned(np.concatenate([[0.0], false / false[-1]]), recall)
    precision = hits / called
    return roc, thinned(recall, np.concatenate([precision[:1], precision]))


def _slices(
    scores: FloatArray, windows: WindowSet, threshold: float, resamples: int, seed: int
) -> list[Slice]:
    """Classes that hold a positive; those with too few events have no numbers."""
    axes = {"magnitude": "magnitude", "region": "region", "lead_hours": "lead time, h"}
    result = []
    for found in breakdown(scores, windows, threshold, resamples, seed):
        if not found.positives:
            continue
        # Half-orbits of a class are not counted: its windows share those of other classes.
        sample = Sample(found.positives + found.controls, found.positives, found.events, 0)
        numbers = [
            estimate("roc_auc", found.roc_auc, sample),
            estimate("recall", found.recall, sample),
        ]
        result.append(Slice(axes.get(found.axis, found.axis), found.name, numbers))
    return result
