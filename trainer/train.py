"""Pretraining on one mission and tuning on the other, the same on every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from edge.arrays import Features
from trainer.dropping import drop_inputs
from trainer.engine import keras
from trainer.errors import TrainError
from trainer.recipe import Dropping, Stage

#: Windows in one call at prediction.
_PREDICTION_BATCH = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Windows with labels.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n, L, C)
    labels : ndarray of float32, shape (n,)
        1 or 0.
    """

    inputs: Features
    labels: npt.NDArray[np.float32]


def fit(
    model: keras.Model,
    train: Samples,
    validation: Samples,
    stage: Stage,
    batch: int,
    payloads: Sequence[Sequence[int]],
    dropping: Dropping,
    seed: int,
    tell: Callable[[str], None],
) -> float:
    """Train with Adam until the validation samples gain no more.

    Parameters
    ----------
    model : keras.Model
        Output one logit; trained in place, and left with the weights of its best epoch.
    train, validation : Samples
    stage : Stage
        Rate, epochs and patience.
    batch : int
    payloads : sequence of sequences of int
        See `trainer.dropping.drop_inputs`.
    dropping : Dropping
        Drawn anew in each epoch; validation windows lose nothing.
    seed : int
    tell : callable
        Takes one line after each epoch.

    Returns
    -------
    float
        Area under the precision-recall curve of the validation samples at the best epoch.

    Raises
    ------
    TrainError
        A class is missing.
    """
    for name, samples in (("training", train), ("validation", validation)):
        found = np.unique(samples.labels)
        if found.size != 2:
            raise TrainError(
                f"{samples.labels.size} {name} windows are of {found.size} classes; a longer "
                "archive is needed"
            )
    share = float(train.labels.mean())
    weight = {0: 0.5 / (1.0 - share), 1: 0.5 / share}
    model.compile(
        keras.optimizers.Adam(stage.rate),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    rng = np.random.default_rng(seed)
    best, since, weights = -1.0, 0, model.get_weights()
    for epoch in range(1, stage.epochs + 1):
        inputs = drop_inputs(train.inputs, payloads, dropping, rng)
        history = model.fit(inputs, train.labels, batch_size=batch, verbose=0, class_weight=weight)
        area = float(average_precision_score(validation.labels, predict(model, validation.inputs)))
        tell(f"epoch {epoch}: loss {history.history['loss'][0]:.4f}, validation PR {area:.4f}")
        if area > best:
            best, since, weights = area, 0, model.get_weights()
        else:
            since += 1
            if since >= stage.patience:
                break
    model.set_weights(weights)
    return best


def predict(model: keras.Model, inputs: Features) -> npt.NDArray[np.float64]:
    """Logits of windows, shape (n,)."""
    logits = model.predict(inputs, batch_size=_PREDICTION_BATCH, verbose=0)
    return np.asarray(logits[:, 0], dtype=np.float64)
