"""What lies in the inbox: files, folders that did not change, half-orbits.

The scan is the truth; file events only say when to look again. A link to a file counts as
the file. A link to a folder is named and not followed: who may write to the inbox could
otherwise make the station read its whole disk.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from edge.errors import InputError, NotAHalfOrbitFile
from edge.observables import Profile
from edge.readers.names import FileName, looks_like_payload, parse_name
from edge.readers.sniffing import explain_os_error

#: Names of files that a program is still writing: rsync and cp by hand, browsers, download tools.
UNFINISHED = (
    ".part",
    ".tmp",
    ".filepart",
    ".crdownload",
    ".aria2",
    ".partial",
    ".!qb",
    ".download",
)
#: Folders within folders that are looked into; real archives have year, month and day.
MAX_DEPTH = 32

# The largest integer of the ledger: a time far beyond every calendar is held there.
_MAX_NS = 2**63 - 1
_MASK = 2**64 - 1
_NOT_FOLLOWED = "is a link to a folder, which is not followed: give that folder as the inbox"

File = TypeVar("File")


class InboxFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the inbox.

    Attributes
    ----------
    key : str
        Path below the inbox.
    ctime_ns : int
        When the file was last changed or came here, by this computer's clock.
    name : FileName or None
        None where the name is not that of a supported half-orbit file.
    problem : InputError or None
        Why not.
    """

    path: Path
    key: str
    size: int
    mtime_ns: int
    ctime_ns: int
    name: FileName | None
    problem: InputError | None

    @property
    def malformed(self) -> bool:
        """Whether it was meant for us but its name is damaged."""
        return type(self.problem) is NotAHalfOrbitFile and looks_like_payload(self.path.name)


class InboxFolder:
    """One folder of the inbox, looked at without keeping what lies in it.

    Parameters
    ----------
    key : str
        Path below the inbox, ``""`` for the inbox itself.
    """

    __slots__ = ("depth", "key", "path")

    def __init__(self, path: str, key: str, depth: int) -> None:
        self.path, self.key, self.depth = path, key, depth

    def digest(self, folders: list[InboxFolder]) -> str:
        """Sum up the folder: equal digests mean that no file came, went or changed.

        Parameters
        ----------
        folders : list of InboxFolder
            Receives the folders in it.

        Raises
        ------
        OSError
            The folder cannot be listed.

        Notes
        -----
        A sum of one hash a file, so that the order of the listing does not matter and
        nothing is kept. The change time is this computer's own: no sender sets it.
        """
        total = 0
        for entry in self._entries(folders):
            try:
                s = entry.stat()
            except OSError:
                total += 1
                continue
            total += hash((s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns))
        s = os.stat(self.path)  # noqa: PTH116
        return f"{total & _MASK:x}-{s.st_mtime_ns:x}"

    def files(self, known: Callable[[str, os.stat_result], bool]) -> Iterator[InboxFile]:
        """Yield what lies in the folder, regular files and what stands in their place.

        Parameters
        ----------
        known : callable
            Takes a key and what `os.stat` says; where true, the file is passed over before
            its name is parsed.

        Raises
        ------
        OSError
            The folder cannot be listed.
        """
        for entry in self._entries([]):
            key = self.key + printable(entry.name)
            try:
                if known(key, entry.stat()):
                    continue
            except OSError:
                if not os.path.lexists(entry.path):
                    # Moved away between listing and looking.
                    continue
            yield look_at(Path(entry.path), key)

    def _entries(self, folders: list[InboxFolder]) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self.path) as listing:
            for entry in listing:
                name = entry.name
                if name[0] == "." or name.lower().endswith(UNFINISHED):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(
                        InboxFolder(entry.path, f"{self.key}{printable(name)}/", self.depth + 1)
                    )
                else:
                    yield entry


def look_at(path: Path, key: str) -> InboxFile:
    """Look at one file of the inbox.

    Parameters
    ----------
    key : str
        Path below the inbox.

    Raises
    ------
    FileNotFoundError
        There is nothing of that name.
    """
    name, problem = None, None
    try:
        status = path.stat()
    except OSError as error:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            problem = InputError(path, "is a link that leads nowhere")
        else:
            problem = explain_os_error(path, error)
    else:
        problem = _refuse_kind(path, status)
    if problem is None:
        try:
            name = parse_name(path)
        except InputError as error:
            problem = error
    return InboxFile(
        path=path,
        key=key,
        size=status.st_size,
        mtime_ns=in_range(status.st_mtime_ns),
        ctime_ns=in_range(status.st_ctime_ns),
        name=name,
        problem=problem,
    )


