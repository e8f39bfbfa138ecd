"""What the rows of a dataset were made from: the records of its parts, and of all of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.errors import one_line
from edge.observables import MissionName
from trainer.archives.archive import RowRule
from trainer.errors import TrainError

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


class PartRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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


class RowsRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of ``manifest.json``: the parts, and the files that are in none of them."""

    format: int
    code_version: str
    mission: MissionName
    profile: str
    night: RowRule
    simulated: bool
    parts: dict[str, str]
    failed: list[FailedFile]


@dataclass(frozen=True, slots=True)
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

    Parameters
    ----------
    dataset : Path

    Returns
    -------
    Manifest

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
        record.mission,
        record.profile,
        record.night,
        record.simulated,
        record.code_version,
        tuple(h for h in half_orbits if h.rows),
        tuple(h.key for h in half_orbits if not h.rows),
        {f.name: f.reason for f in sorted(failed, key=lambda f: f.name)},
        hashlib.sha256(msgspec.json.encode(files)).hexdigest(),
        tuple(parts),
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

    Parameters
    ----------
    path : Path

    Returns
    -------
    PartRecord

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
