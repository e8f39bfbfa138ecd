"""What every classifier does: SeqNetQuake, the benchmarks and the baselines alike."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, TypeVar

import msgspec
import numpy as np

from edge.arrays import FloatArray
from edge.errors import ConfigError, one_line
from trainer.common.errors import TrainError
from trainer.models.window_set import WindowSet

#: How pretrained weights go on learning.
TransferMode = Literal["frozen", "gradual", "full"]

#: Takes a line of progress.
Tell = Callable[[str], None]


def silent(line: str) -> None:
    """Tell no one."""


class Predictor(Protocol):
    """What scores windows, wherever it comes from."""

    @property
    def kind(self) -> str:
        """Name in `trainer.models.registry`."""

    def predict_proba(self, windows: WindowSet) -> FloatArray:
        """Probability that each window is positive in a balanced mix, shape (n,)."""


class Classifier(ABC):
    """A model that tells positive windows from controls.

    Parameters
    ----------
    parameters : dict
        Those of the model; a missing one has its default, an unknown one is refused.
    seed : int
        The same seed, data and machine give the same model.

    Attributes
    ----------
    kind : str
        Name in `trainer.models.registry`.
    """

    kind: ClassVar[str]

    @abstractmethod
    def __init__(self, parameters: dict[str, Any], seed: int) -> None: ...

    @abstractmethod
    def fit(self, train: WindowSet, validation: WindowSet, tell: Tell = silent) -> None:
        """Fit on training windows; validation serves to stop, and for nothing else.

        Raises
        ------
        TrainError
            A class is missing.
        """

    @abstractmethod
    def predict_proba(self, windows: WindowSet) -> FloatArray:
        """Probability that each window is positive in a balanced mix, shape (n,)."""

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """All parameters with their values, as JSON can hold them."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted model into an existing folder."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""


#: Version of what `save` writes; another one is refused.
FORMAT = 1

#: What a classifier says of itself, beside its weights.
RECORD_FILE = "classifier.json"

_Parameters = TypeVar("_Parameters", bound=msgspec.Struct)


def complete(kind: str, given: dict[str, Any], struct: type[_Parameters]) -> _Parameters:
    """Fill the parameters up with their defaults, and validate them.

    Parameters
    ----------
    kind : str
        Of the classifier, for messages.
    given : dict
        May be nested; what is missing has its default.
    struct : type of Struct
        Every field has a default.

    Raises
    ------
    ConfigError
        A parameter is unknown, or has an impossible value.
    """
    whole = msgspec.to_builtins(struct())
    _merge(kind, whole, given, "")
    try:
        return msgspec.convert(whole, struct)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{kind}: {one_line(str(error))}") from None


def _merge(kind: str, into: dict[str, Any], given: dict[str, Any], within: str) -> None:
    for name, value in given.items():
        if name not in into:
            raise ConfigError(
                f"{kind}: there is no parameter {within}{name}; valid are "
                f"{', '.join(within + n for n in into)}"
            )
        if isinstance(into[name], dict) and isinstance(value, dict):
            _merge(kind, into[name], value, f"{within}{name}.")
        else:
            into[name] = value


def require_classes(train: WindowSet, validation: WindowSet) -> None:
    """Refuse windows of one class.

    Raises
    ------
    TrainError
        The training or the validation windows lack positives or controls, or have other columns.
    """
    for name, windows in (("training", train), ("validation", validation)):
        positive = int(windows.positive.sum())
        if positive in (0, len(windows)):
            raise TrainError(
                f"{len(windows)} {name} windows hold {positive} positives and "
                f"{len(windows) - positive} controls; at least one of each is needed"
            )
    require_inputs(validation, train.observables, train.length)


def require_inputs(windows: WindowSet, observables: tuple[str, ...], length: int) -> None:
    """Refuse windows that are not those which a classifier was made for.

    Raises
    ------
    TrainError
        They have other observables or another length.
    """
    if windows.observables != observables or windows.length != length:
        raise TrainError(
            f"windows of {windows.length} rows of {', '.join(windows.observables)}; valid are "
            f"{length} rows of {', '.join(observables)}"
        )


def balancing_weights(windows: WindowSet) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Weights, shape (n,), of mean 1, with which both classes weigh the same."""
    share = float(windows.positive.mean())
    result: np.ndarray[Any, np.dtype[np.float64]] = np.where(
        windows.positive, 0.5 / share, 0.5 / (1.0 - share)
    )
    return result


def write_record(folder: Path, kind: str, record: dict[str, Any]) -> None:
    """Write what a classifier is into its folder."""
    text = json.dumps({"format": FORMAT, "kind": kind, **record}, indent=2)
    (folder / RECORD_FILE).write_text(text + "\n", encoding="utf-8")


def read_record(folder: Path, kind: str | None = None) -> dict[str, Any]:
    """Read what a classifier is.

    Parameters
    ----------
    folder : Path
    kind : str, optional
        The only one to accept.

    Returns
    -------
    dict
        With ``format``, ``kind``, ``parameters`` and ``seed``.

    Raises
    ------
    TrainError
        There is no classifier, one of another kind, or one of another format.
    """
    path = folder / RECORD_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise TrainError(f"{path}: is not the record of a classifier") from None
    missing = {"format", "kind", "parameters", "seed"} - set(
        record if isinstance(record, dict) else ()
    )
    if missing:
        raise TrainError(f"{path}: lacks {', '.join(sorted(missing))}")
    if record["format"] != FORMAT:
        raise TrainError(f"{path}: format is {record['format']!r}; valid is {FORMAT}")
    if kind is not None and record["kind"] != kind:
        raise TrainError(f"{path}: kind is {record['kind']!r}; valid is {kind!r}")
    return dict(record)
