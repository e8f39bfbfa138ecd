"""The CSV layout of the USGS ComCat service."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from trainer.catalogues.event import CatalogueEvent, Fault, read_event, shown
from trainer.errors import CatalogueError

_COLUMNS = ("time", "latitude", "longitude", "depth", "mag", "id")


def parse_comcat(text: str, path: Path) -> Iterator[CatalogueEvent | Fault]:
    """Read the events of a CSV file in its order.

    Parameters
    ----------
    text : str
        Columns that are not needed are ignored.
    path : Path
        To be named in errors.

    Yields
    ------
    CatalogueEvent or Fault
        One for each line. A header that comes again, as in joined downloads, is a fault and
        holds from there on.

    Raises
    ------
    CatalogueError
        A column is missing.
    """
    header: list[str] = []
    # Line by line: a stray quotation mark costs its own line, and not all up to the next one.
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        where = f"line {number}"
        try:
            (fields,) = csv.reader([line], strict=True)
        except csv.Error as error:
            yield Fault("of broken CSV", f"{where}: {error}")
            continue
        if not fields:
            continue
        names = [field.strip("\ufeff ").lower() for field in fields]
        missing = [name for name in _COLUMNS if name not in names]
        if not missing:
            if header:
                yield Fault("that repeat the header", f"{where}: the header again")
            header = names
        elif not header:
            raise CatalogueError(
                path, f"lacks the columns {', '.join(missing)} of the ComCat CSV layout"
            )
        elif len(fields) != len(header):
            yield Fault(
                "of another number of fields",
                f"{where}: expected {len(header)} fields, got {len(fields)}: {shown(line)}",
            )
        else:
            yield read_event(where, dict(zip(header, fields, strict=True)))
    if not header:
        raise CatalogueError(
            path, f"lacks the columns {', '.join(_COLUMNS)} of the ComCat CSV layout"
        )
