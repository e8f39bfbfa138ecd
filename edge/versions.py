"""Which code and which interpreter a result comes from, told without loading either.

Folder names are read where ``importlib.metadata`` would do: its import alone takes a fifth of
the time of a run that finds nothing new.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from edge import RELEASE
from edge.errors import ConfigError

#: Package and distribution of each TFLite interpreter, the one that ``auto`` prefers first.
RUNTIMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "litert": ("ai_edge_litert", "ai-edge-litert"),
        "tflite": ("tflite_runtime", "tflite-runtime"),
    }
)


def code_version(root: Path = Path(__file__).parent.parent) -> str:
    """Version of this code, with the commit where one is known.

    Parameters
    ----------
    root : Path, optional
        Folder that holds the package ``edge``.

    Returns
    -------
    str
        Of a checkout, the release and its commit; of an archive that git made, the same; of
        anything built, what was written into it then; else the release alone.

    Notes
    -----
    Changes that are not committed leave it as it is.
    """
    try:
        if (root / ".git").exists():
            return _with_commit(_head(root / ".git"))
        if (archival := root / ".git_archival.txt").is_file():
            return _with_commit(archival.read_text(encoding="utf-8").removeprefix("node:").strip())
        if (built := root / "PKG-INFO").is_file():
            lines = built.read_text(encoding="utf-8").splitlines()
            return next(line.split()[1] for line in lines if line.startswith("Version: "))
        return _distribution_version(root, "seqnetquake-edge") or RELEASE
    except (OSError, ValueError, StopIteration):
        return RELEASE


def runtime_name(runtime: str) -> str:
    """Tell which interpreter a setting stands for.

    Parameters
    ----------
    runtime : {"auto", "tflite", "litert"}

    Returns
    -------
    {"tflite", "litert"}

    Raises
    ------
    ConfigError
        It is not installed.
    """
    names = list(RUNTIMES) if runtime == "auto" else [runtime]
    for name in names:
        if find_spec(RUNTIMES[name][0]) is not None:
            return name
    wanted = " or ".join(RUNTIMES[name][1] for name in names)
    raise ConfigError(f"runtime {runtime!r} is not installed: install {wanted}")


def installed_runtime(runtime: str = "auto") -> str:
    """Distribution and version of an interpreter, such as ``ai-edge-litert 2.3.0``.

    Parameters
    ----------
    runtime : {"auto", "tflite", "litert"}, optional

    Raises
    ------
    ConfigError
        It is not installed.
    """
    package, distribution = RUNTIMES[runtime_name(runtime)]
    spec = find_spec(package)
    places = (spec and spec.submodule_search_locations) or []
    found = (_distribution_version(Path(place).parent, distribution) for place in places)
    return f"{distribution} {next(filter(None, found), 'of unknown version')}"


def version_line(command: str) -> str:
    """Say what ``--version`` prints: command, version, Python and interpreter."""
    try:
        runtime = installed_runtime()
    except ConfigError:
        runtime = "no TFLite runtime"
    return f"{command} {code_version()} (Python {sys.version.split()[0]}, {runtime})"


def _with_commit(commit: str) -> str:
    return f"{RELEASE}+g{commit[:8]}" if len(commit) in (40, 64) and commit.isalnum() else RELEASE


def _head(git: Path) -> str:
    """Return the commit that a ``.git`` has checked out, without git; '' where it has none."""
    if git.is_file():
        git = git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref: "):
        return head
    reference = head.removeprefix("ref: ")
    shared = git / "commondir"
    common = git / shared.read_text(encoding="utf-8").strip() if shared.is_file() else git
    if (loose := common / reference).is_file():
        return loose.read_text(encoding="utf-8").strip()
    for line in (common / "packed-refs").read_text(encoding="utf-8").splitlines():
        if line.endswith(f" {reference}"):
            return line.split()[0]
    return ""


def _distribution_version(site: Path, distribution: str) -> str | None:
    """Return the version in the name of the folder that an installer left beside a package."""
    name = distribution.replace("-", "_")
    found = sorted(site.glob(f"{name}-*.dist-info"))
    return found[-1].name.removesuffix(".dist-info").removeprefix(f"{name}-") if found else None
