"""Trains a network with Keras until the validation windows gain no more, and resumes it.

Batches, masks, noise and dropout are drawn by seed and epoch alone: so a run that was killed comes
to the weights of one that was not.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from edge.arrays import AnyArray, Features, FloatArray
from edge.outputs import replace_file
from trainer.models.classifier import Tell
from trainer.models.engine import keras, tf

#: Where a checkpoint lies in its folder.
CHECKPOINT_FILE = "training.npz"
_PREDICTION_BATCH = 4096

#: What is known of an epoch: ``epoch``, ``loss``, ``validation_loss`` and ``validation_pr_auc``.
Epoch = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Windows as a network takes them.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n, L, C)
    label : ndarray of float32, shape (n,)
        1 or 0.
    weight : ndarray of float32, shape (n,)
    """

    inputs: Features
    label: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FitPlan:
    """How to train.

    Attributes
    ----------
    seed, batch : int
    patience : int
        Epochs without a better one after which training ends.
    rates : ndarray, shape (epochs, variables)
        Learning rate of each trainable variable in each epoch; 0 leaves it as it is.
    warm : int
        Epochs from which on patience counts.
    start_counts : bool
        Whether the initial weights are a candidate for the best, as pretrained ones are.
    vary : callable
        Called in each epoch with the training inputs and a generator; gives what is trained on.
    decay : float
        Of the weights of kernels; see `trainer.models.networks.Optimisation`.
    """

    seed: int
    batch: int
    patience: int
    rates: FloatArray
    warm: int
    start_counts: bool
    vary: Callable[[Features, np.random.Generator], Features]
    decay: float


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Training windows in batches as even as can be, dealt anew for each epoch."""

    def __init__(self, examples: Examples, plan: FitPlan) -> None:
        super().__init__()
        self.examples, self._plan = examples, plan
        self.deal(0)

    def deal(self, epoch: int) -> None:
        """Shuffle and vary the windows; by seed and epoch alone."""
        order, varying = (np.random.default_rng([self._plan.seed, epoch, i]) for i in range(2))
        self._inputs = self._plan.vary(self.examples.inputs, varying)
        shuffled = order.permutation(self._inputs.shape[0])
        self._batches = np.array_split(shuffled, len(self))

    def __len__(self) -> int:
        """Give the number of batches."""
        return -(-self.examples.label.size // self._plan.batch)

    def __getitem__(self, number: int) -> tuple[AnyArray, AnyArray, AnyArray]:
        """Give inputs, labels and weights of a batch."""
        chosen = self._batches[number]
        return self._inputs[chosen], self.examples.label[chosen], self.examples.weight[chosen]


class _Adam(keras.optimizers.Adam):  # type: ignore[misc]
    """Adam with a rate for each variable in each epoch.

    Moments of a variable that does not learn yet are kept up to date: its first step is no leap.
    """

    def __init__(self, rates: FloatArray, steps: int, decay: float) -> None:
        super().__init__(name="adam")
        self._rates, self._steps, self._decay = tf.constant(rates, tf.float32), steps, decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        rate = self._rates[self.iterations // self._steps, self._get_variable_index(variable)]
        super().update_step(gradient, variable, rate)
        if self._decay > 0.0 and len(variable.shape) > 1:
            self.assign_sub(variable, rate * self._decay * variable)


class _Keeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps history and best weights, writes checkpoints, and stops in time.

    Not `EarlyStopping` and `BackupAndRestore`: those know no weights from before the first epoch,
    and forget the best ones when a run is resumed.
    """

    def __init__(
        self,
        batches: Batches,
        validation: Examples,
        plan: FitPlan,
        checkpoint: Path | None,
        tell: Tell,
        on_epoch: Callable[[Epoch], None] | None,
    ) -> None:
        super().__init__()
        self._batches, self._validation, self._plan = batches, validation, plan
        self._identity = ""
        self._checkpoint, self._tell, self._on_epoch = checkpoint, tell, on_epoch
        self.history: list[Epoch] = []
        self.least, self.kept_epoch = float("inf"), 0
        self.best: list[AnyArray] = []

    def begin(self, model: keras.Model) -> None:
        """Take the weights before the first epoch for the best, or those of a checkpoint."""
        self.best = model.get_weights()
        if self._plan.start_counts:
            self.least = self._value(predict_logits(model, self._validation.inputs))
        if self._checkpoint is not None:
            self._identity = self._identify()
            if (self._checkpoint / CHECKPOINT_FILE).is_file():
                self._resume(self._checkpoint / CHECKPOINT_FILE, model)

    @property
    def ended(self) -> bool:
        """Whether validation gains no more."""
        waited = len(self.history) - max(self.kept_epoch, self._plan.warm)
        return waited >= self._plan.patience

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._batches.deal(epoch)
        dropout = np.random.default_rng([self._plan.seed, epoch, 2])
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.Dropout) and layer.rate > 0.0:
                layer.seed_generator.state.assign([int(dropout.integers(2**31)), 0])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logits = predict_logits(self.model, self._validation.inputs)
        entry: Epoch = {
            "epoch": epoch + 1,
            "loss": float(logs["loss"]),
            "validation_loss": self._value(logits),
            "validation_pr_auc": float(average_precision_score(self._validation.label, logits)),
        }
        self.history.append(entry)
        if entry["validation_loss"] < self.least:
            self.least, self.kept_epoch = entry["validation_loss"], epoch + 1
            self.best = self.model.get_weights()
        self.model.stop_training = self.ended
        self._tell(
            f"epoch {epoch + 1}: loss {entry['loss']:.4f}, "
            f"validation loss {entry['validation_loss']:.4f}, "
            f"validation PR {entry['validation_pr_auc']:.4f}"
        )
        if self._checkpoint is not None:
            self._write(self._checkpoint)
        if self._on_epoch is not None:
            self._on_epoch(dict(entry))

    def _value(self, logits: FloatArray) -> float:
        """Weighted cross-entropy."""
        each = np.logaddexp(0.0, logits) - self._validation.label * logits
        return float(np.average(each, weights=self._validation.weight))

    def _identify(self) -> str:
        """Digest what the result depends on; the first weights stand for the network."""
        examples = (self._batches.examples, self._validation)
        digest = hashlib.sha256(repr((self._plan.seed, self._plan.batch)).encode())
        for array in (self._plan.rates, *self.best, *(e.inputs for e in examples)):
            digest.update(np.ascontiguousarray(array).tobytes())
        for some in examples:
            digest.update(some.label.tobytes())
        return digest.hexdigest()

    def _write(self, folder: Path) -> None:
        words = json.dumps([self._identity, self.history, self.least, self.kept_epoch])
        arrays = [*self.model.get_weights(), *(v.numpy() for v in self.model.optimizer.variables)]
        stream = io.BytesIO()
        np.savez(stream, np.array(words), *arrays, *self.best)
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / CHECKPOINT_FILE, stream.getvalue())

    def _resume(self, path: Path, model: keras.Model) -> None:
        state, weights = model.optimizer.variables, len(model.weights)
        try:
            with np.load(path, allow_pickle=False) as file:
                words, *arrays = (file[f"arr_{i}"] for i in range(len(file.files)))
            identity, history, least, kept_epoch = json.loads(str(words))
            if identity != self._identity:
                self._tell(f"{path}: is of other data or parameters; training starts anew")
                return
            model.set_weights(arrays[:weights])
            for variable, value in zip(state, arrays[weights:-weights], strict=True):
                variable.assign(value)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            model.set_weights(self.best)
            self._tell(f"{path}: is damaged; training starts anew")
            return
        self.history, self.least, self.kept_epoch = history, least, kept_epoch
        self.best = arrays[-weights:]
        self._tell(f"resumed after epoch {len(history)}")


