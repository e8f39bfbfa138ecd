"""The reference: exact in toy cases, calibrated, better than what only sees the values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal
from sklearn.linear_model import LogisticRegression

from edge.observables import PROFILES, MissionName
from edge.scoring import sigmoid
from trainer.research.bayes import BAYES, MATCHED_FILTER, Reference
from trainer.research.bayes_prior import (
    GROUND_KM_S,
    PositivePrior,
    draw_positives,
    prior_draws,
    signal_shapes,
)
from trainer.research.bayes_windows import WindowValues, bubble_bins
from trainer.research.strengths import auc
from trainer.simulate.background import PARAMETERS
from trainer.simulate.bubbles import TRACK_KM_S, Bubble, depletion
from trainer.simulate.geometry import Floats
from trainer.simulate.moments import window_covariance
from trainer.simulate.orbits import half_orbits
from trainer.simulate.parameters import BackgroundParameters
from trainer.simulate.precursor_model import MODEL, observable_spread, weights

PLASMA = PROFILES["plasma"]
L = 20


def parameters(bubbles: bool = False) -> BackgroundParameters:
    p = PARAMETERS["demeter"]
    return p if bubbles else replace(p, bubbles=replace(p.bubbles, rate=0.0))


def reference(strength: float, prior: PositivePrior | None = None, **more: object) -> Reference:
    options = {"parameters": parameters(), "prior": prior, **more}
    return Reference("demeter", PLASMA, strength, L, **options)  # type: ignore[arg-type]


def counts(n: int) -> np.ndarray:
    """ISL and IAP: three samples a cell, and one in two cells of three."""
    samples = np.zeros((n, L, 5), np.int64)
    samples[:, :, :2] = 3
    samples[:, np.arange(L) % 3 != 2, 2:4] = 1
    return samples


def noise(n: int, rng: np.random.Generator) -> WindowValues:
    samples = counts(n)
    covariance = window_covariance(parameters(), PLASMA, samples[0])
    residual = np.zeros((n, L, 5))
    drawn = rng.multivariate_normal(np.zeros(len(covariance)), covariance, n)
    residual[:, samples[0] > 0] = drawn
    bins = bubble_bins(parameters().bubbles, L, 3)
    return WindowValues(np.arange(n), residual, samples, np.zeros((n, bins.centre.size)))


def signals(n: int, strength: float, prior: PositivePrior, rng: np.random.Generator) -> Floats:
    positives = draw_positives(prior, rng.random((n, 6)))
    shape = signal_shapes(positives, L, L // 2, GROUND_KM_S["demeter"], 1e-6)[:, :L]
    scale = (weights() * observable_spread(parameters()))[:5]
    there = rng.random(n) < prior.model.occurrence
    return strength * there[:, None, None] * shape[:, :, None] * scale


def perturbed(
    n: int, strength: float, prior: PositivePrior, rng: np.random.Generator
) -> WindowValues:
    windows = noise(n, rng)
    moved = windows.residual + signals(n, strength, prior, rng)
    return replace(windows, residual=np.where(windows.samples > 0, moved, 0.0))


def test_ratio_is_that_of_the_densities() -> None:
    """A mixture over the prior's draws, each a multivariate normal of scipy."""
    prior = PositivePrior(replace(MODEL, occurrence=0.7))
    found = reference(2.0, prior, draws=16)
    windows = perturbed(5, 2.0, prior, np.random.default_rng(1))
    kept = windows.samples[0] > 0
    covariance = window_covariance(parameters(), PLASMA, windows.samples[0])
    normal = multivariate_normal(np.zeros(len(covariance)), covariance)
    scale = (weights() * observable_spread(parameters()))[:5]
    shapes = found.shapes[:, :L, None] * scale
    for i, log_ratio in enumerate(found.log_ratio(windows)):
        r = windows.residual[i][kept]
        mixed = np.mean([np.exp(normal.logpdf(r - s[kept]) - normal.logpdf(r)) for s in shapes])
        assert log_ratio == pytest.approx(np.log(0.3 + 0.7 * mixed), rel=1e-6)


