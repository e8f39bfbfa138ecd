"""Files in, results out, nothing lost: a loop over the inbox that yields events.

Each turn: scan, leave out what still grows, hold the rest against the ledger, score
the half-orbits that are new or changed, write, then record. Nothing is deleted.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import Busy, ConfigError, InputError
from edge.inbox import Candidate, Settled, scan
from edge.ledger import FileRecord, FileStatus, HalfOrbitRecord, Ledger
from edge.observables import Profile

if TYPE_CHECKING:
    from edge.results import Track
    from edge.scoring import Scorer

LEDGER_FILE = "ledger.sqlite"
_LOCK_FILE = ".lock"
_ARRIVALS = ("created", "modified", "moved", "closed")


@dataclass(frozen=True, slots=True)
class Scored:
    """A half-orbit was scored and its results are on disk."""

    track: Track


@dataclass(frozen=True, slots=True)
class Problem:
    """An input failed; it is in the ledger as failed."""

    message: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A file that is not for us."""

    message: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A half-orbit is held back for its missing payloads."""

    half_orbit: str


@dataclass(frozen=True, slots=True)
class Idle:
    """One look at the inbox is done."""

    half_orbits: int
    failed: int
    waiting: int


Event = Scored | Problem | Ignored | Waiting | Idle


@dataclass(frozen=True, slots=True)
class Work:
    """A half-orbit that is new or changed."""

    key: str
    candidates: tuple[Candidate, ...]


class Stream:
    """The work on one inbox and one output folder.

    Parameters
    ----------
    inbox, out : Path
    profile : Profile
        Its payloads make a half-orbit complete.
    parameters : str
        Fingerprint of bundle and options; where it changes, what still lies in the inbox
        is scored again.
    scorer : callable
        Builds the scorer; called only when there is something to score.
    settle, wait : float
        Seconds that a file must be unchanged, and that an incomplete half-orbit is held
        back after its newest file.
    """

    def __init__(
        self,
        inbox: Path,
        out: Path,
        profile: Profile,
        parameters: str,
        scorer: Callable[[], Scorer],
        settle: float = 0.0,
        wait: float = 0.0,
    ) -> None:
        self._inbox, self._out = inbox, out
        self._profile = profile
        self._parameters = parameters
        self._build_scorer = scorer
        self._scorer: Scorer | None = None
        self._settled = Settled(settle)
        self._complete = Settled(wait)

    def turn(self, ledger: Ledger) -> Iterator[Event]:
        """Look at the inbox once and do what is to be done.

        Parameters
        ----------
        ledger : Ledger

        Yields
        ------
        Event
            An `Idle` comes last.

        Raises
        ------
        InputError
            The inbox cannot be listed.
        ConfigError
            The output folder cannot be written to.
        """
        candidates = [c for c in scan(self._inbox, self._out) if self._settled(c)]
        files, half_orbits = ledger.files(), ledger.half_orbits()
        done = failed = waiting = 0
        for candidate in candidates:
            if candidate.name is None and _changed(candidate, files):
                event = self._refuse(candidate, ledger)
                failed += isinstance(event, Problem)
                yield event
        for work in self._plan(candidates, files, half_orbits):
            missing = _scored_and_gone(work, files, candidates)
            if missing:
                for event in self._keep_earlier(work, missing, files, ledger):
                    failed += 1
                    yield event
                continue
            if self._held_back(work):
                waiting += 1
                yield Waiting(work.key)
                continue
            for event in self._score(work, ledger):
                done += isinstance(event, Scored)
                failed += isinstance(event, Problem)
                yield event
        yield Idle(done, failed, waiting)

    def _plan(
        self,
        candidates: list[Candidate],
        files: dict[str, FileRecord],
        half_orbits: dict[str, HalfOrbitRecord],
    ) -> Iterator[Work]:
        groups: dict[str, list[Candidate]] = {}
        for candidate in candidates:
            if candidate.name is not None:
                groups.setdefault(candidate.name.half_orbit, []).append(candidate)
        for key in sorted(groups):
            group = groups[key]
            record = half_orbits.get(key)
            new = record is None or any(_changed(c, files) for c in group)
            stale = record is not None and record.parameters != self._parameters
            if new or (stale and not _scored_and_gone(Work(key, tuple(group)), files, group)):
                yield Work(key, tuple(group))

    def _held_back(self, work: Work) -> bool:
        names = [c.name for c in work.candidates if c.name is not None]
        needed = self._profile.payloads(names[0].mission)
        # Burst and survey files of one instrument stand for each other.
        sources = {
            o.sources[names[0].mission].payloads
            for o in self._profile.observables
            if names[0].mission in o.sources
        }
        here = {n.payload for n in names} & needed.keys()
        if all(here.intersection(payloads) for payloads in sources):
            return False
        old_enough = [self._complete(c) for c in work.candidates]
        return not all(old_enough)

    def _score(self, work: Work, ledger: Ledger) -> Iterator[Event]:
        if self._scorer is None:
            self._scorer = self._build_scorer()
        named = {c.path: c.name for c in work.candidates if c.name is not None}
        half_orbit = self._scorer.read(named)
        track = self._scorer.score(half_orbit)
        if track.summary.status == "scored":
            self._write(track)
        errors = {e.path: e for e in half_orbit.failed.values()}
        records = []
        for c in work.candidates:
            error = errors.get(c.path)
            records.append(_record(c, "scored") if error is None else _failure(c, error))
        s = track.summary
        ledger.record(
            records,
            HalfOrbitRecord(
                work.key, s.status, self._parameters, s.windows, s.insufficient, s.alarms
            ),
        )
        for error in errors.values():
            yield Problem(str(error))
        if s.status == "scored":
            yield Scored(track)

    def _write(self, track: Track) -> None:
        from edge.outputs import write_track

        try:
            write_track(self._out, track)
        except OSError as error:
            raise ConfigError(
                f"output folder {self._out.name}: {error.strerror or error}; nothing was recorded"
            ) from None

    def _refuse(self, candidate: Candidate, ledger: Ledger) -> Event:
        error = candidate.problem
        assert error is not None
        status: FileStatus = "failed" if candidate.malformed else "ignored"
        ledger.record([_record(candidate, status, error.reason)])
        return Problem(str(error)) if candidate.malformed else Ignored(str(error))

    def _keep_earlier(
        self, work: Work, missing: list[str], files: dict[str, FileRecord], ledger: Ledger
    ) -> Iterator[Event]:
        """Refuse a late file whose siblings are gone: scoring it alone would lose theirs."""
        for candidate in work.candidates:
            if _changed(candidate, files):
                error = InputError(
                    candidate.path,
                    f"half-orbit {work.key} was scored with {', '.join(missing)}, no longer in "
                    "the inbox; its result is kept: put the files back to score them together",
                )
                ledger.record([_record(candidate, "failed", error.reason)])
                yield Problem(str(error))


@contextmanager
def hold(out: Path) -> Iterator[None]:
    """Hold the output folder against a second process.

    Parameters
    ----------
    out : Path
        Made if it is missing.

    Raises
    ------
    Busy
        Another process holds it.
    ConfigError
        It cannot be made or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigError(f"output folder {out.name}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"output folder {out.name}: another edge-score works on it") from None
        yield
    finally:
        os.close(handle)


def watch(
    stream: Stream, ledger: Ledger, inbox: Path, poll: float, stop: threading.Event
) -> Iterator[Event]:
    """Work until told to stop: after each turn wait for a file event, or `poll` seconds.

    Parameters
    ----------
    stream : Stream
    ledger : Ledger
    inbox : Path
    poll : float
        Seconds.
    stop : threading.Event
        Checked between half-orbits.

    Yields
    ------
    Event
    """
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    bell = threading.Event()

    class Doorbell(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            # Our own reading opens and closes files, and must not ring.
            if event.event_type in _ARRIVALS:
                bell.set()

    observer = Observer()
    try:
        observer.schedule(Doorbell(), str(inbox), recursive=True)
        observer.start()
    except OSError:
        # No inotify watch is left on this machine: the poll alone still finds everything.
        pass
    try:
        while not stop.is_set():
            bell.clear()
            for event in stream.turn(ledger):
                yield event
                if stop.is_set():
                    return
            waited = 0.0
            while waited < poll and not stop.is_set() and not bell.wait(0.5):
                waited += 0.5
    finally:
        if observer.is_alive():
            observer.stop()
            observer.join()


def fingerprint(*parts: object) -> str:
    """Hash of what a result depends on beside its files."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _changed(candidate: Candidate, files: dict[str, FileRecord]) -> bool:
    record = files.get(candidate.key)
    if record is None:
        return True
    if record.transient and os.access(candidate.path, os.R_OK):
        return True
    return (record.size, record.mtime_ns) != (candidate.size, candidate.mtime_ns)


def _scored_and_gone(
    work: Work, files: dict[str, FileRecord], candidates: list[Candidate] | tuple[Candidate, ...]
) -> list[str]:
    here = {c.key for c in candidates}
    return sorted(
        record.path
        for record in files.values()
        if record.half_orbit == work.key and record.status == "scored" and record.path not in here
    )


def _record(candidate: Candidate, status: FileStatus, reason: str = "") -> FileRecord:
    key = None if candidate.name is None else candidate.name.half_orbit
    return FileRecord(candidate.key, candidate.size, candidate.mtime_ns, key, status, reason)


def _failure(candidate: Candidate, error: InputError) -> FileRecord:
    key = None if candidate.name is None else candidate.name.half_orbit
    return FileRecord(
        candidate.key,
        candidate.size,
        candidate.mtime_ns,
        key,
        "failed",
        error.reason,
        error.transient,
    )
