"""The folder of a search: made once, resumed, and never mixed with another one.

::

    study.json    what is searched, and in which windows; `StudyRecord`
    study.sqlite  the trials, as Optuna keeps them
    trials.csv    the same as a table
    best.toml     recipe of the best for `edge-train train`
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from edge import __version__
from edge.errors import one_line
from edge.outputs import replace_file
from edge.watching import hold
from trainer.common.code_hash import code_sha256
from trainer.common.errors import TrainError
from trainer.models.classifier import Tell
from trainer.training.fitting import make_model
from trainer.training.run_folder import DatasetRecord, run_identity
from trainer.training.run_plan import read_dataset
from trainer.training.run_recipe import TuneRecipe
from trainer.training.tuning import Search, SelectionWindows, search

STUDY_RECORD_FILE = "study.json"
STUDY_FORMAT = 1
_OBJECTIVE = "area under the precision-recall curve of the matched validation windows"


class StudyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Content of ``study.json``.

    Attributes
    ----------
    format : int
    identity : str
        sha256 of recipe, dataset and version; the number of trials is not in it.
    code_version, code_sha256 : str
        Of the last call.
    objective : str
        What is made large.
    simulated : bool
    recipe : dict
    dataset : DatasetRecord
    """

    format: int
    identity: str
    code_version: str
    code_sha256: str
    objective: str
    simulated: bool
    recipe: dict[str, Any]
    dataset: DatasetRecord


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

    Returns
    -------
    Search

    Raises
    ------
    ConfigError, TrainError
        Dataset and recipe do not go together, or the folder holds another search.
    Busy
        Another process works on the folder.
    """
    from trainer.models.search_spaces import SPACES

    make_model(recipe.kind, recipe.parameters, recipe.seed)
    if not SPACES.get(recipe.kind):
        searched = ", ".join(kind for kind, space in SPACES.items() if space)
        raise TrainError(f"kind {recipe.kind!r} has nothing to search; valid are {searched}")
    planned = _plan(dataset, recipe, out)
    _refuse_another(out, planned)
    with hold(out, "edge-train"):
        _refuse_another(out, planned)
        content = msgspec.json.format(msgspec.json.encode(planned), indent=1) + b"\n"
        replace_file(out / STUDY_RECORD_FILE, content)
        return search(out, SelectionWindows.of(dataset), recipe, tell, timeout)


def _plan(dataset: Path, recipe: TuneRecipe, out: Path) -> StudyRecord:
    found = read_dataset(dataset, out)
    fixed = {k: v for k, v in msgspec.to_builtins(recipe).items() if k != "trials"}
    return StudyRecord(
        format=STUDY_FORMAT,
        identity=run_identity("tune", fixed, found.fingerprint, found.windows_sha256),
        code_version=__version__,
        code_sha256=code_sha256(),
        objective=_OBJECTIVE,
        simulated=found.simulated,
        recipe=msgspec.to_builtins(recipe),
        dataset=found,
    )


def _refuse_another(out: Path, planned: StudyRecord) -> None:
    name = one_line(out.name)
    try:
        content = (out / STUDY_RECORD_FILE).read_bytes()
    except FileNotFoundError:
        if out.is_dir() and any(not p.name.startswith(".") for p in out.iterdir()):
            raise TrainError(
                f"{name} holds other files and no {STUDY_RECORD_FILE}: choose another folder"
            ) from None
        return
    except OSError as error:
        raise TrainError(f"study {name}: {STUDY_RECORD_FILE}: {error.strerror}") from None
    try:
        found = msgspec.json.decode(content, type=StudyRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        reason = one_line(str(error))
        raise TrainError(f"study {name}: {STUDY_RECORD_FILE} is damaged: {reason}") from None
    if found.identity != planned.identity:
        raise TrainError(
            f"study {name} was made from other inputs ({_difference(found, planned)}): remove it, "
            "or choose another folder"
        )


def _difference(found: StudyRecord, planned: StudyRecord) -> str:
    if found.dataset.windows_sha256 != planned.dataset.windows_sha256:
        return "other windows"
    for key, old in found.recipe.items():
        new = msgspec.json.decode(msgspec.json.encode(planned.recipe.get(key)))
        if key != "trials" and old != new:
            return f"{key} {old!r}, now {new!r}"
    return "another dataset or version"
