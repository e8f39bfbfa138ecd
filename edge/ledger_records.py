"""Rows of the ledger: what became of files, half-orbits, runs, alarms and messages."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.inbox import InboxFile

FileStatus = Literal["running", "done", "day", "failed", "refused", "ignored"]
HalfOrbitStatus = Literal["running", "done", "day", "insufficient", "retry", "failed", "given up"]
#: States of a half-orbit whose results are in the output folder.
SCORED = ("done", "insufficient")

#: Statuses of files and half-orbits about which nothing is left to do.
DONE: tuple[str, ...] = (*SCORED, "day")


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file of the inbox.

    Attributes
    ----------
    status : {"running", "done", "day", "failed", "refused", "ignored"}
        ``day``: of the day side, not opened. ``refused``: it came after its siblings had left,
        and waits for them.
    transient : bool
        Whether the same bytes may be readable later.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    half_orbit: str | None
    status: FileStatus
    reason: str = ""
    transient: bool = False

    @classmethod
    def of(
        cls, file: InboxFile, status: FileStatus, reason: str = "", transient: bool = False
    ) -> FileRecord:
        """Make the record of a file as it lies in the inbox."""
        return cls(
            path=file.key,
            size=file.size,
            mtime_ns=file.mtime_ns,
            ctime_ns=file.ctime_ns,
            half_orbit=None if file.name is None else file.name.half_orbit,
            status=status,
            reason=reason,
            transient=transient,
        )

    def differs(self, file: InboxFile) -> bool:
        """Whether the file in the inbox is another than the one that was recorded.

        By size and both times; the second one is this computer's own.
        """
        recorded = (self.size, self.mtime_ns, self.ctime_ns)
        return recorded != (file.size, file.mtime_ns, file.ctime_ns)


class HalfOrbitRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one half-orbit.

    Attributes
    ----------
    status : {"running", "done", "day", "insufficient", "retry", "failed", "given up"}
        Before that a half-orbit waits, which `Ledger.waiting` tells. ``running``: a process
        started on it and did not come to an end. ``done``: scored. ``day``: of the day side,
        recorded and not scored. ``insufficient``: of no night window there was enough for a
        score, or there was no night window. ``retry``: the attempt failed for another reason
        than its bytes. ``failed``: none of its files can be used. ``given up``: after too many
        attempts.
    attempts : int
        In a row that did not come to an end.
    tried_at : float
        Seconds since 1970 when the last one began.
    retry_at : float or None
        When it is due again whatever its files do.
    runtime : str
        Name and version of the interpreter that scored it.
    first_seen : float
        Seconds since 1970 when its first file was recorded.
    done_at : float or None
        When it was scored, recorded as of the day side, or found not to be usable, last.
    revision : int
        How often its results were written; a late payload makes another one.
    side, start, end : str
        Of its last result; UTC. Of a day side by the names of its files.
    peak : float or None
        The highest score in it.
    track : str
        JSON: ``[longitude, latitude, highest score or null]`` along it, a few places.
    """

    key: str
    status: HalfOrbitStatus
    parameters: str
    windows: int = 0
    insufficient: int = 0
    alarms: int = 0
    attempts: int = 0
    tried_at: float = 0.0
    retry_at: float | None = None
    reason: str = ""
    code_version: str = ""
    runtime: str = ""
    first_seen: float = 0.0
    done_at: float | None = None
    revision: int = 0
    side: str = ""
    start: str | None = None
    end: str | None = None
    peak: float | None = None
    track: str = "[]"


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run of `stream`.

    Attributes
    ----------
    started, ended : float, float or None
        Seconds since 1970; a run without an end goes on or was killed.
    """

    id: int
    started: float
    ended: float | None
    scored: int
    failed: int
    waiting: int
    exit_code: int | None
    code_version: str
    runtime: str


class AlarmRecord(msgspec.Struct, frozen=True):
    """An alarm as it stands in a result.

    Attributes
    ----------
    time : str
        UTC of the window with the highest score.
    revision : int
        Of the half-orbit, that first said so.
    content : str
        The record as JSON.
    """

    half_orbit: str
    time: str
    revision: int
    valid_until: str
    content: str


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """A file that retention removes; recorded before it goes.

    Attributes
    ----------
    name : str
        Path below the inbox, or name in the output folder.
    sha256 : str
        ``""`` of an input.
    """

    kind: Literal["input", "result"]
    name: str
    half_orbit: str
    size: int
    mtime_ns: int
    sha256: str = ""


class Message(msgspec.Struct, frozen=True):
    """What a person must be told, until a command has taken it."""

    id: int
    kind: Literal["alarm", "failure"]
    key: str
    content: str
    attempts: int
