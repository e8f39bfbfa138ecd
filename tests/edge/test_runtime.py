"""The interpreter behind its interface: which one it is, and what it may say."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from edge import runtime, versions
from edge.bundle import default_bundle_path, load_bundle
from edge.errors import BundleError, ConfigError
from edge.runtime import Model

MODEL = """
import sys
from edge.bundle import default_bundle_path, load_bundle
from edge.runtime import Model
{before}
print(Model(load_bundle(default_bundle_path()).model_path).runtime)
"""


def child(before: str = "") -> subprocess.CompletedProcess[str]:
    """Build the shipped model in a process of its own: the interpreter talks once in each."""
    code = MODEL.format(before=before)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.fixture
def path() -> Path:
    """Return the shipped model."""
    return load_bundle(default_bundle_path()).model_path


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> dict[str, types.ModuleType]:
    """Stand in for both interpreters, with classes that cannot be mistaken."""
    modules = {}
    for package, _ in versions.RUNTIMES.values():
        module = types.ModuleType(f"{package}.interpreter")
        module.Interpreter = type(package, (), {})
        modules[package] = module
    monkeypatch.setattr(versions, "find_spec", modules.get)
    monkeypatch.setattr(runtime, "import_module", lambda name: modules[name.partition(".")[0]])
    return modules


def test_a_model_names_its_interpreter_and_version(path: Path) -> None:
    assert Model(path).runtime == versions.installed_runtime("auto")


def test_standard_error_stays_empty() -> None:
    done = child()
    assert (done.returncode, done.stderr) == (0, "")


def test_numpy_measures_subnormals_before_the_interpreter_may_flush_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[object] = []
    interpreter = types.SimpleNamespace(Interpreter=object)
    monkeypatch.setattr(np, "finfo", done.append)
    monkeypatch.setattr(runtime, "import_module", lambda name: done.append("load") or interpreter)
    runtime._interpreter_class("auto")
    assert done == [np.float32, np.float64, "load"]


def test_scoring_warns_of_nothing(repository: Path) -> None:
    (sample,) = repository.glob("models/samples/DMT_*")
    code = "from edge.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "score", str(sample)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 alarms" in done.stdout


def test_what_the_interpreter_says_beside_info_comes_through() -> None:
    before = (
        "import os, edge.runtime as r\n"
        "within = r._without_info_lines\n"
        "with within():\n"
        "    os.write(2, b'INFO: Created a delegate.\\nERROR: no kernel.\\nINFO: again\\n')\n"
        "try:\n"
        "    with within():\n"
        "        os.write(2, b'WARNING: about to fail\\n')\n"
        "        raise ValueError\n"
        "except ValueError:\n"
        "    os.write(2, b'as before\\n')\n"
    )
    done = child(before)
    assert done.returncode == 0
    assert done.stderr == "ERROR: no kernel.\nWARNING: about to fail\nas before\n"


def test_no_file_stays_open(path: Path) -> None:
    Model(path)
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    Model(path)
    assert len(list(descriptors.iterdir())) == before


def test_a_closed_standard_error_does_no_harm() -> None:
    assert child("import os; os.close(2)").returncode == 0


def test_auto_prefers_litert(both: dict[str, types.ModuleType]) -> None:
    assert runtime._interpreter_class("auto").__name__ == "ai_edge_litert"
    assert runtime._interpreter_class("tflite").__name__ == "tflite_runtime"
    del both["ai_edge_litert"]
    assert runtime._interpreter_class("auto").__name__ == "tflite_runtime"


def test_what_is_not_installed_is_named(both: dict[str, types.ModuleType]) -> None:
    both.clear()
    with pytest.raises(ConfigError, match="'auto' is not installed: install ai-edge-litert or t"):
        runtime._interpreter_class("auto")
    with pytest.raises(ConfigError, match="'tflite' is not installed: install tflite-runtime"):
        versions.installed_runtime("tflite")


def test_one_that_cannot_be_loaded_is_no_reason_to_take_the_other(
    both: dict[str, types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> types.ModuleType:
        raise ImportError(f"{name}: no libm")

    monkeypatch.setattr(runtime, "import_module", broken)
    with pytest.raises(ConfigError, match=r"ai-edge-litert cannot be loaded: ai_edge.*no libm"):
        runtime._interpreter_class("auto")


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "it.tflite").write_bytes(b"\0" * 100)
    with pytest.raises(BundleError, match=r"it\.tflite: not a usable TFLite model"):
        Model(tmp_path / "it.tflite")


def test_scores_do_not_depend_on_the_batch(path: Path) -> None:
    model = Model(path)
    windows = np.random.default_rng(5).normal(0.0, 1.0, (70, *model.window_shape))
    whole = model.logits(windows.astype(np.float32))
    np.testing.assert_array_equal(model.logits(windows[63:66].astype(np.float32)), whole[63:66])
