"""What is said of a half-orbit: the records that reach files and standard output."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from edge.errors import InputError

Verdict = Literal["quiet", "alarm", "insufficient"]
Geomagnetic = Literal["quiet", "disturbed", "unknown"]
ResultFormat = Literal["jsonl", "csv", "geojson"]
#: Files that a half-orbit's result can have; the first one is read back.
RESULT_FORMATS: tuple[ResultFormat, ...] = ("jsonl", "csv", "geojson")
#: Counted up where a field goes or changes its meaning; new fields may come without.
SCHEMA = 1


class WindowScore(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="window"):
    """One window of a half-orbit.

    Attributes
    ----------
    time : str
        UTC of the window's middle row (row L // 2), where position and local time are
        taken too.
    latitude, longitude, local_time : float
        Degrees, degrees, hours.
    coverage : float
        Valid values over those that the mission's part of the profile can have.
    score : float or None
        The model's probability; None where the verdict is ``insufficient``.
    geomagnetic : {"quiet", "disturbed", "unknown"}
        ``quiet`` where Kp is at most 3; ``unknown`` where Kp is, or was not asked for.
    trained_on : str
        ``simulated`` where any of the model's training data was.
    failed : list of str
        Payloads of the half-orbit that were there and could not be read.
    kp : float or None
        Kp of the 3 h that hold the window's time, 0 to 9.
    """

    half_orbit: str
    time: str
    latitude: float
    longitude: float
    local_time: float
    coverage: float
    score: float | None
    verdict: Verdict
    geomagnetic: Geomagnetic
    trained_on: str
    failed: list[str]
    # New columns come last: who reads the CSV by place still finds the others.
    kp: float | None = None


class Alarm(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="alarm"):
    """A run of consecutive windows at or above the threshold.

    Attributes
    ----------
    start, end : str
        UTC of the middle of the first and the last window.
    time, latitude, longitude : str, float, float
        Of the window with the highest score.
    valid_until : str
        `time` plus the card's duration.
    geomagnetic, kp : str, float or None
        Of the window with the highest score.
    """

    half_orbit: str
    start: str
    end: str
    time: str
    latitude: float
    longitude: float
    peak: float
    windows: int
    radius_km: float
    valid_until: str
    trained_on: str
    geomagnetic: Geomagnetic = "unknown"
    kp: float | None = None


class HalfOrbitResult(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="half_orbit"
):
    """What is said of one half-orbit.

    Attributes
    ----------
    status : {"scored", "failed"}
        ``failed``: no payload could be read, so nothing is known.
    side : {"night", "day"}
        Of the direction flag; day sides have no windows.
    payloads : list of str
        Payloads that were read.
    failed : dict of str to str
        Payloads that could not, with the reason.
    notes : list of str
        Defects in the payloads that were read, and where Kp is not known though it was asked for.
    runtime : str
        Name and version of the interpreter; scores differ a little from one to the other.
    schema : int
        Version of the records' layout; results from before it was written are of version 1.
    """

    half_orbit: str
    mission: str
    status: Literal["scored", "failed"]
    side: Literal["night", "day"]
    start: str | None
    end: str | None
    payloads: list[str]
    failed: dict[str, str]
    notes: list[str]
    night: Literal["dark", "paper"]
    minimum_coverage: float
    threshold: float
    windows: int
    insufficient: int
    alarms: int
    bundle: str
    trained_on: str
    code_version: str
    runtime: str
    schema: int = SCHEMA


class Failure(msgspec.Struct, frozen=True):
    """A file that could not be used; unlike the error itself it goes from process to process.

    Attributes
    ----------
    message : str
        The reason with the file's name.
    transient : bool
        Whether the same bytes may be readable later.
    """

    path: Path
    message: str
    reason: str
    transient: bool

    @classmethod
    def of(cls, error: InputError) -> Failure:
        """Make the record of an error."""
        return cls(error.path, str(error), error.reason, error.transient)


class WrittenFile(msgspec.Struct, frozen=True):
    """A result file as it was written."""

    name: str
    size: int
    mtime_ns: int
    sha256: str


class ScoredHalfOrbit(msgspec.Struct, frozen=True, kw_only=True):
    """A half-orbit with its scores, and the files of it that could not be used."""

    summary: HalfOrbitResult
    windows: list[WindowScore]
    alarms: list[Alarm]
    failures: list[Failure]
