"""What was seen, done and failed, in an SQLite file that survives a power cut."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote

from edge.errors import ConfigError, LedgerDamaged, LedgerError, one_line
from edge.inbox import InboxFile
from edge.results import WrittenFile

LEDGER_FILE = "ledger.sqlite"

FileStatus = Literal["running", "done", "day", "failed", "refused", "ignored"]
HalfOrbitStatus = Literal["running", "done", "day", "insufficient", "retry", "failed", "given up"]
#: States of a half-orbit whose results are in the output folder.
SCORED = ("done", "insufficient")

#: Statuses of files and half-orbits about which nothing is left to do.
DONE: tuple[str, ...] = (*SCORED, "day")

#: Files that were worked on with a half-orbit that has no row.
ORPHAN = (
    "half_orbit IS NOT NULL AND status NOT IN ('ignored', 'refused') "
    "AND half_orbit NOT IN (SELECT key FROM half_orbit)"
)

# One script a version; a ledger of an older one is taken along. Times are seconds since 1970
# by this computer's clock, and decide nothing but when to try again.
_MIGRATIONS = (
    """
CREATE TABLE file (
    path TEXT PRIMARY KEY,          -- below the inbox
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    half_orbit TEXT,                -- NULL where the name tells none
    status TEXT NOT NULL CHECK (status IN ('begun', 'scored', 'failed', 'refused', 'ignored')),
    reason TEXT NOT NULL,           -- '' where scored
    transient INTEGER NOT NULL      -- 1: try again with the same bytes
) STRICT;
CREATE INDEX file_half_orbit ON file (half_orbit);
CREATE TABLE half_orbit (
    key TEXT PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('begun', 'scored', 'failed')),
    parameters TEXT NOT NULL,       -- fingerprint of bundle, runtime and options
    windows INTEGER NOT NULL,
    insufficient INTEGER NOT NULL,
    alarms INTEGER NOT NULL,
    attempts INTEGER NOT NULL       -- that did not come to an end
) STRICT;
""",
    """
ALTER TABLE half_orbit RENAME TO half_orbit_1;
CREATE TABLE half_orbit (
    key TEXT PRIMARY KEY,
    -- 'begun' stays only where the process ended in the middle
    status TEXT NOT NULL CHECK (status IN ('begun', 'scored', 'failed', 'retry', 'given up')),
    parameters TEXT NOT NULL,
    windows INTEGER NOT NULL,
    insufficient INTEGER NOT NULL,
    alarms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    tried_at REAL NOT NULL,         -- when the last attempt began
    retry_at REAL,                  -- when it is due again, NULL: not before its files change
    reason TEXT NOT NULL,           -- '' where scored
    code_version TEXT NOT NULL,
    runtime TEXT NOT NULL
) STRICT;
INSERT INTO half_orbit SELECT
    key, status, parameters, windows, insufficient, alarms, attempts, 0,
    iif(status = 'begun' OR EXISTS(
        SELECT 1 FROM file WHERE file.half_orbit = key AND file.transient), 0, NULL), '', '', ''
