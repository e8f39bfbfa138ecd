"""Hold an output folder, and keep working on an inbox until told to stop."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import Busy, ConfigError, InputError, LedgerError, StationError
from edge.events import Event, Problem
from edge.ledger import Ledger
from edge.outputs import remove_leftovers
from edge.stream import Stream

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

_LOCK_FILE = ".lock"
# What a file system answers that has no locks (some network and FUSE ones).
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EBADF)
# A file that grows rings at every write; each ring scans the whole inbox.
_MIN_PAUSE_S = 1.0
_STEP_S = 0.5
# A backlog is left for another look at the inbox after so long, where a file came.
_BACKLOG_S = 10.0
_ARRIVALS = ("created", "modified", "moved", "closed")


@contextmanager
def hold(
    out: Path, command: str = "edge-score", warn: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Hold the output folder against a second process.

    Parameters
    ----------
    out : Path
        Made if it is missing.
    command : str, optional
        Named to the second one.
    warn : callable, optional
        Told in one line where the file system has no locks.

    Raises
    ------
    Busy
        Another process holds it.
    ConfigError
        It cannot be made or written to.

    Notes
    -----
    The lock is the kernel's and ends with the process. Where the file system has none, a file
    with the number of the process stands for it; one whose process is gone is replaced.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        # The folder itself is locked, so that nothing is left in it.
        handle = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"output folder {out.name}: {error.strerror}") from None
    substitute: Path | None = None
    try:
        if not os.access(out, os.W_OK | os.X_OK):
            raise ConfigError(f"output folder {out.name}: no permission to write in it")
        busy = Busy(f"output folder {out.name}: another {command} works on it")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise ConfigError(f"output folder {out.name}: {error.strerror}") from None
            warn(
                f"output folder {out.name}: its file system has no locks ({error.strerror}); "
                f"a file {_LOCK_FILE} stands for one"
            )
            substitute = _pid_lock(out / _LOCK_FILE, busy)
        try:
            remove_leftovers(out)
        except OSError as error:
            raise ConfigError(f"output folder {out.name}: {error.strerror}") from None
        yield
    finally:
        if substitute is not None:
            substitute.unlink(missing_ok=True)
        os.close(handle)


def _pid_lock(path: Path, busy: Busy) -> Path:
    """Take a lock that is a file with the number of the process that holds it."""
    for _ in range(3):
        try:
            with path.open("x", encoding="ascii") as stream:
                stream.write(_identity(os.getpid()))
            return path
        except FileExistsError:
            if _is_running(path):
                raise busy from None
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"output folder {path.parent.name}: {error.strerror}") from None
    raise busy


def _is_running(path: Path) -> bool:
    try:
        noted = path.read_text(encoding="utf-8")
        number, host = noted.split()[:2]
        # Of a process on another computer that shares the folder nothing can be told.
        return host != os.uname().nodename or noted == _identity(int(number))
    except (OSError, ValueError):
        return False


def _identity(number: int) -> str:
    """Name a process so that no other passes for it, one of its number after a reboot either."""
    os.kill(number, 0)
    started = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{number} {os.uname().nodename} {started[19]} {boot}"


def watch(
    stream: Stream,
    ledger: Ledger,
    inbox: Path,
    poll: float,
    stop: threading.Event,
    look: threading.Event | None = None,
    beat: Callable[[], None] = lambda: None,
) -> Iterator[Event]:
    """Work until told to stop: after each turn wait for a file event, or `poll` seconds.

    Parameters
    ----------
    poll : float
        Seconds.
    stop : threading.Event
        Checked between half-orbits.
    look : threading.Event, optional
        Ends the wait, as a file event does.
    beat : callable, optional
        Called at each turn, after each half-orbit, and twice a second while waiting.

    Yields
    ------
    Event
        An inbox that is gone, a full disk, a ledger that is locked, a computer that cannot
        score: each is a `Problem`, told once; the next turn tries again.
    """
    doorbell = _Doorbell(inbox, look or threading.Event())
    told: set[str] = set()
    try:
        while not stop.is_set():
            beat()
            doorbell.arm()
            until = time.monotonic() + _BACKLOG_S

            def enough(until: float = until) -> bool:
                beat()
                return doorbell.rang() and time.monotonic() > until

            try:
                ledger.follow()
                for event in stream.turn(ledger, enough):
                    beat()
                    yield event
                    if stop.is_set():
                        return
                told.clear()
            except (InputError, ConfigError, LedgerError, StationError) as error:
                doorbell.close()
                # A full disk may name one half-orbit, then another, in turn after turn.
                if str(error) not in told:
                    told.add(str(error))
                    yield Problem(str(error))
            doorbell.wait(poll, stop, beat)
    finally:
        doorbell.close()


class _Doorbell:
    """Rings when a file comes; a folder that is busy rings once in `_MIN_PAUSE_S`."""

    def __init__(self, inbox: Path, bell: threading.Event) -> None:
        self._inbox = inbox
        self._bell = bell
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
        except (OSError, RuntimeError):
            # No inbox yet, no inotify watch or no thread left: the poll alone still finds
            # everything.
            return
        self._observer = observer

    def rang(self) -> bool:
        """Whether a file came since the bell was armed."""
        return self._bell.is_set()

    def wait(self, poll: float, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Wait for the bell, `poll` seconds, or the end, whatever comes first."""
        waited = 0.0
        while waited < poll and not stop.wait(_STEP_S):
            waited += _STEP_S
            beat()
            if waited >= _MIN_PAUSE_S and self._bell.is_set():
                return

    def close(self) -> None:
        """Stop listening."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None
