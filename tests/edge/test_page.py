"""The page of a station: what it says, what it never does, and how it looks in a browser."""

from __future__ import annotations

import base64
import hashlib
import math
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.bundle import default_bundle_path, load_card
from edge.config import Settings
from edge.errors import ConfigError, LedgerError
from edge.ledger import LEDGER_FILE, AlarmRecord, FileRecord, HalfOrbitRecord, Ledger, RunRecord
from edge.results import Alarm
from edge.show.page import render, write_page
from edge.show.page_calendar import missing
from edge.show.page_charts import places
from edge.show.page_style import STYLE
from edge.show.page_view import BadFile, StationView, read_view
from edge.station.alarms import StationAlarm
from edge.station.diary import Diary

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NOON = datetime(2026, 6, 16, 12, tzinfo=UTC)
STAMP = "%Y-%m-%dT%H:%M:%S.000Z"
HOSTILE = '<script>alert("x")</script> & \'"><img src=http://x.example/>'


def alarm(latitude: float, longitude: float, hours: float = 1.0, **changes: object) -> StationAlarm:
    time = NOON - timedelta(hours=hours)
    values = {
        "half_orbit": "CSES_131571",
        "start": f"{time - timedelta(seconds=30):{STAMP}}",
        "end": f"{time + timedelta(seconds=30):{STAMP}}",
        "time": f"{time:{STAMP}}",
        "latitude": latitude,
        "longitude": longitude,
        "peak": 0.961,
        "windows": 9,
        "radius_km": 150.0,
        "valid_until": f"{time + timedelta(hours=48):{STAMP}}",
        "trained_on": "simulated",
    }
    known = Alarm(**(values | changes))
    return StationAlarm(
        revision=1,
        state="new",
        known_at=f"{time + timedelta(hours=2):{STAMP}}",
        expired_on_arrival=hours > 100,
        alarm=known,
    )


def half_orbit(number: int, **changes: object) -> HalfOrbitRecord:
    """Make the half-orbit that was taken so many half-orbits before noon."""
    chance = random.Random(number)
    start = NOON - timedelta(minutes=47.3 * number)
    night = number % 2 == 1
    node = (40.0 - 11.8 * number + 180.0) % 360.0 - 180.0
    base = chance.betavariate(1.2, 4.0)
    track = [
        [
            round((node - math.degrees(0.12 * math.tan(math.radians(lat))) + 180) % 360 - 180, 1),
            lat,
            None if chance.random() < 0.05 else round(min(base * chance.uniform(0.3, 1.2), 1), 3),
        ]
        for lat in range(-55, 56, 10)
    ]
    peak = max(score or 0.0 for _, _, score in track)
    values: dict[str, object] = {
        "key": f"CSES_{20000 - number // 2:05d}{int(night)}",
        "status": "done" if night else "day",
        "parameters": "x",
        "windows": 480 if night else 0,
        "insufficient": 0,
        "alarms": int(night and peak >= 0.938),
        "tried_at": start.timestamp() + 7200,
        "done_at": start.timestamp() + 7230,
        "first_seen": start.timestamp() + 7100,
        "runtime": "ai-edge-litert 2.0",
        "code_version": "0.9.0",
        "revision": 1,
        "side": "night" if night else "day",
        "start": f"{start:{STAMP}}",
        "end": f"{start + timedelta(minutes=38):{STAMP}}",
        "peak": peak if night else None,
        "track": msgspec.json.encode(track if night else []).decode(),
    }
    return HalfOrbitRecord(**(values | changes))


def view(half_orbits: list[HalfOrbitRecord], **changes: object) -> StationView:
    values: dict[str, object] = {
        "name": "results",
        "as_of": NOON.timestamp() + 7300,
        "half_orbits": sorted(half_orbits, key=lambda r: r.start or ""),
        "alarms": [],
        "bad_files": [],
        "waiting": 0,
        "run": RunRecord(
            id=7,
            started=NOON.timestamp() + 7200,
            ended=NOON.timestamp() + 7300,
            scored=2,
            failed=0,
            waiting=0,
            exit_code=0,
            code_version="0.9.0",
            runtime="ai-edge-litert 2.0",
        ),
        "card": load_card(default_bundle_path()),
    }
    return StationView(**(values | changes))


def empty() -> StationView:
    return view([], as_of=None, run=None)


