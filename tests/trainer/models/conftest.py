"""Small windows of which a class can be told from the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from trainer.models.window_set import WindowSet, windows_of_arrays

LENGTH, OBSERVABLES = 8, ("log_ne", "te", "log_o")


def make_windows(n: int, seed: int, signal: float = 1.5) -> WindowSet:
    """Half positives; the signal is in all that any kind looks at, and the last column in none."""
    rng = np.random.default_rng(seed)
    label = (np.arange(n) % 2).astype(np.int8)
    valid = rng.random((n, LENGTH, 3)) < np.where(label, 0.7, 0.95)[:, None, None]
    if signal == 0.0:
        valid = rng.random((n, LENGTH, 3)) < 0.9
    values = rng.normal(size=(n, LENGTH, 3))
    values[label == 1, 2:6, 0] += signal
    valid[:, :, 2] = False
    inputs = np.concatenate([values * valid, valid], axis=2).astype(np.float32)
    windows = windows_of_arrays(inputs, label, OBSERVABLES)
    shift = signal * label
    return replace(
        windows,
        mission="cses",
        time=np.datetime64("2020-01-01T00:00:00.000")
        + rng.integers(0, 300 * 86_400_000, n).astype("timedelta64[ms]"),
        latitude=rng.normal(size=n) + shift,
        longitude=rng.uniform(-180.0, 180.0, n),
        dipole_latitude=rng.normal(size=n),
        local_time=np.full(n, 2.0),
        pair=np.arange(n) // 2,
        cluster=np.where(label == 1, np.arange(n) // 4, -1),
        seismicity=np.stack([rng.normal(size=n) + shift, np.full(n, np.nan)], axis=1),
    )


@pytest.fixture(scope="session")
def windows_maker() -> Callable[..., WindowSet]:
    """Makes n windows from a seed, by default with a signal."""
    return make_windows
