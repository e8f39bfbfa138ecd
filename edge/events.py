"""What happens in a stream, for whoever prints, logs or counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from edge.results import ScoredHalfOrbit
    from edge.station.alarms import StationAlarm


class Scored(msgspec.Struct, frozen=True):
    """A half-orbit was scored and its results are on disk.

    Attributes
    ----------
    revision : int
        How often they were written with other bytes.
    news : tuple of StationAlarm
        Alarms that are new, changed or withdrawn against the results before.
    """

    half_orbit: ScoredHalfOrbit
    revision: int = 1
    news: tuple[StationAlarm, ...] = ()


class Problem(msgspec.Struct, frozen=True):
    """An input failed, or the station did; nothing of it is stored as "nothing found".

    Attributes
    ----------
    key : str
        The half-orbit, or the file where that is not known; ``""`` of the station itself.
    """

    message: str
    key: str = ""


class DaySide(msgspec.Struct, frozen=True):
    """A half-orbit of the day side was recorded; it is not scored."""

    half_orbit: str


class Ignored(msgspec.Struct, frozen=True):
    """Files that are not for us."""

    message: str
    key: str = ""


class Waiting(msgspec.Struct, frozen=True):
    """A half-orbit is held back for its missing payloads."""

    half_orbit: str


class Settling(msgspec.Struct, frozen=True):
    """A file may still grow."""

    name: str


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the inbox is done.

    Attributes
    ----------
    waiting : int
        Half-orbits that are held back, and files that may still grow.
    given_up : int
        Half-orbits that are not tried again until a person has seen to them.
    retry : int
        Half-orbits whose next attempt comes after a pause.
    day : int
        Half-orbits of the day side that were recorded.
    """

    half_orbits: int
    failed: int
    waiting: int
    given_up: int = 0
    retry: int = 0
    day: int = 0


class Removed(msgspec.Struct, frozen=True):
    """Retention removed files, as the settings ask for."""

    message: str


Event = Scored | DaySide | Problem | Ignored | Waiting | Settling | Idle | Removed
