"""The calendar of coverage of a station's page."""

from __future__ import annotations

import calendar
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from edge.ledger import HalfOrbitRecord
from edge.show.markup import Markup, element, paragraph
from edge.show.page_view import state_of

#: Months that are shown, up to the newest acquisition.
MONTHS = 12
_STATES = ("scored", "insufficient", "failed", "open", "missing", "day")
# What a day is called, with its sign: never told by the colour alone.
_SIGNS = {
    "scored": ("ok", "●", "all night half-orbits scored"),
    "part": ("part", "◐", "some insufficient or missing"),
    "insufficient": ("part", "○", "insufficient: came, and too little of it for a score"),
    "failed": ("bad", "✕", "something failed"),
    "open": ("part", "…", "to be tried again"),
    "missing": ("gap", "-", "missing: nothing came, though the numbers go on"),
    "none": ("", "", "nothing"),
}


def coverage(half_orbits: Sequence[HalfOrbitRecord]) -> Iterator[Markup]:
    """Draw what came on each day, by month of acquisition.

    Parameters
    ----------
    half_orbits : sequence of HalfOrbitRecord
        By time of acquisition.
    """
    days: dict[date, Counter[str]] = defaultdict(Counter)
    undated = 0
    for record in half_orbits:
        if record.start:
            days[_day(record)][state_of(record)] += 1
        else:
            undated += 1
    if not days:
        yield paragraph("Nothing has come yet.")
        return
    for day, count in missing(half_orbits).items():
        days[day]["missing"] += count
    last = max(days)
    begin = date(*_months_before(last, MONTHS - 1), 1)
    first = min(day for day in days if day >= begin)
    months = [
        month
        for i in range(MONTHS - 1, -1, -1)
        if (month := _months_before(last, i)) >= (first.year, first.month)
    ]
    shown: Counter[str] = Counter()
    for day, counts in days.items():
        if day >= begin:
            shown += counts
    total = ", ".join(f"{shown[s]} {_words(s)}" for s in _STATES if shown[s])
    yield paragraph(
        f"From {first} to {last}, by day of acquisition: {total}. Missing half-orbits "
        "are counted by the numbers between the first and the last of each satellite."
    )
    if earlier := sum(r.start is not None and _day(r) < begin for r in half_orbits):
        yield paragraph(f"Not shown: {earlier} of before {begin}, the first of {min(days)}.")
    if undated:
        yield paragraph(f"Without a known time of acquisition: {undated}.")
    yield element(
        "ul",
        *(
            element("li", element("span", sign or "\u00a0", class_=f"key {class_}"), words)
            for class_, sign, words in _SIGNS.values()
        ),
        class_="legend",
    )
    yield element("div", *(_month(y, m, days) for y, m in months), class_="months")


def missing(half_orbits: Sequence[HalfOrbitRecord]) -> Counter[date]:
    """Count the night half-orbits that never came, by the day that they were due.

    Returns
    -------
    Counter of date
        By the numbers between each two of a satellite, at even steps of time.
    """
    nights: dict[str, dict[int, datetime]] = defaultdict(dict)
    for record in half_orbits:
        satellite, _, number = record.key.rpartition("_")
        # The last digit is the direction, and 1 the night side of every mission.
        if record.start and number.isdecimal() and number.endswith("1"):
            nights[satellite][int(number[:-1])] = datetime.fromisoformat(record.start)
    found: Counter[date] = Counter()
    for orbits in nights.values():
        numbers = sorted(orbits)
        for before, after in itertools.pairwise(numbers):
            step = (orbits[after] - orbits[before]) / (after - before)
            for i in range(1, after - before):
                found[(orbits[before] + i * step).date()] += 1
    return found


def _months_before(day: date, count: int) -> tuple[int, int]:
    year, month = divmod(day.year * 12 + day.month - 1 - count, 12)
    return year, month + 1


def _month(year: int, month: int, days: dict[date, Counter[str]]) -> Markup:
    heads = (
        element("th", letter, scope="col", aria_label=name)
        for letter, name in zip("MTWTFSS", calendar.day_name, strict=True)
    )
    weeks = []
    for week in calendar.Calendar().monthdatescalendar(year, month):
        cells = (
            _cell(day, days.get(day)) if day.month == month else element("td", class_="out")
            for day in week
        )
        weeks.append(element("tr", *cells))
    return element(
        "table",
        element("caption", f"{calendar.month_name[month]} {year}"),
        element("thead", element("tr", *heads)),
        element("tbody", *weeks),
    )


def _cell(day: date, counts: Counter[str] | None) -> Markup:
    number = element("b", str(day.day))
    if not counts:
        return element("td", number)
    words = ", ".join(f"{counts[s]} {_words(s)}" for s in _STATES if counts[s])
    class_, sign, _ = _SIGNS[_state(counts)]
    return element(
        "td",
        number,
        element("span", sign, aria_hidden="true"),
        element("span", words, class_="hidden"),
        class_=class_ or None,
        title=words,
    )


def _state(counts: Counter[str]) -> str:
    if counts["failed"]:
        return "failed"
    if counts["open"]:
        return "open"
    if counts["scored"]:
        return "part" if counts["insufficient"] or counts["missing"] else "scored"
    if counts["insufficient"]:
        return "insufficient"
    return "missing" if counts["missing"] else "none"


def _words(state: str) -> str:
    return {"day": "day side", "open": "to be tried again"}.get(state, state)


def _day(record: HalfOrbitRecord) -> date:
    return datetime.fromisoformat(record.start or "").date()
