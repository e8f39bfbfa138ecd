"""The CNN-BiLSTM of Xiong et al. 2021 in Keras, and its inference graph for the edge.

The L steps of a window are cut in sub-sequences; convolutions see each of them alone, and a
bidirectional LSTM joins them (Front. Environ. Sci. 9:779255). The paper's softmax over two
classes is written as one logit, the difference of its two: the probabilities are the same.

A linear path, which is not the paper's, may add a linear function of the window to that logit.
A known shape in white noise is found best by a linear function (the matched filter), and a
network of rectifiers has to put one together of many weights; here it has one for each value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edge.arrays import AnyArray, FloatArray
from trainer.datasets.recipe import Count, Section, Share
from trainer.models.engine import keras, tf
from trainer.models.whitening import Whitening

layers = keras.layers

#: Layer that sees the inputs.
FIRST_LAYER = "convolution_0"


#: Layer that sees the values alone, and none of the others.
LINEAR = "linear"


class Network(Section, frozen=True, kw_only=True):
    """Sizes of the network, and whether it has a linear path."""

    subsequences: Count
    convolutions: Count
    kernel: Count
    filters: Count
    lstm: Count
    dense: Count
    dropout: Share
    lstm_layers: Count = 1
    dense_layers: Count = 1
    linear: bool = False


class PerSubsequence(keras.layers.TimeDistributed):  # type: ignore[misc]
    """A layer applied to each sub-sequence alone, all of a batch in one call."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Apply it to (B, parts, steps, features); Keras itself would loop over the parts."""
        folded = keras.ops.reshape(inputs, (-1, *inputs.shape[2:]))
        outputs = self.layer.call(folded)
        return keras.ops.reshape(outputs, (-1, inputs.shape[1], *outputs.shape[1:]))


