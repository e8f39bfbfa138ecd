"""``report.json``: written whole, without numbers that JSON does not know, and read again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge.errors import one_line
from edge.outputs import replace_file
from trainer.errors import TrainError
from trainer.evaluation.report_data import REPORT_FILE, REPORT_FORMAT, Report

_Text = TypeVar("_Text", bound=msgspec.Struct)


def encode(record: msgspec.Struct) -> bytes:
    """Write a record as JSON.

    Parameters
    ----------
    record : Struct

    Returns
    -------
    bytes
        Indented, of fixed order: the same record gives the same bytes.

    Raises
    ------
    ValueError
        A number is NaN or infinite: what cannot be told has to be null.
    """
    plain = msgspec.to_builtins(record)
    _require_finite(plain, type(record).__name__)
    return msgspec.json.format(msgspec.json.encode(plain), indent=1) + b"\n"


def write_report(folder: Path, report: Report) -> Path:
    """Write ``report.json``.

    Parameters
    ----------
    folder : Path
        Exists.
    report : Report

    Returns
    -------
    Path
    """
    path = folder / REPORT_FILE
    replace_file(path, encode(report))
    return path


def read_report(path: Path) -> Report:
    """Read ``report.json``.

    Parameters
    ----------
    path : Path
        The file, or its folder.

    Returns
    -------
    Report

    Raises
    ------
    TrainError
        It is missing, damaged or of another version.
    """
    file = path / REPORT_FILE if path.is_dir() else path
    return read_record(file, Report, REPORT_FORMAT)


def read_record(path: Path, kind: type[_Text], version: int) -> _Text:
    """Read a JSON file with a ``format``.

    Parameters
    ----------
    path : Path
    kind : type of Struct
    version : int
        The format that is read.

    Returns
    -------
    Struct

    Raises
    ------
    TrainError
        It is missing, damaged or of another version.
    """
    name = one_line(path.name)
    try:
        found = msgspec.json.decode(path.read_bytes())
        written = found.get("format") if isinstance(found, dict) else None
        if written != version:
            raise TrainError(f"{name}: format {written!r}; this version reads {version}")
        return msgspec.convert(found, kind)
    except OSError as error:
        raise TrainError(f"{name}: {error.strerror}") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise TrainError(f"{name}: {one_line(str(error))}") from None


def _require_finite(value: Any, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} is {value}; valid are finite numbers and null")
    if isinstance(value, dict):
        for key, item in value.items():
            _require_finite(item, f"{where}.{key}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _require_finite(item, f"{where}[{place}]")
