"""Text of variable length is read by a process that may crash, hang or want the moon."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest

from edge.errors import InputError
from edge.readers import variable_text
from edge.readers.opening import read_payload
from edge.readers.variable_text import variable_texts


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as made:
        made.attrs["ORBITNUM"] = "009679"
        made.attrs["FIXED"] = np.bytes_(b"fixed")
        made["A311"] = [1.0]
        made["A311"].attrs["units"] = ["cm-3"]
        made["A311"].attrs["long"] = "x" * 10_000
    return path


def test_single_texts_are_given_with_their_place(file: Path) -> None:
    found = variable_texts(file)
    assert found["@ORBITNUM"] == "009679"
    assert found["A311@units"] == "cm-3"
    assert "@FIXED" not in found
    assert len(found["A311@long"]) == 200


def test_a_damaged_heap_is_one_clear_line(file: Path) -> None:
    content = bytearray(file.read_bytes())
    at = content.find(b"GCOL")
    # The size of the first object: libhdf5 would step by it for ever.
    content[at + 24 : at + 32] = (2**64 - 16).to_bytes(8, "little")
    file.write_bytes(content)
    try:
        variable_texts(file)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017


def answer(monkeypatch: pytest.MonkeyPatch, *program: str) -> None:
    monkeypatch.setattr(variable_text, "_PROGRAM", "\n".join(program))


def refusal(file: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        variable_texts(file)
    assert str(caught.value).isprintable()
    return caught.value


def test_a_process_that_takes_too_long_is_ended(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("python", 10)

    monkeypatch.setattr(variable_text.subprocess, "run", late)
    error = refusal(file)
    assert error.transient
    assert "did not answer in time" in str(error)


@pytest.mark.parametrize("code", [errno.ENOMEM, errno.EAGAIN, errno.EMFILE])
def test_a_process_that_cannot_be_started_is_the_stations_fault(
    file: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr(variable_text.subprocess, "run", refuse)
    error = refusal(file)
    assert error.transient
    assert errno.errorcode[code] in str(error)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (["import h5pi"], "could not start"),
        (["import os; os.kill(os.getpid(), 11)"], "could not start"),
        (["print('ready', flush=True)", "import os; os.kill(os.getpid(), 9)"], "by signal 9"),
        (["print('ready', flush=True)", "import os; os.kill(os.getpid(), 15)"], "by signal 15"),
        (["print('ready')", "print('\"(errno = 5, ...)\"')"], "EIO"),
    ],
)
def test_what_the_station_does_to_the_process_is_tried_again(
    file: Path, monkeypatch: pytest.MonkeyPatch, program: list[str], words: str
) -> None:
    answer(monkeypatch, *program)
    error = refusal(file)
    assert error.transient
    assert words in str(error)


@pytest.mark.parametrize(
    "program",
    [
        ["import os; os.kill(os.getpid(), 11)"],
        ["import os; os.kill(os.getpid(), 24)"],
        ["print('\"damaged heap\"')"],
        ["print('{')"],
        ["raise SystemExit(1)"],
    ],
)
def test_what_the_bytes_do_to_the_process_is_the_files_fault(
    file: Path, monkeypatch: pytest.MonkeyPatch, program: list[str]
) -> None:
    answer(monkeypatch, "print('ready', flush=True)", *program)
    error = refusal(file)
    assert not error.transient
    assert "damaged HDF5: its attributes of variable-length text" in str(error)


def test_a_heap_that_never_ends_costs_seconds_of_the_processor_and_is_damage(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = variable_text._PROGRAM.replace("found = {}", "while True: pass")
    program = program.replace("int(used) + 5", "int(used) + 1")
    monkeypatch.setattr(variable_text, "_PROGRAM", program)
    assert not refusal(file).transient


def test_the_real_file_needs_no_process(real_hpm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(variable_text.subprocess, "run", never)
    assert read_payload(real_hpm).track.time.size == 2079
