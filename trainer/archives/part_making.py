"""Makes one part of a dataset's rows, wherever that runs, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import resource
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp

import numpy as np

from edge import RELEASE
from edge.errors import describe_fault
from edge.observables import PROFILES
from edge.readers.names import parse_name
from trainer.archives.archive import NightPass, read_pass
from trainer.archives.manifest import (
    ROWS_FORMAT,
    FailedFile,
    HalfOrbitRows,
    InputFile,
    Part,
    PartRecord,
    stored_name,
)
from trainer.archives.rows import rows_table
from trainer.common.errors import TrainError

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PartMade:
    """What became of a part.

    Attributes
    ----------
    half_orbits, rows : int
    failed : tuple of FailedFile
    peak_bytes : int
        Largest resident memory of the process so far.
    """

    half_orbits: int
    rows: int
    failed: tuple[FailedFile, ...]
    peak_bytes: int


def make_part(part: Part) -> PartMade:
    """Read the half-orbits of a part and write it; the task of a worker.

    Raises
    ------
    TrainError
        The part cannot be written, or this worker has other code than who asks.

    Notes
    -----
    A name that no other writer has, fsync, rename: a task that is killed leaves no part, and one
    that runs twice leaves the same bytes. What it was reading when it was killed stands in
    `Part.reading`.
    """
    request = part.request
    passes, half_orbits, failed = _read(part)
    record = PartRecord(
        format=ROWS_FORMAT,
        code_version=request.code_version,
        mission=request.mission,
        profile=request.profile,
        night=request.night,
        simulated=request.simulated,
        fingerprint=part.fingerprint,
        half_orbits=half_orbits,
        failed=failed,
    )
    rows = write_part(part.path, passes, record)
    return PartMade(len(half_orbits), rows, tuple(failed), peak_bytes())


def write_part(path: Path, passes: list[NightPass], record: PartRecord) -> int:
    """Write the half-orbits that have rows, in order of time, as a part, whole or not at all.

    Returns
    -------
    int
        Its rows.

    Raises
    ------
    TrainError
        It cannot be written.
    """
    import pyarrow.parquet as pq

    table = rows_table(passes, PROFILES[record.profile], record)
    temporary = None
    try:
        handle, name = mkstemp(prefix=f".{path.name}-", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            pq.write_table(table, stream, compression="zstd", use_dictionary=["half_orbit"])
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes it private; a dataset is for everyone who may read its folder.
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise TrainError(f"{path.name}: cannot be written: {error.strerror}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return int(table.num_rows)


def peak_bytes() -> int:
    """Largest resident memory of this process so far, in bytes."""
    try:
        # getrusage counts that of the process that started this one, too.
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _read(part: Part) -> tuple[list[NightPass], list[HalfOrbitRows], list[FailedFile]]:
    request = part.request
    if request.code_version != RELEASE:
        raise TrainError(
            f"this worker has version {RELEASE}, whoever asks has {request.code_version}"
        )
    passes: list[NightPass] = []
    half_orbits: list[HalfOrbitRows] = []
    failed: list[FailedFile] = []
    for key, below in part.half_orbits.items():
        found, bad = None, {}
        if key in part.given_up:
            bad = {path: FailedFile(stored_name(path), part.given_up[key]) for path in below}
        else:
            files = {request.archive / path: parse_name(path) for path in below}
            # Where it cannot be written, nor can the part, which says so.
            with suppress(OSError):
                part.reading.write_text(key)
            try:
                found, errors = read_pass(files, request.profile, request.night)
            except Exception as error:
                # A fault of ours in one half-orbit must not keep the archive from all others.
                reason = f"half-orbit {key} failed with {describe_fault(error)}"
                bad = {path: FailedFile(stored_name(path), reason) for path in below}
            else:
                for path, fault in errors.items():
                    name = path.relative_to(request.archive)
                    bad[name] = FailedFile(stored_name(name), str(fault), fault.transient)
        failed += bad.values()
        hashed = [hash_input(request.archive, path) for path in below if path not in bad]
        half_orbits.append(describe_half_orbit(key, found, hashed))
        if found is not None:
            passes.append(found)
    part.reading.unlink(missing_ok=True)
    return passes, half_orbits, failed


def describe_half_orbit(key: str, found: NightPass | None, files: list[InputFile]) -> HalfOrbitRows:
    """Say what became of a half-orbit, as the record of its part has it."""
    if found is None:
        return HalfOrbitRows(key, 0, None, None, [], files)
    start, end = (
        f"{t}Z" for t in np.datetime_as_string(found.grid.time[[0, -1]], unit="ms").tolist()
    )
    return HalfOrbitRows(key, found.grid.cell.size, start, end, list(found.payloads), files)


def hash_input(archive: Path, path: Path) -> InputFile:
    """Name, size and sum of a file below an archive."""
    digest = hashlib.sha256()
    size = 0
    try:
        with (archive / path).open("rb") as stream:
            while block := stream.read(_READ_BYTES):
                digest.update(block)
                size += len(block)
    except OSError:
        # It was read a moment ago; what is gone now has no hash.
        return InputFile(stored_name(path), 0, "")
    return InputFile(stored_name(path), size, digest.hexdigest())
