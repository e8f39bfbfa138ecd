"""Every help text that was written shows."""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner

PROGRAMS = ("edge.cli", "trainer.cli")


def written(function: object) -> Iterator[tuple[str, str]]:
    """Yield each parameter of a command and its help, as the code has them."""
    hints = typing.get_type_hints(function, include_extras=True)
    for name in inspect.signature(function).parameters:
        yield name, next(part.help for part in hints[name].__metadata__ if hasattr(part, "help"))


def squeezed(text: str) -> str:
    """Leave out what wrapping puts in."""
    return "".join(text.split())


def commands(app: typer.Typer, *before: str) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield the words that call each command, groups of commands too, and its function."""
    for command in app.registered_commands:
        yield (*before, command.name or command.callback.__name__.replace("_", "-")), command
    for group in app.registered_groups:
        yield from commands(group.typer_instance, *before, group.name)


@pytest.mark.parametrize("module", PROGRAMS)
def test_every_help_text_shows(module: str) -> None:
    app = importlib.import_module(module).app
    found = {words: command.callback for words, command in commands(app)}
    assert len(found) > 1
    for words, function in {**found, (): app.registered_callback.callback}.items():
        done = CliRunner().invoke(app, [*words, "--help"])
        assert done.exit_code == 0, words
        page = squeezed(done.output)
        for name, text in written(function):
            assert text, f"{words}: {name} has no help"
            assert squeezed(text) in page, f"{words}: {name}"


@pytest.mark.parametrize("module", PROGRAMS)
def test_version_is_told_and_ends(module: str) -> None:
    result = CliRunner().invoke(importlib.import_module(module).app, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith(f"{'edge-score' if module == 'edge.cli' else 'edge-train'} 0.")
