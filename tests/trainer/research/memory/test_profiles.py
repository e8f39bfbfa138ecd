"""Profiles in memory: columns of one state, as native files give them, and a tiny comparison."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.bundle import Metric
from edge.observables import PROFILES
from trainer.archives.archive import read_archive
from trainer.common.errors import TrainError
from trainer.research.memory.clusters import Chunk
from trainer.research.memory.profiles import (
    COMPARED,
    ProfileFindings,
    ProfileResult,
    lines,
    of_profile,
    run_profiles,
)
from trainer.research.memory.recipe import QUICK_RECIPE, ProfilesRecipe, read_study
from trainer.research.memory.study import Study
from trainer.research.memory.tracks import Tracks
from trainer.research.memory.windows import Block, SimulatedWindows, join, refer
from trainer.simulate.cses_waves import FEWEST_WAVE_BINS
from trainer.simulate.mission import simulate_mission
from trainer.simulate.moments import columns_of
from trainer.simulate.parameters import PARAMETERS
from trainer.simulate.plagues import NO_PLAGUES
from trainer.simulate.precursor_model import observable_spread
from trainer.simulate.space_weather import simulate_indices

SEED, FIRST, LAST = 5, np.datetime64("2019-03-01"), np.datetime64("2019-05-01")
MARGIN = np.timedelta64(60, "D")


@pytest.fixture(scope="module")
def block() -> Block:
    return Block(
        mission="cses",
        first=FIRST,
        last=LAST,
        seed=SEED,
        indices=simulate_indices(FIRST - MARGIN, LAST + MARGIN, SEED),
        strengths={"strong": 6.0},
        windows=2,
        refer=True,
        profile="full",
    )


@pytest.fixture(scope="module")
def tracks(block: Block) -> Tracks:
    return Tracks(block.mission, block.first, block.last)


def simulated(block: Block, tracks: Tracks) -> SimulatedWindows:
    return join(list(islice(Chunk(block, 0, tracks).clusters(), 3)))


@pytest.fixture(scope="module")
def full(block: Block, tracks: Tracks) -> SimulatedWindows:
    return simulated(block, tracks)


@pytest.mark.parametrize("profile", ["plasma", "waves"])
def test_profiles_are_columns_of_the_whole(
    block: Block, tracks: Tracks, full: SimulatedWindows, profile: str
) -> None:
    alone_block = replace(block, profile=profile)
    alone, cut = simulated(alone_block, tracks), of_profile(full, profile)
    for name in ("cell", "label", "pair", "orbit", "values", "valid", "samples"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(alone, name))
    # Place is that of the payloads that are there, to the last digits.
    np.testing.assert_allclose(cut.mean, alone.mean, rtol=1e-5)
    np.testing.assert_allclose(
        refer(alone_block, cut).log_ratio, refer(alone_block, alone).log_ratio, rtol=1e-3
    )


def test_wave_bands_are_those_of_native_files(
    tracks: Tracks, full: SimulatedWindows, tmp_path: Path
) -> None:
    place = int(np.flatnonzero(tracks.orbit == full.orbit[0])[0])
    start = tracks.half_orbit(place).time[0] - np.timedelta64(30, "m")
    off = 1.0 if not full.valid[0, :, 2].any() else 0.0
    simulate_mission(
        "cses",
        start,
        start + np.timedelta64(45, "m"),
        SEED,
        6.0,
        tmp_path,
        night_only=True,
        pap_off=off,
        waves=True,
        profile="full",
        wave_bins=FEWEST_WAVE_BINS,
        wave_components=1,
        plagues=NO_PLAGUES,
    )
    grid = read_archive(tmp_path, "cses", "full", "dark", 1).passes[0].grid
    profile = PROFILES["full"]
    sigma = observable_spread(PARAMETERS["cses"])[columns_of(profile)]
    mine = np.flatnonzero((full.orbit == full.orbit[0]) & (full.label == 1))
    assert mine.size
    for i in mine:
        rows = int(full.cell[i] - grid.cell[0]) + np.arange(20)
        both = grid.valid[rows] & full.valid[i]
        assert both[:, 5:].all()
        apart = np.abs(grid.values[rows] - full.values[i, 1]) / sigma
        assert apart[both].max() < 5e-3


def made_up(profile: str, strength: str, kind: str) -> ProfileResult:
    return ProfileResult(
        profile=profile,
        kind=kind,
        strength=strength,
        auc=Metric("roc_auc", 0.8, 0.78, 0.82),
        least=0.79,
        greatest=0.81,
        reference=0.9,
        share=Metric("reference_share", 0.75, 0.7, 0.8),
        gain=Metric("roc_auc", 0.05, 0.02, 0.08),
    )


def rule(mission: str) -> ProfilesRecipe:
    return ProfilesRecipe(
        mission=mission,
        form="interpolated",
        strengths=["auc80", "auc90"],
        clusters=20,
        test_clusters=20,
        repetitions=2,
        kinds=["logistic"],
    )


def test_table_says_what_waves_gain_over_plasma() -> None:
    results = tuple(
        made_up(p, s, k)
        for s in ("auc80", "auc90")
        for p in COMPARED
        for k in ("seqnetquake", "logistic")
    )
    strengths = {"auc80": 6.436, "auc90": 21.74}
    text = lines(ProfileFindings(results=results, strengths=strengths, rule=rule("cses")))
    assert len(text) == 10
    assert text[0].startswith("All simulated.")
    auc = "0.800 (0.780 to 0.820); 0.790 to 0.810 | 75.0 (70.0 to 80.0)"
    gain = "+0.050 (+0.020 to +0.080)"
    assert text[4] == f"| auc80 | plasma | 0.900 | {auc} |  | {auc} |  |"
    assert text[5] == f"| auc80 | waves | 0.900 | {auc} | {gain} | {auc} | {gain} |"


def test_unknown_strengths_are_refused(tmp_path: Path) -> None:
    study = Study(read_study(QUICK_RECIPE), tmp_path, lambda line: None)
    wrong = msgspec.structs.replace(rule(next(iter(study.missions))), strengths=["auc99"])
    with pytest.raises(TrainError, match="strength 'auc99'; known are auc60"):
        run_profiles(study, wrong)


@pytest.mark.slow
def test_a_tiny_comparison_runs_and_is_not_done_twice(tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(read_study(QUICK_RECIPE), least_validation=10, resamples=50)
    study = Study(recipe, tmp_path, lambda line: None)
    chosen = rule(next(iter(study.missions)))
    findings = run_profiles(study, chosen)
    assert [(r.strength, r.profile) for r in findings.results] == [
        (s, p) for s in chosen.strengths for p in COMPARED
    ]
    assert all(r.gain.value == 0.0 for r in findings.results if r.profile == "plasma")
    results = sorted((tmp_path / "results").iterdir())
    assert len(results) == 3 + 2 * 3 * 2
    written = [p.stat().st_mtime_ns for p in results]
    assert run_profiles(study, chosen) == findings
    assert [p.stat().st_mtime_ns for p in results] == written
