"""Make a new ledger of the rows of a damaged one and of the results on disk."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from edge import __version__
from edge.bundle import load_card, profile_and_fingerprint
from edge.config import Settings
from edge.errors import ConfigError, EdgeError, InputError, LedgerDamaged, LedgerError
from edge.ledger import DONE, AlarmRecord, HalfOrbitRecord, Ledger, ledger_of
from edge.outputs import file_record, flush_folder, result_paths
from edge.results import RESULT_FORMATS, Alarm, ResultFormat, WrittenFile
from edge.station.alarms import (
    JSONL_FILE,
    StationAlarm,
    alarm_record,
    message,
    stamp,
    station_alarm,
    write_alarms,
)
from edge.station.ledger_check import result_keys
from edge.station.result_files import StoredResult, parse_result
from edge.stream import thinned
from edge.versions import installed_runtime

_SIDES = ("", "-journal", "-wal", "-shm")
_TEMPORARY = ".ledger.sqlite.repair"
_FAULTS = (sqlite3.Error, UnicodeDecodeError, MemoryError, OverflowError)
_STATES = {"begun": "running", "scored": "done"}


def repair(out: Path, settings: Settings, bundle: Path | None, now: float) -> Iterator[str]:
    """Make a new ledger; the caller holds the output folder.

    Parameters
    ----------
    settings : Settings
        Results that were made under them are not made again.
    now : float
        Seconds since 1970.

    Yields
    ------
    str
        What was done, and what is lost.

    Raises
    ------
    ConfigError
        There is no ledger, or the folder cannot be written to.
    LedgerError
        It is of a later version, or another program holds it.

    Notes
    -----
    The old one is copied, the new one made under another name, then renamed: where the process
    ends in between, the old one is as it was.
    """
    path = ledger_of(out)
    try:
        # Before anything opens it: that alone may play a journal, or discard it.
        copy = _copy(path)
        try:
            # One that can be opened is taken to this version first, as a stream would.
            Ledger(path).close()
        except LedgerDamaged as error:
            yield str(error)
        except LedgerError:
            _discard(copy)
            raise
        yield f"the old ledger is kept as {copy.name}"
        temporary = path.with_name(_TEMPORARY)
        _discard(temporary)
        try:
            with Ledger(temporary) as new:
                yield from _copy_rows(path, temporary, new)
                current = _current(settings, bundle)
                yield from _take_results(out, new, current, now, settings.results)
                alarms = new.alarms()
                write_alarms(out, alarms)
                yield f"alarms.jsonl and alarms.geojson are written anew, of {len(alarms)} alarms"
            # A journal of the old one would be played into the new.
            for side in _SIDES[1:]:
                path.with_name(path.name + side).unlink(missing_ok=True)
            temporary.replace(path)
            flush_folder(out)
        finally:
            _discard(temporary)
    except OSError as error:
        raise ConfigError(f"output folder {out.name}: {error.strerror or error}") from None
    yield "what lies in the inbox and is not in the new ledger is scored by the next stream"


def _copy(path: Path) -> Path:
    number = 1
    while (target := path.with_name(f"{path.name}.before-repair-{number}")).exists():
        number += 1
    # Its own name comes last: a copy that was cut short is none.
    for side in reversed(_SIDES):
        old = path.with_name(path.name + side)
        if old.exists():
            part = path.with_name(f"{_TEMPORARY}.copy")
            shutil.copy2(old, part)
            with part.open("rb") as stream:
                os.fsync(stream.fileno())
            part.replace(target.with_name(target.name + side))
    flush_folder(path.parent)
    return target


def _discard(path: Path) -> None:
    for side in _SIDES:
        path.with_name(path.name + side).unlink(missing_ok=True)


def _copy_rows(old: Path, new: Path, ledger: Ledger) -> Iterator[str]:
    """Copy what can be read, table by table, and row by row where it must be."""
    tables = [
        (name, "WITHOUT ROWID" not in sql.upper())
        for name, sql in ledger.rows("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
        # What folders looked like in which nothing was left to do: all are looked into anew.
        if name != "folder"
    ]
    with (
        closing(sqlite3.connect(f"{old.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(new, isolation_level=None)) as target,
    ):
        for table, has_rowid in tables:
            columns = {row[1] for row in target.execute(f"PRAGMA table_info({table})")}
            kept = lost = 0
            try:
                there = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
            except _FAULTS:
                there = set()
            names = sorted(columns & there)
            if not names:
                yield f"table {table}: lost, it cannot be read"
                continue
            listed = ", ".join(f"[{name}]" for name in names)
            insert = (
                f"INSERT OR IGNORE INTO {table} ({listed}) VALUES ({', '.join('?' * len(names))})"
            )
            target.execute("BEGIN")
            for row in _rows(source, table, listed, has_rowid):
                try:
                    if row is None or (table == "alarm" and not _is_alarm(names, row)):
                        raise sqlite3.DatabaseError
                    kept += target.execute(insert, _renamed(names, row)).rowcount
                except _FAULTS:
                    lost += 1
            target.execute("COMMIT")
            gone = f", {lost} places of it cannot be read and are lost" if lost else ""
            yield f"table {table}: {kept} rows copied{gone}"


def _renamed(names: list[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Rename states of before version 4, which a damaged ledger may not reach."""
    return tuple(
        _STATES.get(value, value) if name == "status" else value
        for name, value in zip(names, row, strict=True)
    )


