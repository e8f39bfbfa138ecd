"""Search of parameters on development clusters, the same budget for every classifier.

The clusters are of the training block, simulated anew for this alone: of no learning curve, no
network and no test. What comes out is for a person to put into a recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainer.models.search_spaces import search_space
from trainer.research.memory.curves import unwhitened
from trainer.research.memory.study import Study
from trainer.research.paper.work import recipe_of
from trainer.training.fitting import fit_classifier, validation_scores
from trainer.training.run_recipe import Pruning, TuneRecipe
from trainer.training.tuning import SelectionWindows, search

#: Trials before any other is given up, and epochs before a trial is.
_PRUNING = Pruning(startup_trials=4, warmup_epochs=5)
_SEED = 1


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What a search found.

    Parameters
    ----------
    kind : str
    shipped, best : float
        Area under the precision-recall curve of the validation windows, by the recipe that ships
        and by the best trial, which flatters itself.
    found : dict
        Parameters of the best trial, of those that were searched.
    """

    kind: str
    shipped: float
    best: float
    found: dict[str, Any]


def tune(study: Study, kind: str) -> Tuned:
    """Search the parameters of a classifier where it is not done yet."""
    rule = study.recipe.tuning
    recipe = recipe_of(kind)
    parameters, shrinkage = unwhitened(recipe.parameters)
    held = study.recipe.validation(rule.clusters)
    searched = [name for name in search_space(recipe.kind) if name not in rule.left]

    def work() -> dict[str, Any]:
        view = study.view(study.recipe.main, study.recipe.form)
        matrices = view.whitening(shrinkage)
        windows = SelectionWindows(
            *(
                view.window_set(study.main.windows(block, clusters), rule.strength, matrices)
                for block, clusters in (("development", rule.clusters), ("validation", held))
            )
        )
        plan = TuneRecipe(
            name=f"tune-{kind}",
            kind=recipe.kind,
            seed=_SEED,
            trials=rule.trials,
            random_trials=rule.random_trials,
            pruning=_PRUNING,
            parameters=parameters,
            searched=searched,
        )
        folder = study.folder / "tuning" / kind
        folder.mkdir(parents=True, exist_ok=True)
        tell: Callable[[str], None] = study.tell
        found = search(folder, windows, plan, tell)
        train, validation = windows.open("train"), windows.open("validation")
        model = fit_classifier(recipe.kind, parameters, _SEED, train, validation)
        best = {} if found.best is None else found.best.parameters
        return {
            "shipped": validation_scores(model, validation).pr_auc,
            "best": found.value,
            "found": {name: best[name] for name in searched if name in best},
        }

    about = (kind, rule, searched, held, dict(recipe.parameters))
    result = study.unit(f"tuning-{kind}", about, work, (study.recipe.main,))
    return Tuned(kind=kind, **{key: result[key] for key in ("shipped", "best", "found")})


def run_tuning(study: Study) -> list[Tuned]:
    """Search what is not done yet, and give what was found."""
    return [tune(study, kind) for kind in study.recipe.tuning.kinds]
