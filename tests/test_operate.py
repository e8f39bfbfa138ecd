"""What docs/operate.md tells an operator to type and to look for is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from edge.cli import app
from edge.config import Settings

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")


def command_lines() -> list[list[str]]:
    lines = [line.strip() for line in TEXT.splitlines() if line.startswith("    ")]
    found = [re.split(r"[|>#]", line)[0].split() for line in lines]
    found += [inline.split() for inline in re.findall(r"`(edge-score [^`]+)`", TEXT)]
    return [words[1:] for words in found if words[:1] == ["edge-score"]]


def test_commands_and_options_exist() -> None:
    lines = command_lines()
    assert len(lines) > 15
    for words in lines:
        command = typer.main.get_command(app)
        while hasattr(command, "commands"):
            # "ledger check|repair" names two.
            name = words.pop(0).partition("|")[0]
            assert name in command.commands, name
            command = command.commands[name]
        options = {option for p in command.params for option in p.opts}
        for word in words:
            if word.startswith("--"):
                assert word in options, (words, word)


def test_settings_exist() -> None:
    named = set(re.findall(r"(?:^ {4}|`)(\w+) = ", TEXT, re.M))
    assert named
    assert named <= set(Settings.__struct_fields__)


@pytest.mark.parametrize("row", re.findall(r"^\| (`.+?) \| .+ \| .+ \|$", TEXT, re.M))
def test_lines_are_those_of_the_code(row: str) -> None:
    # Where a sentence is put together, its pieces stand in the code on lines of their own.
    code = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "edge").rglob("*.py"))
    code = re.sub(r'"\s*\n\s*f?"', "", code)
    for told in re.findall(r"`([^`]+)`", row):
        if told.startswith("(") or told == "No space left on device":
            continue  # Of the system.
        assert told in code, told
