"""Strengths for a wanted AUC: deterministic, of a design of its own, and written once."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import typer
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from edge.errors import EdgeError
from edge.observables import PROFILES
from trainer.common.errors import TrainError
from trainer.research.bayes import Reference
from trainer.research.bayes_prior import PositivePrior
from trainer.research.commands import STRENGTHS_FILE, strengths, strengths_text
from trainer.research.strengths import auc, auc_interval, find_strengths
from trainer.research.strengths_design import design_values, make_design
from trainer.simulate.precursors import dobrovolsky_radius_km


def test_area_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    positive, negative = np.round(rng.normal(0.4, 1.0, 80), 1), np.round(rng.normal(0, 1, 90), 1)
    expected = roc_auc_score(np.repeat([1, 0], [80, 90]), np.concatenate([positive, negative]))
    assert auc(positive, negative) == pytest.approx(expected)
    low, high = auc_interval(positive, negative[:80])
    assert low < auc(positive, negative[:80]) < high


@pytest.mark.parametrize("mission", ["cses", "demeter"])
def test_design_is_of_windows_before_their_events(mission: str) -> None:
    prior = PositivePrior()
    design = make_design(mission, "plasma", 36, 7)  # type: ignore[arg-type]
    assert len(design) >= 30
    for one in design:
        seconds = 3.0 * one.middle + 1.5
        at = int(np.argmin(np.abs(one.part.time.astype(np.int64) / 1e3 - seconds)))
        time = np.datetime64(round(1000.0 * seconds), "ms")
        lead = (one.event.time[0] - time) / np.timedelta64(1, "h")
        assert 0.0 <= lead <= 48.0
        phi, lam, phi0, lam0 = np.deg2rad(
            [one.part.latitude[at], one.part.longitude[at],
             one.event.latitude[0], one.event.longitude[0]]
        )  # fmt: skip
        cosine = np.sin(phi) * np.sin(phi0) + np.cos(phi) * np.cos(phi0) * np.cos(lam - lam0)
        radius = dobrovolsky_radius_km(one.event.magnitude)[0]
        assert 6371.2 * np.arccos(np.clip(cosine, -1.0, 1.0)) <= radius + 15.0
    clear, moved = (design_values(design, "plasma", s, 20, prior) for s in (0.0, 4.0))
    np.testing.assert_array_equal(clear.samples, moved.samples)
    change = np.abs(moved.residual - clear.residual).max(axis=(1, 2))
    assert np.mean(change > 0.0) > 0.9
    # The signal that the reference expects is the one that is put in.
    reference = Reference(mission, PROFILES["plasma"], 4.0)  # type: ignore[arg-type]
    assert reference.log_ratio(moved).mean() > reference.log_ratio(clear).mean() + 0.5


def test_strengths_are_found_and_the_same_again() -> None:
    call = {"windows": 36, "seed": 5, "targets": (0.65, 0.75), "tolerance": 0.02}
    found, reference, size = find_strengths("demeter", "plasma", **call)
    again, _, _ = find_strengths("demeter", "plasma", **call)
    assert found == again
    assert size > 30
    assert "reference" in reference.name
    for one in found:
        assert one.auc == pytest.approx(one.target, abs=0.03)
        assert one.interval[0] < one.auc < one.interval[1]
    assert found[0].strength < found[1].strength


def test_command_writes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "strengths.toml"
    app = typer.Typer()
    app.command()(strengths)
    call = ["--mission", "cses", "--windows", "50", "--seed", "9", "--out", str(out)]
    monkeypatch.setattr(find_strengths, "__defaults__", _one_target(find_strengths.__defaults__))
    first = CliRunner().invoke(app, call)
    assert first.exit_code == 0, first.output
    assert "all simulated" in first.output
    text = out.read_text(encoding="utf-8")
    entry = tomllib.loads(text)["cses"]["plasma"]
    assert entry["simulated"] is True
    assert entry["seed"] == 9
    assert len(entry["strength"]) == len(entry["auc"]) == 1
    second = CliRunner().invoke(app, call)
    assert isinstance(second.exception, TrainError)
    assert "are fixed; --replace changes them" in str(second.exception)
    third = CliRunner().invoke(app, [*call, "--replace"])
    assert third.exit_code == 0
    assert out.read_text(encoding="utf-8") == text
    assert strengths_text(tomllib.loads(text)) == text


def _one_target(defaults: tuple[object, ...] | None) -> tuple[object, ...]:
    assert defaults is not None
    return tuple((0.7,) if isinstance(d, tuple) else d for d in defaults)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--mission", "swarm"), "mission is 'swarm'"),
        (("--profile", "all"), "profile is 'all'"),
        (("--windows", "5"), "windows is 5; valid is 50 to 540"),
        (("--seed", "-1"), "seed is -1"),
    ],
)
def test_impossible_calls_are_named(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(strengths)
    call = {"--mission": "cses", "--out": str(tmp_path / "s.toml")} | dict([change])
    result = CliRunner().invoke(app, [word for pair in call.items() for word in pair])
    assert isinstance(result.exception, EdgeError)
    assert message in str(result.exception)


def test_fixed_strengths_rise_with_the_area() -> None:
    text = STRENGTHS_FILE.read_text(encoding="utf-8")
    known = tomllib.loads(text)
    assert strengths_text(known) == text
    assert set(known) == {"cses", "demeter"}
    for mission in known.values():
        assert set(mission) == {"full", "plasma", "waves"}
        for entry in mission.values():
            assert entry["auc_target"] == [0.6, 0.7, 0.8, 0.9]
            assert np.all(np.diff(entry["strength"]) > 0.0)
            np.testing.assert_allclose(entry["auc"], entry["auc_target"], atol=0.005)
