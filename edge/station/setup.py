"""A new station: its folders, and a settings file that says what can be set."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from edge.config import Settings
from edge.errors import ConfigError, one_line
from edge.outputs import replace_file

SETTINGS_FILE = "edge-score.toml"
_FOLDERS = ("inbox", "results")


def init(folder: Path) -> None:
    """Make a folder with ``inbox``, ``results`` and a settings file.

    Parameters
    ----------
    folder : Path
        Made if it is missing.

    Raises
    ------
    ConfigError
        One of the three is there, and nothing was changed; or one cannot be made.
    """
    there = [n for n in (*_FOLDERS, SETTINGS_FILE) if os.path.lexists(folder / n)]
    if there:
        raise ConfigError(
            f"{folder.name or folder}: expected a new folder, got one with {', '.join(there)}"
        )
    try:
        for name in _FOLDERS:
            (folder / name).mkdir(parents=True)
        replace_file(folder / SETTINGS_FILE, settings_text().encode())
    except OSError as error:
        raise ConfigError(f"{folder.name or folder}: {error.strerror}") from None


def settings_text() -> str:
    """Every setting with its meaning and default, commented out, as TOML.

    Notes
    -----
    Made from the class and its docstring, so that it cannot lag behind them.
    """
    lines = [
        "# Settings of edge-score. Each is at its default; remove a leading # to change it.",
        "# Options of the command line and variables EDGE_SCORE_<KEY> count more.",
    ]
    meanings = dict(_meanings(inspect.getdoc(Settings) or ""))
    defaults = Settings()
    for name in Settings.__struct_fields__:
        kind, text = meanings.get(name, ("", ""))
        default = getattr(defaults, name)
        lines += ["", f"# {one_line(text)}"] if text else [""]
        lines += [f"# Expected: {kind}; not set."] if default is None else [f"# Expected: {kind}."]
        lines.append(f"#{name} =" + ("" if default is None else f" {json.dumps(default)}"))
    return "\n".join(lines) + "\n"


def next_steps(folder: Path) -> list[str]:
    """Say what to do with a station that was made.

    Returns
    -------
    list of str
        Lines.
    """
    config = folder / SETTINGS_FILE
    return [
        f"{folder}: inbox, results and {SETTINGS_FILE} are made. Next:",
        f"  edge-score doctor {folder / 'inbox'} --out {folder / 'results'} --config {config}",
        f"  edge-score stream {folder / 'inbox'} --out {folder / 'results'} --config {config}",
        "and for a station that runs by itself, one of",
        f"  edge-score service systemd --config {config}",
        f"  edge-score service cron --config {config}",
        "Copy files into the inbox under a name that ends in .part, then rename them.",
    ]


def _meanings(docstring: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield name, type and description of each attribute of a numpydoc docstring."""
    _, _, section = docstring.partition("Attributes\n----------\n")
    for entry in re.finditer(r"^(\S.*?) : (.*)\n((?:[ \t]+.*\n?|\n(?=[ \t]))*)", section, re.M):
        names, kind, text = entry.groups()
        plain = text.replace("``", "").replace("`", "").replace("where None", "where not set")
        choices = kind.removesuffix(" or None").strip("{}").replace(", ", " or ")
        for name in names.split(", "):
            yield name, (choices, " ".join(plain.split()))
