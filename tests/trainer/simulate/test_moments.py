"""The reference's mean and covariance of cells, held against simulated states and files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.night import night_rows
from edge.observables import PROFILES
from trainer.archives.archive import read_archive
from trainer.inputs.indices import read_indices
from trainer.research.bayes_windows import WindowValues, grid_windows, join_windows
from trainer.research.strengths_design import state_grid
from trainer.simulate import simulate_mission
from trainer.simulate.background import PARAMETERS, background, residual_covariance
from trainer.simulate.half_orbit_files import BACKGROUND, stream
from trainer.simulate.moments import window_covariance
from trainer.simulate.orbits import half_orbits
from trainer.simulate.parameters import BackgroundParameters
from trainer.simulate.plagues import NO_PLAGUES

L = 20
STARTS = {"cses": np.datetime64("2019-11-01"), "demeter": np.datetime64("2008-03-01")}


def quiet(mission: str) -> BackgroundParameters:
    p = PARAMETERS[mission]
    return replace(p, bubbles=replace(p.bubbles, rate=0.0))


def null_windows(mission: str, profile: str, days: int) -> WindowValues:
    """Windows of a mission without bubbles or precursors, three a half-orbit."""
    p, observables = quiet(mission), PROFILES[profile]
    parts = []
    end = STARTS[mission] + np.timedelta64(days, "D")
    for i, half_orbit in enumerate(half_orbits(mission, STARTS[mission], end)):
        if half_orbit.direction == 0:
            continue
        seed = np.random.SeedSequence([77, i])
        waves = profile != "plasma"
        state = background(half_orbit, seed, mission == "cses", p, waves=waves)
        phase = dict.fromkeys(("1144", "1140", "1132", "1137"), 0.001 * (i * 617 % 1000))
        grid = state_grid(half_orbit, state, observables, phase)
        found = grid_windows(
            grid, night_rows(grid, True, "dark"), mission, observables, L, parameters=p
        )
        parts.append(found.take(slice(None, None, 120)))
    return join_windows(parts)


@pytest.mark.parametrize(("mission", "profile"), [("cses", "plasma"), ("demeter", "full")])
def test_residuals_are_white_under_the_covariance(mission: str, profile: str) -> None:
    """Chi-square of one a degree of freedom, for each observable and for all together."""
    windows, p = null_windows(mission, profile, 4), quiet(mission)
    observables = PROFILES[profile]
    assert len(windows.residual) > 120
    chosen = [[c] for c in range(5)] + [list(range(len(observables.names)))]
    for columns in chosen:
        total = degrees = 0.0
        for residual, samples in zip(windows.residual[::3], windows.samples[::3], strict=True):
            mine = np.zeros_like(samples)
            mine[:, columns] = samples[:, columns]
            covariance = window_covariance(p, observables, mine)
            white = np.linalg.solve(np.linalg.cholesky(covariance), residual[mine > 0])
            total += float(white @ white)
            degrees += white.size
        if degrees:
            assert total / degrees == pytest.approx(1.0, abs=0.12), columns


def test_mean_is_that_of_the_cells() -> None:
    windows = null_windows("cses", "plasma", 5)
    p = quiet("cses")
    spread = np.append(p.sigma, p.b_rms_sigma)
    bias = windows.residual.mean(axis=(0, 1)) / spread
    # Offsets of some seventy half-orbits leave a tenth.
    assert np.abs(bias).max() < 0.35


def test_covariance_of_single_samples_is_the_background_s() -> None:
    """With one sample in each cell the cells are 3 s apart, and nothing is averaged."""
    p = PARAMETERS["cses"]
    profile = PROFILES["plasma"]
    samples = np.zeros((4, 5), np.int64)
    samples[:, :4] = 1
    found = window_covariance(p, profile, samples).reshape(4, 4, 4, 4)
    for i in range(4):
        for j in range(4):
            expected = residual_covariance(p, np.array([3.0 * (i - j)]))[0]
            np.testing.assert_allclose(found[i, :, j, :], expected, rtol=1e-12)


def test_more_samples_leave_less_white_noise() -> None:
    p = PARAMETERS["demeter"]
    profile = PROFILES["plasma"]
    variances = []
    for n in (1, 2, 3):
        samples = np.zeros((1, 5), np.int64)
        samples[0, 1] = n
        variances.append(window_covariance(p, profile, samples)[0, 0])
    track = p.track_sigma[1] ** 2
    white = p.white_sigma[1] ** 2
    rest = p.offset_sigma[1] ** 2 + track
    for n, variance in zip((1, 2, 3), variances, strict=True):
        assert variance == pytest.approx(rest + white / n, abs=0.02 * track)


@pytest.mark.parametrize("mission", ["cses", "demeter"])
def test_cells_of_the_state_are_those_of_files(tmp_path: Path, mission: str) -> None:
    """Without defects the way through files gives the same cells, but for the phase of DEMETER."""
    start = STARTS[mission]
    end = start + np.timedelta64(3, "h")
    simulate_mission(
        mission, start, end, 5, 0.0, tmp_path, night_only=True, pap_off=0.0, plagues=NO_PLAGUES,
    )  # fmt: skip
    profile = PROFILES["plasma"]
    passes = {p.key: p for p in read_archive(tmp_path, mission, "plasma", "dark", 1).passes}
    indices = read_indices(tmp_path / "indices.txt")
    night = [h for h in half_orbits(mission, start, end) if h.direction == 1]
    assert night
    for half_orbit in night:
        state = background(
            half_orbit, stream(5, half_orbit, BACKGROUND), mission == "cses", indices=indices
        )
        direct = state_grid(half_orbit, state, profile)
        read = passes[f"{mission.upper()}_{half_orbit.name}"].grid
        at = np.searchsorted(direct.cell, read.cell)
        sigma = np.append(PARAMETERS[mission].sigma, PARAMETERS[mission].b_rms_sigma)
        both = read.valid & direct.valid[at]
        assert both.mean() > 0.7
        apart = (np.abs(read.values - direct.values[at]) / sigma)[both]
        if mission == "cses":
            assert np.quantile(apart, 0.99) < 1e-3
        else:
            # Another phase shows other samples of the same noise.
            assert np.median(apart) < 0.2
