"""Clusters in memory: as native files give them, nested, and matched."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from edge.arrays import AnyArray
from trainer.archives.archive import read_archive
from trainer.research.memory.clusters import Chunk
from trainer.research.memory.tracks import Tracks
from trainer.research.memory.windows import Block, SimulatedWindows, join, refer
from trainer.simulate.mission import simulate_mission
from trainer.simulate.parameters import PARAMETERS
from trainer.simulate.plagues import NO_PLAGUES
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
        strengths={"weak": 1.0, "strong": 5.0},
        windows=2,
        refer=True,
    )


@pytest.fixture(scope="module")
def tracks(block: Block) -> Tracks:
    return Tracks(block.mission, block.first, block.last)


@pytest.fixture(scope="module")
def some(block: Block, tracks: Tracks) -> list[SimulatedWindows]:
    clusters = Chunk(block, 0, tracks).clusters()
    return [next(clusters) for _ in range(4)]


def same(a: SimulatedWindows, b: SimulatedWindows) -> bool:
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)]
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in pairs)


def test_windows_are_those_of_native_files(
    block: Block, tracks: Tracks, some: list[SimulatedWindows], tmp_path: Path
) -> None:
    one = some[0]
    place = int(np.flatnonzero(tracks.orbit == one.orbit[0])[0])
    start = tracks.half_orbit(place).time[0] - np.timedelta64(30, "m")
    end = start + np.timedelta64(45, "m")
    off = 1.0 if not one.valid[0, :, 2].any() else 0.0
    for number, strength in enumerate((0.0, *block.strengths.values())):
        folder = tmp_path / str(number)
        simulate_mission(
            "cses",
            start,
            end,
            SEED,
            strength,
            folder,
            night_only=True,
            pap_off=off,
            plagues=NO_PLAGUES,
        )
        grid = read_archive(folder, "cses", "plasma", "dark", 1).passes[0].grid
        for i in np.flatnonzero(one.label == 1):
            rows = int(one.cell[i] - grid.cell[0]) + np.arange(20)
            both = grid.valid[rows] & one.valid[i]
            assert both.sum() >= 50
            np.testing.assert_allclose(grid.latitude[rows], one.latitude[i], atol=0.01)
            sigma = np.append(PARAMETERS["cses"].sigma, PARAMETERS["cses"].b_rms_sigma)
            apart = np.abs(grid.values[rows] - one.values[i, number]) / sigma
            assert apart[both].max() < 2e-3


def test_clusters_are_the_same_again_and_fewer_are_the_first_of_more(
    block: Block, tracks: Tracks, some: list[SimulatedWindows]
) -> None:
    again = Chunk(block, 0, tracks).clusters()
    assert all(same(next(again), one) for one in some[:2])
    joined = join(some)
    assert np.unique(joined.cluster).tolist() == [0, 1, 2, 3]
    assert same(joined.clusters(0, 2), join(some[:2]))
    other = next(iter(Chunk(block, 1, tracks).clusters()))
    assert not same(other, some[0])


def test_controls_are_matched_and_undisturbed(some: list[SimulatedWindows]) -> None:
    windows = join(some)
    order = np.argsort(windows.pair[windows.label == 0])
    control = windows.take(np.flatnonzero(windows.label == 0)[order])
    positive = windows.take(windows.label == 1)
    np.testing.assert_array_equal(control.pair, positive.pair)
    np.testing.assert_array_equal(control.cluster, positive.cluster)
    assert np.abs(control.latitude[:, 10] - positive.latitude[:, 10]).max() < 2.0
    days = (control.cell - positive.cell) * 3.0 / 86_400.0
    # CSES-01 comes back after five days.
    assert np.abs(days / 5.0 - np.round(days / 5.0)).max() < 0.01
    assert np.abs(days).max() < 30.5
    # The 60 s of b_rms may reach a perturbation beside the window.
    assert (control.values[:, 0] != control.values[:, 2]).mean() < 0.02
    assert (positive.values[:, 0] != positive.values[:, 2]).any(axis=(1, 2)).mean() > 0.7
    assert max(positive.kp.max(), control.kp.max()) <= 3.0
    assert (positive.distance_km <= 10.0 ** (0.43 * positive.magnitude)).all()
    assert ((positive.lead_hours > 0.0) & (positive.lead_hours <= 48.0)).all()


def test_the_reference_tells_strong_from_weak(block: Block, some: list[SimulatedWindows]) -> None:
    windows = refer(block, join(some))
    assert np.isnan(windows.log_ratio[:, 0]).all()
    assert np.isfinite(windows.log_ratio[:, 1:]).all()
    positive = windows.label == 1

    def gap(column: AnyArray) -> float:
        return float(column[positive].mean() - column[~positive].mean())

    assert gap(windows.log_ratio[:, 2]) > gap(windows.log_ratio[:, 1])
