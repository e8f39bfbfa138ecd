"""Moments and ranges of the simulated background."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.simulate.background import (
    PARAMETERS,
    autoregressive,
    background,
    mean_plasma,
    residual_covariance,
)
from trainer.simulate.orbits import Pass, half_orbits


@pytest.fixture(scope="module")
def night() -> Pass:
    found = half_orbits("cses", np.datetime64("2019-11-01"), np.datetime64("2019-11-02"))
    return next(h for h in found if h.direction == 1)


def test_night_ranges_at_507_km(night: Pass) -> None:
    mean = mean_plasma(night)
    assert np.all((mean[:, 0] > 10.0) & (mean[:, 0] < 11.7))
    assert np.all((mean[:, 1] > 700.0) & (mean[:, 1] < 2500.0))
    assert np.all(mean[:, 2] < mean[:, 0])
    assert np.all((mean[:, 3] > 700.0) & (mean[:, 3] < 1500.0))
    assert np.corrcoef(mean[:, 0], mean[:, 1])[0, 1] < -0.5


def test_noise_has_the_stated_covariance(night: Pass) -> None:
    parameters = PARAMETERS["cses"]
    mean = mean_plasma(night)
    rows = [0, 30]
    drawn = np.array(
        [
            (background(night, np.random.SeedSequence([7, i]), magnetic=False).plasma - mean)[rows]
            for i in range(1500)
        ]
    )
    scale = np.outer(parameters.sigma, parameters.sigma)
    both = residual_covariance(parameters, np.array([0.0, 30.0]))
    for lag, expected in enumerate(both):
        found = np.einsum("ki,kj->ij", drawn[:, 0], drawn[:, lag]) / len(drawn)
        np.testing.assert_allclose(found / scale, expected / scale, atol=0.1)


def test_autoregressive_noise_is_stationary() -> None:
    noise = autoregressive(1500, 400, 90.0, np.random.default_rng(1))
    assert noise[0].std() == pytest.approx(1.0, abs=0.12)
    assert noise[-1].std() == pytest.approx(1.0, abs=0.12)
    assert np.mean(noise[:-90] * noise[90:]) == pytest.approx(np.exp(-1.0), abs=0.04)


def test_quiet_field_is_as_quiet_as_the_real_one(night: Pass) -> None:
    field = background(night, np.random.SeedSequence(3)).field
    assert field is not None
    strength = np.linalg.norm(field, axis=1)
    assert 20_000.0 < strength.min() < strength.max() < 55_000.0
    low = np.flatnonzero(np.abs(night.latitude) < 30.0)[:600].reshape(10, 60)
    cubic = np.vander(np.linspace(-1.0, 1.0, 60), 4)
    residual = strength[low].T - cubic @ np.linalg.lstsq(cubic, strength[low].T, rcond=None)[0]
    rms = np.sqrt(np.mean(residual**2, axis=0))
    # The real half-orbit at hand: 0.014-0.041 nT.
    assert 0.008 < np.median(rms) < 0.06


def test_plasma_does_not_depend_on_the_field(night: Pass) -> None:
    with_field = background(night, np.random.SeedSequence(5))
    without = background(night, np.random.SeedSequence(5), magnetic=False)
    np.testing.assert_array_equal(with_field.plasma, without.plasma)
    assert without.field is None
