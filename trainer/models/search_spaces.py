"""What a search may vary, for each classifier: pure data, and how a trial is asked for it.

Notes
-----
SeqNetQuake's ranges are those of the authors' public experiment code for Xiong et al. 2021 (Front.
Environ. Sci. 9:779255): 2 to 4 convolutions of kernel 2 or 3, 1 to 5 bidirectional LSTM layers of
64 to 512 units, dense layers of 64 to 512 units, over 100 trials of tree-structured Parzen
estimators. Which point won is not known, nor are the ranges of filters, dropout, rate and of the
number of dense layers: those are ours. The benchmarks' ranges are ours too, as wide for the
networks as SeqNetQuake's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from edge.errors import ConfigError
from trainer.models.registry import KINDS

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


#: Masking of training windows by name; see `trainer.models.augmentation.Dropping`.
DROPPING: dict[str, dict[str, float]] = {
    "none": {"observable": 0.0, "payload": 0.0, "window": 0.0},
    "some": {"observable": 0.05, "payload": 0.15, "window": 0.01},
    "much": {"observable": 0.1, "payload": 0.3, "window": 0.02},
}


class Trial(Protocol):
    """What is used of `optuna.Trial`."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1) -> int:
        """Give a whole number within both ends."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Give a number within both ends."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Give one of some."""


@cache
def search_space(kind: str) -> dict[str, BaseDistribution]:
    """Give the ranges of a classifier's parameters; some have none, and are not searched.

    Raises
    ------
    ConfigError
        The kind is unknown.
    """
    # Optuna takes its time to import, and a recipe may ask for no search.
    from optuna.distributions import CategoricalDistribution as Choice
    from optuna.distributions import FloatDistribution as Number
    from optuna.distributions import IntDistribution as Whole

    if kind not in KINDS:
        raise ConfigError(f"there is no search space of {kind!r}; known are {', '.join(KINDS)}")
    units = Whole(64, 512, step=64)
    common = {
        "dropout": Number(0.0, 0.5),
        "rate": Number(1e-4, 3e-3, log=True),
        "noise": Number(0.0, 1.0),
        "dropping": Choice(tuple(DROPPING)),
    }
    dense = {"dense": units, "dense_layers": Whole(1, 3)}
    convolutions = {
        "convolutions": Whole(2, 4),
        "kernel": Whole(2, 3),
        "filters": Choice((32, 64, 128)),
    }
    spaces: dict[str, dict[str, BaseDistribution]] = {
        "seqnetquake": {
            **convolutions,
            "lstm": units,
            "lstm_layers": Whole(1, 5),
            **dense,
            **common,
        },
        "cnn": {**convolutions, **dense, **common},
        "lstm": {"lstm": units, "lstm_layers": Whole(1, 3), **dense, **common},
        "dnn": {"dense": units, "dense_layers": Whole(1, 5), **common},
        "quadratic": {"detectors": Whole(2, 32), **common},
        "random_forest": {
            "max_depth": Choice((0, 4, 8, 16)),
            "min_samples_leaf": Whole(1, 50),
            "max_features": Number(0.02, 0.5, log=True),
        },
        "svm": {"c": Number(1e-2, 1e2, log=True), "gamma": Number(1e-2, 1e1, log=True)},
        "lightgbm": {
            "rate": Number(0.01, 0.2, log=True),
            "leaves": Whole(4, 64),
            "min_samples_leaf": Whole(5, 100),
            "columns": Number(0.1, 1.0),
            "rows": Number(0.5, 1.0),
            "l2": Number(1e-3, 100.0, log=True),
        },
        "logistic": {"c": Number(1e-5, 1e1, log=True)},
    }
    return spaces.get(kind, {})


def suggest(kind: str, trial: Trial, only: Sequence[str] = ()) -> dict[str, Any]:
    """Ask a trial for the parameters of a classifier.

    Parameters
    ----------
    kind : str
    trial : Trial
        Of Optuna, or anything that suggests alike.
    only : sequence of str, optional
        Names of those that are searched; empty: all. What a kind has not is left out.

    Returns
    -------
    dict
        For `trainer.models.registry.make_classifier`; what is not searched keeps its default.

    Raises
    ------
    ConfigError
        The kind is unknown.
    """
    found: dict[str, Any] = {}
    for name, range_ in search_space(kind).items():
        if only and name not in only:
            continue
        limits: dict[str, Any] = dict(range_._asdict())
        if "choices" in limits:
            chosen = trial.suggest_categorical(name, limits["choices"])
            found[name] = DROPPING[chosen] if name == "dropping" else chosen
        elif isinstance(limits["low"], int):
            found[name] = trial.suggest_int(
                name, limits["low"], limits["high"], step=limits["step"]
            )
        else:
            found[name] = trial.suggest_float(
                name, limits["low"], limits["high"], log=limits["log"]
            )
    return found
