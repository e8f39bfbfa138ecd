"""The commands ``edge-train pretrain``, ``finetune``, ``train`` and ``tune``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.entry import say

if TYPE_CHECKING:
    from trainer.training.fitting import OnEpoch
    from trainer.training.run_folder import Stage
    from trainer.training.run_recipe import RunRecipe

_Dataset = Annotated[
    Path,
    typer.Argument(readable=False, help="Folder that edge-train prepare wrote.", metavar="DATASET"),
]
_Recipe = Annotated[
    Path,
    typer.Option("--recipe", readable=False, help="TOML, or the name of one that ships."),
]
_Out = Annotated[Path, typer.Option("--out", readable=False, help="Folder of the run.")]
_Seed = Annotated[int | None, typer.Option("--seed", help="In place of the recipe's.")]
_Fraction = Annotated[
    float | None,
    typer.Option("--fraction", help="Part of the earthquake clusters, above 0 and at most 1."),
]


def pretrain(
    dataset: _Dataset, recipe: _Recipe, out: _Out, seed: _Seed = None, fraction: _Fraction = None
) -> None:
    """Train a network on the mission that has more data, to be tuned on another one.

    Given again it finds the run up to date, or goes on where it was interrupted. The test block
    is not opened.
    """
    _run("pretrain", dataset, recipe, out, seed, fraction)


def finetune(
    dataset: _Dataset,
    start: Annotated[Path, typer.Option("--from", readable=False, help="Run of a pretraining.")],
    recipe: _Recipe,
    out: _Out,
    transfer: Annotated[
        str | None, typer.Option("--transfer", help="frozen, gradual or full; the recipe's.")
    ] = None,
    seed: _Seed = None,
    fraction: _Fraction = None,
) -> None:
    """Tune a pretrained network on another mission.

    frozen keeps all but the last layers, gradual frees layer after layer, full trains all of them
    at a lower rate.
    """
    _run("finetune", dataset, recipe, out, seed, fraction, start, transfer)


def train(
    dataset: _Dataset, recipe: _Recipe, out: _Out, seed: _Seed = None, fraction: _Fraction = None
) -> None:
    """Train a classifier of any kind on one mission alone."""
    _run("train", dataset, recipe, out, seed, fraction)


def _run(
    stage: Stage,
    dataset: Path,
    recipe: Path,
    out: Path,
    seed: int | None,
    fraction: float | None,
    start: Path | None = None,
    transfer: str | None = None,
) -> None:
    # TensorFlow takes seconds to import: neither a help text nor a wrong recipe waits for it.
    from trainer.training.run_recipe import read_run_recipe, with_options, with_transfer

    used = with_options(read_run_recipe(recipe), fraction=fraction, seed=seed)
    used = with_transfer(used, transfer)

    from trainer.training.run_plan import Request
    from trainer.training.running import run_training

    with _bar(used) as on_epoch:
        run_training(Request(stage, dataset, used, out, start), lambda line: say([line]), on_epoch)


@contextmanager
def _bar(recipe: RunRecipe) -> Iterator[OnEpoch | None]:
    """Show epochs as a bar on a terminal; elsewhere they are told line by line."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    from trainer.training.fitting import make_model

    bar: Any = None

    def show(epoch: dict[str, Any]) -> None:
        nonlocal bar
        if bar is None:
            whole = make_model(recipe.kind, recipe.parameters, recipe.seed).parameters()
            bar = tqdm(total=whole.get("epochs"), desc=recipe.name, unit=" epochs", leave=False)
        bar.n = int(epoch["epoch"])
        bar.set_postfix(
            loss=f"{epoch['loss']:.4f}", validation_pr=f"{epoch['validation_pr_auc']:.4f}"
        )

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()


def tune(
    dataset: _Dataset,
    out: Annotated[Path, typer.Option("--out", readable=False, help="Folder of the study.")],
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="Another kind than the recipe's, without its [parameters]."),
    ] = None,
    recipe: _Recipe = Path("tune-seqnetquake.toml"),
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

    from trainer.training.run_recipe import read_tune_recipe, with_options

    parameters = with_options(read_tune_recipe(recipe), trials=trials)
    if kind is not None:
        # Fixed parameters are those of the recipe's kind.
        fixed = parameters.parameters if kind == parameters.kind else {}
        parameters = msgspec.structs.replace(parameters, kind=kind, parameters=fixed)

    from trainer.training.study_folder import run_tuning
    from trainer.training.tuning import BEST_FILE

    found = run_tuning(dataset, parameters, out, lambda line: say([line]), timeout)
    line = f"{out.name}: {found.trials} trials, {found.pruned} of them given up"
    if found.value is None:
        say([f"{line}; none is complete, so there is no {BEST_FILE} yet"])
    else:
        say([f"{line}; the best has a validation PR AUC of {found.value:.4f}: {BEST_FILE}"])
