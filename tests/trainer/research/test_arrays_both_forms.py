"""The authors' arrays as released and clean, on small arrays of noise and of a plain signal."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from edge.errors import ConfigError
from trainer.common.errors import TrainError
from trainer.evaluation.commands import evaluate
from trainer.evaluation.report.data import find
from trainer.research.arrays import prepare, read_arrays, split_training
from trainer.research.arrays_report import OPTIMISTIC, ArraysReport
from trainer.research.arrays_run import evaluate_arrays


def made_arrays(
    seed: int, signal: float = 0.0, train: int = 240, test: int = 160
) -> dict[str, Any]:
    """Windows of 20 rows and 3 values, 4 of each event, labels as columns."""
    rng = np.random.default_rng(seed)
    held: dict[str, Any] = {}
    for part, n in (("train", train), ("test", test)):
        event = np.repeat(np.arange(n // 4), 4)
        label = event % 2
        held[f"{part}_X"] = rng.normal(size=(n, 20, 3)) + signal * label[:, None, None]
        held[f"{part}_y"] = label[:, None]
        if part == "test":
            held["test_EQ_LABELS"], held["test_EQ_NUM"] = label[:, None], event[:, None]
    return held


def write(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def value(report: ArraysReport, released: bool, name: str) -> float:
    model = report.models[0]
    found = find(model.released if released else model.clean, name)
    assert found is not None
    assert found.value is not None
    return found.value


def test_selection_on_the_test_file_flatters_noise(tmp_path: Path) -> None:
    gains = []
    for seed in range(3):
        file = write(tmp_path / f"noise{seed}_input.npz", **made_arrays(seed))
        report = evaluate_arrays([file], tmp_path / f"out{seed}", ["logistic"], 10, 50, seed, True)
        released, clean = value(report, True, "micro_f1"), value(report, False, "accuracy")
        best = max(t.test_micro_f1 for t in report.models[0].trials)
        assert released == best
        gains.append((released, clean))
        interval = find(report.models[0].clean, "roc_auc")
        assert interval is not None
        assert interval.low is not None
        assert interval.low < 0.5
    assert all(released >= clean for released, clean in gains)
    assert np.mean([released for released, _ in gains]) > 0.5


def test_signal_is_found_in_both_forms_and_the_page_tells_them_apart(tmp_path: Path) -> None:
    held = made_arrays(1, signal=1.0)
    held["test_X"][0, 3, 1] = np.nan
    held["train_X"][5, 2, 2] = np.inf
    train = write(tmp_path / "a_input.npz", **{k: held[k] for k in held if k[:5] == "train"})
    test = write(tmp_path / "b_input.npz", **{k: held[k] for k in held if k[:5] != "train"})
    out = tmp_path / "out"
    report = evaluate_arrays([train, test], out, ["logistic"], 2, 50)
    assert value(report, True, "micro_f1") > 0.95
    assert value(report, False, "f1") > 0.9
    assert value(report, False, "event_mcc") > 0.9
    assert not report.simulated
    assert report.models[0].released_label == OPTIMISTIC
    for number in report.models[0].released:
        assert number.low is None
        assert number.high is None
    stored = msgspec.json.decode((out / "report.json").read_bytes(), type=ArraysReport)
    assert stored == report
    text = (out / "report.html").read_text()
    assert "SIMULATED" not in text
    assert text.count(OPTIMISTIC) >= 5
    assert (out / "released_and_clean.png").is_file()


def test_simulated_arrays_are_called_so(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(evaluate)
    file = write(tmp_path / "x_input.npz", **made_arrays(1))
    out = tmp_path / "out"
    call = ["--npz", str(file), "--out", str(out), "--models", "logistic", "--trials", "2"]
    done = CliRunner().invoke(app, [*call, "--simulated", "--quick"])
    assert done.exit_code == 0, done.output
    assert "SIMULATED" in (out / "report.html").read_text()
    for wrong in (["--npz", str(file), "run"], [], [*call, "--null", "run"], ["r", "--simulated"]):
        assert CliRunner().invoke(app, wrong).exit_code == 2


def test_classifiers_that_arrays_cannot_serve_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "x_input.npz", **made_arrays(1))
    for kinds in (["place"], ["nonsense"], [], ["logistic", "logistic"]):
        with pytest.raises(ConfigError, match="--models"):
            evaluate_arrays([file], tmp_path / "out", kinds)


def test_validation_is_cut_by_events_where_they_are_known(tmp_path: Path) -> None:
    held = made_arrays(1)
    event = np.repeat(np.arange(60), 4)
    held |= {"train_EQ_LABELS": held["train_y"], "train_EQ_NUM": event}
    arrays = read_arrays([write(tmp_path / "x_input.npz", **held)])
    split = split_training(arrays, 0)
    assert arrays.train_event is not None
    sides = [set(arrays.train_event[p].tolist()) for p in (split.train, split.validation)]
    assert not sides[0] & sides[1]
    assert len(sides[1]) == 12
    assert set(arrays.train_label[split.validation].tolist()) == {0, 1}


def test_validation_is_the_end_of_each_class_where_events_are_not_known(tmp_path: Path) -> None:
    held = made_arrays(1)
    order = np.argsort(-held["train_y"][:, 0], kind="stable")
    held |= {"train_X": held["train_X"][order], "train_y": held["train_y"][order]}
    arrays = read_arrays([write(tmp_path / "x_input.npz", **held)])
    split = split_training(arrays, 0)
    assert set(split.validation.tolist()) == {*range(96, 120), *range(216, 240)}
    # A stretch before the cut is in neither part.
    assert split.train.size == 240 - 48 - 24


def test_standardisation_knows_training_windows_alone() -> None:
    rng = np.random.default_rng(1)
    train = rng.normal(3.0, 2.0, (50, 20, 2)).astype(np.float32)
    train[0, 0, 0] = np.nan
    far = np.full((2, 20, 2), 100.0, dtype=np.float32)
    first, other = prepare(train, [far], normalise=False, masks=True)
    assert np.allclose(first[:, :, :2].sum(axis=0), 0.0, atol=1e-3)
    assert first[0, 0, 0] == first[0, 0, 2] == 0.0
    assert other.min() >= 1.0
    alone = prepare(train, [], normalise=False, masks=True)[0]
    assert (alone == first).all()
    unit = prepare(train, [], normalise=True, masks=False)[0]
    assert (unit[:, :, 2:] == 1.0).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"test_y": None}, "no test_y"),
        ({"train_X": np.zeros((240, 60))}, r"train_X has the shape \(240, 60\)"),
        ({"train_X": np.full((240, 20, 3), np.nan)}, "train_X holds no number"),
        ({"test_X": np.zeros((160, 10, 3))}, "valid are equal ones"),
        ({"train_y": np.zeros((240, 2))}, r"train_y has the shape \(240, 2\)"),
        ({"train_y": np.full(240, np.nan)}, "train_y holds nan"),
        ({"train_y": np.full(240, 2)}, "train_y holds 2; valid are 0 and 1"),
        ({"train_y": np.zeros(240)}, "train_y is all"),
        ({"test_EQ_NUM": np.zeros(3)}, "test_EQ_NUM has the shape"),
        ({"test_EQ_LABELS": np.full(160, 7)}, "test_EQ_LABELS holds 7"),
        ({"train_EQ_NUM": np.zeros(240)}, "no train_EQ_LABELS"),
        ({"train_X": np.array([{"a": 1}])}, "valid are plain numbers, no objects"),
        ({"test_y": np.array(["a"] * 160)}, "valid are plain numbers, no objects"),
    ],
)
def test_impossible_arrays_give_one_line(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    held = made_arrays(1) | change
    path = write(tmp_path / "x_input.npz", **{k: v for k, v in held.items() if v is not None})
    with pytest.raises(TrainError, match=words) as caught:
        read_arrays([path])
    assert "\n" not in str(caught.value)
    assert "x_input.npz" in str(caught.value)


def test_damaged_and_missing_files_give_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "x_input.npz", **made_arrays(1))
    with pytest.raises(TrainError, match=r"y_input\.npz: No such file"):
        read_arrays([tmp_path / "y_input.npz"])
    with pytest.raises(TrainError, match=r"train_X is in x_input\.npz too"):
        read_arrays([path, path])
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(TrainError, match=r"not a \.npz file"):
        read_arrays([path])


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "x_input.npz", **made_arrays(1))
    with pytest.raises(TrainError, match="valid is up to 10,000 together"):
        read_arrays([path], most_bytes=10_000)
    # A header that promises more than the file holds.
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 20, 3)}
    liar = tmp_path / "liar_input.npz"
    with zipfile.ZipFile(liar, "w") as archive, archive.open("train_X.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(b"\0" * 100)
    with pytest.raises(TrainError, match="it is damaged"):
        read_arrays([liar])
    # The deflated zeros of a huge array.
    bomb = tmp_path / "bomb_input.npz"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("train_X.npy", "w") as stream,
    ):
        np.lib.format.write_array_header_1_0(stream, header | {"shape": (20_000, 20, 3)})
        stream.write(bytes(20_000 * 20 * 3 * 8))
    with pytest.raises(TrainError, match="valid is up to 5,000,000 together"):
        read_arrays([bomb], most_bytes=5_000_000)
    twice = tmp_path / "twice_input.npz"
    with zipfile.ZipFile(twice, "w") as archive:
        archive.writestr("train_X", b"")
        archive.writestr("train_X.npy", b"")
    with pytest.raises(TrainError, match="an array is in it twice"):
        read_arrays([twice])
