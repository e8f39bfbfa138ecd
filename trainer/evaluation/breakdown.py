"""Skill by magnitude, region and lead time: positives of a class against their own controls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray
from edge.bundle import Metric
from trainer.common.errors import TrainError
from trainer.evaluation.bootstrap import checked, draws, interval, numbered
from trainer.evaluation.metrics import GroupedScores
from trainer.inputs.regions import REGIONS
from trainer.models.window_set import WindowSet, groups_of

#: A class with fewer events gets no number.
LEAST_EVENTS = 5

#: Lower ends; a class goes up to the next one.
MAGNITUDES = (5.0, 5.5, 6.0, 6.5)
#: Ends, hours; a class holds its upper end.
LEAD_HOURS = (0.0, 4.0, 12.0, 24.0, 48.0)

ELSEWHERE, UNKNOWN = "elsewhere", "unknown"

_METRICS = ("roc_auc", "recall")


@dataclass(frozen=True, slots=True)
class ClassSkill:
    """Skill within one class.

    Attributes
    ----------
    axis : {"magnitude", "region", "lead_hours"}
    name : str
    positives, controls, events : int
        Windows of either label, and clusters of the positives.
    roc_auc, recall : Metric or None
        Of the class's positives and the controls of their pairs; recall at the threshold. None
        where the class has too few events, or no controls.
    note : str or None
        Then, why.
    """

    axis: str
    name: str
    positives: int
    controls: int
    events: int
    roc_auc: Metric | None
    recall: Metric | None
    note: str | None


def breakdown(
    scores: FloatArray,
    windows: WindowSet,
    threshold: float = 0.5,
    resamples: int = 1000,
    seed: int = 0,
) -> list[ClassSkill]:
    """Break skill down by magnitude, region and lead time.

    Parameters
    ----------
    scores : ndarray, shape (n,)
    windows : WindowSet
        Matched windows.
    threshold : float
        Chosen on validation.
    resamples : int
        Of whole clusters.
    seed : int

    Returns
    -------
    list of ClassSkill
        Axis by axis. Classes that hold no positive are there too, with a note; those of unknown
        values only where there are some.

    Raises
    ------
    TrainError
        A class of labels is missing, or a score is.
    """
    positive = windows.positive
    group = groups_of(windows.cluster, windows.pair)
    scores, positive = checked(scores, positive, group)
    pairs, place = np.unique(windows.pair, return_inverse=True)
    result = []
    for axis, name, members in _classes(windows, positive, group):
        chosen = np.zeros(pairs.size, dtype=np.bool_)
        chosen[place[members]] = True
        # Positives of the class and controls of their pairs, and of no others.
        some = members | (~positive & chosen[place])
        result.append(
            _skill(
                axis, name, scores[some], positive[some], group[some], threshold, resamples, seed
            )
        )
    return result


def _skill(
    axis: str,
    name: str,
    scores: FloatArray,
    positive: BoolArray,
    group: AnyArray,
    threshold: float,
    resamples: int,
    seed: int,
) -> ClassSkill:
    events = int(np.unique(group[positive]).size)
    counts = (int(positive.sum()), int((~positive).sum()), events)
    note = None
    if events < LEAST_EVENTS:
        note = f"{events} events: too few, {LEAST_EVENTS} are needed"
    elif positive.all():
        note = "no controls"
    if note is not None:
        return ClassSkill(axis, name, *counts, None, None, note)
    number, groups = numbered(group)
    sample = GroupedScores(scores, positive, number, threshold, _METRICS)
    drawn = [sample.values(w) for w in draws(groups, resamples, seed, sample.width)]
    value = sample.value()
    roc_auc, recall = (
        Metric(n, value[n], *interval(np.concatenate([d[n] for d in drawn]))) for n in _METRICS
    )
    return ClassSkill(axis, name, *counts, roc_auc, recall, None)


def _classes(
    windows: WindowSet, positive: BoolArray, group: AnyArray
) -> Iterator[tuple[str, str, BoolArray]]:
    """Axis, name and positives of each class."""
    axes = (
        ("magnitude", _magnitude_names(), _magnitude_class(windows.magnitude)),
        ("region", [*REGIONS, ELSEWHERE], _region_class(windows, positive, group)),
        ("lead_hours", _lead_names(), _lead_class(windows.lead_hours)),
    )
    for axis, names, found in axes:
        for i, name in enumerate(names):
            yield axis, name, positive & (found == i)
        beyond = positive & (found < 0)
        if beyond.any():
            yield axis, UNKNOWN, beyond


def _magnitude_names() -> list[str]:
    ends = [f"{a:g}-{b:g}" for a, b in pairwise(MAGNITUDES)]
    return [*ends, f"{MAGNITUDES[-1]:g}+"]


def _magnitude_class(magnitude: FloatArray) -> AnyArray:
    # NaN comes behind every number.
    found = np.searchsorted(np.array(MAGNITUDES), magnitude, side="right") - 1
    return np.where(np.isnan(magnitude), -1, found)


def _lead_names() -> list[str]:
    ends = [f"{a:g}-{b:g}" for a, b in pairwise(LEAD_HOURS)]
    return [*ends, f"{LEAD_HOURS[-1]:g}+"]


def _lead_class(hours: FloatArray) -> AnyArray:
    found = np.searchsorted(np.array(LEAD_HOURS), hours, side="left") - 1
    return np.where(np.isnan(hours), -1, found)


def _region_class(windows: WindowSet, positive: BoolArray, group: AnyArray) -> AnyArray:
    """Region of each event: that of its window nearest to the epicentre, the first that fits."""
    names = list(REGIONS)
    known = np.isfinite(windows.latitude) & np.isfinite(windows.longitude)
    found = np.where(known, len(names), -1)
    for i in reversed(range(len(names))):
        found[REGIONS[names[i]].contains(windows.latitude, windows.longitude)] = i
    distance = np.where(positive & known, windows.distance_km, np.inf)
    distance = np.where(np.isnan(distance), np.inf, distance)
    order = np.lexsort((distance, ~(positive & known), group))
    groups, first = np.unique(group[order], return_index=True)
    if groups.size == 0:
        raise TrainError("no windows to break down; valid is 1 or more")
    result: AnyArray = found[order[first]][np.searchsorted(groups, group)]
    return result