class Settled:
    """Tells what is as it was for long enough, across runs and wrong clocks."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, tuple[str, float]] = {}
        #: What is not long enough as it is: stamp, and since when.
        self.pending: dict[str, tuple[str, float]] = {}

    def __call__(
        self, file: InboxFile, kind: str, stored: Mapping[str, tuple[str, float]], now: float
    ) -> bool:
        """Whether a file has been as it is for long enough.

        Parameters
        ----------
        kind : str
            What it waits for.
        stored : mapping of str to (str, float)
            What earlier runs left in `pending`.
        now : float
            Seconds since 1970.

        Returns
        -------
        bool
            By the time when it came here, against the clock; where that was wrong at some
            time (a computer without a battery), by what earlier calls and runs saw.
        """
        if self._seconds <= 0:
            return True
        key = f"{kind} {file.key}"
        stamp = f"{file.size} {file.mtime_ns} {file.ctime_ns}"
        before, since = stored.get(key, ("", now))
        if before != stamp or since > now:
            since = now
        ticks = time.monotonic()
        seen = self._seen.get(key)
        started = seen[1] if seen is not None and seen[0] == stamp else ticks
        ages = (now - file.ctime_ns / 1e9, now - since, ticks - started)
        if max(ages) >= self._seconds:
            self._seen.pop(key, None)
            return True
        self._seen[key] = (stamp, started)
        self.pending[key] = (stamp, since)
        return False


def in_range(time_ns: int) -> int:
    """Time as an integer that the ledger can hold."""
    return max(-_MAX_NS, min(_MAX_NS, time_ns))


def _refuse_kind(path: Path, status: os.stat_result) -> InputError | None:
    if stat.S_ISREG(status.st_mode):
        return None
    if stat.S_ISDIR(status.st_mode):
        return InputError(path, _NOT_FOLLOWED)
    kinds = ((stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"))
    kind = next((text for test, text in kinds if test(status.st_mode)), "a device")
    return InputError(path, f"is {kind}, not a regular file")


def walk(
    inbox: Path, leave_out: Path, blind: Callable[[str, InputError], None]
) -> Iterator[tuple[InboxFolder, str]]:
    """Yield each folder of the inbox with its digest.

    Parameters
    ----------
    leave_out : Path
        The output folder, where it lies inside the inbox.
    blind : callable
        Told the key of each folder that is not looked into, and why.

    Yields
    ------
    InboxFolder
        Hidden names and unfinished files (`UNFINISHED`) are left out of it.
    digest : str

    Raises
    ------
    InputError
        The inbox is missing, not a folder, or cannot be listed.
    """
    try:
        out = os.stat(leave_out)  # noqa: PTH116
        skip = (out.st_dev, out.st_ino)
    except OSError:
        skip = (-1, -1)
    todo = [InboxFolder(os.fspath(inbox), "", 0)]
    while todo:
        folder = todo.pop()
        path = Path(folder.path)
        try:
            if folder.depth:
                s = os.stat(folder.path)  # noqa: PTH116
                if (s.st_dev, s.st_ino) == skip:
                    continue
            if folder.depth > MAX_DEPTH:
                blind(
                    folder.key,
                    InputError(path, f"expected at most {MAX_DEPTH} folders within each other"),
                )
                continue
            within: list[InboxFolder] = []
            digest = folder.digest(within)
        except OSError as error:
            if not folder.depth:
                if isinstance(error, NotADirectoryError):
                    raise InputError(inbox, "is a file; the inbox is a folder") from None
                raise explain_os_error(inbox, error) from None
            # A folder that was moved away is no problem; one that is closed hides its files.
            if not isinstance(error, FileNotFoundError):
                blind(folder.key, explain_os_error(path, error))
            continue
        todo += within
        yield folder, digest


def printable(name: str) -> str:
    """Name as text that any database and terminal can hold."""
    if name.isascii():
        return name
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def path_of(inbox: Path, key: str) -> Path:
    """Path of a file from its key, which `printable` made."""
    path = inbox / key
    if "\\x" in key and not os.path.lexists(path):
        raw = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), key.encode())
        return inbox / os.fsdecode(raw)
    return path


def group_by_half_orbit(
    named: Iterable[tuple[File, FileName]],
) -> dict[str, dict[File, FileName]]:
    """Group files by the half-orbit that their names tell.

    Parameters
    ----------
    named : iterable of (file, FileName)

    Returns
    -------
    dict of str to dict
        In order of the half-orbits' keys.
    """
    groups: dict[str, dict[File, FileName]] = {}
    for file, name in named:
        groups.setdefault(name.half_orbit, {})[file] = name
    return dict(sorted(groups.items()))


def unused_payload(path: Path, name: FileName, profile: Profile) -> InputError | None:
    """Say that a profile has no use for a file, or give None where it has."""
    needed = profile.payloads(name.mission)
    if name.payload in needed:
        return None
    return InputError(
        path,
        f"payload {name.payload} is not of the profile {profile.name}, which uses "
        f"{', '.join(sorted(needed))}",
    )
