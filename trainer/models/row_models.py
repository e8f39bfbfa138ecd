"""What classifiers of rows are made of: trees, logistic regression, scikit-learn's own models.

Notes
-----
scikit-learn's models are kept as its own pickles: **loading one runs code of whoever wrote the
file**, so load those alone that you or someone you trust trained. LightGBM is kept as its text,
logistic regression as arrays; loading these runs nothing.
"""

from __future__ import annotations

import zipfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec
import numpy as np

from edge.arrays import BoolArray, FloatArray
from trainer.datasets.recipe import Above, Count, Section
from trainer.models.classifier import balancing_weights
from trainer.models.window_set import WindowSet

_PICKLE_FILE = "model.joblib"
_TEXT_FILE = "model.txt"
_ARRAYS_FILE = "model.npz"


class LightGbmParameters(Section, frozen=True):
    """Those of LightGBM; at most ``trees``, fewer by early stopping on validation."""

    trees: Count = 1000
    patience: Count = 50
    rate: Above = 0.05
    leaves: Annotated[int, msgspec.Meta(ge=2)] = 31
    min_samples_leaf: Count = 20
    columns: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.5
    rows: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.8
    l2: Annotated[float, msgspec.Meta(ge=0.0)] = 1.0


class RowModel(ABC):
    """A fitted function from rows to probabilities, with a file of its own."""

    @abstractmethod
    def predict(self, rows: FloatArray) -> FloatArray:
        """Probability of each row, shape (n,)."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write it."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read it, or raise OSError or ValueError."""


class Boosted(RowModel):
    """LightGBM's trees.

    Parameters
    ----------
    text : str
        In its own format.
    """

    def __init__(self, text: str) -> None:
        from lightgbm import Booster

        self._text = text
        self._booster = Booster(model_str=text)

    @classmethod
    def fit(
        cls,
        rows: FloatArray,
        train: WindowSet,
        held: FloatArray,
        validation: WindowSet,
        p: LightGbmParameters,
        seed: int,
    ) -> Self:
        """Fit trees until validation gains no more; NaN is a value of its own."""
        import lightgbm

        settings = {
            "objective": "binary",
            "metric": "binary_logloss",
            "learning_rate": p.rate,
            "num_leaves": p.leaves,
            "min_data_in_leaf": min(p.min_samples_leaf, max(1, len(train) // 10)),
            "feature_fraction": p.columns,
            "bagging_fraction": p.rows,
            "bagging_freq": 1,
            "lambda_l2": p.l2,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "seed": seed % 2**31,
            "verbosity": -1,
        }
        data = lightgbm.Dataset(rows, train.label, weight=balancing_weights(train))
        other = lightgbm.Dataset(
            held, validation.label, weight=balancing_weights(validation), reference=data
        )
        stop = lightgbm.early_stopping(p.patience, verbose=False)
        booster = lightgbm.train(
            settings, data, num_boost_round=p.trees, valid_sets=[other], callbacks=[stop]
        )
        return cls(booster.model_to_string(num_iteration=booster.best_iteration))

    def predict(self, rows: FloatArray) -> FloatArray:
        """Probability of each row, shape (n,)."""
        return np.asarray(self._booster.predict(rows, num_threads=1), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write its text."""
        (folder / _TEXT_FILE).write_text(self._text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read its text."""
        from lightgbm.basic import LightGBMError

        try:
            return cls((folder / _TEXT_FILE).read_text(encoding="utf-8"))
        except LightGBMError as error:
            raise ValueError(str(error)) from None


class Logistic(RowModel):
    """Logistic regression on standardised columns; NaN becomes the mean, with a flag.

    Parameters
    ----------
    centre, scale : ndarray, shape (columns,)
    unknown : ndarray of bool, shape (columns,)
        Columns with a NaN in training.
    coefficients : ndarray, shape (columns + unknown columns + 1,)
        The last is the intercept.
    """

    def __init__(
        self, centre: FloatArray, scale: FloatArray, unknown: BoolArray, coefficients: FloatArray
    ) -> None:
        self._arrays = (centre, scale, unknown, coefficients)

    @classmethod
    def fit(cls, rows: FloatArray, train: WindowSet, c: float) -> Self:
        """Fit on rows, shape (n, columns)."""
        from sklearn.linear_model import LogisticRegression

        known = np.isfinite(rows)
        count = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, rows, 0.0).sum(axis=0) / count
        spread = np.sqrt(np.where(known, (rows - centre) ** 2, 0.0).sum(axis=0) / count)
        scale = np.where(spread > 0.0, spread, 1.0)
        result = cls(centre, scale, ~known.all(axis=0), np.zeros(0))
        found = LogisticRegression(C=c, max_iter=1000).fit(
            result._standardised(rows), train.label, sample_weight=balancing_weights(train)
        )
        coefficients = np.concatenate([found.coef_[0], found.intercept_])
        return cls(centre, scale, result._arrays[2], coefficients)

    def _standardised(self, rows: FloatArray) -> FloatArray:
        centre, scale, unknown, _ = self._arrays
        known = np.isfinite(rows)
        values = np.where(known, (rows - centre) / scale, 0.0)
        return np.concatenate([values, ~known[:, unknown]], axis=1)

    def predict(self, rows: FloatArray) -> FloatArray:
        """Probability of each row, shape (n,)."""
        weights = self._arrays[3]
        return logistic(self._standardised(rows) @ weights[:-1] + weights[-1])

    def save(self, folder: Path) -> None:
        """Write its arrays."""
        names = ("centre", "scale", "unknown", "coefficients")
        np.savez(folder / _ARRAYS_FILE, **dict(zip(names, self._arrays, strict=True)))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read its arrays."""
        try:
            with np.load(folder / _ARRAYS_FILE, allow_pickle=False) as file:
                return cls(file["centre"], file["scale"], file["unknown"], file["coefficients"])
        except (KeyError, zipfile.BadZipFile) as error:
            raise ValueError(str(error)) from None


class Pickled(RowModel):
    """A scikit-learn model in joblib's format; see the remark on loading above.

    Parameters
    ----------
    fitted : object
        A classifier with ``predict_proba``, or with ``decision_function`` and `platt`.
    platt : tuple of float, optional
        Slope and offset from decision to logit.
    """

    def __init__(self, fitted: Any, platt: tuple[float, float] | None = None) -> None:
        self._fitted, self._platt = fitted, platt

    def predict(self, rows: FloatArray) -> FloatArray:
        """Probability of each row, shape (n,)."""
        if self._platt is None:
            return np.asarray(self._fitted.predict_proba(rows)[:, 1], dtype=np.float64)
        slope, offset = self._platt
        return logistic(slope * self._fitted.decision_function(rows) + offset)

    def save(self, folder: Path) -> None:
        """Write its pickle."""
        import joblib

        joblib.dump((self._fitted, self._platt), folder / _PICKLE_FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read its pickle."""
        import joblib

        try:
            return cls(*joblib.load(folder / _PICKLE_FILE))
        except (EOFError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(str(error)) from None


def logistic(logits: FloatArray) -> FloatArray:
    """Probabilities of logits."""
    result: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return result
