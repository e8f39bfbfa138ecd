"""The page of a station: one HTML file that asks for nothing, without a script.

Notes
-----
Times are those of the ledger, and "now" is its newest entry: the same ledger gives the same
bytes, and the page of a station that stopped does not pretend to be new.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from edge.errors import ConfigError
from edge.ledger import SCORED, HalfOrbitRecord
from edge.outputs import replace_file
from edge.show.markup import Markup, element, joined, paragraph, table
from edge.show.page_calendar import coverage
from edge.show.page_charts import MAX_CIRCLES, MAX_TRACKS, SHARES, score_chart, station_map
from edge.show.page_health import health
from edge.show.page_style import STYLE
from edge.show.page_view import StationView, minute, read_view, to_minute, utc
from edge.show.report import RESEARCH_ONLY, card_in_words, counted, training_line
from edge.station.alarms import StationAlarm, alarm_id

REPORT_FILE = "report.html"

#: Seconds between two pages that a stream writes.
PAUSE_S = 300.0
#: Days of tracks on the map, and of the chart.
RECENT, CHARTED = timedelta(days=14), timedelta(days=366)
#: Rows of a table; more are counted.
MAX_ROWS = 100
_FAILED = ("failed", "given up", "retry", "running")
_SECTIONS = (
    ("health", "Health"),
    ("map", "Map"),
    ("alarms", "Alarms"),
    ("coverage", "Coverage"),
    ("scores", "Scores"),
    ("failures", "What failed"),
    ("model", "Model"),
)


def write_page(out: Path, to: Path | None = None, bundle: Path | None = None) -> Path:
    """Write the page of a station.

    Parameters
    ----------
    out : Path
        Folder of a stream's results and ledger.
    to : Path, optional
        The page, replaced whole; ``report.html`` in `out` by default.
    bundle : Path, optional
        The one that ships by default.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError
        There is no ledger, or the page cannot be written.
    LedgerError
        The ledger cannot be read.
    """
    target = to or out / REPORT_FILE
    # A slip of the hand must not replace a ledger.
    if target.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"page: expected a name that ends in .html, got {target.name!r}")
    content = render(read_view(out, bundle)).encode("utf-8", "replace")
    try:
        replace_file(target, content)
    except OSError as error:
        raise ConfigError(f"{target.name}: cannot be written: {error.strerror or error}") from None
    return target


def refresh_page(out: Path, bundle: Path | None, now: float) -> None:
    """Write the page of a station whose page is no longer new; see `write_page`.

    Parameters
    ----------
    now : float
        Seconds since 1970.
    """
    try:
        age = now - (out / REPORT_FILE).stat().st_mtime
    except OSError:
        age = math.inf
    # One that comes from the future was written by a clock that was wrong.
    if not 0.0 <= age < PAUSE_S:
        write_page(out, bundle=bundle)


def render(view: StationView) -> str:
    """Make the page of a station.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    LedgerError
        A track in the ledger is not one.
    """
    style = Markup(STYLE)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"Station {view.name}"
    makers = (health, _map, _alarms, _coverage, _scores, _failures, _model)
    sections = (
        element(
            "section",
            element("h2", name, id=f"{key}-h"),
            *make(view),
            id=key,
            aria_labelledby=f"{key}-h",
        )
        for (key, name), make in zip(_SECTIONS, makers, strict=True)
    )
    links = (element("li", element("a", name, href=f"#{key}")) for key, name in _SECTIONS)
    page = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=policy),
            element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name_="color-scheme", content="light dark"),
            element("meta", name_="referrer", content="no-referrer"),
            element("title", title),
            element("style", style),
        ),
        element(
            "body",
            element("a", "Skip to the content", href="#main", class_="skip"),
            element("header", element("h1", title), *_made(view), *_notice(view)),
            element("nav", element("ul", *links), aria_label="Sections"),
            element("main", *sections, id="main", tabindex=-1),
            element(
                "footer",
                paragraph(
                    "Coastlines: Natural Earth, public domain. Times are UTC. ", RESEARCH_ONLY
                ),
            ),
        ),
        lang="en",
    )
    return f"<!doctype html>\n{page}\n"


def _made(view: StationView) -> Iterator[Markup]:
    if view.as_of is None:
        yield paragraph("The station has not run yet.", class_="soft")
        return
    yield paragraph(
        "As of ",
        _moment(view.as_of),
        ", the newest entry of its ledger. If that is long ago, "
        "the station, or what makes this page, has stopped.",
        class_="soft",
    )


def _notice(view: StationView) -> Iterator[Markup]:
    if view.simulated:
        strong, text = "Simulated training data: not a forecast.", training_line("simulated")
    elif view.card is None:
        strong, text = "Unknown training data: not a forecast.", RESEARCH_ONLY
    else:
        return
    yield paragraph(element("strong", strong), " ", text, class_="notice", role="note")


def _map(view: StationView) -> Iterator[Markup]:
    threshold = _threshold(view)
    shown = _recent(view, RECENT)
    tracks = [r for r in shown if r.status in SCORED and r.track != "[]"]
    first = shown[0].start if shown else ""
    alarms = [
        (number, known, valid)
        for number, known, valid in _numbered(view)
        if known.alarm.time >= (first or "") or valid
    ]
    if not tracks and not alarms:
        yield paragraph("No night track has been scored yet.")
    elif shown:
        yield paragraph(
            f"Tracks of the {RECENT.days} days up to {to_minute(shown[-1].start)}: "
            f"{counted(len(tracks), 'night half-orbit')}, {counted(len(alarms), 'alarm')}. Colour "
            "and width of a track follow the score; alarms have the numbers of the table below."
        )
    if len(tracks) > MAX_TRACKS or len(alarms) > MAX_CIRCLES:
        yield paragraph(f"Only the newest {MAX_TRACKS} tracks and {MAX_CIRCLES} alarms are drawn.")
    description = (
        f"Equirectangular map with coastlines, {len(tracks)} night tracks coloured by score and "
        f"{len(alarms)} alarms with their circles. The alarms stand in the table that follows."
    )
    yield element("figure", station_map(tracks, alarms, threshold, description))
    bounds = [share * (threshold or 1.0) for share in SHARES]
    names = [f"score below {bounds[0]:.2f}"]
    names += [f"{low:.2f} to {high:.2f}" for low, high in itertools.pairwise(bounds)]
    if threshold is not None:
        names.append(f"{threshold:.2f} and more: the alarm's threshold")
    classes = [*(f"track s{i}" for i in range(len(names))), "track none", "circle"]
    keys = zip(classes, (*names, "not enough data", "circle of an alarm, to scale"), strict=True)
    yield element("ul", *(element("li", _sample(c), name) for c, name in keys), class_="legend")


def _sample(class_: str) -> Markup:
    """Draw a piece of what a legend explains."""
    if class_ == "circle":
        shape = element("path", d="M20 4a6 6 0 1 0 0.1 0z", class_="circle")
        shape = element("g", shape, class_="valid")
    else:
        shape = element("path", d="M3 10H37", class_=class_)
    return element("svg", shape, viewBox="0 0 40 20", aria_hidden="true")


def _alarms(view: StationView) -> Iterator[Markup]:
    numbered = _numbered(view)
    if not numbered:
        yield paragraph("No alarm stands.")
        return
    yield paragraph(
        "An alarm is a run of windows at or above the threshold. At the real rate of earthquakes "
        "most alarms of even a good model are false."
    )
    rows: list[tuple[str, ...]] = []
    for number, known, valid in reversed(numbered[-MAX_ROWS:]):
        a = known.alarm
        state = "valid" if valid else "past"
        if known.expired_on_arrival:
            state = "expired on arrival"
        rows.append(
            (
                str(number),
                to_minute(a.time),
                _place(a.latitude, a.longitude),
                f"{a.peak:.3f}",
                state,
                to_minute(a.valid_until),
                f"{a.radius_km:.0f} km",
                a.geomagnetic if a.kp is None else f"{a.geomagnetic} (Kp {a.kp:.1f})",
                alarm_id(a),
            )
        )
    columns = (
        "No.",
        "time",
        "place",
        "score",
        "state",
        "valid until",
        "radius",
        "geomagnetic",
        "id",
    )
    yield table("Alarms, the newest first", columns, rows, "stack")
    yield from _more(len(numbered), "alarms.jsonl has them all")


def _coverage(view: StationView) -> Iterator[Markup]:
    return coverage(view.half_orbits)


def _scores(view: StationView) -> Iterator[Markup]:
    scored = [r for r in _recent(view, CHARTED) if r.status in SCORED and r.peak is not None]
    if not scored:
        yield paragraph("No half-orbit has a score yet.")
        return
    threshold = _threshold(view)
    peaks = [r.peak or 0.0 for r in scored]
    over = 0 if threshold is None else sum(p >= threshold for p in peaks)
    description = (
        f"{len(scored)} night half-orbits from {to_minute(scored[0].start)} to "
        f"{to_minute(scored[-1].start)}; highest score of each between {min(peaks):.2f} and "
        f"{max(peaks):.2f}, median {median(peaks):.2f}; {over} at or above the threshold. "
        "The table that follows has each month."
    )
    line = (
        "The threshold is not known."
        if threshold is None
        else f"The dashed line is the threshold, {threshold:.3f}; dots are below it, triangles at "
        "or above it."
    )
    yield paragraph("The highest score of each night half-orbit. ", line)
    yield element("figure", score_chart(scored, threshold, description))
    months: dict[str, list[HalfOrbitRecord]] = defaultdict(list)
    for record in scored:
        months[(record.start or "")[:7]].append(record)
    rows: list[tuple[str, ...]] = [
        (
            month,
            str(len(found)),
            f"{median(r.peak or 0.0 for r in found):.3f}",
            f"{max(r.peak or 0.0 for r in found):.3f}",
            str(sum(r.alarms for r in found)),
        )
        for month, found in sorted(months.items(), reverse=True)
    ]
    columns = ("month", "nights", "median", "highest", "alarms")
    yield table("Highest scores of night half-orbits, by month of acquisition", columns, rows)


def _failures(view: StationView) -> Iterator[Markup]:
    failed = [r for r in view.half_orbits if r.status in _FAILED]
    if not failed and not view.bad_files:
        yield paragraph("Nothing.")
        return
    order = {"given up": 0, "retry": 1, "running": 1, "failed": 2}
    failed.sort(key=lambda r: (order[r.status], -r.tried_at, r.key))
    words = {"retry": "to be tried again", "running": "begun, not ended"}
    if failed:
        yield element("h3", "Half-orbits that failed")
        yield _named(
            (
                r.key,
                f"{words.get(r.status, r.status)}, "
                + (f"{counted(r.attempts, 'attempt')} in a row, " if r.attempts else "")
                + f"last tried {_tried(r)}: {r.reason or 'the process ended'}",
            )
            for r in failed[:MAX_ROWS]
        )
        yield from _more(len(failed), "the ledger has them all")
    if view.bad_files:
        yield element("h3", "Files that could not be used")
        yield _named((file.path, file.reason) for file in view.bad_files[:MAX_ROWS])
        yield from _more(len(view.bad_files), "the ledger has them all")


def _named(items: Iterable[tuple[str, str]]) -> Markup:
    pairs = (joined(element("dt", name), element("dd", text)) for name, text in items)
    return element("dl", *pairs, class_="failures")


def _model(view: StationView) -> Iterator[Markup]:
    if view.card is None:
        yield paragraph(f"Its card cannot be shown: {view.card_problem}")
        return
    for text in card_in_words(view.card):
        yield paragraph(text)


def _threshold(view: StationView) -> float | None:
    return view.card.threshold if view.card else None


def _recent(view: StationView, span: timedelta) -> list[HalfOrbitRecord]:
    """Half-orbits of the last while, counted from the newest acquisition."""
    dated = [r for r in view.half_orbits if r.start]
    if not dated:
        return []
    since = datetime.fromisoformat(dated[-1].start or "") - span
    return [r for r in dated if datetime.fromisoformat(r.start or "") >= since]


def _numbered(view: StationView) -> list[tuple[int, StationAlarm, bool]]:
    now = "" if view.as_of is None else f"{utc(view.as_of):%Y-%m-%dT%H:%M:%S}"
    return [(i, known, known.alarm.valid_until >= now) for i, known in enumerate(view.alarms, 1)]


def _more(count: int, where: str) -> Iterator[Markup]:
    if count > MAX_ROWS:
        yield paragraph(f"{count - MAX_ROWS} more: {where}.", class_="soft")


def _moment(seconds: float) -> Markup:
    time = utc(seconds)
    return element("time", minute(seconds), datetime=f"{time:%Y-%m-%dT%H:%M:%SZ}")


def _tried(record: HalfOrbitRecord) -> str:
    return f"{utc(record.tried_at):%Y-%m-%d %H:%M}" if record.tried_at else "never"


def _place(latitude: float, longitude: float) -> str:
    return (
        f"{abs(latitude):.1f}° {'S' if latitude < 0 else 'N'}, "
        f"{abs(longitude):.1f}° {'W' if longitude < 0 else 'E'}"
    )
