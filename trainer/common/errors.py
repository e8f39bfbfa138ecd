"""What can stop a training run, as one line for the person who started it."""

from __future__ import annotations

from pathlib import Path

from edge.errors import EdgeError, one_line


class TrainError(EdgeError):
    """The data or the recipe do not give a bundle."""


class CatalogueError(EdgeError):
    """An earthquake catalogue cannot be used.

    Parameters
    ----------
    path : Path
    reason : str
        The row, the value found and the valid range.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{one_line(path.name)}: {one_line(reason)}")
