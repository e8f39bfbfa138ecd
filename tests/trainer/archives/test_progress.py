"""Progress as lines, and as a bar where there is a terminal."""

from __future__ import annotations

import io
import re

from trainer.common.progress import Progress, track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_away_from_a_terminal_the_last_line_says_count_and_rate() -> None:
    stream = io.StringIO()
    with Progress("reading", 10, 4, stream=stream) as progress:
        progress.add(3)
        progress.add(3)
    assert re.fullmatch(
        r"reading: 10 of 10 half-orbits, [0-9.]+/s, in 0:00:00\n", stream.getvalue()
    )


def test_a_line_tells_the_time_that_is_left(monkeypatch) -> None:
    now = iter([0.0, 0.0, 40.0, 40.0, 80.0])
    monkeypatch.setattr("trainer.common.progress.time.monotonic", lambda: next(now))
    stream = io.StringIO()
    with Progress("reading", 30, 10, stream=stream) as progress:
        progress.add(10)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "reading: 20 of 30 half-orbits, 0.2/s, 0:00:40 left"


def test_a_run_that_fails_says_no_last_line() -> None:
    stream = io.StringIO()
    try:
        with Progress("reading", 10, stream=stream):
            raise KeyError
    except KeyError:
        pass
    assert stream.getvalue() == ""


def test_on_a_terminal_there_is_a_bar() -> None:
    stream = Terminal()
    with Progress("reading", 10, 4, stream=stream) as progress:
        progress.add(6)
    assert "reading: 100%" in stream.getvalue()
    assert "10/10" in stream.getvalue()


def test_of_what_is_over_soon_nothing_is_told(capfd, monkeypatch) -> None:
    assert list(track(range(3), "labelling", 3)) == [0, 1, 2]
    assert capfd.readouterr() == ("", "")
    now = iter([0.0, 0.0, 40.0, 40.0, 80.0])
    monkeypatch.setattr("trainer.common.progress.time.monotonic", lambda: next(now))
    assert list(track(range(2), "labelling", 2, "parts")) == [0, 1]
    assert capfd.readouterr().err.splitlines() == [
        "labelling: 1 of 2 parts, 0.0/s, 0:00:40 left",
        "labelling: 2 of 2 parts, 0.0/s, in 0:01:20",
    ]
    monkeypatch.undo()
    terminal = Terminal()
    with Progress("labelling", 3, brief=True, stream=terminal) as progress:
        progress.add(3)
    assert "labelling" not in terminal.getvalue()
