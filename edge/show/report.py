"""Plain text for a person: tables and lines, no colour, no box drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from edge.bundle import Card
from edge.results import Alarm, HalfOrbitResult, ScoredHalfOrbit, WindowScore

if TYPE_CHECKING:
    from edge.show.describe import FileInfo
    from edge.station.alarms import StationAlarm

RESEARCH_ONLY = "Research only: never for the protection of life or property."


def counted(number: int, noun: str) -> str:
    """Say how many there are of something."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def training_line(trained_on: str) -> str:
    """Say what the model's scores are worth, wherever they are shown."""
    if trained_on == "simulated":
        return (
            "The model was trained on simulated missions: its scores say nothing of real "
            f"earthquakes. {RESEARCH_ONLY}"
        )
    return f"The model was trained on real archives. {RESEARCH_ONLY}"


def half_orbit_table(scored: ScoredHalfOrbit) -> Iterator[str]:
    """Lines of a scored half-orbit: heading, one line a window, alarms."""
    yield summary_line(scored.summary)
    if scored.windows:
        yield (
            f"{'time (UTC)':<24} {'lat':>8} {'lon':>9} {'LT':>6} {'coverage':>8} "
            f"{'score':>8}  verdict"
        )
    for w in scored.windows:
        score = "-" if w.score is None else f"{w.score:.4f}"
        yield (
            f"{w.time:<24} {w.latitude:8.3f} {w.longitude:9.3f} {w.local_time:6.2f} "
            f"{w.coverage:8.3f} {score:>8}  {w.verdict}"
        )
    for alarm in scored.alarms:
        yield alarm_line(alarm)


def summary_line(summary: HalfOrbitResult) -> str:
    """One line on a half-orbit, with the payloads that failed."""
    s = summary
    return f"{s.half_orbit} ({s.mission}, {s.side}): {summary_text(s)}"


def summary_text(summary: HalfOrbitResult) -> str:
    """Say what became of a half-orbit, without its name."""
    s = summary
    if s.status == "failed":
        text = "FAILED, nothing is known"
    elif s.side == "day":
        text = "day side, no night windows"
    elif not s.windows:
        text = "no night windows"
    else:
        quiet = s.windows - s.insufficient
        text = (
            f"{counted(s.windows, 'night window')}, {quiet} scored, {s.insufficient} insufficient, "
            f"{counted(s.alarms, 'alarm')}"
        )
    read = ", ".join(s.payloads) or "none"
    failed = f"; failed: {', '.join(s.failed)}" if s.failed else ""
    notes = f"; notes: {', '.join(_notes_once(s))}" if s.notes else ""
    return f"{text}; payloads: {read}{failed}{notes}"


def _notes_once(summary: HalfOrbitResult) -> Iterator[str]:
    """Yield each note once, with the payloads that it holds for where these are not all."""
    found: dict[str, list[str]] = {}
    for note in summary.notes:
        payload, _, text = note.partition(": ")
        if payload in summary.payloads:
            found.setdefault(text, []).append(payload)
        else:
            found[note] = []
    for text, payloads in found.items():
        everywhere = set(payloads) in (set(), set(summary.payloads))
        yield text if everywhere else f"{'/'.join(payloads)}: {text}"


def alarm_line(alarm: Alarm) -> str:
    """One line on an alarm."""
    return alarm_text(alarm).replace("ALARM", f"ALARM {alarm.half_orbit}", 1)


def alarm_text(alarm: Alarm) -> str:
    """Say an alarm without the name of its half-orbit."""
    return (
        f"ALARM {alarm.time} lat {alarm.latitude:.2f} lon "
        f"{alarm.longitude:.2f} score {alarm.peak:.3f}, {alarm.windows} windows, radius "
        f"{alarm.radius_km:.0f} km, valid until {alarm.valid_until}, {activity(alarm)}"
    )


def activity(record: WindowScore | Alarm) -> str:
    """Say how disturbed the geomagnetic field was."""
    kp = "" if record.kp is None else f" (Kp {record.kp:.2f})"
    return f"geomagnetic activity {record.geomagnetic}{kp}"


def news_lines(revision: int, news: Sequence[StationAlarm]) -> Iterator[str]:
    """Say what later results of a half-orbit changed, and which alarms came too late."""
    if revision > 1:
        said = ", ".join(f"alarm of {n.alarm.time} {n.state}" for n in news)
        yield f"  revision {revision}: {said or 'its alarms are the same'}"
    for found in news:
        if found.expired_on_arrival and found.state != "withdrawn":
            yield f"  the alarm of {found.alarm.time} had expired when it was found"


