"""What was seen, done and failed, in an SQLite file that survives a power cut."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import astuple, replace

from edge.errors import LedgerDamaged
from edge.ledger_file import (
    FAULTS,
    LEDGER_FILE,
    LedgerFile,
    begun_anew,
    ledger_of,
    set_aside,
)
from edge.ledger_records import (
    DONE,
    SCORED,
    AlarmRecord,
    FileRecord,
    FileStatus,
    HalfOrbitRecord,
    HalfOrbitStatus,
    Message,
    Pruned,
    RunRecord,
)
from edge.results import WrittenFile

__all__ = [
    "DONE",
    "LEDGER_FILE",
    "ORPHAN",
    "SCORED",
    "AlarmRecord",
    "FileRecord",
    "FileStatus",
    "HalfOrbitRecord",
    "HalfOrbitStatus",
    "Ledger",
    "Message",
    "Pruned",
    "RunRecord",
    "begun_anew",
    "ledger_of",
    "open_ledger",
    "set_aside",
]

#: Files that were worked on with a half-orbit that has no row.
ORPHAN = (
    "half_orbit IS NOT NULL AND status NOT IN ('ignored', 'refused') "
    "AND half_orbit NOT IN (SELECT key FROM half_orbit)"
)

_RESULT = "name, size, mtime_ns, sha256"
_INSERT_RESULT = "INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?)"
_RUNS_KEPT = 5000

_UPDATED = ("size", "mtime_ns", "ctime_ns", "half_orbit", "status", "reason", "transient")
_RECORD_FILE = (
    f"INSERT INTO file (path, {', '.join(_UPDATED)}, first_seen) "
    f"VALUES ({', '.join('?' * (len(_UPDATED) + 2))}) ON CONFLICT (path) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _UPDATED)
)
_FINISHED = """
SELECT 1 FROM file WHERE path = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND CASE status
    WHEN 'refused' THEN 0
    WHEN 'day' THEN 1
    WHEN 'ignored' THEN half_orbit IS NULL OR instr(reason, ?)
    ELSE NOT EXISTS (SELECT 1 FROM half_orbit WHERE key = file.half_orbit AND parameters != ?)
