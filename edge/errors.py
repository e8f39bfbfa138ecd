"""The exceptions of the package.

EdgeError
 +-- InputError        a file, or a folder of files, that a user gave
 |    +-- NotAHalfOrbitFile        its name is not that of a half-orbit file
 |         +-- UnsupportedPayload  it is, of a payload that no reader knows
 +-- BundleError       a bundle that is incomplete, altered or of another version
 +-- ConfigError       a setting, environment variable or option
 +-- LedgerError       the record of what was done cannot be used
 |    +-- LedgerDamaged     its bytes are wrong
 +-- StationError      this computer cannot score, whatever the half-orbit
 +-- Busy              another process holds the output folder

Each message is one line that names the file, the value and the valid range. The
command line prints it and exits with the class's ``exit_code``.
"""

from __future__ import annotations

from pathlib import Path

#: Most characters of a text of others in a line of ours.
MAX_LINE = 400


class EdgeError(Exception):
    """Base of all errors that a user can meet."""

    exit_code = 2


class InputError(EdgeError):
    """A file cannot be used as a half-orbit payload.

    Parameters
    ----------
    path : Path or str
        The file.
    reason : str
        What is wrong: the value found and the valid range.
    transient : bool, optional
        Whether the same bytes may be readable later (permission, disk error).
    """

    def __init__(self, path: Path | str, reason: str, *, transient: bool = False) -> None:
        self.path = Path(path)
        self.reason = one_line(reason)
        self.transient = transient
        super().__init__(f"{one_line(self.path.name or str(path))}: {self.reason}")


class NotAHalfOrbitFile(InputError):
    """The file's name is not that of a half-orbit file."""


class UnsupportedPayload(NotAHalfOrbitFile):
    """A half-orbit file of a payload that no reader knows."""


class BundleError(EdgeError):
    """The model bundle is incomplete, altered or of an unknown version."""


class ConfigError(EdgeError):
    """A setting, environment variable or option is not valid."""


class LedgerError(EdgeError):
    """The ledger cannot be opened, read or written, or is of a later version."""


class LedgerDamaged(LedgerError):
    """The ledger's bytes are not those of a ledger."""


class StationError(EdgeError):
    """The computer cannot score even what ships with the package; no half-orbit is to blame."""


class Busy(EdgeError):
    """Another process works on the same output folder."""

    exit_code = 3


def one_line(text: str) -> str:
    """Fold a text of any origin into one printable line.

    File names and library messages may hold line breaks or control characters,
    which would let one error look like several in a log. Of one that is longer than
    `MAX_LINE` characters the middle is left out.
    """
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    half = (MAX_LINE - 5) // 2
    return line if len(line) <= MAX_LINE else f"{line[:half]} ... {line[-half:]}"


def describe_fault(error: Exception) -> str:
    """One line on an error that nobody expected, with the place where it arose."""
    # Not by the module traceback, which reads the source: this may be told for want of memory.
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return one_line(f"{type(error).__name__}: {error}")
    where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}"
    return one_line(f"{type(error).__name__} at {where}: {error}")
