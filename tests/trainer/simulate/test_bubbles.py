"""Plasma bubbles: how many, where, and their shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trainer.simulate.background import PARAMETERS, background, track_dipole_latitude
from trainer.simulate.bubbles import Bubble, depletion, expected_number, plasma_change
from trainer.simulate.orbits import Pass, half_orbits


@pytest.fixture(scope="module")
def nights() -> list[Pass]:
    first = np.datetime64("2006-05-01")
    return [
        h for h in half_orbits("demeter", first, first + np.timedelta64(8, "D")) if h.direction == 1
    ]


def test_a_bubble_has_its_width_its_depth_and_steep_walls() -> None:
    p = PARAMETERS["cses"].bubbles
    seconds = np.arange(0.0, 200.0)
    fall = depletion(p, seconds, Bubble(100.0, 30.0, 1.2))
    assert fall.max() == pytest.approx(1.2, rel=1e-3)
    assert np.count_nonzero(fall > 0.6) == pytest.approx(30, abs=2)
    assert np.all(fall[np.abs(seconds - 100.0) > 20.0] < 0.02)
    change = plasma_change(p, fall)
    assert change[:, 0].min() == pytest.approx(-1.2, rel=1e-3)
    assert change[:, 2].min() < change[:, 0].min()
    assert np.all(change[:, 3] == 0.0)


def test_drawn_bubbles_follow_the_prior(nights: list[Pass]) -> None:
    p = PARAMETERS["demeter"]
    busy = replace(p, bubbles=replace(p.bubbles, rate=3.0, flux_exponent=0.0))
    found = []
    for i, night in enumerate(nights):
        state = background(night, np.random.SeedSequence([1, i]), False, busy)
        quiet = background(
            night, np.random.SeedSequence([1, i]), False,
            replace(p, bubbles=replace(p.bubbles, rate=0.0)),
        )  # fmt: skip
        magnetic = track_dipole_latitude(night)
        for bubble in state.bubbles:
            assert abs(magnetic[round(bubble.centre_s)]) <= p.bubbles.latitude_deg + 0.1
            at = round(bubble.centre_s)
            assert quiet.plasma[at, 0] - state.plasma[at, 0] > 0.3 * bubble.depth
        if not state.bubbles:
            np.testing.assert_array_equal(state.plasma, quiet.plasma)
        found += state.bubbles
    assert len(found) > 100
    depth = np.array([b.depth for b in found])
    width = np.array([b.width_s for b in found]) * 7.6
    low, high = np.log10(p.bubbles.factor)
    assert low <= depth.min() < depth.max() <= high
    assert np.mean(depth) == pytest.approx((low + high) / 2.0, abs=0.1)
    assert p.bubbles.width_km[0] <= width.min() < width.max() <= p.bubbles.width_km[1]


def test_there_are_more_where_and_when_they_are_known() -> None:
    before, after = PARAMETERS["demeter"].bubbles, PARAMETERS["cses"].bubbles
    december = np.datetime64("2006-12-15", "ms")
    assert expected_number(before, december, -45.0, 150.0) > 3.0 * expected_number(
        before, december, 150.0, 150.0
    )
    rise = [expected_number(p, december, -45.0, 140.0) / expected_number(p, december, -45.0, 70.0)
            for p in (before, after)]  # fmt: skip
    assert rise[0] > rise[1] > 1.0


def test_none_by_day() -> None:
    first = np.datetime64("2006-05-01")
    day = next(
        h for h in half_orbits("demeter", first, first + np.timedelta64(1, "D")) if h.direction == 0
    )
    p = PARAMETERS["demeter"]
    busy = replace(p, bubbles=replace(p.bubbles, rate=3.0))
    assert background(day, np.random.SeedSequence(1), False, busy).bubbles == ()