def fit_network(
    model: keras.Model,
    examples: Examples,
    validation: Examples,
    plan: FitPlan,
    checkpoint: Path | None,
    tell: Tell,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[list[Epoch], int]:
    """Train until the validation windows gain no more.

    Parameters
    ----------
    model : keras.Model
        Output one logit; trained in place, and left with the weights of its best epoch.
    examples, validation : Examples
    plan : FitPlan
    checkpoint : Path or None
        Folder whose state is resumed if it is there and fits, and written after each epoch.
    tell : callable
    on_epoch : callable, optional
        Takes the entry of each epoch once it is kept; what it raises ends the training.

    Returns
    -------
    history : list of dict
    kept_epoch : int
        The best one; 0: the initial weights.

    Notes
    -----
    The best epoch is the one with the least weighted cross-entropy on validation. It is a proper
    score that uses every window, and so it varies less from sample to sample than the area under
    the precision-recall curve, which at weak skill picks lucky epochs.
    """
    used = (plan.rates > 0.0).any(axis=0)
    frozen = [v for v, learns in zip(model.trainable_variables, used, strict=True) if not learns]
    for variable in frozen:
        variable.trainable = False
    batches = Batches(examples, plan)
    optimizer = _Adam(plan.rates[:, used], len(batches), plan.decay)
    optimizer.build(model.trainable_variables)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    # All batches of an epoch in one call: fit's own work between them is as long as a small step.
    model.compile(optimizer, loss, steps_per_execution=len(batches))
    keeper = _Keeper(batches, validation, plan, checkpoint, tell, on_epoch)
    keeper.begin(model)
    try:
        if not keeper.ended:
            model.fit(
                batches,
                initial_epoch=len(keeper.history),
                epochs=plan.rates.shape[0],
                callbacks=[keeper],
                shuffle=False,
                verbose=0,
            )
    finally:
        for variable in frozen:
            variable.trainable = True
    model.set_weights(keeper.best)
    return keeper.history, keeper.kept_epoch


def predict_logits(model: keras.Model, inputs: Features) -> FloatArray:
    """Give a network's output for windows (n, L, C), shape (n,)."""
    starts = range(0, inputs.shape[0], _PREDICTION_BATCH)
    parts = [model.predict_on_batch(inputs[s : s + _PREDICTION_BATCH])[:, 0] for s in starts]
    return np.concatenate([np.zeros(0), *parts])
