"""What is due: new and changed half-orbits, those whose pause is over, results that were lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from edge import __version__
from edge.errors import ConfigError, InputError, one_line
from edge.events import DaySide, Event, Ignored, Problem, Settling, Waiting
from edge.inbox import InboxFile, Settled, in_range, look_at, path_of, unused_payload, walk
from edge.ledger import (
    DONE,
    SCORED,
    FileRecord,
    HalfOrbitRecord,
    HalfOrbitStatus,
    Ledger,
    Pruned,
)
from edge.observables import Profile
from edge.outputs import is_intact, result_paths, results_digest, summary_payloads
from edge.readers.names import parse_name
from edge.results import WrittenFile

if TYPE_CHECKING:
    from edge.readers.names import FileName

#: Seconds from the beginning of an attempt to the next one; the last holds for all further.
PAUSES_S = (0.0, 60.0, 600.0, 3600.0, 6 * 3600.0)
# Attempts that lie so far back count no more: a few power cuts a month are no verdict.
_EXPIRY_S = 24 * 3600.0
# Between two looks at all results by one process.
_RESULTS_EVERY_S = 600.0
_RESULTS = "/results"
# A size that no file has.
_NEVER = -1
# Rows of the ledger in one transaction, and files alike that are named one by one.
_BATCH = 1000
_NAMED = 3


class HalfOrbitFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a half-orbit that is due.

    Attributes
    ----------
    files : tuple of InboxFile
        All that lie in the inbox.
    missing : tuple of str
        What its result was made from that is no longer in the inbox, and whose payload no
        other file has.
    attempts : int
        On these very files, that did not come to an end.
    crashed : bool
        Whether the last one ended the process.
    has_result : bool
        Whether a result is in the output folder.
    again : bool
        Whether it is due for another reason than new files.
    record : HalfOrbitRecord or None
        What became of it before.
    """

    key: str
    files: tuple[InboxFile, ...]
    missing: tuple[str, ...]
    attempts: int
    crashed: bool
    has_result: bool
    again: bool
    record: HalfOrbitRecord | None

    @property
    def named(self) -> dict[Path, FileName]:
        """The files with what their names say."""
        return {f.path: f.name for f in self.files if f.name is not None}

    @property
    def night_side(self) -> bool:
        """Which side it is of, as the names of its files tell; they agree in that."""
        return next(iter(self.named.values())).night_side


