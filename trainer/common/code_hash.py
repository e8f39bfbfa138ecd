"""What something was made from, and by which code: hashes."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

import edge
import trainer
from edge import RELEASE

#: What runs between an archive and its labelled windows.
DATASET_SOURCES = (
    "edge",
    "trainer/archives",
    "trainer/datasets",
    "trainer/inputs",
)


def identity_of(*parts: Any) -> str:
    """sha256 of all that something is made from, as JSON, with the release of this code."""
    content = msgspec.json.encode([RELEASE, *parts], order="deterministic")
    return hashlib.sha256(content).hexdigest()


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
