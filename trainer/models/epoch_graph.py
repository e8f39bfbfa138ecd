"""One epoch of Adam as one graph: shuffling, masking and dropout known by seed and epoch alone.

`keras.Model.fit` spends more on its own machinery than on networks of this size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray, Features, FloatArray, IntArray
from trainer.engine import keras, tf

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
        1 or 0.
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
