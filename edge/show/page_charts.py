"""The map and the chart of a station's page, as SVG."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from edge.circles import circle
from edge.errors import LedgerError
from edge.ledger import HalfOrbitRecord
from edge.show.coastlines import coastlines
from edge.show.markup import Markup, element, joined
from edge.station.alarms import StationAlarm

#: Shares of the threshold at which the colour and the width of a track change.
SHARES = (0.25, 0.5, 0.75, 1.0)
#: Bounds of the map's and the chart's memory, against ledgers of many satellites.
MAX_TRACKS, MAX_CIRCLES = 1000, 200

# The map's unit is 0.1 deg, the chart's a thousandth of its width.
_MAP = (3600, 1800)
_CHART = (1000, 340)
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 985, 14, 290

Place = tuple[float, float, float | None]


def score_class(score: float | None, threshold: float | None) -> int | None:
    """Class of a score: 0 to 4, the last one at or above the threshold; None without a score."""
    if score is None:
        return None
    found = sum(score >= share * (threshold or 1.0) for share in SHARES)
    return found if threshold is not None else min(found, len(SHARES) - 1)


def station_map(
    half_orbits: Sequence[HalfOrbitRecord],
    alarms: Sequence[tuple[int, StationAlarm, bool]],
    threshold: float | None,
    description: str,
) -> Markup:
    """Draw tracks and alarms on a map of the Earth, every degree as wide as high.

    Parameters
    ----------
    alarms : sequence of (int, StationAlarm, bool)
        Each with its number in the page's table, and whether it is still valid.
    threshold : float or None
        Where it is not known nothing is drawn as over it.
    description : str
        For who does not see it.

    Raises
    ------
    LedgerError
        A track is not one.
    """
    lines = [f"M{x} 0V{_MAP[1]}" for x in range(300, _MAP[0], 300)] + [
        f"M0 {y}H{_MAP[0]}" for y in range(300, _MAP[1], 300)
    ]
    labels = [
        element("text", _degrees(lat, "N", "S"), x=15, y=900 - lat * 10 - 12)
        for lat in (60, 30, 0, -30, -60)
    ] + [
        element("text", _degrees(lon, "E", "W"), x=1800 + lon * 10, y=1782, class_="mid")
        for lon in (-120, -60, 0, 60, 120)
    ]
    tracks = (_track(record, threshold) for record in half_orbits[-MAX_TRACKS:])
    circles = (_alarm(*alarm) for alarm in alarms[-MAX_CIRCLES:])
    return _picture(
        "map",
        _MAP,
        "Map of recent night tracks and alarms",
        description,
        element("rect", width=_MAP[0], height=_MAP[1], class_="sea"),
        element("path", d=_land(), class_="land"),
        element("path", d="".join(lines), class_="grid"),
        *tracks,
        *labels,
        *circles,
    )


def score_chart(
    half_orbits: Sequence[HalfOrbitRecord], threshold: float | None, description: str
) -> Markup:
    """Draw the highest score of each half-orbit over time.

    Parameters
    ----------
    half_orbits : sequence of HalfOrbitRecord
        Each with a start and a peak, by time.
    """
    times = [_time(record) for record in half_orbits]
    first, last = times[0], max(times[-1], times[0] + timedelta(days=1))
    span = (last - first).total_seconds()

    def across(time: datetime) -> int:
        return round(_LEFT + (_RIGHT - _LEFT) * (time - first).total_seconds() / span)

    def up(score: float) -> int:
        return round(_BOTTOM - (_BOTTOM - _TOP) * min(max(score, 0.0), 1.0))

    # Dots on one another are one.
    below: dict[tuple[int, int], None] = {}
    above: dict[tuple[int, int], None] = {}
    for time, record in zip(times, half_orbits, strict=True):
        peak = record.peak or 0.0
        (below if threshold is None or peak < threshold else above)[across(time), up(peak)] = None
    axis = [
        joined(
            element("path", d=f"M{_LEFT} {up(score)}H{_RIGHT}", class_="grid"),
            element("text", f"{score:g}", x=_LEFT - 8, y=up(score) + 8, class_="end"),
        )
        for score in (0.0, 0.5, 1.0)
    ]
    for time, label in _ticks(first, last):
        axis.append(element("path", d=f"M{across(time)} {_TOP}V{_BOTTOM}", class_="grid"))
        if _LEFT < across(time) < _RIGHT - 50:
            axis.append(element("text", label, x=across(time), y=_BOTTOM + 32, class_="mid"))
    if threshold is not None:
        line = f"M{_LEFT} {up(threshold)}H{_RIGHT}"
        axis.append(element("path", d=line, class_="threshold"))
    return _picture(
        "chart",
        _CHART,
        "Highest score of each night half-orbit over time",
        description,
        *axis,
        element("path", d="".join(f"M{x} {y}h0" for x, y in below), class_="dots"),
        element("path", d="".join(f"M{x - 6} {y + 5}h12l-6-11z" for x, y in above), class_="peaks"),
    )


def _picture(
    class_: str, size: tuple[int, int], title: str, description: str, *content: Markup
) -> Markup:
    return element(
        "svg",
        element("title", title, id=f"{class_}-title"),
        element("desc", description, id=f"{class_}-desc"),
        *content,
        class_=class_,
        viewBox=f"0 0 {size[0]} {size[1]}",
        role="img",
        aria_labelledby=f"{class_}-title {class_}-desc",
    )


def _degrees(value: int, positive: str, negative: str) -> str:
    return f"{abs(value)}°{positive if value > 0 else negative if value < 0 else ''}"


def _land() -> str:
    """Path of the land, each point relative to the one before."""
    parts = []
    for ring in coastlines():
        points = [_at(x, y) for x, y in ring[:-1]]
        steps = (f"{c - a} {d - b}" for (a, b), (c, d) in itertools.pairwise(points))
        parts.append(f"M{points[0][0]} {points[0][1]}l{' '.join(steps)}z")
    return "".join(parts)


def _at(longitude: float, latitude: float) -> tuple[int, int]:
    return round(1800 + longitude * 10), round(900 - latitude * 10)


def places(record: HalfOrbitRecord) -> list[Place]:
    """Places along a half-orbit: longitude, latitude, highest score there or None.

    Raises
    ------
    LedgerError
        The ledger holds something else.
    """
    try:
        found = msgspec.json.decode(record.track, type=list[Place])
    except msgspec.MsgspecError as error:
        raise LedgerError(f"ledger: track of {record.key}: {error}") from None
    if any(abs(x) > 360.0 or abs(y) > 90.0 for x, y, _ in found):
        raise LedgerError(f"ledger: track of {record.key}: expected degrees, got {record.track}")
    return found


def _track(record: HalfOrbitRecord, threshold: float | None) -> Markup:
    """Draw one half-orbit: a piece of line has the class of the higher score at its ends."""
    found = places(record)
    pieces: list[tuple[str, list[tuple[int, int]]]] = []
    for (x0, y0, before), (x1, y1, after) in itertools.pairwise(found):
        scores = [s for s in (before, after) if s is not None]
        number = score_class(max(scores), threshold) if len(scores) == 2 else None
        class_ = "none" if number is None else f"s{number}"
        for start, end in _within_map(x0, y0, x1, y1):
            if pieces and pieces[-1][0] == class_ and pieces[-1][1][-1] == start:
                pieces[-1][1].append(end)
            else:
                pieces.append((class_, [start, end]))
    paths: dict[str, str] = {}
    for class_, points in pieces:
        line = " ".join(f"{x} {y}" for x, y in points)
        paths[class_] = f"{paths.get(class_, '')}M{line}"
    peak = "no score" if record.peak is None else f"highest score {record.peak:.2f}"
    title = element("title", f"{record.key}, {(record.start or '')[:16]}, {peak}")
    return element(
        "g", title, *(element("path", d=d, class_=f"track {c}") for c, d in sorted(paths.items()))
    )


def _within_map(
    x0: float, y0: float, x1: float, y1: float
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Cut a line at the antimeridian, which it crosses where that is the shorter way."""
    x0 = math.remainder(x0, 360.0)
    x1 = x0 + math.remainder(x1 - x0, 360.0)
    if abs(x1) <= 180.0:
        yield _at(x0, y0), _at(x1, y1)
        return
    edge = math.copysign(180.0, x1)
    y = y0 + (y1 - y0) * (edge - x0) / (x1 - x0)
    yield _at(x0, y0), _at(edge, y)
    yield _at(-edge, y), _at(x1 - 2.0 * edge, y1)


