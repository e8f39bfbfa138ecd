"""Hold an output folder, and keep working on an inbox until told to stop."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import Busy, ConfigError, InputError
from edge.events import Event, Problem
from edge.ledger import Ledger
from edge.outputs import remove_leftovers
from edge.stream import Stream

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

_LOCK_FILE = ".lock"
# A file that grows rings at every write; each ring scans the whole inbox.
_LEAST_PAUSE_S = 1.0
_STEP_S = 0.5
_ARRIVALS = ("created", "modified", "moved", "closed")


@contextmanager
def hold(out: Path, command: str = "edge-score") -> Iterator[None]:
    """Hold the output folder against a second process.

    Parameters
    ----------
    out : Path
        Made if it is missing.
    command : str, optional
        Named to the second one.

    Raises
    ------
    Busy
        Another process holds it.
    ConfigError
        It cannot be made or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigError(f"output folder {out.name}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"output folder {out.name}: another {command} works on it") from None
        remove_leftovers(out)
        yield
    finally:
        os.close(handle)


def watch(
    stream: Stream, ledger: Ledger, inbox: Path, poll: float, stop: threading.Event
) -> Iterator[Event]:
    """Work until told to stop: after each turn wait for a file event, or `poll` seconds.

    Parameters
    ----------
    stream : Stream
    ledger : Ledger
    inbox : Path
    poll : float
        Seconds.
    stop : threading.Event
        Checked between half-orbits.

    Yields
    ------
    Event
        An inbox that is gone, or a full disk, is a `Problem`, told once; the next turn
        tries again.
    """
    doorbell = _Doorbell(inbox)
    told = ""
    try:
        while not stop.is_set():
            doorbell.arm()
            try:
                for event in stream.turn(ledger):
                    yield event
                    if stop.is_set():
                        return
                told = ""
            except (InputError, ConfigError) as error:
                doorbell.close()
                if str(error) != told:
                    told = str(error)
                    yield Problem(told)
            doorbell.wait(poll, stop)
    finally:
        doorbell.close()


class _Doorbell:
    """Rings when a file comes; a folder that is busy rings once in `_LEAST_PAUSE_S`."""

    def __init__(self, inbox: Path) -> None:
        self._inbox = inbox
        self._bell = threading.Event()
        self._observer: BaseObserver | None = None

    def arm(self) -> None:
        """Listen to the inbox, where that is possible and not yet done."""
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        self._bell.clear()
        if self._observer is not None:
            return
        bell = self._bell

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                # Our own reading opens and closes files, and must not ring.
                if event.event_type in _ARRIVALS:
                    bell.set()

        observer = Observer()
        try:
            observer.schedule(Handler(), str(self._inbox), recursive=True)
            observer.start()
        except OSError:
            # No inbox yet, or no inotify watch left: the poll alone still finds everything.
            return
        self._observer = observer

    def wait(self, poll: float, stop: threading.Event) -> None:
        """Wait for the bell, `poll` seconds, or the end, whatever comes first."""
        waited = 0.0
        while waited < poll and not stop.wait(_STEP_S):
            waited += _STEP_S
            if waited >= _LEAST_PAUSE_S and self._bell.is_set():
                return

    def close(self) -> None:
        """Stop listening."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None
