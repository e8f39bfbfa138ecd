"""A read that the station fails is tried again; only the bytes can end a file."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from edge.errors import InputError
from edge.readers import read_payload
from edge.readers.hdf5 import explain_fault
from edge.readers.sniffing import explain_os_error, system_errno

NAME = Path("CSES_01_LAP_1.h5")


@pytest.fixture(scope="session")
def injector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes system calls fail, compiled from tests/edge/errno_inject.c."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc) to build the library that injects errnos")
    source = Path(__file__).parent.parent / "errno_inject.c"
    library = tmp_path_factory.mktemp("inject") / "inject.so"
    flags = ["-shared", "-fPIC", "-O1", "-o", str(library)]
    subprocess.run([compiler, *flags, str(source), "-ldl"], check=True)
    return library


@pytest.fixture(scope="session")
def reads(
    injector: Path,
    repository: Path,
    make_cses: Callable[..., Path],
    make_demeter: Callable[..., Path],
) -> dict[str, list[list[Any]]]:
    paths = {
        "cses": make_cses("HPM_5"),
        "cses, texts of variable length": make_cses("LAP_1", root={"ORBITNUM": "009679"}),
        "demeter": make_demeter("1144"),
    }
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).parent / "errno_child.py"),
            json.dumps([str(p) for p in paths.values()]),
        ],
        cwd=repository,
        env=os.environ | {"LD_PRELOAD": str(injector), "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {kind: [line for line in lines if line[0] == str(p)] for kind, p in paths.items()}


@pytest.mark.parametrize("mission", ["cses", "cses, texts of variable length", "demeter"])
def test_a_system_call_that_fails_is_never_the_files_fault(
    reads: dict[str, list[list[Any]]], mission: str
) -> None:
    whole = reads[mission][0]
    assert whole[5] == ""
    failed = 0
    for _, call, name, first, failures, said, transient, values in reads[mission]:
        where = f"{call} {name} from call {first} on: {said}"
        if said:
            assert failures, where
            assert transient, where
            assert said.isprintable(), where
            assert name in said, where
            failed += 1
        else:
            # What the reader did without, such as a second try of libhdf5.
            assert values == whole[7], where
    assert failed > 8 + 3
    every = {(call, name) for _, call, name, _, n, said, *_ in reads[mission] if n and said}
    assert {name for call, name in every if call == "read"} >= {
        *("EIO", "EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ENOLCK", "ESTALE", "ETIMEDOUT")
    }


@pytest.mark.parametrize("name", ["EIO", "EAGAIN", "EMFILE", "ENOLCK", "ESTALE", "EHOSTDOWN"])
def test_every_errno_but_that_of_a_place_is_transient(name: str) -> None:
    code = getattr(errno, name)
    text = f"Can't read data (file read failed: errno = {code}, error message = 'x')"
    for error in (OSError(code, "x"), KeyError(text), RuntimeError(text)):
        assert system_errno(error) == code
        explained = explain_fault(NAME, error)
        assert explained.transient
        assert str(explained) == str(explain_os_error(NAME, OSError(code, "x")))
        assert str(explained).endswith(f"({name})")


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOVERFLOW, errno.EISDIR])
def test_an_errno_of_what_the_file_is_or_says_is_lasting(code: int) -> None:
    assert not explain_os_error(NAME, OSError(code, "x")).transient


def test_what_no_system_call_failed_for_is_damage() -> None:
    found = explain_fault(NAME, OSError("truncated file: eof = 12"))
    assert not found.transient
    assert "damaged HDF5: truncated file: eof = 12" in str(found)


def test_short_memory_is_the_stations() -> None:
    assert explain_fault(NAME, MemoryError()).transient
    # By now there may be plenty again.
    for text in ("memory allocation failed for chunk", "Unable to allocate raw data buffer"):
        found = explain_fault(NAME, OSError(f"Can't synchronously read data ({text})"))
        assert found.transient
        assert str(found) == f"{NAME.name}: not enough memory to read it"
    # The word alone, while there is plenty for what may be read, tells of wrong bytes.
    assert not explain_fault(NAME, RuntimeError("allocated size is wrong")).transient


@pytest.mark.parametrize("lock", [fcntl.LOCK_SH, fcntl.LOCK_EX])
def test_a_file_that_another_program_holds_locked_is_read(
    make_cses: Callable[..., Path], lock: int
) -> None:
    path = make_cses(root={"ORBITNUM": "009679"})
    with path.open("r+b") as held:
        fcntl.flock(held, lock)
        assert read_payload(path).track.time.size == 40


def test_where_libhdf5_must_lock_a_locked_file_is_transient(
    make_cses: Callable[..., Path], repository: Path
) -> None:
    path = make_cses()
    code = (
        "import sys\nfrom edge.errors import InputError\nfrom edge.readers import read_payload\n"
        "try:\n    read_payload(sys.argv[1])\n"
        "except InputError as error:\n    print(error.transient, error)"
    )
    with path.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            cwd=repository,
            env=os.environ | {"HDF5_USE_FILE_LOCKING": "TRUE"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.startswith(f"True {path.name}: another program holds it locked")


def test_a_file_that_its_writer_never_closed_is_named_so(
    make_cses: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_cses()
    with h5py.File(path) as file:
        datasets = {name: file[name][...] for name in file}
    with h5py.File(path, "w", libver="latest") as file:
        for name, values in datasets.items():
            file[name] = values
        file.flush()
        copy = Path(shutil.copy(path, tmp_path))
    with pytest.raises(InputError, match="is still open in the program that writes it"):
        read_payload(copy)


def test_an_upgrade_that_leaves_no_h5py_is_no_fault_of_a_file(
    make_cses: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_cses()
    monkeypatch.setitem(sys.modules, "h5py", None)
    for module in ("cses", "cses_identity", "cses_series", "hdf5"):
        monkeypatch.delitem(sys.modules, f"edge.readers.{module}", raising=False)
    with pytest.raises(ImportError):
        read_payload(path)
