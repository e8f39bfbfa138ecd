"""What lies in the inbox, and which of it is complete.

The scan is the truth; file events only say when to look again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.errors import InputError, NotAHalfOrbitFile
from edge.readers.names import FileName, looks_like_payload, parse_name
from edge.readers.sniffing import explain_os_error

_UNFINISHED = (".part", ".tmp")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file of the inbox.

    Attributes
    ----------
    path : Path
    key : str
        Path below the inbox.
    size, mtime_ns : int
    name : FileName or None
        None where the name is not that of a supported half-orbit file.
    problem : NotAHalfOrbitFile or None
        Why not.
    """

    path: Path
    key: str
    size: int
    mtime_ns: int
    name: FileName | None
    problem: NotAHalfOrbitFile | None

    @property
    def malformed(self) -> bool:
        """Whether it was meant for us but its name is damaged."""
        return type(self.problem) is NotAHalfOrbitFile and looks_like_payload(self.path.name)


def scan(inbox: Path, leave_out: Path) -> list[Candidate]:
    """List the files of the inbox and of the folders in it.

    Parameters
    ----------
    inbox : Path
    leave_out : Path
        The output folder, where it lies inside the inbox.

    Returns
    -------
    list of Candidate
        In order of their path; hidden names and names that end in ``.part`` or ``.tmp``
        are left out.

    Raises
    ------
    InputError
        The inbox, or a folder in it, is missing, not a folder, or cannot be listed.
    """
    found = []
    for path, status in _walk(inbox, leave_out.resolve()):
        name, problem = None, None
        try:
            name = parse_name(path)
        except NotAHalfOrbitFile as error:
            problem = error
        key = path.relative_to(inbox).as_posix()
        found.append(Candidate(path, key, status.st_size, status.st_mtime_ns, name, problem))
    return sorted(found, key=lambda c: c.key)


def _walk(folder: Path, leave_out: Path) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except NotADirectoryError:
        raise InputError(folder, "is a file; the inbox is a folder") from None
    except OSError as error:
        raise explain_os_error(folder, error) from None
    for entry in entries:
        if entry.name.startswith(".") or entry.name.endswith(_UNFINISHED):
            continue
        path = folder / entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                if path.resolve() != leave_out:
                    yield from _walk(path, leave_out)
            elif entry.is_file():
                yield path, entry.stat()
        except FileNotFoundError:
            # It was moved away between listing and looking.
            continue


class Settled:
    """Tells files that are complete from files that still grow.

    Parameters
    ----------
    seconds : float
        A file is complete when size and mtime have been the same for so long.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, tuple[int, int, float]] = {}

    def __call__(self, candidate: Candidate) -> bool:
        """Whether the file is complete.

        Parameters
        ----------
        candidate : Candidate

        Returns
        -------
        bool
            By its mtime against the clock; where the clock was wrong at some time (a
            computer without a battery), by what earlier calls saw.
        """
        if self._seconds <= 0:
            return True
        now = time.monotonic()
        size, mtime_ns, since = self._seen.get(candidate.key, (-1, -1, now))
        if (size, mtime_ns) != (candidate.size, candidate.mtime_ns):
            since = now
        self._seen[candidate.key] = (candidate.size, candidate.mtime_ns, since)
        age = time.time() - candidate.mtime_ns / 1e9
        return abs(age) >= self._seconds or now - since >= self._seconds
