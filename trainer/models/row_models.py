"""What classifiers of rows are made of: models of scikit-learn, and LightGBM's trees.

Neither of their files runs code when it is read: scikit-learn's models are kept by skops, which
builds known types alone, and LightGBM's as its text.
"""

from __future__ import annotations

import zipfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec
import numpy as np
from scipy.special import expit

from edge.arrays import FloatArray
from trainer.datasets.recipe import Above, Count, Section
from trainer.models.classifier import balancing_weights
from trainer.models.window_set import WindowSet

_SKLEARN_FILE = "model.skops"
_TEXT_FILE = "model.txt"
#: What skops asks about: the nodes of trees are not checked, so a forged file may crash.
_TRUSTED = ["numpy.dtype", "sklearn.tree._tree.Tree"]


class LightGbmParameters(Section, frozen=True, kw_only=True):
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


class Sklearn(RowModel):
    """A model of scikit-learn.

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
        result: FloatArray = expit(slope * self._fitted.decision_function(rows) + offset)
        return result

    def save(self, folder: Path) -> None:
        """Write it by skops."""
        import skops.io

        skops.io.dump((self._fitted, self._platt), folder / _SKLEARN_FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it by skops."""
        import skops.io
        from skops.io.exceptions import UntrustedTypesFoundException

        try:
            return cls(*skops.io.load(folder / _SKLEARN_FILE, trusted=_TRUSTED))
        except UntrustedTypesFoundException as error:
            raise ValueError(str(error).splitlines()[0]) from None
        except (zipfile.BadZipFile, TypeError, KeyError, AttributeError) as error:
            raise ValueError(str(error)) from None


def fit_logistic(rows: FloatArray, train: WindowSet, c: float) -> Sklearn:
    """Fit logistic regression on standardised columns; NaN becomes the mean, with a flag.

    Parameters
    ----------
    rows : ndarray, shape (n, columns)
    train : WindowSet
    c : float
        Inverse strength of the squared penalty.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(),
        SimpleImputer(
            strategy="constant", fill_value=0.0, add_indicator=True, keep_empty_features=True
        ),
        LogisticRegression(C=c, max_iter=1000),
    )
    # A column without any value has no mean.
    with np.errstate(invalid="ignore"):
        model.fit(rows, train.label, logisticregression__sample_weight=balancing_weights(train))
    return Sklearn(model)
