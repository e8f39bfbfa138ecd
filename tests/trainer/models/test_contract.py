"""What holds for every classifier but the networks, which have a process of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from edge.errors import ConfigError
from trainer.common.errors import TrainError
from trainer.models.classic import window_columns
from trainer.models.classifier import RECORD_FILE
from trainer.models.registry import (
    KINDS,
    NETWORK_KINDS,
    load_classifier,
    make_classifier,
    save_classifier,
)
from trainer.models.window_set import WindowSet, windows_of_arrays

Maker = Callable[..., WindowSet]

ROW_KINDS = [kind for kind in KINDS if kind not in NETWORK_KINDS]
LEARNING = [kind for kind in ROW_KINDS if kind != "constant"]
FEW = {"random_forest": {"trees": 40}}


@pytest.mark.parametrize("kind", ROW_KINDS)
def test_learns_and_comes_back_the_same(kind: str, windows_maker: Maker, tmp_path: Path) -> None:
    train, validation = windows_maker(400, 0), windows_maker(200, 1)
    lines: list[str] = []
    model = make_classifier(kind, FEW.get(kind, {}), 3)
    model.fit(train, validation, lines.append)
    scores = model.predict_proba(validation)
    assert scores.shape == (200,)
    assert scores.dtype == np.float64
    assert ((scores >= 0.0) & (scores <= 1.0)).all()
    if kind == "constant":
        assert (scores == 0.5).all()
    else:
        assert roc_auc_score(validation.label, scores) > 0.8
    again = make_classifier(kind, FEW.get(kind, {}), 3)
    again.fit(train, validation)
    assert np.array_equal(again.predict_proba(validation), scores)
    for _ in range(2):
        save_classifier(model, tmp_path / "model")
    loaded = load_classifier(tmp_path / "model")
    assert type(loaded) is type(model)
    assert loaded.parameters() == model.parameters()
    assert np.array_equal(loaded.predict_proba(validation), scores)
    assert loaded.predict_proba(validation.take(slice(0, 0))).shape == (0,)


@pytest.mark.parametrize("kind", LEARNING)
def test_permuted_labels_give_chance(kind: str, windows_maker: Maker) -> None:
    train, validation, other = (windows_maker(600, seed) for seed in range(3))
    rng = np.random.default_rng(5)
    shuffled = [replace(w, label=rng.permutation(w.label)) for w in (train, validation)]
    model = make_classifier(kind, FEW.get(kind, {}), 3)
    model.fit(*shuffled)
    scores = model.predict_proba(other)
    assert abs(roc_auc_score(rng.permutation(other.label), scores) - 0.5) < 0.08


@pytest.mark.parametrize("kind", ["random_forest", "svm", "lightgbm", "logistic"])
def test_probabilities_are_of_a_balanced_mix(kind: str, windows_maker: Maker) -> None:
    train, validation = windows_maker(800, 0, 0.5), windows_maker(400, 1, 0.5)
    few = np.flatnonzero((train.label == 0) | (np.arange(800) % 8 == 1))
    model = make_classifier(kind, FEW.get(kind, {}), 3)
    model.fit(train.take(few), validation)
    assert model.predict_proba(validation).mean() == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("kind", ROW_KINDS)
def test_what_does_not_fit_is_refused(kind: str, windows_maker: Maker) -> None:
    train, validation = windows_maker(60, 0), windows_maker(60, 1)
    with pytest.raises(ConfigError, match=f"{kind}: there is no parameter tres"):
        make_classifier(kind, {"tres": 1}, 0)
    model = make_classifier(kind, {}, 0)
    with pytest.raises(TrainError, match="is not fitted"):
        model.predict_proba(train)
    with pytest.raises(TrainError, match="30 training windows hold 30 positives and 0 controls"):
        model.fit(train.take(train.positive), validation)
    with pytest.raises(TrainError, match="validation windows hold 0 positives"):
        model.fit(train, validation.take(~validation.positive))
    model = make_classifier(kind, {}, 0)
    model.fit(train, validation)
    with pytest.raises(TrainError, match="valid are 8 rows of log_ne, te, log_o"):
        model.predict_proba(replace(train, observables=("log_ne", "te", "ti")))


def test_values_and_kinds_are_validated() -> None:
    with pytest.raises(ConfigError, match=r"svm: Expected .*\$\.c"):
        make_classifier("svm", {"c": -1.0}, 0)
    with pytest.raises(ConfigError, match=r"no parameter lightgbm\.x; valid are lightgbm\.trees"):
        make_classifier("catalogue", {"lightgbm": {"x": 1}}, 0)
    with pytest.raises(ConfigError, match="no classifier 'oracle'; known are seqnetquake, cnn"):
        make_classifier("oracle", {}, 0)


def test_a_folder_of_another_kind_is_refused(windows_maker: Maker, tmp_path: Path) -> None:
    from trainer.models.classic import LogisticRegressionClassifier, Svm

    with pytest.raises(TrainError, match=r"classifier\.json: is not the record"):
        load_classifier(tmp_path)
    model = make_classifier("svm", {}, 0)
    with pytest.raises(TrainError, match="svm: is not fitted"):
        save_classifier(model, tmp_path / "svm")
    assert list(tmp_path.iterdir()) == []
    model.fit(windows_maker(60, 0), windows_maker(60, 1))
    save_classifier(model, tmp_path / "svm")
    with pytest.raises(TrainError, match="kind is 'svm'; valid is 'logistic'"):
        LogisticRegressionClassifier.load(tmp_path / "svm")
    (tmp_path / "svm" / "model.skops").write_bytes(b"nothing")
    with pytest.raises(TrainError, match="svm: holds no svm"):
        Svm.load(tmp_path / "svm")
    record = tmp_path / "svm" / RECORD_FILE
    record.write_text(record.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(TrainError, match="format is 9; valid is 1"):
        load_classifier(tmp_path / "svm")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.txt").write_text("precious")
    with pytest.raises(TrainError, match="is not replaced"):
        save_classifier(model, tmp_path / "thesis")


@pytest.mark.parametrize("kind", ["catalogue", "place"])
@pytest.mark.parametrize("model", ["lightgbm", "logistic"])
def test_baselines_live_with_the_unknown(
    kind: str, model: str, windows_maker: Maker, tmp_path: Path
) -> None:
    train, validation = windows_maker(400, 0), windows_maker(200, 1)
    some = np.arange(400) % 3 == 0
    latitude = np.where(some, np.nan, train.latitude)
    seismicity = np.where(some[:, None], np.nan, train.seismicity)
    known = make_classifier(kind, {"model": model}, 0)
    known.fit(replace(train, latitude=latitude, seismicity=seismicity), validation)
    assert roc_auc_score(validation.label, known.predict_proba(validation)) > 0.8
    arrays = windows_of_arrays(train.inputs, train.label, train.observables)
    lines: list[str] = []
    blind = make_classifier(kind, {"model": model}, 0)
    blind.fit(arrays, arrays, lines.append)
    assert "nothing is known" in lines[-1]
    save_classifier(blind, tmp_path / "blind")
    loaded = load_classifier(tmp_path / "blind")
    assert loaded.informed is False
    assert (loaded.predict_proba(arrays) == 0.5).all()


def test_columns_of_a_window() -> None:
    values = np.array([[1.0, 5.0], [3.0, 0.0], [5.0, 0.0], [0.0, 0.0]])
    valid = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    inputs = np.concatenate([values, valid], axis=1)[None].astype(np.float32)
    row = window_columns(windows_of_arrays(inputs, np.zeros(1, np.int8), ("a", "b")))[0]
    assert row.size == 2 * 4 * 2 + 3 * 2
    assert row[-6:] == pytest.approx([3.0, 5.0, np.sqrt(8.0 / 3.0), 0.0, 0.75, 0.25])


def test_no_tensorflow_without_a_network(repository: Path) -> None:
    code = (
        "import sys; from trainer.models import registry, search_spaces\n"
        "[registry.make_classifier(k, {}, 0) for k in registry.KINDS "
        "if k not in registry.NETWORK_KINDS]\n"
        "assert not {'tensorflow', 'keras', 'optuna'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
