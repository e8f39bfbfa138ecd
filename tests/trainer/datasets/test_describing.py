"""What a dataset is said to be, and what masks, places and seasons give away."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from edge.errors import EdgeError
from trainer.datasets.build import build_dataset
from trainer.datasets.commands import check, describe
from trainer.datasets.dataset_card import read_card
from trainer.datasets.describing import describe_dataset, describe_datasets
from trainer.datasets.shortcuts import interval


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    """The two commands, as edge-train has them."""
    found = typer.Typer()
    found.command()(describe)
    found.command()(check)
    return found


@pytest.fixture(scope="module")
def demeter(made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of a made-up DEMETER, without the magnetometer that it has not."""
    passes = [made.night_pass(i, seed=9) for i in range(round(40 * 86_400 / made.period_s))]
    for item in passes:
        item.grid.valid[:, 4] = False
    folder = tmp_path_factory.mktemp("demeter") / "dataset"
    made.rows(mission="demeter").write(folder, passes)
    catalogue, kp = made.random_catalogue(40.0, 4.0, 7), made.indices(40.0)
    build_dataset(folder, catalogue, kp, made.recipe(), lambda line: None)
    return folder


def test_numbers_are_those_of_the_dataset(built: Path) -> None:
    found, card = describe_dataset(built), read_card(built)
    assert found["simulated"] is True
    assert found["windows"]["windows"] == sum(s["windows"] for s in found["splits"].values())
    for name, split in found["splits"].items():
        assert split["matched_positives"] + split["controls"] == card.counts.matched[name]
        assert split["share_positive"] == pytest.approx(split["positive"] / split["windows"])
        assert 0 < split["clusters"] <= split["events"]
    train = [found["splits"][n] for n in ("train", "validation")]
    for what in ("kp", "season", "mode", "mask"):
        for role, key in (("positive", "matched_positives"), ("control", "controls")):
            assert sum(found[what][role].values()) == sum(s[key] for s in train), what
    assert found["coverage"]["log_ne"] == {"positive": 1.0, "control": 1.0}
    assert 0.2 < found["coverage"]["ti"]["positive"] < 0.9
    # Kp class, mode and mask are matched one to one.
    for what in ("kp", "mode", "mask"):
        assert found[what]["positive"] == found[what]["control"]


def test_masks_give_nothing_away_after_matching(built: Path) -> None:
    found = describe_dataset(built)["label_from_masks"]
    assert found["low"] <= 0.5 <= found["high"]


def test_masks_tell_missions_apart_and_common_observables_less_so(
    built: Path, demeter: Path
) -> None:
    rates = describe_datasets([built, demeter])["mission_from_masks"]
    assert rates["all"]["auc"] == 1.0
    # The made-up CSES has its plasma analyser off in a third of its half-orbits.
    assert 0.5 < rates["common"]["auc"] < 0.95
    alone = describe_datasets([built])["mission_from_masks"]
    assert alone == {"not_applicable": "give datasets of two missions"}
    same = describe_datasets([built, built])["mission_from_masks"]
    assert "not_applicable" in same
    with pytest.raises(EdgeError, match="3 datasets"):
        describe_datasets([built, demeter, built])


def test_command_prints_text_and_json(app: typer.Typer, built: Path, demeter: Path) -> None:
    text = CliRunner().invoke(app, ["describe", str(built), str(demeter)])
    assert text.exit_code == 0, text.output
    for part in ("SIMULATED", "unmatched positives: ", "kp 0-3", "season DJF", "excluded"):
        assert part in text.output
    assert "mission from the masks alone: all observables: AUC 1.000" in text.output
    assert "label from the masks alone: AUC" in text.output
    found = CliRunner().invoke(app, ["describe", str(built), "--json"])
    parsed = json.loads(found.output)
    assert parsed["datasets"][0]["mission"] == "cses"
    assert found.output.count("\n") == 1


def test_check_command_names_what_it_looked_at(app: typer.Typer, built: Path, tmp_path) -> None:
    result = CliRunner().invoke(app, ["check", str(built)])
    assert result.exit_code == 0
    assert "no leak found in" in result.output
    assert "(simulated data)" in result.output
    broken = shutil.copytree(built, tmp_path / "dataset")
    (broken / "windows.parquet").unlink()
    result = CliRunner().invoke(app, ["check", str(broken)])
    assert isinstance(result.exception, EdgeError)
    assert "\n" not in str(result.exception)


def test_interval_is_of_the_area_that_scikit_learn_gives() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(500) < 0.4
    scores = np.round(rng.normal(size=500) + truth, 1)
    rate = interval(scores, truth, rng.integers(0, 60, 500))
    assert rate.auc == pytest.approx(roc_auc_score(truth, scores))
    assert rate.low < rate.auc < rate.high


def test_it_says_what_a_window_is_and_when_it_is_positive(built: Path, app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["describe", str(built)])
    assert (
        "windows of L = 20 rows, 399 km of ground track; positive: midpoint in the Dobrovolsky "
        "circle, 0 to 48 h before the event"
    ) in result.output