FROM half_orbit_1;
DROP TABLE half_orbit_1;
CREATE INDEX half_orbit_retry ON half_orbit (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX half_orbit_given_up ON half_orbit (key) WHERE status = 'given up';
CREATE TABLE result (
    name TEXT PRIMARY KEY,          -- in the output folder
    half_orbit TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX result_half_orbit ON result (half_orbit);
-- Files that may still grow, and half-orbits that may still get payloads, since when they are
-- as they are.
CREATE TABLE waiting (
    key TEXT PRIMARY KEY,
    stamp TEXT NOT NULL,
    since REAL NOT NULL
) STRICT, WITHOUT ROWID;
-- Folders in which nothing was left to do, and what they looked like then.
CREATE TABLE folder (
    key TEXT PRIMARY KEY,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;
""",
    """
ALTER TABLE file ADD COLUMN first_seen REAL NOT NULL DEFAULT 0;
ALTER TABLE half_orbit ADD COLUMN first_seen REAL NOT NULL DEFAULT 0;
ALTER TABLE half_orbit ADD COLUMN done_at REAL;         -- when it was scored or failed last
ALTER TABLE half_orbit ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;  -- results written so far
ALTER TABLE half_orbit ADD COLUMN side TEXT NOT NULL DEFAULT '';        -- 'night' or 'day'
ALTER TABLE half_orbit ADD COLUMN "start" TEXT;         -- UTC of the first observation
ALTER TABLE half_orbit ADD COLUMN "end" TEXT;
ALTER TABLE half_orbit ADD COLUMN peak REAL;            -- the highest score
ALTER TABLE half_orbit ADD COLUMN track TEXT NOT NULL DEFAULT '[]';     -- [[lon, lat, score]]
CREATE INDEX half_orbit_start ON half_orbit ("start");
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    started REAL NOT NULL,
    ended REAL,                     -- NULL where it did not come to its end
    scored INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,
    exit_code INTEGER,
    code_version TEXT NOT NULL,
    runtime TEXT NOT NULL
) STRICT;
-- Alarms as they stand in the results, each with the revision that first said so.
CREATE TABLE alarm (
    half_orbit TEXT NOT NULL,
    time TEXT NOT NULL,             -- of the window with the highest score
    revision INTEGER NOT NULL,
    valid_until TEXT NOT NULL,
    content TEXT NOT NULL,          -- the record as JSON
    PRIMARY KEY (half_orbit, time)
) STRICT, WITHOUT ROWID;
-- What a person must be told, until a command has taken it.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('alarm', 'failure')),
    key TEXT NOT NULL UNIQUE,       -- one message, told once it was taken
    content TEXT NOT NULL,
    created REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at REAL NOT NULL DEFAULT 0,
    done_at REAL
) STRICT;
CREATE INDEX outbox_open ON outbox (retry_at) WHERE done_at IS NULL;
""",
    # A day side and a night without one window that could be scored were 'scored', too.
    """
CREATE TABLE half_orbit_4 (
    key TEXT PRIMARY KEY,
    -- 'running' stays only where the process ended in the middle
    status TEXT NOT NULL CHECK (status IN
        ('running', 'done', 'day', 'insufficient', 'retry', 'failed', 'given up')),
    parameters TEXT NOT NULL,
    windows INTEGER NOT NULL,
    insufficient INTEGER NOT NULL,
    alarms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    tried_at REAL NOT NULL,
    retry_at REAL,
    reason TEXT NOT NULL,
    code_version TEXT NOT NULL,
    runtime TEXT NOT NULL,
    first_seen REAL NOT NULL,
    done_at REAL,                   -- when its work came to an end last
    revision INTEGER NOT NULL,
    side TEXT NOT NULL,
    "start" TEXT,                   -- UTC; of a day side by the names of its files
    "end" TEXT,
    peak REAL,
    track TEXT NOT NULL
) STRICT;
INSERT INTO half_orbit_4 SELECT
    key,
    CASE
        WHEN status = 'begun' THEN 'running'
        WHEN status != 'scored' THEN status
        WHEN side = 'day' OR side = '' AND key LIKE '%0' THEN 'day'
        WHEN windows > insufficient THEN 'done'
        ELSE 'insufficient'
    END,
    parameters, windows, insufficient, alarms, attempts, tried_at, retry_at, reason, code_version,
    runtime, first_seen, done_at, revision, side, "start", "end", peak, track
