"""Results on disk: three files a half-orbit, each replaced whole.

No field depends on the machine's clock, so running again writes the same bytes.
"""

from __future__ import annotations

import csv
import errno
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from edge.results import Track, WindowScore

SUFFIXES = (".jsonl", ".csv", ".geojson")

_COLUMNS = tuple(f for f in WindowScore.__struct_fields__)
_encoder = msgspec.json.Encoder()


def json_lines(records: Iterable[msgspec.Struct]) -> bytes:
    """One JSON object a line.

    Parameters
    ----------
    records : iterable of msgspec.Struct

    Returns
    -------
    bytes
    """
    return b"".join(_encoder.encode(record) + b"\n" for record in records)


def write_track(out: Path, track: Track) -> list[Path]:
    """Write the results of one half-orbit.

    Parameters
    ----------
    out : Path
        Folder; made if it is missing.
    track : Track

    Returns
    -------
    list of Path
        ``<half-orbit>.jsonl`` (the summary, then windows, then alarms),
        ``.csv`` (windows) and ``.geojson`` (windows and alarms).

    Raises
    ------
    OSError
        The folder cannot be written to; earlier results are untouched.

    Notes
    -----
    All three are on disk under temporary names before the first is renamed.
    """
    out.mkdir(parents=True, exist_ok=True)
    stem = track.summary.half_orbit
    contents = (
        json_lines([track.summary, *track.windows, *track.alarms]),
        _csv(track),
        _geojson(track),
    )
    paths = [out / f"{stem}{suffix}" for suffix in SUFFIXES]
    replace_files(dict(zip(paths, contents, strict=True)))
    return paths


def result_path(out: Path, half_orbit: str) -> Path:
    """Where the results of a half-orbit are, if there are any."""
    return out / f"{half_orbit}{SUFFIXES[0]}"


def remove_leftovers(out: Path) -> None:
    """Remove what a process left that was killed in the middle of `replace_files`."""
    for path in out.glob(_temporary(Path("*")).name):
        path.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file whole, or leave it as it was; see `replace_files`."""
    replace_files({path: content})


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Replace files of one folder whole, or leave them as they were.

    Parameters
    ----------
    contents : mapping of Path to bytes

    Raises
    ------
    OSError

    Notes
    -----
    Temporary name beside the target, fsync, rename, fsync of the folder: after a power
    cut the old file or the new one is there, never a part.
    """
    temporary = {path: _temporary(path) for path in contents}
    try:
        for path, content in contents.items():
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder")
            with temporary[path].open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        for path, name in temporary.items():
            name.replace(path)
    except BaseException:
        for name in temporary.values():
            name.unlink(missing_ok=True)
        raise
    folder = os.open(next(iter(contents)).parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _csv(track: Track) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for window in track.windows:
        row = msgspec.structs.asdict(window)
        row["failed"] = ";".join(window.failed)
        writer.writerow(["" if row[c] is None else row[c] for c in _COLUMNS])
    return text.getvalue().encode()


def _geojson(track: Track) -> bytes:
    features = [_point(record) for record in (*track.windows, *track.alarms)]
    collection = {
        "type": "FeatureCollection",
        "half_orbit": track.summary,
        "features": features,
    }
    return _encoder.encode(collection) + b"\n"


def _point(record: Any) -> dict[str, object]:
    properties = msgspec.to_builtins(record)
    properties["kind"] = properties.pop("type")
    place = [properties.pop("longitude"), properties.pop("latitude")]
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": place},
        "properties": properties,
    }
