"""One small interface over the two TFLite interpreters.

`tflite-runtime` serves Python 3.11; `ai-edge-litert`, its successor, serves the later ones, and
is taken before it where both are installed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edge.arrays import Features, FloatArray
from edge.errors import BundleError, ConfigError, one_line
from edge.versions import RUNTIMES, installed_runtime, runtime_name

RuntimeName = Literal["auto", "tflite", "litert"]

#: Windows in one call of the interpreter; a larger batch gains nothing.
BATCH = 64


class Model:
    """A TFLite file, its interpreter built once, called with batches of one size.

    Parameters
    ----------
    path : Path
        Input (B, L, C) and output (B, 1) of float32 or int8.
    runtime : {"auto", "tflite", "litert"}
    threads : int
    batch : int, optional
        Windows in one call; the scores do not depend on it.

    Attributes
    ----------
    runtime : str
        Distribution and version of the interpreter, such as ``ai-edge-litert 2.3.0``.
    window_shape : (int, int)
        L, C.

    Raises
    ------
    BundleError
        The file is not a model of that form.
    ConfigError
        The runtime is not installed, or cannot be loaded.
    """

    def __init__(
        self, path: Path, runtime: RuntimeName = "auto", threads: int = 1, batch: int = BATCH
    ) -> None:
        interpreter_class = _interpreter_class(runtime)
        self.runtime: str = installed_runtime(runtime)
        try:
            self._interpreter: Any = interpreter_class(model_path=str(path), num_threads=threads)
            before = self._interpreter.get_input_details()[0]
            self._interpreter.resize_tensor_input(before["index"], [batch, *before["shape"][1:]])
            with _without_info_lines():
                self._interpreter.allocate_tensors()
            details = self._interpreter.get_input_details()[0]
            result = self._interpreter.get_output_details()[0]
        except (ValueError, RuntimeError, IndexError) as error:
            raise BundleError(
                f"{path.name}: not a usable TFLite model: {one_line(str(error))}"
            ) from None
        if len(details["shape"]) != 3 or list(result["shape"]) != [batch, 1]:
            raise BundleError(
                f"{path.name}: input {tuple(details['shape'])} and output "
                f"{tuple(result['shape'])}; expected (B, L, C) and (B, 1)"
            )
        self.window_shape: tuple[int, int] = (int(details["shape"][1]), int(details["shape"][2]))
        self._input_index: int = details["index"]
        self._output_index: int = result["index"]
        self._input_type = np.dtype(details["dtype"])
        self._input_scale, self._input_zero = _quantisation(details)
        self._output_scale, self._output_zero = _quantisation(result)
        self._real = np.zeros((batch, *self.window_shape), dtype=np.float32)
        self._batch = np.zeros((batch, *self.window_shape), dtype=self._input_type)

    def logits(self, inputs: Features) -> FloatArray:
        """Logit of the positive class.

        Parameters
        ----------
        inputs : ndarray of float32, shape (n, L, C)

        Returns
        -------
        ndarray, shape (n,)
        """
        out = np.empty(inputs.shape[0])
        batch = self._batch.shape[0]
        for start in range(0, inputs.shape[0], batch):
            part = inputs[start : start + batch]
            self._fill(part)
            self._interpreter.set_tensor(self._input_index, self._batch)
            self._interpreter.invoke()
            raw = self._interpreter.get_tensor(self._output_index)[: part.shape[0], 0]
            out[start : start + batch] = (
                raw.astype(np.float64) - self._output_zero
            ) * self._output_scale
        return out

    def _fill(self, part: Features) -> None:
        n = part.shape[0]
        if self._input_type.kind == "f":
            self._batch[:n] = part
            return
        real = self._real[:n]
        np.divide(part, self._input_scale, out=real)
        np.rint(real, out=real)
        real += self._input_zero
        np.clip(real, -128, 127, out=real)
        self._batch[:n] = real


def _interpreter_class(runtime: RuntimeName) -> Any:
    package, distribution = RUNTIMES[runtime_name(runtime)]
    # On aarch64, loading tflite-runtime makes the process flush subnormals to zero: no value of an
    # observable comes near 1e-38. But numpy measures the smallest one at the first finfo of a
    # type, which may be numba's, and warns of a zero.
    for kind in (np.float32, np.float64):
        np.finfo(kind)
    try:
        return import_module(f"{package}.interpreter").Interpreter
    except ImportError as error:
        raise ConfigError(f"runtime {distribution} cannot be loaded: {error}") from None


@contextmanager
def _without_info_lines() -> Iterator[None]:
    """Keep LiteRT's INFO lines off standard error; it has no switch for them.

    Whatever else the process writes there meanwhile comes out afterwards.
    """
    if sys.platform != "linux":
        yield
        return
    with os.fdopen(os.memfd_create("stderr"), "w+b") as said:
        try:
            error = os.dup(2)
        except OSError:  # Closed.
            yield
            return
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(error, 2)
            said.seek(0)
            with os.fdopen(error, "wb", buffering=0) as out, suppress(OSError):
                out.writelines(line for line in said if not line.startswith(b"INFO: "))


def _quantisation(details: dict[str, Any]) -> tuple[float, int]:
    if np.dtype(details["dtype"]).kind == "f":
        return 1.0, 0
    scale, zero = details["quantization"]
    return float(scale), int(zero)
