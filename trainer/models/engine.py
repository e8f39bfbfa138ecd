"""Keras and TensorFlow, quiet and reproducible; every module of ours takes them from here."""

from __future__ import annotations

import os

# Both are read when TensorFlow is imported: no greetings, and no kernels that differ by machine.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import tensorflow as tf

__all__ = ["keras", "make_deterministic", "tf"]


def make_deterministic(seed: int) -> None:
    """Seed everything, and have TensorFlow use reproducible kernels alone."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
