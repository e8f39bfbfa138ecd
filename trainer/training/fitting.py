"""Fits one classifier, whatever its kind, and scores it on the validation block."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge.arrays import FloatArray
from edge.outputs import replace_files
from trainer.common.errors import TrainError
from trainer.models.classifier import Classifier, Tell, silent
from trainer.models.window_set import WindowSet
from trainer.training.run_recipe import TransferMode

#: Takes what `KerasClassifier.history` holds of an epoch: epoch, loss, validation_loss,
#: validation_pr_auc.
OnEpoch = Callable[[dict[str, Any]], None]


class Scores(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Areas under the curves of the matched validation windows.

    Attributes
    ----------
    roc_auc : float
    pr_auc : float
        Average precision; a search chooses by it.
    """

    roc_auc: float
    pr_auc: float


def make_model(kind: str, parameters: dict[str, Any], seed: int) -> Classifier:
    """Make an unfitted classifier; see `trainer.models.registry.make_classifier`."""
    from trainer.models.registry import make_classifier

    return make_classifier(kind, dict(parameters), seed)


def is_network(model: Classifier) -> bool:
    """Whether a classifier trains in epochs, from a start if there is one."""
    from trainer.models.registry import NETWORK_KINDS

    return model.kind in NETWORK_KINDS


def fit_classifier(
    kind: str,
    parameters: dict[str, Any],
    seed: int,
    train: WindowSet,
    validation: WindowSet,
    *,
    start: Classifier | None = None,
    transfer: TransferMode | None = None,
    checkpoint: Path | None = None,
    on_epoch: OnEpoch | None = None,
    teacher: FloatArray | None = None,
    tell: Tell = silent,
) -> Classifier:
    """Make a classifier and fit it.

    Parameters
    ----------
    kind : str
    parameters : dict
    seed : int
    train, validation : WindowSet
    start : Classifier, optional
        A pretrained network of the same kind; it is not changed.
    transfer : {"frozen", "gradual", "full"}, optional
        With `start` alone.
    checkpoint : Path, optional
        Folder that a network resumes from and writes to.
    on_epoch : callable, optional
        Called after each epoch of a network; what it raises ends the training.
    teacher : ndarray, shape (n,), optional
        Probability of each training window that a network learns instead of its label, such as
        the mean log-odds of several fitted models say; see `KerasClassifier.fit`.
    tell : callable, optional

    Returns
    -------
    Classifier
        Fitted.

    Raises
    ------
    TrainError
        Kind or a parameter is unknown, a class is missing, the kind cannot start from another
        or learn from a teacher, or the teacher does not fit.
    """
    model = make_model(kind, parameters, seed)
    if not is_network(model):
        if start is not None:
            raise TrainError(f"a {kind} cannot start from a pretrained one: networks alone can")
        if teacher is not None:
            raise TrainError(f"a {kind} cannot learn from a teacher: networks alone can")
        model.fit(train, validation, tell)
        return model
    if start is not None and start.kind != kind:
        raise TrainError(f"a {kind} cannot start from a {start.kind}")
    network: Any = model
    network.fit(
        train,
        validation,
        tell,
        start=start,
        transfer=transfer,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
        teacher=teacher,
    )
    return model


def history_of(model: Classifier) -> list[dict[str, Any]]:
    """Give what each epoch of a fitted model came to; empty if it has none."""
    return list(getattr(model, "history", None) or [])


def validation_scores(model: Classifier, windows: WindowSet) -> Scores:
    """Score a fitted model on windows of both classes.

    Raises
    ------
    TrainError
        A class is missing.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    positive = windows.positive
    if positive.all() or not positive.any():
        raise TrainError(f"{len(windows)} validation windows are of one class: no score")
    score = model.predict_proba(windows)
    return Scores(
        float(roc_auc_score(positive, score)), float(average_precision_score(positive, score))
    )


_COLUMNS = ("epoch", "loss", "validation_loss", "validation_pr_auc")
_DPI = 110
_TRAIN, _VALIDATION, _BEST = "#1f5fa8", "#c8552b", "#30343b"


def write_curves(
    table: Path, picture: Path, history: list[dict[str, Any]], title: str, kept: int
) -> None:
    """Write table and picture, each whole.

    Parameters
    ----------
    table, picture : Path
        CSV and PNG in one folder.
    history : list of dict
        Of each epoch: number, loss, and loss and PR AUC of validation.
    title : str
        It says whether the mission is simulated.
    kept : int
        Number of the epoch whose weights were kept; 0: those of the start.
    """
    replace_files({table: csv_table(history, _COLUMNS), picture: _png(history, title, kept)})


def csv_table(rows: Sequence[dict[str, Any]], first: Sequence[str]) -> bytes:
    """Write rows as CSV; what a row lacks is empty.

    Parameters
    ----------
    rows : sequence of dict
    first : sequence of str
        Columns that come first, and always; others follow in the order of their names.
    """
    columns = [*first, *sorted({key for row in rows for key in row} - set(first))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if row.get(c) is None else row[c] for c in columns])
    return text.getvalue().encode()


def _png(history: list[dict[str, Any]], title: str, kept: int) -> bytes:
    # No pyplot: it holds every figure, and looks for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7.0, 5.5), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    epoch = [h["epoch"] for h in history]
    for axes, key, label, colour in (
        (above, "loss", "training", _TRAIN),
        (above, "validation_loss", "validation", _VALIDATION),
        (below, "validation_pr_auc", "validation", _VALIDATION),
    ):
        values = [h.get(key, float("nan")) for h in history]
        axes.plot(epoch, values, color=colour, label=label, marker="o", markersize=3)
    for axes, name in ((above, "loss"), (below, "area under the PR curve")):
        axes.axvline(kept, color=_BEST, linewidth=0.8, linestyle=":", label="kept")
        axes.set_ylabel(name)
        axes.legend(frameon=False, fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    below.set_xlabel("epoch")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(title, fontsize="medium")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": ""})
    return picture.getvalue()