def _is_alarm(names: list[str], row: tuple[Any, ...]) -> bool:
    values = dict(zip(names, row, strict=True))
    try:
        station = msgspec.json.decode(values["content"], type=StationAlarm)
    except (msgspec.MsgspecError, KeyError, TypeError):
        return False
    return (station.alarm.half_orbit, station.alarm.time) == (values["half_orbit"], values["time"])


def _rows(
    source: sqlite3.Connection, table: str, columns: str, has_rowid: bool
) -> Iterator[tuple[Any, ...] | None]:
    """Yield the rows that can be read, and None for each place that cannot."""
    query = f"SELECT {columns} FROM {table} NOT INDEXED"
    try:
        rows = source.execute(query).fetchall()
    except _FAULTS:
        pass
    else:
        yield from rows
        return
    if has_rowid:
        yield from _by_rowid(source, query, _bounds(source, table))
        return
    # From both ends up to the damage.
    order = source.execute(f"PRAGMA table_info({table})").fetchall()
    keys = [f"[{row[1]}]" for row in sorted(order, key=lambda r: r[5]) if row[5]]
    for way in ("", " DESC"):
        by = ", ".join(f"{key}{way}" for key in keys)
        try:
            yield from source.execute(f"SELECT {columns} FROM {table} ORDER BY {by}")
        except _FAULTS:
            yield None


def _bounds(source: sqlite3.Connection, table: str) -> tuple[int, int]:
    ends = []
    for function, default in (("min", 0), ("max", 2**24)):
        try:
            row = source.execute(f"SELECT {function}(rowid) FROM {table} NOT INDEXED").fetchone()
            ends.append(int(row[0] or 0))
        except _FAULTS:
            # That end is damaged: as far as any station gets.
            ends.append(default)
    return ends[0], ends[1]


def _by_rowid(
    source: sqlite3.Connection, query: str, bounds: tuple[int, int]
) -> Iterator[tuple[Any, ...] | None]:
    """Halve the range until what can be read is told from what cannot."""
    first, last = bounds
    try:
        rows = source.execute(f"{query} WHERE rowid BETWEEN ? AND ?", bounds).fetchall()
    except _FAULTS:
        if first >= last:
            yield None
            return
        middle = (first + last) // 2
        yield from _by_rowid(source, query, (first, middle))
        yield from _by_rowid(source, query, (middle + 1, last))
    else:
        yield from rows


def _current(settings: Settings, bundle: Path | None) -> tuple[str, tuple[object, ...]]:
    """Fingerprint that a stream would have now, and what a result of it says."""
    try:
        _, parameters = profile_and_fingerprint(
            bundle, settings.night, settings.min_coverage, settings.runtime
        )
        card = load_card(bundle)
        coverage = settings.min_coverage
        return parameters, (
            card.name,
            settings.night or card.night,
            card.minimum_coverage if coverage is None else coverage,
            __version__,
            installed_runtime(settings.runtime),
        )
    except (EdgeError, OSError):
        return "", ()