def usual() -> StationView:
    """Make a year with a gap, thin data now and then, and alarms about the antimeridian."""
    records = [
        half_orbit(n, **({"insufficient": 480} if n % 90 == 1 else {}))
        for n in range(1, 10_001)
        if not 700 < n < 860
    ]
    alarms = [
        alarm(-21.0, 12.0, 300.0),
        alarm(35.6, 139.7, 60.0),
        alarm(-17.5, 179.4, 5.0, radius_km=900.0),
        alarm(52.0, -177.0, 2.0, peak=0.988),
    ]
    return view(records, alarms=alarms)


def broken() -> StationView:
    records = [half_orbit(n) for n in range(8, 400)]
    for n, status in enumerate(("given up", "given up", "retry", "running", "failed", "failed")):
        reason = f"half-orbit CSES_20001{n} ended the process 5 times in a row; {HOSTILE}"
        records.append(
            half_orbit(
                n * 30 + 1,
                status=status,
                reason=reason,
                attempts=5 - n,
                peak=None,
                track="[]",
                side="",
                start=None if n == 1 else half_orbit(n * 30 + 1).start,
            )
        )
    bad = [BadFile(f"2026/{HOSTILE}.h5", f"not HDF5 {HOSTILE}", NOON.timestamp())]
    return view(
        records, name=HOSTILE, bad_files=bad, waiting=3, card=None, card_problem="card.json: gone"
    )


class Page(HTMLParser):
    """Checks that elements are closed in order, and gathers what matters."""

    VOID = ("meta",)

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


VIEWS = {"empty": empty, "usual": usual, "broken": broken}


@pytest.mark.parametrize("kind", VIEWS)
def test_page_is_well_formed_and_asks_for_nothing(kind: str) -> None:
    text = render(VIEWS[kind]())
    assert text == render(VIEWS[kind]())
    page = Page(text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img", "link", "iframe", "form"})
    for _, attributes in page.tags:
        assert attributes.keys().isdisjoint({"src", "srcset", "style", "onclick"})
        assert (attributes.get("href") or "#").startswith("#")
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(
        m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")


@pytest.mark.parametrize("kind", VIEWS)
def test_page_is_for_everybody(kind: str) -> None:
    page = Page(render(VIEWS[kind]()))
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("nav")) == 1
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for name in ("aria-labelledby", "href"):
            for target in (attributes.get(name) or "").split():
                assert target.removeprefix("#") in ids
    assert len(page.all("table")) == len(page.all("caption"))
    assert all(th.get("scope") in ("row", "col") for th in page.all("th"))
    for svg in page.all("svg"):
        assert svg.get("aria-hidden") == "true" or svg.get("role") == "img"
    # Each is reached by keyboard where it is wider than the screen.
    for div in page.all("div"):
        if div.get("class") == "wide":
            assert div["tabindex"] == "0"
            assert div["aria-label"]


def test_page_says_that_the_training_was_simulated() -> None:
    for made in (empty(), usual(), view([], card=None, alarms=[alarm(0.0, 0.0)])):
        assert "Simulated training data: not a forecast." in Page(render(made)).text
    card = load_card(default_bundle_path())
    real = msgspec.structs.replace(
        card, training=msgspec.structs.replace(card.training, data="real")
    )
    text = Page(render(view([], card=real))).text
    assert "not a forecast" not in text
    assert "never for the protection of life or property" in text


def test_hostile_text_is_text() -> None:
    text = render(broken())
    page = Page(text)
    assert HOSTILE in page.text
    assert "<script" not in text
    assert "<img" not in text


def test_year_is_small_and_summed_up() -> None:
    text = render(usual())
    assert len(text.encode()) < 1_000_000
    page = Page(text)
    assert "Nothing needs a person" in page.text
    assert len([svg for svg in page.all("svg") if svg.get("class") == "map"]) == 1
    # Fourteen days of nights, each with its name.
    assert 200 < page.text.count(", highest score ") < 240
    assert page.text.count("17.5° S, 179.4° E") == 1


def test_alarm_across_the_antimeridian_is_drawn_at_both_edges() -> None:
    text = render(view([half_orbit(1)], alarms=[alarm(-17.5, 179.4, radius_km=900.0)]))
    (path,) = re.findall(r'<path d="(M[^"]*zM[^"]*z)" class="circle">', text)
    left, right = path.rstrip("z").split("z")
    ends = [[float(x) for x in re.findall(r"([\d.]+) [\d.]+", p)] for p in (left, right)]
    assert max(ends[0]) == 3600.0
    assert min(ends[1]) == 0.0
    assert min(ends[0]) > 3500.0
    assert max(ends[1]) < 120.0


def test_broken_station_says_so_first() -> None:
    text = Page(render(broken())).text
    assert "Needs a person: 2 half-orbits given up; 2 half-orbits failed in the last 7 days" in text
    assert "2 half-orbits to be tried again" in text
    assert "1 file of the last 7 days could not be used; card.json: gone." in text
    assert "failed, last tried 2026-06-11 14:57: half-orbit CSES_200015 ended" in text
    assert "Without a known time of acquisition: 1." in text
    assert "The threshold is not known." in text
    assert "Unknown training data: not a forecast." in text
    assert "Its card cannot be shown: card.json: gone" in text
    rows = re.findall(r"CSES_\d{6}(given up|to be tried again|begun, not ended|failed),", text)
    assert rows == ["given up"] * 2 + ["to be tried again", "begun, not ended"] + ["failed"] * 2


def test_missing_half_orbits_are_counted_by_their_numbers() -> None:
    records = [half_orbit(n) for n in (1, 2, 3, 9, 11)]
    found = missing(records)
    assert sum(found.values()) == 2
    assert set(found) == {(NOON - timedelta(minutes=47.3 * 6)).date()}
    assert not missing([half_orbit(1), half_orbit(1, key="DEMETER_000011")])


def test_station_that_began_long_ago_shows_its_last_year() -> None:
    old = [half_orbit(n * 1000 + 1) for n in range(20)]
    text = Page(render(view(old))).text
    # A thousand half-orbits take 32.8 days.
    assert "Not shown: 9 of before 2025-07-01, the first of 2024-09-30." in text
    assert "From 2025-07-01 to 2026-06-16" in text
    assert "June 2025" not in text
    assert "July 2025" in text


def shade(colour: str) -> float:
    """Relative luminance, as WCAG has it."""
    digits = colour.removeprefix("#")
    parts = [
        int(digits[i : i + 2] if len(digits) == 6 else digits[i // 2] * 2, 16) / 255
        for i in (0, 2, 4)
    ]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_told_apart(scheme: str) -> None:
    blocks = re.findall(r":root {([^}]*)}", STYLE)
    colours = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]+)", blocks[scheme == "dark"]))

    def contrast(one: str, other: str) -> float:
        dim, bright = sorted((shade(colours[one]), shade(colours[other])))
        return (bright + 0.05) / (dim + 0.05)

    texts = [(t, "paper") for t in ("ink", "soft", "link")] + [("notice-ink", "notice")]
    texts += [("ink", ground) for ground in ("ok", "part", "bad")] + [("soft", "sea")]
    assert {pair: contrast(*pair) for pair in texts if contrast(*pair) < 4.5} == {}
    marks = [(s, "sea") for s in ("s0", "s1", "s2", "s3", "s4", "shore")]
    assert {pair: contrast(*pair) for pair in marks if contrast(*pair) < 3.0} == {}


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_only_text(name: str, reason: str) -> None:
    assume(not {"\r", "\0"} & {*name, *reason})
    record = half_orbit(1, status="failed", reason=reason, track="[]")
    bad = [BadFile(name, reason, 0.0)]
    text = render(view([record], name=name, bad_files=bad, card=None))
    page = Page(text)
    expected = Page(render(view([record], name="", bad_files=bad, card=None)))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in expected.tags]
    assert f"Station {name}" in page.text
    assert reason in page.text


