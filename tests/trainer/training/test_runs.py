"""Run folders: written once, resumed, found up to date, and never overwritten by another run."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import msgspec
import numpy as np
import pytest

from commands import edge_train
from edge.errors import ConfigError
from trainer.common.code_hash import code_sha256
from trainer.common.errors import TrainError
from trainer.models.classifier import Classifier, silent
from trainer.training.commands import finetune, pretrain, train
from trainer.training.fitting import fit_classifier
from trainer.training.loading import load_windows
from trainer.training.provenance import find_record
from trainer.training.run_folder import TrainingRun, read_run
from trainer.training.run_recipe import (
    RunRecipe,
    Transfer,
    read_run_recipe,
    read_tune_recipe,
    recipe_text,
)

RECIPE = """
name = "fake"
kind = "network"
seed = 3

[parameters]
epochs = 4
"""


class FakeNetwork(Classifier):
    """Counts epochs, and keeps in its checkpoint how far it came."""

    kind = "network"
    fitted: ClassVar[list[dict[str, Any]]] = []
    stop_at = 0

    def __init__(self, parameters: dict[str, Any], seed: int) -> None:
        unknown = set(parameters) - {"epochs", "rate"}
        if unknown:
            raise ConfigError(f"network: there is no parameter {unknown.pop()}")
        self._parameters = {"epochs": 2, "rate": 0.1} | parameters
        self.history: list[dict[str, Any]] = []
        self.kept_epoch = 3
        self.weight = float(seed)

    def fit(
        self,
        train,
        validation,
        tell=silent,
        *,
        start=None,
        transfer=None,
        checkpoint=None,
        on_epoch=None,
        teacher=None,
    ):
        call = {"train": train, "validation": validation, "transfer": transfer}
        self.fitted.append(call | {"teacher": teacher})
        place = checkpoint / "state.json"
        if place.is_file():
            self.history, self.weight = json.loads(place.read_text())
        elif start is not None:
            self.weight = start.weight
        for epoch in range(len(self.history) + 1, self._parameters["epochs"] + 1):
            self.weight = 2.0 * self.weight + len(train)
            entry = {
                "epoch": epoch,
                "loss": 1.0 / epoch,
                "validation_loss": abs(epoch - 3.0),
                "validation_pr_auc": 0.5,
            }
            self.history.append(entry)
            checkpoint.mkdir(exist_ok=True)
            place.write_text(json.dumps([self.history, self.weight]))
            tell(f"epoch {epoch}")
            if epoch == FakeNetwork.stop_at:
                raise KeyboardInterrupt

    def predict_proba(self, windows):
        return np.linspace(0.0, 1.0, len(windows))

    def parameters(self):
        return self._parameters

    def save(self, folder):
        (folder / "fake.json").write_text(json.dumps(self.weight))

    @classmethod
    def load(cls, folder):
        result = cls({}, 0)
        result.weight = json.loads((folder / "fake.json").read_text())
        return result


class FakeForest(FakeNetwork):
    """Has neither epochs nor a start."""

    kind = "forest"

    def fit(self, train, validation, tell=silent):
        self.fitted.append({"train": train, "validation": validation})


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"network": FakeNetwork, "forest": FakeForest}

    def make(kind, parameters, seed):
        if kind not in kinds:
            raise ConfigError(f"kind {kind!r}; known are {', '.join(kinds)}")
        return kinds[kind](parameters, seed)

    def save(model, folder):
        folder.mkdir(exist_ok=True)
        model.save(folder)

    fake = SimpleNamespace(
        NETWORK_KINDS=("network",),
        make_classifier=make,
        save_classifier=save,
        load_classifier=FakeNetwork.load,
    )
    monkeypatch.setitem(sys.modules, "trainer.models.registry", fake)
    # The checkout may change while its tests run.
    monkeypatch.setattr("trainer.training.run_plan.code_sha256", lambda: "c" * 64)
    monkeypatch.setattr(FakeNetwork, "fitted", [])
    monkeypatch.setattr(FakeNetwork, "stop_at", 0)


class Done(NamedTuple):
    code: int
    out: list[str]
    err: list[str]


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    call = edge_train(monkeypatch, capfd, pretrain, finetune, train)

    def lines(*arguments: object) -> Done:
        code, out, err = call(*arguments)
        return Done(code, out.splitlines(), err.splitlines())

    return lines


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


def files(run: Path) -> list[str]:
    return sorted(p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file())


def test_a_run_says_all_that_it_was_made_from(
    run: Run, built: Path, recipe: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = run("train", built, "--recipe", recipe, "--out", out, "--fraction", 0.5)
    assert done.code == 0, done.err
    assert done.err == []
    assert done.out[-1].startswith("run: complete; validation ROC AUC 0.")
    assert done.out[-1].endswith(", simulated")
    assert files(out) == [
        "curves.csv",
        "curves.png",
        "model/fake.json",
        "recipe.toml",
        "run.json",
    ]
    record = read_run(out)
    card = json.loads((built / "dataset.json").read_text())
    assert record.dataset.fingerprint == card["fingerprint"]
    assert record.dataset.windows_sha256 == card["files"]["windows.parquet"]["sha256"]
    assert (out / record.dataset.path).resolve() == built.resolve()
    assert (record.stage, record.mission, record.profile) == ("train", "cses", "plasma")
    assert record.simulated
    assert record.dataset.short_archive
    assert record.parameters == {"epochs": 4, "rate": 0.1}
    assert record.history is not None
    assert (record.history.epochs, record.history.kept_epoch) == (4, 3)
    assert record.train is not None
    assert record.train.clusters == round(0.5 * record.train.clusters_in_all + 0.01)
    assert record.train.windows == len(FakeNetwork.fitted[0]["train"])
    assert len((out / "curves.csv").read_text().splitlines()) == 5
    used = read_run_recipe(out / "recipe.toml")
    assert used == RunRecipe("fake", "network", 3, {"epochs": 4, "rate": 0.1}, None, 0.5)


def test_the_same_command_finds_it_up_to_date(
    run: Run, built: Path, recipe: Path, tmp_path: Path
) -> None:
    command = ("train", built, "--recipe", recipe, "--out", tmp_path / "run")
    assert run(*command).code == 0
    before = (tmp_path / "run" / "run.json").read_bytes()
    done = run(*command)
    assert done == Done(0, ["run is up to date"], [])
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    assert len(FakeNetwork.fitted) == 1


def test_an_interrupted_run_goes_on_to_the_same_model(
    run: Run, built: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("train", built, "--recipe", recipe, "--out")
    assert run(*command, tmp_path / "whole").code == 0
    out = tmp_path / "broken"
    monkeypatch.setattr(FakeNetwork, "stop_at", 2)
    assert run(*command, out).code == 130
    assert files(out) == ["checkpoint/state.json", "recipe.toml", "run.json"]
    record = find_record(out, TrainingRun)
    assert record is not None
    assert not record.complete
    with pytest.raises(TrainError, match="run broken is unfinished: give its command again"):
        read_run(out)
    done = run(*command, out)
    assert done.code == 0, done.err
    assert done.out[0] == "an interrupted run goes on"
    assert not (out / "checkpoint").exists()
    for name in ("model/fake.json", "curves.csv", "curves.png", "recipe.toml"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_with_other_code_an_interrupted_run_begins_anew(
    run: Run, built: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("train", built, "--recipe", recipe, "--out", tmp_path / "run")
    monkeypatch.setattr(FakeNetwork, "stop_at", 2)
    assert run(*command).code == 130
    monkeypatch.setattr(FakeNetwork, "stop_at", 0)
    monkeypatch.setattr("trainer.training.run_plan.code_sha256", lambda: "0" * 64)
    done = run(*command)
    assert done.out[0] == "the code has changed since the run was interrupted: it begins anew"
    assert "epoch 1" in done.out


def test_fine_tuning_begins_with_a_pretrained_run(
    run: Run, built: Path, recipe: Path, tmp_path: Path
) -> None:
    start = tmp_path / "start"
    assert run("pretrain", built, "--recipe", recipe, "--out", start).code == 0
    command = ("finetune", built, "--from", start, "--recipe", recipe, "--out", tmp_path / "tuned")
    done = run(*command)
    assert done.err == [
        "edge-train: recipe fake: no mode under [transfer]; valid are frozen, gradual, full"
    ]
    done = run(*command, "--transfer", "gradual")
    assert done.code == 0, done.err
    assert done.out[0] == "start was pretrained on the mission that it is tuned for, cses"
    record = read_run(tmp_path / "tuned")
    assert record.start is not None
    assert record.start.identity == read_run(start).identity
    assert record.start.path == "../start"
    assert record.transfer == FakeNetwork.fitted[1]["transfer"] == "gradual"
    weights = [
        json.loads((tmp_path / n / "model/fake.json").read_text()) for n in ("start", "tuned")
    ]
    assert weights[1] > weights[0] * 10
    done = run(*command, "--transfer", "full")
    assert done.code == 2
    assert done.err == [
        "edge-train: run tuned was made from other inputs (transfer 'gradual', now 'full'): "
        "remove it, or choose another folder"
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--seed", 4], "(seed 3, now 4)"),
        (["--fraction", 0.5], "(fraction 1.0, now 0.5)"),
        (["--recipe", "other.toml"], "(epochs 4, now 5)"),
    ],
)
def test_a_run_of_other_inputs_is_left_alone(
    run: Run,
    built: Path,
    recipe: Path,
    tmp_path: Path,
    options: list[object],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.toml").write_text(RECIPE.replace("epochs = 4", "epochs = 5"))
    out = tmp_path / "run"
    assert run("train", built, "--recipe", recipe, "--out", out).code == 0
    before = {name: (out / name).read_bytes() for name in files(out)}
    given = options if "--recipe" in options else ["--recipe", recipe, *options]
    done = run("train", built, "--out", out, *given)
    assert done.code == 2
    assert len(done.err) == 1
    assert says in done.err[0]
    assert {name: (out / name).read_bytes() for name in files(out)} == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--fraction", 0], "fraction 0; valid is above 0 and at most 1"),
        (["--fraction", 1.5], "fraction 1.5; valid is above 0 and at most 1"),
        (["--seed", -1], "seed -1; valid is 0 and more"),
        (["--recipe", "gone.toml"], "recipe gone.toml: No such file or directory"),
        (["--recipe", "kind.toml"], "kind 'oracle'; known are network, forest"),
        (["--recipe", "key.toml"], "recipe key.toml: Object contains unknown field `sed`"),
        (["--recipe", "parameter.toml"], "network: there is no parameter epoch"),
        (["--recipe", "transfer.toml"], "[transfer] is for edge-train finetune alone"),
        (["--recipe", "mode.toml"], "recipe mode.toml: Invalid enum value 'thawed'"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_no_folder(
    run: Run,
    built: Path,
    recipe: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[object],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kind.toml").write_text(RECIPE.replace("network", "oracle"))
    Path("key.toml").write_text(RECIPE.replace("seed", "sed"))
    Path("parameter.toml").write_text(RECIPE.replace("epochs", "epoch"))
    Path("transfer.toml").write_text(RECIPE + '[transfer]\nmode = "full"\n')
    Path("mode.toml").write_text(RECIPE + '[transfer]\nmode = "thawed"\n')
    given = options if "--recipe" in options else ["--recipe", recipe, *options]
    done = run("train", built, "--out", "run", *given)
    assert done.code == 2
    assert len(done.err) == 1
    assert says in done.err[0]
    assert not Path("run").exists()


def test_a_dataset_that_is_missing_or_damaged_is_refused(
    run: Run, built: Path, recipe: Path, tmp_path: Path
) -> None:
    command = ("--recipe", recipe, "--out", tmp_path / "run")
    done = run("train", tmp_path / "none", *command)
    assert done.code == 2
    assert len(done.err) == 1
    assert "the dataset is not complete: run edge-train prepare" in done.err[0]
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    card = json.loads((copy / "dataset.json").read_text())
    card["files"]["windows.parquet"]["sha256"] = "0" * 64
    (copy / "dataset.json").write_text(json.dumps(card))
    done = run("train", copy, *command)
    assert done.err == [
        "edge-train: copy: windows.parquet is not what dataset.json tells of: run edge-train "
        "prepare again"
    ]
    del card["profile"]
    (copy / "dataset.json").write_text(json.dumps(card))
    assert (
        "dataset.json is damaged: Object missing required field `profile`"
        in run("train", copy, *command).err[0]
    )
    assert not (tmp_path / "run").exists()


def test_a_damaged_run_is_told(run: Run, built: Path, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = ("train", built, "--recipe", recipe, "--out", out)
    assert run(*command).code == 0
    model = out / "model" / "fake.json"
    content = model.read_bytes()
    model.write_bytes(content + b" ")
    says = "edge-train: run run is damaged: model/fake.json is not what was written"
    assert run(*command).err == [says]
    tune = ("finetune", built, "--from", out, "--recipe", recipe, "--out", tmp_path / "tuned")
    assert run(*tune, "--transfer", "full").err == [says]
    model.unlink()
    assert run(*command).err == ["edge-train: run run is damaged: model/fake.json is missing"]
    (out / "run.json").write_text("{")
    assert "run run: run.json is damaged: " in run(*command).err[0]
    (out / "run.json").write_text('{"format": 9}')
    assert run(*command).err == ["edge-train: run run: run.json: format 9; this version reads 1"]
    (out / "run.json").unlink()
    assert run(*command).err == [
        "edge-train: run holds other files and no run.json: choose another folder"
    ]
    assert run(*tune, "--transfer", "full").err == [
        "edge-train: run run: no run.json: not a folder that a training wrote"
    ]


def test_a_start_must_fit_the_dataset(run: Run, built: Path, recipe: Path, tmp_path: Path) -> None:
    start = tmp_path / "start"
    assert run("pretrain", built, "--recipe", recipe, "--out", start).code == 0
    record = read_run(start)
    command = ("finetune", built, "--from", start, "--recipe", recipe, "--out", tmp_path / "tuned")
    for changes, says in (
        ({"profile": "full"}, "of profile 'full', the dataset has 'plasma'"),
        (
            {"dataset": msgspec.structs.replace(record.dataset, length=10)},
            "of length 10, the dataset has 20",
        ),
        ({"kind": "forest"}, "run start is a forest, the recipe asks for a network"),
    ):
        other = msgspec.structs.replace(record, **changes)
        (start / "run.json").write_bytes(msgspec.json.encode(other))
        done = run(*command, "--transfer", "full")
        assert done.code == 2
        assert len(done.err) == 1
        assert says in done.err[0]
    assert not (tmp_path / "tuned").exists()


def test_forests_are_trained_and_not_pretrained(
    run: Run, built: Path, recipe: Path, tmp_path: Path
) -> None:
    recipe.write_text('name = "forest"\nkind = "forest"\nseed = 1\n')
    done = run("pretrain", built, "--recipe", recipe, "--out", tmp_path / "run")
    assert done.err == ["edge-train: kind 'forest': networks alone can be tuned, so pretrained"]
    assert run("train", built, "--recipe", recipe, "--out", tmp_path / "run").code == 0
    record = read_run(tmp_path / "run")
    assert record.history is None
    assert not (tmp_path / "run" / "curves.csv").exists()


def test_networks_alone_learn_from_a_teacher(built: Path, tmp_path: Path) -> None:
    windows = load_windows(built, "train")
    teacher = np.full(len(windows), 0.5)
    parameters = {"epochs": 1, "rate": 0.1}
    with pytest.raises(TrainError, match="a forest cannot learn from a teacher: networks alone"):
        fit_classifier("forest", parameters, 1, windows, windows, teacher=teacher)
    place = tmp_path / "checkpoint"
    fit_classifier("network", parameters, 1, windows, windows, checkpoint=place, teacher=teacher)
    assert FakeNetwork.fitted[-1]["teacher"] is teacher


def test_one_process_works_on_a_run(run: Run, built: Path, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    folder = os.open(out, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    done = run("train", built, "--recipe", recipe, "--out", out)
    os.close(folder)
    assert done.code == 3
    assert done.err == ["edge-train: output folder run: another edge-train works on it"]


def test_the_test_block_stays_closed(
    run: Run, built: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.datasets import tables

    opened: list[object] = []
    real = tables.WindowReader

    def note(*, splits, **others):
        opened.append(splits)
        return real(splits=splits, **others)

    monkeypatch.setattr(tables, "WindowReader", note)
    assert run("train", built, "--recipe", recipe, "--out", tmp_path / "run").code == 0
    assert len(opened) >= 3
    assert not any("test" in splits for splits in opened)


def test_the_hash_of_the_code_follows_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trainer

    copy = tmp_path / "trainer"
    (copy / "part").mkdir(parents=True)
    (copy / "__init__.py").write_text("")
    (copy / "part" / "one.py").write_text("x = 1")
    monkeypatch.setattr(trainer, "__file__", str(copy / "__init__.py"))
    # Past the cache, which stands for code that does not change under a running process.
    hashed = code_sha256.__wrapped__
    before = hashed()
    (copy / "notes.txt").write_text("no code")
    assert hashed() == before
    (copy / "part" / "one.py").write_text("x = 2")
    assert hashed() != before


def test_a_recipe_is_written_as_it_is_read(tmp_path: Path) -> None:
    parameters = {
        "rate": 1e-5,
        "size": 10**20,
        "name": 'a "b"\n\u00e9',
        "yes": True,
        "none": None,
        "some": [1, 2.5],
        "dropping": {"observable": 0.05, "odd key": 1},
    }
    recipe = RunRecipe("a", "network", 1, parameters, Transfer("frozen"), 0.25)
    path = tmp_path / "recipe.toml"
    parameters["size"] = 2**40
    path.write_text(recipe_text(recipe), encoding="utf-8")
    kept = {k: v for k, v in parameters.items() if v is not None}
    assert read_run_recipe(path) == msgspec.structs.replace(recipe, parameters=kept)


def test_a_recipe_that_ships_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_tune_recipe(Path("tune-seqnetquake.toml")).kind == "seqnetquake"
    Path("random-forest.toml").write_text(RECIPE)
    assert read_run_recipe(Path("random-forest.toml")).kind == "network"
    with pytest.raises(ConfigError, match=r"recipe random-forest\.toml: No such file"):
        read_run_recipe(tmp_path / "other" / "random-forest.toml")
