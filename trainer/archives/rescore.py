"""Scores every night half-orbit of an archive with a bundle, as `edge-score stream` does.

This process looks, plans and keeps the ledger, which is that of a stream; the workers read, score
and write. Nothing here imports TensorFlow, which shares no process with the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import msgspec

from edge import __version__
from edge.bundle import profile_and_fingerprint
from edge.errors import ConfigError, EdgeError, describe_fault
from edge.events import Event, Problem, Scored
from edge.ledger import LEDGER_FILE, SCORED, Ledger
from edge.outputs import score_to_disk
from edge.plan import HalfOrbitFiles
from edge.readers.names import FileName
from edge.results import ScoredHalfOrbit, WrittenFile
from edge.scoring import Scorer
from edge.stream import Stream, check_station
from trainer.archives.cluster import RunTasks
from trainer.archives.row_stage import find_missions
from trainer.common.errors import TrainError
from trainer.common.progress import Progress

#: Half-orbits of one task at most: half a second of work.
HALF_ORBITS_PER_TASK = 16
# A share is at most this part of what is left: so many workers are busy to the end.
_SHARES_LEFT = 8
# A half-orbit with its windows left out, and the results that were written.
Outcome = tuple[ScoredHalfOrbit, list[WrittenFile]]
_ENDED = "ended every process that scored it, by a crash or for want of memory"


@dataclass(frozen=True, slots=True)
class Batch:
    """A task: some half-orbits, with what a worker must know to score them."""

    bundle: Path
    fingerprint: str
    code_version: str
    out: Path
    half_orbits: dict[str, dict[Path, FileName]]


@dataclass(slots=True, kw_only=True)
class Rescored:
    """What came of an archive.

    Attributes
    ----------
    scored, windows, insufficient, alarms : int
        Half-orbits scored in this run, and what was found in them.
    empty : int
        Half-orbits scored without any window that had data enough.
    before : int
        Half-orbits whose results an earlier run wrote and that are still right.
    problems : list of str
        Files that failed, and half-orbits that were given up.
    """

    scored: int = 0
    windows: int = 0
    insufficient: int = 0
    alarms: int = 0
    empty: int = 0
    before: int = 0
    problems: list[str] = field(default_factory=list)


def rescore_archive(
    archive: Path,
    bundle: Path,
    out: Path,
    cluster: Callable[[], AbstractContextManager[RunTasks]],
    half_orbits_per_task: int = HALF_ORBITS_PER_TASK,
) -> Rescored:
    """Score what is new or changed in an archive; the caller holds the output folder.

    Parameters
    ----------
    archive, bundle, out : Path
        The same on every worker.
    cluster : callable
        Gives a context that yields what runs tasks; called only where there is something to score.
    half_orbits_per_task : int, optional

    Raises
    ------
    EdgeError
        The bundle cannot be used, or the output folder not be written to. What was scored is
        kept and known.
    """
    archive, bundle, out = archive.resolve(), bundle.resolve(), out.resolve()
    if archive == out:
        raise ConfigError(f"output folder {out.name}: is the archive; results need another folder")
    find_missions(archive)
    profile, parameters = profile_and_fingerprint(bundle)
    stream = Stream(archive, out, profile, parameters, _never)
    result = Rescored()
    with Ledger(out / LEDGER_FILE) as ledger:
        known = {key for key, h in ledger.half_orbits().items() if h.status in SCORED}
        works: dict[str, HalfOrbitFiles] = {}
        for item in stream.due(ledger):
            if isinstance(item, HalfOrbitFiles):
                works[item.key] = item
            else:
                _count(item, result)
        # A result that was written and not yet recorded, by a run that was killed, is no result.
        result.before = len(known - works.keys())
        if works:
            task = Batch(bundle, parameters, __version__, out, {})
            with cluster() as run:
                for event in _score(run, stream, ledger, works, task, half_orbits_per_task):
                    _count(event, result)
    return result


def _never() -> Scorer:
    raise AssertionError("the workers score")


def _score(
    run: RunTasks,
    stream: Stream,
    ledger: Ledger,
    works: dict[str, HalfOrbitFiles],
    task: Batch,
    size: int,
) -> Iterator[Event]:
    batches = {
        f"half-orbits-{keys[0]}": replace(task, half_orbits={k: works[k].named for k in keys})
        for keys in _shares(list(works), size)
    }
    with Progress("scoring", len(works)) as progress:
        lost: list[str] = []
        for name, outcomes in run(score_batch, batches):
            if outcomes is None:
                lost += batches[name].half_orbits
                continue
            yield from _conclude(stream, ledger, works, outcomes)
            progress.add(len(outcomes))
        alone = {k: replace(task, half_orbits={k: works[k].named}) for k in lost}
        for key, outcomes in run(score_batch, alone):
            if outcomes is None:
                yield from stream.give_up(works[key], ledger, _ENDED)
            else:
                yield from _conclude(stream, ledger, works, outcomes)
            progress.add(1)


def _shares(keys: list[str], most: int) -> Iterator[list[str]]:
    """Cut keys into shares that grow small towards the end, where all workers end together."""
    start = 0
    while start < len(keys):
        stop = start + max(1, min(most, (len(keys) - start) // _SHARES_LEFT))
        yield keys[start:stop]
        start = stop


def _conclude(
    stream: Stream,
    ledger: Ledger,
    works: dict[str, HalfOrbitFiles],
    outcomes: dict[str, Outcome | str],
) -> Iterator[Event]:
    for key, outcome in outcomes.items():
        if isinstance(outcome, str):
            yield from stream.fail(works[key], ledger, outcome)
        else:
            yield from stream.conclude(works[key], *outcome, ledger)


def score_batch(batch: Batch) -> dict[str, Outcome | str]:
    """Score half-orbits and write their results; the task of a worker.

    Returns
    -------
    dict of str to Outcome or str
        For each half-orbit what became of it, its windows left out; text where it met a fault
        that nobody expected.

    Raises
    ------
    EdgeError
        The bundle is not the one that was asked for, or a result cannot be written.
    """
    if batch.code_version != __version__:
        raise TrainError(
            f"this worker has version {__version__}, whoever asks has {batch.code_version}"
        )
    scorer = _scorer(batch.bundle, batch.fingerprint)
    found: dict[str, Outcome | str] = {}
    for key, files in batch.half_orbits.items():
        try:
            scored, written = score_to_disk(scorer, batch.out, files)
        except EdgeError:
            raise
        except Exception as error:
            # A fault of ours in one half-orbit must not keep the archive from all others, nor
            # a fault of this worker be taken for the half-orbit's.
            check_station(scorer, error)
            found[key] = f"failed with {describe_fault(error)}"
            continue
        found[key] = (msgspec.structs.replace(scored, windows=[], alarms=[]), written)
    return found


@lru_cache(maxsize=1)
def _scorer(bundle: Path, fingerprint: str) -> Scorer:
    from edge.bundle import load_bundle

    loaded = load_bundle(bundle)
    if profile_and_fingerprint(bundle)[1] != fingerprint:
        raise ConfigError(f"bundle {bundle.name}: a worker sees another one than the client")
    return Scorer(loaded)


def _count(event: Event, result: Rescored) -> None:
    match event:
        case Problem(message):
            result.problems.append(message)
        case Scored(scored):
            s = scored.summary
            result.scored += 1
            result.windows += s.windows
            result.insufficient += s.insufficient
            result.alarms += s.alarms
            result.empty += s.windows == s.insufficient
        case _:
            pass
