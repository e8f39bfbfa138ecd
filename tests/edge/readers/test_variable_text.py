"""Text of variable length is read by a process that may crash, hang or want the moon."""

from __future__ import annotations

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


def test_a_process_that_takes_too_long_is_ended(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("python", 10)

    monkeypatch.setattr(variable_text.subprocess, "run", late)
    with pytest.raises(InputError, match=r"a\.h5: damaged HDF5: its attributes"):
        variable_texts(file)


def test_the_real_file_needs_no_process(real_hpm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(variable_text.subprocess, "run", never)
    assert read_payload(real_hpm).track.time.size == 2079
