"""The command ``edge-train``."""

from __future__ import annotations

from typing import Annotated

import typer

from edge.entry import Commands, run, say
from trainer.archives.rescore_command import rescore
from trainer.catalogues.command import catalogue
from trainer.datasets.check_command import check
from trainer.datasets.describe_command import describe
from trainer.datasets.prepare_command import prepare
from trainer.evaluation.evaluate_command import evaluate
from trainer.export.commands import export
from trainer.learning.train_commands import finetune, pretrain, train
from trainer.learning.tune_command import tune
from trainer.reproduction.command import reproduce
from trainer.simulate.command import simulate
from trainer.simulate.inject_command import inject
from trainer.simulate.reference_command import reference
from trainer.simulate.strengths_command import strengths

_NAME = "edge-train"

app = typer.Typer(
    cls=Commands,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Simulate missions, train a network, export it for the edge. Research only.",
)
for command in (
    simulate,
    inject,
    strengths,
    reference,
    catalogue,
    prepare,
    describe,
    check,
    rescore,
    pretrain,
    finetune,
    train,
    tune,
    evaluate,
    export,
    reproduce,
):
    app.command()(command)


def _show_version(asked: bool) -> None:
    if asked:
        from edge.versions import version_line

        say([version_line(_NAME)])
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Take what stands before the command."""


def main() -> None:
    """Run ``edge-train``."""
    run(app, _NAME)


if __name__ == "__main__":
    main()