@pytest.mark.parametrize("track", ["{}", "[[1, 2]]", "[[1, 95, null]]", "[[1e9, 0, 0.5]]", "no"])
def test_track_that_is_none(track: str) -> None:
    with pytest.raises(LedgerError, match="track of CSES_200001"):
        places(half_orbit(1, track=track))


def test_page_of_a_ledger(tmp_path: Path) -> None:
    out = tmp_path / "results"
    out.mkdir()
    with pytest.raises(ConfigError, match=r"expected a stream's, got no ledger\.sqlite"):
        read_view(out)
    known = alarm(10.0, 20.0)
    content = msgspec.json.encode(known).decode()
    row = AlarmRecord("CSES_200001", known.alarm.time, 1, known.alarm.valid_until, content)
    name = "CSES_01_LAP_1_L02_A3_199991_20260501_002225_20260501_010229_000.h5"
    failed = FileRecord(
        path=f"a/{name}",
        size=1,
        mtime_ns=1,
        ctime_ns=1,
        half_orbit="CSES_199991",
        status="failed",
        reason="not HDF5",
    )
    with Ledger(out / LEDGER_FILE) as ledger:
        ledger.record([], half_orbit(1), alarms=[row], now=NOON.timestamp())
        ledger.record([failed], half_orbit(3, key="CSES_199991", status="failed", start=None))
    found = read_view(out)
    assert [(r.key, (r.start or "")[:16]) for r in found.half_orbits] == [
        ("CSES_199991", "2026-05-01T00:22"),
        ("CSES_200001", "2026-06-16T11:12"),
    ]
    assert found.alarms == [known]
    assert found.bad_files == []
    assert found.name == "results"
    page = write_page(out)
    assert page == out / "report.html"
    assert Page(page.read_text()).text.count("CSES_199991") == 1
    with pytest.raises(ConfigError, match=r"expected a name that ends in \.html"):
        write_page(out, out / LEDGER_FILE)
    with pytest.raises(ConfigError, match=r"p\.html: cannot be written"):
        write_page(out, tmp_path / "none" / "p.html")
    with Ledger(out / LEDGER_FILE) as ledger:
        ledger.record([], half_orbit(1), alarms=[replace(row, content="{}")])
    with pytest.raises(LedgerError, match=r"ledger\.sqlite: alarm: "):
        read_view(out)


