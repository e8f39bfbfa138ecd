"""What was seen, done and failed, in an SQLite file that survives a power cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

from edge.errors import LedgerError

VERSION = 1

FileStatus = Literal["begun", "scored", "failed", "refused", "ignored"]
HalfOrbitStatus = Literal["begun", "scored", "failed"]

_SCHEMA = """
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
    -- 'begun' stays only where the process ended in the middle
    status TEXT NOT NULL CHECK (status IN ('begun', 'scored', 'failed')),
    parameters TEXT NOT NULL,       -- fingerprint of bundle and options
    windows INTEGER NOT NULL,
    insufficient INTEGER NOT NULL,
    alarms INTEGER NOT NULL,
    attempts INTEGER NOT NULL       -- that did not come to an end
) STRICT;
PRAGMA user_version = 1;
"""


class SeenFile(Protocol):
    """A file as the inbox shows it."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def mtime_ns(self) -> int:
        """Time of its content."""

    @property
    def ctime_ns(self) -> int:
        """Time when it was changed or came here."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What became of one file of the inbox.

    Attributes
    ----------
    status : {"begun", "scored", "failed", "refused", "ignored"}
        ``refused``: it came after its siblings had left, and waits for them.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    half_orbit: str | None
    status: FileStatus
    reason: str = ""
    transient: bool = False

    def differs(self, file: SeenFile) -> bool:
        """Whether the file in the inbox is another than the one that was recorded.

        Parameters
        ----------
        file : SeenFile

        Returns
        -------
        bool
            By size and both times; the second one is this computer's own.
        """
        recorded = (self.size, self.mtime_ns, self.ctime_ns)
        return recorded != (file.size, file.mtime_ns, file.ctime_ns)


@dataclass(frozen=True, slots=True)
class HalfOrbitRecord:
    """What became of one half-orbit.

    Attributes
    ----------
    status : {"begun", "scored", "failed"}
        ``begun``: a process started on it and did not come to an end.
    attempts : int
        How often in a row.
    """

    key: str
    status: HalfOrbitStatus
    parameters: str
    windows: int = 0
    insufficient: int = 0
    alarms: int = 0
    attempts: int = 0


class Ledger:
    """The record of one output folder.

    Parameters
    ----------
    path : Path
        The SQLite file; made if it is missing.

    Raises
    ------
    LedgerError
        It is no SQLite file, of another version, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        except sqlite3.Error as error:
            raise LedgerError(f"{path.name}: cannot be used as a ledger: {error}") from None

    def _prepare(self) -> None:
        self._db.execute("PRAGMA synchronous = FULL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._db.executescript(f"BEGIN;{_SCHEMA}COMMIT;")
        elif version != VERSION:
            raise LedgerError(
                f"{self._path.name}: ledger of version {version}; this program reads {VERSION}"
            )

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
        self._db.close()

    def files(self) -> dict[str, FileRecord]:
        """Every file that was seen, by its path below the inbox."""
        return {row[0]: FileRecord(*row) for row in self._rows("file")}

    def half_orbits(self) -> dict[str, HalfOrbitRecord]:
        """Every half-orbit that was worked on, by its key."""
        return {row[0]: HalfOrbitRecord(*row) for row in self._rows("half_orbit")}

    def record(
        self, files: Iterable[FileRecord], half_orbit: HalfOrbitRecord | None = None
    ) -> None:
        """Store what became of files, and of their half-orbit, in one transaction.

        Parameters
        ----------
        files : iterable of FileRecord
        half_orbit : HalfOrbitRecord, optional

        Raises
        ------
        LedgerError
            The disk is full or the file is damaged; nothing was stored.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
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
                    )
                    for f in files
                ],
            )
            if half_orbit is not None:
                h = half_orbit
                self._db.execute(
                    "INSERT OR REPLACE INTO half_orbit VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        h.key,
                        h.status,
                        h.parameters,
                        h.windows,
                        h.insufficient,
                        h.alarms,
                        h.attempts,
                    ),
                )
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise LedgerError(f"{self._path.name}: cannot be written: {error}") from None

    def _rows(self, table: Literal["file", "half_orbit"]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(f"SELECT * FROM {table}").fetchall()
        except sqlite3.Error as error:
            raise LedgerError(f"{self._path.name}: cannot be read: {error}") from None
