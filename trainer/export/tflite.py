"""From a trained network to TFLite files, and what a file must not hold."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from edge.arrays import Features
from trainer.models.engine import keras, tf
from trainer.models.seqnetquake import inference_function
from trainer.models.whitening import Whitening, within_clip

#: Operations that keep a state between calls, run a loop, or are none of TFLite's own.
_REFUSED = (
    "CALL_ONCE",
    "VAR_HANDLE",
    "READ_VARIABLE",
    "ASSIGN_VARIABLE",
    "WHILE",
    "LSTM",
    "RNN",
    "FLEX",
    "CUSTOM",
)


def convert_int8(
    model: keras.Model, representative: Features, whitening: Whitening | None = None
) -> bytes:
    """Quantise a network with int8 weights, activations, input and output.

    Parameters
    ----------
    model : keras.Model
        Of `trainer.models.seqnetquake.build_model`.
    representative : ndarray of float32, shape (n, L, C)
        Some hundred clipped windows of the training block. They set the ranges.
    whitening : Whitening, optional
        That the network was trained behind; it becomes part of the file.

    Returns
    -------
    bytes
        A TFLite file that can be resized to any batch.
    """
    if whitening is not None and whitening.clip > 0.0:
        representative = within_clip(representative, whitening.matrices, whitening.clip)

    def windows() -> Iterator[list[Any]]:
        for i in range(representative.shape[0]):
            yield [representative[i : i + 1]]

    converter = _converter(model, whitening)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = windows
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    # Otherwise tflite-runtime 2.14 crashes on aarch64 at batches above one.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    with warnings.catch_warnings():
        # It misses statistics that belong to the training-time kind of quantisation.
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
        return bytes(converter.convert())


def convert_float32(model: keras.Model, whitening: Whitening | None = None) -> bytes:
    """Convert a network as it is."""
    return bytes(_converter(model, whitening).convert())


def faults(content: bytes) -> list[str]:
    """Say what makes a file unfit for the edge.

    Parameters
    ----------
    content : bytes
        TFLite.

    Returns
    -------
    list of str
        Operations with a state, loops and operations that are none of TFLite's own; weights of
        dense layers with a scale for each row, which end tflite-runtime 2.14 on aarch64 with a
        segmentation fault in batches of two and more.
    """
    with warnings.catch_warnings():
        # TensorFlow says that LiteRT takes this over.
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(
            model_content=content,
            experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    tensors = {t["index"]: t for t in interpreter.get_tensor_details()}
    operations = interpreter._get_ops_details()
    found = [
        f"the operation {name}"
        for name in sorted({str(o["op_name"]) for o in operations})
        if any(word in name.upper() for word in _REFUSED)
    ]
    for operation in operations:
        if operation["op_name"] != "FULLY_CONNECTED":
            continue
        weights = tensors[int(operation["inputs"][1])]
        scales = weights["quantization_parameters"]["scales"].size
        if scales > 1:
            found.append(f"dense weights {weights['name']} with {scales} scales")
    return found


def _converter(model: keras.Model, whitening: Whitening | None = None) -> Any:
    holder = tf.Module()
    holder.infer = inference_function(model, whitening)
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [holder.infer.get_concrete_function()], holder
    )
