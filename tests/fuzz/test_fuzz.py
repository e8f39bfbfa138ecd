"""A few seconds of fuzzing, and faults planted to see that fuzzing finds them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


# A child whose reader has a fault of its own.
_CHILD = """
import os, runpy, signal, sys, time, warnings
sys.path.insert(0, {folder!r})
import edge.readers
real = edge.readers.read_payload
def faulty(path):
    {fault}
    return real(path)
edge.readers.read_payload = faulty
runpy.run_path({folder!r} + "/cses_child.py", run_name="__main__")
"""


def fuzz(part: str, folder: Path, seconds: int = 5) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / f"fuzz_{part}.py"), "--seconds", str(seconds)]
    return subprocess.run(
        [*command, "--findings", str(folder)], capture_output=True, text=True, check=False
    )


def test_cses_survives(tmp_path: Path) -> None:
    done = fuzz("cses", tmp_path / "findings")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid read: 33" in done.stdout
    assert re.search(r"mutated refused: [1-9]", done.stdout)
    assert not (tmp_path / "findings").exists()


def test_demeter_survives(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    done = fuzz("demeter", tmp_path / "findings")
    assert done.returncode == 0, done.stdout + done.stderr
    (inputs,) = re.findall(r"demeter: ([0-9]+) inputs", done.stdout)
    assert int(inputs) > 100


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crash"),
        ("time.sleep(60)", "hang"),
        ("raise ZeroDivisionError", "error"),
        ("warnings.warn('a warning')", "error"),
        ("bytearray(b'x' * (400 << 20))", "memory"),
    ],
)
def test_planted_faults_are_found(
    fault: str, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "child.py"
    script.write_text(_CHILD.format(folder=str(HERE), fault=fault))
    monkeypatch.syspath_prepend(str(HERE))
    import fuzz_cses

    first = fuzz_cses.seeds()[:1]
    monkeypatch.setattr(fuzz_cses, "CHILD", script)
    # Short where time is the fault; else a busy machine would make a hang of any of them.
    monkeypatch.setattr(fuzz_cses, "LONGEST_S", 2.0 if outcome == "hang" else 60.0)
    monkeypatch.setattr(fuzz_cses, "_START_S", 5.0 if outcome == "hang" else 60.0)
    monkeypatch.setattr(fuzz_cses, "seeds", lambda: first)
    assert fuzz_cses.run(0.0, 1, tmp_path / "findings") == 1
    (found,) = (tmp_path / "findings").iterdir()
    assert found.name.startswith(f"{outcome}-")
    assert {f.name for f in found.iterdir()} == {"what.txt", first[0].name}
