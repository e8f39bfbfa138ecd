"""Fits one classifier, whatever its kind, and scores it on the validation block."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from trainer.errors import TrainError
from trainer.learning.run_recipe import TransferMode
from trainer.models.interface import Classifier, Tell, silent
from trainer.models.window_set import WindowSet

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
    tell : callable, optional

    Returns
    -------
    Classifier
        Fitted.

    Raises
    ------
    TrainError
        Kind or a parameter is unknown, a class is missing, or the kind cannot start from another.
    """
    model = make_model(kind, parameters, seed)
    if not is_network(model):
        if start is not None:
            raise TrainError(f"a {kind} cannot start from a pretrained one: networks alone can")
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
    )
    return model


def history_of(model: Classifier) -> list[dict[str, Any]]:
    """Give what each epoch of a fitted model came to; empty if it has none."""
    return list(getattr(model, "history", None) or [])


def validation_scores(model: Classifier, windows: WindowSet) -> Scores:
    """Score a fitted model on windows of both classes.

    Parameters
    ----------
    model : Classifier
    windows : WindowSet

    Returns
    -------
    Scores

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
