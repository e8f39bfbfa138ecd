"""Windows as the edge cuts them, matched samples, and masking at random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.climatology import SHAPE, Climatology
from edge.grid import Grid
from edge.observables import PLASMA
from edge.windows import WindowStream, iterate_windows
from trainer.archive import NightPass
from trainer.dataset import (
    Windows,
    draw_samples,
    drop_inputs,
    make_windows,
    payload_columns,
)
from trainer.labels import EXCLUDED, NEGATIVE, POSITIVE
from trainer.recipe import Dropping, WindowRule

RULE = WindowRule(20, 6.0, "dark", 0.35, 3, 2.0)


class FirstHalfPositive:
    """Stands in for a labeller: rows below 100 are positive."""

    def label(self, time, latitude, longitude):
        row = np.arange(time.size)
        return np.where(row < 100, POSITIVE, NEGATIVE).astype(np.int8), np.where(row < 100, 7, -1)


def make_pass(n: int, seed: int) -> NightPass:
    rng = np.random.default_rng(seed)
    night = np.ones(n, dtype=bool)
    night[n // 2] = False
    valid = np.ones((n, 5), dtype=bool)
    valid[:60, 1:] = False
    grid = Grid(
        1000 * seed + np.arange(n),
        np.linspace(-40, 40, n),
        np.full(n, 20.0),
        np.full(n, 507.0),
        night.copy(),
        rng.normal(size=(n, 5)),
        valid,
    )
    return NightPass(f"CSES_00001{seed}", (Path("x"),), ("LAP_1",), grid, night)


@pytest.mark.kernel
def test_windows_are_those_of_the_edge() -> None:
    zeros, ones = np.zeros((*SHAPE, 5)), np.ones((*SHAPE, 5))
    climatology = Climatology(PLASMA.names, {"cses": zeros}, {"cses": ones})
    passes = [make_pass(200, 1), make_pass(230, 2)]
    places = np.array([0, 1])
    windows = make_windows(passes, places, climatology, PLASMA, "cses", FirstHalfPositive(), RULE)
    expected, middle = [], []
    for found in passes:
        rows = climatology.features(found.grid, PLASMA, "cses", 6.0)
        stream = WindowStream(20, 10)
        for inputs, last in iterate_windows(stream, found.grid.cell, found.night, rows):
            enough = inputs[:, :, 5:].mean(axis=(1, 2)) >= 0.35
            expected.append(inputs[enough].copy())
            middle.append(last[enough] - found.grid.cell[0] - 19 + 10)
    assert np.array_equal(windows.inputs(slice(None)), np.concatenate(expected))
    assert np.array_equal(windows.label == POSITIVE, np.concatenate(middle) < 100)
    assert set(windows.half_orbit.tolist()) == {0, 1}


def some_windows(n: int = 12_000) -> Windows:
    rng = np.random.default_rng(3)
    label = rng.choice([POSITIVE, NEGATIVE, EXCLUDED], n, p=[0.1, 0.6, 0.3]).astype(np.int8)
    event = np.where(label == POSITIVE, rng.integers(0, 6, n), -1)
    dipole = np.where(label == POSITIVE, rng.uniform(0, 20, n), rng.uniform(-50, 50, n))
    half_orbit = np.sort(rng.integers(0, 10, n))
    return Windows(
        np.zeros((n, 10), np.float32), 20, np.arange(n), label, event, half_orbit, dipole
    )


def test_samples_are_few_of_a_pass_and_matched_in_latitude() -> None:
    windows = some_windows()
    chosen = draw_samples(windows, RULE, np.random.default_rng(0))
    label = windows.label[chosen]
    assert (np.diff(chosen) > 0).all()
    assert not (label == EXCLUDED).any()
    positive = chosen[label == POSITIVE]
    groups = np.stack([windows.event[positive], windows.half_orbit[positive]])
    assert np.unique(groups, axis=1, return_counts=True)[1].max() == 3
    for low in (0.0, 10.0):
        inside = (windows.dipole[chosen] >= low) & (windows.dipole[chosen] < low + 10.0)
        count = [(label[inside] == k).sum() for k in (POSITIVE, NEGATIVE)]
        assert count[1] == 2 * count[0]
        assert count[0] > 0
    assert (windows.dipole[chosen] >= 0.0).all()
    assert np.array_equal(chosen, draw_samples(windows, RULE, np.random.default_rng(0)))


def test_no_windows_give_no_samples() -> None:
    none = some_windows(0)
    assert draw_samples(none, RULE, np.random.default_rng(0)).size == 0


def test_payloads_fall_out_together() -> None:
    payloads = payload_columns(PLASMA, "cses")
    assert payloads == [[0, 1], [2, 3], [4]]
    assert payload_columns(PLASMA, "demeter") == [[0, 1], [2, 3]]
    inputs = np.ones((4000, 20, 10), dtype=np.float32)
    rng = np.random.default_rng(0)
    dropped = drop_inputs(inputs, payloads, Dropping(0.0, 0.25, 0.0), rng)
    assert (inputs == 1.0).all()
    lost = dropped == 0.0
    assert (lost == lost[:, :1, :]).all()
    lost = lost[:, 0, :]
    assert np.array_equal(lost[:, :5], lost[:, 5:])
    assert np.array_equal(lost[:, 0], lost[:, 1])
    assert lost[:, 4].mean() == pytest.approx(0.25, abs=0.03)
    everything = drop_inputs(inputs, payloads, Dropping(0.0, 0.0, 1.0), rng)
    assert (everything == 0.0).all()
