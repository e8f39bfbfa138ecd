"""Logits of a TFLite file as the edge computes them: ``python -m trainer.parity``.

Runs in a process of its own that never imports TensorFlow, since in one process TensorFlow would
lend the interpreter its own kernels, or make it fail.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from edge.errors import EdgeError
from edge.runtime import BATCH, Model
from trainer.datasets.windows import Windows
from trainer.errors import TrainError

#: Windows that are scored again at other places of the batch.
_SHUFFLED = 2 * BATCH

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

    logits: npt.NDArray[np.float64]
    runtime: str


def edge_logits(model: Path, windows: Windows) -> EdgeLogits:
    """Run a TFLite file in a process that holds the edge alone.

    Parameters
    ----------
    model : Path
    windows : Windows
        All of them are scored.

    Returns
    -------
    EdgeLogits

    Raises
    ------
    TrainError
        The process failed, or a window's logit depends on its place in the batch.
    """
    with TemporaryDirectory(prefix="parity-") as folder:
        rows, logits = Path(folder, "rows.npz"), Path(folder, "logits.npy")
        # Rows and places, not windows: those would be twenty times as many bytes.
        np.savez(rows, features=windows.features, first=windows.first, length=windows.length)
        command = [sys.executable, "-m", "trainer.parity", str(model), str(rows), str(logits)]
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise TrainError(f"the edge's runtime failed with {model.name}: {last}")
        return EdgeLogits(np.load(logits), json.loads(done.stdout)["runtime"])


def main(arguments: list[str] | None = None) -> int:
    """Score ``ROWS.npz`` with ``MODEL`` into ``LOGITS.npy``; say the runtime as JSON.

    Returns
    -------
    int
        0, or 1 if the model cannot be used or is not the same at every place of the batch.
    """
    path, rows, out = map(Path, sys.argv[1:] if arguments is None else arguments)
    with np.load(rows, allow_pickle=False) as file:
        features, first, length = file["features"], file["first"], int(file["length"])

    def score(places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return model.logits(features[places[:, None] + np.arange(length)])

    try:
        model = Model(path)
    except EdgeError as error:
        print(error, file=sys.stderr)
        return 1
    parts = [score(first[i : i + _PORTION]) for i in range(0, first.size, _PORTION)]
    logits = np.concatenate(parts) if parts else np.zeros(0)
    order = np.random.default_rng(0).permutation(first.size)[:_SHUFFLED]
    if not np.array_equal(score(first[order]), logits[order]):
        print(f"{path.name}: a logit depends on its place in the batch", file=sys.stderr)
        return 1
    np.save(out, logits)
    print(json.dumps({"runtime": _runtime()}))
    return 0


def _runtime() -> str:
    for module, package in (
        ("tflite_runtime", "tflite-runtime"),
        ("ai_edge_litert", "ai-edge-litert"),
    ):
        if module in sys.modules:
            try:
                return f"{package} {version(package)}"
            except PackageNotFoundError:
                return package
    return "unknown"


if __name__ == "__main__":
    sys.exit(main())
