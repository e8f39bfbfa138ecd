"""Lines of the log of a stream: their form, and when there are none."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.events import DaySide, Event, Idle, Ignored, Problem, Scored, Settling, Waiting
from edge.results import Alarm, HalfOrbitResult, ScoredHalfOrbit
from edge.station.alarms import StationAlarm
from edge.station.log import Log, LogFormat

NOW = 1_600_000_000.5
AT = "2020-09-13T12:26:40Z"
KEY = "CSES_131571"
ALARM = Alarm(
    half_orbit=KEY,
    start="s",
    end="e",
    time="2020-06-16T20:27:58.500Z",
    latitude=29.34,
    longitude=77.15,
    peak=0.99,
    windows=29,
    radius_km=150.0,
    valid_until="u",
    trained_on="simulated",
)
NEWS = StationAlarm(revision=2, state="new", known_at="k", expired_on_arrival=False, alarm=ALARM)


def scored(windows: int = 1) -> Scored:
    summary = HalfOrbitResult(
        half_orbit=KEY,
        mission="CSES_01",
        status="scored",
        side="night",
        start=None,
        end=None,
        payloads=["LAP_1"],
        failed={},
        notes=[],
        night="dark",
        minimum_coverage=0.35,
        threshold=0.9,
        windows=windows,
        insufficient=0,
        alarms=1,
        bundle="plasma",
        trained_on="simulated",
        code_version="1",
        runtime="r",
    )
    half_orbit = SimpleNamespace(summary=summary, windows=[None] * windows, alarms=[ALARM])
    return Scored(cast(ScoredHalfOrbit, half_orbit), 2, (NEWS,))


EVENTS: list[Event] = [
    Problem("a.h5: is empty (0 bytes)", KEY),
    Problem("inbox: Input/output error"),
    Ignored("notes.txt: name is of no half-orbit", "notes.txt"),
    DaySide("CSES_131570"),
    Waiting("CSES_131581"),
    Settling("b.h5"),
    scored(),
    scored(),
    Idle(half_orbits=2, failed=2, waiting=2, given_up=0, retry=1, day=1),
]


def follow(
    capfd: pytest.CaptureFixture[str],
    events: list[Event],
    form: LogFormat = "text",
    *,
    once: bool = True,
    verbose: bool = False,
) -> tuple[list[str], list[str]]:
    log = Log(form, once=once, verbose=verbose, clock=lambda: NOW)
    for event in events:
        log.follow(event)
    out, err = capfd.readouterr()
    return out.splitlines(), err.splitlines()


def test_a_line_has_time_level_and_key(capfd: pytest.CaptureFixture[str]) -> None:
    out, err = follow(capfd, EVENTS)
    assert err == [
        f"{AT} ERROR {KEY}: a.h5: is empty (0 bytes)",
        f"{AT} ERROR inbox: Input/output error",
    ]
    assert out[:2] == [
        f"{AT} WARNING notes.txt: ignored: name is of no half-orbit",
        f"{AT} INFO CSES_131570: day side, recorded and not scored",
    ]
    assert out[2].startswith(f"{AT} INFO {KEY}: 1 night window, 1 scored, ")
    assert out[3].startswith(f"{AT} WARNING {KEY}: ALARM 2020-06-16T20:27:58.500Z lat 29.34 ")
    assert out[3].endswith("; simulated training data: not a forecast")
    assert out[4] == f"{AT} INFO {KEY}: revision 2: alarm of {ALARM.time} new"
    assert out[5].startswith(f"{AT} INFO The model was trained on simulated missions: ")
    assert out[-1] == (
        f"{AT} INFO 2 half-orbits scored, 2 failed, 2 waiting, 1 to be tried again, "
        "1 of the day side"
    )
    # What the scores are worth is said once a run.
    assert sum("trained on simulated" in line for line in out) == 1


@pytest.mark.parametrize("verbose", [False, True])
def test_json_has_one_object_a_line(capfd: pytest.CaptureFixture[str], verbose: bool) -> None:
    out, err = follow(capfd, EVENTS, "json", verbose=verbose)
    lines: list[dict[str, Any]] = [json.loads(line) for line in out + err]
    assert all(
        set(line) >= {"time", "level", "key", "event", "message"} and line["time"] == AT
        for line in lines
    )
    assert {line["level"] for line in lines[len(out) :]} == {"ERROR"}
    found = {line["event"]: line for line in lines}
    waits = {"waiting"} if verbose else set()
    assert set(found) - waits == {
        "failed", "ignored", "day", "scored", "alarm", "revision", "disclaimer", "run",
    }  # fmt: skip
    assert (found["alarm"]["key"], found["alarm"]["peak"]) == (KEY, 0.99)
    assert found["alarm"]["trained_on"] == found["scored"]["trained_on"] == "simulated"
    assert (found["run"]["key"], found["run"]["retry"], found["run"]["scored"]) == (None, 1, 2)


def test_what_holds_of_all_payloads_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    event = scored()
    s = event.half_orbit.summary
    s.payloads[:] = ["HPM_5", "LAP_1", "PAP_0"]
    s.notes[:] = [f"{payload}: simulated: none" for payload in s.payloads]
    s.notes.extend(["HPM_5: 2 gaps", "PAP_0: 2 gaps", "LAP_1: a step", "Kp: unknown"])
    out, _ = follow(capfd, [event])
    assert out[0].endswith(
        "; notes: simulated: none, HPM_5/PAP_0: 2 gaps, LAP_1: a step, Kp: unknown"
    )


def test_a_name_with_line_breaks_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    out, _ = follow(capfd, [Settling("a\nedge-score: all is well\x1b[2J")], verbose=True)
    assert out == [f"{AT} INFO a edge-score: all is well?[2J: waiting, it may still grow"]


def test_the_journal_gets_priorities_and_no_time(capfd: pytest.CaptureFixture[str]) -> None:
    out, err = follow(capfd, EVENTS, "journal")
    assert {line[:3] for line in err} == {"<3>"}
    assert {line[:3] for line in out} == {"<4>", "<6>"}
    assert not any(re.match(r"<\d>\d{4}-", line) for line in out + err)


def test_an_idle_run_says_nothing_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    idle: list[Event] = [
        Waiting("CSES_131581"),
        Settling("b.h5"),
        Idle(half_orbits=0, failed=0, waiting=2, given_up=1, retry=1),
    ]
    assert follow(capfd, idle) == ([], [])
    out, _ = follow(capfd, idle, verbose=True)
    assert out == [
        f"{AT} INFO CSES_131581: waiting for its other payloads",
        f"{AT} INFO b.h5: waiting, it may still grow",
        f"{AT} INFO 0 half-orbits scored, 0 failed, 2 waiting, 1 to be tried again",
    ]


@pytest.mark.parametrize("verbose", [False, True])
def test_a_watcher_says_once_what_waits(capfd: pytest.CaptureFixture[str], verbose: bool) -> None:
    turn: list[Event] = [
        Waiting("CSES_131581"),
        Settling("b.h5"),
        Idle(half_orbits=0, failed=0, waiting=2),
    ]
    out, _ = follow(capfd, turn * 3, once=False, verbose=verbose)
    assert len(out) == 1 + verbose
    # Gone for a turn, it waits anew.
    out, _ = follow(capfd, [*turn, Idle(half_orbits=0, failed=0, waiting=0), *turn], once=False)
    assert len(out) == 2
