"""The folder of a training run: what went in, what came out, and whether it is whole.

::

    recipe.toml     as used, with every parameter: `edge-train train` takes it again
    run.json        hashes of data, code and start; scores on validation; `TrainingRun`
    model/          the fitted classifier
    curves.csv/png  loss and validation score by epoch, of networks alone
    checkpoint/     while the training is unfinished
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec

from edge.bundle import file_sha256
from edge.errors import one_line
from trainer.common.errors import TrainError
from trainer.models.classifier import Classifier
from trainer.training.fitting import Scores
from trainer.training.provenance import FolderRecord, find_record

RUN_FILE = "run.json"
RECIPE_FILE = "recipe.toml"
MODEL_FOLDER = "model"
CHECKPOINT_FOLDER = "checkpoint"
CURVES_TABLE, CURVES_PICTURE = "curves.csv", "curves.png"

Stage = Literal["pretrain", "finetune", "train"]


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class DatasetRecord(_Record, frozen=True):
    """The dataset of a run.

    Attributes
    ----------
    path : str
        Seen from the run's folder, absolute where that is on another drive.
    fingerprint : str
        Of everything that the dataset was made from.
    windows_sha256 : str
        Of ``windows.parquet``.
    name, mission, profile, placebo : str
    length : int
        Rows in a window, L.
    observables : list of str
        The F columns.
    raw, simulated, short_archive : bool
    """

    path: str
    fingerprint: str
    windows_sha256: str
    name: str
    mission: str
    profile: str
    placebo: str
    length: int
    observables: list[str]
    raw: bool
    simulated: bool
    short_archive: bool


class StartRecord(_Record, frozen=True):
    """The pretrained run that a fine-tuning began with.

    Attributes
    ----------
    path : str
        Seen from the run's folder.
    identity : str
        Of that run.
    model_sha256 : str
        Of names and hashes of the files of its model.
    mission : str
    simulated : bool
    """

    path: str
    identity: str
    model_sha256: str
    mission: str
    simulated: bool


class BlockRecord(_Record, frozen=True):
    """Windows of a block that were used, of those that it has."""

    windows: int
    positives: int
    clusters: int
    windows_in_all: int
    clusters_in_all: int


class HistoryRecord(_Record, frozen=True):
    """Epochs of a network.

    Attributes
    ----------
    epochs : int
    kept_epoch : int
        Whose weights were kept, that of the least validation loss; 0: those of the start, which
        no epoch of a fine-tuning bettered.
    least_validation_loss : float
        Of the epochs.
    """

    epochs: int
    kept_epoch: int
    least_validation_loss: float


class TrainingRun(FolderRecord, frozen=True, kw_only=True):
    """Content of ``run.json``.

    Attributes
    ----------
    format : int
    state : {"unfinished", "complete"}
    identity : str
        sha256 of all that the run is made from: stage, recipe, dataset, start, version.
    code_version, code_sha256 : str
        The hash is over the source files of trainer and edge.
    stage : {"pretrain", "finetune", "train"}
    name, kind : str
    seed : int
    fraction : float
    transfer : str or None
    parameters : dict
        Of the classifier, all of them.
    mission, profile : str
        Of the dataset.
    simulated : bool
        Whether the dataset or the start is of simulated missions.
    dataset : DatasetRecord
    start : StartRecord or None
    train, validation : BlockRecord or None
        None while unfinished, as all that follows.
    history : HistoryRecord or None
        Of networks.
    scores : Scores or None
        On the validation windows; they chose the epoch, and flatter.
    files : dict of str to str
        sha256 of each file of the model, by its path in the run's folder.
    """

    what: ClassVar[str] = "run"
    file: ClassVar[str] = RUN_FILE
    version: ClassVar[int] = 1
    before: ClassVar[frozenset[str]] = frozenset({RECIPE_FILE})

    state: Literal["unfinished", "complete"]
    stage: Stage
    name: str
    kind: str
    seed: int
    fraction: float
    transfer: str | None
    parameters: dict[str, Any]
    mission: str
    profile: str
    simulated: bool
    dataset: DatasetRecord
    start: StartRecord | None = None
    train: BlockRecord | None = None
    validation: BlockRecord | None = None
    history: HistoryRecord | None = None
    scores: Scores | None = None
    files: dict[str, str] = msgspec.field(default_factory=dict)

    def inputs(self) -> dict[str, Any]:
        """All that makes another run."""
        return {
            "stage": self.stage,
            "name": self.name,
            "kind": self.kind,
            "seed": self.seed,
            "fraction": self.fraction,
            "transfer": self.transfer,
            "parameters": self.parameters,
            "dataset": self.dataset.fingerprint,
            "windows": self.dataset.windows_sha256,
            "start": None if self.start is None else [self.start.identity, self.start.model_sha256],
        }

    @property
    def complete(self) -> bool:
        """Whether the run came to its end."""
        return self.state == "complete"

    @property
    def model_sha256(self) -> str:
        """Hash of names and hashes of the model's files."""
        content = msgspec.json.encode(self.files, order="deterministic")
        return hashlib.sha256(content).hexdigest()


def read_run(run: Path) -> TrainingRun:
    """Read a complete run, and see that its model is whole.

    Raises
    ------
    TrainError
        It is missing, unfinished or damaged.
    """
    name = one_line(run.name)
    record = find_record(run, TrainingRun)
    if record is None:
        raise TrainError(f"run {name}: no {RUN_FILE}: not a folder that a training wrote")
    if not record.complete:
        raise TrainError(f"run {name} is unfinished: give its command again, and it goes on")
    for file, sha256 in record.files.items():
        path = run / file
        if not path.is_file():
            raise TrainError(f"run {name} is damaged: {file} is missing")
        if file_sha256(path) != sha256:
            raise TrainError(f"run {name} is damaged: {file} is not what was written")
    return record


def load_model(run: Path) -> Classifier:
    """Load the classifier of a complete run.

    Raises
    ------
    TrainError
        As `read_run`.
    """
    from trainer.models.registry import load_classifier

    read_run(run)
    return load_classifier(run / MODEL_FOLDER)


def hash_files(run: Path, folder: Path) -> dict[str, str]:
    """sha256 of the files below a folder, by their path in the run's folder."""
    return {
        path.relative_to(run).as_posix(): file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
