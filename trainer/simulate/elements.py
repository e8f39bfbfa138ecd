"""Mean elements of the two satellites, from which sgp4 makes their orbits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sgp4.api import WGS72, Satrec

from trainer.simulate import geometry

#: sgp4 counts the days of an epoch from here.
SGP4_EPOCH = np.datetime64("1949-12-31T00:00:00", "ms")


@dataclass(frozen=True)
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
            _ms("2019-11-01T00:38:32"), 1.89, 97.4258, 15.2094, 0.0017, 90.0, 9679,
            _ms("2018-02-02T08:00"), _ms("2030-01-01"),
        ),
    ),
    "demeter": (
        MeanElements(
            _ms("2004-07-05T00:20:00"), 22.25, 98.2513, 14.55, 0.0012, 90.0, 84,
            _ms("2004-07-05"), _ms("2005-12-15"),
        ),
        MeanElements(
            _ms("2005-12-16T00:20:00"), 22.25, 98.0434, 14.70, 0.0012, 90.0, 7773,
            _ms("2005-12-16"), _ms("2011-01-01"),
        ),
    ),
}  # fmt: skip
