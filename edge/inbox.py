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
from edge.observables import Profile
from edge.readers.names import FileName, looks_like_payload, parse_name
from edge.readers.sniffing import explain_os_error

_UNFINISHED = (".part", ".tmp")

# The largest integer of the ledger: a time far beyond every calendar is held there.
_MOST_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file of the inbox.

    Attributes
    ----------
    path : Path
    key : str
        Path below the inbox.
    size, mtime_ns : int
    ctime_ns : int
        When the file was last changed or came here, by this computer's clock.
    name : FileName or None
        None where the name is not that of a supported half-orbit file.
    problem : NotAHalfOrbitFile or None
        Why not.
    """

    path: Path
    key: str
    size: int
    mtime_ns: int
    ctime_ns: int
    name: FileName | None
    problem: NotAHalfOrbitFile | None

    @property
    def malformed(self) -> bool:
        """Whether it was meant for us but its name is damaged."""
        return type(self.problem) is NotAHalfOrbitFile and looks_like_payload(self.path.name)


@dataclass(frozen=True, slots=True)
class Scan:
    """One look at the inbox.

    Attributes
    ----------
    candidates : list of Candidate
        In order of their key.
    blind : list of InputError
        Folders in it that could not be listed.
    blind_keys : list of str
        Their paths below the inbox.
    """

    candidates: list[Candidate]
    blind: list[InputError]
    blind_keys: list[str]

    def may_hold(self, key: str) -> bool:
        """Whether a file of this key may lie in a folder that could not be listed."""
        return any(key.startswith(f"{folder}/") for folder in self.blind_keys)


def scan(inbox: Path, leave_out: Path) -> Scan:
    """List the files of the inbox and of the folders in it.

    Parameters
    ----------
    inbox : Path
    leave_out : Path
        The output folder, where it lies inside the inbox.

    Returns
    -------
    Scan
        Hidden names and names that end in ``.part`` or ``.tmp`` are left out.

    Raises
    ------
    InputError
        The inbox is missing, not a folder, or cannot be listed.
    """
    result = Scan([], [], [])
    for path, status in _walk(inbox, inbox, leave_out.resolve(), result):
        name, problem = None, None
        try:
            name = parse_name(path)
        except NotAHalfOrbitFile as error:
            problem = error
        result.candidates.append(
            Candidate(
                path,
                _key(path, inbox),
                status.st_size,
                max(-_MOST_NS, min(_MOST_NS, status.st_mtime_ns)),
                status.st_ctime_ns,
                name,
                problem,
            )
        )
    result.candidates.sort(key=lambda c: c.key)
    return result


def _key(path: Path, inbox: Path) -> str:
    """Path below the inbox, as text that any database and terminal can hold."""
    return os.fsencode(path.relative_to(inbox).as_posix()).decode("utf-8", "backslashreplace")


def _walk(
    folder: Path, inbox: Path, leave_out: Path, result: Scan
) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda e: e.name)
    except OSError as error:
        if folder == inbox:
            if isinstance(error, NotADirectoryError):
                raise InputError(folder, "is a file; the inbox is a folder") from None
            raise explain_os_error(folder, error) from None
        # A folder that was moved away is no problem; one that is closed hides its files.
        if not isinstance(error, FileNotFoundError):
            result.blind.append(explain_os_error(folder, error))
            result.blind_keys.append(_key(folder, inbox))
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.endswith(_UNFINISHED):
            continue
        path = folder / entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                if path.resolve() != leave_out:
                    yield from _walk(path, inbox, leave_out, result)
            elif entry.is_file():
                yield path, entry.stat()
        except OSError:
            # Moved away between listing and looking, or a link that leads nowhere or in a ring.
            continue


def unused_payload(path: Path, name: FileName, profile: Profile) -> InputError | None:
    """Say that a profile has no use for a file, or give None where it has.

    Parameters
    ----------
    path : Path
    name : FileName
    profile : Profile

    Returns
    -------
    InputError or None
    """
    needed = profile.payloads(name.mission)
    if name.payload in needed:
        return None
    return InputError(
        path,
        f"payload {name.payload} is not of the profile {profile.name}, which uses "
        f"{', '.join(sorted(needed))}",
    )


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
            By the time it was changed or came here, against the clock; where the clock was
            wrong at some time (a computer without a battery), by what earlier calls saw.
        """
        if self._seconds <= 0:
            return True
        now = time.monotonic()
        size, mtime_ns, since = self._seen.get(candidate.key, (-1, -1, now))
        if (size, mtime_ns) != (candidate.size, candidate.mtime_ns):
            since = now
        self._seen[candidate.key] = (candidate.size, candidate.mtime_ns, since)
        age = time.time() - candidate.ctime_ns / 1e9
        return age >= self._seconds or now - since >= self._seconds
