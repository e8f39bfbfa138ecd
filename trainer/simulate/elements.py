"""Mean elements of the two satellites, from which sgp4 makes their orbits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sgp4.api import WGS72, Satrec

from edge import text
from trainer.common.errors import TrainError
from trainer.simulate import geometry

#: sgp4 counts the days of an epoch from here.
SGP4_EPOCH = np.datetime64("1949-12-31T00:00:00", "ms")


@dataclass(frozen=True, kw_only=True)
class MeanElements:
    """Mean elements of a sun-synchronous orbit at an ascending node.

    Parameters
    ----------
    epoch : datetime64[ms]
        Time of the ascending node, UTC.
    node_local_time_h : float
        Local mean solar time of the ascending node, hours. The right ascension of the node
        follows from it and from the mean Sun at `epoch`.
    inclination_deg, mean_motion_rev_day, eccentricity, perigee_deg : float
        The remaining elements.
    orbit : int
        Orbit number at the node.
    first, last : datetime64[ms]
        Half-orbits that begin in [first, last) belong to these elements.
    """

    epoch: np.datetime64
    node_local_time_h: float
    inclination_deg: float
    mean_motion_rev_day: float
    eccentricity: float
    perigee_deg: float
    orbit: int
    first: np.datetime64
    last: np.datetime64

    def satrec(self) -> Satrec:
        """Return the elements as an sgp4 record without drag."""
        node = geometry.mean_sun_right_ascension(np.asarray(self.epoch))
        node_rad = np.deg2rad((float(node) + 15.0 * (self.node_local_time_h - 12.0)) % 360.0)
        perigee = np.deg2rad(self.perigee_deg)
        satrec = Satrec()
        satrec.sgp4init(
            WGS72,
            "i",
            0,
            float((self.epoch - SGP4_EPOCH) / np.timedelta64(1, "ms")) / 86_400_000.0,
            0.0,
            0.0,
            0.0,
            self.eccentricity,
            float(perigee),
            float(np.deg2rad(self.inclination_deg)),
            # To first order in the eccentricity, the satellite is at the node.
            float(-perigee + 2.0 * self.eccentricity * np.sin(perigee)),
            self.mean_motion_rev_day * 2.0 * np.pi / 1440.0,
            float(node_rad),
        )
        return satrec


def _ms(text: str) -> np.datetime64:
    return np.datetime64(text, "ms")


#: Elements of each mission, in order of time.
#
# CSES-01: mean motion and eccentricity of the public catalogue in November 2019; orbit 09679
# passed its ascending node at 18.8 E on 2019-11-01 00:38:32; launched 2018-02-02 07:51.
# DEMETER: 710 km, lowered to 660 km in December 2005; launched 2004-06-29; half-orbit 2970.8 s
# at 710 km (Data Product Description DMT-SP-9-CM-6054-LPC). The day of the lowering is lost.
# The inclinations are those with which the node follows the mean Sun in sgp4: a real satellite
# is steered (CSES-01 had 97.4135), and without that its local time drifts by hours in a mission.
ELEMENTS: dict[str, tuple[MeanElements, ...]] = {
    "cses": (
        MeanElements(
            epoch=_ms("2019-11-01T00:38:32"),
            node_local_time_h=1.89,
            inclination_deg=97.4258,
            mean_motion_rev_day=15.2094,
            eccentricity=0.0017,
            perigee_deg=90.0,
            orbit=9679,
            first=_ms("2018-02-02T08:00"),
            last=_ms("2030-01-01"),
        ),
    ),
    "demeter": (
        MeanElements(
            epoch=_ms("2004-07-05T00:20:00"),
            node_local_time_h=22.25,
            inclination_deg=98.2513,
            mean_motion_rev_day=14.55,
            eccentricity=0.0012,
            perigee_deg=90.0,
            orbit=84,
            first=_ms("2004-07-05"),
            last=_ms("2005-12-15"),
        ),
        MeanElements(
            epoch=_ms("2005-12-16T00:20:00"),
            node_local_time_h=22.25,
            inclination_deg=98.0434,
            mean_motion_rev_day=14.70,
            eccentricity=0.0012,
            perigee_deg=90.0,
            orbit=7773,
            first=_ms("2005-12-16"),
            last=_ms("2011-01-01"),
        ),
    ),
}


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
