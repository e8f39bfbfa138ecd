"""The precursor model, and who may read what it did."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.observables import FULL
from trainer.inputs.declustering import decluster
from trainer.simulate.background import PARAMETERS, background
from trainer.simulate.orbits import Pass, half_orbits
from trainer.simulate.precursor_model import (
    MODEL,
    SIGNS,
    PrecursorModel,
    describe,
    distance_profile,
    lead_time_profile,
    observable_spread,
    weights,
)
from trainer.simulate.precursors import apply, mainshocks, perturbation
from trainer.simulate.seismicity import SimulatedCatalogue, simulate_catalogue

START = np.datetime64("2019-11-01", "ms")


@pytest.fixture(scope="module")
def night() -> Pass:
    return next(
        h for h in half_orbits("cses", START, START + np.timedelta64(1, "D")) if h.direction == 1
    )


def event_at(
    night: Pass, latitude: float, hours: float = 12.0, size: float = 7.0
) -> SimulatedCatalogue:
    at = int(np.argmin(np.abs(night.latitude - latitude)))
    return SimulatedCatalogue(
        event_id=np.array(["one"]),
        place=np.array([""]),
        time=night.time[[at]] + np.timedelta64(round(3_600_000 * hours), "ms"),
        latitude=night.latitude[[at]],
        longitude=night.longitude[[at]],
        depth_km=np.array([10.0]),
        magnitude=np.array([size]),
    )


def test_every_observable_has_its_sign() -> None:
    assert set(SIGNS) < set(FULL.names)
    assert weights().shape == (21,)
    band = weights()[FULL.names.index("log_e_1200_2100")]
    assert band == weights()[5:].min() < 0.0
    assert np.abs(weights()).max() == 1.0
    assert describe()["occurrence"] == MODEL.occurrence
    assert "no real earthquake" in str(describe()["note"])


def test_profiles_are_led_to_zero() -> None:
    assert lead_time_profile(np.array([0.0, 12.0, 48.0, 60.0])) == pytest.approx([0, 1, 0, 0])
    share = np.linspace(0.0, 1.2, 200)
    shape = distance_profile(share)
    assert shape[0] == 1.0
    assert np.all(np.diff(shape) <= 1e-12)
    assert np.all(shape[share >= 1.0] == 0.0)


def test_draws_of_events_have_their_distribution() -> None:
    model = PrecursorModel(occurrence=0.8, spread=0.4, sign_flip=0.3)
    time = np.datetime64("2020-01-01", "ms")
    factor = np.array([model.factor(f"e{i}", time) for i in range(4000)])
    there = factor[factor != 0.0]
    assert np.mean(factor != 0.0) == pytest.approx(0.8, abs=0.03)
    assert np.mean(there < 0.0) == pytest.approx(0.3, abs=0.03)
    assert np.log(np.abs(there)).mean() == pytest.approx(0.0, abs=0.03)
    assert np.log(np.abs(there)).std() == pytest.approx(0.4, abs=0.02)
    assert model.factor("e1", time) == model.factor("e1", time)
    assert replace(model, seed=1).factor("e1", time) != model.factor("e1", time)
    for bad in ({"occurrence": 1.5}, {"sign_flip": -0.1}, {"spread": 9.0}):
        with pytest.raises(ValueError, match=r"must be in 0\.\."):
            PrecursorModel(**bad)


def test_only_mainshocks_have_precursors(night: Pass) -> None:
    main = event_at(night, 20.0)
    after = [
        np.concatenate([getattr(main, n), getattr(event_at(night, 20.3, 20.0, 5.5), n)])
        for n in ("event_id", "place", "time", "latitude", "longitude", "depth_km", "magnitude")
    ]
    after[0] = np.array(["one", "two"])
    both = SimulatedCatalogue(*after)
    assert mainshocks(both).tolist() == [True, False]
    found = perturbation(night, both, 2.0)
    assert [row.event_id for row in found.injected] == ["one"]
    np.testing.assert_array_equal(found.amplitude, perturbation(night, main, 2.0).amplitude)


def test_mainshocks_are_those_of_the_declustering() -> None:
    events = simulate_catalogue(np.datetime64("2019-01-01"), np.datetime64("2019-03-01"), 4)
    expected = decluster(events.plain()).mainshock
    np.testing.assert_array_equal(mainshocks(events), expected)
    assert 0 < expected.sum() < len(events)


def test_perturbation_moves_every_part_of_the_state(night: Pass) -> None:
    state = background(night, np.random.SeedSequence(5), waves=True)
    change = perturbation(night, event_at(night, 20.0), 3.0)
    after = apply(night, state, change)
    assert state.waves is not None
    assert after.waves is not None
    sigma = observable_spread(PARAMETERS["cses"])
    plasma = (after.plasma - state.plasma) / sigma[:4]
    waves = (after.waves - state.waves) / sigma[5:]
    expected = np.outer(change.amplitude, weights())
    np.testing.assert_allclose(plasma, expected[:, :4], atol=1e-9)
    np.testing.assert_allclose(waves, expected[:, 5:], atol=1e-9)
    assert after.field is not None
    assert state.field is not None
    moved = np.linalg.norm(after.field, axis=1) != np.linalg.norm(state.field, axis=1)
    assert moved[change.amplitude > 0.5].mean() > 0.7
    assert not moved[change.amplitude == 0.0].any()


def test_turned_signs_leave_the_magnetic_noise(night: Pass) -> None:
    model = PrecursorModel(sign_flip=1.0, spread=0.0)
    change = perturbation(night, event_at(night, 20.0), 3.0, model)
    assert change.amplitude.min() == pytest.approx(-3.0, rel=0.02)
    assert change.injected[0].peak_amplitude == pytest.approx(-3.0, rel=0.02)
    state = background(night, np.random.SeedSequence(5))
    after = apply(night, state, change)
    assert after.field is not None
    np.testing.assert_allclose(after.field, state.field, rtol=1e-12)
    assert (after.plasma - state.plasma)[:, 0].min() < -0.2


def test_null_strength_returns_the_state_itself(night: Pass) -> None:
    state = background(night, np.random.SeedSequence(5))
    change = perturbation(night, event_at(night, 20.0), 0.0)
    assert not change.injected
    assert apply(night, state, change) is state


def test_truth_is_read_by_evaluation_alone(repository: Path) -> None:
    """The truth says where perturbations are: no label, split or model may come near it."""
    may_write = {"precursors.py", "mission.py", "inject.py", "half_orbit_files.py"}
    found = {
        path.relative_to(repository).as_posix()
        for folder in ("trainer", "edge")
        for path in (repository / folder).rglob("*.py")
        if re.search(r"truth\.csv|TRUTH_FILE|TRUTH_COLUMNS", path.read_text(encoding="utf-8"))
    }
    readers = {
        name
        for name in found
        if not (name.startswith("trainer/simulate/") and Path(name).name in may_write)
        and not name.startswith("trainer/evaluat")
    }
    assert not readers
    for name in found - readers:
        text = (repository / name).read_text(encoding="utf-8")
        if name.startswith("trainer/simulate/"):
            assert not re.search(r"(open|read_text|read_bytes|reader)\([^)]*(truth|TRUTH)", text)
