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
from dataclasses import dataclass
from typing import Any, Protocol

from edge.errors import ConfigError


class Trial(Protocol):
    """What is used of `optuna.Trial`."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1) -> int:
        """Give a whole number within both ends."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Give a number within both ends."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Give one of some."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high`, in steps."""

    low: int
    high: int
    step: int = 1

    def ask(self, name: str, trial: Trial) -> int:
        """Ask a trial for one."""
        return trial.suggest_int(name, self.low, self.high, step=self.step)


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `low` to `high`, evenly or evenly in its logarithm."""

    low: float
    high: float
    log: bool = False

    def ask(self, name: str, trial: Trial) -> float:
        """Ask a trial for one."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def ask(self, name: str, trial: Trial) -> Any:
        """Ask a trial for one."""
        return trial.suggest_categorical(name, self.values)


Range = Whole | Number | Choice

_UNITS = Whole(64, 512, 64)
_DROPOUT = Number(0.0, 0.5)
_RATE = Number(1e-4, 3e-3, log=True)
_DENSE: dict[str, Range] = {"dense": _UNITS, "dense_layers": Whole(1, 3)}
_CONVOLUTIONS: dict[str, Range] = {
    "convolutions": Whole(2, 4),
    "kernel": Whole(2, 3),
    "filters": Choice((32, 64, 128)),
}
_LSTM: dict[str, Range] = {"lstm": _UNITS, "lstm_layers": Whole(1, 5)}
_LIGHTGBM: dict[str, Range] = {
    "rate": Number(0.01, 0.2, log=True),
    "leaves": Whole(4, 64),
    "min_samples_leaf": Whole(5, 100),
    "columns": Number(0.1, 1.0),
    "rows": Number(0.5, 1.0),
    "l2": Number(1e-3, 100.0, log=True),
}

#: For each kind the ranges of its parameters; kinds without any are not searched.
SPACES: dict[str, dict[str, Range]] = {
    "seqnetquake": {**_CONVOLUTIONS, **_LSTM, **_DENSE, "dropout": _DROPOUT, "rate": _RATE},
    "cnn": {**_CONVOLUTIONS, **_DENSE, "dropout": _DROPOUT, "rate": _RATE},
    "lstm": {
        "lstm": _UNITS,
        "lstm_layers": Whole(1, 3),
        **_DENSE,
        "dropout": _DROPOUT,
        "rate": _RATE,
    },
    "dnn": {
        "dense": _UNITS,
        "dense_layers": Whole(1, 5),
        "dropout": _DROPOUT,
        "rate": _RATE,
    },
    "random_forest": {
        "max_depth": Choice((0, 4, 8, 16)),
        "min_samples_leaf": Whole(1, 50),
        "max_features": Number(0.02, 0.5, log=True),
    },
    "svm": {"c": Number(1e-2, 1e2, log=True), "gamma": Number(1e-2, 1e1, log=True)},
    "lightgbm": _LIGHTGBM,
    "logistic": {"c": Number(1e-5, 1e1, log=True)},
    "catalogue": {},
    "place": {},
    "mask": {},
    "constant": {},
}


def suggest(kind: str, trial: Trial) -> dict[str, Any]:
    """Ask a trial for the parameters of a classifier.

    Parameters
    ----------
    kind : str
        One of `SPACES`.
    trial : Trial
        Of Optuna, or anything that suggests alike.

    Returns
    -------
    dict
        For `trainer.models.registry.make_classifier`; what is not searched keeps its default.

    Raises
    ------
    ConfigError
        The kind is unknown.
    """
    if kind not in SPACES:
        raise ConfigError(f"there is no search space of {kind!r}; known are {', '.join(SPACES)}")
    return {name: range_.ask(name, trial) for name, range_ in SPACES[kind].items()}
