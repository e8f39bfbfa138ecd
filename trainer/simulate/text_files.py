"""Text files, each replaced as a whole."""

from __future__ import annotations

from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text file under a temporary name, then rename it.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    text : str
        Written as UTF-8.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