def _take_results(
    out: Path,
    ledger: Ledger,
    current: tuple[str, tuple[object, ...]],
    now: float,
    formats: Collection[ResultFormat],
) -> Iterator[str]:
    """Fill in rows of half-orbits, results and alarms from the results on disk."""
    parameters, made_by = current
    half_orbits = ledger.half_orbits()
    named: dict[str, list[WrittenFile]] = {}
    for key, file in ledger.results():
        named.setdefault(key, []).append(file)
    pruned = {p.half_orbit for p in ledger.pruned() if p.kind == "result"}
    told = _told(out)
    taken = refused = 0
    alarms_taken: list[str] = []
    for key in result_keys(out):
        record, before = half_orbits.get(key), named.get(key, [])
        known = {file.name for file in before}
        if key in pruned or (
            record is not None and known.issuperset(f"{key}.{name}" for name in formats)
        ):
            continue
        whole = whole_result(out, key, formats)
        if whole is None or not _agrees(*whole, record, before):
            refused += 1
            yield f"{key}: its result is not whole or another one; the next stream makes it again"
            continue
        found, files = whole
        s = found.summary
        agrees = made_by == (s.bundle, s.night, s.minimum_coverage, s.code_version, s.runtime)
        if record is None:
            # An attempt on other files may have been due when the row was lost.
            agrees &= all(f.status in (*DONE, "ignored", "refused") for f in ledger.files_of(key))
            mtime = files[0].mtime_ns / 1e9
            record = HalfOrbitRecord(
                key=key,
                status="done" if s.windows > s.insufficient else "insufficient",
                parameters=parameters if agrees else "",
                windows=s.windows,
                insufficient=s.insufficient,
                alarms=s.alarms,
                tried_at=mtime,
                code_version=s.code_version,
                runtime=s.runtime,
                first_seen=mtime,
                done_at=mtime,
                revision=1,
                side=s.side,
                start=s.start,
                end=s.end,
                peak=max((w.score for w in found.windows if w.score is not None), default=None),
                track=thinned(found.windows),
            )
        stood = {a.time: a for a in ledger.alarms(key)}
        alarms = [
            stood.get(a.time)
            or told.get(a)
            or alarm_record(station_alarm(a, record.revision, "new", stamp(now)))
            for a in found.alarms
        ]
        # Whether its message was taken is lost with the row: told twice is better than never.
        new = [
            msgspec.json.decode(a.content, type=StationAlarm)
            for a in alarms
            if a.time not in stood and a.valid_until >= stamp(now)
        ]
        ledger.record([], record, files, alarms, map(message, new), now=now)
        alarms_taken += [a.time for a in alarms if a.time not in stood]
        taken += 1
    yield (
        f"results on disk: {taken} half-orbits taken in with {len(alarms_taken)} alarms, "
        f"{refused} left to be scored again"
    )
    if orphans := ledger.forget_orphans():
        yield f"{orphans} files of half-orbits whose row is lost count as new"


def whole_result(
    out: Path, key: str, formats: Collection[ResultFormat] = RESULT_FORMATS
) -> tuple[StoredResult, list[WrittenFile]] | None:
    """Read a result with the records of its files; None where these are not of one result.

    Parameters
    ----------
    formats : collection of {"jsonl", "csv", "geojson"}, optional
        Those that must be there; others may be, written under other settings.
    """
    paths = dict(zip(RESULT_FORMATS, result_paths(out, key), strict=True))
    try:
        if any(path.is_symlink() for path in paths.values()):
            return None
        contents = {
            name: path.read_bytes()
            for name, path in paths.items()
            if name in formats or path.exists()
        }
        found = parse_result(paths["jsonl"], contents["jsonl"])
        if "csv" in contents and contents["csv"].count(b"\n") != len(found.windows) + 1:
            return None
        if "geojson" in contents:
            geojson = json.loads(contents["geojson"])
            drawn = sum(f["properties"]["kind"] == "alarm" for f in geojson["features"])
            if geojson["half_orbit"] != msgspec.to_builtins(found.summary) or drawn != len(
                found.alarms
            ):
                return None
        return found, [file_record(paths[name], c) for name, c in contents.items()]
    except (InputError, OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _agrees(
    found: StoredResult,
    files: list[WrittenFile],
    record: HalfOrbitRecord | None,
    before: list[WrittenFile],
) -> bool:
    """Whether a result is the one that the rows that are left speak of."""
    s = found.summary
    if s.status != "scored" or not {f.sha256 for f in before} <= {f.sha256 for f in files}:
        return False
    return record is None or (record.windows, record.insufficient, record.alarms) == (
        s.windows,
        s.insufficient,
        s.alarms,
    )


def _told(out: Path) -> dict[Alarm, AlarmRecord]:
    """Alarms as the station wrote them, with when it came to know them."""
    found: dict[Alarm, AlarmRecord] = {}
    with contextlib.suppress(OSError):
        for line in (out / JSONL_FILE).read_bytes().splitlines():
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                station = msgspec.json.decode(line, type=StationAlarm)
                found[station.alarm] = alarm_record(station)
    return found
