"""Results on disk: up to three files a half-orbit, each replaced whole.

No field depends on the machine's clock, so running again writes the same bytes.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import stat
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge.errors import ConfigError
from edge.observables import GRID_STEP_S
from edge.results import (
    RESULT_FORMATS,
    ResultFormat,
    ScoredHalfOrbit,
    WindowScore,
    WrittenFile,
)

if TYPE_CHECKING:
    from edge.readers.names import FileName
    from edge.scoring import Scorer

SUFFIXES = tuple(f".{name}" for name in RESULT_FORMATS)

_COLUMNS = WindowScore.__struct_fields__
_encoder = msgspec.json.Encoder()

# What a process leaves that is killed while it replaces a file, and nothing of anybody else's.
_LEFTOVER = (
    r"\.(\w+_[0-9]{6}\.(jsonl|csv|geojson)|alarms\.(jsonl|geojson)|status\.json|report\.html)\.tmp"
)
# From one window to the next.
_STEP = timedelta(seconds=GRID_STEP_S)
# What file systems answer that cannot flush a folder.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)


def json_lines(records: Iterable[msgspec.Struct]) -> bytes:
    """One JSON object a line."""
    return b"".join(_encoder.encode(record) + b"\n" for record in records)


def score_to_disk(
    scorer: Scorer,
    out: Path,
    files: Mapping[Path, FileName],
    formats: Collection[ResultFormat] = RESULT_FORMATS,
) -> tuple[ScoredHalfOrbit, list[WrittenFile]]:
    """Read and score one half-orbit, and write its results.

    Parameters
    ----------
    out : Path
        Folder of the results; made if it is missing.
    files : mapping of Path to FileName
        All of the half-orbit.
    formats : collection of str, optional
        See `write_results`.

    Returns
    -------
    scored : ScoredHalfOrbit
        Names the files that could not be read.
    written : list of WrittenFile
        Empty where none of the files could be read: earlier results are then untouched.

    Raises
    ------
    ConfigError
        The output folder cannot be written to; earlier results are untouched.
    """
    scored = scorer.score(scorer.read(files))
    if scored.summary.status == "failed":
        return scored, []
    try:
        return scored, write_results(out, scored, formats)
    except OSError as error:
        raise ConfigError(
            f"output folder {out.name}: {error.strerror or error}; half-orbit "
            f"{scored.summary.half_orbit} will be scored again"
        ) from None


def write_results(
    out: Path, scored: ScoredHalfOrbit, formats: Collection[ResultFormat] = RESULT_FORMATS
) -> list[WrittenFile]:
    """Write the results of one half-orbit.

    Parameters
    ----------
    out : Path
        Folder; made if it is missing.
    formats : collection of {"jsonl", "csv", "geojson"}, optional
        Those to write; earlier ones of the half-orbit in others are removed.

    Returns
    -------
    list of WrittenFile
        ``<half-orbit>.jsonl`` (the summary, then windows, then alarms),
        ``.csv`` (windows) and ``.geojson`` (the track of the windows, and alarms).

    Raises
    ------
    OSError
        The folder cannot be written to; earlier results are untouched.

    Notes
    -----
    All are on disk under temporary names before the first is renamed.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths = dict(zip(RESULT_FORMATS, result_paths(out, scored.summary.half_orbit), strict=True))
    contents = {paths[name]: _WRITERS[name](scored) for name in RESULT_FORMATS if name in formats}
    replace_files(contents)
    for path in paths.values():
        if path not in contents:
            path.unlink(missing_ok=True)
    return [file_record(path, content) for path, content in contents.items()]


def file_record(path: Path, content: bytes) -> WrittenFile:
    """Make the record of a result file with this content."""
    return WrittenFile(path.name, len(content), path.stat().st_mtime_ns, _sha256(content))


def result_paths(out: Path, half_orbit: str) -> list[Path]:
    """Where the results of a half-orbit are, if there are any."""
    return [out / f"{half_orbit}{suffix}" for suffix in SUFFIXES]


def is_intact(out: Path, file: WrittenFile) -> bool:
    """Whether a result file is still as it was written; its bytes count, not its date."""
    path = out / file.name
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != file.size:
            return False
        return status.st_mtime_ns == file.mtime_ns or _sha256(path.read_bytes()) == file.sha256
    except OSError:
        return False


