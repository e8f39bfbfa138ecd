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


@pytest.mark.parametrize("module", PROGRAMS)
def test_every_help_text_shows(module: str) -> None:
    app = importlib.import_module(module).app
    group = typer.main.get_command(app)
    functions = [command.callback for command in app.registered_commands]
    assert len(functions) == len(group.commands) > 1
    pages = {
        command.callback.__wrapped__: CliRunner().invoke(app, [name, "--help"]).output
        for name, command in group.commands.items()
    }
    pages[app.registered_callback.callback] = CliRunner().invoke(app, ["--help"]).output
    for function in (*functions, app.registered_callback.callback):
        page = squeezed(pages[function])
        for name, text in written(function):
            assert text, f"{function.__name__}: {name} has no help"
            assert squeezed(text) in page, f"{function.__name__}: {name}"


@pytest.mark.parametrize("module", PROGRAMS)
def test_version_is_told_and_ends(module: str) -> None:
    result = CliRunner().invoke(importlib.import_module(module).app, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith(f"{'edge-score' if module == 'edge.cli' else 'edge-train'} 0.")
