"""Events found and passes falsely alarmed, by a rule that validation chose.

An event is a cluster of earthquakes. A pass is what one half-orbit saw of it: the positive windows
of one event in one half-orbit, or the controls of one event in another half-orbit. The rule
judges both alike, so that a control pass has every chance of a false alarm that an event's
pass has of a hit, as far as the matched windows reach. Events have several passes, and passes more
windows than those of their controls: precision in the stream is told by the operating point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray
from edge.bundle import Metric
from trainer.common.errors import TrainError
from trainer.evaluation.bootstrap import checked, draws, exact_interval, interval, numbered

#: Windows over the threshold within one pass that the choice goes through.
LEAST_WINDOWS = (1, 2, 3)

# A rule is of use where at least this share of the control passes has windows enough.
_LEAST_ABLE = 0.5


@dataclass(frozen=True, slots=True)
class EventRule:
    """An event is found where one of its passes has enough windows over the threshold.

    Attributes
    ----------
    threshold : float
        Windows count with scores at or above it.
    least_windows : int
        So many of one pass; they need not be neighbours.
    """

    threshold: float
    least_windows: int


def pass_units(
    event: AnyArray, half_orbit: AnyArray, positive: BoolArray, pair: AnyArray | None = None
) -> IntArray:
    """Give each pass a number.

    Parameters
    ----------
    event, half_orbit : ndarray, shape (n,)
        A control's event is that of the positive it is matched with.
    positive : ndarray of bool, shape (n,)
    pair : ndarray, shape (n,), optional
        Then controls of different pairs are different passes, although of one half-orbit.

    Returns
    -------
    ndarray of int64, shape (n,)
        For every window; positives and controls never share a pass.
    """
    keys = [np.unique(a, return_inverse=True)[1] for a in (event, half_orbit)]
    keys.append(np.asarray(positive, dtype=np.int64))
    if pair is not None:
        keys.append(np.where(positive, -1, np.unique(pair, return_inverse=True)[1]))
    found = np.unique(np.stack(keys, axis=1), axis=0, return_inverse=True)[1]
    return found.reshape(-1).astype(np.int64)


def choose_event_rule(
    scores: FloatArray,
    positive: BoolArray,
    event: AnyArray,
    half_orbit: AnyArray,
    control_unit: AnyArray | None = None,
    least_windows: tuple[int, ...] = LEAST_WINDOWS,
) -> EventRule:
    """Choose the rule with the best event-level F1 on validation.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Of matched validation windows.
    positive : ndarray of bool, shape (n,)
    event, half_orbit : ndarray, shape (n,)
        Integers or names; a control's event is that of the positive it is matched with.
    control_unit : ndarray, shape (n,), optional
        Passes, as `event_metrics` will have them; by default `pass_units` of the rest.
    least_windows : tuple of int
        What the choice goes through, less what most control passes are too short for: where they
        cannot be alarmed, precision would be perfect for nothing.

    Returns
    -------
    EventRule
        Of equally good ones the one that needs the fewest windows, at its highest threshold,
        midway between two scores that occur.

    Raises
    ------
    TrainError
        A class is missing, or a score is.
    """
    scores, positive = checked(scores, positive, event, half_orbit)
    if not least_windows or min(least_windows) < 1:
        raise TrainError(f"least_windows is {least_windows}; valid is 1 and above")
    if control_unit is None:
        control_unit = pass_units(event, half_orbit, positive)
    _check_units(control_unit, positive)
    best, rule = -1.0, EventRule(float(scores.max()), least_windows[0])
    for least in least_windows:
        passes = _Passes(scores, positive, event, control_unit, least)
        if least > 1 and passes.able_share < _LEAST_ABLE:
            continue
        levels = np.unique(np.concatenate([passes.of_event, passes.of_control]))
        levels = levels[np.isfinite(levels)]
        if not levels.size:
            continue
        hits = _at_least(passes.of_event, levels)
        alarms = _at_least(passes.of_control, levels)
        f1 = 2.0 * hits / (hits + alarms + passes.of_event.size)
        # The last of the best is the highest threshold.
        place = f1.size - 1 - int(np.argmax(f1[::-1]))
        if f1[place] > best:
            best, level = float(f1[place]), float(levels[place])
            middle = 0.5 * (level + float(levels[place - 1])) if place else level
            # Between two neighbouring numbers there is no middle.
            if place and middle <= levels[place - 1]:
                middle = level
            rule = EventRule(middle, least)
    return rule


def event_metrics(
    rule: EventRule,
    scores: FloatArray,
    positive: BoolArray,
    event: AnyArray,
    control_unit: AnyArray,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Metric]:
    """Say how many events a rule finds, and at what price.

    Parameters
    ----------
    rule : EventRule
        Chosen on validation.
    scores : ndarray, shape (n,)
        Of matched windows.
    positive : ndarray of bool, shape (n,)
    event : ndarray, shape (n,)
        Cluster of the event; a control's is that of the positive it is matched with. What is
        resampled whole.
    control_unit : ndarray, shape (n,)
        Pass of *every* window, positives too; see `pass_units`.
    resamples : int
    seed : int

    Returns
    -------
    dict of str to Metric
        ``event_recall``: events found over all; ``event_precision``: events found over these and
        alarmed control passes, 0 where nothing is alarmed; ``event_f1``. The interval of the
        recall is that of `share_of_events`.

    Raises
    ------
    TrainError
        A class is missing, a pass has positives and controls, or there are fewer than two events.
    """
    scores, positive = checked(scores, positive, event, control_unit)
    _check_units(control_unit, positive)
    number, groups = numbered(event)
    passes = _Passes(scores, positive, number, control_unit, rule.least_windows)
    table = np.zeros((groups, 3))
    table[passes.event, 0] = passes.of_event >= rule.threshold
    table[passes.event, 1] = 1.0
    over = passes.of_control >= rule.threshold
    table[:, 2] = np.bincount(passes.control_event, over, groups)
    value = _values(np.ones((1, groups)) @ table)
    chunks = [_values(w @ table) for w in draws(groups, resamples, seed)]
    drawn = {n: np.concatenate([chunk[n] for chunk in chunks]) for n in value}
    found = {n: Metric(n, float(v[0]), *interval(drawn[n])) for n, v in value.items()}
    hits, events = (int(n) for n in table[:, :2].sum(axis=0))
    return found | {
        "event_recall": share_of_events("event_recall", hits, events, drawn["event_recall"])
    }


def share_of_events(name: str, hits: int, events: int, drawn: FloatArray) -> Metric:
    """Give a share of events its interval.

    Parameters
    ----------
    name : str
    hits, events : int
    drawn : ndarray, shape (b,)
        The share in each resample.

    Returns
    -------
    Metric
        Of none or all of the events every resample says the same: the interval is then the exact
        one of a binomial.
    """
    found = exact_interval(hits, events) if hits in (0, events) else interval(drawn)
    return Metric(name, hits / events, *found)


def events_found(
    rule: EventRule,
    scores: FloatArray,
    positive: BoolArray,
    event: AnyArray,
    control_unit: AnyArray,
) -> BoolArray:
    """Mark the events that a rule finds, for `trainer.evaluation.comparison.paired_events`.

    Parameters
    ----------
    rule, scores, positive, event, control_unit
        As `event_metrics` takes them.

    Returns
    -------
    ndarray of bool, shape (e,)
        In the sorted order of the events that have positives.
    """
    scores, positive = checked(scores, positive, event, control_unit)
    _check_units(control_unit, positive)
    passes = _Passes(scores, positive, event, control_unit, rule.least_windows)
    found: BoolArray = passes.of_event >= rule.threshold
    return found


class _Passes:
    """Highest threshold at which each event is found, and each control pass alarmed.

    Attributes
    ----------
    event : ndarray, shape (e,)
        Names, sorted.
    of_event : ndarray, shape (e,)
        -inf where no pass has enough windows.
    control_event, of_control : ndarray, shape (c,)
        Event of each control pass, and its threshold.
    able_share : float
        Of the control passes, how many have windows enough to be alarmed.
    """

    def __init__(
        self,
        scores: FloatArray,
        positive: BoolArray,
        event: AnyArray,
        unit: AnyArray,
        least: int,
    ) -> None:
        _, place = np.unique(unit, return_inverse=True)
        # From the highest score of each pass down.
        order = np.lexsort((-scores, place))
        starts = np.flatnonzero(np.r_[True, np.diff(place[order]) != 0])
        sizes = np.diff(np.r_[starts, order.size])
        wanted = np.minimum(starts + least - 1, order.size - 1)
        reached = np.where(sizes >= least, scores[order][wanted], -np.inf)
        of_pass, is_event = np.asarray(event)[order][starts], positive[order][starts]
        self.event, back = np.unique(of_pass[is_event], return_inverse=True)
        self.of_event = np.full(self.event.size, -np.inf)
        np.maximum.at(self.of_event, back, reached[is_event])
        self.control_event, self.of_control = of_pass[~is_event], reached[~is_event]
        self.able_share = float((sizes[~is_event] >= least).mean())


def _at_least(values: FloatArray, levels: FloatArray) -> IntArray:
    """How many values are at or above each level."""
    result: IntArray = values.size - np.searchsorted(np.sort(values), levels, side="left")
    return result


def _values(sums: FloatArray) -> dict[str, FloatArray]:
    hits, events, alarms = sums.T
    with np.errstate(invalid="ignore"):
        recall = hits / events
    precision = np.where(events > 0.0, hits / np.maximum(hits + alarms, 1.0), np.nan)
    f1 = np.where(events > 0.0, 2.0 * hits / np.maximum(hits + alarms + events, 1.0), np.nan)
    return {"event_recall": recall, "event_precision": precision, "event_f1": f1}


def _check_units(unit: AnyArray, positive: BoolArray) -> None:
    """Refuse passes that hold both classes: a control pass must be none of an event's."""
    names, place = np.unique(unit, return_inverse=True)
    hits = np.bincount(place, positive, names.size)
    mixed = int(((hits > 0) & (hits < np.bincount(place, minlength=names.size))).sum())
    if mixed:
        raise TrainError(f"{mixed} passes hold positives and controls; valid is none")
