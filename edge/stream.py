"""Files in, results out, nothing lost: a loop over the inbox that yields events.

Each turn: scan, leave out what still grows, hold the rest against the ledger, score
the half-orbits that are new or changed, write, then record. Nothing is deleted.
"""

from __future__ import annotations

import hashlib
import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import ConfigError, EdgeError, InputError, one_line
from edge.events import Event, Idle, Ignored, Problem, Scored, Waiting
from edge.inbox import Candidate, Settled, scan
from edge.ledger import FileRecord, FileStatus, HalfOrbitRecord, Ledger
from edge.observables import Profile

if TYPE_CHECKING:
    from edge.results import Track
    from edge.scoring import Scorer

LEDGER_FILE = "ledger.sqlite"
# A power cut in the middle counts too, so one or two are no proof.
_MOST_ATTEMPTS = 3


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
            attempts = self._attempts(work, half_orbits, files)
            events = (
                self._give_up(work, ledger, f"ended the process {attempts} times in a row")
                if attempts >= _MOST_ATTEMPTS
                else self._score(work, ledger, attempts)
            )
            for event in events:
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

    @staticmethod
    def _attempts(
        work: Work, half_orbits: dict[str, HalfOrbitRecord], files: dict[str, FileRecord]
    ) -> int:
        """Count the attempts on these very files that did not come to an end."""
        record = half_orbits.get(work.key)
        if record is None or record.status != "begun":
            return 0
        known = [files[c.key] for c in work.candidates if c.key in files]
        same = len(known) == len(work.candidates) and not any(
            _differs(c, r) for c, r in zip(work.candidates, known, strict=True)
        )
        return record.attempts if same else 0

    def _give_up(self, work: Work, ledger: Ledger, why: str) -> Iterator[Event]:
        reason = f"half-orbit {work.key} {why}; it is left alone until its files change"
        ledger.record(
            [_record(c, "failed", reason) for c in work.candidates],
            HalfOrbitRecord(work.key, "failed", self._parameters),
        )
        yield Problem(reason)

    def _score(self, work: Work, ledger: Ledger, attempts: int) -> Iterator[Event]:
        if self._scorer is None:
            self._scorer = self._build_scorer()
        # libhdf5 runs in this process: what it takes down must not be tried for ever.
        ledger.record(
            [_record(c, "begun") for c in work.candidates],
            HalfOrbitRecord(work.key, "begun", self._parameters, attempts=attempts + 1),
        )
        named = {c.path: c.name for c in work.candidates if c.name is not None}
        try:
            half_orbit = self._scorer.read(named)
            track = self._scorer.score(half_orbit)
        except EdgeError:
            raise
        except Exception as error:
            # A fault of ours in one half-orbit must not keep the station from all others.
            yield from self._give_up(work, ledger, f"failed with {_describe(error)}")
            return
        if track.summary.status == "scored":
            self._write(track)
        errors = {e.path: e for e in half_orbit.failed.values()}
        records = []
        for c in work.candidates:
            found = errors.get(c.path)
            records.append(_record(c, "scored") if found is None else _failure(c, found))
        s = track.summary
        ledger.record(
            records,
            HalfOrbitRecord(
                work.key, s.status, self._parameters, s.windows, s.insufficient, s.alarms
            ),
        )
        for failure in errors.values():
            yield Problem(str(failure))
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


def fingerprint(*parts: object) -> str:
    """Hash of what a result depends on beside its files."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _describe(error: Exception) -> str:
    """One line on an error that nobody expected, with the place where it arose."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    return one_line(f"{type(error).__name__} at {where}: {error}")


def _differs(candidate: Candidate, record: FileRecord) -> bool:
    return (record.size, record.mtime_ns) != (candidate.size, candidate.mtime_ns)


def _changed(candidate: Candidate, files: dict[str, FileRecord]) -> bool:
    record = files.get(candidate.key)
    if record is None:
        return True
    if record.transient and os.access(candidate.path, os.R_OK):
        return True
    return _differs(candidate, record) or record.status == "begun"


def _scored_and_gone(
    work: Work, files: dict[str, FileRecord], candidates: list[Candidate] | tuple[Candidate, ...]
) -> list[str]:
    here = {c.key for c in candidates}
    return sorted(
        record.path
        for record in files.values()
        if record.half_orbit == work.key
        and record.status in ("scored", "begun")
        and record.path not in here
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
