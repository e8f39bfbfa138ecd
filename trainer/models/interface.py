"""What every classifier does: SeqNetQuake, the benchmarks and the baselines alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from edge.arrays import FloatArray
from trainer.models.window_set import WindowSet

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
