"""Two-line element sets: real orbits to simulate CSES-01 along."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sgp4.api import Satrec

from edge import text
from trainer.errors import TrainError
from trainer.simulate.elements import SGP4_EPOCH

#: An element set serves this many days before and after its epoch. The along-track error of
#: sgp4 at 500 km grows to some hundred km in a month (Vallado and Cefola 2012), one degree.
VALID_DAYS = 30

_JULIAN_1949_12_31 = 2433281.5


@dataclass(frozen=True)
class TwoLineElements:
    """A two-line element set.

    Parameters
    ----------
    file : str
        Name of the file that it comes from.
    lines : tuple of str
        Its two lines.
    satrec : Satrec
    epoch : datetime64[ms]
        UTC.
    """

    file: str
    lines: tuple[str, str]
    satrec: Satrec
    epoch: np.datetime64

    def check_range(self, start: np.datetime64, end: np.datetime64) -> None:
        """Raise TrainError where [start, end) leaves the days for which the elements are good."""
        margin = np.timedelta64(VALID_DAYS, "D")
        if start < self.epoch - margin or end > self.epoch + margin:
            low, high = (str((self.epoch + s * margin).astype("M8[s]")) for s in (-1, 1))
            raise TrainError(
                f"{self.file}: elements of {self.epoch.astype('M8[s]')} serve {VALID_DAYS} days "
                f"before and after, {low}..{high}, not {start}..{end}"
            )


def read_two_line(path: Path) -> TwoLineElements:
    """Read the first two-line element set of a text file.

    Parameters
    ----------
    path : Path
        Lines that begin with neither ``1 `` nor ``2 ``, such as a title, are passed over.

    Returns
    -------
    TwoLineElements

    Raises
    ------
    TrainError
        The file cannot be read, or its lines are no two-line element set with right checksums.
    """
    try:
        spelt = text.decode(path.read_bytes())
        spelt.encode("ascii")
    except UnicodeError:
        raise TrainError(f"{path}: not a text file of two-line elements") from None
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror}") from None
    found = [line.rstrip() for line in spelt.splitlines()]
    lines = []
    for number in "12":
        line = next((f for f in found if f.startswith(f"{number} ")), None)
        if line is None or len(line) != 69:
            raise TrainError(f"{path}: no line {number} of 69 characters of a two-line element set")
        # Minus signs count 1, letters, dots and blanks 0.
        total = sum(int(c) if c.isdigit() else c == "-" for c in line[:68])
        if line[68] != str(total % 10):
            raise TrainError(
                f"{path}: line {number} has the checksum {line[68]}, its digits give {total % 10}"
            )
        lines.append(line)
    if lines[0][2:7] != lines[1][2:7]:
        raise TrainError(f"{path}: lines 1 and 2 are of {lines[0][2:7]} and {lines[1][2:7]}")
    try:
        satrec = Satrec.twoline2rv(*lines)
    except ValueError as error:
        raise TrainError(f"{path}: {error}") from None
    if satrec.error:
        raise TrainError(f"{path}: sgp4 refuses these elements (error {satrec.error})")
    days = (satrec.jdsatepoch - _JULIAN_1949_12_31) + satrec.jdsatepochF
    epoch = SGP4_EPOCH + np.timedelta64(round(days * 86_400_000.0), "ms")
    return TwoLineElements(path.name, (lines[0], lines[1]), satrec, epoch)
