"""Hold a ledger against itself and against what lies on disk; nothing is changed."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge.errors import LedgerDamaged, LedgerError, one_line
from edge.ledger import ORPHAN, Ledger, ledger_of
from edge.outputs import is_intact
from edge.station.alarms import JSONL_FILE, recent

_RESULT = re.compile(r"(\w+_[0-9]{6})\.(jsonl|csv|geojson)")
_NAMED = 5
# Half-orbits that rows name and that are not there.
_DANGLING = {
    "result": "SELECT DISTINCT half_orbit FROM result "
    "WHERE half_orbit NOT IN (SELECT key FROM half_orbit) ORDER BY half_orbit",
    "file": f"SELECT DISTINCT half_orbit FROM file WHERE {ORPHAN} ORDER BY half_orbit",
}


def check(out: Path) -> Iterator[str]:
    """Look at the ledger of an output folder.

    Yields
    ------
    str
        A line for each thing that is wrong, with what to do.

    Raises
    ------
    ConfigError
        There is no ledger.
    LedgerError
        It is of another version, or another program holds it.
    """
    path = ledger_of(out)
    repair = f"edge-score ledger repair {out.name} makes a new one of what can be read"
    try:
        with Ledger(path, read_only=True) as ledger:
            yield from (f"{path.name}: {line}; {repair}" for line in _integrity(path))
            yield from _contents(out, ledger)
    except LedgerDamaged as error:
        yield f"{error}; {repair}"


def result_keys(out: Path) -> dict[str, set[str]]:
    """Names of the result files on disk, by half-orbit."""
    found: dict[str, set[str]] = {}
    for path in sorted(out.iterdir()):
        if match := _RESULT.fullmatch(path.name):
            found.setdefault(match[1], set()).add(path.name)
    return found


def _integrity(path: Path) -> Iterator[str]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            for (line,) in db.execute(f"PRAGMA integrity_check({_NAMED})"):
                if line != "ok":
                    yield one_line(line)
    except sqlite3.OperationalError as error:
        raise LedgerError(f"{path.name}: cannot be read: {one_line(str(error))}") from None
    except sqlite3.DatabaseError as error:
        yield one_line(str(error))


def _contents(out: Path, ledger: Ledger) -> Iterator[str]:
    # Every table that the version promises; a missing one is damage.
    for table in ("file", "half_orbit", "result", "waiting", "folder", "run", "alarm", "outbox"):
        ledger.rows(f"SELECT * FROM {table} LIMIT 1")
    ledger.half_orbits()
    pruned = {p.name for p in ledger.pruned(unfinished=True)}
    named = set()
    for key, file in ledger.results():
        named.add(file.name)
        if not is_intact(out, file):
            what = "changed" if (out / file.name).exists() else "missing"
            yield (
                f"{file.name}: {what} since it was written; the next edge-score stream makes it "
                f"again where the files of {key} are in the inbox, else remove what is left of it"
            )
    for names in result_keys(out).values():
        for name in sorted(names - named - pruned):
            yield (
                f"{name}: a result that the ledger does not know; edge-score ledger repair "
                f"{out.name} takes it in, or move it away"
            )
    for table, query in _DANGLING.items():
        lost = [key for (key,) in ledger.rows(query)]
        if lost:
            yield (
                f"table {table}: rows of {len(lost)} half-orbits that are not there, {lost[0]} "
                f"first; edge-score ledger repair {out.name} takes their results in, or has them "
                "scored again"
            )
    try:
        lines = [a.content for a in recent(ledger.alarms())]
    except ValueError as error:
        yield f"table alarm: {one_line(str(error))}; edge-score ledger repair {out.name} mends it"
        return
    try:
        written = (out / JSONL_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        written = []
    except (OSError, UnicodeDecodeError) as error:
        yield f"{JSONL_FILE}: cannot be read ({one_line(str(error))})"
        return
    if written != lines:
        yield (
            f"{JSONL_FILE}: expected the {len(lines)} alarms of the ledger, got {len(written)} "
            f"lines that differ; edge-score ledger repair {out.name} writes it anew"
        )
