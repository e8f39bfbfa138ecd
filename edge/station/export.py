"""One table of the windows of many half-orbits, made from a folder of results."""

from __future__ import annotations

import contextlib
import csv
import heapq
import io
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from edge.errors import ConfigError, InputError
from edge.outputs import csv_row, point_feature
from edge.results import SCHEMA, HalfOrbitResult, WindowScore
from edge.station.alarms import JSONL_FILE
from edge.station.result_files import read_result, read_summary

Format = Literal["parquet", "csv", "geojson"]
Row = tuple[WindowScore, HalfOrbitResult]

#: Columns of a row: those of a window, then what they were made with.
COLUMNS = (*WindowScore.__struct_fields__, "bundle", "code_version", "schema")
_ROWS = 20_000


def export(
    out: Path,
    target: Path,
    kind: Format,
    since: str | None = None,
    until: str | None = None,
    skip: Callable[[InputError], None] | None = None,
) -> int:
    """Write the windows of all results, in order of time.

    Parameters
    ----------
    out : Path
        Folder of results.
    target : Path
        Replaced whole, or left as it was.
    kind : {"parquet", "csv", "geojson"}
    since, until : str, optional
        UTC, ISO 8601; windows from `since` on and before `until`.
    skip : callable, optional
        Told of each damaged result, which is then left out.

    Returns
    -------
    int
        Windows written.

    Raises
    ------
    InputError
        A result is damaged, and there is no `skip`; nothing was written.
    ConfigError
        A date is none, the target lies in `out` or cannot be written, or pyarrow is missing.
    """
    first, last = _stamp("--since", since), _stamp("--until", until)
    if not out.is_dir():
        raise ConfigError(f"{out.name or out}: expected a folder of results, got none")
    if target.resolve().is_relative_to(out.resolve()):
        raise ConfigError(f"{target.name}: expected a file outside of {out.name or out}")
    if os.path.lexists(target) and (target.is_symlink() or not target.is_file()):
        raise ConfigError(f"{target.name}: expected a regular file or none, got another thing")
    write = {"parquet": _write_parquet, "csv": _write_csv, "geojson": _write_geojson}[kind]
    if kind == "parquet":
        _require_pyarrow()
    try:
        with _replacing(target) as stream:
            return write(stream, _rows(out, first, last, skip))
    except OSError as error:
        raise ConfigError(f"{target.name}: {error.strerror or error}") from None


def _rows(
    out: Path, since: str, until: str, skip: Callable[[InputError], None] | None
) -> Iterator[Row]:
    """Yield windows in order of time; only half-orbits that overlap are held at once."""
    begins: list[tuple[str, Path]] = []
    for path in sorted(out.glob("[!.]*.jsonl")):
        if path.name != JSONL_FILE:
            with _damage(skip):
                summary = read_summary(path)
                begin, end = summary.start or "", summary.end or ""
                if summary.windows and end >= since and (not until or begin < until):
                    begins.append((begin, path))
    # Windows of two satellites at one time: the key decides, so that the order is always the same.
    held: list[tuple[str, str, int, Row]] = []
    for begin, path in sorted(begins):
        while held and held[0][0] < begin:
            yield heapq.heappop(held)[-1]
        with _damage(skip):
            found = read_result(path)
            for number, w in enumerate(found.windows):
                if w.time >= since and (not until or w.time < until):
                    heapq.heappush(held, (w.time, w.half_orbit, number, (w, found.summary)))
    while held:
        yield heapq.heappop(held)[-1]


@contextlib.contextmanager
def _damage(skip: Callable[[InputError], None] | None) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        if skip is None:
            raise
        skip(error)


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the target's place once it is whole."""
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _write_csv(stream: BinaryIO, rows: Iterator[Row]) -> int:
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for count, (window, s) in enumerate(rows, 1):  # noqa: B007
        writer.writerow([*csv_row(window), s.bundle, s.code_version, s.schema])
    text.detach()
    return count


def _write_geojson(stream: BinaryIO, rows: Iterator[Row]) -> int:
    stream.write(b'{"type":"FeatureCollection","features":[')
    count = 0
    for count, (window, s) in enumerate(rows, 1):
        feature: dict[str, Any] = point_feature(window)
        feature["properties"] |= _made_with(s)
        stream.write((b",\n" if count > 1 else b"\n") + msgspec.json.encode(feature))
    stream.write(b"\n]}\n")
    return count


def _write_parquet(stream: BinaryIO, rows: Iterator[Row]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, number = pa.string(), pa.float64()
    kinds = {"time": pa.timestamp("ms", tz="UTC"), "failed": pa.list_(text), "schema": pa.int64()}
    numbers = ("latitude", "longitude", "local_time", "coverage", "score", "kp")
    kinds |= dict.fromkeys(numbers, number)
    schema = pa.schema([(name, kinds.get(name, text)) for name in COLUMNS])
    said: dict[str, set[str]] = {"trained_on": set(), "bundle": set(), "code_version": set()}
    count = 0
    with pq.ParquetWriter(stream, schema) as writer:
        for group in _groups(rows):
            records = []
            for window, s in group:
                record = msgspec.structs.asdict(window) | _made_with(s)
                record["time"] = datetime.fromisoformat(window.time)
                records.append(record)
                for name, values in said.items():
                    values.add(str(record[name]))
            writer.write_table(pa.Table.from_pylist(records, schema))
            count += len(records)
        writer.add_key_value_metadata(
            {name: ", ".join(sorted(values)) for name, values in said.items()}
            | {"schema": str(SCHEMA)}
        )
    return count


def _groups(rows: Iterator[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        group.append(row)
        if len(group) == _ROWS:
            yield group
            group = []
    if group:
        yield group


def _made_with(summary: HalfOrbitResult) -> dict[str, object]:
    return {name: getattr(summary, name) for name in COLUMNS[-3:]}


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise ConfigError(
            "pyarrow is not installed: parquet needs the extra export "
            '(python -m pip install -e ".[export]"); csv and geojson need nothing'
        ) from None


def _stamp(option: str, text: str | None) -> str:
    """UTC as results write it, so that both compare as text."""
    if text is None:
        return ""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option}: expected a date such as 2020-03-01 or 2020-03-01T12:00, got {text!r}"
        ) from None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
