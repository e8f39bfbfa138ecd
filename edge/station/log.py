"""The log of `stream`: one line an event, with UTC time, level and what it is about.

Errors go to standard error and nothing else does, so that cron mails them alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from edge.entry import say, say_error
from edge.errors import one_line
from edge.events import (
    DaySide,
    Event,
    Idle,
    Ignored,
    Problem,
    Removed,
    Scored,
    Settling,
    Waiting,
)
from edge.show.report import alarm_text, counted, news_lines, summary_text, training_line
from edge.station.alarms import stamp

Level = Literal["INFO", "WARNING", "ERROR"]
#: ``journal`` is text with the level as systemd's journal takes it, which adds the time.
LogFormat = Literal["text", "json", "journal"]
# Of syslog.
_PRIORITY: dict[Level, int] = {"INFO": 6, "WARNING": 4, "ERROR": 3}


class Log:
    """Writes what happens.

    Parameters
    ----------
    form : {"text", "json", "journal"}
    once : bool
        Whether the run ends by itself: cron's, of which there are a hundred a day.
    verbose : bool
        Say what waits, and the end of a run in which nothing happened.
    clock : callable, optional
        Seconds since 1970.
    """

    def __init__(
        self,
        form: LogFormat,
        *,
        once: bool,
        verbose: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._form, self._once, self._verbose, self._clock = form, once, verbose, clock
        # What waits is said once by a process that keeps watching, not at each look.
        self._waited: set[str] = set()
        self._waits: set[str] = set()
        self._disclaimed = False

    def write(
        self, level: Level, event: str, message: str, key: str = "", **numbers: object
    ) -> None:
        """Write a line.

        Parameters
        ----------
        level : {"INFO", "WARNING", "ERROR"}
        event : str
            A word for programs.
        key : str, optional
            The half-orbit or file that it is about.
        **numbers : object
            For programs, of what the message says in words.
        """
        now = stamp(self._clock())[:19] + "Z"
        # A file's name may hold line breaks; messages are one line by themselves.
        key = one_line(key)
        if self._form == "json":
            import json

            record = {"time": now, "level": level, "event": event, "key": key or None}
            line = json.dumps(record | {"message": message} | numbers)
        else:
            line = message if message.startswith(key) else f"{key}: {message}"
            begin = f"{now} {level} " if self._form == "text" else f"<{_PRIORITY[level]}>"
            line = begin + line
        if level == "ERROR":
            say_error(line)
        else:
            say([line])

    def warn(self, message: object) -> None:
        """Write what is odd, and stops nothing."""
        self.write("WARNING", "warning", str(message))

    def follow(self, event: Event) -> None:
        """Write what an event says, if it is worth a line."""
        match event:
            case Problem(message, key):
                self.write("ERROR", "failed", message, key)
            case Ignored(message, key):
                why = message.removeprefix(f"{key}: ")
                self.write("WARNING", "ignored", f"ignored: {why}", key)
            case DaySide(key):
                self.write("INFO", "day", "day side, recorded and not scored", key)
            case Removed(message):
                self.write("INFO", "removed", message)
            case Waiting(key):
                self._wait(key, "waiting for its other payloads", not self._once)
            case Settling(key):
                self._wait(key, "waiting, it may still grow", False)
            case Scored():
                self._scored(event)
            case Idle():
                self._idle(event)

    def _wait(self, key: str, message: str, told: bool) -> None:
        self._waits.add(key)
        if (told or self._verbose) and key not in self._waited:
            self.write("INFO", "waiting", message, key)

    def _scored(self, event: Scored) -> None:
        scored, s = event.half_orbit, event.half_orbit.summary
        key = s.half_orbit
        self.write(
            "INFO",
            "scored",
            summary_text(s),
            key,
            mission=s.mission,
            windows=s.windows,
            insufficient=s.insufficient,
            alarms=s.alarms,
            revision=event.revision,
            trained_on=s.trained_on,
        )
        # A line may be read alone.
        worth = "; simulated training data: not a forecast" * (s.trained_on == "simulated")
        for alarm in scored.alarms:
            self.write(
                "WARNING",
                "alarm",
                alarm_text(alarm) + worth,
                key,
                time_of_peak=alarm.time,
                latitude=alarm.latitude,
                longitude=alarm.longitude,
                peak=alarm.peak,
                radius_km=alarm.radius_km,
                valid_until=alarm.valid_until,
                trained_on=alarm.trained_on,
            )
        for line in news_lines(event.revision, event.news):
            self.write("INFO", "revision", line.strip(), key, revision=event.revision)
        if scored.windows and not self._disclaimed:
            # What the scores are worth, once a run; each result says it too.
            self._disclaimed = True
            self.write("INFO", "disclaimer", training_line(s.trained_on), trained_on=s.trained_on)

    def _idle(self, event: Idle) -> None:
        self._waited, self._waits = self._waits, set()
        if not self._once or not (self._verbose or event.half_orbits or event.failed or event.day):
            return
        line = (
            f"{counted(event.half_orbits, 'half-orbit')} scored, {event.failed} failed, "
            f"{event.waiting} waiting"
        )
        for number, words in ((event.retry, "to be tried again"), (event.day, "of the day side")):
            line += f", {number} {words}" if number else ""
        self.write(
            "INFO",
            "run",
            line,
            scored=event.half_orbits,
            failed=event.failed,
            waiting=event.waiting,
            retry=event.retry,
            day=event.day,
            given_up=event.given_up,
        )
