"""Runs that are to be judged: found, checked against one another, and their test block's log."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edge import __version__
from edge.bundle import Bundle, Metric, OperatingPoint, load_bundle
from edge.errors import one_line
from edge.outputs import replace_file
from trainer.common.code_hash import code_sha256
from trainer.common.errors import TrainError
from trainer.datasets.dataset_card import DATASET_FILE
from trainer.datasets.tables import open_windows
from trainer.evaluation.report.data import Decisions, Record, encode, read_record
from trainer.models.classifier import Predictor
from trainer.models.edge_file import EdgeClassifier
from trainer.training.run_folder import TrainingRun, load_model, read_run

CARD_FILE = "card.json"
EVALUATED_FILE = "evaluated.json"
#: Versions of their layouts.
CARD_FORMAT = 2
EVALUATED_FORMAT = 1


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A complete run.

    Attributes
    ----------
    folder : Path
    name : str
        Not that of another run of the same evaluation.
    record : TrainingRun
    dataset : Path
    """

    folder: Path
    name: str
    record: TrainingRun
    dataset: Path

    @property
    def simulated(self) -> bool:
        """Whether any of its data was simulated."""
        return self.record.simulated

    @property
    def model_sha256(self) -> str:
        """Of what is judged."""
        return self.record.model_sha256

    def load(self) -> Predictor:
        """Load the classifier.

        Raises
        ------
        TrainError
            It is damaged, or a baseline that knew nothing of its windows: a score of it would be
            one of missing data.
        """
        model = load_model(self.folder)
        if not getattr(model, "informed", True):
            raise TrainError(
                f"run {one_line(self.name)}: nothing was known of its training windows that a "
                f"{self.record.kind} baseline judges by; there is nothing to evaluate"
            )
        return model


@dataclass(frozen=True, slots=True)
class JudgedBundle(JudgedRun):
    """The int8 file that a run was exported to.

    Attributes
    ----------
    of : JudgedRun
        The run, whose decisions are the bundle's.
    bundle : Bundle
    """

    of: JudgedRun
    bundle: Bundle

    @property
    def model_sha256(self) -> str:
        """Of the TFLite file."""
        return self.bundle.card.files[self.bundle.card.model]

    def load(self) -> Predictor:
        """Give what scores windows as a station would."""
        return EdgeClassifier(self.bundle.model_path)


class Opening(Record, frozen=True):
    """How often one code opened one test block for this run."""

    dataset: str
    dataset_sha256: str
    model_sha256: str
    code_version: str
    code_sha256: str
    times: int


class Evaluated(Record, frozen=True):
    """Content of ``evaluated.json``: every opening of a test block, in order."""

    format: int
    times: int
    openings: list[Opening]


class RunCard(Record, frozen=True, kw_only=True):
    """Content of a run's ``card.json``: what was decided for it, and how good it is.

    Attributes
    ----------
    simulated : bool
    decisions : Decisions
        On validation.
    metrics : list of Metric
        On the test block; empty until it was opened.
    operating_point : OperatingPoint or None
        Of every window of the test block, at the alarm threshold; None until it was opened.
    quick : bool
        Whether it was a quick evaluation.
    """

    format: int
    name: str
    kind: str
    simulated: bool
    notice: str
    model_sha256: str
    dataset: str
    code_version: str
    decisions: Decisions
    metrics: list[Metric]
    operating_point: OperatingPoint | None
    quick: bool


def find_runs(folders: Sequence[Path]) -> list[JudgedRun]:
    """Open runs.

    Returns
    -------
    list of JudgedRun
        In that order, with names that differ.

    Raises
    ------
    TrainError
        One is missing, unfinished, damaged or given twice, or its dataset is not there.
    """
    places = [folder.resolve() for folder in folders]
    for place in places:
        if places.count(place) > 1:
            raise TrainError(f"run {one_line(place.name)} is given twice")
    records = [read_run(place) for place in places]
    names = _distinct([r.name for r in records], [p.name for p in places])
    runs = []
    for place, record, name in zip(places, records, names, strict=True):
        dataset = (place / record.dataset.path).resolve()
        if not (dataset / DATASET_FILE).is_file():
            raise TrainError(
                f"run {one_line(place.name)}: its dataset {one_line(record.dataset.path)} is not "
                "there, or not complete"
            )
        runs.append(JudgedRun(place, name, record, dataset))
    return runs


