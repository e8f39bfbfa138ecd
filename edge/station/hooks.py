"""Tell a person: run the operator's command with what the outbox holds.

Nothing is sent by the package. Each message is told at least once, even where the process is
killed in between, and no more after the command has taken it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping

import msgspec

from edge.errors import one_line
from edge.events import Problem
from edge.ledger import Ledger, Message

#: Seconds that a command may take.
TIMEOUT_S = 60.0
#: Seconds to the next try after so many; the last holds for all further.
PAUSES_S = (0.0, 60.0, 600.0, 3600.0)
# Messages told in one go, so that a command that hangs does not keep the station from its work.
_AT_ONCE = 20


def failure_message(reason: str, day: str) -> tuple[str, str, str]:
    """Row of the outbox for a failure: told once a reason and day.

    Parameters
    ----------
    day : str
        UTC, such as ``2026-01-31``.
    """
    return (
        "failure",
        f"{day} {reason}",
        msgspec.json.encode({"day": day, "reason": reason}).decode(),
    )


def tell(ledger: Ledger, commands: Mapping[str, str], now: float) -> Iterator[Problem]:
    """Run the commands for the messages that are due.

    Parameters
    ----------
    commands : mapping of str to str
        For ``alarm`` and ``failure`` a line for the shell; it gets the message as JSON on
        standard input, and has taken it when it exits with 0.
    now : float
        Seconds since 1970.

    Yields
    ------
    Problem
        A command failed; its message is told again later.
    """
    for message in ledger.messages(now)[:_AT_ONCE]:
        command = commands.get(message.kind)
        if not command:
            continue
        why = _run(command, message)
        if why is None:
            ledger.told(message, now)
            continue
        pause = PAUSES_S[min(message.attempts, len(PAUSES_S) - 1)]
        ledger.told(message, now, retry_at=now + max(pause, 1.0))
        yield Problem(f"on_{message.kind}: {why}; {message.key}: told again later")


def _run(command: str, message: Message) -> str | None:
    """Run a command; None where it took the message, else what went wrong."""
    try:
        # A session of its own: what it started ends with it at the time limit.
        with subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                _, said = process.communicate(f"{message.content}\n".encode(), TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return f"took longer than {TIMEOUT_S:.0f} s"
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
    except OSError as error:
        return error.strerror or str(error)
    if process.returncode == 0:
        return None
    last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
    return one_line(f"exit code {process.returncode}{': ' + last[0] if last else ''}")
