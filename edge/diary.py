"""What a run of `stream` leaves beside its results: record, messages, ``status.json``, page."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from edge.alarms import stamp
from edge.config import Settings
from edge.errors import EdgeError, LedgerError
from edge.events import Event, Idle, Problem, Scored
from edge.hooks import failure_message, tell
from edge.ledger import Ledger
from edge.status import write_status
from edge.versions import code_version, installed_runtime

# A watcher with nothing to do writes this often, so that a heart that stopped is seen.
_BEAT_S = 600.0


class Diary:
    """The record of one run.

    Parameters
    ----------
    out : Path
    ledger : Ledger
    settings : Settings
    once : bool
        Whether the run ends by itself; a watcher beats.

    Attributes
    ----------
    failed : int
        Problems so far.
    """

    def __init__(self, out: Path, ledger: Ledger, settings: Settings, once: bool) -> None:
        self._out, self._ledger, self._once = out, ledger, once
        self._bundle = Path(settings.bundle) if settings.bundle else None
        self._page, self._metrics = settings.page, settings.metrics
        self._commands = {"alarm": settings.on_alarm or "", "failure": settings.on_failure or ""}
        self.failed = self._scored = self._waiting = 0
        self._beat = -_BEAT_S
        self._number = ledger.begin_run(
            time.time(), code_version(), installed_runtime(settings.runtime)
        )

    def note(self, event: Event) -> list[Problem]:
        """Take an event down.

        Parameters
        ----------
        event : Event

        Returns
        -------
        list of Problem
            Commands of the operator's that failed.
        """
        match event:
            case Problem(message):
                self.failed += 1
                self._fail(message)
            case Scored():
                self._scored += 1
            case Idle(scored, failed, waiting):
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

    def _idle(self, busy: bool) -> list[Problem]:
        found = list(self._tell())
        self.failed += len(found)
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

    def _store(self, code: int | None) -> None:
        now = time.time()
        counts = (self._scored, self.failed, self._waiting)
        self._ledger.end_run(self._number, now, counts, code)
        status = write_status(self._out, self._bundle, now)
        if self._metrics:
            from edge.metrics import write_metrics

            # Whoever collects them sees by their time that they are old.
            with contextlib.suppress(OSError):
                write_metrics(Path(self._metrics), status)
        if self._page:
            from edge.page import refresh_page

            # The station works on without its page, whose own time tells that it is old.
            with contextlib.suppress(EdgeError):
                refresh_page(self._out, self._bundle, now)
