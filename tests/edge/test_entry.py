"""Errors that nobody expected are one line and an exit code, too."""

from __future__ import annotations

import sys

import pytest
import typer

from edge.entry import run


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ModuleNotFoundError("No module named 'msgspec'", name="msgspec"),
            "edge-score: the installation is broken: msgspec cannot be imported (No module named "
            "'msgspec'); install seqnetquake-edge and what it needs again (make run in a checkout)",
        ),
        (
            ImportError("libhdf5.so.310:\nwrong ELF class"),
            "edge-score: the installation is broken: a module cannot be imported "
            "(libhdf5.so.310: wrong ELF class); install seqnetquake-edge and what it needs again "
            "(make run in a checkout)",
        ),
        (MemoryError(), "edge-score: not enough memory; end other programs, or give this one more"),
    ],
)
def test_a_broken_installation_and_short_memory_are_one_line(
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["edge-score"])
    with pytest.raises(SystemExit) as stop:
        run(app, "edge-score")
    assert stop.value.code == 2
    assert capfd.readouterr().err == said + "\n"
