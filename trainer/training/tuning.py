"""Search of parameters by tree-structured Parzen estimators, on validation windows alone.

The objective is the area under the precision-recall curve of the matched validation windows: the
positives are what is sought, and it compares networks with classifiers whose probabilities mean
something else. Within a trial a network keeps the epoch of the least validation loss. The best of
many trials flatters itself; what it is worth says the test block, which no part of this sees.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.outputs import replace_files
from trainer.common.errors import TrainError
from trainer.models.classifier import Tell
from trainer.models.window_set import WindowSet
from trainer.training.fitting import (
    csv_table,
    fit_classifier,
    history_of,
    make_model,
    validation_scores,
)
from trainer.training.loading import load_windows
from trainer.training.run_recipe import RunRecipe, TuneRecipe, recipe_text

if TYPE_CHECKING:
    import optuna

STUDY_FILE = "study.sqlite"
BEST_FILE, TRIALS_FILE = "best.toml", "trials.csv"
_STUDY_NAME = "search"
_COLUMNS = ("trial", "state", "validation_pr_auc", "epochs")
_BLOCKS = ("train", "validation")


class SelectionWindows:
    """The training and validation windows of a dataset, and no way to any other.

    It holds windows and no path: who is given it cannot open the test block.
    """

    def __init__(self, train: WindowSet, validation: WindowSet) -> None:
        self.train = train
        self.validation = validation

    @classmethod
    def of(cls, dataset: Path) -> SelectionWindows:
        """Load them from a dataset that `edge-train prepare` wrote."""
        return cls(*(load_windows(dataset, split) for split in _BLOCKS))

    def open(self, split: str) -> WindowSet:
        """Give the windows of a block.

        Raises
        ------
        TrainError
            It is neither the training nor the validation block.
        """
        if split not in _BLOCKS:
            raise TrainError(f"a search cannot open the block {split!r}; valid are the others")
        found: WindowSet = getattr(self, split)
        return found


#: Gives the value of a trial; reports to it after each epoch, and raises optuna.TrialPruned.
Objective = Callable[["optuna.Trial", SelectionWindows, TuneRecipe], float]


@dataclass(frozen=True, slots=True)
class Search:
    """What a search has come to.

    Attributes
    ----------
    trials : int
        Finished, given up ones among them.
    pruned : int
    best : RunRecipe or None
        None: no trial is complete.
    value : float or None
        PR AUC of the best on validation.
    """

    trials: int
    pruned: int
    best: RunRecipe | None
    value: float | None


def fit_trial(trial: optuna.Trial, windows: SelectionWindows, recipe: TuneRecipe) -> float:
    """Train with the parameters that a trial suggests, and value it on validation.

    Returns
    -------
    float
        PR AUC of the validation windows.

    Raises
    ------
    optuna.TrialPruned
        It is below the median of earlier trials at the same epoch.
    """
    import optuna

    from trainer.models.search_spaces import suggest

    parameters = recipe.parameters | suggest(recipe.kind, trial, recipe.searched)
    # For the recipe of the best: Optuna itself keeps what it drew, under names of its own.
    trial.set_user_attr("parameters", make_model(recipe.kind, parameters, recipe.seed).parameters())

    def report(epoch: dict[str, Any]) -> None:
        trial.set_user_attr("epochs", int(epoch["epoch"]))
        trial.report(float(epoch["validation_pr_auc"]), int(epoch["epoch"]))
        if trial.should_prune():
            raise optuna.TrialPruned

    train, validation = windows.open("train"), windows.open("validation")
    model = fit_classifier(recipe.kind, parameters, recipe.seed, train, validation, on_epoch=report)
    trial.set_user_attr("epochs", len(history_of(model)))
    return validation_scores(model, validation).pr_auc


def search(
    folder: Path,
    windows: SelectionWindows,
    recipe: TuneRecipe,
    tell: Tell,
    timeout: float | None = None,
    objective: Objective = fit_trial,
) -> Search:
    """Run the trials that are still missing.

    Parameters
    ----------
    folder : Path
        With the study; held by the caller.
    windows : SelectionWindows
    recipe : TuneRecipe
        Its number of trials is the total of all calls.
    tell : callable
        Takes a line after each trial.
    timeout : float, optional
        Seconds after which no further trial begins.
    objective : callable, optional

    Returns
    -------
    Search
        Also written as ``best.toml`` and ``trials.csv`` after each trial.

    Raises
    ------
    TrainError
        The study is damaged.

    Notes
    -----
    The sampler is seeded anew for each trial by the number of those before it. So a trial that
    was killed is marked failed and repeated with the same parameters, and the whole search is
    the same as if it had not been interrupted.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with _open_study(folder, recipe) as study:
        return _search(folder, study, windows, recipe, tell, timeout, objective)


