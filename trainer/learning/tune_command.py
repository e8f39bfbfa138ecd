"""The command ``edge-train tune``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.entry import say


def tune(
    dataset: Annotated[
        Path,
        typer.Argument(
            readable=False, help="Folder that edge-train prepare wrote.", metavar="DATASET"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", readable=False, help="Folder of the study.")],
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="Another kind than the recipe's, without its [parameters]."),
    ] = None,
    recipe: Annotated[
        Path,
        typer.Option("--recipe", readable=False, help="TOML, or the name of one that ships."),
    ] = Path("tune-seqnetquake.toml"),
    trials: Annotated[
        int | None, typer.Option("--trials", help="In all, earlier calls counted; the recipe's.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.0, help="Seconds till the last trial begins.")
    ] = None,
) -> None:
    """Search the parameters of a classifier by their score on the validation block.

    Given again it goes on up to the number of trials. The test block is not opened. The best is
    in best.toml, a recipe for edge-train train.
    """
    # TensorFlow and Optuna take seconds to import: a wrong recipe does not wait for them.
    import msgspec

    from trainer.learning.run_recipe import read_tune_recipe, with_trials

    parameters = with_trials(read_tune_recipe(recipe), trials)
    if kind is not None:
        # Fixed parameters are those of the recipe's kind.
        fixed = parameters.parameters if kind == parameters.kind else {}
        parameters = msgspec.structs.replace(parameters, kind=kind, parameters=fixed)

    from trainer.learning.study_folder import run_tuning
    from trainer.learning.tuning import BEST_FILE

    found = run_tuning(dataset, parameters, out, lambda line: say([line]), timeout)
    line = f"{out.name}: {found.trials} trials, {found.pruned} of them given up"
    if found.value is None:
        say([f"{line}; none is complete, so there is no {BEST_FILE} yet"])
    else:
        say([f"{line}; the best has a validation PR AUC of {found.value:.4f}: {BEST_FILE}"])
