"""Whatever is broken is told in a line, and never ends the doctor."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from commands import edge_score
from edge.bundle import default_bundle_path, models_path
from edge.config import Settings
from edge.station import doctor as module
from edge.station.doctor import Check, Doctor, as_json, line

SAMPLES = models_path() / "samples"
ALL = [
    "machine", "python", "libraries", "settings", "bundle", "clock", "inbox", "out", "disk",
    "kernels", "scoring",
]  # fmt: skip


class Done(NamedTuple):
    code: int
    lines: list[str]
    err: str

    def of(self, name: str) -> str:
        """The line of one check."""
        (found,) = (line for line in self.lines if line[6:].startswith(f"{name}: "))
        return found


def doctor(*arguments: object, **environment: str) -> Done:
    done = edge_score("doctor", *arguments, **environment)
    return Done(done.returncode, done.stdout.splitlines(), done.stderr)


def found(name: str, **known: object) -> Check:
    """One check, in this process."""
    patient = Doctor(
        known.get("inbox"),  # type: ignore[arg-type]
        known.get("out"),  # type: ignore[arg-type]
        Settings,
        known.get("now", time.time),  # type: ignore[arg-type]
    )
    # Those after it, such as the trial, are not done.
    return next(check for check in patient.checks() if check.name == name)


def test_a_sound_station(tmp_path: Path) -> None:
    done = doctor(SAMPLES, "--out", tmp_path / "out")
    assert (done.code, done.err) == (0, "")
    assert [line[6:].split(":")[0] for line in done.lines] == ALL
    assert {line[:6] for line in done.lines} == {"ok    "}
    assert "trained on simulated missions" in done.of("bundle")
    assert re.search(r"scored in \d+\.\d s by (tflite-runtime|ai-edge-litert) ", done.of("scoring"))
    # It is a look: nothing is made.
    assert not (tmp_path / "out").exists()


def test_json_is_one_object_with_the_same(tmp_path: Path) -> None:
    done = doctor(tmp_path / "absent", "--json")
    assert done.code == 2
    (text,) = done.lines
    report = json.loads(text)
    assert report["ok"] is False
    assert [c["name"] for c in report["checks"] if c["status"] == "FAIL"] == ["inbox"]
    assert set(report["checks"][0]) == {"name", "status", "text"}


@pytest.mark.parametrize("package", ["h5py", "msgspec", "numba", "numpy", "watchdog"])
def test_a_library_that_cannot_be_loaded(package: str, tmp_path: Path) -> None:
    (tmp_path / f"{package}.py").write_text("raise ImportError('libmissing.so.1: no such file')")
    done = doctor(SAMPLES, "--out", tmp_path, PYTHONPATH=str(tmp_path))
    assert done.err == ""
    assert len(done.lines) == len(ALL)
    if package == "watchdog":
        # Scoring does without it; a watcher says so itself.
        assert done.of("libraries").startswith("FAIL  libraries: cannot be loaded: libmissing")
    else:
        check = "kernels" if package == "numba" else "scoring"
        assert done.of(check).startswith(f"FAIL  {check}: cannot be loaded: libmissing.so.1")
    assert done.code == 2


def test_a_library_that_kills_the_process(tmp_path: Path) -> None:
    # An instruction that the processor lacks.
    (tmp_path / "numba.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    done = doctor(PYTHONPATH=str(tmp_path))
    assert (done.code, done.err) == (2, "")
    assert "ended the process with signal SIGILL" in done.of("scoring")
    assert "ended the process with signal SIGILL" in done.of("kernels")


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LIBRARIES", ("h5py", "no-such-distribution"))
    check = found("libraries")
    assert check.status == "FAIL"
    assert check.text.startswith("not installed: no-such-distribution; install")


def test_a_bundle_that_was_altered(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(default_bundle_path(), bundle)
    (bundle / "climatology.npz").write_bytes(b"")
    done = doctor("--bundle", bundle)
    assert done.code == 2
    assert done.of("bundle").startswith("FAIL  bundle: bundle bundle: climatology.npz was altered")
    assert done.of("scoring").startswith("FAIL  scoring: bundle bundle: climatology.npz")


def test_settings_that_are_wrong_leave_the_rest_to_be_checked(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("threads = 99")
    done = doctor("--config", config)
    assert done.code == 2
    assert done.of("settings").startswith("FAIL  settings: settings.toml: threads: expected")
    assert done.of("scoring").startswith("ok")
    config.write_text("threads = 2")
    assert doctor("--config", config).of("settings") == "ok    settings: threads = 2"


def test_a_damaged_cache_of_kernels(tmp_path: Path) -> None:
    assert doctor(NUMBA_CACHE_DIR=str(tmp_path)).of("kernels").startswith("ok")
    (folder,) = tmp_path.iterdir()
    (folder / "empty.nbi").touch()
    (folder / "cut.nbc").write_bytes(b"\x80\x05")
    done = doctor(NUMBA_CACHE_DIR=str(tmp_path))
    assert done.code == 0
    assert done.of("kernels").startswith("warn")
    assert "2 damaged files" in done.of("kernels")


def test_kernels_that_are_not_compiled() -> None:
    assert found("kernels").status in ("ok", "warn")
    assert "NUMBA_DISABLE_JIT" in doctor(NUMBA_DISABLE_JIT="1").of("kernels")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sys.maxsize": 2**31 - 1}, "32-bit Python on"),
        ({"platform.machine": lambda: "armv7l"}, "expected Linux on x86_64 or aarch64, got"),
        ({"_glibc": lambda: None}, "no glibc"),
        ({"_glibc": lambda: (2, 16)}, "the installed packages need glibc 2."),
    ],
)
def test_machines_that_cannot(
    change: dict[str, object], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in change.items():
        monkeypatch.setattr(f"edge.station.doctor.{name}", value)
    check = found("machine")
    assert check.status == "FAIL"
    assert words in check.text
    assert "64-bit Raspberry Pi OS" in check.text


def test_a_python_that_is_not_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PYTHONS", ((3, 8), (3, 9)))
    assert found("python").text.startswith("expected Python 3.8 to 3.9, got 3.1")
    monkeypatch.undo()
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 34, 1))
    assert found("python").text.startswith("expected SQLite 3.37 or later")


def test_a_clock_that_is_behind_its_newest_file() -> None:
    end = 1_592_339_997.0
    assert found("clock", inbox=SAMPLES).status == "ok"
    check = found("clock", inbox=SAMPLES, now=lambda: end - 1)
    assert check.status == "FAIL"
    assert "2020-06-16T20:39:56 UTC is before" in check.text


def test_a_clock_that_is_behind_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    check = found("clock", now=lambda: 0.0)
    assert check.status == "FAIL"
    assert check.text.startswith("1970-01-01T00:00:00 UTC is before this code was installed")
    # What no calendar knows is told too.
    assert found("clock", now=lambda: 1e300).status == "FAIL"


def closed(path: str, mode: int) -> bool:
    """As os.access, of somebody who is not root and owns nothing."""
    bits = Path(path).stat().st_mode & 0o7
    return all(bits & bit for bit in (os.R_OK, os.W_OK, os.X_OK) if mode & bit)


def test_an_inbox_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.station.doctor.os.access", closed)
    inbox = tmp_path / "in\nbox"
    inbox.mkdir(mode=0o755)
    file = inbox / "file.h5"
    file.touch(0o644)
    assert found("inbox", inbox=inbox).status == "ok"
    file.chmod(0o600)
    check = found("inbox", inbox=inbox)
    assert (check.status, check.text.isprintable()) == ("FAIL", True)
    assert "1 of 1 files may not be read" in check.text
    assert "-rw-------" in check.text
    inbox.chmod(0o700)
    assert "may not list it, mode drwx------" in found("inbox", inbox=inbox).text


def test_a_folder_in_the_inbox_that_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def walk(
        top: Path, onerror: Callable[[OSError], None]
    ) -> list[tuple[str, list[str], list[str]]]:
        onerror(PermissionError(13, "Permission denied", f"{top}/day"))
        return [(str(top), ["day"], [])]

    monkeypatch.setattr("edge.station.doctor.os.walk", walk)
    check = found("inbox", inbox=tmp_path)
    assert check.status == "FAIL"
    assert "/day" in check.text


def test_results_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("out", out=tmp_path).status == "ok"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    assert found("out", out=tmp_path / "file").status == "FAIL"
    assert found("out", out=tmp_path / "file" / "below").status == "FAIL"

    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert "Read-only file system" in found("out", out=tmp_path).text


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    assert found("out", out=tmp_path).status == "warn"


@pytest.mark.parametrize(
    ("free_mb", "inodes", "status"),
    [
        (900, 50_000, "ok"),
        (300, 50_000, "warn"),
        (30, 50_000, "FAIL"),
        (900, 5_000, "warn"),
        (900, 50, "FAIL"),
        (30, 5_000, "FAIL"),
        (900, None, "ok"),
    ],
)
def test_a_disk_that_fills(
    free_mb: int, inodes: int | None, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = SimpleNamespace(free=free_mb * 2**20, total=2**30)
    nodes = SimpleNamespace(f_files=0 if inodes is None else 100_000, f_favail=inodes or 0)
    monkeypatch.setattr("shutil.disk_usage", lambda _: space)
    monkeypatch.setattr("os.statvfs", lambda _: nodes)
    check = found("disk", out=tmp_path / "not" / "yet")
    assert check.status == status
    assert ("make room" in check.text) == (status != "ok")


def test_a_fault_of_a_check_is_its_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault() -> None:
        raise ZeroDivisionError("nobody expected it")

    monkeypatch.setattr(module, "_machine", fault)
    check = found("machine")
    assert check.status == "FAIL"
    assert "ZeroDivisionError at test_doctor.py:" in check.text
    assert line(check).startswith("FAIL  machine: ZeroDivisionError")
    assert json.loads(as_json([check]))["ok"] is False


def test_a_trial_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TRIAL_S", 0.01)
    assert "was not scored within" in found("scoring").text