def _alarm(number: int, known: StationAlarm, valid: bool) -> Markup:
    """Draw an alarm: its circle to scale, and a mark that is seen on a phone."""
    alarm = known.alarm
    rings = circle(alarm.latitude, alarm.longitude, alarm.radius_km)
    x, y = _at(math.remainder(alarm.longitude, 360.0), alarm.latitude)
    aside, anchor = (-45, "end") if x > _MAP[0] - 250 else (45, None)
    return element(
        "g",
        element(
            "title",
            f"Alarm {number}, {alarm.half_orbit}, {alarm.time[:16]}, score {alarm.peak:.2f}, "
            f"radius {alarm.radius_km:.0f} km",
        ),
        element("path", d="".join(map(_ring, rings)), class_="circle"),
        element("path", d=f"M{x} {y}h0", class_="mark"),
        element("text", str(number), x=x + aside, y=max(y - 30, 90), class_=anchor),
        class_="alarm valid" if valid else "alarm",
    )


def _ring(ring: Iterable[tuple[float, float]]) -> str:
    points = (f"{1800 + x * 10:.1f} {900 - y * 10:.1f}" for x, y in ring)
    return f"M{' '.join(points)}z"


def _time(record: HalfOrbitRecord) -> datetime:
    return datetime.fromisoformat(record.start or "")


def _ticks(first: datetime, last: datetime) -> Iterator[tuple[datetime, str]]:
    """Not more than six marks: days, or the first days of months or years."""
    days = (last - first).days + 1
    if days <= 62:
        step = max(1, math.ceil(days / 6))
        day = first.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        while day <= last:
            yield day, f"{day.day} {day:%b}"
            day += timedelta(days=step)
        return
    months = max(1, math.ceil(days / 30.4 / 5))
    months = next((m for m in (1, 2, 3, 6) if m >= months), 12 * math.ceil(months / 12))
    # Counted from January of year 0, so that marks stand at round months.
    number = math.ceil((first.year * 12 + first.month) / months) * months
    while (month := _month(first, number)) <= last:
        yield month, f"{month:%b %Y}" if months < 12 else str(month.year)
        number += months


def _month(like: datetime, number: int) -> datetime:
    year, month = divmod(number, 12)
    return datetime(year, month + 1, 1, tzinfo=like.tzinfo)