def find_bundle(place: Path, runs: Sequence[JudgedRun]) -> JudgedBundle:
    """Open a bundle of one of the runs.

    Raises
    ------
    BundleError
        It is missing or damaged.
    TrainError
        It is of none of the runs.
    """
    bundle = load_bundle(place)
    for run in runs:
        if bundle.card.run == run.record.model_sha256:
            name = f"{run.name} (int8)"
            return JudgedBundle(run.folder, name, run.record, run.dataset, run, bundle)
    raise TrainError(
        f"bundle {one_line(place.name)}: expected one that {', '.join(r.name for r in runs)} was "
        f"exported to, got one of the model {bundle.card.run[:12]}..."
    )


def windows_identity(dataset: Path) -> str:
    """sha256 of which windows the test block has: place, time, label and pair, no values.

    Returns
    -------
    str
        The same for datasets that differ in nothing but what their windows hold.
    """
    columns = ("half_orbit", "first_cell", "label", "match")
    table = open_windows(dataset, "test", columns, allow_test=True).table()
    digest = hashlib.sha256()
    digest.update("\n".join(table["half_orbit"].to_pylist()).encode())
    for name in columns[1:]:
        digest.update(table[name].to_numpy().astype(np.int64).tobytes())
    return digest.hexdigest()


def require_same_windows(runs: Sequence[JudgedRun]) -> str:
    """See that runs are judged on the same test windows.

    Returns
    -------
    str
        Their `windows_identity`.

    Raises
    ------
    TrainError
    """
    known: dict[Path, str] = {}
    for run in runs:
        if run.dataset not in known:
            known[run.dataset] = windows_identity(run.dataset)
        if known[run.dataset] != known[runs[0].dataset]:
            raise TrainError(
                f"runs {runs[0].name} and {run.name} have other test windows "
                f"({one_line(runs[0].dataset.name)}, {one_line(run.dataset.name)}): only the same "
                "windows can be compared"
            )
    return known[runs[0].dataset]


def note_opening(run: JudgedRun, dataset: Path, dataset_sha256: str) -> int:
    """Write down, before it happens, that a run's test block is opened.

    Parameters
    ----------
    run : JudgedRun
    dataset : Path
    dataset_sha256 : str
        Of its windows.

    Returns
    -------
    int
        How often this run has had a test block of these windows opened, this time included.
    """
    path = run.folder / EVALUATED_FILE
    openings: list[Opening] = []
    if path.exists():
        openings = list(read_record(path, Evaluated, EVALUATED_FORMAT).openings)
    now = Opening(
        dataset=dataset.name,
        dataset_sha256=dataset_sha256,
        model_sha256=run.record.model_sha256,
        code_version=__version__,
        code_sha256=code_sha256(),
        times=1,
    )
    # Only the last may be counted on: openings stay in their order.
    if openings and msgspec.structs.replace(openings[-1], times=1) == now:
        openings[-1] = msgspec.structs.replace(openings[-1], times=openings[-1].times + 1)
    else:
        openings.append(now)
    record = Evaluated(EVALUATED_FORMAT, sum(o.times for o in openings), openings)
    replace_file(path, encode(record))
    return sum(o.times for o in openings if o.dataset_sha256 == dataset_sha256)


def write_card(run: JudgedRun, card: RunCard) -> None:
    """Write the run's card."""
    replace_file(run.folder / CARD_FILE, encode(card))


def read_run_card(folder: Path) -> RunCard:
    """Read the card of a run that was evaluated.

    Raises
    ------
    TrainError
        It is missing, damaged or of another version.
    """
    return read_record(folder / CARD_FILE, RunCard, CARD_FORMAT)


def _distinct(names: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Names of runs; where they are not distinct, with their folders', and then numbered."""
    result = list(names)
    if len(set(result)) < len(result):
        result = [
            folder if names.count(name) > 1 else name
            for name, folder in zip(names, folders, strict=True)
        ]
    if len(set(result)) < len(result):
        result = [f"{name} {place + 1}" for place, name in enumerate(result)]
    return result
