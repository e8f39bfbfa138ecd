"""The exported network on each interpreter, its recurrent layer in other ways, and onnxruntime.

Interpreters of another Python run where SEQNETQUAKE_LITERT_PYTHON names one that has the edge's
packages; onnxruntime where it has `onnx` and `onnxruntime` too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TITLE = "The network (20 rows, 5 observables, one thread), microseconds a window"
NOTE = (
    "Random weights, sizes of the recipes; batches of 64, the least CPU time of 40 rounds in turn. "
    "`export` is what `edge-train export` writes. The others are the same function with the "
    "recurrent layer written in another way: `sliced` projects all steps at once, adds the state's "
    "product and cuts gates by strided slices; `a gate each` has a matmul for every gate. "
    "onnxruntime runs its own LSTM."
)
PYTHON = "SEQNETQUAKE_LITERT_PYTHON"
ROOT = Path(__file__).parents[2]
LENGTH, COLUMNS, WINDOWS, BATCH, ROUNDS = 20, 10, 640, 64, 40
# i f c o, as Keras has them.
ALL = (0, 1, 2, 3)


def sliced(steps: list[Any], weights: list[Any]) -> list[Any]:
    """One projection, strided slices, sums."""
    from trainer.models.engine import tf

    kernel, recurrent, bias = weights
    units = recurrent.shape[0]
    whole = tf.matmul(tf.reshape(tf.stack(steps, 1), [-1, kernel.shape[0]]), kernel) + bias
    whole = tf.reshape(whole, [-1, len(steps), 4 * units])
    states, cell = list[Any](), None
    for step in range(len(steps)):
        z = whole[:, step, :]
        if states:
            z = z + tf.matmul(states[-1], recurrent)
        i, f, c, o = (z[:, k * units : (k + 1) * units] for k in ALL)
        new = tf.sigmoid(i) * tf.tanh(c)
        cell = new if cell is None else tf.sigmoid(f) * cell + new
        states.append(tf.sigmoid(o) * tf.tanh(cell))
    return states


def a_gate_each(x: Any, kernel: Any, bias: Any, which: tuple[int, ...]) -> list[Any]:
    """A matmul for every gate."""
    from trainer.models.engine import tf

    return [tf.matmul(x, np.split(kernel, 4, 1)[k]) + np.split(bias, 4)[k] for k in which]


def write(folder: Path) -> None:
    """Write TFLite files of all ways, windows, and weights for onnxruntime."""
    from trainer.export import tflite
    from trainer.models import seqnetquake
    from trainer.models.engine import keras

    keras.utils.set_random_seed(1)
    sizes = seqnetquake.Network(
        subsequences=2, convolutions=2, kernel=3, filters=64, lstm=64, dense=64, dropout=0.3
    )
    model = seqnetquake.build_model(sizes, LENGTH, COLUMNS)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights([w + 0.05 * rng.standard_normal(w.shape) for w in layer.get_weights()])
    windows = np.clip(rng.standard_normal((WINDOWS, LENGTH, COLUMNS)), -6, 6).astype(np.float32)
    np.save(folder / "windows.npy", windows)
    np.savez(folder / "weights.npz", *[w for x in model.layers for w in x.get_weights()])
    np.save(folder / "logits.npy", model.predict(windows, verbose=0)[:, 0])
    run, gates = seqnetquake._run, seqnetquake._gates
    ways: dict[str, dict[str, Callable[..., Any]]] = {
        "export": {},
        "sliced": {"_run": sliced},
        "a gate each": {"_gates": a_gate_each},
    }
    for name, changes in ways.items():
        seqnetquake._run, seqnetquake._gates = run, gates
        for attribute, function in changes.items():
            setattr(seqnetquake, attribute, function)
        (folder / f"{name}, int8.tflite").write_bytes(tflite.convert_int8(model, windows[:200]))
        (folder / f"{name}, float32.tflite").write_bytes(tflite.convert_float32(model))
    seqnetquake._run, seqnetquake._gates = run, gates


def onnx_session(folder: Path) -> Callable[[Any], Any]:
    """Make the same network for onnxruntime; its LSTM takes the gates as i o f c."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    with np.load(folder / "weights.npz") as file:
        w = [file[k].astype(np.float32) for k in file.files]
    order = [np.s_[0:64], np.s_[192:256], np.s_[64:128], np.s_[128:192]]

    def iofc(matrix: Any) -> Any:
        return np.concatenate([matrix.T[s] for s in order])

    constants = {
        "k0": w[0].transpose(2, 1, 0)[:, :, None, :], "b0": w[1],
        "k1": w[2].transpose(2, 1, 0)[:, :, None, :], "b1": w[3],
        "W": np.stack([iofc(w[4]), iofc(w[7])]), "R": np.stack([iofc(w[5]), iofc(w[8])]),
        "B": np.stack([np.concatenate([iofc(b[None])[:, 0], np.zeros(256, np.float32)])
                       for b in (w[6], w[9])]),
        "d": w[10], "db": w[11], "l": w[12], "lb": w[13],
        "s0": np.array([-1, 1, 10, COLUMNS]), "s1": np.array([-1, 2, 320]),
        "s2": np.array([-1, 128]),
    }  # fmt: skip
    node = helper.make_node
    nodes = [
        node("Reshape", ["x", "s0"], ["r"]),
        node("Transpose", ["r"], ["t"], perm=[0, 3, 1, 2]),
        node("Conv", ["t", "k0", "b0"], ["c0"], pads=[0, 1, 0, 1]),
        node("Relu", ["c0"], ["a0"]),
        node("Conv", ["a0", "k1", "b1"], ["c1"], pads=[0, 1, 0, 1]),
        node("Relu", ["c1"], ["a1"]),
        node("MaxPool", ["a1"], ["p"], kernel_shape=[1, 2], strides=[1, 2]),
        node("Transpose", ["p"], ["q"], perm=[0, 2, 3, 1]),
        node("Reshape", ["q", "s1"], ["f"]),
        node("Transpose", ["f"], ["steps"], perm=[1, 0, 2]),
        node(
            "LSTM", ["steps", "W", "R", "B"], ["", "h"], hidden_size=64, direction="bidirectional"
        ),
        node("Transpose", ["h"], ["ht"], perm=[1, 0, 2]),
        node("Reshape", ["ht", "s2"], ["hh"]),
        node("Gemm", ["hh", "d", "db"], ["g"]),
        node("Relu", ["g"], ["ga"]),
        node("Gemm", ["ga", "l", "lb"], ["y"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "network",
        [value("x", TensorProto.FLOAT, [None, LENGTH, COLUMNS])],
        [value("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda windows: session.run(None, {"x": windows})[0][:, 0]


def measure_here(folder: Path) -> dict[str, list[float]]:
    """Microseconds a window and largest difference to Keras of every file, in this process."""
    import time

    from edge.runtime import Model

    windows, logits = np.load(folder / "windows.npy"), np.load(folder / "logits.npy")
    calls: dict[str, Callable[[Any], Any]] = {}
    for path in sorted(folder.glob("*.tflite")):
        calls[f"{path.stem}, {Model(path).runtime}"] = Model(path, batch=BATCH).logits
    try:
        session = onnx_session(folder)
        calls["onnxruntime, float32"] = lambda w: np.concatenate(
            [session(w[i : i + BATCH]) for i in range(0, len(w), BATCH)]
        )
    except ImportError:
        pass
    found = {name: [np.inf, float(np.abs(f(windows) - logits).max())] for name, f in calls.items()}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            begin = time.process_time()
            call(windows)
            took = 1e6 * (time.process_time() - begin) / WINDOWS
            found[name][0] = min(found[name][0], took)
    return found


def measure() -> list[dict[str, str]]:
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        write(Path(name))
        for python in (sys.executable, os.environ.get(PYTHON)):
            if python is not None:
                command = [python, __file__, name]
                done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
                found |= json.loads(done.stdout)
    return [
        {"what": what, "us a window": f"{took:.1f}", "off Keras, in logits": f"{off:.3f}"}
        for what, (took, off) in found.items()
    ]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    print(json.dumps(measure_here(Path(sys.argv[1]))))
