"""The command ``edge-train``."""

from __future__ import annotations

from importlib.util import find_spec

import typer

from edge.entry import Commands, run, version
from trainer.archives.commands import rescore
from trainer.datasets.commands import check, describe, prepare, recipes
from trainer.evaluation.commands import compare_bundles, evaluate
from trainer.export.commands import export
from trainer.inputs.commands import catalogue
from trainer.simulate.commands import inject, simulate
from trainer.training.commands import finetune, pretrain, train, tune

_NAME = "edge-train"

app = typer.Typer(
    name=_NAME,
    cls=Commands,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Simulate missions, train a network, export it for the edge. Research only.",
)
for command in (
    simulate,
    inject,
    catalogue,
    prepare,
    describe,
    check,
    recipes,
    rescore,
    pretrain,
    finetune,
    train,
    tune,
    evaluate,
    export,
    compare_bundles,
):
    app.command()(command)
if find_spec("trainer.research") is not None:
    # A checkout has it, the wheel does not.
    from trainer.research.commands import reference, reproduce, strengths

    for study in (strengths, reference, reproduce):
        app.command()(study)

app.callback()(version)


def main() -> None:
    """Run ``edge-train``."""
    run(app, _NAME, missing_is_ours=False)


if __name__ == "__main__":
    main()
