"""Commands as a person gives them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def edge_score(
    *arguments: object, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``edge-score`` in a process of its own, with no settings but the given ones."""
    return subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-m", "edge.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={k: v for k, v in os.environ.items() if not k.startswith("EDGE_SCORE_")} | environment,
    )


def edge_train(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *commands: Callable
) -> Callable[..., tuple[int, str, str]]:
    """Give what calls some commands of ``edge-train`` in this process: code, output, complaints."""
    import typer

    from edge.entry import run

    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    for command in commands:
        app.command()(command)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edge-train", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            run(app, "edge-train")
        return int(stop.value.code or 0), *capfd.readouterr()

    return call
