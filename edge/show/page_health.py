"""The health of a station, as its page says it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from edge.ledger import SCORED
from edge.show.markup import Markup, element, joined, paragraph, table
from edge.show.page_view import StationView, minute, state_of, to_minute
from edge.show.report import counted

#: Exit code of a run that a person should look at; one that was interrupted has another.
FAILED_RUN = 2
_DAY_S = 86_400.0
_WORDS = {"day": "day side"}


def health(view: StationView) -> Iterator[Markup]:
    """Say whether a station lives, and what became of its half-orbits."""
    wrong = list(_attention(view))
    if wrong:
        yield paragraph("✕ Needs a person: ", "; ".join(wrong), ".", class_="state bad")
    elif view.as_of is None:
        yield paragraph("Nothing has come yet.", class_="state")
    else:
        yield paragraph("✓ Nothing needs a person.", class_="state ok")
    newest = next((r for r in reversed(view.half_orbits) if r.start), None)
    run = view.run
    ended = "not yet ended, or killed"
    if run and run.ended:
        ended = f"ended {minute(run.ended)}"
    given = Counter(r.status for r in view.half_orbits)
    facts: list[tuple[str, str]] = [
        ("Last half-orbit", f"{newest.key}, taken {to_minute(newest.start)}" if newest else "none"),
        (
            "Last run",
            f"began {minute(run.started)}, {ended}"
            + ("" if run.exit_code is None else f", exit code {run.exit_code}")
            if run
            else "none is recorded",
        ),
        ("Waiting", f"{counted(view.waiting, 'file')}, or half-orbits that lack some"),
        ("To be tried again", counted(given["retry"] + given["running"], "half-orbit")),
        ("Given up", counted(given["given up"], "half-orbit")),
        ("Software", ", ".join(filter(None, _software(view))) or "unknown"),
    ]
    yield element(
        "dl",
        *(joined(element("dt", name), element("dd", text)) for name, text in facts),
        class_="facts",
    )
    spans = (("last 24 h", _DAY_S), ("last 7 days", 7 * _DAY_S), ("all", math.inf))
    counts = []
    for _, seconds in spans:
        since = (view.as_of or 0.0) - seconds
        found = [r for r in view.half_orbits if (r.done_at or 0.0) >= since]
        counts.append(Counter(map(state_of, found)))
        counts[-1]["alarms"] = sum(r.alarms for r in found if r.status in SCORED)
    states = ("scored", "insufficient", "day", "failed", "alarms")
    yield table(
        "Half-orbits that were finished",
        ("state", *(name for name, _ in spans)),
        [(_WORDS.get(s, s), *(str(c[s]) for c in counts)) for s in states],
    )


def _attention(view: StationView) -> Iterator[str]:
    statuses = Counter(r.status for r in view.half_orbits)
    week = (view.as_of or 0.0) - 7 * _DAY_S
    failed = sum(r.status == "failed" and (r.done_at or 0.0) >= week for r in view.half_orbits)
    bad = sum(file.first_seen >= week for file in view.bad_files)
    again = statuses["retry"] + statuses["running"]
    if statuses["given up"]:
        yield f"{counted(statuses['given up'], 'half-orbit')} given up"
    if failed:
        yield f"{counted(failed, 'half-orbit')} failed in the last 7 days"
    if again:
        yield f"{counted(again, 'half-orbit')} to be tried again"
    if bad:
        yield f"{counted(bad, 'file')} of the last 7 days could not be used"
    if view.run and view.run.exit_code == FAILED_RUN:
        yield f"the last run ended with exit code {view.run.exit_code}"
    if view.card is None:
        yield view.card_problem


def _software(view: StationView) -> tuple[str, str]:
    last = max(view.half_orbits, key=lambda r: r.tried_at, default=None)
    source = view.run or last
    if source is None:
        return "", ""
    runtime = source.runtime or (last.runtime if last else "")
    return f"edge-score {source.code_version}" if source.code_version else "", runtime