def test_ratio_of_one_value_is_an_integral() -> None:
    """One observable in one cell, where only the amplitude is unknown: numeric integration."""
    prior = PositivePrior(replace(MODEL, occurrence=1.0, spread=0.5))
    found = reference(1.5, prior, draws=2048)
    draws = prior_draws(prior, 2048)
    at = L // 2
    shape = signal_shapes(draws, L, at, GROUND_KM_S["demeter"], 1e-6)[:, at] / draws.factor
    windows = noise(1, np.random.default_rng(2))
    samples = np.zeros_like(windows.samples)
    samples[0, at, 0] = 3
    sigma = observable_spread(parameters())[0]
    variance = window_covariance(parameters(), PLASMA, samples[0])[0, 0]
    residual = np.zeros_like(windows.residual)
    residual[0, at, 0] = 1.7 * sigma
    one = replace(windows, residual=residual, samples=samples)

    def integrand(z: float) -> float:
        s = 1.5 * sigma * shape * np.exp(0.5 * z)
        ratio = np.exp((s * residual[0, at, 0] - 0.5 * s**2) / variance)
        return float(np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi) * ratio.mean())

    expected = quad(integrand, -8.0, 8.0, epsabs=1e-8)[0]
    assert found.log_ratio(one)[0] == pytest.approx(np.log(expected), abs=0.02)


def test_posterior_is_reliable() -> None:
    """Of windows with even prior odds and a posterior about p a share of p is positive."""
    prior = PositivePrior(replace(MODEL, occurrence=0.8, sign_flip=0.2))
    rng = np.random.default_rng(3)
    windows = [perturbed(1500, 3.0, prior, rng), noise(1500, rng)]
    # Its windows are drawn: what lacks samples is masked, and no model sees it.
    found = reference(3.0, prior, filled=False)
    chance = np.concatenate([sigmoid(found.log_ratio(w)) for w in windows])
    truth = np.repeat([1.0, 0.0], 1500)
    for low, high in ((0.0, 0.3), (0.3, 0.5), (0.5, 0.8), (0.8, 1.01)):
        inside = (chance >= low) & (chance < high)
        assert inside.sum() > 50
        error = np.sqrt(0.25 / inside.sum())
        assert truth[inside].mean() == pytest.approx(chance[inside].mean(), abs=3.5 * error)
    assert found.name == BAYES
    assert found.approximations == ()


def test_null_has_no_skill_and_skill_rises_with_strength() -> None:
    prior = PositivePrior()
    areas = []
    for strength in (0.0, 0.5, 1.5, 4.0):
        rng = np.random.default_rng(4)
        one, two = perturbed(600, strength, prior, rng), noise(600, rng)
        found = reference(max(strength, 1.0), prior, draws=256)
        areas.append(auc(found.log_ratio(one), found.log_ratio(two)))
    # The standard error of the AUC of 600 and 600 windows is 0.017.
    assert areas[0] == pytest.approx(0.5, abs=0.05)
    assert np.all(np.diff(areas) > 0.0)
    assert areas[-1] > 0.75


def test_a_masked_window_says_nothing() -> None:
    windows = noise(2, np.random.default_rng(5))
    blind = replace(windows, samples=np.zeros_like(windows.samples))
    np.testing.assert_allclose(reference(2.0).log_ratio(blind), 0.0, atol=1e-12)
    with pytest.raises(ValueError, match="windows are"):
        Reference("demeter", PLASMA, 1.0, 10).log_ratio(windows)


def test_no_classifier_of_the_same_windows_is_better() -> None:
    """Neyman and Pearson: a logistic regression on values and squares ranks worse."""
    prior = PositivePrior()
    rng = np.random.default_rng(6)
    sets = []
    for _ in range(2):
        one, two = perturbed(1200, 2.0, prior, rng), noise(1200, rng)
        sets.append((one, two))
    scale = observable_spread(parameters())[:5]
    (x, y), (u, v) = (
        (np.concatenate([w.residual / scale for w in pair]).reshape(2400, -1),
         np.repeat([1, 0], 1200))
        for pair in sets
    )  # fmt: skip
    model = LogisticRegression(C=0.01, max_iter=300).fit(np.hstack([x, x**2]), y)
    score = model.decision_function(np.hstack([u, u**2]))
    plain = auc(score[v == 1], score[v == 0])
    found = reference(2.0, prior)
    best = auc(found.log_ratio(sets[1][0]), found.log_ratio(sets[1][1]))
    assert plain > 0.6
    assert best > plain - 0.005


