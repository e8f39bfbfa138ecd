"""Decorrelation of windows, and their variation in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.common.clear_windows import ClearMoments, ClearWindows
from trainer.common.errors import TrainError
from trainer.models.augmentation import disturbed
from trainer.models.whitening import fit_whitening, whiten, within_clip

NAMES = ("log_ne", "te")


def correlated(n: int = 4000, length: int = 8) -> np.ndarray:
    rng = np.random.default_rng(3)
    steps = rng.normal(size=(n, length)).cumsum(axis=1)
    values = np.stack([steps, rng.normal(size=(n, length))], axis=2)
    return np.concatenate([values, np.ones_like(values)], axis=2).astype(np.float32)


def clear_of(inputs: np.ndarray) -> ClearWindows:
    moments = ClearMoments(8, 2)
    for part in np.array_split(inputs, 3):
        moments.add(part[:, :, :2], part[:, :, 2:])
    return moments.result()


def test_covariances_are_those_of_numpy() -> None:
    inputs = correlated()
    clear = clear_of(inputs)
    assert clear.count.tolist() == [4000, 4000]
    for column in range(2):
        expected = np.cov(inputs[:, :, column], rowvar=False, ddof=0)
        np.testing.assert_allclose(clear.covariance[column], expected, atol=1e-6)


def test_what_was_saved_is_loaded_and_damage_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clear_windows.npz"
    clear = clear_of(correlated())
    clear.save(path)
    found = ClearWindows.load(path)
    np.testing.assert_array_equal(found.covariance, clear.covariance)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainError, match=r"clear_windows\.npz: no covariance of clear windows"):
        ClearWindows.load(path)


def test_whitened_rows_are_not_correlated() -> None:
    inputs = correlated()
    matrices = fit_whitening(clear_of(inputs), 1e-4, NAMES)
    np.testing.assert_allclose(matrices, matrices.transpose(0, 2, 1), atol=1e-9)
    found = whiten(inputs, matrices)
    covariance = np.cov(found[:, :, 0], rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(8), atol=0.05)
    np.testing.assert_array_equal(found[:, :, 2:], inputs[:, :, 2:])


def test_clipped_values_and_windows_that_are_drawn_in() -> None:
    inputs = correlated()
    matrices = fit_whitening(clear_of(inputs), 0.1, NAMES)
    free = whiten(inputs, matrices)
    held = whiten(inputs, matrices, 2.0)
    np.testing.assert_array_equal(held[:, :, :2], np.clip(free[:, :, :2], -2.0, 2.0))
    drawn = within_clip(inputs, matrices, 2.0)
    assert np.abs(whiten(drawn, matrices)[:, :, :2]).max() <= 2.0 + 1e-5
    small = np.abs(free[:, :, :2]).max(axis=(1, 2)) < 2.0
    np.testing.assert_array_equal(drawn[small], inputs[small])
    np.testing.assert_array_equal(drawn[:, :, 2:], inputs[:, :, 2:])


def test_an_observable_that_is_never_there_is_left_alone_and_a_rare_one_is_an_error() -> None:
    inputs = correlated()
    inputs[:, :, [0, 2]] = 0.0
    matrices = fit_whitening(clear_of(inputs), 0.1, NAMES)
    np.testing.assert_array_equal(matrices[0], np.eye(8))
    np.testing.assert_array_equal(whiten(inputs, matrices)[:, :, 0], inputs[:, :, 0])
    rare = correlated()
    rare[49:, :, [0, 2]] = 0.0
    with pytest.raises(TrainError, match="log_ne is valid in 49 clear training windows"):
        fit_whitening(clear_of(rare), 0.1, NAMES)


def test_rows_that_are_masked_now_and_then_tell_what_they_can() -> None:
    inputs = correlated(20_000)
    whole = fit_whitening(clear_of(inputs), 0.1, NAMES)
    rng = np.random.default_rng(4)
    inputs[:, :, 2] = rng.random((20_000, 8)) < 0.5
    inputs[:, :, 0] *= inputs[:, :, 2]
    clear = clear_of(inputs)
    # No window is whole, but each pair of rows is there in a quarter.
    assert 4500 < clear.count[0] < 5500
    np.testing.assert_allclose(fit_whitening(clear, 0.1, NAMES)[0], whole[0], atol=0.06)


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
