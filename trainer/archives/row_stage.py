"""The first stage of `prepare`: an archive of half-orbits to the rows of a dataset, in parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from edge.errors import ConfigError, InputError
from edge.observables import MissionName
from edge.outputs import replace_file
from edge.readers.names import looks_like_payload, parse_name
from trainer.archives.archive import SIMULATION_FILE, RowRule, find_half_orbits
from trainer.archives.cluster import RunTasks
from trainer.archives.manifest import (
    MANIFEST_FILE,
    ORBITS_PER_PART,
    ROWS_FOLDER,
    ROWS_FORMAT,
    FailedFile,
    Part,
    RowsRecord,
    RowsRequest,
    is_made,
    plan_parts,
    stored_name,
)
from trainer.archives.part_making import make_part
from trainer.common.errors import TrainError
from trainer.common.progress import Progress, track

_ENDED = "half-orbit {key} ended every process that read it, by a crash or for want of memory"


def find_mission(archive: Path, asked: MissionName | None = None) -> MissionName:
    """Tell by the names of an archive's files which mission it is of.

    Parameters
    ----------
    archive : Path
    asked : {"cses", "demeter"}, optional
        The one that is wanted, of which it must have files.

    Returns
    -------
    {"cses", "demeter"}

    Raises
    ------
    InputError
        It is no folder, holds no half-orbit file of the mission, or files of both where none
        is asked for.
    """
    found = find_missions(archive)
    if asked is not None:
        if asked not in found:
            raise InputError(archive, f"holds no half-orbit file of {asked}")
        return asked
    if len(found) > 1:
        raise InputError(
            archive, "holds files of CSES-01 and of DEMETER: give --mission cses or demeter"
        )
    return found.pop()


def find_missions(archive: Path) -> set[MissionName]:
    """Tell by the names of an archive's files which missions it is of.

    Raises
    ------
    InputError
        It is no folder, or holds no half-orbit file.
    """
    if not archive.is_dir():
        raise InputError(archive, "is not a folder")
    found: set[MissionName] = set()
    known: set[str] = set()
    for path in archive.rglob("*"):
        # One well-formed name of a mission tells enough, and the others need no second look.
        kind = path.name[:3].upper()
        if kind not in known and looks_like_payload(path.name):
            with suppress(InputError):
                found.add(parse_name(path).mission)
                known.add(kind)
    if not found:
        raise InputError(archive, "holds no half-orbit file of CSES-01 or DEMETER")
    return found


def make_rows(
    archive: Path,
    dataset: Path,
    mission: MissionName,
    profile: str,
    night: RowRule,
    cluster: Callable[[], AbstractContextManager[RunTasks]],
    orbits_per_part: int = ORBITS_PER_PART,
) -> int:
    """Bring the rows of a dataset up to date with an archive.

    Parameters
    ----------
    cluster : callable
        Gives a context that yields what runs tasks; called only where a part must be made.

    Returns
    -------
    int
        Parts that were made; the others were there.

    Raises
    ------
    EdgeError
        No half-orbit to read, or rows that cannot be written. What was made is kept.

    Notes
    -----
    The half-orbit that a part takes down its workers with, one after another, is named as failed
    and tried again when its files change.
    """
    if not archive.is_dir():
        raise InputError(archive, "is not a folder")
    archive, dataset = archive.resolve(), dataset.resolve()
    folder = dataset / ROWS_FOLDER
    failed: dict[Path, str] = {}
    groups = find_half_orbits(archive, mission, profile, night, failed)
    simulated = (archive / SIMULATION_FILE).is_file()
    request = RowsRequest(archive, mission, profile, night, simulated)
    parts = plan_parts(groups, request, folder, failed, orbits_per_part)
    if not parts:
        side = "day" if night == "day" else "night"
        first = f"; {len(failed)} files failed, {next(iter(failed.values()))}" if failed else ""
        raise InputError(archive, f"no usable {side}-side half-orbit of {mission}{first}")
    refused = [FailedFile(stored_name(p.relative_to(archive)), why) for p, why in failed.items()]
    record = RowsRecord(
        format=ROWS_FORMAT,
        code_version=request.code_version,
        mission=mission,
        profile=profile,
        night=night,
        simulated=simulated,
        parts={part.path.name: part.fingerprint for part in parts},
        failed=sorted(refused, key=lambda file: file.name),
    )
    content = msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"
    manifest = folder / MANIFEST_FILE
    checked = track(parts, "checking what is there", len(parts), "parts")
    due = [part for part in checked if not is_made(part)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if due or not manifest.is_file() or manifest.read_bytes() != content:
            # Gone before anything changes: a run that is cut short leaves no complete rows.
            manifest.unlink(missing_ok=True)
            _sweep(folder, record.parts)
            if due:
                with cluster() as run:
                    _make(run, due, sum(len(p.half_orbits) for p in parts))
                # Of a process that ended while it wrote.
                _sweep(folder, record.parts)
            replace_file(manifest, content)
    except OSError as error:
        raise ConfigError(f"dataset {dataset.name}: {error.strerror or error}") from None
    return len(due)


def _sweep(folder: Path, parts: Mapping[str, str]) -> None:
    """Remove all parts but these, and what was half-written."""
    for path in [*folder.glob("part-*.parquet"), *folder.glob(".part-*")]:
        if path.name not in parts:
            path.unlink()


def _make(run: RunTasks, due: list[Part], total: int) -> None:
    waiting = {part.path.name: part for part in due}
    before = total - sum(len(part.half_orbits) for part in due)
    with Progress("reading", total, before) as progress:
        while waiting:
            lost = {}
            for name, made in run(make_part, waiting):
                if made is None:
                    lost[name] = _without_killer(waiting[name])
                else:
                    progress.add(made.half_orbits)
            waiting = lost


def _without_killer(part: Part) -> Part:
    """Give up the half-orbit that was being read whenever the process of this part ended."""
    try:
        key = part.reading.read_text()
    except OSError:
        key = ""
    if key not in part.half_orbits or key in part.given_up:
        raise TrainError(
            f"{part.path.name} ends every process that makes it, although no half-orbit does: "
            "give the workers more memory; everything else is done"
        )
    return replace(part, given_up={**part.given_up, key: _ENDED.format(key=key)})
