"""The alarm level at any place and time: the highest score of the windows that cover it.

A Molchan diagram holds events against a reference. Both have to be scored alike: of the many
windows that cover an event the highest counts, and so it must of those that cover a point of the
reference. Held against single windows, scores without any skill would look skilful, since the
highest of k of them beats a single one in k cases of k + 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray, IntArray, TimeArray
from edge.bundle import Metric
from edge.geodesy import EARTH_RADIUS_KM
from trainer.common.errors import TrainError
from trainer.common.sphere import unit_vectors
from trainer.datasets.labels import EXCLUDED, POSITIVE, radius_km
from trainer.datasets.stream import StreamWindows
from trainer.evaluation.bootstrap import draws, interval, numbered
from trainer.evaluation.decide import alarm_starts, logit_of
from trainer.evaluation.event_level import share_of_events
from trainer.evaluation.matched import Decided, thinned
from trainer.evaluation.metrics import GroupedScores
from trainer.evaluation.molchan import area_skill_score, molchan
from trainer.evaluation.report.data import Curve, Epicentre, Sample, StreamResult, estimate
from trainer.evaluation.seismicity import SeismicityMap
from trainer.evaluation.shifted_catalogues import STRIDE
from trainer.evaluation.stream_rates import rate_ratios, rate_sums, stretches

_HOUR_MS = 3_600_000


def highest_covering(
    score: FloatArray,
    time: TimeArray,
    latitude: FloatArray,
    longitude: FloatArray,
    at_time: TimeArray,
    at_latitude: FloatArray,
    at_longitude: FloatArray,
    radius_km: float | FloatArray,
    hours: float,
) -> FloatArray:
    """Find the highest score of the windows whose alarm would cover each point.

    Parameters
    ----------
    score : ndarray, shape (n,)
        Of the windows of a stream; NaN covers nothing.
    time : ndarray of datetime64[ms], shape (n,)
    latitude, longitude : ndarray, shape (n,)
        Degrees.
    at_time : ndarray of datetime64[ms], shape (p,)
        Of events, or of points of a reference.
    at_latitude, at_longitude : ndarray, shape (p,)
        Degrees.
    radius_km : float or ndarray, shape (p,)
        An alarm reaches so far.
    hours : float
        And lasts so long: a window at t covers times in (t, t + hours].

    Returns
    -------
    ndarray, shape (p,)
        NaN where no window covers the point.

    Raises
    ------
    TrainError
        Radius or duration is not above 0.
    """
    radius = np.broadcast_to(np.asarray(radius_km, dtype=np.float64), at_latitude.shape)
    if not hours > 0.0 or not bool((radius > 0.0).all()):
        raise TrainError(f"radius_km is {radius_km}, hours is {hours}; valid is above 0")
    since = _milliseconds(time)
    order = np.argsort(since, kind="stable")
    order = order[np.isfinite(score[order])]
    since, levels = since[order], score[order]
    windows = unit_vectors(latitude[order], longitude[order])
    points = unit_vectors(at_latitude, at_longitude)
    when = _milliseconds(at_time)
    begin = np.searchsorted(since, when - round(hours * _HOUR_MS), side="left")
    end = np.searchsorted(since, when, side="left")
    nearest = np.cos(np.minimum(radius / EARTH_RADIUS_KM, np.pi))
    result = np.full(when.size, np.nan)
    for i in range(when.size):
        span = slice(begin[i], end[i])
        near = windows[span] @ points[i] >= nearest[i]
        if near.any():
            result[i] = levels[span][near].max()
    return result


def _milliseconds(time: TimeArray) -> AnyArray:
    return np.asarray(time).astype("datetime64[ms]").astype(np.int64)


#: Points drawn from the map of seismicity.
UNITS = 10_000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SeismicityReference:
    """Where earthquakes were before the test block, as points to hold alarms against.

    Attributes
    ----------
    words : str
    time : ndarray of datetime64[ms], shape (u,)
    latitude, longitude, radius : ndarray, shape (u,)
        Drawn from the map; degrees and km.
    event_time, event_latitude, event_longitude, event_magnitude, event_radius : ndarray, shape (e,)
        Of the mainshocks of the test block.
    """

    words: str
    time: TimeArray
    latitude: FloatArray
    longitude: FloatArray
    radius: FloatArray
    event_time: TimeArray
    event_latitude: FloatArray
    event_longitude: FloatArray
    event_magnitude: FloatArray
    event_radius: FloatArray


def make_reference(
    stream: StreamWindows, units: int = UNITS, seed: int = 0, block: str = "test"
) -> SeismicityReference | None:
    """Fit the map on mainshocks before the block, and draw points of it.

    Parameters
    ----------
    stream : StreamWindows
        Of the block.
    units : int, optional
        Points.
    seed : int, optional
    block : str, optional

    Returns
    -------
    SeismicityReference or None
        None where there are no earlier events, or none in the block.

    Notes
    -----
    A point gets the time of day and date at random from the block, and the radius of one of its
    events: every event of the block then has as many points like it as any other.
    """
    begin, until = stream.spans[block]
    events, shock = stream.catalogue, stream.clusters.mainshock
    earlier = shock & (events.time < begin)
    number = ("train", "validation", "test").index(block)
    judged = shock & (stream.event_block == number)
    judged &= (events.time > begin) & (events.time <= until)
    if not earlier.any() or not judged.any():
        return None
    fitted = SeismicityMap.fit(events.latitude[earlier], events.longitude[earlier])
    latitude, longitude = fitted.draw(units, seed)
    rng = np.random.default_rng([seed, 2])
    length = int((until - begin).astype("timedelta64[ms]").astype(np.int64))
    since = (rng.random(units) * length).astype(np.int64).astype("timedelta64[ms]")
    radius = radius_km(events.magnitude[judged])
    return SeismicityReference(
        words=f"{int(earlier.sum())} mainshocks before the test block, smoothed over "
        f"{fitted.bandwidth_km:g} km; {int(judged.sum())} events in it",
        time=begin.astype("datetime64[ms]") + since,
        latitude=latitude,
        longitude=longitude,
        radius=rng.choice(radius, units),
        event_time=events.time[judged],
        event_latitude=events.latitude[judged],
        event_longitude=events.longitude[judged],
        event_magnitude=events.magnitude[judged],
        event_radius=radius,
    )


def judge_stream(
    decided: Decided,
    raw: FloatArray,
    stream: StreamWindows,
    reference: SeismicityReference | None,
    resamples: int,
    seed: int,
) -> StreamResult:
    """Judge a run on every window of a block.

    Parameters
    ----------
    decided : Decided
        With an alarm threshold.
    raw : ndarray, shape (n,)
        A classifier's probabilities of the stream's windows.
    stream : StreamWindows
    reference : SeismicityReference or None
    resamples : int
    seed : int

    Returns
    -------
    StreamResult
        Intervals come from resampling stretches of time as long as the lead time, for rates, and
        events, for what is counted by event.

    Raises
    ------
    TrainError
        A score is missing, or there is no alarm threshold.
    """
    if decided.alarm_logit is None or not np.isfinite(raw).all() or raw.size != stream.windows.size:
        raise TrainError(
            f"{int((~np.isfinite(raw)).sum())} of {stream.windows.size} scores of the stream are "
            "missing, or there is no threshold for them"
        )
    logits = logit_of(raw)
    sample = _sample(stream)
    span = stretches(stream, stream.time.min())
    over = logits >= decided.alarm_logit
    found = _rates(over, stream, span, resamples, seed)
    found["roc_auc"] = _area(raw, stream, span, resamples, seed)
    curve, epicentres = None, list[Epicentre]()
    words = "none: no events before the test block, or none in it"
    if reference is not None:
        by_event, curve, level = _by_event(
            decided.alarm_logit, logits, stream, reference, resamples, seed
        )
        found |= by_event
        epicentres = _epicentres(reference, level, decided.alarm_logit)
        words = reference.words
    numbers = [estimate(name, metric, sample) for name, metric in found.items()]
    first = alarm_starts(over, stream.windows)
    alarms = list(zip(*_degrees(stream.latitude[first], stream.longitude[first]), strict=True))
    return StreamResult(sample, numbers, curve, words, epicentres, alarms)


def _sample(stream: StreamWindows) -> Sample:
    positive = stream.windows.label == POSITIVE
    clusters = stream.clusters.cluster[stream.windows.event[positive]]
    return Sample(
        stream.windows.size,
        int(positive.sum()),
        int(np.unique(clusters).size),
        stream.half_orbits,
    )


def _rates(
    over: BoolArray, stream: StreamWindows, span: IntArray, resamples: int, seed: int
) -> dict[str, Metric | None]:
    number, spans = np.unique(span, return_inverse=True)[1], int(np.unique(span).size)
    table = rate_sums(over, stream, number, spans)
    whole = rate_ratios(table.sum(axis=0, keepdims=True))
    drawn = [rate_ratios(w @ table) for w in draws(spans, resamples, seed)]
    return {
        name: _metric(name, float(value[0]), np.concatenate([d[name] for d in drawn]))
        for name, value in whole.items()
    }


def _metric(name: str, value: float, drawn: FloatArray) -> Metric | None:
    if not np.isfinite(value):
        return None
    low, high = interval(drawn) if np.isfinite(drawn).any() else (np.nan, np.nan)
    return Metric(name, value, low, high)


def _area(
    raw: FloatArray, stream: StreamWindows, span: IntArray, resamples: int, seed: int
) -> Metric | None:
    """ROC AUC of positive against clear windows, one in `STRIDE`."""
    some = np.arange(0, raw.size, STRIDE)
    some = some[stream.windows.label[some] != EXCLUDED]
    positive = stream.windows.label[some] == POSITIVE
    if not positive.any() or positive.all() or np.unique(span[some]).size < 2:
        return None
    number, groups = numbered(span[some])
    weighted = GroupedScores(raw[some], positive, number, names=("roc_auc",))
    drawn = [weighted.values(w)["roc_auc"] for w in draws(groups, resamples, seed, weighted.width)]
    return _metric("roc_auc", weighted.value()["roc_auc"], np.concatenate(drawn))


def _by_event(
    threshold: float,
    logits: FloatArray,
    stream: StreamWindows,
    reference: SeismicityReference,
    resamples: int,
    seed: int,
) -> tuple[dict[str, Metric | None], Curve | None, FloatArray]:
    """Numbers of the events, the Molchan curve, and the level at each event."""
    hours = float(stream.labeller.rule.lead_hours[1])
    seen = (logits, stream.time, stream.latitude, stream.longitude)
    event = highest_covering(
        *seen,
        reference.event_time,
        reference.event_latitude,
        reference.event_longitude,
        reference.event_radius,
        hours,
    )
    unit = highest_covering(
        *seen, reference.time, reference.latitude, reference.longitude, reference.radius, hours
    )
    covered = np.isfinite(event)
    found: dict[str, Metric | None] = {
        "events_passed": _share("events_passed", covered, resamples, seed)
    }
    if not covered.any() or not np.isfinite(unit).any():
        return found, None, event
    # Events that no window can see say nothing of a model: they are told apart.
    trajectory = molchan(unit, event[covered], np.ones(unit.size))
    skill = area_skill_score(trajectory, resamples, seed)
    hits = event[covered] >= threshold
    tau = trajectory.at(threshold)[0]
    found["event_recall"] = _share("event_recall", hits, resamples, seed)
    found["area_skill_score"] = Metric("area_skill_score", skill.value, skill.low, skill.high)
    if tau > 0.0:
        gain, drawn = float(hits.mean()) / tau, _means(hits, resamples, seed)
        found["probability_gain"] = _metric("probability_gain", gain, drawn / tau)
    return found, thinned(trajectory.tau, trajectory.nu), event


def _epicentres(
    reference: SeismicityReference, level: FloatArray, threshold: float
) -> list[Epicentre]:
    places = _degrees(reference.event_latitude, reference.event_longitude)
    alarmed = [None if np.isnan(at) else bool(at >= threshold) for at in level]
    return list(map(Epicentre, *places, reference.event_magnitude.tolist(), alarmed))


def _degrees(*places: FloatArray) -> list[list[float]]:
    """Latitudes and longitudes for the report, to 0.001 deg."""
    return [place.round(3).tolist() for place in places]


def _share(name: str, hits: BoolArray, resamples: int, seed: int) -> Metric:
    return share_of_events(name, int(hits.sum()), hits.size, _means(hits, resamples, seed))


def _means(values: BoolArray, resamples: int, seed: int) -> FloatArray:
    drawn = [w @ values for w in draws(values.size, resamples, seed)]
    result: FloatArray = np.concatenate(drawn) / values.size
    return result