def test_bubbles_are_not_taken_for_precursors() -> None:
    """A depletion without a precursor scores low where bubbles are a hypothesis."""
    p = parameters(bubbles=True)
    rng = np.random.default_rng(7)
    windows = noise(60, rng)
    bins = bubble_bins(p.bubbles, L, 3)
    seconds = 3.0 * np.arange(L) + np.array([[-1.0], [0.0], [1.0]])
    response = np.array([-1.0, p.bubbles.te_k, p.bubbles.o_plus, 0.0, 0.0])
    residual = windows.residual.copy()
    for i in range(60):
        width = 10 ** rng.uniform(np.log10(50), np.log10(300)) / TRACK_KM_S
        bubble = Bubble(rng.uniform(5.0, 55.0), width, rng.uniform(0.3, 1.2))
        fall = depletion(p.bubbles, seconds.ravel(), bubble).reshape(3, L).mean(axis=0)
        residual[i] += fall[:, None] * response
    residual[windows.samples == 0] = 0.0
    chance = np.full((60, bins.centre.size), 0.02)
    with_bubbles = replace(windows, residual=residual, bubble_chance=chance)
    prior = PositivePrior(replace(MODEL, sign_flip=0.5))
    aware = reference(3.0, prior, parameters=p, draws=256)
    assert aware.name == MATCHED_FILTER
    assert aware.approximations[0].startswith("bubbles")
    ignorant = reference(3.0, prior, draws=256)
    told, untold = aware.log_ratio(with_bubbles), ignorant.log_ratio(with_bubbles)
    assert np.median(told) < 1.0
    assert np.median(untold) > np.median(told) + 2.0
    # Where no bubble is, the hypothesis costs next to nothing.
    clear = replace(windows, bubble_chance=chance)
    np.testing.assert_allclose(aware.log_ratio(clear), ignorant.log_ratio(windows), atol=0.5)


def test_prior_is_that_of_windows_within_r() -> None:
    for per in ("pass", "window"):
        draws = prior_draws(PositivePrior(per=per), 1024)  # type: ignore[arg-type]
        radius = 10.0 ** (0.43 * draws.magnitude)
        assert np.all(np.hypot(draws.along_km, draws.across_km) <= radius * (1 + 1e-9))
        assert 5.0 <= draws.magnitude.min() < draws.magnitude.max() <= 8.5
        assert 0.0 < draws.lead_h.min() < draws.lead_h.max() < 48.0
        # Half of the chords lie within half of R; half of the disc within R / sqrt(2).
        inner = np.abs(draws.across_km) < 0.5 * radius
        assert inner.mean() == pytest.approx(0.5 if per == "pass" else 0.609, abs=0.02)


@pytest.mark.parametrize("mission", ["cses", "demeter"])
def test_speed_is_that_of_the_ground_track(mission: str) -> None:
    start = {"cses": "2019-11-01", "demeter": "2008-03-01"}[mission]
    first = np.datetime64(start)
    speeds = []
    for half_orbit in half_orbits(mission, first, first + np.timedelta64(4, "h")):
        low = np.abs(half_orbit.latitude) < 45.0
        phi, lam = np.deg2rad(half_orbit.latitude[low]), np.deg2rad(half_orbit.longitude[low])
        step = np.hypot(np.diff(phi), np.cos(phi[1:]) * np.diff(np.unwrap(lam)))
        speeds.append(6371.2 * step.mean())
    assert np.mean(speeds) == pytest.approx(GROUND_KM_S[mission], rel=0.02)


@pytest.mark.parametrize(
    ("mission", "profile", "outliers", "told"),
    [
        ("demeter", "plasma", False, True),
        ("demeter", "waves", True, False),
        ("cses", "plasma", False, False),
        ("cses", "full", True, True),
        ("cses", "waves", True, False),
    ],
)
def test_interpolated_cells_are_told_where_they_occur(
    mission: MissionName, profile: str, outliers: bool, told: bool
) -> None:
    found = Reference(mission, PROFILES[profile], 1.0, draws=2, outliers=outliers)
    assert any(a.startswith("interpolated cells") for a in found.approximations) is told
