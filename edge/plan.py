"""Which half-orbits of the inbox are new or changed, held against the ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edge.errors import InputError
from edge.inbox import Candidate, Scan
from edge.ledger import FileRecord, HalfOrbitRecord
from edge.outputs import result_path
from edge.readers.names import parse_name


@dataclass(frozen=True, slots=True)
class Work:
    """A half-orbit that is new or changed.

    Attributes
    ----------
    key : str
    candidates : tuple of Candidate
        All its files that lie in the inbox.
    missing : tuple of str
        Files that its result was made from, that are no longer in the inbox and whose
        payload no other file has.
    attempts : int
        On these very files, that did not come to an end.
    has_result : bool
        Whether a result is in the output folder.
    """

    key: str
    candidates: tuple[Candidate, ...]
    missing: tuple[str, ...]
    attempts: int
    has_result: bool


class Plan:
    """What is to be done in one turn.

    Parameters
    ----------
    candidates : sequence of Candidate
        Complete files with a name of the profile's payloads.
    files : mapping of str to FileRecord
    half_orbits : mapping of str to HalfOrbitRecord
    look : Scan
        The whole inbox, with what still grows and what could not be listed.
    out : Path
        The output folder.
    parameters : str
        Fingerprint of bundle and options.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        files: Mapping[str, FileRecord],
        half_orbits: Mapping[str, HalfOrbitRecord],
        look: Scan,
        out: Path,
        parameters: str,
    ) -> None:
        self._files, self._half_orbits = files, half_orbits
        self._look, self._out, self._parameters = look, out, parameters
        self._here = {c.key for c in look.candidates}
        self._groups: dict[str, list[Candidate]] = {}
        for candidate in candidates:
            assert candidate.name is not None
            self._groups.setdefault(candidate.name.half_orbit, []).append(candidate)
        self._recorded: dict[str, list[FileRecord]] = {}
        for record in files.values():
            if record.half_orbit is not None:
                self._recorded.setdefault(record.half_orbit, []).append(record)

    def works(self) -> Iterator[Work]:
        """Give the half-orbits in order of their keys, those that ended a process last.

        Yields
        ------
        Work
        """
        found = [w for key in sorted(self._groups) if (w := self._work(key)) is not None]
        yield from sorted(found, key=lambda work: work.attempts)

    def _work(self, key: str) -> Work | None:
        group = tuple(self._groups[key])
        record = self._half_orbits.get(key)
        has_result = result_path(self._out, key).is_file()
        missing = self._missing(key, group, has_result)
        new = record is None or any(self._changed(c) for c in group)
        if record is not None and not new and not missing:
            stale = record.parameters != self._parameters
            lost = record.status == "scored" and not has_result
            # Files that were refused alone, whose siblings are back.
            back = any(self._files[c.key].status == "refused" for c in group)
            new = stale or lost or back
        if not new:
            return None
        return Work(key, group, missing, self._attempts(record, group), has_result)

    def _changed(self, candidate: Candidate) -> bool:
        record = self._files.get(candidate.key)
        if record is None or record.differs(candidate) or record.status == "begun":
            return True
        return record.transient and os.access(candidate.path, os.R_OK)

    def _attempts(self, record: HalfOrbitRecord | None, group: tuple[Candidate, ...]) -> int:
        if record is None or record.status != "begun":
            return 0
        same = all(c.key in self._files and not self._files[c.key].differs(c) for c in group)
        return record.attempts if same else 0

    def _missing(self, key: str, group: tuple[Candidate, ...], has_result: bool) -> tuple[str, ...]:
        if not has_result:
            return ()
        # A payload that came again, moved or in a later version, is not missed.
        payloads = {c.name.payload for c in group if c.name is not None}
        return tuple(
            sorted(
                record.path
                for record in self._recorded.get(key, [])
                if record.status in ("scored", "begun")
                and record.path not in self._here
                and not self._look.may_hold(record.path)
                and _payload(record.path) not in payloads
            )
        )


def _payload(path: str) -> str:
    try:
        return parse_name(PurePosixPath(path).name).payload
    except InputError:
        return ""
