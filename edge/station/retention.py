"""Remove what is old from the inbox and from the results, where the settings ask for it.

Off by default. A file is old only by both of two times: the computer's clock, and the newest
acquisition that two others of the 3 days before it confirm. So neither a clock that jumped to
2038, nor one at 1970, nor a damaged file of 2099 makes anything old, and in a pause of the mission
nothing grows older. An alarm counts as valid by the earlier of the two.

Of the inbox go regular files of half-orbits that are done, with all their files; never what
waits, is tried again, failed, was given up, is not known to the ledger, changed since it was
recorded, or is reached by a link. Of the results go files that the ledger names and that are as
they were written. The ledger keeps its rows, with the counts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from edge.config import Settings
from edge.errors import InputError
from edge.events import Problem, Removed
from edge.inbox import path_of, walk
from edge.ledger import DONE, FileRecord, Ledger, Pruned
from edge.outputs import SUFFIXES, is_intact
from edge.readers.names import parse_name
from edge.results import WrittenFile
from edge.station.alarms import stamp

_DAY_S = 86_400.0
# A time of acquisition counts as the newest where so many others lie so close before it.
_WITNESSES, _WITNESS_S = 2, 3 * _DAY_S
# A clock further off the newest acquisition is told of.
_CLOCK_S = 30 * _DAY_S
# Of the newest day nothing goes, however full the disk is: another program may fill it.
_NEWEST_S = _DAY_S
# Between two looks of a station, and where its disk is too full.
_EVERY_S, _EVERY_FULL_S = 3600.0, 600.0
_MARK = "/retention"
_BATCH = 200


@dataclass(slots=True, kw_only=True)
class RetentionPlan:
    """What is to be removed.

    Attributes
    ----------
    files : list of Pruned
        Oldest first, input before results.
    notes : list of str
        Why something that is old stays.
    """

    files: list[Pruned] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def newest_acquisition(acquired: Iterable[float]) -> float | None:
    """Newest acquisition that two others of the 3 days before it confirm.

    Parameters
    ----------
    acquired : iterable of float
        Ends of the acquisition of half-orbits that are done, in seconds since 1970.

    Returns
    -------
    float or None
        None where there is no such one: then nothing is old.
    """
    times = sorted(acquired, reverse=True)
    for newest, witness in zip(times, times[_WITNESSES:], strict=False):
        if newest - witness <= _WITNESS_S:
            return newest
    return None


def make_plan(
    inbox: Path | None, out: Path, ledger: Ledger, settings: Settings, now: float
) -> RetentionPlan:
    """Find what is to be removed; nothing is changed.

    Parameters
    ----------
    inbox : Path or None
        Nothing of it goes where it is None.
    now : float
        Seconds since 1970.

    Raises
    ------
    InputError
        The inbox cannot be listed.
    LedgerError
    """
    plan = RetentionPlan(files=ledger.pruned(unfinished=True))
    days = (settings.keep_input_days, settings.keep_results_days)
    if days == (None, None) and settings.keep_disk_free is None:
        plan.notes.append(
            "nothing goes: keep_input_days, keep_results_days and keep_disk_free are not set"
        )
        return plan
    files = ledger.files()
    acquired = _acquired(ledger, files.values())
    newest = newest_acquisition(acquired.values())
    if newest is None:
        plan.notes.append(
            "nothing is old: expected at least 3 half-orbits done within 3 days of acquisition"
        )
        return plan
    reference = min(newest, now)
    if abs(now - newest) > _CLOCK_S or now < newest - _DAY_S:
        plan.notes.append(
            f"the clock says {stamp(now)} and the newest acquisition is of {stamp(newest)}: ages "
            f"are counted to {stamp(reference)}, and nothing goes that is old by one of them alone"
        )
    kept = {a.half_orbit for a in ledger.alarms() if a.valid_until >= stamp(reference)}
    done = {k: t for k, t in acquired.items() if k not in kept}
    inputs: list[tuple[float, Pruned]] = []
    if inbox is not None:
        there, busy = _look(inbox, out, ledger, files)
        for f in files.values():
            key = f.half_orbit
            if key in done and key not in busy and f.path in there:
                made = Pruned(
                    kind="input",
                    name=f.path,
                    half_orbit=key or "",
                    size=f.size,
                    mtime_ns=f.mtime_ns,
                )
                inputs.append((done[key or ""], made))
    elif settings.keep_input_days is not None:
        plan.notes.append("keep_input_days: expected --inbox with it, got none; no input goes")
    results = [
        (
            done[key],
            Pruned(
                kind="result",
                name=r.name,
                half_orbit=key,
                size=r.size,
                mtime_ns=r.mtime_ns,
                sha256=r.sha256,
            ),
        )
        for key, r in ledger.results()
        if key in done and r.name in {f"{key}{s}" for s in SUFFIXES} and is_intact(out, r)
    ]
    kinds = [(inbox, _sorted(inputs), days[0]), (out, _sorted(results), days[1])]
    chosen: set[Pruned] = set()
    for _, found, keep in kinds:
        if keep is not None:
            chosen |= {p for t, p in found if t < reference - keep * _DAY_S}
    if settings.keep_disk_free is not None:
        wanted = settings.keep_disk_free * 1e9
        devices = {f: f.stat().st_dev for f, _, _ in kinds if f is not None}
        for folder, found, _ in kinds:
            if folder is None:
                continue
            free = shutil.disk_usage(folder).free
            for other, among, _ in kinds:
                if other is not None and devices[other] == devices[folder]:
                    free += sum(p.size for _, p in among if p in chosen)
            for t, p in found:
                if free >= wanted or t >= reference - _NEWEST_S:
                    break
                if p not in chosen:
                    chosen.add(p)
                    free += p.size
            if folder is out and free < wanted:
                plan.notes.append(
                    f"keep_disk_free: expected {settings.keep_disk_free:g} GB, got "
                    f"{free / 1e9:.2f} GB with all removed that may go"
                )
    known = set(plan.files)
    plan.files += [p for _, found, _ in kinds for _, p in found if p in chosen and p not in known]
    return plan


def plan_lines(plan: RetentionPlan) -> Iterator[str]:
    """Lines that say what would go."""
    yield from plan.notes
    for p in plan.files:
        yield f"{p.kind:<6} {p.size:>12} {p.name}"
    yield f"would remove {_sum(plan.files)}; --yes does it"


def remove(
    plan: RetentionPlan, inbox: Path | None, out: Path, ledger: Ledger
) -> Iterator[Problem | Removed]:
    """Remove what was planned; the caller holds the output folder.

    Yields
    ------
    Problem or Removed
        What could not be removed, one line a reason, then what was.

    Raises
    ------
    LedgerError

    Notes
    -----
    Recorded first, then removed, then recorded as removed: where the process ends in between,
    the next one goes on, and no result is missed that would be scored again.
    """
    removed: list[Pruned] = []
    reasons: dict[str, list[str]] = {}
    for at in range(0, len(plan.files), _BATCH):
        batch = [p for p in plan.files[at : at + _BATCH] if p.kind == "result" or inbox]
        if not batch:
            continue
        ledger.begin_pruning(batch)
        gone: list[Pruned] = []
        left: list[Pruned] = []
        for p in batch:
            try:
                _unlink(out if p.kind == "result" or inbox is None else inbox, p)
            except FileNotFoundError:
                gone.append(p)
            except OSError as error:
                left.append(p)
                reasons.setdefault(error.strerror or str(error), []).append(p.name)
            else:
                gone.append(p)
                removed.append(p)
        ledger.end_pruning(gone, left)
    for reason, names in reasons.items():
        yield Problem(
            f"retention: {len(names)} files cannot be removed, {names[0]} first: {reason}"
        )
    if removed or not reasons:
        yield Removed(f"retention: removed {_sum(removed)}")


def prune_when_due(
    inbox: Path | None, out: Path, ledger: Ledger, settings: Settings, now: float
) -> Iterator[Problem | Removed]:
    """Do once an hour what the settings ask for, where the disk is too full every 10 minutes.

    Parameters
    ----------
    now : float
        Seconds since 1970.

    Raises
    ------
    InputError, LedgerError
    """
    keep = (settings.keep_disk_free or 0.0) * 1e9
    full = False
    for folder in (inbox, out):
        with contextlib.suppress(OSError):
            full |= folder is not None and shutil.disk_usage(folder).free < keep
    try:
        last = float(ledger.folder_digest(_MARK) or "-inf")
    except ValueError:
        last = -float("inf")
    if 0 <= now - last < (_EVERY_FULL_S if full else _EVERY_S):
        return
    try:
        plan = make_plan(inbox, out, ledger, settings, now)
    except OSError as error:
        yield Problem(f"retention: {error.strerror or error}")
        return
    ledger.remember({_MARK: str(now)})
    if plan.files:
        yield from remove(plan, inbox, out, ledger)


def _acquired(ledger: Ledger, files: Iterable[FileRecord]) -> dict[str, float]:
    """End of acquisition of each half-orbit about which nothing is left to do."""
    found = {
        h.key: _seconds(h.end)
        for h in ledger.half_orbits().values()
        if h.status in DONE and h.retry_at is None
    }
    for f in files:
        if f.half_orbit in found and f.status != "ignored":
            # By the name and by the data: what is old is old by both.
            found[f.half_orbit] = max(found[f.half_orbit], _named(f.path))
    return {key: t for key, t in found.items() if t > 0.0}


def _seconds(text: str | None) -> float:
    try:
        return datetime.fromisoformat(text or "").timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _named(path: str) -> float:
    try:
        return parse_name(path).end.replace(tzinfo=UTC).timestamp()
    except InputError:
        return 0.0


def _look(
    inbox: Path, out: Path, ledger: Ledger, files: dict[str, FileRecord]
) -> tuple[set[str], set[str]]:
    """Find the files that lie in the inbox as they were recorded, and what is not to be touched.

    Returns
    -------
    there : set of str
        Keys of regular files, none reached by a link.
    busy : set of str
        Half-orbits of which a file waits, failed, or is new or changed since it was recorded.
    """
    waiting = {key.partition(" ")[2] for key in ledger.waiting()}
    busy = {
        f.half_orbit or ""
        for f in files.values()
        if f.status not in (*DONE, "ignored") or f.path in waiting
    }
    there: set[str] = set()
    for folder, _ in walk(inbox, out, lambda *_: None):
        with contextlib.suppress(OSError):
            for file in folder.files(lambda *_: False):
                if file.name is None:
                    continue
                if file.key not in files or files[file.key].differs(file):
                    busy.add(file.name.half_orbit)
                elif files[file.key].status in DONE and stat.S_ISREG(file.path.lstat().st_mode):
                    there.add(file.key)
    return there, busy


def _unlink(folder: Path, file: Pruned) -> None:
    """Remove a file that is as it was recorded, by no link and nowhere but below a folder.

    Raises
    ------
    OSError
        It is another one, or cannot be removed.
    """
    path = path_of(folder, file.name)
    parts = path.relative_to(folder).parts
    if not parts or ".." in parts or Path(file.name).is_absolute():
        raise OSError("its name leads out of the folder")
    if file.kind == "result" and not is_intact(folder, _written(file)):
        path.lstat()
        raise OSError("changed since it was written")
    # From folder to folder, so that none on the way is swapped for a link meanwhile.
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below = os.open(part, flags, dir_fd=at)
            os.close(at)
            at = below
        s = os.stat(parts[-1], dir_fd=at, follow_symlinks=False)
        if not stat.S_ISREG(s.st_mode):
            raise OSError("is no regular file")
        if s.st_size != file.size or (file.kind == "input" and s.st_mtime_ns != file.mtime_ns):
            raise OSError("changed since it was recorded")
        os.unlink(parts[-1], dir_fd=at)
    finally:
        os.close(at)


def _written(file: Pruned) -> WrittenFile:
    return WrittenFile(file.name, file.size, file.mtime_ns, file.sha256)


def _sorted(found: list[tuple[float, Pruned]]) -> list[tuple[float, Pruned]]:
    return sorted(found, key=lambda item: (item[0], item[1].name))


def _sum(files: Iterable[Pruned]) -> str:
    parts = []
    for kind, word in (("input", "of the inbox"), ("result", "of results")):
        sizes = [p.size for p in files if p.kind == kind]
        if sizes:
            parts.append(f"{len(sizes)} files {word} ({sum(sizes) / 1e6:.1f} MB)")
    return " and ".join(parts) or "nothing"
