"""The folder of a search: made once, resumed, and never mixed with another one.

::

    study.json    what is searched, and in which windows; `StudyRecord`
    study.sqlite  the trials, as Optuna keeps them
    trials.csv    the same as a table
    best.toml     recipe of the best for `edge-train train`
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import msgspec

from edge import __version__
from edge.watching import hold
from trainer.common.code_hash import code_sha256
from trainer.common.errors import TrainError
from trainer.models.classifier import Tell
from trainer.training.fitting import make_model
from trainer.training.provenance import FolderRecord, identified, refuse_another, write_record
from trainer.training.run_folder import DatasetRecord
from trainer.training.run_plan import read_dataset
from trainer.training.run_recipe import TuneRecipe
from trainer.training.tuning import Search, SelectionWindows, search

_OBJECTIVE = "area under the precision-recall curve of the matched validation windows"


class StudyRecord(FolderRecord, frozen=True, kw_only=True):
    """Content of ``study.json``.

    Attributes
    ----------
    code_version, code_sha256 : str
        Of the last call.
    objective : str
        What is made large.
    simulated : bool
    recipe : dict
    dataset : DatasetRecord
    """

    what: ClassVar[str] = "study"
    file: ClassVar[str] = "study.json"
    version: ClassVar[int] = 1

    objective: str
    simulated: bool
    recipe: dict[str, Any]
    dataset: DatasetRecord

    def inputs(self) -> dict[str, Any]:
        """All that makes another search."""
        # A later call may ask for more trials.
        return {
            "stage": "tune",
            "recipe": {k: v for k, v in self.recipe.items() if k != "trials"},
            "dataset": self.dataset.fingerprint,
            "windows": self.dataset.windows_sha256,
        }


def run_tuning(
    dataset: Path, recipe: TuneRecipe, out: Path, tell: Tell, timeout: float | None = None
) -> Search:
    """Search parameters and write the study's folder.

    Parameters
    ----------
    dataset : Path
        That `edge-train prepare` wrote. Its training and validation blocks are read here; the
        search is given their windows, and not this path.
    recipe : TuneRecipe
    out : Path
    tell : callable
    timeout : float, optional
        Seconds.

    Raises
    ------
    ConfigError, TrainError
        Dataset and recipe do not go together, or the folder holds another search.
    Busy
        Another process works on the folder.
    """
    from trainer.models.registry import KINDS
    from trainer.models.search_spaces import search_space

    make_model(recipe.kind, recipe.parameters, recipe.seed)
    if not search_space(recipe.kind):
        searched = ", ".join(kind for kind in KINDS if search_space(kind))
        raise TrainError(f"kind {recipe.kind!r} has nothing to search; valid are {searched}")
    planned = _plan(dataset, recipe, out)
    refuse_another(out, planned)
    with hold(out, "edge-train"):
        refuse_another(out, planned)
        write_record(out, planned)
        return search(out, SelectionWindows.of(dataset), recipe, tell, timeout)


def _plan(dataset: Path, recipe: TuneRecipe, out: Path) -> StudyRecord:
    found = read_dataset(dataset, out)
    planned = StudyRecord(
        format=StudyRecord.version,
        identity="",
        code_version=__version__,
        code_sha256=code_sha256(),
        objective=_OBJECTIVE,
        simulated=found.simulated,
        recipe=msgspec.to_builtins(recipe),
        dataset=found,
    )
    return identified(planned)
