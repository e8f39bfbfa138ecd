"""Ground tracks of all night half-orbits of some years, to a few km, without sampling them all.

Both orbits are sun-synchronous and all but circular: between half-orbits that are sampled every
other day, time and longitude of the equator crossing run straight, and the track's shape stays.
"""

from __future__ import annotations

import numpy as np

from edge.arrays import FloatArray, IntArray, TimeArray, wrap_longitude
from edge.observables import MissionName
from trainer.simulate.geometry import great_circle_km
from trainer.simulate.orbits import Pass, half_orbits

#: Latitudes of a track's shape, degrees: both missions have data there.
LATITUDES = np.arange(-60.0, 60.5, 0.5)
#: Half the distance of two of them, and the error of a track, km.
MARGIN_KM = 45.0
_EVERY = np.timedelta64(2, "D")
_ORBIT = np.timedelta64(101, "m")
_DAY_MS = 86_400_000.0
# Of the period; the two orbits of DEMETER differ by 0.011.
_STEADY = 0.02


class Tracks:
    """Equator crossings of the night half-orbits that begin in a range of days.

    Parameters
    ----------
    mission : {"cses", "demeter"}
    first, last : datetime64
        UTC, within the years of the mission; `last` no more.

    Attributes
    ----------
    orbit : ndarray of int64, shape (P,)
    time : ndarray of datetime64[ms], shape (P,)
        Of the crossing.
    longitude : ndarray, shape (P,)
        Of the crossing, degrees; not wrapped.
    """

    def __init__(self, mission: MissionName, first: np.datetime64, last: np.datetime64) -> None:
        self.mission = mission
        days = np.append(np.arange(first, last - _EVERY, _EVERY), last)
        sampled = [h for day in days if (h := self._sample(day.astype("datetime64[ms]")))]
        crossing = np.array([_crossing(h) for h in sampled])
        # A sun-synchronous track goes west as the Earth turns under it: a day is a whole turn.
        expected = -360.0 * crossing[:, 0] / _DAY_MS
        longitude = np.unwrap(crossing[:, 1] - expected, period=360.0) + expected
        orbits = np.array([h.orbit for h in sampled])
        period = np.diff(crossing[:, 0]) / np.diff(orbits)
        # DEMETER was brought lower in December 2005: between two orbits nothing runs straight.
        steady = np.abs(period / np.median(period) - 1.0) < _STEADY
        spans = zip(orbits[:-1][steady], orbits[1:][steady], strict=True)
        self.orbit: IntArray = np.concatenate([np.arange(a, b) for a, b in spans])
        at = np.interp(self.orbit, orbits, crossing[:, 0] - crossing[0, 0]) + crossing[0, 0]
        self.time: TimeArray = np.round(at).astype(np.int64).astype("datetime64[ms]")
        self.longitude: FloatArray = np.interp(self.orbit, orbits, longitude)
        shape, middle = sampled[0], crossing[0]
        self._ms = np.interp(
            LATITUDES, shape.latitude, shape.time.astype(np.int64) - middle[0]
        ).astype("timedelta64[ms]")
        self._degrees = np.interp(
            LATITUDES, shape.latitude, np.unwrap(shape.longitude, period=360.0) - middle[1]
        )

    def _sample(self, day: np.datetime64) -> Pass | None:
        found = half_orbits(self.mission, day, day + _ORBIT)
        return next((h for h in found if h.direction == 1), None)

    def near(
        self,
        latitude: float,
        longitude: float,
        radius_km: float,
        first: np.datetime64,
        last: np.datetime64,
    ) -> IntArray:
        """Find the tracks that come within a distance of a place in a range of time.

        Parameters
        ----------
        latitude, longitude : float
            Degrees.
        radius_km : float
            `MARGIN_KM` is added.
        first, last : datetime64
            Of the crossings of the equator.

        Returns
        -------
        ndarray of int64
            Places in `orbit`.
        """
        low, high = np.searchsorted(self.time, [first, last])
        distance = great_circle_km(
            latitude, longitude, LATITUDES, self.longitude[low:high, None] + self._degrees
        )
        found: IntArray = low + np.flatnonzero(distance.min(axis=1) <= radius_km + MARGIN_KM)
        return found

    def at(self, latitude: float) -> tuple[TimeArray, FloatArray]:
        """Time and longitude, -180..180 degrees, at which each track crosses a latitude."""
        step = int(np.argmin(np.abs(LATITUDES - latitude)))
        return self.time + self._ms[step], wrap_longitude(self.longitude + self._degrees[step])

    def half_orbit(self, place: int) -> Pass:
        """Sample one half-orbit.

        Parameters
        ----------
        place : int
            In `orbit`.
        """
        # It begins a quarter of an orbit before the equator.
        first, last = (self.time[place] - np.timedelta64(m, "m") for m in (30, 15))
        found = [
            h
            for h in half_orbits(self.mission, first, last)
            if h.direction == 1 and h.orbit == self.orbit[place]
        ]
        return found[0]


def _crossing(half_orbit: Pass) -> tuple[float, float]:
    """Time, ms since 1970, and longitude of an ascending half-orbit at the equator."""
    longitude = np.unwrap(half_orbit.longitude, period=360.0)
    time = half_orbit.time.astype(np.int64)
    after = int(np.searchsorted(half_orbit.latitude, 0.0))
    part = slice(after - 1, after + 1)
    latitude = half_orbit.latitude[part]
    share = -latitude[0] / (latitude[1] - latitude[0])
    return (
        float(time[part][0] + share * (time[part][1] - time[part][0])),
        float(longitude[part][0] + share * (longitude[part][1] - longitude[part][0])),
    )
