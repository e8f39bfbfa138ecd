"""How simulated windows are shown: residuals by hand, whitened by clear ones."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from edge.climatology import SHAPE, Climatology
from edge.observables import PROFILES
from trainer.research.memory.windows import SimulatedWindows, View, join
from trainer.simulate.parameters import PARAMETERS

NAMES = PROFILES["plasma"].names


def made_up(n: int = 60) -> SimulatedWindows:
    rng = np.random.default_rng(2)
    mean = np.broadcast_to(np.array([4.5, 900.0, 4.4, 850.0, -1.6]), (n, 20, 5))
    sigma = np.append(PARAMETERS["cses"].sigma, PARAMETERS["cses"].b_rms_sigma)
    values = mean[:, None] + sigma * rng.normal(size=(n, 2, 20, 5))
    valid = np.ones((n, 20, 5), np.bool_)
    valid[: n // 10, :, 2] = False
    number = np.arange(n)
    columns = {
        "values": values.astype(np.float32),
        "mean": mean.astype(np.float32),
        "valid": valid,
        "latitude": np.tile(np.linspace(10.0, 14.0, 20), (n, 1)),
        "longitude": np.full((n, 20), 100.0),
        "altitude": np.full((n, 20), 507.0),
        "cell": 515_000_000 + 100 * number,
        "label": (number % 2 == 0).astype(np.int8),
        "cluster": number // 2,
        "pair": number // 2,
        "samples": np.ones((n, 20, 5), np.int8),
        "bubble_chance": np.zeros((n, 0), np.float32),
        "log_ratio": np.full((n, 2), np.nan),
        "orbit": number,
    }
    unknown = {f.name: np.zeros(n) for f in fields(SimulatedWindows) if f.name not in columns}
    return SimulatedWindows(**columns, **unknown)


def test_exact_residuals_are_standard_and_masked_ones_zero() -> None:
    windows = made_up()
    view = View("cses", ("strong",), None, windows)
    rows = view.residuals(windows)
    np.testing.assert_array_equal(rows[:, :, 5:] > 0.5, windows.valid)
    assert not rows[:6, :, 2].any()
    assert abs(rows[10:, :, :5].std() - 1.0) < 0.05


def test_a_climatology_is_asked_for_each_row() -> None:
    windows = made_up()
    median = np.zeros((*SHAPE, 5))
    median[:] = windows.mean[0, 0]
    climatology = Climatology(NAMES, {"cses": median}, {"cses": np.full_like(median, 2.0)})
    rows = View("cses", ("strong",), climatology, windows).residuals(windows, 1)
    expected = np.clip((windows.values[:, 1] - windows.mean) / 2.0, -6.0, 6.0)
    np.testing.assert_allclose(rows[20:, :, :5], expected[20:], atol=1e-4)


def test_whitened_windows_are_a_window_set() -> None:
    windows = made_up()
    view = View("cses", ("strong",), None, windows)
    found = view.window_set(windows, "strong", view.whitening(0.1))
    assert found.observables == NAMES
    assert found.positive.sum() == 30
    assert (found.cluster[~found.positive] == -1).all()
    assert found.inputs.shape == (60, 20, 10)
    assert not np.array_equal(found.inputs, view.residuals(windows, 1))


def test_joined_windows_are_numbered_on() -> None:
    both = join([made_up(4), made_up(4)])
    assert both.cluster.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert both.clusters(1, 3).cluster.tolist() == [1, 1, 2, 2]
