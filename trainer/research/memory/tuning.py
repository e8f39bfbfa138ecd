"""Search of parameters on development clusters, the same budget for every classifier.

The clusters are of the training block, simulated anew for this alone: of no learning curve, no
network and no test. What comes out is for a person to put into a recipe.
"""

from __future__ import annotations

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
    fixed = {name: value for name, value in parameters.items() if name not in searched}
    about = (kind, rule, searched, held, fixed)
    missions = (study.recipe.main,)

    def windows() -> SelectionWindows:
        view = study.view(study.recipe.main, study.recipe.form)
        matrices = view.whitening(shrinkage)
        return SelectionWindows(
            *(
                view.window_set(study.main.windows(block, clusters), rule.strength, matrices)
                for block, clusters in (("development", rule.clusters), ("validation", held))
            )
        )

    def work() -> dict[str, Any]:
        plan = TuneRecipe(
            name=f"tune-{kind}",
            kind=recipe.kind,
            seed=_SEED,
            trials=rule.trials,
            random_trials=rule.random_trials,
            pruning=_PRUNING,
            parameters=fixed,
            searched=searched,
        )
        # Gone on with where it was interrupted, and never with another one's trials.
        folder = study.folder / "tuning" / f"{kind}-{study.fingerprint(about, missions)[:12]}"
        folder.mkdir(parents=True, exist_ok=True)
        found = search(folder, windows(), plan, study.tell)
        best = {} if found.best is None else found.best.parameters
        return {
            "best": found.value,
            "found": {name: best[name] for name in searched if name in best},
        }

    def ship() -> dict[str, Any]:
        held_apart = windows()
        train, validation = held_apart.open("train"), held_apart.open("validation")
        model = fit_classifier(recipe.kind, parameters, _SEED, train, validation)
        return {"shipped": validation_scores(model, validation).pr_auc}

    found = study.unit(f"tuning-{kind}", about, work, missions)
    words = (*about, parameters)
    shipped = study.unit(f"tuning-{kind}-shipped", words, ship, missions)
    return Tuned(kind=kind, shipped=shipped["shipped"], best=found["best"], found=found["found"])


def run_tuning(study: Study) -> list[Tuned]:
    """Search what is not done yet, and give what was found."""
    return [tune(study, kind) for kind in study.recipe.tuning.kinds]
