"""Real networks through the commands: the same weights, whole or killed, and by transfer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trainer.training.run_folder import read_run

# TensorFlow stays out of the process of the tests: it does not go together with tflite-runtime.
# The checkout may change while its tests run, so the hash of its code is fixed.
COMMAND = """
import os
import signal
import typer
from edge.entry import run
from trainer.training import commands, run_plan
from trainer.training.commands import finetune, pretrain, train
from trainer.training.commands import tune
run_plan.code_sha256 = lambda: "c" * 64
say = commands.say
def say_and_die(lines):
    say(lines)
    if lines[0].startswith(os.environ.get("KILL_AT", "never")):
        os.kill(os.getpid(), signal.SIGKILL)
commands.say = say_and_die
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
for command in (pretrain, finetune, train, tune):
    app.command()(command)
run(app, "edge-train")
"""
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
RECIPE = """
name = "small"
kind = "dnn"
seed = 3

[parameters]
dense = 8
dense_layers = 2
epochs = 12
patience = 12
batch = 32
"""


def run(*arguments: object, kill_at: str = "never") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT | {"KILL_AT": kill_at},
        timeout=300,
        check=False,
    )


def done(*arguments: object) -> list[str]:
    process = run(*arguments)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    return process.stdout.splitlines()


def weights(run: Path) -> dict[str, np.ndarray]:
    with np.load(run / "model" / "weights.npz") as file:
        return {name: file[name] for name in file.files}


def same(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def pretrained(built: Path, recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "pretrained"
    lines = done("pretrain", built, "--recipe", recipe, "--out", out)
    assert sum(line.startswith("epoch ") for line in lines) == 12
    return out


@pytest.mark.slow
def test_a_killed_run_comes_to_the_weights_of_a_whole_one(
    built: Path, recipe: Path, pretrained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    command = ("pretrain", built, "--recipe", recipe, "--out", out)
    assert run(*command, kill_at="epoch 4:").returncode == -signal.SIGKILL
    assert (out / "checkpoint").is_dir()
    assert not (out / "model").exists()
    lines = done(*command)
    assert "an interrupted run goes on" in lines
    assert not any(line.startswith("epoch 3:") for line in lines)
    assert same(out, pretrained)
    for name in ("curves.csv", "curves.png", "recipe.toml"):
        assert (out / name).read_bytes() == (pretrained / name).read_bytes()
    assert not (out / "checkpoint").exists()


@pytest.mark.slow
def test_every_way_of_transfer_trains(
    built: Path, recipe: Path, pretrained: Path, tmp_path: Path
) -> None:
    before = (pretrained / "run.json").read_bytes()
    for mode in ("frozen", "gradual", "full"):
        out = tmp_path / mode
        command = ("finetune", built, "--from", pretrained, "--recipe", recipe, "--out", out)
        done(*command, "--transfer", mode, "--fraction", 0.5, "--seed", 4)
        record = read_run(out)
        assert record.transfer == mode
        assert record.train is not None
        assert record.train.clusters < record.train.clusters_in_all
        first = weights(out)["w000"]
        assert np.array_equal(first, weights(pretrained)["w000"]) or mode != "frozen"
    assert (pretrained / "run.json").read_bytes() == before


@pytest.mark.slow
def test_networks_are_searched_and_pruned(built: Path, tmp_path: Path) -> None:
    path = tmp_path / "tune.toml"
    path.write_text(
        'name = "search"\nkind = "dnn"\nseed = 1\ntrials = 6\nrandom_trials = 3\n'
        "[pruning]\nstartup_trials = 2\nwarmup_epochs = 1\n"
        "[parameters]\nepochs = 6\npatience = 6\nbatch = 64\n"
    )
    study = tmp_path / "study"
    lines = done("tune", built, "--recipe", path, "--out", study)
    assert lines[-1].startswith("study: 6 trials, ")
    rows = (study / "trials.csv").read_text().splitlines()
    assert len(rows) == 7
    assert rows[1].split(",")[3] == "6"
    out = tmp_path / "best"
    done("train", built, "--recipe", study / "best.toml", "--out", out)
    record = read_run(out)
    best = max(float(r.split(",")[2]) for r in rows[1:] if r.split(",")[1] == "complete")
    assert record.scores is not None
    # A recipe of the best is the best: nothing of it was lost on the way.
    assert record.scores.pr_auc == pytest.approx(best, abs=1e-9)
    assert json.loads((out / "run.json").read_text())["parameters"]["epochs"] == 6