def _search(
    folder: Path,
    study: optuna.Study,
    windows: SelectionWindows,
    recipe: TuneRecipe,
    tell: Tell,
    timeout: float | None,
    objective: Objective,
) -> Search:
    import optuna

    states = optuna.trial.TrialState
    for left_over in study.get_trials(deepcopy=False, states=(states.RUNNING, states.WAITING)):
        study.tell(left_over.number, state=states.FAIL)
        tell(f"trial {left_over.number} was interrupted: it is repeated")
    begun = time.monotonic()
    while (done := len(_finished(study))) < recipe.trials:
        if timeout is not None and time.monotonic() - begun >= timeout:
            tell(f"time is up after {done} of {recipe.trials} trials")
            break
        study.sampler = optuna.samplers.TPESampler(
            seed=(recipe.seed * 100_003 + done) % 2**32, n_startup_trials=recipe.random_trials
        )
        trial = study.ask()
        try:
            value = objective(trial, windows, recipe)
        except optuna.TrialPruned:
            study.tell(trial, state=states.PRUNED)
            told = "given up"
        except Exception:
            study.tell(trial, state=states.FAIL)
            raise
        else:
            study.tell(trial, value)
            told = f"validation PR AUC {value:.4f}"
        best = _write(folder, study, recipe)
        tell(
            f"trial {done + 1} of {recipe.trials}: {told}"
            + ("" if best.value is None else f"; best {best.value:.4f}")
        )
    return _write(folder, study, recipe)


@contextmanager
def _open_study(folder: Path, recipe: TuneRecipe) -> Iterator[optuna.Study]:
    import optuna
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    pruner = optuna.pruners.MedianPruner(
        n_startup_trials=recipe.pruning.startup_trials,
        n_warmup_steps=recipe.pruning.warmup_epochs,
    )
    path = folder / STUDY_FILE
    try:
        # Without a pool no connection outlives a storage that could not be built.
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{path.resolve()}", engine_kwargs={"poolclass": NullPool}
        )
        study = optuna.create_study(
            storage=storage,
            study_name=_STUDY_NAME,
            load_if_exists=True,
            direction="maximize",
            pruner=pruner,
        )
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        raise TrainError(f"{folder.name}: {STUDY_FILE}: {reason}") from None
    try:
        yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    import optuna

    states = optuna.trial.TrialState
    return study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))


def _write(folder: Path, study: optuna.Study, recipe: TuneRecipe) -> Search:
    import optuna

    finished = _finished(study)
    complete = [t for t in finished if t.state == optuna.trial.TrialState.COMPLETE]
    contents = {folder / TRIALS_FILE: csv_table(_rows(study.get_trials(deepcopy=False)), _COLUMNS)}
    chosen, value = None, None
    if complete:
        # Of equals the first.
        best = max(complete, key=lambda t: (float(t.value or 0.0), -t.number))
        value = float(best.value or 0.0)
        found = best.user_attrs.get("parameters", recipe.parameters | best.params)
        chosen = RunRecipe(f"tuned-{recipe.kind}", recipe.kind, recipe.seed, dict(found))
        contents[folder / BEST_FILE] = recipe_text(chosen).encode()
    replace_files(contents)
    return Search(len(finished), len(finished) - len(complete), chosen, value)


def _rows(trials: Iterable[optuna.trial.FrozenTrial]) -> list[dict[str, Any]]:
    return [
        {
            "trial": t.number,
            "state": t.state.name.lower(),
            "validation_pr_auc": t.value,
            "epochs": t.user_attrs.get("epochs"),
            **{f"parameter.{k}": v for k, v in t.params.items()},
        }
        for t in trials
    ]
