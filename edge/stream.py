"""Files in, results out, nothing lost: a loop over the inbox that yields events.

Each turn: look for what is new, leave out what still grows, score the half-orbits that are
due, write, then record. Nothing is deleted. Only what is wrong with a file's bytes ends a
half-orbit at the first try; anything else is an attempt, repeated with growing pauses.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from edge import __version__
from edge.errors import (
    ConfigError,
    EdgeError,
    InputError,
    LedgerDamaged,
    LedgerError,
    StationError,
    describe_fault,
)
from edge.events import DaySide, Event, Idle, Problem, Scored, Settling, Waiting
from edge.ledger import FileRecord, HalfOrbitRecord, HalfOrbitStatus, Ledger, begun_anew
from edge.observables import Profile
from edge.outputs import score_to_disk
from edge.plan import PAUSES_S, HalfOrbitFiles, Planner
from edge.results import (
    RESULT_FORMATS,
    ResultFormat,
    ScoredHalfOrbit,
    WindowScore,
    WrittenFile,
)
from edge.station.alarms import StationAlarm, compare, message, write_alarms

if TYPE_CHECKING:
    from edge.scoring import Scorer

#: Attempts after which a half-orbit is given up that ends the process, or meets a fault of
#: ours while the station can score what ships with it.
MAX_ATTEMPTS = 5
# Thousands of damaged files must not cost a check each.
_TRUSTED_S = 10.0
# Places of a track that the ledger keeps.
_PLACES = 12


class Stream:
    """The work on one inbox and one output folder.

    Parameters
    ----------
    profile : Profile
        Its payloads make a half-orbit complete; files of others are left alone.
    parameters : str
        Fingerprint of bundle, runtime and options; where it changes, what still lies in the
        inbox is scored again.
    scorer : callable
        Builds the scorer; called only when there is something to score.
    settle, wait : float
        Seconds that a file must be unchanged, and that an incomplete half-orbit is held
        back after its newest file came.
    station : bool, optional
        Keep the files of recent alarms, and put what changes of them into the outbox.
    formats : collection of str, optional
        See `edge.outputs.write_results`.
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
        station: bool = False,
        formats: Collection[ResultFormat] = RESULT_FORMATS,
    ) -> None:
        self._out, self._parameters = out, parameters
        self._station, self._formats = station, formats
        self._build_scorer = scorer
        self._scorer: Scorer | None = None
        self._checked = -math.inf
        self._planner = Planner(
            inbox,
            out,
            profile,
            parameters,
            settle=settle,
            wait=wait,
            clock=_now,
        )

    def turn(self, ledger: Ledger, enough: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Look at the inbox once and do what is to be done.

        Parameters
        ----------
        ledger : Ledger
            Begun anew where it turns out to be damaged.
        enough : callable, optional
            Asked after each half-orbit; where true, the turn ends with work left, so that
            what came meanwhile is not behind a backlog.

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
        LedgerError
            The ledger cannot be read or written.
        StationError
            This computer cannot score at all; no attempt was counted.
        """
        try:
            try:
                yield from self._turn(ledger, enough)
            except LedgerDamaged as error:
                yield Problem(begun_anew(error, ledger.begin_anew()))
                yield from self._turn(ledger, enough)
        except (OSError, MemoryError) as error:
            # Of the disks or this computer, wherever it came up: a watcher looks again later.
            raise StationError(
                f"this computer cannot go on ({describe_fault(error)}); all will be tried again"
            ) from error

    def _turn(self, ledger: Ledger, enough: Callable[[], bool]) -> Iterator[Event]:
        done = day = failed = waiting = 0
        complete = True
        for item in self.due(ledger):
            events = self._score(item, ledger) if isinstance(item, HalfOrbitFiles) else (item,)
            for event in events:
                done += isinstance(event, Scored)
                day += isinstance(event, DaySide)
                failed += isinstance(event, Problem)
                waiting += isinstance(event, Waiting | Settling)
                yield event
            if isinstance(item, HalfOrbitFiles) and enough():
                complete = False
                break
        if complete:
            self._planner.remember(ledger, wrote=done > 0)
        yield Idle(
            half_orbits=done,
            failed=failed,
            waiting=waiting,
            given_up=len(ledger.given_up()),
            retry=ledger.to_retry(),
            day=day,
        )

    def due(self, ledger: Ledger) -> Iterator[Event | HalfOrbitFiles]:
        """Look at the inbox once and find what is to be scored.

        Yields
        ------
        Event or HalfOrbitFiles
            Half-orbits that are to be scored, new ones first and the newest of them before
            the others; of each `conclude`, `fail` or `give_up` must be
            told. Then what became of files
            that are not.

        Raises
        ------
        InputError
            The inbox cannot be listed.
        StationError
            This computer cannot score at all.
        """
        for item in self._planner.due(ledger):
            if not isinstance(item, HalfOrbitFiles):
                yield item
            elif item.missing:
                yield from self._keep_earlier(item, ledger)
            elif item.crashed and item.attempts >= MAX_ATTEMPTS:
                check_station(self._ready())
                why = f"ended the process {item.attempts} times in a row"
                yield from self.give_up(item, ledger, why)
            else:
                yield item

    def give_up(self, work: HalfOrbitFiles, ledger: Ledger, why: str) -> Iterator[Event]:
        """Record a half-orbit that is not to be tried again, and say why.

        Parameters
        ----------
        why : str
            What it did.
        """
        reason = f"half-orbit {work.key} {why}; it is left alone until its files change"
        ledger.record(
            [FileRecord.of(f, "failed", reason) for f in work.files],
            self._record(work, "given up", attempts=work.attempts, reason=reason),
        )
        yield Problem(reason, work.key)

    def fail(self, work: HalfOrbitFiles, ledger: Ledger, why: str) -> Iterator[Event]:
        """Record an attempt that failed though no file was found to be wrong, and say so.

        Parameters
        ----------
        why : str
            What happened.
        """
        attempts = work.attempts + 1
        if attempts >= MAX_ATTEMPTS:
            yield from self.give_up(work, ledger, f"{why}, {attempts} times in a row")
            return
        ledger.record(
            [FileRecord.of(f, "failed", why) for f in work.files],
            self._record(work, "retry", attempts=attempts, reason=why, retry=True),
        )
        yield Problem(
            f"half-orbit {work.key} {why}; attempt {attempts} of {MAX_ATTEMPTS}, the next in "
            f"{_pause(attempts):.0f} s or later",
            work.key,
        )

    def conclude(
        self,
        work: HalfOrbitFiles,
        scored: ScoredHalfOrbit,
        written: list[WrittenFile],
        ledger: Ledger,
    ) -> Iterator[Event]:
        """Record what became of a half-orbit, and say it.

        Parameters
        ----------
        written : list of WrittenFile
            As `edge.outputs.score_to_disk` gives them.
        """
        failures = {f.path: f for f in scored.failures}
        s = scored.summary
        # The machine's fault with a file: its half-orbit is read again after a pause.
        retry = any(f.transient for f in scored.failures)
        status: HalfOrbitStatus = "done" if s.windows > s.insufficient else "insufficient"
        if s.status == "failed":
            status = "retry" if retry else "failed"
        before = ledger.alarms(work.key)
        record = self._record(
            work,
            status,
            scored=scored if written else None,
            same=_contents(written) == _contents(ledger.results_of(work.key)),
            attempts=work.attempts + 1 if retry else 0,
            reason="; ".join(f.message for f in scored.failures),
            retry=retry,
        )
        alarms = before
        news: list[StationAlarm] = []
        if written:
            alarms, news = compare(before, scored.alarms, record.revision, _now())
        if alarms != before and self._station:
            others = [a for a in ledger.alarms() if a.half_orbit != work.key]
            try:
                write_alarms(self._out, sorted([*others, *alarms], key=lambda a: a.time))
            except OSError as error:
                # Of the disk, as with the results: no attempt counts against the half-orbit.
                raise ConfigError(
                    f"output folder {self._out.name}: {error.strerror or error}; alarms of "
                    f"{work.key} will be written again"
                ) from None
        ledger.record(
            [
                FileRecord.of(f, "failed", failures[f.path].reason, failures[f.path].transient)
                if f.path in failures
                else FileRecord.of(f, "done")
                for f in work.files
            ],
            record,
            written or None,
            alarms,
            map(message, news) if self._station else (),
            now=_now(),
        )
        kept = f"; the earlier result of {work.key} is kept" if work.has_result else ""
        for failure in scored.failures:
            yield Problem(failure.message + (kept if s.status == "failed" else ""), work.key)
        if s.status == "scored":
            yield Scored(scored, record.revision, tuple(news))

    def _record(
        self,
        work: HalfOrbitFiles,
        status: HalfOrbitStatus,
        *,
        attempts: int,
        scored: ScoredHalfOrbit | None = None,
        same: bool = False,
        reason: str = "",
        retry: bool = False,
    ) -> HalfOrbitRecord:
        """Carry the record of a half-orbit on; of its results, only where there are new ones."""
        now = _now()
        record = replace(
            work.record
            or HalfOrbitRecord(key=work.key, status=status, parameters="", first_seen=now),
            status=status,
            parameters=self._parameters,
            attempts=attempts,
            tried_at=now,
            retry_at=now + _pause(attempts) if retry else None,
            reason=reason,
            code_version=__version__,
        )
        if status in ("failed", "given up"):
            record = replace(record, done_at=now)
        if scored is None:
            return record
        s = scored.summary
        return replace(
            record,
            windows=s.windows,
            insufficient=s.insufficient,
            alarms=s.alarms,
            runtime=s.runtime,
            done_at=now,
            revision=record.revision + (not same),
            side=s.side,
            start=s.start,
            end=s.end,
            peak=max((w.score for w in scored.windows if w.score is not None), default=None),
            track=thinned(scored.windows),
        )

    def _score(self, work: HalfOrbitFiles, ledger: Ledger) -> Iterator[Event]:
        scorer = self._ready()
        if work.crashed and work.attempts:
            # What ended the process may be the station's (memory, a library): then the check
            # ends it too, and what is not begun is not counted.
            self._check_station()
        # libhdf5 runs in this process: what it takes down must not be tried for ever.
        running = [FileRecord.of(f, "running") for f in work.files]
        ledger.record(
            running, self._record(work, "running", attempts=work.attempts + 1, retry=True)
        )
        try:
            try:
                scored, written = score_to_disk(scorer, self._out, work.named, self._formats)
                if any(not f.transient for f in scored.failures):
                    # Libraries that lack memory or are half replaced call good bytes damaged.
                    self._check_station(trusted_s=_TRUSTED_S)
            except EdgeError:
                raise
            except Exception as error:
                # Ours in this one half-orbit, or this computer's in any: that decides whether
                # the attempt counts.
                self._check_station(error)
                yield from self.fail(work, ledger, f"failed with {describe_fault(error)}")
            else:
                yield from self.conclude(work, scored, written, ledger)
        except EdgeError:
            # A full disk is no fault of the half-orbit, be it that of the results or of the
            # ledger: the attempt does not count.
            with contextlib.suppress(LedgerError):
                ledger.record([], self._record(work, "running", attempts=work.attempts, retry=True))
            raise

    def _ready(self) -> Scorer:
        if self._scorer is None:
            try:
                self._scorer = self._build_scorer()
            except EdgeError:
                raise
            except Exception as error:
                raise StationError(_cannot(error)) from error
        return self._scorer

    def _check_station(self, cause: Exception | None = None, trusted_s: float = 0.0) -> None:
        """Score what ships with the package; where that fails, no half-orbit is to blame.

        Parameters
        ----------
        cause : Exception, optional
            What is told in place of the check's own failure.
        trusted_s : float, optional
            An earlier check holds for so long.
        """
        if time.monotonic() - self._checked < trusted_s:
            return
        check_station(self._ready(), cause)
        self._checked = time.monotonic()

    def _keep_earlier(self, work: HalfOrbitFiles, ledger: Ledger) -> Iterator[Event]:
        """Refuse a late file whose siblings are gone: scoring it alone would lose theirs."""
        pruned = ledger.pruned(work.key)
        by_us = {p.name for p in pruned}.issuperset(work.missing)
        where = "removed from the inbox by retention" if by_us else "no longer in the inbox"
        kept = "counts are" if any(p.kind == "result" for p in pruned) else "result is"
        for file in work.files:
            record = ledger.file(file.key)
            if record is None or record.differs(file):
                error = InputError(
                    file.path,
                    f"half-orbit {work.key} was scored with {', '.join(work.missing)}, {where}; "
                    f"its {kept} kept: put the files back to score them together",
                )
                ledger.record([FileRecord.of(file, "refused", error.reason)])
                yield Problem(str(error), work.key)


def check_station(scorer: Scorer, cause: Exception | None = None) -> None:
    """Score what ships with the package; where that fails, no half-orbit is to blame.

    Parameters
    ----------
    cause : Exception, optional
        The fault that raised the question.

    Raises
    ------
    StationError
        This computer cannot score.
    """
    try:
        scorer.check()
    except Exception as error:
        raise StationError(_cannot(cause or error)) from error


def _cannot(error: Exception) -> str:
    return (
        "this computer cannot score even what ships with the package "
        f"({describe_fault(error)}); no half-orbit is to blame, and all will be tried again"
    )


def _contents(files: list[WrittenFile]) -> set[str]:
    return {file.sha256 for file in files}


def thinned(windows: list[WindowScore]) -> str:
    """Write a few places along the track as JSON, each with the highest score about it."""
    step = -(-len(windows) // _PLACES) or 1
    parts = [windows[at : at + step] for at in range(0, len(windows), step)]
    places = [
        [
            part[len(part) // 2].longitude,
            part[len(part) // 2].latitude,
            max((w.score for w in part if w.score is not None), default=None),
        ]
        for part in parts
    ]
    return msgspec.json.encode(places).decode()


def _pause(attempts: int) -> float:
    """Seconds from the beginning of the last of so many attempts to the next one."""
    return PAUSES_S[min(max(attempts, 1), len(PAUSES_S)) - 1]


def _now() -> float:
    return time.time()
