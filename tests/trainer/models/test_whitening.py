"""Decorrelation of windows, and their variation in training."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.models.augmentation import disturbed
from trainer.models.whitening import fit_whitening, whiten, within_clip


def correlated(n: int = 4000, length: int = 8) -> np.ndarray:
    rng = np.random.default_rng(3)
    steps = rng.normal(size=(n, length)).cumsum(axis=1)
    values = np.stack([steps, rng.normal(size=(n, length))], axis=2)
    return np.concatenate([values, np.ones_like(values)], axis=2).astype(np.float32)


def test_whitened_rows_are_not_correlated() -> None:
    inputs = correlated()
    matrices = fit_whitening(inputs, 1e-4)
    np.testing.assert_allclose(matrices, matrices.transpose(0, 2, 1), atol=1e-9)
    found = whiten(inputs, matrices)
    covariance = np.cov(found[:, :, 0], rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(8), atol=0.05)
    np.testing.assert_array_equal(found[:, :, 2:], inputs[:, :, 2:])


def test_clipped_values_and_windows_that_are_drawn_in() -> None:
    inputs = correlated()
    matrices = fit_whitening(inputs, 0.1)
    free = whiten(inputs, matrices)
    held = whiten(inputs, matrices, 2.0)
    np.testing.assert_array_equal(held[:, :, :2], np.clip(free[:, :, :2], -2.0, 2.0))
    drawn = within_clip(inputs, matrices, 2.0)
    assert np.abs(whiten(drawn, matrices)[:, :, :2]).max() <= 2.0 + 1e-5
    small = np.abs(free[:, :, :2]).max(axis=(1, 2)) < 2.0
    np.testing.assert_array_equal(drawn[small], inputs[small])
    np.testing.assert_array_equal(drawn[:, :, 2:], inputs[:, :, 2:])


def test_an_observable_that_is_hardly_there_is_left_alone() -> None:
    inputs = correlated()
    inputs[20:, :, 2] = 0.0
    inputs[20:, :, 0] = 0.0
    matrices = fit_whitening(inputs, 0.1)
    np.testing.assert_array_equal(matrices[0], np.eye(8))
    np.testing.assert_array_equal(whiten(inputs, matrices)[:, :, 0], inputs[:, :, 0])


@given(st.floats(0.0, 2.0), st.floats(0.0, 1.0), st.integers(0, 100))
def test_disturbed_windows_keep_their_masks(noise: float, reverse: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    flags = rng.random((12, 6, 3)) < 0.7
    values = np.where(flags, rng.normal(size=flags.shape), 0.0)
    inputs = np.concatenate([values, flags], axis=2).astype(np.float32)
    found = disturbed(inputs, noise, reverse, rng)
    forward = (found[:, :, 3:] == inputs[:, :, 3:]).all(axis=(1, 2))
    backward = (found[:, :, 3:] == inputs[:, ::-1, 3:]).all(axis=(1, 2))
    assert (forward | backward).all()
    assert (found[:, :, :3][found[:, :, 3:] == 0.0] == 0.0).all()
    if noise == 0.0 and reverse == 0.0:
        np.testing.assert_array_equal(found, inputs)