def info_table(info: FileInfo) -> Iterator[str]:
    """Lines on a payload file and its channels."""
    yield f"file        {info.file}"
    yield f"mission     {info.mission}, payload {info.payload}"
    yield f"half-orbit  {info.half_orbit}, {info.direction} ({info.side} side)"
    yield f"time        {info.start} to {info.end}, {info.records} records, {info.cadence_s:g} s"
    if info.latitude is not None:
        yield f"latitude    {info.latitude[0]:.3f} to {info.latitude[1]:.3f} deg"
    for note in info.notes:
        yield f"note        {note}"
    yield (
        f"{'channel':<14} {'unit':<6} {'count':>6} {'valid':>7} "
        f"{'minimum':>13} {'median':>13} {'maximum':>13}"
    )
    for c in info.channels:
        numbers = ("-" if v is None else f"{v:.6g}" for v in (c.minimum, c.median, c.maximum))
        yield f"{c.name:<14} {c.unit:<6} {c.count:>6} {c.valid_share:>7.2%} " + " ".join(
            f"{text:>13}" for text in numbers
        )


def card_table(card: Card) -> Iterator[str]:
    """Lines on a bundle."""
    point, training = card.operating_point, card.training
    yield f"bundle            {card.name} (code {card.code_version})"
    yield f"network           {card.network}, {card.quantisation}"
    yield f"profile           {card.profile}: {', '.join(card.observables)}"
    yield f"window            {card.length} rows of {card.grid_step_s} s, night rule {card.night}"
    yield f"threshold         {card.threshold:.4f}; minimum coverage {card.minimum_coverage:g}"
    yield (
        f"alarm             radius {card.alarm.radius_km:.0f} km, valid "
        f"{card.alarm.duration_h:.0f} h"
    )
    yield f"trained on        {training.data} data, seed {training.seed}"
    for m in training.missions:
        kind = "simulated" if m.simulated else "real"
        yield (
            f"  {m.mission:<15} {kind}, {m.start} to {m.end}, {m.half_orbits} night "
            f"half-orbits, {m.positive_windows} of {m.train_windows} training windows positive"
        )
    yield f"catalogue         {training.catalogue}, {training.events} events"
    yield (
        f"unselected stream {point.half_orbits} night half-orbits, {point.windows} windows: "
        f"{point.alarms_per_night_half_orbit:.3f} alarms a night half-orbit, "
        f"{point.alarmed_share:.3%} of space-time alarmed"
    )
    precision = "undefined" if point.precision is None else f"{point.precision:.3%}"
    yield f"                  base rate {point.base_rate:.3%}, precision at it {precision}"
    for metric in card.metrics:
        yield f"  {metric.name:<15} {metric.value:.3f} [{metric.low:.3f}, {metric.high:.3f}]"
    for p in card.parity:
        yield (
            f"parity            {p.file} by {p.runtime}: {p.windows} windows, largest difference "
            f"{p.largest_difference:.4f}, AUC {p.auc_tflite:.4f} (Keras {p.auc_keras:.4f}), "
            f"other verdict {p.verdict_flips:.3%} of {p.verdict_windows}"
        )
    yield training_line(card.trained_on)


def card_in_words(card: Card) -> Iterator[str]:
    """Say what a model is and what it is worth.

    Yields
    ------
    str
        A paragraph.
    """
    point, training = card.operating_point, card.training
    yield (
        f"The model is called {card.name} (made with version {card.code_version}): network "
        f"{card.network}, {card.quantisation}. It looks at {', '.join(card.observables)} in "
        f"windows of {card.length * card.grid_step_s} s of the night side (rule {card.night})."
    )
    missions = "; ".join(
        f"{m.mission} ({'simulated' if m.simulated else 'real'}), {m.start[:10]} to {m.end[:10]}, "
        f"{m.half_orbits} night half-orbits, {m.positive_windows} of {m.train_windows} training "
        "windows before an earthquake"
        for m in training.missions
    )
    yield (
        f"It was trained on {training.data} data: {missions}. Its earthquakes are "
        f"{training.events} events of {training.catalogue}. " + training_line(card.trained_on)
    )
    yield (
        f"A window whose score is {card.threshold:.3f} or more is part of an alarm, which counts "
        f"for {card.alarm.radius_km:.0f} km and {card.alarm.duration_h:.0f} h. Where less than "
        f"{card.minimum_coverage:.0%} of a window's values are there, nothing is said."
    )
    precision = "undefined" if point.precision is None else f"{point.precision:.1%}"
    yield (
        f"On {point.half_orbits} unselected half-orbits of {training.data} data it gave "
        f"{point.alarms_per_night_half_orbit:.2f} alarms a night half-orbit and alarmed "
        f"{point.alarmed_share:.2%} of space and time. Of all windows {point.base_rate:.2%} lay "
        f"before an earthquake (base rate), of those in alarms {precision} (precision)."
    )
    metrics = "; ".join(
        f"{m.name} {m.value:.3f} ({m.low:.3f} to {m.high:.3f})" for m in card.metrics
    )
    if metrics:
        yield f"On its test split of {training.data} data, with 95 % intervals: {metrics}."