FROM half_orbit;
DROP TABLE half_orbit;
ALTER TABLE half_orbit_4 RENAME TO half_orbit;
CREATE INDEX half_orbit_retry ON half_orbit (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX half_orbit_given_up ON half_orbit (key) WHERE status = 'given up';
CREATE INDEX half_orbit_start ON half_orbit ("start");
CREATE TABLE file_4 (
    path TEXT PRIMARY KEY,          -- below the inbox
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    half_orbit TEXT,                -- NULL where the name tells none
    status TEXT NOT NULL CHECK (status IN
        ('running', 'done', 'day', 'failed', 'refused', 'ignored')),
    reason TEXT NOT NULL,           -- '' where done
    transient INTEGER NOT NULL,     -- 1: try again with the same bytes
    first_seen REAL NOT NULL DEFAULT 0
) STRICT;
INSERT INTO file_4 SELECT
    path, size, mtime_ns, ctime_ns, half_orbit,
    CASE
        WHEN status = 'begun' THEN 'running'
        WHEN status != 'scored' THEN status
        WHEN half_orbit IN (SELECT key FROM half_orbit WHERE status = 'day') THEN 'day'
        ELSE 'done'
    END,
    reason, transient, first_seen
FROM file;
DROP TABLE file;
ALTER TABLE file_4 RENAME TO file;
CREATE INDEX file_half_orbit ON file (half_orbit);
""",
    """
-- What retention removes: files of the inbox, whose rows stay as they are, and results, whose
-- rows of the table result move here. The name is that below the inbox or in the output folder;
-- of an input sha256 is ''; where removed is 0, the file may still be there.
CREATE TABLE pruned (
    kind TEXT NOT NULL CHECK (kind IN ('input', 'result')),
    name TEXT NOT NULL,
    half_orbit TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    removed INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX pruned_half_orbit ON pruned (half_orbit);
""",
)
VERSION = len(_MIGRATIONS)

# What SQLite says where the bytes of its file are wrong, and not their surroundings.
_DAMAGE = (
    *("malformed", "not a database", "decode to utf-8", "corrupt", "unsupported file format"),
    # Its version says that it has these.
    *("no such table", "no such column", "has no column"),
)
_FAULTS = (sqlite3.Error, UnicodeDecodeError, MemoryError)
_LOCK_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfOrbitRecord:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run of `stream`.

    Attributes
    ----------
    started, ended : float, float or None
        Seconds since 1970; a run without an end goes on or was killed.
    scored, failed, waiting : int
    exit_code : int or None
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


@dataclass(frozen=True, slots=True)
class AlarmRecord:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
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


@dataclass(frozen=True, slots=True)
class Message:
    """What a person must be told, until a command has taken it."""

    id: int
    kind: Literal["alarm", "failure"]
    key: str
    content: str
    attempts: int


_FILE = "path, size, mtime_ns, ctime_ns, half_orbit, status, reason, transient"
# In brackets, since some are words of SQL; in quotes a column that is missing would be a text.
_HALF_ORBIT = ", ".join(f"[{f}]" for f in HalfOrbitRecord.__dataclass_fields__)
_RUN = ", ".join(RunRecord.__dataclass_fields__)
_PRUNED = ", ".join(Pruned.__dataclass_fields__)
_RUNS_KEPT = 5000


_FINISHED = """
SELECT 1 FROM file WHERE path = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND CASE status
    WHEN 'refused' THEN 0
    WHEN 'day' THEN 1
    WHEN 'ignored' THEN half_orbit IS NULL OR instr(reason, ?)
    ELSE NOT EXISTS (SELECT 1 FROM half_orbit WHERE key = file.half_orbit AND parameters != ?)
END
"""


class Ledger:
    """The record of one output folder.

    Parameters
    ----------
    path : Path
        The SQLite file; made if it is missing.
    read_only : bool, optional
        Look at it only: nothing is made or changed, whoever works on it.

    Raises
    ------
    LedgerDamaged
        Its bytes are not those of a ledger.
    LedgerError
        It is of another version, locked by another program, or cannot be written.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self._path, self._read_only = path, read_only
        self._place: tuple[int, int] | None = None
        self._open()

    def _open(self) -> None:
        with self._errors("cannot be used as a ledger"):
            self._db = sqlite3.connect(
                f"file:{quote(os.fspath(self._path))}?mode={'rw' if self._read_only else 'rwc'}",
                uri=True,
                isolation_level=None,
                timeout=_LOCK_SECONDS,
            )
        try:
            with self._errors("cannot be used as a ledger"):
                if self._read_only:
                    # Not SQLite's read-only mode: that refuses a ledger whose process was killed
                    # in a transaction, until somebody undoes it.
                    self._db.execute("PRAGMA query_only = ON")
                self._db.execute("PRAGMA synchronous = FULL")
                version = self._db.execute("PRAGMA user_version").fetchone()[0]
                if not 0 <= version <= VERSION:
                    raise LedgerError(
                        f"{self._path.name}: got a ledger of version {version}, expected at most "
                        f"{VERSION}: another release of this program wrote it"
                    )
                if self._read_only and version < VERSION:
                    raise LedgerError(
                        f"{self._path.name}: got a ledger of version {version}, expected "
                        f"{VERSION}: the next edge-score stream takes it along"
                    )
                for number, script in enumerate(_MIGRATIONS[version:], version + 1):
                    self._db.executescript(f"BEGIN;{script}PRAGMA user_version = {number};COMMIT;")
        except LedgerError:
            self._db.close()
            raise
        self._place = _place(self._path)

    def begin_anew(self) -> str:
        """Move the file of a damaged ledger aside and begin an empty one.

        Returns
        -------
        str
            Where the old one is now, in the same folder.

        Raises
        ------
        LedgerError
            It cannot be moved, or no new one be made.
        """
        self.close()
        name = set_aside(self._path)
        self._open()
        return name

    def follow(self) -> None:
        """Open the file anew where it was removed or replaced since it was opened.

        Raises
        ------
        LedgerError
            It cannot be opened.
        """
        if self._place is not None and self._place == _place(self._path):
            return
        self.close()
        try:
            self._open()
        except LedgerDamaged:
            self.begin_anew()

    def close(self) -> None:
        """Close the file."""
        self._place = None
        self._db.close()

    def __enter__(self) -> Ledger:
        """Open for a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def file(self, path: str) -> FileRecord | None:
        """Look up what became of the file with this path below the inbox."""
        found = self._files("WHERE path = ?", (path,))
        return found[0] if found else None

    def files(self) -> dict[str, FileRecord]:
        """Every file that was seen, by its path below the inbox."""
        return {f.path: f for f in self._files("", ())}

    def files_of(self, half_orbit: str) -> list[FileRecord]:
        """Every file of a half-orbit that was seen."""
        return self._files("WHERE half_orbit = ? ORDER BY path", (half_orbit,))

    def half_orbit(self, key: str) -> HalfOrbitRecord | None:
        """Look up what became of a half-orbit."""
        found = self._half_orbits("WHERE key = ?", (key,))
        return found[0] if found else None

    def half_orbits(self) -> dict[str, HalfOrbitRecord]:
        """Every half-orbit that was worked on, by its key."""
        return {h.key: h for h in self._half_orbits("", ())}

    def given_up(self) -> list[HalfOrbitRecord]:
        """Half-orbits that are not tried again until a person has seen to them."""
        return self._half_orbits("WHERE status = 'given up' ORDER BY key", ())

    def due(self, now: float, horizon: float) -> list[str]:
        """Half-orbits whose pause is over.

        Parameters
        ----------
        now : float
            Seconds since 1970.
        horizon : float
            No pause is longer: a time further off was set by a clock that was wrong.
        """
        rows = self.rows(
            "SELECT key FROM half_orbit WHERE retry_at <= ? OR retry_at > ?", (now, now + horizon)
        )
        return [row[0] for row in rows]

    def finished(
        self, key: str, stamp: tuple[int, int, int], parameters: str, profile: str
    ) -> bool:
        """Whether a file is as it was recorded, and no other bundle asks for it now.

        Parameters
        ----------
        key : str
            Path below the inbox.
        stamp : tuple of int
            Size, modification and change time in ns.
        parameters : str
            Fingerprint under which a half-orbit is not to be scored again.
        profile : str
            Its name; a payload that another one had no use for may be wanted now.
        """
        # Asked of every file of a folder that changed: no context manager, which costs as much.
        try:
            return bool(
                self._db.execute(
                    _FINISHED, (key, *stamp, f" profile {profile},", parameters)
                ).fetchone()
            )
        except _FAULTS as error:
            raise self._translate(error, "cannot be read") from None

    def results(self) -> Iterator[tuple[str, WrittenFile]]:
        """Every result file that was written, with the key of its half-orbit."""
        for key, *row in self.rows(
            "SELECT half_orbit, name, size, mtime_ns, sha256 FROM result ORDER BY half_orbit", ()
        ):
            yield key, WrittenFile(*row)

    def results_of(self, half_orbit: str) -> list[WrittenFile]:
        """List the result files of a half-orbit as they were written."""
        rows = self.rows(
            "SELECT name, size, mtime_ns, sha256 FROM result WHERE half_orbit = ?", (half_orbit,)
        )
        return [WrittenFile(*row) for row in rows]

    def folder_digest(self, key: str) -> str | None:
        """Tell what a folder looked like when nothing was left to do in it."""
        rows = self.rows("SELECT digest FROM folder WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def to_retry(self) -> int:
        """Count the half-orbits that are tried again by themselves."""
        return int(self.rows("SELECT count(*) FROM half_orbit WHERE retry_at IS NOT NULL")[0][0])

    def waiting(self) -> dict[str, tuple[str, float]]:
        """Tell what was not yet long enough as it is: stamp, and since when."""
        rows = self.rows("SELECT key, stamp, since FROM waiting", ())
        return {key: (stamp, since) for key, stamp, since in rows}

    def record(
        self,
        files: Iterable[FileRecord] = (),
        half_orbit: HalfOrbitRecord | None = None,
        results: Sequence[WrittenFile] | None = None,
        alarms: Sequence[AlarmRecord] | None = None,
        messages: Iterable[tuple[str, str, str]] = (),
        now: float | None = None,
        day_sides: Iterable[HalfOrbitRecord] = (),
    ) -> None:
        """Store what became of files, and of their half-orbit, in one transaction.

        Parameters
        ----------
        files : iterable of FileRecord
        half_orbit : HalfOrbitRecord, optional
        results : sequence of WrittenFile, optional
            Take the place of the half-orbit's earlier ones.
        alarms : sequence of AlarmRecord, optional
            Likewise.
        messages : iterable of (kind, key, content), optional
            For the outbox; one whose key is known is not told again.
        now : float, optional
            Seconds since 1970; when files were seen first that are new. By default this moment.
        day_sides : iterable of HalfOrbitRecord, optional
            More half-orbits, which have no results.

        Raises
        ------
        LedgerError
            The disk is full or the file is damaged; nothing was stored.
        """
        now = time.time() if now is None else now
        with self._transaction():
            self._db.executemany(
                f"INSERT INTO file ({_FILE}, first_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (path) DO UPDATE SET size = excluded.size, "
                "mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, "
                "half_orbit = excluded.half_orbit, status = excluded.status, "
                "reason = excluded.reason, transient = excluded.transient",
                [
                    (
                        f.path,
                        f.size,
                        f.mtime_ns,
                        f.ctime_ns,
                        f.half_orbit,
                        f.status,
                        f.reason,
                        int(f.transient),
                        now,
                    )
                    for f in files
                ],
            )
            names = HalfOrbitRecord.__dataclass_fields__
            self._db.executemany(
                f"INSERT OR REPLACE INTO half_orbit ({_HALF_ORBIT}) "
                f"VALUES ({', '.join('?' * len(names))})",
                (
                    [getattr(record, name) for name in names]
                    for record in (half_orbit, *day_sides)
                    if record is not None
                ),
            )
            if half_orbit is not None:
                if results is not None:
                    self._db.execute("DELETE FROM result WHERE half_orbit = ?", (half_orbit.key,))
                    self._db.execute(
                        "DELETE FROM pruned WHERE kind = 'result' AND half_orbit = ?",
                        (half_orbit.key,),
                    )
                    self._db.executemany(
                        "INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?)",
                        [(r.name, half_orbit.key, r.size, r.mtime_ns, r.sha256) for r in results],
                    )
                if alarms is not None:
                    self._db.execute("DELETE FROM alarm WHERE half_orbit = ?", (half_orbit.key,))
                    self._db.executemany(
                        "INSERT INTO alarm VALUES (?, ?, ?, ?, ?)",
                        [
                            (a.half_orbit, a.time, a.revision, a.valid_until, a.content)
                            for a in alarms
                        ],
                    )
            self._db.executemany(
                "INSERT OR IGNORE INTO outbox (kind, key, content, created) VALUES (?, ?, ?, ?)",
                [(*message, now) for message in messages],
            )

    def alarms(self, half_orbit: str | None = None) -> list[AlarmRecord]:
        """Alarms as they stand in the results, by time, of one half-orbit or of all."""
        where = "" if half_orbit is None else "WHERE half_orbit = ? "
        rows = self.rows(
            "SELECT half_orbit, time, revision, valid_until, content FROM alarm "
            f"{where}ORDER BY time",
            () if half_orbit is None else (half_orbit,),
        )
        return [AlarmRecord(*row) for row in rows]

    def begin_run(self, now: float, code_version: str, runtime: str) -> int:
        """Store that a run of `stream` begins, and give its number."""
        with self._transaction():
            row = self._db.execute(
                "INSERT INTO run (started, code_version, runtime) VALUES (?, ?, ?)",
                (now, code_version, runtime),
            )
            self._db.execute("DELETE FROM run WHERE id <= ?", ((row.lastrowid or 0) - _RUNS_KEPT,))
        return row.lastrowid or 0

    def end_run(
        self, number: int, now: float, counts: tuple[int, int, int], exit_code: int | None
    ) -> None:
        """Store what a run came to: half-orbits scored, failures, and what still waits.

        Parameters
        ----------
        number : int
        now : float
            Seconds since 1970.
        counts : (int, int, int)
        exit_code : int or None
            None for a watcher that goes on.
        """
        with self._transaction():
            self._db.execute(
                "UPDATE run SET ended = ?, scored = ?, failed = ?, waiting = ?, exit_code = ? "
                "WHERE id = ?",
                (now, *counts, exit_code, number),
            )

    def last_run(self) -> RunRecord | None:
        """Look up the latest run."""
        rows = self.rows(f"SELECT {_RUN} FROM run ORDER BY id DESC LIMIT 1", ())
        fields = RunRecord.__dataclass_fields__
        return RunRecord(**dict(zip(fields, rows[0], strict=True))) if rows else None

    def messages(self, now: float) -> list[Message]:
        """List what is to be told now, the oldest first."""
        rows = self.rows(
            "SELECT id, kind, key, content, attempts FROM outbox "
            "WHERE done_at IS NULL AND retry_at <= ? ORDER BY id",
            (now,),
        )
        return [Message(*row) for row in rows]

    def told(self, message: Message, now: float, retry_at: float | None = None) -> None:
        """Store that a message was taken, or is to be told again later."""
        with self._transaction():
            self._db.execute(
                "UPDATE outbox SET attempts = attempts + 1, retry_at = ?, done_at = ? WHERE id = ?",
                (retry_at or 0.0, None if retry_at else now, message.id),
            )

    def remember(
        self, folders: dict[str, str], waiting: dict[str, tuple[str, float]] | None = None
    ) -> None:
        """Store what folders look like in which nothing is left to do.

        Parameters
        ----------
        folders : dict of str to str
            Digests; an empty one forgets the folder.
        waiting : dict of str to (str, float), optional
            Stamp and since when, of all that waits: takes the place of what was stored.
        """
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO folder VALUES (?, ?)", folders.items())
            if waiting is not None:
                self._db.execute("DELETE FROM waiting")
                self._db.executemany(
                    "INSERT INTO waiting VALUES (?, ?, ?)",
                    [(key, stamp, since) for key, (stamp, since) in waiting.items()],
                )

    def forget_results(self, half_orbit: str) -> None:
        """Forget the result files of a half-orbit that someone removed for good."""
        with self._transaction():
            self._db.execute("DELETE FROM result WHERE half_orbit = ?", (half_orbit,))

    def forget_orphans(self) -> int:
        """Forget files of half-orbits whose own row is lost: they count as new, and are scored.

        Returns
        -------
        int
            How many.
        """
        with self._transaction():
            done = self._db.execute(f"DELETE FROM file WHERE {ORPHAN}")
        return done.rowcount

    def pruned(self, half_orbit: str | None = None, unfinished: bool = False) -> list[Pruned]:
        """Files that retention removed.

        Parameters
        ----------
        half_orbit : str, optional
            Of this one alone.
        unfinished : bool, optional
            Results alone that were recorded and may still be there.
        """
        where = ["half_orbit = ?"] * (half_orbit is not None) + [
            "removed = 0 AND kind = 'result'"
        ] * unfinished
        rows = self.rows(
            f"SELECT {_PRUNED} FROM pruned WHERE {' AND '.join(where) or 'true'} ORDER BY name",
            () if half_orbit is None else (half_orbit,),
        )
        return [Pruned(**dict(zip(Pruned.__dataclass_fields__, row, strict=True))) for row in rows]

    def begin_pruning(self, files: Iterable[Pruned]) -> None:
        """Store that files are about to be removed, before they are.

        A process that ends in between leaves results that are no longer expected, and not
        expected ones that are gone: those would be scored again.
        """
        with self._transaction():
            for file in files:
                values = [getattr(file, f) for f in Pruned.__dataclass_fields__]
                self._db.execute(
                    f"INSERT OR REPLACE INTO pruned ({_PRUNED}, removed) "
                    f"VALUES ({', '.join('?' * len(values))}, 0)",
                    values,
                )
                if file.kind == "result":
                    self._db.execute("DELETE FROM result WHERE name = ?", (file.name,))

    def end_pruning(self, gone: Iterable[Pruned], left: Iterable[Pruned] = ()) -> None:
        """Store which files were removed, and which could not be: those count as before."""
        with self._transaction():
            self._db.executemany(
                "UPDATE pruned SET removed = 1 WHERE kind = ? AND name = ?",
                [(f.kind, f.name) for f in gone],
            )
            for f in left:
                self._db.execute("DELETE FROM pruned WHERE kind = ? AND name = ?", (f.kind, f.name))
                if f.kind == "result":
                    self._db.execute(
                        "INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?)",
                        (f.name, f.half_orbit, f.size, f.mtime_ns, f.sha256),
                    )

    def retry(self, keys: Sequence[str] = ()) -> list[str]:
        """Make half-orbits that were given up, or wait for another attempt, due at once.

        Parameters
        ----------
        keys : sequence of str
            All of them where empty.

        Returns
        -------
        list of str
            Those that are due now.
        """
        wanted = "status IN ('given up', 'retry', 'running', 'failed')"
        if keys:
            wanted += f" AND key IN ({', '.join('?' * len(keys))})"
        with self._transaction():
            found = [
                row[0]
                for row in self._db.execute(
                    f"SELECT key FROM half_orbit WHERE {wanted} ORDER BY key", tuple(keys)
                )
            ]
            self._db.execute(
                f"UPDATE half_orbit SET status = 'retry', attempts = 0, retry_at = 0 "
                f"WHERE {wanted}",
                tuple(keys),
            )
        return found

    def _files(self, where: str, values: tuple[Any, ...]) -> list[FileRecord]:
        rows = self.rows(f"SELECT {_FILE} FROM file {where}", values)
        return [
            FileRecord(
                path=path,
                size=size,
                mtime_ns=mtime_ns,
                ctime_ns=ctime_ns,
                half_orbit=half_orbit,
                status=status,
                reason=reason,
                transient=bool(transient),
            )
            for path, size, mtime_ns, ctime_ns, half_orbit, status, reason, transient in rows
        ]

    def _half_orbits(self, where: str, values: tuple[Any, ...]) -> list[HalfOrbitRecord]:
        names = HalfOrbitRecord.__dataclass_fields__
        rows = self.rows(f"SELECT {_HALF_ORBIT} FROM half_orbit {where}", values)
        return [HalfOrbitRecord(**dict(zip(names, row, strict=True))) for row in rows]

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Read rows of any table.

        Parameters
        ----------
        query : str
        values : tuple

        Returns
        -------
        list of tuple

        Raises
        ------
        LedgerError
        """
        with self._errors("cannot be read"):
            return self._db.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors("cannot be written"):
            if self._db.in_transaction:
                # That of an earlier fault, in which there was no memory to undo it.
                self._db.execute("ROLLBACK")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(*_FAULTS):
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except _FAULTS as error:
            raise self._translate(error, what) from None

    def _translate(self, error: Exception, what: str) -> LedgerError:
        # sqlite3 words some of its messages with bytes of the file, as text that is none.
        damaged = isinstance(error, UnicodeDecodeError) or any(
            word in str(error).lower() for word in _DAMAGE
        )
        kind = LedgerDamaged if damaged else LedgerError
        why = one_line(str(error)) or "out of memory"
        return kind(f"{self._path.name}: {what}: {why}")


def _place(path: Path) -> tuple[int, int] | None:
    """Device and number of the file of this name, None where there is none to see."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def ledger_of(out: Path) -> Path:
    """Find the ledger of a stream's output folder.

    Parameters
    ----------
    out : Path

    Returns
    -------
    Path

    Raises
    ------
    ConfigError
        There is none: it is no stream's.
    """
    path = out / LEDGER_FILE
    if not path.is_file():
        raise ConfigError(f"output folder {out.name}: expected a stream's, got no {LEDGER_FILE}")
    return path


def open_ledger(path: Path) -> tuple[Ledger, str]:
    """Open a ledger; one that is damaged is set aside and begun anew.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ledger : Ledger
    notice : str
        What happened to the old one, or ``""``.

    Raises
    ------
    LedgerError
        It is of a later version, locked, or cannot be written.
    """
    try:
        return Ledger(path), ""
    except LedgerDamaged as error:
        aside = set_aside(path)
        return Ledger(path), begun_anew(error, aside)


def begun_anew(error: LedgerDamaged, aside: str) -> str:
    """Say that a ledger was begun anew, and what follows."""
    return (
        f"{error}; kept as {aside}, and begun anew: results stay, and what lies in the inbox is "
        "scored again"
    )


def set_aside(path: Path) -> str:
    """Rename a damaged ledger, its journal with it: that would be played into the new one.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        Its new name.

    Raises
    ------
    LedgerError
        It cannot be renamed.
    """
    number = 1
    while (target := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        for suffix in ("-journal", "-wal", "-shm", ""):
            old = path.with_name(path.name + suffix)
            if old.exists():
                old.rename(target.with_name(target.name + suffix))
    except OSError as error:
        raise LedgerError(
            f"{path.name}: is damaged and cannot be renamed: {error.strerror}"
        ) from None
    return target.name
