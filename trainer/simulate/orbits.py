"""Half-orbits of CSES-01 and DEMETER from sgp4.

A half-orbit runs from one latitude extreme to the other. Both missions number the descending
half (digit 0, day side) before the ascending one (digit 1, night side) of the same orbit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
from sgp4.api import Satrec

from edge.observables import MissionName
from trainer.simulate import geometry
from trainer.simulate.elements import ELEMENTS, SGP4_EPOCH
from trainer.simulate.geometry import Floats, Times

#: Days for which each mission can be simulated: first day, first day no more.
MISSION_YEARS: dict[str, tuple[np.datetime64, np.datetime64]] = {
    "cses": (np.datetime64("2018-02-02"), np.datetime64("2030-01-01")),
    "demeter": (np.datetime64("2004-07-05"), np.datetime64("2011-01-01")),
}
#: The part of a half-orbit with data: latitude for CSES (LAP; HPM ends at 65), invariant
#: latitude for DEMETER, degrees.
ZONE_DEG = {"cses": 70.0, "demeter": 65.0}

_JULIAN_1949_12_31 = 2433281.5


@dataclass(frozen=True, kw_only=True)
class Pass:
    """The observed part of one half-orbit.

    Parameters
    ----------
    mission : str
        ``cses`` or ``demeter``.
    orbit : int
        Orbit number.
    direction : int
        0 descending (day side), 1 ascending (night side).
    time : (n,) datetime64[ms]
        Whole seconds of UTC, one after the other.
    latitude, longitude : (n,) float64
        Geocentric, degrees; longitude in -180..180.
    altitude_km : (n,) float64
        Above the sphere of 6371.2 km for CSES, above the ellipsoid for DEMETER, as in the
        missions' files.
    """

    mission: MissionName
    orbit: int
    direction: int
    time: Times
    latitude: Floats
    longitude: Floats
    altitude_km: Floats

    @property
    def name(self) -> str:
        """Orbit number and direction digit as in file names, such as ``096791``."""
        return f"{self.orbit:05d}{self.direction}"

    @property
    def radius_km(self) -> Floats:
        """Distance from the Earth's centre in km."""
        if self.mission == "cses":
            return self.altitude_km + geometry.EARTH_RADIUS_KM
        return self.altitude_km + geometry.ellipsoid_radius(self.latitude)


def check_mission(mission: str) -> None:
    """Raise ValueError, with the valid names, for an unknown mission."""
    if mission not in MISSION_YEARS:
        raise ValueError(f"mission {mission!r} is unknown; valid: {', '.join(MISSION_YEARS)}")


def half_orbits(
    mission: str, start: np.datetime64, end: np.datetime64, satrec: Satrec | None = None
) -> Iterator[Pass]:
    """Half-orbits that begin in a time range, in order of time.

    Parameters
    ----------
    mission : str
        ``cses`` or ``demeter``.
    start, end : datetime64
        Half-orbits whose first latitude extreme lies in [start, end), UTC.
    satrec : Satrec, optional
        Elements to use instead of the built-in ones, such as a real two-line element set. The
        orbit numbers continue those of the built-in elements at its epoch.

    Yields
    ------
    Pass
        Sampled at 1 s where the mission takes data. The same half-orbit is the same whatever
        the range: nothing depends on `start` and `end` but the choice.

    Raises
    ------
    ValueError
        For an unknown mission.

    Notes
    -----
    SGP4 (Vallado et al. 2006, AIAA 2006-6753) gives TEME positions, turned to Earth-fixed axes
    by the mean sidereal angle; polar motion and the equation of the equinoxes are below 0.01 deg.
    """
    check_mission(mission)
    start, end = np.datetime64(start, "ms"), np.datetime64(end, "ms")
    for elements in ELEMENTS[mission]:
        if satrec is None:
            first, last = max(start, elements.first), min(end, elements.last)
            record = _builtin(mission, elements.orbit)
            number = elements.orbit
            epoch = elements.epoch
        else:
            first, last, record = start, end, satrec
            epoch = _epoch(satrec)
            number = _number_at(mission, epoch, satrec)
        if first < last:
            yield from _half_orbits(mission, record, epoch, number, first, last)
        if satrec is not None:
            return


@lru_cache(maxsize=4)
def _builtin(mission: str, orbit: int) -> Satrec:
    """Return the record of the built-in elements that begin with `orbit`."""
    return next(e for e in ELEMENTS[mission] if e.orbit == orbit).satrec()


def _epoch(satrec: Satrec) -> np.datetime64:
    days = (satrec.jdsatepoch - _JULIAN_1949_12_31) + satrec.jdsatepochF
    return SGP4_EPOCH + np.timedelta64(round(days * 86_400_000.0), "ms")


def _number_at(mission: str, epoch: np.datetime64, satrec: Satrec) -> int:
    """Orbit number of the ascending node next to the epoch of foreign elements."""
    known = [e for e in ELEMENTS[mission] if e.first <= epoch] or [ELEMENTS[mission][0]]
    rate = _rate(_builtin(mission, known[-1].orbit))
    angle = rate * ((epoch - known[-1].epoch) / np.timedelta64(1, "s"))
    own = _argument_of_latitude(satrec, np.array([epoch]))[0]
    result: int = known[-1].orbit + round((angle - own) / (2.0 * np.pi))
    return result