def build_model(network: Network, length: int, columns: int) -> keras.Model:
    """Make an untrained network.

    Parameters
    ----------
    network : Network
    length : int
        Rows in a window, L; a multiple of ``network.subsequences``.
    columns : int
        Features in a row, C.

    Returns
    -------
    keras.Model
        Input (B, L, C), output (B, 1): the logit of the positive class.
    """
    parts = network.subsequences
    inputs = keras.Input((length, columns))
    x = layers.Reshape((parts, length // parts, columns))(inputs)
    for i in range(network.convolutions):
        convolution = layers.Conv1D(
            network.filters, network.kernel, padding="same", activation="relu"
        )
        x = PerSubsequence(convolution, name=f"convolution_{i}")(x)
    x = layers.Dropout(network.dropout)(x)
    x = PerSubsequence(layers.MaxPooling1D(2))(x)
    x = PerSubsequence(layers.Flatten())(x)
    for i in range(network.lstm_layers):
        # Unrolled, since there are as few steps as sub-sequences.
        whole = i + 1 < network.lstm_layers
        lstm = layers.LSTM(network.lstm, unroll=True, return_sequences=whole)
        x = layers.Bidirectional(lstm, name=_numbered("recurrent", i))(x)
    x = layers.Dropout(network.dropout)(x)
    for i in range(network.dense_layers):
        x = layers.Dense(network.dense, activation="relu", name=_numbered("dense", i))(x)
    logit = layers.Dense(1, name="logit")(x)
    return keras.Model(inputs, with_linear(inputs, logit) if network.linear else logit)


def with_linear(inputs: Any, logit: Any) -> Any:
    """Add a linear function of a window's values to a logit.

    Parameters
    ----------
    inputs : keras.KerasTensor, shape (B, L, 2 F)
        F values, then F flags.
    logit : keras.KerasTensor, shape (B, 1)

    Returns
    -------
    keras.KerasTensor, shape (B, 1)

    Notes
    -----
    It has L x F weights and no bias: the logit has one. Flags have no weights, since controls
    match the masks of their positives and a masked value, 0, adds nothing as it is. Weights are 0
    at first, and so training begins as it does without them. They need no penalty beyond
    ``decay``: noise on the inputs of a linear function is one on the squares of its weights
    (Bishop 1995, doi:10.1162/neco.1995.7.1.108).
    """
    values = layers.Flatten()(inputs[:, :, : inputs.shape[2] // 2])
    linear = layers.Dense(1, use_bias=False, kernel_initializer="zeros", name=LINEAR)(values)
    return layers.Add()([logit, linear])


def _numbered(name: str, i: int) -> str:
    """Name of the i-th layer of a kind; the first has no number, as when there was but one."""
    return f"{name}_{i}" if i else name


def describe(network: Network, parameters: int) -> str:
    """Say in one line what the network is."""
    recurrent = f"BiLSTM({network.lstm})"
    if network.lstm_layers > 1:
        recurrent = f"{network.lstm_layers} x {recurrent}"
    dense = f"dense {network.dense}"
    if network.dense_layers > 1:
        dense = f"{network.dense_layers} x {dense}"
    return (
        f"CNN-BiLSTM: {network.subsequences} sub-sequences, {network.convolutions} x "
        f"Conv1D({network.filters}, {network.kernel}), max pooling 2, {recurrent}, "
        f"{dense}, one logit{' plus a linear path' * network.linear}; {parameters} parameters"
    )


def inference_function(
    model: keras.Model, whitening: Whitening | None = None
) -> Callable[[Any], Any]:
    """Rebuild the network from its weights, without loops, states or dropout.

    Parameters
    ----------
    model : keras.Model
        Of `build_model`.
    whitening : Whitening, optional
        That the network was trained behind.

    Returns
    -------
    tf.function
        From float32 (B, L, C) to (B, 1), for any batch B.

    Notes
    -----
    A Keras LSTM converts to an operation that cannot be batched or keeps its state between calls.
    Here each step of a direction is one matmul over the input and the state beside each other, and
    step 0, whose state is zero, has neither a recurrent product nor a forget gate. Gates are cut by
    even splits: strided slices, of which there were twenty, cost LiteRT a third of its time, and
    element-wise sums of int8 are what is slow in tflite-runtime (``tests/benchmarks/network.py``
    has what was tried). Reshapes name every size but the batch, or the file could not be resized.
    Whitening is one matmul over all values of a window; the flags pass it as they are. The linear
    path is another, with weights 0 for the flags: a slice would be one more operation.
    """
    _, length, columns = model.input_shape
    convolutions = _weights(model, "convolution_")
    parts = model.get_layer(FIRST_LAYER).output.shape[1]
    recurrent = _weights(model, "recurrent")
    dense = _weights(model, "dense")
    logit = model.get_layer("logit").get_weights()
    linear = _linear(model)
    pooled = length // parts // 2
    flat = pooled * convolutions[-1][1].size

    mixing = None if whitening is None else _mixing(whitening.matrices)
    clip = 0.0 if whitening is None else whitening.clip

    def infer(windows: Any) -> Any:
        values = tf.reshape(windows, [-1, length * columns])
        if mixing is not None:
            values = tf.matmul(values, mixing)
        if clip > 0.0:
            values = tf.clip_by_value(values, -clip, clip)
        # One row of pixels for each sub-sequence: a plain convolution with a free batch.
        x = tf.reshape(values, [-1, 1, length // parts, columns])
        for kernel, bias in convolutions:
            x = tf.nn.relu(tf.nn.conv2d(x, kernel[None], 1, "SAME") + bias)
        x = tf.nn.max_pool2d(x, [1, 2], [1, 2], "VALID")
        steps = tf.split(tf.reshape(x, [-1, parts * flat]), parts, axis=1)
        for weights in recurrent:
            ahead, back = _run(steps, weights[:3]), _run(steps[::-1], weights[3:])
            steps = [tf.concat([a, b], axis=1) for a, b in zip(ahead, back[::-1], strict=True)]
        # Each direction ends at its own side.
        h = tf.concat([ahead[-1], back[-1]], axis=1)
        for kernel, bias in dense:
            h = tf.nn.relu(tf.matmul(h, kernel) + bias)
        found = tf.matmul(h, logit[0]) + logit[1]
        return found if linear is None else found + tf.matmul(values, linear)

    signature = [tf.TensorSpec([None, length, columns], tf.float32, name="windows")]
    graph: Callable[[Any], Any] = tf.function(infer, input_signature=signature)
    return graph


def _mixing(matrices: FloatArray) -> AnyArray:
    """Lay the matrices of all observables out as one, (L C, L C), for flattened windows."""
    observables, length, _ = matrices.shape
    whole = np.zeros((length, 2 * observables, length, 2 * observables), dtype=np.float32)
    rows = np.arange(length)
    for column in range(observables):
        whole[:, column, :, column] = matrices[column].T
        whole[rows, observables + column, rows, observables + column] = 1.0
    size = length * 2 * observables
    return whole.reshape(size, size)


def _linear(model: keras.Model) -> AnyArray | None:
    """Weights of the linear path for flattened windows, (L C, 1), if there is one."""
    found = _weights(model, LINEAR)
    if not found:
        return None
    _, length, columns = model.input_shape
    whole = np.zeros((length, columns), dtype=np.float32)
    whole[:, : columns // 2] = found[0][0].reshape(length, -1)
    return whole.reshape(-1, 1)


def _weights(model: keras.Model, prefix: str) -> list[list[AnyArray]]:
    """Weights of the layers whose names begin so, from the input on."""
    return [
        [w.astype(np.float32) for w in layer.get_weights()]
        for layer in model.layers
        if layer.name.startswith(prefix)
    ]


def _run(steps: list[Any], weights: list[AnyArray]) -> list[Any]:
    """Hidden states of one direction, each (B, units), over steps of (B, features)."""
    kernel, recurrent, bias = weights
    states: list[Any] = []
    cell = None
    for x in steps:
        if cell is None:
            i, c, o = _gates(x, kernel, bias, (0, 2, 3))
            cell = tf.sigmoid(i) * tf.tanh(c)
        else:
            beside = tf.concat([x, states[-1]], axis=1)
            both = np.concatenate([kernel, recurrent])
            i, f, c, o = _gates(beside, both, bias, (0, 1, 2, 3))
            cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(c)
        states.append(tf.sigmoid(o) * tf.tanh(cell))
    return states


def _gates(x: Any, kernel: AnyArray, bias: AnyArray, which: tuple[int, ...]) -> list[Any]:
    """Gates before their activations, of Keras's input, forget, cell and output gate."""
    some, offset = (
        np.concatenate([np.split(w, 4, axis=-1)[gate] for gate in which], axis=-1)
        for w in (kernel, bias)
    )
    result: list[Any] = tf.split(tf.matmul(x, some) + offset, len(which), axis=1)
    return result
