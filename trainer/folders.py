"""Folders that appear whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Make a folder beside its place, and put it there when the block ends well.

    Parameters
    ----------
    place : Path
        What is there is replaced, and removed last.

    Yields
    ------
    Path
        An empty folder to fill. It is gone if the block raises.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    new = Path(mkdtemp(prefix=f".{place.name}-", suffix=".tmp", dir=place.parent))
    old = new.with_name(f"{new.name}.old.tmp")
    try:
        # mkdtemp makes it private; what is shipped is for everyone.
        new.chmod(0o755)
        yield new
        if place.exists():
            place.replace(old)
        new.replace(place)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
