"""What a reader gives: channels at their native rate, and the half-orbit they form."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge.arrays import BoolArray, FloatArray, TimeArray
from edge.errors import InputError
from edge.observables import MissionName
from edge.readers.names import FileName

if TYPE_CHECKING:
    import xarray


#: Note of a file that says of itself that it was simulated.
SIMULATED = "simulated: no observation of any satellite"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Track:
    """Where the satellite was when the records of one payload were taken.

    Attributes
    ----------
    time : ndarray of datetime64[ms], shape (N,)
        UTC, strictly increasing.
    latitude, longitude : ndarray, shape (N,)
        Geocentric, in degrees, longitude in [-180, 180); NaN where the file's
        position is not valid.
    altitude : ndarray, shape (N,)
        In km; NaN where not valid.
    cadence : float
        Native time between records in seconds.
    """

    time: TimeArray
    latitude: FloatArray
    longitude: FloatArray
    altitude: FloatArray
    cadence: float

    def __repr__(self) -> str:
        """Say how many records there are, and of when."""
        span = f", {self.time[0]}Z to {self.time[-1]}Z" if self.time.size else ""
        return f"<Track: {self.time.size} records, {self.cadence:g} s{span}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Channel:
    """One quantity of one payload at its native rate.

    Attributes
    ----------
    name, payload, unit : str
        As in the file; the unit in the project's spelling.
    values : ndarray of float64, shape (N,) or (N, M)
    valid : ndarray of bool, shape of `values`
        False for fill values, impossible values and flagged rows.
    track : Track
        Time and position of the N records, shared by the channels of a payload.
    frequency : ndarray, shape (M,), optional
        Of spectra, the centres of the bins in Hz; None where the reader does not know them.
    """

    name: str
    payload: str
    unit: str
    values: FloatArray
    valid: BoolArray
    track: Track
    frequency: FloatArray | None = None

    @property
    def time(self) -> TimeArray:
        """UTC of the records, datetime64[ms], shape (N,)."""
        return self.track.time

    def __repr__(self) -> str:
        """Say shape, unit and how much is valid."""
        share = f"{self.valid.mean():.1%}" if self.valid.size else "nothing"
        return (
            f"<Channel {self.payload}/{self.name}: {self.values.shape} in {self.unit}, "
            f"{share} valid>"
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Payload:
    """The content of one payload file.

    Attributes
    ----------
    name : FileName
    path : Path
    track : Track
    channels : dict of str to Channel
    notes : tuple of str
        Defects that were met and how many records they cost, one line each.
    """

    name: FileName
    path: Path
    track: Track
    channels: dict[str, Channel]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Say what it is of, and name its channels."""
        notes = f"; notes: {', '.join(self.notes)}" if self.notes else ""
        return (
            f"<Payload {self.name.payload} of {self.name.half_orbit}: {self.track.time.size} "
            f"records; channels: {', '.join(self.channels)}{notes}>"
        )

    def to_xarray(self) -> xarray.Dataset:
        """Give the channels as a dataset over time; see `edge.readers.xarrays`.

        Returns
        -------
        xarray.Dataset

        Raises
        ------
        ConfigError
            xarray, of the extra ``report``, is not installed.
        """
        from edge.readers.xarrays import payload_dataset

        return payload_dataset(self)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class HalfOrbit:
    """All payloads of one half-orbit, from one pole to the other.

    Attributes
    ----------
    key : str
        ``CSES_096791``: mission, orbit number, direction digit; ``CSES_02_...`` of CSES-02.
    mission : {"cses", "demeter"}
    orbit, direction : int
        Direction 1 is the night side on both missions.
    payloads : dict of str to Payload
    failed : dict of str to InputError
        Payloads that were there and of which no file could be read, with the reason.
    errors : tuple of InputError
        Of every file that could not be read.
    """

    key: str
    mission: MissionName
    orbit: int
    direction: int
    payloads: dict[str, Payload]
    failed: dict[str, InputError] = field(default_factory=dict)
    errors: tuple[InputError, ...] = ()

    def __repr__(self) -> str:
        """Say what was read and what failed."""
        failed = f"; failed: {', '.join(self.failed)}" if self.failed else ""
        side = "night" if self.night_side else "day"
        return (
            f"<HalfOrbit {self.key} ({self.satellite}, {side} side): "
            f"{', '.join(self.payloads) or 'no payload'}{failed}>"
        )

    @property
    def night_side(self) -> bool:
        """Whether the direction flag says night."""
        return self.direction == 1

    @property
    def satellite(self) -> str:
        """``CSES-01``, ``CSES-02`` or ``DEMETER``."""
        number = 2 if self.key.startswith("CSES_02_") else 1
        return f"CSES-{number:02d}" if self.mission == "cses" else "DEMETER"

    @property
    def channels(self) -> dict[str, Channel]:
        """Every channel, keyed ``payload/name``."""
        return {
            f"{payload}/{name}": channel
            for payload, content in self.payloads.items()
            for name, channel in content.channels.items()
        }

    def to_xarray(self) -> dict[str, xarray.Dataset]:
        """Give every payload as a dataset over its own time; see `edge.readers.xarrays`.

        Returns
        -------
        dict of str to xarray.Dataset
            Keyed by payload.

        Raises
        ------
        ConfigError
            xarray, of the extra ``report``, is not installed.
        """
        from edge.readers.xarrays import half_orbit_datasets

        return half_orbit_datasets(self)


def untrained_note(half_orbit: HalfOrbit, missions: Collection[str]) -> str | None:
    """Say that a model has seen nothing of a half-orbit's satellite, or give None.

    Parameters
    ----------
    half_orbit : HalfOrbit
    missions : collection of str
        Of the bundle's training data, ``cses`` (CSES-01) and ``demeter``.

    Returns
    -------
    str or None
    """
    satellite = half_orbit.satellite
    trained = half_orbit.mission in missions and satellite != "CSES-02"
    return None if trained else f"the bundle was trained without data of {satellite}"
