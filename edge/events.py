"""What happens in a stream, for whoever prints, logs or counts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.results import Track


@dataclass(frozen=True, slots=True)
class Scored:
    """A half-orbit was scored and its results are on disk."""

    track: Track


@dataclass(frozen=True, slots=True)
class Problem:
    """An input failed; it is in the ledger as failed."""

    message: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A file that is not for us."""

    message: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A half-orbit is held back for its missing payloads."""

    half_orbit: str


@dataclass(frozen=True, slots=True)
class Idle:
    """One look at the inbox is done."""

    half_orbits: int
    failed: int
    waiting: int


Event = Scored | Problem | Ignored | Waiting | Idle
