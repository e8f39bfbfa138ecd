"""One epoch of Adam as one graph: shuffling, masking and dropout known by seed and epoch alone.

A run that was interrupted so goes on to the same weights.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from edge.arrays import AnyArray, Features, FloatArray, IntArray
from edge.outputs import replace_file
from trainer.models.classifier import Tell
from trainer.models.engine import keras, tf

#: Those of Kingma & Ba (2015), arXiv:1412.6980, with the epsilon of Keras.
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-7

#: From inputs and a generator to inputs, some of them masked.
Drop = Callable[[Features, np.random.Generator], Features]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Windows as the loop takes them.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n, L, C)
    label : ndarray of float32, shape (n,)
        1 or 0; in training, the probability in between that a teacher gives.
    weight : ndarray of float32, shape (n,)
    """

    inputs: Features
    label: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]


def batches(n: int, batch: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Deal n windows into batches as even as can be.

    Parameters
    ----------
    n, batch : int
        Windows, and the most in a batch.
    rng : Generator

    Returns
    -------
    ndarray of int32, shape (batches, width)
        Indices; -1 fills the batches that are one short.
    """
    count = -(-n // batch)
    width = -(-n // count)
    dealt = np.full((width, count), -1, dtype=np.int32)
    dealt.reshape(-1)[:n] = rng.permutation(n)
    return np.ascontiguousarray(dealt.T)


class EpochGraph:
    """An epoch of a model as one graph, with Adam's moments.

    Moments of a frozen variable are kept up to date, so that its first step is no leap.

    Parameters
    ----------
    model : keras.Model
        Output one logit.
    used : ndarray of int64
        Which trainable variables ever learn; no gradient is taken of the others.
    examples : Examples
    decay : float
        Part of a kernel that a step at rate 1 takes away; biases keep theirs.
    """

    def __init__(
        self, model: keras.Model, used: IntArray, examples: Examples, decay: float = 0.0
    ) -> None:
        self._model = model
        self._decay = decay
        self._inputs = examples.inputs
        self._variables = [model.trainable_variables[i].value for i in used]
        self._first = [tf.Variable(tf.zeros_like(v)) for v in self._variables]
        self._second = [tf.Variable(tf.zeros_like(v)) for v in self._variables]
        self._steps = tf.Variable(0.0)
        self._label = tf.constant(examples.label)
        self._weight = tf.constant(examples.weight)
        # Concrete: TensorFlow would warn of retracing where it sees many functions of one place.
        self._epoch = tf.function(self._pass).get_concrete_function(
            tf.TensorSpec([None, *model.input_shape[1:]], tf.float32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([len(self._variables)], tf.float32),
        )

    def run(self, batch: int, rates: FloatArray, drop: Drop, seed: int, epoch: int) -> float:
        """Train for one epoch.

        Parameters
        ----------
        batch : int
        rates : ndarray
            Learning rate of each variable that ever learns.
        drop : callable
        seed, epoch : int
            All that is random depends on these two alone.

        Returns
        -------
        float
            Mean loss.
        """
        order, dropping, dropout = (
            np.random.default_rng([seed, epoch, purpose]) for purpose in range(3)
        )
        for generator in _seed_generators(self._model):
            generator.state.assign([int(dropout.integers(2**31)), 0])
        loss = self._epoch(
            tf.constant(drop(self._inputs, dropping)),
            tf.constant(batches(self._inputs.shape[0], batch, order)),
            tf.constant(rates.astype(np.float32)),
        )
        return float(loss)

    def _pass(self, inputs: Any, order: Any, rates: Any) -> Any:
        total = tf.constant(0.0)
        for dealt in order:
            there = tf.cast(dealt >= 0, tf.float32)
            chosen = tf.maximum(dealt, 0)
            weight = tf.gather(self._weight, chosen) * there
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(self._variables)
                logits = self._model(tf.gather(inputs, chosen), training=True)[:, 0]
                label = tf.gather(self._label, chosen)
                each = tf.nn.sigmoid_cross_entropy_with_logits(label, logits)
                loss = tf.reduce_sum(weight * each) / tf.reduce_sum(there)
            self._step(tape.gradient(loss, self._variables), rates)
            total += loss * tf.reduce_sum(there)
        return total / tf.cast(tf.shape(inputs)[0], tf.float32)

    def _step(self, gradients: list[Any], rates: Any) -> None:
        step = self._steps.assign_add(1.0)
        powers = tf.pow(_BETA_1, step), tf.pow(_BETA_2, step)
        for i, gradient in enumerate(gradients):
            tf.raw_ops.ResourceApplyAdam(
                var=self._variables[i].handle,
                m=self._first[i].handle,
                v=self._second[i].handle,
                beta1_power=powers[0],
                beta2_power=powers[1],
                lr=rates[i],
                beta1=_BETA_1,
                beta2=_BETA_2,
                epsilon=_EPSILON,
                grad=gradient,
            )
            if self._decay > 0.0 and self._variables[i].shape.rank > 1:
                self._variables[i].assign_sub(rates[i] * self._decay * self._variables[i])

    def values(self) -> list[AnyArray]:
        """All weights of the model."""
        return [np.array(w) for w in self._model.get_weights()]

    def assign(self, weights: list[AnyArray]) -> None:
        """Put them back."""
        self._model.set_weights(weights)

    def moments(self) -> list[AnyArray]:
        """State of the optimiser."""
        return [v.numpy() for v in (self._steps, *self._first, *self._second)]

    def assign_moments(self, moments: list[AnyArray]) -> None:
        """Put it back."""
        for v, value in zip((self._steps, *self._first, *self._second), moments, strict=True):
            v.assign(value)


def _seed_generators(model: keras.Model) -> Iterable[Any]:
    """Those of the dropout layers."""
    return [
        layer.seed_generator
        for layer in model.layers
        if isinstance(layer, keras.layers.Dropout) and layer.rate > 0.0
    ]


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
        Called in each epoch; see `trainer.models.training_loop`.
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
