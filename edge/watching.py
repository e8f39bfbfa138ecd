"""Hold an output folder, and keep working on an inbox until told to stop."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import Busy, ConfigError
from edge.events import Event
from edge.ledger import Ledger
from edge.stream import Stream

_LOCK_FILE = ".lock"
_ARRIVALS = ("created", "modified", "moved", "closed")


@contextmanager
def hold(out: Path) -> Iterator[None]:
    """Hold the output folder against a second process.

    Parameters
    ----------
    out : Path
        Made if it is missing.

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
            raise Busy(f"output folder {out.name}: another edge-score works on it") from None
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
    """
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    bell = threading.Event()

    class Doorbell(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            # Our own reading opens and closes files, and must not ring.
            if event.event_type in _ARRIVALS:
                bell.set()

    observer = Observer()
    try:
        observer.schedule(Doorbell(), str(inbox), recursive=True)
        observer.start()
    except OSError:
        # No inotify watch is left on this machine: the poll alone still finds everything.
        pass
    try:
        while not stop.is_set():
            bell.clear()
            for event in stream.turn(ledger):
                yield event
                if stop.is_set():
                    return
            waited = 0.0
            while waited < poll and not stop.is_set() and not bell.wait(0.5):
                waited += 0.5
    finally:
        if observer.is_alive():
            observer.stop()
            observer.join()
