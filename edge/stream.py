"""Files in, results out, nothing lost: a loop over the inbox that yields events.

Each turn: scan, leave out what still grows, hold the rest against the ledger, score
the half-orbits that are new or changed, write, then record. Nothing is deleted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import EdgeError, InputError, LedgerError, describe_fault
from edge.events import Event, Idle, Ignored, Problem, Scored, Waiting
from edge.inbox import Candidate, Settled, scan, unused_payload
from edge.ledger import FileRecord, FileStatus, HalfOrbitRecord, Ledger
from edge.observables import Profile
from edge.outcome import Failure, Outcome, score_to_disk
from edge.plan import Plan, Work

if TYPE_CHECKING:
    from edge.readers.names import FileName
    from edge.scoring import Scorer

LEDGER_FILE = "ledger.sqlite"
# A power cut or a time limit in the middle counts too, so a few are no proof.
_MOST_ATTEMPTS = 5


class Stream:
    """The work on one inbox and one output folder.

    Parameters
    ----------
    inbox, out : Path
    profile : Profile
        Its payloads make a half-orbit complete; files of others are left alone.
    parameters : str
        Fingerprint of bundle and options; where it changes, what still lies in the inbox
        is scored again.
    scorer : callable
        Builds the scorer; called only when there is something to score.
    settle, wait : float
        Seconds that a file must be unchanged, and that an incomplete half-orbit is held
        back after its newest file came.
    night_side_only : bool, optional
        Leave day-side half-orbits alone; they have no windows.
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
        night_side_only: bool = False,
    ) -> None:
        self._inbox, self._out = inbox, out
        self._profile = profile
        self._parameters = parameters
        self._build_scorer = scorer
        self._scorer: Scorer | None = None
        self._settled = Settled(settle)
        self._complete = Settled(wait)
        self._night_side_only = night_side_only
        self._told: set[str] = set()

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
        done = failed = waiting = 0
        for event in self._events(ledger):
            done += isinstance(event, Scored)
            failed += isinstance(event, Problem)
            waiting += isinstance(event, Waiting)
            yield event
        yield Idle(done, failed, waiting)

    def _events(self, ledger: Ledger) -> Iterator[Event]:
        for item in self.due(ledger):
            if isinstance(item, Work):
                yield from self._score(item, ledger)
            else:
                yield item

    def due(self, ledger: Ledger) -> Iterator[Event | Work]:
        """Look at the inbox once and find what is to be scored.

        Parameters
        ----------
        ledger : Ledger

        Yields
        ------
        Event or Work
            What became of files that are not to be scored, and half-orbits that are; of
            the latter `conclude` must be told.

        Raises
        ------
        InputError
            The inbox cannot be listed.
        """
        look = scan(self._inbox, self._out)
        for error in look.blind:
            # Told once by a process that keeps watching; each run of cron tells it anew.
            if str(error) not in self._told:
                self._told.add(str(error))
                yield Problem(str(error))
        candidates = [c for c in look.candidates if self._settled(c)]
        files = ledger.files()
        ours: list[Candidate] = []
        for candidate in candidates:
            if self._night_side_only and candidate.name and not candidate.name.night_side:
                continue
            refusal = self._refusal(candidate)
            if refusal is None:
                ours.append(candidate)
            elif candidate.key not in files or files[candidate.key].differs(candidate):
                yield self._refuse(candidate, refusal, ledger)
        plan = Plan(ours, files, ledger.half_orbits(), look, self._out, self._parameters)
        for work in plan.works():
            if work.missing:
                yield from self._keep_earlier(work, files, ledger)
            elif self._held_back(work):
                yield Waiting(work.key)
            elif work.attempts >= _MOST_ATTEMPTS:
                why = f"ended the process {work.attempts} times in a row"
                yield from self.give_up(work, ledger, why)
            else:
                yield work

    def _refusal(self, candidate: Candidate) -> InputError | None:
        """Say why a file is not for us, or give None."""
        if candidate.name is None:
            return candidate.problem
        return unused_payload(candidate.path, candidate.name, self._profile)

    def _held_back(self, work: Work) -> bool:
        names = [c.name for c in work.candidates if c.name is not None]
        mission = names[0].mission
        # Burst and survey files of one instrument stand for each other.
        sources = {
            o.sources[mission].payloads for o in self._profile.observables if mission in o.sources
        }
        here = {n.payload for n in names}
        if all(here.intersection(payloads) for payloads in sources):
            return False
        old_enough = [self._complete(c) for c in work.candidates]
        return not all(old_enough)

    def give_up(self, work: Work, ledger: Ledger, why: str) -> Iterator[Event]:
        """Record a half-orbit that is not to be tried again, and say why.

        Parameters
        ----------
        work : Work
        ledger : Ledger
        why : str
            What it did.

        Yields
        ------
        Event
        """
        reason = f"half-orbit {work.key} {why}; it is left alone until its files change"
        ledger.record(
            [_record(c, "failed", reason) for c in work.candidates],
            HalfOrbitRecord(work.key, "failed", self._parameters),
        )
        yield Problem(reason)

    def _score(self, work: Work, ledger: Ledger) -> Iterator[Event]:
        if self._scorer is None:
            self._scorer = self._build_scorer()
        begun = HalfOrbitRecord(work.key, "begun", self._parameters, attempts=work.attempts + 1)
        # libhdf5 runs in this process: what it takes down must not be tried for ever.
        ledger.record([_record(c, "begun") for c in work.candidates], begun)
        try:
            outcome = score_to_disk(self._scorer, self._out, named_files(work))
        except EdgeError:
            # A full disk is no fault of the half-orbit: the attempt does not count.
            with contextlib.suppress(LedgerError):
                ledger.record(
                    [], HalfOrbitRecord(work.key, "begun", self._parameters, attempts=work.attempts)
                )
            raise
        except Exception as error:
            # A fault of ours in one half-orbit must not keep the station from all others.
            yield from self.give_up(work, ledger, f"failed with {describe_fault(error)}")
            return
        yield from self.conclude(work, outcome, ledger)

    def conclude(self, work: Work, outcome: Outcome, ledger: Ledger) -> Iterator[Event]:
        """Record what became of a half-orbit, and say it.

        Parameters
        ----------
        work : Work
        outcome : Outcome
        ledger : Ledger

        Yields
        ------
        Event
        """
        failures = {f.path: f for f in outcome.failures}
        s = outcome.track.summary
        ledger.record(
            [
                _failure(c, failures[c.path]) if c.path in failures else _record(c, "scored")
                for c in work.candidates
            ],
            HalfOrbitRecord(
                work.key, s.status, self._parameters, s.windows, s.insufficient, s.alarms
            ),
        )
        kept = f"; the earlier result of {work.key} is kept" if work.has_result else ""
        for failure in outcome.failures:
            yield Problem(failure.message + (kept if s.status == "failed" else ""))
        if s.status == "scored":
            yield Scored(outcome.track)

    def _refuse(self, candidate: Candidate, why: InputError, ledger: Ledger) -> Event:
        status: FileStatus = "failed" if candidate.malformed else "ignored"
        ledger.record([_record(candidate, status, why.reason)])
        return Problem(str(why)) if candidate.malformed else Ignored(str(why))

    def _keep_earlier(
        self, work: Work, files: dict[str, FileRecord], ledger: Ledger
    ) -> Iterator[Event]:
        """Refuse a late file whose siblings are gone: scoring it alone would lose theirs."""
        for candidate in work.candidates:
            record = files.get(candidate.key)
            if record is None or record.differs(candidate):
                error = InputError(
                    candidate.path,
                    f"half-orbit {work.key} was scored with {', '.join(work.missing)}, no longer "
                    "in the inbox; its result is kept: put the files back to score them together",
                )
                ledger.record([_record(candidate, "refused", error.reason)])
                yield Problem(str(error))


def named_files(work: Work) -> dict[Path, FileName]:
    """Files of a half-orbit with what their names say."""
    return {c.path: c.name for c in work.candidates if c.name is not None}


def _record(
    candidate: Candidate, status: FileStatus, reason: str = "", transient: bool = False
) -> FileRecord:
    key = None if candidate.name is None else candidate.name.half_orbit
    return FileRecord(
        candidate.key,
        candidate.size,
        candidate.mtime_ns,
        candidate.ctime_ns,
        key,
        status,
        reason,
        transient,
    )


def _failure(candidate: Candidate, failure: Failure) -> FileRecord:
    return _record(candidate, "failed", failure.reason, failure.transient)