def _rate(satrec: Satrec) -> float:
    """Mean rate of the argument of latitude, radians a second."""
    return float((satrec.mdot + satrec.argpdot) / 60.0)


def _teme(satrec: Satrec, time: Times) -> tuple[Floats, Floats]:
    """Positions and velocities (n, 3), km and km/s, of inertial axes."""
    since = (time - SGP4_EPOCH).astype(np.int64)
    whole = since // 86_400_000
    errors, position, velocity = satrec.sgp4_array(
        whole + _JULIAN_1949_12_31, (since - whole * 86_400_000) / 86_400_000.0
    )
    if np.any(errors):
        raise ValueError(f"the elements do not reach {time[np.argmax(errors != 0)]}")
    return position, velocity


def _argument_of_latitude(satrec: Satrec, time: Times) -> Floats:
    """Angle from the ascending node to the satellite, radians in [-pi, pi)."""
    position, velocity = _teme(satrec, time.astype("datetime64[ms]"))
    normal = np.cross(position, velocity)
    node = np.stack([-normal[:, 1], normal[:, 0], np.zeros(len(normal))], axis=-1)
    across = np.cross(normal, node) / np.linalg.norm(normal, axis=1)[:, None]
    result: Floats = np.arctan2(
        np.einsum("ij,ij->i", position, across), np.einsum("ij,ij->i", position, node)
    )
    return result


def _half_orbits(
    mission: str,
    satrec: Satrec,
    epoch: np.datetime64,
    number: int,
    start: np.datetime64,
    end: np.datetime64,
) -> Iterator[Pass]:
    """Find the latitude extremes by Newton's method and sample between them."""
    rate = _rate(satrec)
    angle0 = _argument_of_latitude(satrec, np.array([epoch]))[0]
    quarter = np.pi / 2.0
    span = [(t - epoch) / np.timedelta64(1, "s") for t in (start, end)]
    low, high = ((rate * s + angle0 + quarter) / np.pi for s in span)
    # Extreme k has the argument of latitude k pi - pi/2: south for even k, north for odd k.
    k = np.arange(int(np.floor(low)) - 2, int(np.ceil(high)) + 4)
    seconds = (k * np.pi - quarter - angle0) / rate
    for _ in range(3):
        time = epoch + np.round(seconds * 1e3).astype("timedelta64[ms]")
        miss = k * np.pi - quarter - _argument_of_latitude(satrec, time)
        seconds += ((miss + np.pi) % (2.0 * np.pi) - np.pi) / rate
    extreme = epoch + np.round(seconds * 1e3).astype("timedelta64[ms]")
    # The orbit number changes at the northern extreme, where the descending half begins.
    orbit = number + (k + 1) // 2
    for i in range(len(k) - 1):
        if start <= extreme[i] < end:
            direction = 1 if k[i] % 2 == 0 else 0
            yield _sample(mission, satrec, int(orbit[i]), direction, extreme[i], extreme[i + 1])


def _sample(
    mission: str,
    satrec: Satrec,
    orbit: int,
    direction: int,
    first: np.datetime64,
    last: np.datetime64,
) -> Pass:
    """Sample one half-orbit at whole seconds and keep the zone with data."""
    time = np.arange(
        (first + np.timedelta64(999, "ms")).astype("datetime64[s]"),
        last.astype("datetime64[s]"),
    ).astype("datetime64[ms]")
    position, _ = _teme(satrec, time)
    turn = geometry.sidereal_angle(time)
    x = np.cos(turn) * position[:, 0] + np.sin(turn) * position[:, 1]
    y = np.cos(turn) * position[:, 1] - np.sin(turn) * position[:, 0]
    fixed = np.stack([x, y, position[:, 2]], axis=-1)
    latitude, longitude = geometry.latitude_longitude(fixed)
    radius = np.linalg.norm(fixed, axis=1)
    if mission == "cses":
        altitude = radius - geometry.EARTH_RADIUS_KM
        inside = np.abs(latitude) <= ZONE_DEG[mission]
    else:
        altitude = radius - geometry.ellipsoid_radius(latitude)
        along = (fixed / radius[:, None]) @ geometry.dipole_axes(time[0])[2]
        inside = invariant_latitude(along, radius) <= ZONE_DEG[mission]
    keep = np.flatnonzero(inside)
    zone = slice(keep[0], keep[-1] + 1)
    return Pass(
        mission=cast("MissionName", mission),
        orbit=orbit,
        direction=direction,
        time=time[zone],
        latitude=latitude[zone],
        longitude=longitude[zone],
        altitude_km=altitude[zone],
    )


def invariant_latitude(sin_dipole_latitude: Floats, radius_km: Floats) -> Floats:
    """Invariant latitude of a centred dipole, degrees, never negative.

    Parameters
    ----------
    sin_dipole_latitude : (n,) float64
        Sine of the dipole latitude.
    radius_km : (n,) float64
        Distance from the Earth's centre.

    Notes
    -----
    ``cos(invariant)**2 = 1 / L`` with ``L = r / cos(latitude)**2`` (McIlwain 1961).
    """
    cos2 = (1.0 - sin_dipole_latitude**2) * geometry.EARTH_RADIUS_KM / radius_km
    result: Floats = np.rad2deg(np.arccos(np.sqrt(np.clip(cos2, 0.0, 1.0))))
    return result