END
"""


class Ledger(LedgerFile):
    """The record of one output folder; see `LedgerFile`."""

    def file(self, path: str) -> FileRecord | None:
        """Look up what became of the file with this path below the inbox."""
        return next(iter(self._files("WHERE path = ?", path)), None)

    def files(self) -> dict[str, FileRecord]:
        """Every file that was seen, by its path below the inbox."""
        return {f.path: f for f in self._files("")}

    def files_of(self, half_orbit: str) -> list[FileRecord]:
        """Every file of a half-orbit that was seen."""
        return self._files("WHERE half_orbit = ? ORDER BY path", half_orbit)

    def _files(self, rest: str, *values: str) -> list[FileRecord]:
        found = self._select(FileRecord, f"file {rest}", *values)
        return [replace(f, transient=bool(f.transient)) for f in found]

    def half_orbit(self, key: str) -> HalfOrbitRecord | None:
        """Look up what became of a half-orbit."""
        return next(iter(self._select(HalfOrbitRecord, "half_orbit WHERE key = ?", key)), None)

    def half_orbits(self) -> dict[str, HalfOrbitRecord]:
        """Every half-orbit that was worked on, by its key."""
        return {h.key: h for h in self._select(HalfOrbitRecord, "half_orbit")}

    def given_up(self) -> list[HalfOrbitRecord]:
        """Half-orbits that are not tried again until a person has seen to them."""
        return self._select(HalfOrbitRecord, "half_orbit WHERE status = 'given up' ORDER BY key")

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
        except FAULTS as error:
            raise self._translate(error, "cannot be read") from None

    def results(self) -> Iterator[tuple[str, WrittenFile]]:
        """Every result file that was written, with the key of its half-orbit."""
        query = f"SELECT half_orbit, {_RESULT} FROM result ORDER BY half_orbit"
        for key, *row in self.rows(query):
            yield key, WrittenFile(*row)

    def results_of(self, half_orbit: str) -> list[WrittenFile]:
        """List the result files of a half-orbit as they were written."""
        rows = self.rows(f"SELECT {_RESULT} FROM result WHERE half_orbit = ?", (half_orbit,))
        return [WrittenFile(*row) for row in rows]

    def folder_digest(self, key: str) -> str | None:
        """Tell what a folder looked like when nothing was left to do in it."""
        rows = self.rows("SELECT digest FROM folder WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def last_arrival(self) -> float | None:
        """When the newest file was seen first, in seconds since 1970."""
        found: float | None = self.rows("SELECT max(first_seen) FROM file")[0][0]
        return found

    def to_retry(self) -> int:
        """Count the half-orbits that are tried again by themselves."""
        return int(self.rows("SELECT count(*) FROM half_orbit WHERE retry_at IS NOT NULL")[0][0])

    def waiting(self) -> dict[str, tuple[str, float]]:
        """Tell what was not yet long enough as it is: stamp, and since when."""
        rows = self.rows("SELECT key, stamp, since FROM waiting")
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
            self._db.executemany(_RECORD_FILE, [(*astuple(f), now) for f in files])
            self._insert("half_orbit", [h for h in (half_orbit, *day_sides) if h is not None])
            if half_orbit is not None and results is not None:
                self._db.execute("DELETE FROM result WHERE half_orbit = ?", (half_orbit.key,))
                self._db.execute(
                    "DELETE FROM pruned WHERE kind = 'result' AND half_orbit = ?",
                    (half_orbit.key,),
                )
                self._db.executemany(
                    _INSERT_RESULT,
                    [(r.name, half_orbit.key, r.size, r.mtime_ns, r.sha256) for r in results],
                )
            if half_orbit is not None and alarms is not None:
                self._db.execute("DELETE FROM alarm WHERE half_orbit = ?", (half_orbit.key,))
                self._insert("alarm", alarms)
            self._db.executemany(
                "INSERT OR IGNORE INTO outbox (kind, key, content, created) VALUES (?, ?, ?, ?)",
                [(*message, now) for message in messages],
            )

    def alarms(self, half_orbit: str | None = None) -> list[AlarmRecord]:
        """Alarms as they stand in the results, by time, of one half-orbit or of all."""
        if half_orbit is None:
            return self._select(AlarmRecord, "alarm ORDER BY time")
        return self._select(AlarmRecord, "alarm WHERE half_orbit = ? ORDER BY time", half_orbit)

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
        now : float
            Seconds since 1970.
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
        return next(iter(self._select(RunRecord, "run ORDER BY id DESC LIMIT 1")), None)

    def messages(self, now: float) -> list[Message]:
        """List what is to be told now, the oldest first."""
        due = "outbox WHERE done_at IS NULL AND retry_at <= ? ORDER BY id"
        return self._select(Message, due, now)

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
        where = ["half_orbit = ?"] * (half_orbit is not None)
        where += ["removed = 0 AND kind = 'result'"] * unfinished
        return self._select(
            Pruned,
            f"pruned WHERE {' AND '.join(where) or 'true'} ORDER BY name",
            *(() if half_orbit is None else (half_orbit,)),
        )

    def begin_pruning(self, files: Iterable[Pruned]) -> None:
        """Store that files are about to be removed, before they are.

        A process that ends in between leaves results that are no longer expected, and not
        expected ones that are gone: those would be scored again.
        """
        with self._transaction():
            for file in files:
                self._insert("pruned", [file], removed=0)
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
                        _INSERT_RESULT,
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


def open_ledger(path: Path) -> tuple[Ledger, str]:
    """Open a ledger; one that is damaged is set aside and begun anew.

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
