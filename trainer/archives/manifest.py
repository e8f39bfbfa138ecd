"""What the rows of a dataset were made from: the records of its parts, and of all of them."""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge import RELEASE
from edge.errors import one_line
from edge.observables import MissionName
from edge.readers.names import FileName
from trainer.archives.archive import RowRule
from trainer.common.errors import TrainError

#: Version of the layout of parts and manifest.
ROWS_FORMAT = 1
ROWS_FOLDER = "rows"
MANIFEST_FILE = "manifest.json"
#: Key of the JSON text in the metadata of a part's schema.
METADATA_KEY = b"seqnetquake"


class InputFile(msgspec.Struct, frozen=True):
    """A file that rows were made from; its name is the path below the archive."""

    name: str
    size: int
    sha256: str


class FailedFile(msgspec.Struct, frozen=True):
    """A file that could not be used; transient where the same bytes may be readable later."""

    name: str
    reason: str
    transient: bool = False


class HalfOrbitRows(msgspec.Struct, frozen=True):
    """A half-orbit of a part.

    Attributes
    ----------
    key : str
    rows : int
        0 where none is night, or no file could be read.
    start, end : str or None
        UTC of the centre of the first and the last row.
    payloads : list of str
        That were read.
    files : list of InputFile
    """

    key: str
    rows: int
    start: str | None
    end: str | None
    payloads: list[str]
    files: list[InputFile]


class PartRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a part says of itself."""

    format: int
    code_version: str
    mission: MissionName
    profile: str
    night: RowRule
    simulated: bool
    fingerprint: str
    half_orbits: list[HalfOrbitRows]
    failed: list[FailedFile]


class RowsRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Content of ``manifest.json``: the parts, and the files that are in none of them."""

    format: int
    code_version: str
    mission: MissionName
    profile: str
    night: RowRule
    simulated: bool
    parts: dict[str, str]
    failed: list[FailedFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the rows of a dataset were made from.

    Attributes
    ----------
    mission : {"cses", "demeter"}
    profile : str
    night : {"dark", "paper", "day"}
    simulated : bool
    code_version : str
    half_orbits : tuple of HalfOrbitRows
        Those with rows, in order of time.
    without_rows : tuple of str
        Keys of those that were looked at and have none.
    failed : dict of str to str
        Files that could not be used, with the reason.
    sha256 : str
        Of names and hashes of all files that were read, hexadecimal.
    parts : tuple of Path
    """

    mission: MissionName
    profile: str
    night: RowRule
    simulated: bool
    code_version: str
    half_orbits: tuple[HalfOrbitRows, ...]
    without_rows: tuple[str, ...]
    failed: dict[str, str]
    sha256: str
    parts: tuple[Path, ...]


def read_manifest(dataset: Path) -> Manifest:
    """Tell what the rows of a dataset were made from.

    Raises
    ------
    TrainError
        The rows are missing, incomplete, damaged or of another version.
    """
    record = read_rows_record(dataset)
    half_orbits: list[HalfOrbitRows] = []
    failed = list(record.failed)
    parts = []
    for name, fingerprint in record.parts.items():
        path = dataset / ROWS_FOLDER / name
        part = read_part_record(path)
        if part.fingerprint != fingerprint:
            raise TrainError(
                f"{dataset.name}: {name} is not the part that {MANIFEST_FILE} names; "
                "run edge-train prepare again"
            )
        half_orbits += part.half_orbits
        failed += part.failed
        parts.append(path)
    files = sorted((f.name, f.sha256) for h in half_orbits for f in h.files)
    return Manifest(
        mission=record.mission,
        profile=record.profile,
        night=record.night,
        simulated=record.simulated,
        code_version=record.code_version,
        half_orbits=tuple(h for h in half_orbits if h.rows),
        without_rows=tuple(h.key for h in half_orbits if not h.rows),
        failed={f.name: f.reason for f in sorted(failed, key=lambda f: f.name)},
        sha256=hashlib.sha256(msgspec.json.encode(files)).hexdigest(),
        parts=tuple(parts),
    )


def read_rows_record(dataset: Path) -> RowsRecord:
    """Read ``manifest.json``, which is there where the rows are complete; see `read_manifest`."""
    path = dataset / ROWS_FOLDER / MANIFEST_FILE
    try:
        record = msgspec.json.decode(path.read_bytes(), type=RowsRecord)
    except OSError as error:
        raise TrainError(
            f"{one_line(dataset.name)}: {ROWS_FOLDER}/{MANIFEST_FILE}: {error.strerror}; "
            "the rows are not complete: run edge-train prepare"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TrainError(f"{ROWS_FOLDER}/{MANIFEST_FILE}: {error}") from None
    if record.format != ROWS_FORMAT:
        raise TrainError(
            f"{ROWS_FOLDER}/{MANIFEST_FILE}: format {record.format}; "
            f"this version reads {ROWS_FORMAT}"
        )
    return record


def read_part_record(path: Path) -> PartRecord:
    """Read what a part says of itself, from its footer alone.

    Raises
    ------
    TrainError
        The file is missing, damaged or no part.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = (pq.read_schema(path).metadata or {}).get(METADATA_KEY, b"")
        return msgspec.json.decode(found, type=PartRecord)
    except (OSError, pa.ArrowException, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TrainError(f"{path.name}: not a part of rows: {one_line(str(error))}") from None


#: Orbit numbers in a part: about four days, some MB in memory.
ORBITS_PER_PART = 64


@dataclass(frozen=True, slots=True)
class RowsRequest:
    """What rows are asked for.

    Attributes
    ----------
    archive : Path
        Absolute; the same on every worker.
    mission : {"cses", "demeter"}
    profile : str
    night : {"dark", "paper", "day"}
    simulated : bool
    code_version : str
    """

    archive: Path
    mission: MissionName
    profile: str
    night: RowRule
    simulated: bool
    code_version: str = RELEASE


@dataclass(frozen=True, slots=True)
class Part:
    """One part to be made.

    Attributes
    ----------
    path : Path
        Where it will be.
    request : RowsRequest
    fingerprint : str
        Of the request, and of the names and sizes of the files.
    half_orbits : dict of str to tuple of Path
        Files of each half-orbit, below the archive, in order of time.
    given_up : dict of str to str
        Half-orbits that are not to be opened, with the reason.
    """

    path: Path
    request: RowsRequest
    fingerprint: str
    half_orbits: dict[str, tuple[Path, ...]]
    given_up: dict[str, str] = field(default_factory=dict)

    @property
    def reading(self) -> Path:
        """File with the key of the half-orbit that is being read for this part."""
        return self.path.with_name(f".{self.path.name}.reading")


def plan_parts(
    groups: Mapping[str, dict[Path, FileName]],
    request: RowsRequest,
    folder: Path,
    failed: dict[Path, str],
    orbits_per_part: int = ORBITS_PER_PART,
) -> list[Part]:
    """Share half-orbits out among parts, by the number of their orbit.

    Parameters
    ----------
    groups : mapping of str to dict of Path to FileName
        As `trainer.archives.archive.find_half_orbits` gives them.
    request : RowsRequest
    folder : Path
        That the parts will lie in.
    failed : dict of Path to str
        Receives the files whose times contradict their orbits.
    orbits_per_part : int, optional

    Returns
    -------
    list of Part
        In order of time.
    """
    shares: dict[int, dict[str, tuple[Path, ...]]] = {}
    for key in _in_order_of_time(groups, failed):
        files = groups[key]
        orbit = next(iter(files.values())).orbit
        below = tuple(sorted(path.relative_to(request.archive) for path in files))
        shares.setdefault(orbit // orbits_per_part, {})[key] = below
    return [
        Part(
            folder / f"part-{number:05d}.parquet",
            request,
            _fingerprint(request, share),
            share,
        )
        for number, share in sorted(shares.items())
    ]


def _in_order_of_time(
    groups: Mapping[str, dict[Path, FileName]], failed: dict[Path, str]
) -> list[str]:
    """Keep the most half-orbits whose times, by their names, grow with their orbits.

    The longest increasing run of start times, so that one wrong name costs itself alone.
    """
    keys = list(groups)
    starts = [min(name.start for name in groups[key].values()) for key in keys]
    # Patience sorting: ends[k] is the place where the best run of k + 1 half-orbits ends.
    ends: list[int] = []
    before: list[int] = []
    for place, start in enumerate(starts):
        at = bisect_right(ends, start, key=starts.__getitem__)
        before.append(ends[at - 1] if at else -1)
        ends[at : at + 1] = [place]
    kept: set[int] = set()
    place = ends[-1] if ends else -1
    while place >= 0:
        kept.add(place)
        place = before[place]
    for place, key in enumerate(keys):
        if place not in kept:
            for path in groups[key]:
                failed[path] = (
                    f"{one_line(path.name)}: its time contradicts the half-orbits before and "
                    f"after {key}: orbits are counted in order of time"
                )
    return [key for place, key in enumerate(keys) if place in kept]


def _fingerprint(request: RowsRequest, share: Mapping[str, tuple[Path, ...]]) -> str:
    files = []
    for paths in share.values():
        for path in paths:
            try:
                size = (request.archive / path).stat().st_size
            except OSError:
                size = -1
            files.append((stored_name(path), size))
    asked = (ROWS_FORMAT, request.code_version, request.mission, request.profile, request.night)
    return hashlib.sha256(msgspec.json.encode((*asked, request.simulated, files))).hexdigest()


def is_made(part: Part) -> bool:
    """Whether a part lies there already and need not be made again.

    Returns
    -------
    bool
        False where it was made for another request or from other files, where a file is
        younger than it, and where a file failed that may be readable now.
    """
    try:
        record = read_part_record(part.path)
        made = part.path.stat().st_mtime_ns
        if record.fingerprint != part.fingerprint or any(f.transient for f in record.failed):
            return False
        paths = (part.request.archive / p for paths in part.half_orbits.values() for p in paths)
        return all(path.stat().st_mtime_ns <= made for path in paths)
    except (TrainError, OSError):
        return False


def stored_name(path: Path) -> str:
    """Path below the archive, as text that any file can hold."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
