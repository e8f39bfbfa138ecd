"""The SQLite file of the ledger: opened, taken along to this version, set aside where damaged."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from msgspec.structs import astuple

from edge.errors import ConfigError, LedgerDamaged, LedgerError, one_line
from edge.ledger_schema import MIGRATIONS, VERSION

LEDGER_FILE = "ledger.sqlite"

Row = TypeVar("Row")

# What SQLite says where the bytes of its file are wrong, and not their surroundings.
_DAMAGE = (
    *("malformed", "not a database", "decode to utf-8", "corrupt", "unsupported file format"),
    # Its version says that it has these.
    *("no such table", "no such column", "has no column"),
)
#: What sqlite3 raises where a file or this computer is at fault.
FAULTS = (sqlite3.Error, UnicodeDecodeError, MemoryError)
_LOCK_SECONDS = 5.0


class LedgerFile:
    """The file of the record of one output folder, without what stands in it.

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
                for number, script in enumerate(MIGRATIONS[version:], version + 1):
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

    def __enter__(self) -> Self:
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

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Read rows of any table.

        Raises
        ------
        LedgerError
        """
        with self._errors("cannot be read"):
            return self._db.execute(query, values).fetchall()

    def _select(self, kind: Callable[..., Row], rest: str, *values: float | str) -> list[Row]:
        """Read records of one kind; `rest` is the query from the name of the table on."""
        names = fields_of(kind)
        rows = self.rows(f"SELECT {_listed(names)} FROM {rest}", values)
        return [kind(**dict(zip(names, row, strict=True))) for row in rows]

    def _insert(self, table: str, records: Sequence[Any], **more: int) -> None:
        """Insert records of one kind, or replace those with the same key."""
        if records:
            names = [*fields_of(type(records[0])), *more]
            self._db.executemany(
                f"INSERT OR REPLACE INTO {table} ({_listed(names)}) "
                f"VALUES ({', '.join('?' * len(names))})",
                [(*astuple(record), *more.values()) for record in records],
            )

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
                with contextlib.suppress(*FAULTS):
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except FAULTS as error:
            raise self._translate(error, what) from None

    def _translate(self, error: Exception, what: str) -> LedgerError:
        # sqlite3 words some of its messages with bytes of the file, as text that is none.
        damaged = isinstance(error, UnicodeDecodeError) or any(
            word in str(error).lower() for word in _DAMAGE
        )
        kind = LedgerDamaged if damaged else LedgerError
        why = one_line(str(error)) or "out of memory"
        return kind(f"{self._path.name}: {what}: {why}")


def fields_of(kind: Any) -> tuple[str, ...]:
    """Columns of a record, which its fields are named as."""
    fields: tuple[str, ...] = kind.__struct_fields__
    return fields


def _listed(names: Iterable[str]) -> str:
    # In brackets, since some are words of SQL; in quotes a column that is missing would be a text.
    return ", ".join(f"[{name}]" for name in names)


def _place(path: Path) -> tuple[int, int] | None:
    """Device and number of the file of this name, None where there is none to see."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def ledger_of(out: Path) -> Path:
    """Find the ledger of a stream's output folder.

    Raises
    ------
    ConfigError
        There is none: it is no stream's.
    """
    path = out / LEDGER_FILE
    if not path.is_file():
        raise ConfigError(f"output folder {out.name}: expected a stream's, got no {LEDGER_FILE}")
    return path


def begun_anew(error: LedgerDamaged, aside: str) -> str:
    """Say that a ledger was begun anew, and what follows."""
    return (
        f"{error}; kept as {aside}, and begun anew: results stay, and what lies in the inbox is "
        "scored again"
    )


def set_aside(path: Path) -> str:
    """Rename a damaged ledger, its journal with it: that would be played into the new one.

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
