"""The networks as classifiers: trained, kept, resumed, tuned and exported."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import ConfigError
from trainer.common.errors import TrainError
from trainer.models.registry import NETWORK_KINDS, load_classifier, make_classifier, save_classifier
from trainer.models.window_set import WindowSet, windows_of_arrays

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("tensorflow")]

SMALL: dict[str, dict[str, Any]] = {
    "seqnetquake": {"filters": 8, "lstm": 8, "dense": 8},
    "cnn": {"filters": 8, "dense": 8},
    "lstm": {"lstm": 8, "dense": 8},
    "dnn": {"dense": 16},
    "quadratic": {},
}
FAST: dict[str, Any] = {"epochs": 12, "rate": 0.01, "batch": 64}


def network(kind: str, seed: int = 3, **parameters: Any) -> Any:
    return make_classifier(kind, SMALL[kind] | FAST | parameters, seed)


def auc(windows: WindowSet, scores: Any) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(windows.label, scores))


def refused(error: type[Exception], words: str, action: Callable[[], Any]) -> None:
    with pytest.raises(error, match=re.escape(words)):
        action()


@pytest.fixture(scope="module")
def sets(windows_maker: Callable[..., WindowSet]) -> list[WindowSet]:
    """Windows to train on, and to validate on."""
    return [windows_maker(n, seed) for seed, n in enumerate((400, 200))]


@pytest.fixture(scope="module")
def pretrained(sets: list[WindowSet]) -> Any:
    """A network that was fitted; not to be changed."""
    model = network("seqnetquake")
    model.fit(*sets)
    return model


class TestNetworks:
    @pytest.fixture(autouse=True)
    def given(self, sets: list[WindowSet], tmp_path: Path) -> None:
        self.train, self.validation = sets
        self.folder = tmp_path

    @pytest.mark.parametrize("kind", NETWORK_KINDS)
    def test_contract(self, kind: str) -> None:
        model = network(kind)
        lines: list[str] = []
        model.fit(self.train, self.validation, lines.append)
        scores = model.predict_proba(self.validation)
        assert scores.dtype == np.float64
        assert ((scores > 0.0) & (scores < 1.0)).all()
        assert auc(self.validation, scores) > 0.8
        assert len(lines) == len(model.history)
        assert set(model.history[0]) == {"epoch", "loss", "validation_loss", "validation_pr_auc"}
        assert model.seen == (True, True, False)
        best = min(h["validation_loss"] for h in model.history)
        label = self.validation.label.astype(bool)
        kept = -np.log(np.where(label, scores, 1.0 - scores)).mean()
        assert abs(kept - best) < 1e-6, (kept, best)
        again = network(kind)
        again.fit(self.train, self.validation)
        assert np.array_equal(again.predict_proba(self.validation), scores)
        assert again.history == model.history
        save_classifier(model, self.folder / kind)
        loaded = load_classifier(self.folder / kind)
        assert np.array_equal(loaded.predict_proba(self.validation), scores)
        assert loaded.parameters() == model.parameters()
        assert (loaded.history, loaded.seen) == (model.history, model.seen)
        assert loaded.predict_proba(self.validation.take(slice(0, 0))).shape == (0,)

    def test_refusals(self, pretrained: Any) -> None:
        for kind in NETWORK_KINDS:
            refused(ConfigError, "no parameter filtrs", lambda k=kind: network(k, filtrs=1))
            positives = self.train.take(self.train.positive)
            model = network(kind)
            refused(
                TrainError,
                "and 0 controls",
                lambda m=model, p=positives: m.fit(p, self.validation),
            )
            refused(TrainError, "is not fitted", lambda m=model: m.predict_proba(self.validation))
        refused(
            ConfigError,
            "dropping.all; valid are dropping.observable",
            lambda: network("dnn", dropping={"all": 1}),
        )
        model = network("seqnetquake", subsequences=3)
        refused(
            ConfigError,
            "subsequences is 3; valid for windows of 8 rows and a kernel of 3 are 1, 2",
            lambda: model.fit(self.train, self.validation),
        )
        model = network("dnn")
        refused(
            ConfigError,
            "needs a pretrained model",
            lambda: model.fit(self.train, self.validation, transfer="full"),
        )
        from trainer.models.keras_classifier import Cnn

        save_classifier(pretrained, self.folder / "seqnetquake")
        refused(
            TrainError,
            "kind is 'seqnetquake'; valid is 'cnn'",
            lambda: Cnn.load(self.folder / "seqnetquake"),
        )

    def test_permuted_labels(self) -> None:
        rng = np.random.default_rng(5)
        train, validation = (
            replace(w, label=rng.permutation(w.label)) for w in (self.train, self.validation)
        )
        model = network("dnn")
        model.fit(train, validation)
        fresh = rng.permutation(self.validation.label)
        scores = model.predict_proba(self.validation)
        assert abs(auc(replace(self.validation, label=fresh), scores) - 0.5) < 0.1

    def test_resume(self) -> None:
        def kill(entry: dict[str, Any]) -> None:
            if entry["epoch"] == 2:
                raise KeyboardInterrupt

        whole = network("seqnetquake", epochs=5, patience=5)
        whole.fit(self.train, self.validation)

        place = self.folder / "checkpoint"
        stopped = network("seqnetquake", epochs=5, patience=5)
        with pytest.raises(KeyboardInterrupt):
            stopped.fit(self.train, self.validation, checkpoint=place, on_epoch=kill)
        lines: list[str] = []
        resumed = network("seqnetquake", epochs=5, patience=5)
        resumed.fit(self.train, self.validation, lines.append, checkpoint=place)
        assert lines[0] == "resumed after epoch 2", lines
        assert len(lines) == 4
        assert resumed.history == whole.history
        pairs = zip(resumed.keras_model.get_weights(), whole.keras_model.get_weights(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)

    def test_checkpoints(self) -> None:
        place, lines = self.folder / "others", list[str]()
        model = network("dnn", epochs=2)
        for _ in range(2):
            model.fit(self.train, self.validation, lines.append, checkpoint=place)
        # One that has ended trains no more; one of other data begins anew.
        assert lines[2:] == ["resumed after epoch 2"]
        other = network("dnn", seed=4, epochs=1)
        other.fit(self.train, self.validation, lines.append, checkpoint=place)
        assert "other data or parameters" in lines[3]
        (place / "training.npz").write_bytes(b"PK nothing")
        other.fit(self.train, self.validation, lines.append, checkpoint=place)
        assert "is damaged" in lines[5], lines

    def test_transfer(self, pretrained: Any) -> None:
        from trainer.models.networks import learning_rates, stages

        start = pretrained
        before = start.keras_model.get_weights()
        names = [v.path for v in start.keras_model.weights if "seed" not in v.path]
        assert stages(start.keras_model) == [
            ["dense", "logit"],
            ["recurrent"],
            ["convolution_0", "convolution_1"],
        ]
        # The third observable, which the pretraining never saw, is measured here.
        train, validation = (
            replace(w, inputs=w.inputs + np.array([0, 0, 0.5, 0, 0, 1], dtype=np.float32))
            for w in (self.train, self.validation)
        )
        for mode in ("frozen", "gradual", "full"):
            tuned = network("seqnetquake", epochs=3, gradual_epochs=1, patience=3)
            moves: dict[int, list[bool]] = {}
            first: list[Any] = []

            def note(
                entry: dict[str, Any],
                model: Any = tuned,
                into: dict[int, list[bool]] = moves,
                last: list[Any] = first,
            ) -> None:
                now = [v.numpy() for v in model.keras_model.trainable_variables]
                into[entry["epoch"]] = [
                    not np.array_equal(a, b) for a, b in zip(last or now, now, strict=True)
                ]
                last[:] = now

            forgotten = [v.numpy() for v in start.keras_model.trainable_variables]
            kernel = forgotten[0].copy()
            assert kernel[:, [2, 5], :].any()
            kernel[:, [2, 5], :] = 0.0
            first[:] = [kernel, *forgotten[1:]]
            tuned.fit(train, validation, start=start, transfer=mode, on_epoch=note)
            head = [name.startswith(("dense", "logit")) for name in names]
            middle = [name.startswith("recurrent") for name in names]
            if mode == "frozen":
                assert all(m == head for m in moves.values()), moves
                assert not tuned.keras_model.get_weights()[0][:, [2, 5], :].any()
            elif mode == "gradual":
                assert moves[1] == head, moves
                assert moves[2] == [a or b for a, b in zip(head, middle, strict=True)], moves
                assert all(moves[3])
            else:
                assert all(all(m) for m in moves.values()), moves
            assert tuned.seen == (True, True, True)
        pairs = zip(before, start.keras_model.get_weights(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
        rates, warm = learning_rates(start.keras_model, start._parameters, "full")
        assert warm == 0
        assert np.allclose(rates, 0.3 * 0.01)
        refused(
            TrainError,
            "pretrained model is a seqnetquake",
            lambda: network("cnn").fit(train, validation, start=start),
        )
        refused(
            TrainError,
            "layers of other sizes",
            lambda: network("seqnetquake", dense=9).fit(train, validation, start=start),
        )

    def test_export_of_stacked_layers(self) -> None:
        from trainer.datasets.windows import Windows
        from trainer.export.tflite import convert_float32, convert_int8
        from trainer.models.edge_file import edge_logits
        from trainer.models.seqnetquake import Network, build_model, inference_function

        sizes = {"kernel": 2, "lstm_layers": 2, "dense_layers": 2}
        model = network("seqnetquake", epochs=3, whitening_clip=6.0, **sizes)
        model.fit(self.train, self.validation)
        logits = model.logits(self.validation)
        assert logits.std() > 0.3
        inputs = self.validation.inputs
        graph = inference_function(model.keras_model, model.whitening)
        assert np.abs(graph(inputs).numpy()[:, 0] - logits).max() < 1e-5
        n = inputs.shape[0]
        none = np.zeros(n, dtype=np.int64)
        rows = inputs.reshape(-1, inputs.shape[2])
        windows = Windows(rows, 8, np.arange(n) * 8, none.astype(np.int8), none, none)
        found = {}
        for name, content in (
            ("float32", convert_float32(model.keras_model, model.whitening)),
            ("int8", convert_int8(model.keras_model, self.train.inputs, model.whitening)),
        ):
            path = self.folder / f"{name}.tflite"
            path.write_bytes(content)
            found[name] = edge_logits(path, windows).logits
        assert np.abs(found["float32"] - logits).max() < 1e-4
        assert np.abs(found["int8"] - logits).max() < 0.3
        assert np.corrcoef(found["int8"], logits)[0, 1] > 0.995
        # Three layers over five sub-sequences, as they are made.
        deep = build_model(
            Network(
                subsequences=5,
                convolutions=3,
                kernel=2,
                filters=8,
                lstm=8,
                dense=8,
                dropout=0.3,
                lstm_layers=3,
                dense_layers=2,
            ),
            20,
            6,
        )
        rows = np.random.default_rng(0).normal(size=(50, 20, 6)).astype(np.float32)
        made = deep(rows, training=False).numpy()
        assert np.abs(inference_function(deep)(rows).numpy() - made).max() < 1e-6 < made.std()

    def test_forgotten_columns(self) -> None:
        from trainer.models.networks import PARAMETERS, build_network, forget_columns, stages

        rng = np.random.default_rng(0)
        inputs = rng.normal(size=(5, 8, 6)).astype(np.float32)
        other = inputs.copy()
        other[:, :, [2, 5]] = 9.0
        for kind in NETWORK_KINDS:
            model = build_network(PARAMETERS[kind](), 8, 6)
            assert not np.allclose(model(inputs), model(other))
            forget_columns(model, [2, 5])
            assert np.array_equal(model(inputs), model(other))
            named = [name for stage in stages(model) for name in stage]
            counted = [layer.name for layer in model.layers if layer.trainable_variables]
            assert sorted(named) == sorted(counted)

    @pytest.mark.parametrize("kind", ["seqnetquake", "cnn"])
    def test_linear_path(self, kind: str) -> None:
        from trainer.models.engine import keras
        from trainer.models.networks import build_network, stages

        # Training begins as it does without.
        first = []
        for has in (False, True):
            keras.utils.set_random_seed(1)
            made = build_network(network(kind, linear=has)._parameters, 8, 6)
            first.append(made(self.validation.inputs).numpy())
        assert np.array_equal(*first)

        model = network(kind, linear=True, epochs=3)
        model.fit(self.train, self.validation)
        linear = model.keras_model.get_layer("linear")
        weights = linear.get_weights()[0]
        assert weights.shape == (8 * 3, 1)
        assert np.abs(weights.reshape(8, 3)[:, :2]).min() > 0.0
        # What was never seen has nothing to learn from.
        assert not weights.reshape(8, 3)[:, 2].any()
        assert stages(model.keras_model)[0][1:] == ["logit", "linear"]
        save_classifier(model, self.folder / kind)
        loaded = load_classifier(self.folder / kind)
        assert np.array_equal(loaded.logits(self.validation), model.logits(self.validation))

    def test_a_teacher_is_learned_from(self) -> None:
        rng = np.random.default_rng(8)
        wrong = np.where(self.train.positive, 0.1, 0.9)
        place = self.folder / "taught"
        taught, same = network("dnn"), network("dnn")
        taught.fit(self.train, self.validation, checkpoint=place, teacher=wrong)
        # Validation has the labels, and says that the first epoch was the least bad.
        assert taught.history[-1]["validation_loss"] > taught.history[0]["validation_loss"]
        assert taught.history[-1]["loss"] < taught.history[0]["loss"]
        same.fit(self.train, self.validation)
        labels = self.train.label.astype(np.float64)
        hard = network("dnn")
        hard.fit(self.train, self.validation, teacher=labels)
        assert hard.history == same.history
        lines: list[str] = []
        other = network("dnn", epochs=1)
        for teacher in (wrong, rng.random(400)):
            again = network("dnn")
            again.fit(self.train, self.validation, lines.append, checkpoint=place, teacher=teacher)
        assert lines[0].startswith("resumed after epoch")
        assert "other data or parameters" in lines[1]
        for teacher, words in (
            (wrong[1:], "probability for each of 400 training windows, got an array of shape (399"),
            (wrong + 0.2, "teacher: holds 1.1; valid is 0 to 1"),
            (wrong * np.nan, "teacher: holds nan"),
        ):
            refused(
                TrainError,
                words,
                lambda t=teacher: other.fit(self.train, self.validation, teacher=t),
            )

    def test_every_window_is_dealt_once(self) -> None:
        from trainer.models.training_loop import batches

        for n in (1, 63, 64, 65, 400):
            dealt = batches(n, 64, np.random.default_rng(1))
            assert sorted(dealt[dealt >= 0].tolist()) == list(range(n))
            assert dealt.shape[1] <= 64
            assert (dealt < 0).sum(axis=1).max() <= 1

    def test_dropping_knows_no_label(self) -> None:
        model = network("dnn", dropping={"observable": 0.2, "payload": 0.2, "window": 0.05})
        n = 20_000
        label = (np.arange(n) % 2).astype(np.int8)
        windows = replace(
            windows_of_arrays(np.ones((n, 8, 6), np.float32), label, self.train.observables),
            mission="cses",
        )
        lost = model._dropper(windows)(windows.inputs, np.random.default_rng(1)) == 0.0
        assert (lost == lost[:, :1]).all()
        share = [lost[label == v, 0].mean(axis=0) for v in (0, 1)]
        assert np.abs(share[0] - share[1]).max() < 0.02
        # The first two come from one payload, the third from another.
        both = lost[:, 0].astype(float)
        assert np.corrcoef(both[:, 0], both[:, 1])[0, 1] > 0.3
        assert np.corrcoef(both[:, 0], both[:, 2])[0, 1] < 0.25
        unknown = replace(windows, mission="arrays")
        model._dropper(unknown)(unknown.inputs, np.random.default_rng(1))