def results_digest(out: Path) -> str:
    """Sum up the result files of a folder: equal digests mean that none was touched.

    Notes
    -----
    As `edge.inbox.InboxFolder.digest`: a hash a file, added up.
    """
    total = 0
    with os.scandir(out) as listing:
        for entry in listing:
            if entry.name.endswith(SUFFIXES):
                with contextlib.suppress(OSError):
                    s = entry.stat(follow_symlinks=False)
                    total += hash((s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns))
    return f"{total & (2**64 - 1):x}"


def summary_payloads(out: Path, half_orbit: str) -> list[str]:
    """Payloads that a result on disk was made from; empty where there is none to read."""
    try:
        with result_paths(out, half_orbit)[0].open("rb") as stream:
            found = msgspec.json.decode(stream.readline(1_000_000))
        return [str(payload) for payload in found["payloads"]]
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
        return []


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def remove_leftovers(out: Path) -> None:
    """Remove what a process left that was killed in the middle of `replace_files`."""
    for path in out.glob(".*.tmp"):
        if re.fullmatch(_LEFTOVER, path.name) and stat.S_ISREG(path.lstat().st_mode):
            path.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file whole, or leave it as it was; see `replace_files`."""
    replace_files({path: content})


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Replace files of one folder whole, or leave them as they were.

    Raises
    ------
    OSError

    Notes
    -----
    Temporary name beside the target, fsync, rename, fsync of the folder: after a power
    cut the old file or the new one is there, never a part. What stands under the temporary
    name, a link that someone planted too, is removed and never written through.
    """
    temporary = {path: _temporary(path) for path in contents}
    made: list[Path] = []
    try:
        for path, content in contents.items():
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder")
            with contextlib.suppress(FileNotFoundError):
                temporary[path].unlink()
            with temporary[path].open("xb") as stream:
                made.append(temporary[path])
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        for path, name in temporary.items():
            name.replace(path)
    except BaseException:
        for name in made:
            name.unlink(missing_ok=True)
        raise
    flush_folder(next(iter(contents)).parent)


def flush_folder(folder: Path) -> None:
    """Have the names in a folder written to disk, on file systems that can do so.

    Raises
    ------
    OSError
        It cannot be opened, or the disk fails.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)


def _jsonl(scored: ScoredHalfOrbit) -> bytes:
    return json_lines([scored.summary, *scored.windows, *scored.alarms])


def _csv(scored: ScoredHalfOrbit) -> bytes:
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for window in scored.windows:
        writer.writerow(csv_row(window))
    return text.getvalue().encode()


def csv_row(window: WindowScore) -> list[object]:
    """Cells of a window, in the order of its fields; what is missing is empty."""
    row = msgspec.structs.asdict(window)
    row["failed"] = ";".join(window.failed)
    return ["" if row[c] is None else row[c] for c in _COLUMNS]


def _geojson(scored: ScoredHalfOrbit) -> bytes:
    lines = _track(scored.windows)
    track = {
        "type": "Feature",
        "geometry": {"type": "MultiLineString", "coordinates": lines} if lines else None,
        "properties": {"kind": "track"},
    }
    collection = {
        "type": "FeatureCollection",
        "half_orbit": scored.summary,
        "features": [track, *map(point_feature, scored.alarms)],
    }
    return _encoder.encode(collection) + b"\n"


def _track(windows: Iterable[WindowScore]) -> list[list[tuple[float, float]]]:
    """Lines through the places of windows, cut at gaps and at the antimeridian (RFC 7946)."""
    lines: list[list[tuple[float, float]]] = []
    before = None
    for window in windows:
        if (
            before is None
            or abs(window.longitude - before.longitude) > 180.0
            or _time(window) - _time(before) > _STEP
        ):
            lines.append([])
        lines[-1].append((window.longitude, window.latitude))
        before = window
    # A line has two points.
    return [line if len(line) > 1 else line * 2 for line in lines]


def _time(window: WindowScore) -> datetime:
    return datetime.fromisoformat(window.time)


_WRITERS = {"jsonl": _jsonl, "csv": _csv, "geojson": _geojson}


def point_feature(record: Any) -> dict[str, object]:
    """Make the GeoJSON feature of a window, or of an alarm's peak."""
    properties = msgspec.to_builtins(record)
    properties["kind"] = properties.pop("type")
    place = [properties.pop("longitude"), properties.pop("latitude")]
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": place},
        "properties": properties,
    }
