"""Which code and runtime it is: told of checkouts, archives and installations, and cheaply."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edge
from edge import RELEASE
from edge.versions import RUNTIMES, code_version, installed_runtime, version_line

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOLD = f"{RELEASE}+g01234567"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a checkout of one commit on a branch."""
    (tmp_path / ".git/refs/heads").mkdir(parents=True)
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git/refs/heads/main").write_text(f"{COMMIT}\n")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    """Run git as nobody in particular."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    command = ["git", *who, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_branch_tells_its_commit(checkout: Path) -> None:
    assert code_version(checkout) == TOLD


def test_a_detached_head_tells_its_commit(checkout: Path) -> None:
    (checkout / ".git/HEAD").write_text(f"{COMMIT}\n")
    assert code_version(checkout) == TOLD


def test_packed_references_are_read(checkout: Path) -> None:
    (checkout / ".git/refs/heads/main").unlink()
    other = COMMIT[::-1]
    (checkout / ".git/packed-refs").write_text(
        f"# pack-refs with: peeled\n{other} refs/heads/not/refs/heads/main\n"
        f"{COMMIT} refs/heads/main\n{other} refs/tags/v1\n^{other}\n"
    )
    assert code_version(checkout) == TOLD


@pytest.mark.parametrize("head", ["", "ref: refs/heads/none\n", "\xff", "gitdir: /x", "ref: \0"])
def test_a_damaged_checkout_tells_the_release(checkout: Path, head: str) -> None:
    (checkout / ".git/HEAD").write_text(head, encoding="latin-1")
    assert code_version(checkout) == RELEASE


@pytest.mark.skipif(shutil.which("git") is None, reason="git is absent")
def test_git_agrees_on_each_commit_and_in_a_worktree(tmp_path: Path) -> None:
    main, other = tmp_path / "main", tmp_path / "other"
    main.mkdir()
    git(main, "init", "-q")
    told = []
    for number in range(2):
        git(main, "commit", "-q", "--allow-empty", "-m", f"{number}")
        told.append(code_version(main))
        assert told[-1] == f"{RELEASE}+g{git(main, 'rev-parse', 'HEAD')[:8]}"
    assert told[0] != told[1]
    git(main, "worktree", "add", "-q", "-b", "side", str(other))
    git(other, "commit", "-q", "--allow-empty", "-m", "2")
    assert code_version(other) == f"{RELEASE}+g{git(other, 'rev-parse', 'HEAD')[:8]}"
    assert code_version(main) == told[1]
    git(main, "pack-refs", "--all")
    assert code_version(main) == told[1]


@pytest.mark.parametrize(("text", "version"), [(COMMIT, TOLD), ("$Format:%H$", RELEASE)])
def test_an_archive_of_git_tells_its_commit(tmp_path: Path, text: str, version: str) -> None:
    (tmp_path / ".git_archival.txt").write_text(f"node: {text}\n")
    assert code_version(tmp_path) == version


def test_what_was_built_tells_what_was_written_then(tmp_path: Path) -> None:
    assert code_version(tmp_path) == RELEASE
    (tmp_path / f"seqnetquake_edge-{TOLD}.dist-info").mkdir()
    (tmp_path / "seqnetquake_edge_more-9.dist-info").mkdir()
    assert code_version(tmp_path) == TOLD
    (tmp_path / "PKG-INFO").write_text("Metadata-Version: 2.4\nVersion: 0.9+gfedcba98\n\nVersion:")
    assert code_version(tmp_path) == "0.9+gfedcba98"


def test_the_package_has_the_version() -> None:
    assert edge.__version__ == code_version()
    assert edge.__version__.startswith(RELEASE)


def test_the_runtime_is_the_one_that_is_installed() -> None:
    named = {
        f"{distribution} {importlib.metadata.version(distribution)}": name
        for name, (_, distribution) in RUNTIMES.items()
        if distribution in {d.name for d in importlib.metadata.distributions()}
    }
    assert named
    for line, name in named.items():
        assert installed_runtime(name) == line
    assert installed_runtime() == next(iter(named))


def test_one_line_tells_command_version_python_and_runtime() -> None:
    python = ".".join(map(str, sys.version_info[:3]))
    assert version_line("edge-score") == (
        f"edge-score {edge.__version__} (Python {python}, {installed_runtime()})"
    )


def test_to_tell_them_loads_nothing_heavy_and_starts_nothing() -> None:
    code = (
        "import sys, edge\n"
        "sys.addaudithook(lambda name, _: name == 'subprocess.Popen' and sys.exit(name))\n"
        "from edge.versions import installed_runtime\n"
        "print(edge.__version__, installed_runtime())\n"
        "print(*sys.modules)\n"
    )
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=inherited
    )
    told, modules = done.stdout.splitlines()
    assert told == f"{edge.__version__} {installed_runtime()}"
    heavy = {"numpy", "importlib.metadata", "tflite_runtime", "ai_edge_litert", "subprocess"}
    assert not heavy & set(modules.split())
