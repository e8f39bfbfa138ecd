"""Training with early stopping: the same on every run, and resumable after any epoch.

What is random in epoch k depends on the seed and on k alone, so a run that was stopped and resumed
gives the same weights, bit for bit, as one that was not.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from edge.arrays import AnyArray, Features, FloatArray
from edge.outputs import replace_file
from trainer.engine import keras, tf
from trainer.models.epoch_graph import Drop, EpochGraph, Examples
from trainer.models.interface import Tell

#: Where a checkpoint lies in its folder.
CHECKPOINT_FILE = "training.npz"

#: Windows in one call at prediction.
_PREDICTION_BATCH = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How to train.

    Attributes
    ----------
    seed : int
    batch : int
    patience : int
        Epochs without a better one after which training ends.
    rates : ndarray, shape (epochs, variables)
        Learning rate of each trainable variable in each epoch; 0 leaves it as it is.
    warm : int
        Epochs from which on patience counts.
    start_counts : bool
        Whether the initial weights are a candidate for the best, as pretrained ones are.
    drop : callable
        Called in each epoch; see `trainer.models.epoch_graph`.
    decay : float
        Of the weights of kernels.
    fingerprint : str
        Of everything that the result depends on; a checkpoint with another one is not resumed.
    """

    seed: int
    batch: int
    patience: int
    rates: FloatArray
    warm: int
    start_counts: bool
    drop: Drop
    decay: float
    fingerprint: str


@dataclass(slots=True)
class _State:
    """All that changes from epoch to epoch, but for the weights and Adam's moments."""

    epoch: int = 0
    since: int = 0
    least: float = np.inf
    best: list[AnyArray] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)


def train(
    model: keras.Model,
    predict: Callable[[Features], FloatArray],
    examples: Examples,
    validation: Examples,
    plan: Plan,
    checkpoint: Path | None,
    tell: Tell,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> list[dict[str, float]]:
    """Train until the validation windows gain no more.

    Parameters
    ----------
    model : keras.Model
        Output one logit; trained in place, and left with the weights of its best epoch.
    predict : callable
        `predictor` of the model.
    examples, validation : Examples
    plan : Plan
    checkpoint : Path or None
        Folder whose state is resumed if it is there and fits, and written after each epoch.
    tell : callable
    on_epoch : callable, optional
        Takes the entry of each epoch once it is kept; what it raises ends the training.

    Returns
    -------
    list of dict
        For each epoch ``epoch``, ``loss``, ``validation_loss`` and ``validation_pr_auc``.

    Notes
    -----
    The best epoch is the one with the least weighted cross-entropy on validation. It is a proper
    score that uses every window, and so it varies less from sample to sample than the area under
    the precision-recall curve, which at weak skill picks lucky epochs.
    """
    used = np.flatnonzero((plan.rates > 0.0).any(axis=0))
    graph = EpochGraph(model, used, examples, plan.decay)
    state = _State(best=model.get_weights())
    if plan.start_counts:
        state.least = _cross_entropy(predict(validation.inputs), validation)
    if checkpoint is not None:
        state = _resume(checkpoint / CHECKPOINT_FILE, plan.fingerprint, graph, tell) or state
    epochs = plan.rates.shape[0]
    while state.epoch < epochs and state.since < plan.patience:
        state.epoch += 1
        rates = plan.rates[state.epoch - 1, used]
        loss = graph.run(plan.batch, rates, plan.drop, plan.seed, state.epoch)
        logits = predict(validation.inputs)
        held = _cross_entropy(logits, validation)
        area = float(average_precision_score(validation.label, logits))
        state.history.append(
            {
                "epoch": state.epoch,
                "loss": loss,
                "validation_loss": held,
                "validation_pr_auc": area,
            }
        )
        if held < state.least:
            state.least, state.since, state.best = held, 0, graph.values()
        elif state.epoch > plan.warm:
            state.since += 1
        tell(
            f"epoch {state.epoch}: loss {loss:.4f}, validation loss {held:.4f}, "
            f"validation PR {area:.4f}"
        )
        if checkpoint is not None:
            checkpoint.mkdir(parents=True, exist_ok=True)
            _keep(checkpoint / CHECKPOINT_FILE, plan.fingerprint, graph, state)
        if on_epoch is not None:
            on_epoch(dict(state.history[-1]))
    graph.assign(state.best)
    return state.history


def predictor(model: keras.Model) -> Callable[[Features], FloatArray]:
    """Make a traced function from inputs (n, L, C) to logits (n,).

    Parameters
    ----------
    model : keras.Model
        Whatever weights it has at the time of a call.

    Returns
    -------
    callable
    """
    signature = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
    # Concrete: TensorFlow would warn of retracing where it sees many functions of one place.
    traced = tf.function(lambda x: model(x, training=False)[:, 0]).get_concrete_function(signature)

    def predict(inputs: Features) -> FloatArray:
        starts = range(0, inputs.shape[0], _PREDICTION_BATCH)
        parts = [traced(tf.constant(inputs[s : s + _PREDICTION_BATCH])).numpy() for s in starts]
        return np.concatenate([np.zeros(0), *parts])

    return predict


def _cross_entropy(logits: FloatArray, examples: Examples) -> float:
    each = np.logaddexp(0.0, logits) - examples.label * logits
    return float(np.average(each, weights=examples.weight))


def _keep(path: Path, fingerprint: str, graph: EpochGraph, state: _State) -> None:
    """Write a checkpoint, whole or not at all."""
    scalars = {
        "fingerprint": fingerprint,
        "epoch": state.epoch,
        "since": state.since,
        "least": state.least,
        "history": state.history,
    }
    arrays = {
        f"{name}_{i:03d}": value
        for name, values in (
            ("weights", graph.values()),
            ("moments", graph.moments()),
            ("best", state.best),
        )
        for i, value in enumerate(values)
    }
    stream = io.BytesIO()
    np.savez(stream, state=np.array(json.dumps(scalars)), **arrays)
    replace_file(path, stream.getvalue())


def _resume(path: Path, fingerprint: str, graph: EpochGraph, tell: Tell) -> _State | None:
    """Take up a checkpoint, if there is one of this very run."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            scalars = json.loads(str(file["state"]))
            arrays = {name: file[name] for name in sorted(file.files) if name != "state"}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        tell(f"{path}: is damaged; training starts anew")
        return None
    if scalars["fingerprint"] != fingerprint:
        tell(f"{path}: is of other data or parameters; training starts anew")
        return None

    def named(name: str) -> list[AnyArray]:
        return [value for key, value in arrays.items() if key.startswith(f"{name}_")]

    graph.assign(named("weights"))
    graph.assign_moments(named("moments"))
    tell(f"resumed after epoch {scalars['epoch']}")
    return _State(
        scalars["epoch"], scalars["since"], scalars["least"], named("best"), scalars["history"]
    )
