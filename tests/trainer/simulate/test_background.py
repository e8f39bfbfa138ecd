"""Moments and ranges of the simulated background."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trainer.inputs.indices import make_indices
from trainer.simulate.background import (
    PARAMETERS,
    BackgroundParameters,
    autoregressive,
    background,
    mean_plasma,
    mean_waves,
    residual_covariance,
    wave_covariance,
)
from trainer.simulate.orbits import Pass, half_orbits
from trainer.simulate.waves import draw_waves


@pytest.fixture(scope="module")
def night() -> Pass:
    found = half_orbits("cses", np.datetime64("2019-11-01"), np.datetime64("2019-11-02"))
    return next(h for h in found if h.direction == 1)


def without_bubbles(mission: str) -> BackgroundParameters:
    p = PARAMETERS[mission]
    return replace(p, bubbles=replace(p.bubbles, rate=0.0))


def test_night_ranges_at_507_km(night: Pass) -> None:
    mean = mean_plasma(night)
    assert np.all((mean[:, 0] > 9.4) & (mean[:, 0] < 11.7))
    assert np.all((mean[:, 1] > 700.0) & (mean[:, 1] < 2500.0))
    assert np.all(mean[:, 2] < mean[:, 0])
    assert np.all((mean[:, 3] > 700.0) & (mean[:, 3] < 1500.0))
    middle = np.abs(night.latitude) < 45.0
    assert np.corrcoef(mean[middle, 0], mean[middle, 1])[0, 1] < -0.5


def test_noise_has_the_stated_covariance(night: Pass) -> None:
    parameters = without_bubbles("cses")
    mean = mean_plasma(night)
    rows = [0, 30]
    drawn = []
    for i in range(1500):
        state = background(night, np.random.SeedSequence([7, i]), False, parameters)
        drawn.append((state.plasma - mean)[rows])
    found_rows = np.array(drawn)
    scale = np.outer(parameters.sigma, parameters.sigma)
    both = residual_covariance(parameters, np.array([0.0, 30.0]))
    for lag, expected in enumerate(both):
        found = np.einsum("ki,kj->ij", found_rows[:, 0], found_rows[:, lag]) / len(drawn)
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


def test_wave_noise_has_the_stated_covariance(night: Pass) -> None:
    parameters = without_bubbles("cses")
    mean = mean_waves(night)
    rng = np.random.default_rng(7)
    found = np.array(
        [draw_waves(mean[:5], parameters, rng)[[0, 4]] - mean[[0, 4]] for _ in range(3000)]
    )
    scale = np.outer(parameters.waves.sigma, parameters.waves.sigma)
    both = wave_covariance(parameters, np.array([0.0, 4.0]))
    np.testing.assert_allclose(np.diag(both[0]), parameters.waves.sigma**2)
    for lag, expected in enumerate(both):
        estimate = np.einsum("ki,kj->ij", found[:, 0], found[:, lag]) / len(found)
        np.testing.assert_allclose(estimate / scale, expected / scale, atol=0.1)


def test_the_rest_does_not_depend_on_the_waves(night: Pass) -> None:
    both = background(night, np.random.SeedSequence(5), waves=True)
    without = background(night, np.random.SeedSequence(5))
    np.testing.assert_array_equal(both.plasma, without.plasma)
    np.testing.assert_array_equal(both.field, without.field)
    assert without.waves is None


def test_density_follows_the_solar_flux_and_the_storm(night: Pass) -> None:
    time = night.time[0].astype("M8[D]") + np.arange(-60, 61).astype("m8[D]")
    quiet = np.full((121, 8), 1.0)
    stormy = quiet.copy()
    stormy[60 - 1 :, :] = 6.0
    low, high, storm = (
        mean_plasma(night, None, make_indices("made up", time, kp, np.full(121, flux)))
        for kp, flux in ((quiet, 70.0), (quiet, 150.0), (stormy, 70.0))
    )
    equator = np.abs(night.latitude) < 10.0
    assert 0.3 < np.median((high - low)[equator, 0]) < 1.2
    middle = np.abs(np.abs(night.latitude) - 35.0) < 5.0
    assert np.median((storm - low)[middle, 0]) > 0.02
    # The same conditions at every place of the indices' axis.
    np.testing.assert_allclose(
        mean_plasma(night, None, make_indices("more", time, quiet, np.full(121, 100.0)))[equator],
        mean_plasma(night, None, make_indices("less", time[40:], quiet[40:], np.full(81, 100.0)))[
            equator
        ],
    )
