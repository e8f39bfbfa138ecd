"""Floating-point operations of a network, by which kinds are compared."""

from __future__ import annotations

import math
from typing import Any

from trainer.models.engine import keras


def flops(model: keras.Model) -> int:
    """Count the operations for one window, two for each multiply-add of a weight.

    Parameters
    ----------
    model : keras.Model
        Of `trainer.models.networks.build_network`.

    Returns
    -------
    int
        Without biases, activations and pooling, which are few, and without whitening, which is
        the same for all kinds: 2 L L F.

    Raises
    ------
    TypeError
        It has a layer with weights that is of no kind known here.
    """
    return 2 * sum(_multiply_adds(layer, layer) for layer in model.layers)


def _multiply_adds(layer: Any, whole: Any) -> int:
    """Of a layer for one window; `whole` is what it is wrapped in, with the window's shapes."""
    if isinstance(layer, keras.layers.TimeDistributed):
        return _multiply_adds(layer.layer, whole)
    if isinstance(layer, keras.layers.Bidirectional):
        pair = (layer.forward_layer, layer.backward_layer)
        return sum(_multiply_adds(one, whole) for one in pair)
    if isinstance(layer, keras.layers.LSTM):
        kernel, recurrent = (math.prod(w.shape) for w in layer.get_weights()[:2])
        return int(whole.input.shape[1] * (kernel + recurrent))
    if isinstance(layer, keras.layers.Dense | keras.layers.Conv1D):
        return int(math.prod(whole.output.shape[1:-1]) * math.prod(layer.kernel.shape))
    if hasattr(layer, "multiply_adds"):
        return int(layer.multiply_adds())
    if layer.trainable_weights:
        raise TypeError(f"no count of operations for a layer {type(layer).__name__}")
    return 0
