"""Runs the units of a reproduction on the processors of one computer; what is done stays done."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol, TypeVar

from trainer.research.paper.datasets import make_mission
from trainer.research.paper.design import Design, Unit, all_units, read_design
from trainer.research.paper.mission_rows import SimulatedMission
from trainer.research.paper.work import do_unit

#: One thread a process: units run side by side, and sums come out in one order.
_THREADS = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


@dataclass(frozen=True)
class Job:
    """A mission to simulate, or a unit to do."""

    recipe: Path
    root: Path
    mission: SimulatedMission | None = None
    unit: Unit | None = None

    @property
    def name(self) -> str:
        """What the job is, for a line of progress."""
        if self.unit is not None:
            return self.unit.name
        assert self.mission is not None
        plan = self.mission
        return f"mission {plan.mission} {plan.profile} {plan.night} seed {plan.seed}"


def jobs_of(design: Design, recipe: Path, root: Path) -> list[Job]:
    """List all jobs, the most telling first: what is done when a run is cut short makes a page."""
    jobs: list[Job] = []
    units = all_units(design)
    for seed in design.recipe.seeds:
        jobs.append(Job(recipe, root, mission=design.mission(seed)))
        jobs += _jobs(recipe, root, [u for u in units if u.seed == seed], ("classifiers",))
    plain = [u for u in units if u.profile == "plasma" and u.night == "dark"]
    jobs += _jobs(recipe, root, plain, ("placebo", "ablation"))
    # Missions of other profiles and of the day come last: they are slow to simulate.
    return jobs + _jobs(recipe, root, [u for u in units if u not in plain], ("ablation",))


def _jobs(recipe: Path, root: Path, units: list[Unit], kinds: tuple[str, ...]) -> list[Job]:
    return [Job(recipe, root, unit=u) for u in units if u.kind in kinds]


class Named(Protocol):
    """A job that can be pickled."""

    @property
    def name(self) -> str:
        """What it is, for a line of progress."""


_J = TypeVar("_J", bound=Named)


def run_jobs(
    jobs: Sequence[_J], workers: int, tell: Callable[[str], None], do: Callable[[_J], str]
) -> list[str]:
    """Do jobs side by side, in their order.

    Parameters
    ----------
    jobs : sequence
    workers : int
    tell : callable
        Takes a line of progress.
    do : callable
        Does a job, in a process of its own, and says how it went.

    Returns
    -------
    list of str
        What failed, one line each; everything else is done.
    """
    failed: list[str] = []
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(_THREADS)
    try:
        # Fresh processes, not forks: the caller may hold TensorFlow and its threads.
        # They stay to the end: replacing them after some jobs can hang in Python 3.11 (gh-115634).
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            waiting = {pool.submit(do, job): job for job in jobs}
            for number, future in enumerate(as_completed(waiting), start=1):
                job = waiting[future]
                try:
                    note = future.result()
                except Exception as error:
                    failed.append(f"{job.name}: {type(error).__name__}: {error}")
                    note = f"failed: {error}"
                tell(f"{number} of {len(jobs)}: {job.name}: {note}")
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    return failed


def do_job(job: Job) -> str:
    """Do one job in this process; say how it went."""
    design = read_design(job.recipe)
    lines: list[str] = []
    if job.mission is not None:
        make_mission(job.root, job.mission, lines.append)
    else:
        assert job.unit is not None
        do_unit(design, job.unit, job.root, lines.append)
    return lines[-1] if lines else "was done"