def test_stream_keeps_the_page_when_asked(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    with Ledger(tmp_path / LEDGER_FILE) as ledger:
        Diary(tmp_path, ledger, Settings(), once=True).end(0)
        assert not page.exists()
        for age, written in ((None, True), (100.0, False), (400.0, True), (-1e6, True)):
            if age is not None:
                page.write_text("old")
                os.utime(page, (time.time() - age,) * 2)
            Diary(tmp_path, ledger, Settings(page=True), once=True).end(0)
            assert ("exit code 0" in page.read_text()) == written
        # A page that cannot be written ends no run.
        page.unlink()
        page.mkdir()
        os.utime(page, (0, 0))
        Diary(tmp_path, ledger, Settings(page=True), once=True).end(0)
        assert ledger.last_run() is not None


def test_command_without_a_ledger_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "report", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"edge-score: output folder {tmp_path.name}: expected a stream's, got no ledger.sqlite\n"
    )


def browse(page: Path, width: int, height: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Open a page in a browser without a window."""
    if CHROMIUM is None:
        pytest.skip("chromium is absent: the page is not shown in a browser")
    usual = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
        "--disable-background-networking --disable-component-update --disable-sync "
        "--disable-features=NetworkTimeServiceQuerying --allow-file-access-from-files "
        "--enable-logging=stderr"
    )
    profile = page.with_suffix(".profile")
    shutil.rmtree(profile, ignore_errors=True)
    size = f"--window-size={width},{height}"
    return subprocess.run(
        [CHROMIUM, *usual.split(), f"--user-data-dir={profile}", size, *options, page.as_uri()],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )


def asked_for(log: Path) -> set[str]:
    """Addresses that a browser began to fetch, by its own record of its network."""
    found = set(re.findall(r'"url":"([a-z]+:[^"]+)"', log.read_text(encoding="utf-8")))
    # What it asks its maker about itself is no doing of the page.
    own = re.compile(r"(chrome|data|file):|https?://[a-z0-9.]+\.(google|googleapis|gstatic)\.com/")
    return {url for url in found if not own.match(url)}


@pytest.mark.parametrize("kind", VIEWS)
def test_page_shows_in_a_browser_and_fetches_nothing(kind: str, tmp_path: Path) -> None:
    page, picture, log = (tmp_path / name for name in ("page.html", "page.png", "net.json"))
    page.write_text(render(VIEWS[kind]()), encoding="utf-8")
    done = browse(page, 1100, 1800, f"--screenshot={picture}", f"--log-net-log={log}")
    assert "CONSOLE" not in done.stderr
    assert struct.unpack(">II", picture.read_bytes()[16:24]) == (1100, 1800)
    assert not asked_for(log)


def test_browser_would_tell_of_a_style_that_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(render(empty()).replace("</style>", " </style>"), encoding="utf-8")
    done = browse(page, 600, 600, f"--screenshot={tmp_path / 'page.png'}")
    assert "CONSOLE" in done.stderr
    assert "Content Security Policy" in done.stderr


@pytest.mark.parametrize("kind", VIEWS)
def test_page_fits_a_phone(kind: str, tmp_path: Path) -> None:
    # A window is never narrower than 500: a frame in another page is.
    (tmp_path / "page.html").write_text(render(VIEWS[kind]()), encoding="utf-8")
    frame = tmp_path / "frame.html"
    measure = "document.title = 'width ' + this.contentDocument.documentElement.scrollWidth"
    frame.write_text(f'<iframe src="page.html" width="390" onload="{measure}"></iframe>')
    done = browse(frame, 600, 600, "--dump-dom")
    assert re.findall("<title>width ([0-9]+)</title>", done.stdout) == ["390"], done.stdout
