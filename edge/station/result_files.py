"""Results read back from disk, with what is wrong with one that is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.errors import InputError
from edge.results import SCHEMA, Alarm, HalfOrbitResult, WindowScore

_LONGEST_LINE = 1_000_000
_decoder = msgspec.json.Decoder(HalfOrbitResult | WindowScore | Alarm)


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A half-orbit's result as its ``.jsonl`` file says it."""

    summary: HalfOrbitResult
    windows: list[WindowScore]
    alarms: list[Alarm]


def read_result(path: Path) -> StoredResult:
    """Read a ``.jsonl`` result and check that it is whole.

    Raises
    ------
    InputError
        It is damaged, cut short, of another half-orbit than its name says, or of a later schema.
    """
    return parse_result(path, _read(path))


def read_summary(path: Path) -> HalfOrbitResult:
    """Read the first line of a ``.jsonl`` result; see `read_result`."""
    return _summary(path, _read(path, first_line=True))


def parse_result(path: Path, content: bytes) -> StoredResult:
    """Parse the content of a ``.jsonl`` result; see `read_result`."""
    first, *lines = content.splitlines() or [b""]
    summary = _summary(path, first)
    records = [_decode(path, number, line) for number, line in enumerate(lines, 2)]
    windows = [r for r in records if isinstance(r, WindowScore)]
    alarms = [r for r in records if isinstance(r, Alarm)]
    if (len(windows), len(alarms)) != (summary.windows, summary.alarms):
        raise InputError(
            path,
            f"expected {summary.windows} windows and {summary.alarms} alarms as its first line "
            f"says, got {len(windows)} and {len(alarms)}",
        )
    return StoredResult(summary, windows, alarms)


def _read(path: Path, first_line: bool = False) -> bytes:
    try:
        if not path.is_file():
            raise InputError(path, "expected a regular file")
        with path.open("rb") as stream:
            return stream.readline(_LONGEST_LINE) if first_line else stream.read()
    except OSError as error:
        raise InputError(path, error.strerror or str(error)) from None


def _summary(path: Path, line: bytes) -> HalfOrbitResult:
    record = _decode(path, 1, line)
    if not isinstance(record, HalfOrbitResult):
        raise InputError(path, f"expected the half-orbit {path.stem} in line 1, got another record")
    if record.schema > SCHEMA:
        raise InputError(path, f"expected schema {SCHEMA} or earlier, got {record.schema}")
    return record


def _decode(path: Path, number: int, line: bytes) -> HalfOrbitResult | WindowScore | Alarm:
    try:
        record: HalfOrbitResult | WindowScore | Alarm = _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(path, f"line {number}: {error}") from None
    if record.half_orbit != path.stem:
        raise InputError(
            path, f"expected the half-orbit {path.stem} in line {number}, got another record"
        )
    return record
