"""Tell systemd how the service does, as sd_notify(3) says; elsewhere nothing happens."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping

from edge.errors import one_line
from edge.events import Event, Idle, Problem, Scored

# systemd that does not listen must not hold up the work.
_PATIENCE_S = 1.0


class Notifier:
    """Datagrams to the socket that systemd names to a unit with ``Type=notify``.

    Parameters
    ----------
    environment : mapping of str to str, optional
        ``NOTIFY_SOCKET`` is a path, or begins with ``@`` where the name is abstract;
        ``WATCHDOG_USEC`` holds for the process ``WATCHDOG_PID``, or for any where that is not set.

    Notes
    -----
    A message that cannot be sent is dropped: what systemd misses it acts on by itself.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        limit, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID")
        watched = limit.isascii() and limit.isdigit() and process in (None, str(os.getpid()))
        # A beat a quarter of the limit, so that a caller who comes a little late keeps a third.
        self._interval = int(limit) / 4e6 if watched and int(limit) else float("inf")
        self._last_beat = time.monotonic()
        self._scored = self._problems = 0

    def tell(self, *assignments: str) -> None:
        """Send one message.

        Parameters
        ----------
        *assignments : str
            Such as ``READY=1``.
        """
        if not self._address:
            return
        # Not for those who are no service: an idle run is to stay cheap.
        import socket

        with contextlib.suppress(OSError, ValueError):
            kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
            with socket.socket(socket.AF_UNIX, kind) as station:
                station.settimeout(_PATIENCE_S)
                station.sendto("\n".join(assignments).encode(), os.fsencode(self._address))

    def beat(self) -> None:
        """Say that the work goes on; call it as often as you like."""
        now = time.monotonic()
        if now - self._last_beat >= self._interval:
            self._last_beat = now
            self.tell("WATCHDOG=1")

    def ready(self, inbox: str) -> None:
        """Say that the service is up."""
        self.tell("READY=1", "STATUS=" + one_line(f"watching {inbox}"))

    def follow(self, event: Event) -> None:
        """Count what happened; after each look at the inbox ``systemctl status`` shows it."""
        self._scored += isinstance(event, Scored)
        self._problems += isinstance(event, Problem)
        if isinstance(event, Idle):
            self.tell(
                f"STATUS={self._scored} half-orbits scored and {self._problems} problems since "
                f"the start; {event.waiting} waiting, {event.retry} to be tried again, "
                f"{event.given_up} given up"
            )

    def stopping(self) -> None:
        """Say that the service ends."""
        self.tell("STOPPING=1")
