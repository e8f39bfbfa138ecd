"""Which interpreter `make` takes, and when it makes its environment again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

# Says what it is told to be, and makes environments of its own kind.
INTERPRETER = """#!/bin/sh
if [ "$1" = -m ]; then
	mkdir -p "$3/bin" "$3/lib/python{version}" && cp "$0" "$3/bin/python"
	exit
fi
code=$2
shift 2
case " $* " in *" {version} "*) echo "{version} {home}" && exit ;; esac
echo "is Python {version}" >&2
exit 1
"""
SHIM = "#!/bin/sh\necho 'pyenv: python: command not found' >&2\nexit 127\n"
NO_VENV = "#!/bin/sh\necho 'has no venv module: apt install python3-venv' >&2\nexit 1\n"
VERSIONS = ("3.13", "3.12", "3.11")


class Machine:
    """A machine with some interpreters, and the script."""

    def __init__(self, folder: Path, script: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in ("sed", "tail", "rm", "mkdir", "cp", "sh"):
            (self.bin / tool).symlink_to(
                Path("/bin") / tool if (Path("/bin") / tool).exists() else Path("/usr/bin") / tool
            )
        self.script = script
        self.made = folder / "made"

    def has(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def python(self, name: str, version: str, home: str = "/usr") -> Path:
        return self.has(name, INTERPRETER.format(version=version, home=home))

    def make(self, python: object = "") -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/sh", str(self.script), str(self.made), str(python), *VERSIONS],
            env={"PATH": str(self.bin)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == ""
        return done.returncode, done.stderr

    @property
    def version(self) -> list[str]:
        return [path.name for path in (self.made / "lib").iterdir()]


@pytest.fixture
def machine(tmp_path: Path, repository: Path) -> Machine:
    return Machine(tmp_path, repository / "requirements/venv.sh")


def test_the_newest_that_runs_is_taken(machine: Machine) -> None:
    machine.has("python3.13", SHIM)
    machine.python("python3.12", "3.12")
    machine.python("python3.11", "3.11")
    machine.python("python3", "3.11")
    assert machine.make() == (0, "")
    assert machine.version == ["python3.12"]


def test_python3_counts_by_its_version(machine: Machine) -> None:
    machine.python("python3.11", "3.11")
    machine.python("python3", "3.13")
    assert machine.make() == (0, "")
    assert machine.version == ["python3.13"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (INTERPRETER.format(version="3.10", home="/usr"), "(python3 is Python 3.10)"),
        (NO_VENV, "(python3 has no venv module: apt install python3-venv)"),
        (None, "(no python3)"),
    ],
    ids=["old", "without venv", "none"],
)
def test_where_there_is_none_it_says_how_to_get_one(
    machine: Machine, text: str | None, why: str
) -> None:
    if text is not None:
        machine.has("python3", text)
    code, said = machine.make()
    assert code == 1
    assert said.startswith("expected Python 3.13, 3.12 or 3.11 with its venv module, found none (")
    assert why in said
    assert "sudo apt install python3 python3-venv;" in said
    assert "make PYTHON=/path/to/python3" in said
    assert said.count("\n") == 1
    assert not machine.made.exists()


def test_one_that_is_asked_and_of_no_use_is_named(machine: Machine) -> None:
    old = machine.python("python3.10", "3.10")
    expected = f"PYTHON={old}: expected Python 3.13, 3.12 or 3.11, got: is Python 3.10\n"
    assert machine.make(old) == (1, expected)
    assert machine.make("nowhere/python3")[0] == 1


def test_what_is_there_stays_until_another_is_asked(machine: Machine) -> None:
    machine.python("python3.11", "3.11")
    machine.make()
    (machine.made / "stamp").touch()
    machine.python("python3.12", "3.12")
    assert machine.make() == machine.make("python3.11") == (0, "")
    assert (machine.made / "stamp").exists()
    assert machine.make("python3.12") == (0, "")
    assert machine.version == ["python3.12"]
    assert not (machine.made / "stamp").exists()


def test_the_same_version_from_elsewhere_is_another(machine: Machine) -> None:
    machine.python("python3.11", "3.11")
    machine.make()
    (machine.made / "stamp").touch()
    assert machine.make(machine.python("mine", "3.11", home="/opt/mine")) == (0, "")
    assert not (machine.made / "stamp").exists()


@pytest.mark.parametrize("text", [SHIM, INTERPRETER.format(version="3.13", home="/usr")])
def test_one_that_the_system_outgrew_is_made_again(machine: Machine, text: str) -> None:
    machine.python("python3.11", "3.11")
    machine.make()
    (machine.bin / "python3.11").unlink()
    machine.python("python3", "3.13")
    python = machine.made / "bin/python"
    python.write_text(text)
    assert machine.make() == (0, "")
    assert machine.version == ["python3.13"]
