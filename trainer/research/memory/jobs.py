"""The units of the studies side by side, on the processors of one computer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trainer.research.memory.curves import curve_fits, fitted
from trainer.research.memory.networks import network_fits, rank_fits
from trainer.research.memory.null import null_scores, null_units
from trainer.research.memory.profiles import Comparison, profile_units
from trainer.research.memory.recipe import read_study
from trainer.research.memory.study import Study
from trainer.research.memory.transfer import UNTUNED, Transfer
from trainer.research.memory.tuning import tune

#: The mission of the comparison of profiles.
_PROFILES = "all profiles"


@dataclass(frozen=True)
class StudyJob:
    """A part of the studies.

    Parameters
    ----------
    recipe, folder : Path
    part : {"mission", "tuning", "fit", "pretraining", "epochs", "transfer", "null", "profiles"}
    key : object
        Which one.
    """

    recipe: Path
    folder: Path
    part: str
    key: Any

    @property
    def name(self) -> str:
        """What the job is, for a line of progress."""
        return getattr(self.key, "name", f"{self.part} {self.key}")


def study_jobs(study: Study, recipe: Path) -> list[list[StudyJob]]:
    """List all jobs by stages; those of a stage need none of their own stage."""
    plan = study.recipe
    fits = dict.fromkeys(
        [f for some in (*curve_fits(study), *rank_fits(study)) for f in some]
        + list(network_fits(study))
    )
    ways = Transfer.ways_of(plan.transfer)
    tuned = [(w, c) for c in plan.transfer.clusters for w in ways if w != UNTUNED]
    repetitions = range(plan.transfer.repetitions)
    stages: list[list[tuple[str, Any]]] = [
        [("mission", label) for label in reversed(study.missions)] + [("mission", _PROFILES)],
        [
            *(("tuning", kind) for kind in plan.tuning.kinds),
            *(("pretraining", r) for r in repetitions),
            *(("null", unit) for unit in null_units(plan.null)),
            *(("profiles", unit) for unit in profile_units(plan.profiles)),
            # The long ones first: the last to end are short.
            *(("fit", f) for f in sorted(fits, key=lambda f: -f.clusters) if not f.taught_by),
        ],
        [("epochs", one) for one in tuned] + [("fit", f) for f in fits if f.taught_by],
        [("transfer", (*one, r)) for one in tuned for r in repetitions]
        + [("transfer", (UNTUNED, 0, r)) for r in repetitions],
    ]
    return [[StudyJob(recipe, study.folder, *one) for one in stage] for stage in stages]


def do_study_job(job: StudyJob) -> str:
    """Do one job in this process; say how it went."""
    study = _study(job.recipe, job.folder)
    key = job.key
    if (job.part, key) == ("mission", _PROFILES):
        _profiles(job.recipe, job.folder).simulate()
    elif job.part == "mission":
        study.simulate(key)
    elif job.part == "tuning":
        tune(study, key)
    elif job.part == "fit":
        fitted(study, key)
    elif job.part == "pretraining":
        _transfer(job.recipe, job.folder).pretrained(key)
    elif job.part == "epochs":
        _transfer(job.recipe, job.folder).epochs(*key)
    elif job.part == "transfer":
        _transfer(job.recipe, job.folder).scores(*key)
    elif job.part == "null":
        null_scores(study, study.recipe.null, *key)
    else:
        _profiles(job.recipe, job.folder).scores(*key)
    return "done"


@cache
def _study(recipe: Path, folder: Path) -> Study:
    """Keep what was read: a process does many jobs."""
    return Study(read_study(recipe), folder, lambda line: None)


@cache
def _transfer(recipe: Path, folder: Path) -> Transfer:
    return Transfer(_study(recipe, folder))


@cache
def _profiles(recipe: Path, folder: Path) -> Comparison:
    study = _study(recipe, folder)
    return Comparison(study, study.recipe.profiles)
