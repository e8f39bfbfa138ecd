"""Baselines that the field forgets: what can be told without looking at the measurements.

``catalogue`` knows the seismicity of the place before the window, ``place`` where and when it is,
``mask`` which values are missing, ``constant`` nothing. A benchmark that one of them equals has
learnt nothing of the ionosphere.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from edge.arrays import FloatArray
from trainer.datasets.recipe import Section
from trainer.models.classic import RowClassifier
from trainer.models.classifier import Tell, silent
from trainer.models.row_models import (
    Boosted,
    LightGbmParameters,
    RowModel,
    Sklearn,
    fit_logistic,
)
from trainer.models.window_set import WindowSet


class BaselineParameters(Section, frozen=True):
    """``c`` is that of the logistic model, ``trees`` and so on those of LightGBM."""

    model: Literal["lightgbm", "logistic"] = "lightgbm"
    c: float = 1.0
    lightgbm: LightGbmParameters = LightGbmParameters(leaves=7, columns=1.0)


class NoParameters(Section, frozen=True):
    """There are none."""


class Baseline(RowClassifier):
    """A baseline on a few columns.

    Attributes
    ----------
    informed : bool
        False where no column held a known value in training: then all windows have the same
        probability, and a score of it says nothing of the baseline.
    """

    struct = BaselineParameters

    def __init__(self, parameters: dict[str, Any], seed: int) -> None:
        super().__init__(parameters, seed)
        self.informed = True

    def fit(self, train: WindowSet, validation: WindowSet, tell: Tell = silent) -> None:
        """Fit on training windows; validation serves to stop, and for nothing else."""
        super().fit(train, validation, tell)
        if not self.informed:
            tell(f"{self.kind}: nothing is known of these windows; the result is a constant")

    def fit_rows(
        self, rows: FloatArray, train: WindowSet, held: FloatArray, validation: WindowSet
    ) -> RowModel:
        """Fit the model that the parameters name."""
        p: BaselineParameters = self._parameters
        self.informed = bool(np.isfinite(rows).any())
        if not self.informed:
            return _constant(rows, train, "uniform")
        if p.model == "logistic":
            return fit_logistic(rows, train, p.c)
        return Boosted.fit(rows, train, held, validation, p.lightgbm, self._seed)

    def record(self) -> dict[str, Any]:
        """Give what is kept beside the model."""
        return {**super().record(), "informed": self.informed}

    def model_class(self, record: dict[str, Any]) -> type[RowModel]:
        """Say which model a record is of."""
        self.informed = bool(record["informed"])
        boosted = self.informed and self._parameters.model == "lightgbm"
        return Boosted if boosted else Sklearn


class CatalogueBaseline(Baseline):
    """What the catalogue says of the place before the window, and no satellite data."""

    kind: ClassVar[str] = "catalogue"

    def rows(self, windows: WindowSet) -> FloatArray:
        """Give the seismicity, shape (n, K)."""
        return windows.seismicity.astype(np.float64)


class PlaceBaseline(Baseline):
    """Where, at what local time and in which season the window lies."""

    kind: ClassVar[str] = "place"

    def rows(self, windows: WindowSet) -> FloatArray:
        """Give latitudes, longitude, local time, and sine and cosine of the season."""
        phase = 2.0 * np.pi * _share_of_year(windows)
        return np.column_stack(
            [
                windows.latitude,
                windows.longitude,
                windows.dipole_latitude,
                windows.local_time,
                np.sin(phase),
                np.cos(phase),
            ]
        ).astype(np.float64)


class MaskBaseline(Baseline):
    """Which values are missing: the flags, and of each observable the share of valid ones."""

    kind: ClassVar[str] = "mask"

    def rows(self, windows: WindowSet) -> FloatArray:
        """Give the flags, shape (n, L F + F)."""
        flags = windows.inputs[:, :, len(windows.observables) :].astype(np.float64)
        return np.concatenate([flags.reshape(len(windows), -1), flags.mean(axis=1)], axis=1)


class ConstantBaseline(RowClassifier):
    """The share of positives in the training windows, for every window."""

    kind: ClassVar[str] = "constant"
    struct = NoParameters

    def rows(self, windows: WindowSet) -> FloatArray:
        """Give no column, shape (n, 0)."""
        return np.zeros((len(windows), 0))

    def fit_rows(
        self, rows: FloatArray, train: WindowSet, held: FloatArray, validation: WindowSet
    ) -> RowModel:
        """Count the positives."""
        return _constant(rows, train, "prior")


def _constant(rows: FloatArray, train: WindowSet, strategy: Literal["prior", "uniform"]) -> Sklearn:
    from sklearn.dummy import DummyClassifier

    return Sklearn(DummyClassifier(strategy=strategy).fit(rows, train.label))


def _share_of_year(windows: WindowSet) -> FloatArray:
    """Time since the year began over its length, NaN where the time is unknown, shape (n,)."""
    time = windows.time.astype("datetime64[ms]")
    start = time.astype("datetime64[Y]")
    whole = (start + np.timedelta64(1, "Y")).astype("datetime64[ms]") - start.astype(
        "datetime64[ms]"
    )
    result: FloatArray = (time - start.astype("datetime64[ms]")) / whole
    return result
