"""The CSV layout of the USGS ComCat service."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trainer.catalogues.event import RANGES, CatalogueEvent, checked, checked_time, wrapped
from trainer.errors import CatalogueError

_COLUMNS = ("time", "latitude", "longitude", "depth", "mag", "id")


def parse_comcat(content: bytes, path: Path) -> Iterator[CatalogueEvent]:
    """Read the events of a CSV file in its order.

    Parameters
    ----------
    content : bytes
        Not compressed. Columns that are not needed are ignored.
    path : Path
        To be named in errors.

    Yields
    ------
    CatalogueEvent

    Raises
    ------
    CatalogueError
        A column is missing, or a row has an empty or impossible value (named with its range).
    """
    try:
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise CatalogueError(path, f"not a readable CSV file: {error}") from None
    reader = csv.DictReader(text)
    try:
        missing = [c for c in _COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise CatalogueError(
                path, f"lacks the columns {', '.join(missing)} of the ComCat CSV layout"
            )
        for row in reader:
            where = f"row {reader.line_num}"
            number = {c: _number(path, where, c, row[c] or "") for c in RANGES}
            time = _time(path, where, row["time"] or "")
            key = (row["id"] or "").strip()
            if not key:
                raise CatalogueError(path, f"{where}: the id is empty")
            yield CatalogueEvent(
                key,
                time,
                number["latitude"],
                wrapped(number["longitude"]),
                number["depth"],
                number["mag"],
                (row.get("type") or "").strip(),
            )
    except csv.Error as error:
        raise CatalogueError(path, f"row {reader.line_num}: {error}") from None


def _number(path: Path, where: str, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    return checked(path, where, column, value, text)


def _time(path: Path, where: str, text: str) -> np.datetime64:
    stamp = text.strip().removesuffix("Z").removesuffix("+00:00")
    try:
        time = np.datetime64(stamp.replace(" ", "T"), "ms")
    except ValueError:
        time = np.datetime64("NaT", "ms")
    return checked_time(path, where, time, text)
