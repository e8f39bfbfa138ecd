"""What is shipped: wheel, source archive and locks, and that edge never imports the trainer."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import edge

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
COMMIT = "0123456789abcdef0123456789abcdef01234567"
# What setuptools reads. The build happens in a copy, since one in the checkout leaves a build/lib
# behind, from which later wheels take files that no longer exist.
SOURCES = ["edge", "trainer", "models", "pyproject.toml", "LICENSE", "README.md"]


#: Studies of the method itself, which no wheel holds.
RESEARCH = ROOT / "trainer" / "research"


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command with nothing of the checkout on its path, and return what it printed."""
    ours = {"PYTHONPATH", "CI"}
    inherited = {key: value for key, value in os.environ.items() if key not in ours}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def data_files(folder: Path) -> set[str]:
    """Return the files of a folder as a wheel names them, hidden ones left out."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {name.as_posix() for name in names if not any(p.startswith(".") for p in name.parts)}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what setuptools reads."""
    copy = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*")
            )
        else:
            shutil.copy(ROOT / name, copy / name)
    (copy / ".git").mkdir()
    (copy / ".git/HEAD").write_text(f"{COMMIT}\n")
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    out = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    run(*pip, "-w", out, source, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel away from the checkout."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site]
    run(*pip, wheel, cwd=site)
    return site


def test_every_package_is_listed() -> None:
    listed = set(pyproject()["tool"]["setuptools"]["packages"]) - {"edge._models"}
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("edge", "trainer")
        for path in (ROOT / top).rglob("*.py")
        if RESEARCH not in path.parents
    }
    assert found == listed


def test_wheel_holds_code_and_models(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    code = {
        p.relative_to(ROOT).as_posix()
        for t in ("edge", "trainer")
        for p in (ROOT / t).rglob("*.py")
    }
    research = {name for name in code if name.startswith("trainer/research/")}
    assert research
    assert not research & names
    assert code - research <= names
    shipped = {name.removeprefix("edge/_models/") for name in names if "/_models/" in name}
    assert shipped == data_files(ROOT / "models")
    assert any(name.endswith("/card.json") for name in shipped)
    assert any(name.endswith(".tflite") for name in shipped)
    assert any(name.startswith("samples/") for name in shipped)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"edge", "trainer"}


def test_wheel_tells_the_commit_that_it_was_built_from(
    wheel: Path, installed: Path, tmp_path: Path
) -> None:
    version = f"{edge.RELEASE}+g{COMMIT[:8]}"
    assert wheel.name == f"seqnetquake_edge-{version}-py3-none-any.whl"
    for command in ("edge-score", "edge-train"):
        printed = run(
            installed / "bin" / command, "--version", cwd=tmp_path, PYTHONPATH=str(installed)
        )
        assert printed.startswith(f"{command} {version} (Python 3.")


def test_source_archive_builds_the_same_wheel(source: Path, wheel: Path, tmp_path: Path) -> None:
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    run(sys.executable, "-c", build, tmp_path, cwd=source)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    run(*pip, "-w", tmp_path, unpacked, cwd=tmp_path)
    with zipfile.ZipFile(tmp_path / wheel.name) as again, zipfile.ZipFile(wheel) as first:
        assert set(again.namelist()) == set(first.namelist())


def test_installed_bundle_is_found_inside_the_installation(installed: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from edge.bundle import default_bundle_path\n"
        "print(default_bundle_path())\n"
    )
    printed = run(sys.executable, "-I", "-c", code, installed, cwd=tmp_path)
    bundle = Path(printed.strip())
    assert bundle.is_relative_to(installed)
    assert (bundle / "card.json").is_file()


def test_installed_command_describes_the_shipped_model(installed: Path, tmp_path: Path) -> None:
    command = installed / "bin" / "edge-score"
    printed = run(command, "model", cwd=tmp_path, PYTHONPATH=str(installed))
    assert printed.strip()
    assert str(ROOT) not in printed


def test_editable_bundle_is_the_checkouts(tmp_path: Path) -> None:
    code = "from edge.bundle import default_bundle_path; print(default_bundle_path())"
    bundle = Path(run(sys.executable, "-I", "-c", code, cwd=tmp_path).strip())
    assert bundle.resolve().is_relative_to((ROOT / "models").resolve())


def test_edge_imports_nothing_of_the_trainer() -> None:
    forbidden = {"trainer", "tensorflow", "keras", "sklearn", "scipy"}
    files = sorted((ROOT / "edge").rglob("*.py"))
    assert files
    found = []
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            found += [f"{path.name}: {n}" for n in names if n.split(".")[0] in forbidden]
    assert not found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_lock_names_no_host_and_no_place(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    for word in ("http", "--", "file:/", "@"):
        assert word not in text
    assert not re.search(r"(^|[\s=])[/~]|\\", text)
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z0-9.-]+==[^\s*]+( ; .+)?", line), line


def pins(lock: str, environment: dict[str, str]) -> dict[str, str]:
    """Return what a lock installs in an environment: name and version."""
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8").splitlines()
    found: dict[str, str] = {}
    for pin in (Requirement(line) for line in lines if line and not line.lstrip().startswith("#")):
        if pin.marker is None or pin.marker.evaluate(environment):
            assert found.setdefault(pin.name, str(pin.specifier)) == str(pin.specifier)
    return {canonicalize_name(name): version.removeprefix("==") for name, version in found.items()}


def wanted(extra: str, environment: dict[str, str]) -> Iterator[Requirement]:
    """Yield what an extra asks for in an environment, and what the extras that it names ask for."""
    project = pyproject()["project"]
    lists = project["optional-dependencies"] | {"": project["dependencies"]}
    for requirement in map(Requirement, lists[extra]):
        if requirement.name == project["name"]:
            for named in requirement.extras:
                yield from wanted(named, environment)
        elif requirement.marker is None or requirement.marker.evaluate(environment):
            yield requirement


def linux(python: str, machine: str) -> dict[str, str]:
    """Return the variables of environment markers that a station or a developer has."""
    return {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": "linux",
        "platform_machine": machine,
    }


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize(
    ("lock", "extras", "pythons"),
    [
        ("edge", [], ["3.11", "3.12", "3.13", "3.14"]),
        ("test", ["test"], ["3.11", "3.12", "3.13", "3.14"]),
        ("trainer", ["trainer", "report", "dev"], ["3.11", "3.12", "3.13"]),
    ],
)
def test_lock_meets_pyproject(
    lock: str, extras: list[str], pythons: list[str], machine: str
) -> None:
    for python in pythons:
        environment = linux(python, machine)
        locked = pins(lock, environment)
        build = map(Requirement, pyproject()["build-system"]["requires"])
        for requirement in (*build, *(r for e in ["", *extras] for r in wanted(e, environment))):
            assert locked[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_tests_run_with_what_stations_install(python: str) -> None:
    environment = linux(python, "x86_64")
    assert pins("edge", environment).items() <= pins("test", environment).items()


@pytest.mark.parametrize("lock", ["edge", "trainer"])
def test_one_interpreter_with_the_numpy_that_it_takes(lock: str) -> None:
    old, new = (pins(lock, linux(python, "aarch64")) for python in ("3.11", "3.12"))
    assert old["numpy"].startswith("1.")
    assert new["numpy"].startswith("2.")
    assert ("tflite-runtime" in old, "ai-edge-litert" in old) == (True, False)
    assert ("tflite-runtime" in new, "ai-edge-litert" in new) == (False, True)
