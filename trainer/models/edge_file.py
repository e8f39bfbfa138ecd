"""Logits of a TFLite file as the edge computes them: ``python -m trainer.models.edge_file``.

Runs in a process of its own that never imports TensorFlow, since in one process TensorFlow would
lend the interpreter its own kernels, or make it fail.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge.arrays import FloatArray, IntArray
from edge.errors import EdgeError
from edge.runtime import BATCH, Model, RuntimeName
from edge.scoring import sigmoid
from edge.versions import RUNTIMES
from trainer.common.errors import TrainError
from trainer.datasets.windows import Windows
from trainer.models.window_set import WindowSet

#: Windows that are scored again: at other places of the batch, twice, and one at a time.
_REPEATED = 2 * BATCH + 1

#: Windows that are cut out at once.
_PORTION = 64 * BATCH


@dataclass(frozen=True, slots=True)
class EdgeLogits:
    """What the edge makes of some windows.

    Attributes
    ----------
    logits : ndarray, shape (n,)
    runtime : str
        Name and version of the interpreter.
    """

    logits: FloatArray
    runtime: str


class EdgeClassifier:
    """A TFLite file, scored by the edge's interpreter in a process of its own."""

    kind = "seqnetquake"

    def __init__(self, model: Path) -> None:
        self._model = model

    def predict_proba(self, windows: WindowSet) -> FloatArray:
        """Probability that each window is positive in a balanced mix, shape (n,)."""
        found = edge_logits(self._model, Windows.laid_out(windows.inputs))
        return sigmoid(found.logits)


def installed() -> list[RuntimeName]:
    """List the interpreters that are installed, the one that the edge prefers first."""
    names: tuple[RuntimeName, ...] = ("litert", "tflite")
    return [name for name in names if find_spec(RUNTIMES[name][0]) is not None]


def edge_logits(model: Path, windows: Windows, runtime: RuntimeName = "auto") -> EdgeLogits:
    """Run a TFLite file in a process that holds the edge alone.

    Parameters
    ----------
    model : Path
    windows : Windows
        All of them are scored.
    runtime : {"auto", "tflite", "litert"}, optional

    Raises
    ------
    TrainError
        The process failed; or a window's logit is another one at another place of the batch, in
        a batch of one, or the second time.
    """
    with TemporaryDirectory(prefix="parity-") as folder:
        rows, logits = Path(folder, "rows.npz"), Path(folder, "logits.npy")
        # Rows and places, not windows: those would be twenty times as many bytes.
        np.savez(rows, features=windows.features, first=windows.first, length=windows.length)
        places = map(str, (model.resolve(), rows, logits))
        command = [sys.executable, "-m", "trainer.models.edge_file", *places, runtime]
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise TrainError(f"the edge's runtime failed with {model.name}: {last}")
        return EdgeLogits(np.load(logits), json.loads(done.stdout)["runtime"])


def main(arguments: list[str] | None = None) -> int:
    """Score ``ROWS.npz`` with ``MODEL`` into ``LOGITS.npy``; say the runtime as JSON.

    Returns
    -------
    int
        0, or 1 if the model cannot be used, or its logits depend on more than the window.
    """
    path, rows, out, runtime = sys.argv[1:] if arguments is None else arguments
    with np.load(rows, allow_pickle=False) as file:
        features, first, length = file["features"], file["first"], int(file["length"])

    def score(model: Model, places: IntArray) -> FloatArray:
        return model.logits(features[places[:, None] + np.arange(length)])

    try:
        model, single = (Model(Path(path), runtime, batch=n) for n in (BATCH, 1))  # type: ignore[arg-type]
    except EdgeError as error:
        print(error, file=sys.stderr)
        return 1
    parts = [score(model, first[i : i + _PORTION]) for i in range(0, first.size, _PORTION)]
    logits = np.concatenate(parts) if parts else np.zeros(0)
    some = np.random.default_rng(0).permutation(first.size)[:_REPEATED]
    for again, why in (
        (score(model, first[some]), "its place in the batch"),
        (score(model, first[some]), "what was scored before"),
        (score(single, first[some]), "the size of the batch"),
    ):
        # Far below a step of an int8 file; sums of single precision may be rounded otherwise.
        if not np.allclose(again, logits[some], rtol=0.0, atol=1e-4):
            worst = float(np.abs(again - logits[some]).max())
            print(f"{Path(path).name}: a logit depends on {why}: by {worst:.3g}", file=sys.stderr)
            return 1
    np.save(out, logits)
    print(json.dumps({"runtime": model.runtime}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
