"""The inference graph against Keras, and the int8 file against both."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from trainer.common.errors import TrainError
from trainer.datasets.windows import Windows
from trainer.models.edge_file import edge_logits

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("tensorflow")]


class Trained(NamedTuple):
    """Files of a network, what it gives, and what the edge cannot run of which file."""

    folder: Path
    result: dict[str, np.ndarray]
    faults: dict[str, list[str]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train a little, so that the weights are not those of the initialiser alone."""
    from trainer.export import tflite
    from trainer.export.tflite import convert_float32, convert_int8, faults
    from trainer.models.networks import forget_columns
    from trainer.models.registry import make_classifier
    from trainer.models.seqnetquake import inference_function
    from trainer.models.window_set import windows_of_arrays

    folder = tmp_path_factory.mktemp("network")
    rng = np.random.default_rng(0)
    inputs = np.clip(rng.normal(size=(1500, 20, 10)), -6, 6).astype(np.float32)
    inputs[:, :, 5:] = 1.0
    # Neighbouring rows are alike, as those of a satellite are.
    inputs[:, 1:, :5] = 0.6 * inputs[:, 1:, :5] + 0.6 * inputs[:, :-1, :5]
    labels = (rng.random(1500) < 0.5).astype(np.int8)
    inputs[labels == 1, 5:15, 0] += 1.5
    windows = windows_of_arrays(inputs, labels, ("a", "b", "c", "d", "e"))
    result = {"inputs": inputs, "labels": labels}
    sizes = {"filters": 16, "lstm": 16, "dense": 16, "rate": 5e-3, "batch": 64}
    files = {}
    for name, parts in (("4", 4), ("linear", 2), ("2", 2)):
        whitening = 0.1 if parts == 2 else 0.0
        parameters = {**sizes, "subsequences": parts, "epochs": 4, "linear": name == "linear"}
        parameters |= {"whitening": whitening, "whitening_clip": 6.0 * bool(whitening)}
        model = make_classifier("seqnetquake", parameters, 3)
        lines = []
        model.fit(windows, windows, lines.append)
        assert len(lines) == 4
        graph = inference_function(model.keras_model, model.whitening)
        result[f"keras_{name}"] = model.logits(windows)
        result[f"unrolled_{name}"] = graph(inputs).numpy()[:, 0]
        result[f"single_{name}"] = graph(inputs[:1]).numpy()[:, 0]
        if parts == 4:
            continue
        forget_columns(model.keras_model, [4, 9])
        changed = inputs.copy()
        changed[:, :, [4, 9]] = 5.0
        forgotten = model.logits_of(inputs)
        assert np.array_equal(model.logits_of(changed), forgotten)
        result[f"forgotten_{name}"] = forgotten
        if name == "linear":
            assert np.abs(model.keras_model.get_layer("linear").get_weights()[0]).max() > 0.05
        files[f"int8_{name}"] = convert_int8(model.keras_model, inputs[:200], model.whitening)
        files[f"float32_{name}"] = convert_float32(model.keras_model, model.whitening)
    # To be refused: dense weights with a scale a row, a recurrent layer as Keras converts it.
    converter = tflite._converter(model.keras_model, model.whitening)
    converter.optimizations = [tflite.tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([inputs[i : i + 1]] for i in range(50))
    converter.target_spec.supported_ops = [tflite.tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    layers = tflite.keras.layers
    loop = tflite.keras.Sequential([tflite.keras.Input((20, 10), batch_size=1), layers.LSTM(4)])
    looped = tflite.tf.lite.TFLiteConverter.from_keras_model(loop).convert()
    for name, content in files.items():
        (folder / f"{name}.tflite").write_bytes(content)
    found = {name: faults(content) for name, content in files.items()}
    found |= {"per_channel": faults(converter.convert()), "looped": faults(looped)}
    return Trained(folder, result, found)


@pytest.fixture(scope="module")
def result(trained: Trained) -> dict[str, np.ndarray]:
    return trained.result


@pytest.mark.parametrize("name", ["2", "4", "linear"])
def test_unrolled_graph_is_the_keras_model(result: dict[str, np.ndarray], name: str) -> None:
    assert result[f"keras_{name}"].std() > (0.001 if name == "4" else 0.5)
    difference = np.abs(result[f"unrolled_{name}"] - result[f"keras_{name}"])
    assert difference.max() < 1e-5
    assert result[f"single_{name}"][0] == pytest.approx(result[f"keras_{name}"][0], abs=1e-5)


@pytest.mark.parametrize("name", ["2", "linear"])
def test_float32_file_is_the_keras_model(
    trained: Trained, result: dict[str, np.ndarray], name: str
) -> None:
    path = trained.folder / f"float32_{name}.tflite"
    found = edge_logits(path, Windows.laid_out(result["inputs"]))
    assert np.abs(found.logits - result[f"forgotten_{name}"]).max() < 1e-4


@pytest.mark.parametrize("name", ["2", "linear"])
def test_int8_file_is_close_and_the_same_in_any_place(
    trained: Trained, result: dict[str, np.ndarray], name: str
) -> None:
    path, wanted = trained.folder / f"int8_{name}.tflite", result[f"forgotten_{name}"]
    windows = Windows.laid_out(result["inputs"])
    found = edge_logits(path, windows)
    assert found.runtime.startswith(("tflite-runtime ", "ai-edge-litert "))
    levels = np.unique(found.logits)
    assert levels.size <= 256
    step = np.diff(levels).min()
    assert np.abs(found.logits - wanted).max() < 12 * step
    assert np.corrcoef(found.logits, wanted)[0, 1] > 0.99
    # 65 windows: the second batch holds one.
    few = edge_logits(path, Windows.laid_out(result["inputs"][:65]))
    assert np.array_equal(few.logits, found.logits[:65])


def test_what_the_edge_cannot_run_is_found_in_a_file(trained: Trained) -> None:
    found = trained.faults
    kept = ("int8_2", "float32_2", "int8_linear", "float32_linear")
    assert all(found[name] == [] for name in kept)
    assert all("scales" in fault for fault in found["per_channel"])
    assert found["per_channel"]
    assert any("operation" in fault for fault in found["looped"])


def test_a_file_that_is_no_model_is_named(tmp_path: Path, result: dict[str, np.ndarray]) -> None:
    path = tmp_path / "not_a_model.tflite"
    path.write_bytes(b"nothing")
    with pytest.raises(TrainError, match=r"not_a_model\.tflite"):
        edge_logits(path, Windows.laid_out(result["inputs"][:2]))
