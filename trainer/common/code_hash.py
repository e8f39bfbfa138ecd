"""Which code made something: a hash over source files."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import edge
import trainer

#: What runs between an archive and its labelled windows.
DATASET_SOURCES = (
    "edge",
    "trainer/archives",
    "trainer/datasets",
    "trainer/inputs",
)


@cache
def code_sha256(parts: tuple[str, ...] = ("edge", "trainer")) -> str:
    """sha256 over names and contents of source files, as they are when first asked for.

    Parameters
    ----------
    parts : tuple of str, optional
        Folders and files below `edge` and `trainer`; both of them whole by default.

    Returns
    -------
    str
        Hexadecimal.
    """
    digest = hashlib.sha256()
    for part in parts:
        package, _, below = part.partition("/")
        module = edge if package == "edge" else trainer
        assert module.__file__ is not None
        root = Path(module.__file__).parent
        start = root / below
        for path in sorted(start.rglob("*.py")) if start.is_dir() else [start]:
            name = f"{package}/{path.relative_to(root).as_posix()}"
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name}\0{found}\n".encode())
    return digest.hexdigest()
