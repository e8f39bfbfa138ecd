"""The road from simulated missions to a bundle, by make and by hand, on a few days."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edge.bundle import Bundle, load_bundle
from edge.scoring import Scorer
from trainer.datasets.recipe import RECIPES
from trainer.evaluation.judged_run import read_run_card

# Strong perturbations, many events and short clear times: there is something to learn in days.
DEMETER_DAYS = "--start 2007-01-01 --end 2007-01-09 --seed 1 --injection 12 --events-per-day 80"
CSES_DAYS = "--start 2019-01-01 --end 2019-01-09 --seed 2 --injection 12 --events-per-day 80"
WINDOWS = {
    "lead_hours": "[0.0, 24.0]",
    "clear_before_days": "0.5",
    "clear_after_days": "0.5",
    "embargo_days": "1.5",
    "least_block_days": "0.5",
    "quiet_kp": "9.0",
    "latitude_deg": "10.0",
    "longitude_deg": "120.0",
    "mask": '"none"',
    "mode": "false",
}
NETWORK = {"filters": "16", "lstm": "16", "dense": "16", "rate": "3e-3", "batch": "64"}
NETWORK |= {"epochs": "12", "patience": "12"}
# On a few days a network that is held back this much alarms next to nothing.
NETWORK |= {"noise": "0.5", "dropout": "0.3", "whitening_clip": "0.0"}
NETWORK["dropping"] = "{ observable = 0.05, payload = 0.15, window = 0.01 }"


def changed(name: str, changes: dict[str, str], folder: Path) -> Path:
    text = (RECIPES / name).read_text(encoding="utf-8")
    for key, value in changes.items():
        text, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert found, key
    path = folder / f"tiny-{name}"
    path.write_text(text, encoding="utf-8")
    return path


def make(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", "train-export", *words],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Variables of make: this environment, short missions, a small network."""
    folder = tmp_path_factory.mktemp("recipes")
    windows = changed("windows-short.toml", WINDOWS, folder)
    pretrain = changed("seqnetquake-pretrain.toml", NETWORK, folder)
    # Tuned longer, so small a network is so sure that int8 ties windows at the threshold.
    tuning = NETWORK | {"epochs": "8"}
    finetune = changed("seqnetquake-finetune.toml", tuning, folder)
    return [
        "TRAINER=",
        f"TRAIN={sys.executable} -m trainer",
        f"DEMETER_DAYS={DEMETER_DAYS}",
        f"CSES_DAYS={CSES_DAYS}",
        f"PREPARED=--recipe {windows} --allow-failed",
        f"PRETRAIN={pretrain}",
        f"FINETUNE={finetune}",
        "EVALUATED=--quick",
    ]


@pytest.fixture(scope="module")
def build(
    tmp_path_factory: pytest.TempPathFactory, repository: Path, words: list[str]
) -> tuple[Path, str]:
    """Run the chain once."""
    folder = tmp_path_factory.mktemp("chain")
    done = make(repository, *words, f"BUILD={folder}")
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return folder, done.stdout


@pytest.fixture(scope="module")
def bundle(build: tuple[Path, str]) -> Bundle:
    return load_bundle(build[0] / "bundle")


def steps(said: str) -> list[list[str]]:
    return [shlex.split(line)[3:] for line in said.splitlines() if line.startswith(sys.executable)]


def test_make_prints_the_commands_that_a_person_can_type(build: tuple[Path, str]) -> None:
    names = [step[0] for step in steps(build[1])]
    assert names == [
        *("simulate", "simulate", "prepare", "prepare"),
        *("pretrain", "finetune", "evaluate", "export"),
    ]


def test_what_is_up_to_date_is_left_alone(
    build: tuple[Path, str], repository: Path, words: list[str]
) -> None:
    folder = build[0]
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
    done = make(repository, *words, f"BUILD={folder}")
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("up to date") == 8
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()} == before


def test_the_card_says_what_the_evaluation_said(build: tuple[Path, str], bundle: Bundle) -> None:
    card, judged = bundle.card, read_run_card(build[0] / "tuned")
    report = json.loads((build[0] / "evaluation" / "report.json").read_bytes())
    (model,) = report["models"]
    assert card.run == judged.model_sha256 == model["fingerprint"]
    assert card.metrics == judged.metrics
    told = {e["name"]: e["value"] for e in model["matched"]}
    assert {m.name: m.value for m in card.metrics if m.name in told} == told
    stream = {e["name"]: e["value"] for e in model["stream"]["estimates"]}
    for name in ("alarms_per_night_half_orbit", "alarmed_share", "base_rate"):
        assert getattr(card.operating_point, name) == pytest.approx(stream[name])
    assert card.threshold == model["decisions"]["alarm_threshold"]
    assert (card.slope, card.intercept) == (
        model["decisions"]["slope"],
        model["decisions"]["intercept"],
    )


