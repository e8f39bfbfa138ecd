"""What a run of `stream` leaves beside its results: record, messages, ``status.json``, page."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from edge.config import Settings
from edge.errors import EdgeError, LedgerError
from edge.events import Event, Idle, Problem, Removed, Scored
from edge.ledger import Ledger
from edge.station.alarms import stamp
from edge.station.hooks import failure_message, tell
from edge.station.status import MIN_FREE_BYTES, write_status
from edge.versions import code_version, installed_runtime

# A watcher with nothing to do writes this often, so that a heart that stopped is seen.
_BEAT_S = 600.0


class Diary:
    """The record of one run.

    Parameters
    ----------
    once : bool
        Whether the run ends by itself; a watcher beats.
    inbox : Path, optional
        Retention removes nothing from it where it is not given.

    Attributes
    ----------
    failed : int
        Problems so far.
    """

    def __init__(
        self,
        out: Path,
        ledger: Ledger,
        settings: Settings,
        once: bool,
        inbox: Path | None = None,
    ) -> None:
        self._inbox, self._settings = inbox, settings
        self._told: set[str] = set()
        self._out, self._ledger, self._once = out, ledger, once
        self._bundle = settings.bundle_folder
        self._page, self._metrics = settings.page, settings.metrics
        self._commands = {"alarm": settings.on_alarm or "", "failure": settings.on_failure or ""}
        self.failed = self._scored = self._waiting = 0
        self._beat = -_BEAT_S
        self._number = ledger.begin_run(
            time.time(), code_version(), installed_runtime(settings.runtime)
        )

    def note(self, event: Event) -> list[Problem | Removed]:
        """Take an event down.

        Returns
        -------
        list of Problem or Removed
            Commands of the operator's that failed, and what retention did.
        """
        match event:
            case Problem(message):
                self.failed += 1
                self._fail(message)
            case Scored():
                self._scored += 1
            case Idle(half_orbits=scored, failed=failed, waiting=waiting):
                self._waiting = waiting
                return self._idle(busy=bool(scored or failed))
            case _:
                pass
        return []

    def end(self, code: int) -> None:
        """Store how the run ended; where the ledger cannot take it, it shows no end."""
        with contextlib.suppress(LedgerError, OSError):
            self._store(code)

    def _fail(self, message: str) -> None:
        if self._commands["failure"]:
            now = time.time()
            with contextlib.suppress(LedgerError):
                self._ledger.record(messages=[failure_message(message, stamp(now)[:10])], now=now)

    def _idle(self, busy: bool) -> list[Problem | Removed]:
        found: list[Problem | Removed] = [*self._tell(), *self._prune()]
        self.failed += sum(isinstance(event, Problem) for event in found)
        if not self._once and (busy or time.monotonic() - self._beat > _BEAT_S):
            self._beat = time.monotonic()
            with contextlib.suppress(LedgerError, OSError):
                self._store(None)
        return found

    def _tell(self) -> Iterator[Problem]:
        try:
            yield from tell(self._ledger, self._commands, time.time())
        except LedgerError as error:
            yield Problem(str(error))

    def _prune(self) -> Iterator[Problem | Removed]:
        s = self._settings
        if (s.keep_input_days, s.keep_results_days, s.keep_disk_free) == (None, None, None):
            return
        from edge.station.retention import prune_when_due

        try:
            for event in prune_when_due(self._inbox, self._out, self._ledger, s, time.time()):
                # An inbox that is read-only is told once by a watcher, and not every hour.
                if event.message not in self._told:
                    yield event
                if isinstance(event, Problem):
                    self._told.add(event.message)
        except EdgeError as error:
            yield Problem(str(error))

    def _store(self, code: int | None) -> None:
        now = time.time()
        counts = (self._scored, self.failed, self._waiting)
        self._ledger.end_run(self._number, now, counts, code)
        status = write_status(self._out, self._bundle, now)
        if self._metrics:
            from edge.station.metrics import write_metrics

            # Whoever collects them sees by their time that they are old.
            with contextlib.suppress(OSError):
                write_metrics(Path(self._metrics), status)
        # What is no result gives way first where the disk runs full.
        keep = max(MIN_FREE_BYTES, int((self._settings.keep_disk_free or 0.0) * 1e9))
        if self._page and shutil.disk_usage(self._out).free >= keep:
            from edge.show.page import refresh_page

            # The station works on without its page, whose own time tells that it is old.
            with contextlib.suppress(EdgeError):
                refresh_page(self._out, self._bundle, now)
