"""The search: resumable, the same if interrupted, and without a way to the test block."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import optuna
import pytest

from commands import edge_train
from trainer.common.errors import TrainError
from trainer.training import tuning
from trainer.training.commands import tune
from trainer.training.loading import load_windows
from trainer.training.run_recipe import (
    Pruning,
    TuneRecipe,
    read_run_recipe,
)
from trainer.training.tuning import SelectionWindows, search

RECIPE = TuneRecipe(
    name="made", kind="logistic", seed=5, trials=12, random_trials=4, pruning=Pruning(2, 0)
)


@pytest.fixture(scope="module")
def windows(built: Path) -> SelectionWindows:
    return SelectionWindows.of(built)


def bowl(trial: optuna.Trial, windows: SelectionWindows, recipe: TuneRecipe) -> float:
    return 1.0 - (trial.suggest_float("x", -1.0, 1.0) - 0.3) ** 2


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def drawn(folder: Path) -> list[str]:
    return [row["parameter.x"] for row in rows(folder) if row["state"] != "fail"]


def silent(line: str) -> None:
    pass


def test_a_search_resumes_and_draws_what_it_would_have_drawn(
    tmp_path: Path, windows: SelectionWindows
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    found = search(whole, windows, RECIPE, silent, objective=bowl)
    assert (found.trials, found.pruned) == (12, 0)
    assert found.value is not None
    assert found.value > 0.99
    for total in (3, 7, 12):
        some = msgspec.structs.replace(RECIPE, trials=total)
        search(parts, windows, some, silent, objective=bowl)
        assert len(rows(parts)) == total
    assert drawn(parts) == drawn(whole)
    assert (parts / "best.toml").read_bytes() == (whole / "best.toml").read_bytes()
    best = read_run_recipe(whole / "best.toml")
    assert (best.name, best.kind, best.seed) == ("tuned-logistic", "logistic", 5)
    assert best.parameters["x"] == pytest.approx(0.3, abs=0.1)


def test_a_killed_trial_is_failed_and_repeated(tmp_path: Path, windows: SelectionWindows) -> None:
    def killed(trial: optuna.Trial, windows: SelectionWindows, recipe: TuneRecipe) -> float:
        value = bowl(trial, windows, recipe)
        if trial.number == 6:
            # As a kill: nothing after it is written.
            raise KeyboardInterrupt
        return value

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    search(whole, windows, RECIPE, silent, objective=bowl)
    with pytest.raises(KeyboardInterrupt):
        search(broken, windows, RECIPE, silent, objective=killed)
    told: list[str] = []
    search(broken, windows, RECIPE, told.append, objective=bowl)
    assert told[0] == "trial 6 was interrupted: it is repeated"
    assert told[1].startswith("trial 7 of 12: validation PR AUC ")
    assert len(rows(broken)) == 13
    assert rows(broken)[6]["state"] == "fail"
    assert rows(broken)[6]["parameter.x"] == rows(broken)[7]["parameter.x"]
    assert drawn(broken) == drawn(whole)
    assert (broken / "best.toml").read_bytes() == (whole / "best.toml").read_bytes()


def test_trials_below_the_median_are_given_up(tmp_path: Path, windows: SelectionWindows) -> None:
    def slow(trial: optuna.Trial, windows: SelectionWindows, recipe: TuneRecipe) -> float:
        value = bowl(trial, windows, recipe)
        for epoch in range(1, 4):
            trial.report(value, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    found = search(tmp_path, windows, RECIPE, silent, objective=slow)
    assert found.trials == 12
    assert 0 < found.pruned < 12
    assert [r["state"] for r in rows(tmp_path)].count("pruned") == found.pruned
    assert found.best is not None


def test_a_trial_that_fails_stops_the_search(tmp_path: Path, windows: SelectionWindows) -> None:
    def failing(trial: optuna.Trial, windows: SelectionWindows, recipe: TuneRecipe) -> float:
        raise TrainError("it cannot be trained")

    with pytest.raises(TrainError, match="it cannot be trained"):
        search(tmp_path, windows, RECIPE, silent, objective=failing)
    assert search(tmp_path, windows, RECIPE, silent, objective=bowl).trials == 12


def test_time_that_is_up_begins_no_trial(tmp_path: Path, windows: SelectionWindows) -> None:
    told: list[str] = []
    found = search(tmp_path, windows, RECIPE, told.append, timeout=0.0, objective=bowl)
    assert (found.trials, found.best, found.value) == (0, None, None)
    assert told == ["time is up after 0 of 12 trials"]
    assert not (tmp_path / "best.toml").exists()


def test_no_trial_can_open_the_test_block(
    tmp_path: Path, built: Path, windows: SelectionWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cheating(trial: optuna.Trial, windows: SelectionWindows, recipe: TuneRecipe) -> float:
        return float(len(windows.open("test")))

    with pytest.raises(TrainError, match="a search cannot open the block 'test'"):
        search(tmp_path, windows, RECIPE, silent, objective=cheating)
    with pytest.raises(TrainError, match="the test block opens with allow_test=True alone"):
        load_windows(built, "test")
    # What a trial is given holds windows of the two blocks and no path to others.
    assert set(vars(windows)) == {"train", "validation"}
    borders = json.loads((built / "dataset.json").read_text())["blocks"]
    for held in vars(windows).values():
        times = [str(t) for t in held.time]
        assert not any(borders["test"][0][:-1] <= t < borders["test"][1][:-1] for t in times)
    monkeypatch.setattr(tuning, "_BLOCKS", ("train", "test"))
    with pytest.raises(TrainError, match="the test block opens"):
        SelectionWindows.of(built)


class Done(NamedTuple):
    code: int
    out: list[str]
    err: list[str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    call = edge_train(monkeypatch, capfd, tune)

    def lines(*arguments: object) -> Done:
        code, out, err = call(*arguments)
        return Done(code, out.splitlines(), err.splitlines())

    return lines


def test_the_command_searches_and_its_best_is_a_recipe(
    run: Callable[..., Done], built: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    command = (built, "--kind", "logistic", "--out", out)
    done = run(*command, "--trials", 2)
    assert done.code == 0, done.err
    assert done.err == []
    assert done.out[0].startswith("trial 1 of 2: validation PR AUC 0.")
    assert done.out[-1].startswith("study: 2 trials, 0 of them given up; the best has a validation")
    done = run(*command, "--trials", 3)
    assert [line.split(":")[0] for line in done.out] == ["trial 3 of 3", "study"]
    best = read_run_recipe(out / "best.toml")
    assert best.kind == "logistic"
    assert list(best.parameters) == ["c"]
    record = json.loads((out / "study.json").read_text())
    assert record["simulated"] is True
    assert (out / record["dataset"]["path"]).resolve() == built.resolve()
    done = run(built, "--kind", "lightgbm", "--out", out)
    assert done.code == 2
    assert done.err == [
        "edge-train: study study was made from other inputs (kind 'logistic', now 'lightgbm'): "
        "remove it, or choose another folder"
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--kind", "oracle"], "there is no classifier 'oracle'; known are seqnetquake"),
        (["--kind", "constant"], "kind 'constant' has nothing to search; valid are seqnetquake"),
        (["--kind", "svm", "--trials", 0], "trials 0; valid is 1 and more"),
        (["--recipe", "gone.toml"], "recipe gone.toml: No such file or directory"),
        (["--recipe", "random-forest.toml"], "recipe random-forest.toml: Object missing required"),
        (["--kind", "svm", "--dataset"], "the dataset is not complete: run edge-train prepare"),
    ],
)
def test_what_is_wrong_with_a_search_is_one_line(
    run: Callable[..., Done], built: Path, tmp_path: Path, options: list[Any], says: str
) -> None:
    dataset = tmp_path / "none" if "--dataset" in options else built
    given = [o for o in options if o != "--dataset"]
    done = run(dataset, "--out", tmp_path / "study", *given)
    assert done.code == 2
    assert len(done.err) == 1
    assert says in done.err[0]
    assert not (tmp_path / "study").exists()


def test_a_damaged_study_is_told(run: Callable[..., Done], built: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    command = (built, "--kind", "logistic", "--trials", 1, "--out", out)
    assert run(*command).code == 0
    (out / "study.sqlite").write_bytes(b"no database" * 100)
    done = run(*command)
    assert done.code == 2
    assert done.err == ["edge-train: study: study.sqlite: file is not a database"]
    (out / "study.json").write_text("{}")
    assert "study study: study.json is damaged: " in run(*command).err[0]
    (out / "study.json").unlink()
    assert run(*command).err == [
        "edge-train: study holds other files and no study.json: choose another folder"
    ]