def test_the_card_says_what_it_was_trained_on(bundle: Bundle) -> None:
    training = bundle.card.training
    assert training.data == "simulated"
    assert bundle.card.simulated
    assert "simulated" in training.catalogue
    assert [m.mission for m in training.missions] == ["demeter", "cses"]
    for mission in training.missions:
        assert mission.simulated
        assert mission.parameters["events_per_day"] == 80.0
        assert mission.parameters["injection"] == 12.0
        assert 0 < mission.positive_windows < mission.train_windows


def test_both_files_are_held_against_keras(bundle: Bundle) -> None:
    names = {p.file for p in bundle.card.parity}
    assert names == {"model_int8.tflite", "model_float32.tflite"}
    for parity in bundle.card.parity:
        assert parity.windows > 20
        assert parity.verdict_windows > 1000
        assert parity.auc_keras - parity.auc_tflite <= 0.002
    float32 = next(p for p in bundle.card.parity if p.file == "model_float32.tflite")
    assert float32.largest_difference < 1e-4


def test_the_edge_scores_with_it(bundle: Bundle) -> None:
    # Building the scorer holds the golden windows against this interpreter.
    Scorer(bundle)
    assert set(bundle.card.golden.measured) == {p.runtime for p in bundle.card.parity}


def test_the_int8_file_is_judged_beside_its_run(
    build: tuple[Path, str], bundle: Bundle, tmp_path: Path
) -> None:
    command = ["evaluate", build[0] / "tuned", "--bundle", bundle.path, "--quick"]
    done = subprocess.run(
        [sys.executable, "-m", "trainer", *map(str, command), "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_bytes())
    run, int8 = report["models"]
    assert int8["name"] == f"{run['name']} (int8)"
    assert int8["decisions"] == run["decisions"]
    assert int8["fingerprint"] == bundle.card.files["model_int8.tflite"]
    values = [{e["name"]: e["value"] for e in m["matched"]} for m in (run, int8)]
    assert values[1]["roc_auc"] == pytest.approx(values[0]["roc_auc"], abs=0.02)


@pytest.mark.slow
def test_by_hand_the_same_steps_give_the_same_bytes(
    build: tuple[Path, str], tmp_path: Path, repository: Path
) -> None:
    folder, said = build
    for step in steps(said):
        own = [word.replace(str(folder), str(tmp_path)) for word in step]
        done = subprocess.run(
            [sys.executable, "-m", "trainer", *own],
            cwd=repository,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    found = sorted((folder / "bundle").iterdir())
    assert [p.name for p in found] == sorted(p.name for p in (tmp_path / "bundle").iterdir())
    for file in found:
        assert (tmp_path / "bundle" / file.name).read_bytes() == file.read_bytes(), file.name


def test_archives_that_are_given_are_not_simulated(repository: Path) -> None:
    given = ["DEMETER=/one", "CSES=/two", "CATALOGUE=a b.csv", "INDICES=kp.txt"]
    done = subprocess.run(
        [
            "make",
            "-n",
            "--no-print-directory",
            "train-export",
            "TRAINER=",
            "TRAIN=edge-train",
            *given,
        ],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    commands = [shlex.split(line) for line in done.stdout.splitlines() if line.strip()]
    assert [c[1] for c in commands][:3] == ["prepare", "prepare", "pretrain"]
    for command, archive in zip(commands, ("/one", "/two"), strict=False):
        assert command[2:7] == [archive, "--catalogue", "a b.csv", "--indices", "kp.txt"]


def test_the_strengths_were_fixed_before_any_training(repository: Path) -> None:
    text = (repository / "Makefile").read_text(encoding="utf-8")
    strengths = tomllib.loads((RECIPES / "strengths.toml").read_text(encoding="utf-8"))
    for mission in ("cses", "demeter"):
        found = strengths[mission]["plasma"]
        place = found["auc_target"].index(0.9)
        line = next(x for x in text.splitlines() if x.startswith(f"{mission.upper()}_DAYS := "))
        assert f"--injection {found['strength'][place]:g}" in line
