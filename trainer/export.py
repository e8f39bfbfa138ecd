"""From a trained network to a verified bundle."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.arrays import AnyArray, Features
from edge.bundle import (
    CARD_FILE,
    CARD_SUM_FILE,
    Card,
    Golden,
    card_sum,
    file_sha256,
    load_bundle,
)
from edge.climatology import Climatology
from edge.errors import BundleError
from trainer.engine import keras, tf
from trainer.folders import new_folder
from trainer.models.seqnetquake import inference_function
from trainer.models.whitening import Whitening, within_clip

MODEL_FILE = "model_int8.tflite"
CLIMATOLOGY_FILE = "climatology.npz"
GOLDEN_FILE = "golden.npz"


@dataclass(frozen=True, slots=True, eq=False)
class GoldenWindows:
    """Windows with the scores that the edge's runtime gave here.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n, L, C)
    scores : ndarray, shape (n,)
    tolerance : float
        Largest difference of a score that another runtime may show.
    """

    inputs: Features
    scores: AnyArray
    tolerance: float


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
    """Convert a network as it is, to tell the cost of quantisation from that of conversion."""
    return bytes(_converter(model, whitening).convert())


def _converter(model: keras.Model, whitening: Whitening | None = None) -> Any:
    holder = tf.Module()
    holder.infer = inference_function(model, whitening)
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [holder.infer.get_concrete_function()], holder
    )


def score_tolerance(logits: AnyArray, slope: float, steps: float) -> float:
    """Tolerance of golden scores.

    Parameters
    ----------
    logits : ndarray
        Many, of an int8 file: the smallest difference is one step of its output.
    slope : float
        Of the calibration.
    steps : float
        By which two machines may differ.

    Returns
    -------
    float
        At most 0.5; the logistic function is nowhere steeper than slope / 4.
    """
    levels = np.unique(logits)
    step = float(np.diff(levels).min()) if levels.size > 1 else 0.0
    return float(min(0.5, max(1e-4, 0.25 * slope * steps * step)))


def write_bundle(
    out: Path, card: Card, model: bytes, climatology: Climatology, golden: GoldenWindows
) -> Card:
    """Write a bundle beside its place, verify it, and put it there whole.

    Parameters
    ----------
    out : Path
        Folder of the bundle. What is there is replaced.
    card : Card
        Its file names, sums and golden entry are filled in here.
    model : bytes
    climatology : Climatology
    golden : GoldenWindows

    Returns
    -------
    Card
        As written.

    Raises
    ------
    BundleError
        `out` is a folder that holds no bundle, or what was written does not verify.
    """
    if out.exists() and not (out / CARD_FILE).is_file() and any(out.iterdir()):
        raise BundleError(f"{out}: is not a bundle, and is not replaced")
    with new_folder(out) as folder:
        (folder / MODEL_FILE).write_bytes(model)
        climatology.save(folder / CLIMATOLOGY_FILE)
        np.savez_compressed(
            folder / GOLDEN_FILE,
            inputs=golden.inputs.astype(np.float32),
            scores=golden.scores.astype(np.float64),
        )
        card = msgspec.structs.replace(
            card,
            model=MODEL_FILE,
            climatology=CLIMATOLOGY_FILE,
            golden=Golden(GOLDEN_FILE, golden.scores.size, golden.tolerance),
            files={
                name: file_sha256(folder / name)
                for name in (MODEL_FILE, CLIMATOLOGY_FILE, GOLDEN_FILE)
            },
        )
        text = msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"
        (folder / CARD_FILE).write_bytes(text)
        (folder / CARD_SUM_FILE).write_bytes(card_sum(text))
        load_bundle(folder)
    return card