class _Refused:
    """Files that are not scored, told by reason, so that thousands alike make one line."""

    def __init__(self) -> None:
        self._found: dict[str, list[tuple[str, str]]] = {}
        self._count: dict[str, int] = {}

    def add(self, problem: InputError) -> None:
        names = self._found.setdefault(problem.reason, [])
        self._count[problem.reason] = self._count.get(problem.reason, 0) + 1
        if len(names) < _NAMED:
            names.append((str(problem), _name(problem)))

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield lines, each with the name of its file."""
        for reason, names in self._found.items():
            more = self._count[reason] - len(names)
            yield from names[:-1]
            line, name = names[-1]
            yield line + (f" (and {more} more files)" if more else ""), name


class Planner:
    """Finds what is to be done about one inbox and one output folder.

    Parameters
    ----------
    profile : Profile
        Its payloads make a half-orbit complete; files of others are left alone.
    parameters : str
        Fingerprint of bundle, runtime and options.
    settle, wait : float
        Seconds that a file must be unchanged, and that an incomplete half-orbit is held
        back after its newest file came.
    clock : callable
        Seconds since 1970.
    """

    def __init__(
        self,
        inbox: Path,
        out: Path,
        profile: Profile,
        parameters: str,
        *,
        settle: float,
        wait: float,
        clock: Callable[[], float],
    ) -> None:
        self._inbox, self._out = inbox, out
        self._profile, self._parameters = profile, parameters
        self._settled, self._complete = Settled(settle), Settled(wait)
        self._clock = clock
        # What cannot be looked at is told once by a process that keeps watching, and again where
        # it was seen to in between; each run of cron tells it anew.
        self._told: set[str] = set()
        self._told_before: set[str] = set()
        self._blind: list[str] = []
        # Folders that were looked into, and those of them where something is left to do.
        self._looked: dict[str, str] = {}
        self._unfinished: set[str] = set()
        self._results_looked = -_RESULTS_EVERY_S
        self._stored: dict[str, tuple[str, float]] = {}

    def due(self, ledger: Ledger) -> Iterator[Event | HalfOrbitFiles]:
        """Look at the inbox once and find what is to be scored.

        Yields
        ------
        Event or HalfOrbitFiles
            Half-orbits that are to be scored, new ones first and the newest of them before
            the others. Then what became of files that are not.

        Raises
        ------
        InputError
            The inbox cannot be listed.
        """
        now = self._clock()
        self._looked, self._unfinished, self._blind = {}, set(), []
        self._told_before, self._told = self._told, set()
        self._settled.pending, self._complete.pending = {}, {}
        self._stored = ledger.waiting()
        fresh: dict[str, list[InboxFile]] = {}
        refused, malformed = _Refused(), _Refused()
        batch: list[FileRecord] = []
        for item in self._new_files(ledger):
            if isinstance(item, Problem):
                yield item
            elif item.problem is not None and item.problem.transient:
                self._leave(item)
                yield from self._tell(str(item.problem), _key_of(item))
            elif not self._settled(item, "settle", self._stored, now):
                self._leave(item)
                yield Settling(item.key)
            elif (refusal := self._refusal(item)) is not None:
                record = ledger.file(item.key)
                if record is not None and record.reason == refusal.reason:
                    continue
                (malformed if item.malformed else refused).add(refusal)
                made = FileRecord.of(
                    item, "failed" if item.malformed else "ignored", refusal.reason
                )
                if record is not None and record.half_orbit and item.name is None:
                    # A link to a payload that now leads nowhere: its half-orbit misses it.
                    made = replace(made, half_orbit=record.half_orbit, status=record.status)
                batch.append(made)
                if len(batch) >= _BATCH:
                    ledger.record(batch)
                    batch = []
            else:
                assert item.name is not None
                fresh.setdefault(item.name.half_orbit, []).append(item)
        yield from (Problem(*found) for found in malformed.lines())
        if batch:
            ledger.record(batch)
        lost = self._lost_results(ledger)
        given_up = [h.key for h in ledger.given_up()]
        for key in (*ledger.due(now, PAUSES_S[-1]), *lost):
            fresh.setdefault(key, [])
        works: list[HalfOrbitFiles] = []
        came_back: list[str] = []
        for key, files in fresh.items():
            planned = self._plan(key, files, ledger, now)
            if isinstance(planned, HalfOrbitFiles):
                works.append(planned)
            elif isinstance(planned, Ignored):
                came_back.append(planned.message)
            elif planned is not None:
                for file in files:
                    self._leave(file)
                yield planned
            elif key in lost:
                yield from self._say_lost(key, lost[key], ledger)
        for key in given_up:
            # To take its files away is to have seen to it.
            if all(self._is_gone(f.path) for f in ledger.files_of(key)):
                self._all_gone(key, ledger)
        yield from self._record_day_sides([w for w in works if not w.night_side], ledger, now)
        works = [w for w in works if w.night_side]
        for work in sorted(works, key=_rank, reverse=True):
            if not work.missing and work.key not in lost and self._held_back(work, now):
                for file in work.files:
                    self._leave(file)
                yield Waiting(work.key)
            else:
                yield work
        yield from (Ignored(*found) for found in refused.lines())
        if came_back:
            # A mirror brings them all again, at each of its runs.
            others = f" (and {len(came_back) - 1} more half-orbits)" if came_back[1:] else ""
            yield Ignored(came_back[0] + others)

    def _new_files(self, ledger: Ledger) -> Iterator[InboxFile | Problem]:
        """Yield files that are new or changed, and folders that cannot be looked into."""
        profile, parameters = self._profile.name, self._parameters
        problems: list[InputError] = []

        def blind(key: str, error: InputError) -> None:
            self._blind.append(key)
            problems.append(error)

        for folder, digest in walk(self._inbox, self._out, blind):
            mark = f"{digest} {parameters}"
            if ledger.folder_digest(folder.key) == mark:
                continue
            self._looked[folder.key] = mark
            try:
                yield from folder.files(
                    lambda key, s: ledger.finished(
                        key,
                        (s.st_size, in_range(s.st_mtime_ns), in_range(s.st_ctime_ns)),
                        parameters,
                        profile,
                    )
                )
            except FileNotFoundError:
                # Moved away meanwhile.
                self._unfinished.add(folder.key)
            except OSError as error:
                blind(folder.key, InputError(folder.path, error.strerror or str(error)))
        for problem in problems:
            yield from self._tell(str(problem), _name(problem))

    def _tell(self, text: str, key: str) -> Iterator[Problem]:
        if text not in self._told_before:
            yield Problem(text, key)
        self._told.add(text)

    def _refusal(self, file: InboxFile) -> InputError | None:
        """Say why a file is not for us, or give None."""
        if file.name is None:
            return file.problem
        return unused_payload(file.path, file.name, self._profile)

    def _leave(self, file: InboxFile) -> None:
        """Look again next time into the folder of a file about which something is to do."""
        self._unfinished.add(file.key[: file.key.rfind("/") + 1])

    def _plan(
        self, key: str, fresh: list[InboxFile], ledger: Ledger, now: float
    ) -> HalfOrbitFiles | Waiting | Ignored | None:
        """Put a half-orbit together, its files that did not change with it.

        None where all its files are gone; it waits where one of them cannot be looked at for
        now, or still grows: without that one its result would be less than it was.
        """
        record = ledger.half_orbit(key)
        known = {f.path: f for f in ledger.files_of(key)}
        files = {f.key: f for f in fresh}
        gone = []
        unseen = False
        for path, old in known.items():
            if path in files or old.status == "ignored":
                continue
            if self._is_gone(path):
                gone.append(old)
                continue
            try:
                file = look_at(path_of(self._inbox, path), path)
            except OSError:
                unseen = True
                continue
            if file.problem is not None and file.problem.transient:
                unseen = True
            elif self._refusal(file) is None:
                files[path] = file
            else:
                # A link now leads nowhere, or to something else.
                gone.append(old)
        if unseen:
            return Waiting(key)
        pruned = ledger.pruned(key)
        # A result that retention removed was one all the same: no part of its files makes another.
        has_result = result_paths(self._out, key)[0].is_file() or any(
            p.kind == "result" for p in pruned
        )
        if not files:
            self._all_gone(key, ledger)
            return None
        for file in files.values():
            if file.key in known and known[file.key].differs(file) and file not in fresh:
                # Told by its own name, and looked at again.
                self._leave(file)
                return Waiting(key)
        names = [f.name for f in files.values() if f.name is not None]
        payloads = {name.payload for name in names}
        missing: list[str] = []
        if has_result and record is not None:
            missing = [
                f.path
                for f in gone
                if f.status in ("done", "running") and not _came_again(f.path, names)
            ]
        elif has_result:
            # The ledger was lost: the result itself says what it was made from.
            missing = sorted(set(summary_payloads(self._out, key)) - payloads)
        if record is not None and (again := self._came_back(files, known, pruned, record, ledger)):
            ledger.record(again)
            return Ignored(
                f"{key}: {', '.join(f.path for f in again)} came again after retention removed "
                "it; the half-orbit is done, and is not scored again"
            )
        same = all(f.key in known and not known[f.key].differs(f) for f in files.values())
        attempts = 0
        if record is not None and same and record.parameters == self._parameters:
            fresh_enough = now - record.tried_at < _EXPIRY_S
            attempts = record.attempts if fresh_enough else 0
        return HalfOrbitFiles(
            key=key,
            files=tuple(sorted(files.values(), key=lambda f: f.key)),
            missing=tuple(missing),
            attempts=attempts,
            crashed=record is not None and record.status == "running",
            has_result=has_result,
            again=record is not None and same,
            record=record,
        )

    def _record_day_sides(
        self, works: list[HalfOrbitFiles], ledger: Ledger, now: float
    ) -> Iterator[Event]:
        """Record half-orbits of the day side, whose files are not opened.

        Results of an earlier release stay where they are, and are no longer watched over.
        """
        for start in range(0, len(works), _BATCH):
            batch = works[start : start + _BATCH]
            ledger.record(
                [FileRecord.of(f, "day") for work in batch for f in work.files],
                day_sides=[self._day_side(work, now) for work in batch],
                now=now,
            )
            for work in batch:
                if work.record is not None and work.record.revision:
                    ledger.forget_results(work.key)
                yield DaySide(work.key)

    def _day_side(self, work: HalfOrbitFiles, now: float) -> HalfOrbitRecord:
        names = work.named.values()
        before = work.record
        return HalfOrbitRecord(
            key=work.key,
            status="day",
            parameters=self._parameters,
            tried_at=now,
            code_version=__version__,
            first_seen=now if before is None else before.first_seen,
            done_at=now,
            revision=0 if before is None else before.revision,
            side="day",
            start=_stamp(min(name.start for name in names)),
            end=_stamp(max(name.end for name in names)),
        )

    def _came_back(
        self,
        files: Mapping[str, InboxFile],
        known: Mapping[str, FileRecord],
        pruned: Iterable[Pruned],
        record: HalfOrbitRecord,
        ledger: Ledger,
    ) -> list[FileRecord]:
        """Make new rows of files that retention removed and that a mirror brought again.

        Empty where anything else is to be done: another file is with them, another bundle asks
        for them, or a result was lost.
        """
        removed = {p.name: (p.size, p.mtime_ns) for p in pruned if p.kind == "input"}
        again = [f for f in files.values() if removed.get(f.key) == (f.size, f.mtime_ns)]
        again = [f for f in again if f.key in known and known[f.key].differs(f)]
        others = [f for f in files.values() if f not in again]
        if (
            not again
            or record.status not in DONE
            or record.retry_at is not None
            or record.parameters != self._parameters
            or any(known[f.key].status not in DONE for f in again)
            or any(f.key not in known or known[f.key].differs(f) for f in others)
            or any(known[f.key].status not in DONE for f in others)
        ):
            return []
        results = ledger.results_of(record.key)
        if not all(is_intact(self._out, r) for r in results):
            return []
        if not results and not any(p.kind == "result" for p in pruned):
            return []
        return [FileRecord.of(f, known[f.key].status) for f in again]

    def _all_gone(self, key: str, ledger: Ledger) -> None:
        """Try a half-orbit no more whose files someone took away, nor say that it failed.

        What was not done with them counts as new where they come back: the inbox may be a
        disk that was not mounted for a while.
        """
        record = ledger.half_orbit(key)
        if record is not None and (record.retry_at is not None or record.status == "given up"):
            status: HalfOrbitStatus = record.status if record.status in SCORED else "failed"
            undone = [f for f in ledger.files_of(key) if f.status in ("running", "failed")]
            ledger.record(
                [replace(f, size=_NEVER) for f in undone],
                replace(record, status=status, retry_at=None),
            )

    def _is_gone(self, key: str) -> bool:
        """Whether someone took a file away; not where it only cannot be seen."""
        if any(key.startswith(folder) for folder in self._blind):
            return False
        try:
            path_of(self._inbox, key).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return False

    def _held_back(self, work: HalfOrbitFiles, now: float) -> bool:
        names = list(work.named.values())
        mission = names[0].mission
        # Burst and survey files of one instrument stand for each other.
        sources = {
            o.sources[mission].payloads for o in self._profile.observables if mission in o.sources
        }
        here = {n.payload for n in names}
        if all(here.intersection(payloads) for payloads in sources):
            return False
        old_enough = [self._complete(f, "wait", self._stored, now) for f in work.files]
        return not all(old_enough)

    def _lost_results(self, ledger: Ledger) -> dict[str, list[WrittenFile]]:
        """Find results that were deleted, emptied or cut short, by half-orbit.

        Nothing is read where the folder looks as it did when all were found whole.
        """
        if time.monotonic() - self._results_looked < _RESULTS_EVERY_S:
            return {}
        self._results_looked = time.monotonic()
        try:
            digest = results_digest(self._out)
        except OSError as error:
            raise ConfigError(f"output folder {self._out.name}: {error.strerror}") from None
        if ledger.folder_digest(_RESULTS) == digest:
            return {}
        lost: dict[str, list[WrittenFile]] = {}
        for key, file in ledger.results():
            if not is_intact(self._out, file):
                lost.setdefault(key, []).append(file)
        if not lost:
            self._looked[_RESULTS] = digest
        return lost

    def _say_lost(self, key: str, files: list[WrittenFile], ledger: Ledger) -> Iterator[Event]:
        """Tell of results that cannot be made again, or forget those that someone removed."""
        left = [f.name for f in files if (self._out / f.name).exists()]
        if not left and not any(p.exists() for p in result_paths(self._out, key)):
            ledger.forget_results(key)
            return
        names = ", ".join(left or [f.name for f in files])
        yield Problem(
            f"output folder {self._out.name}: {names}: changed or missing since it was written, "
            f"and the files of {key} are no longer in the inbox: put them back, or remove what "
            "is left of the result",
            key,
        )

    def remember(self, ledger: Ledger, wrote: bool) -> None:
        """Store what need not be looked at again; nothing where nothing changed."""
        if wrote:
            self._looked.pop(_RESULTS, None)
        # A folder may be closed between the look that sums it up and the one that lists it.
        unfinished = self._unfinished.union(self._blind)
        marks = {k: m for k, m in self._looked.items() if k not in unfinished}
        for key in unfinished:
            if ledger.folder_digest(key):
                marks[key] = ""
        waiting = self._settled.pending | self._complete.pending
        if marks or waiting != self._stored:
            ledger.remember(marks, waiting)


def _rank(work: HalfOrbitFiles) -> tuple[bool, int, datetime]:
    """Sorts what is new, and the newest of it, to the end."""
    return (not work.again, -work.attempts, max(name.start for name in work.named.values()))


def _name(problem: InputError) -> str:
    """Name of the file as the problem's own line begins with it."""
    return one_line(problem.path.name)


def _key_of(file: InboxFile) -> str:
    return file.key if file.name is None else file.name.half_orbit


def _stamp(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds") + "Z"


def _came_again(path: str, names: Iterable[FileName]) -> bool:
    """Whether a file that is gone lies here in another place or version, over the same time."""
    try:
        old = parse_name(PurePosixPath(path).name)
    except InputError:
        return True
    return any(
        name.payload == old.payload
        and ((name.start < old.end and old.start < name.end) or name.start == old.start)
        for name in names
    )
