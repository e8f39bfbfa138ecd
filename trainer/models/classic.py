"""Benchmarks without a network: random forest, support vector machine, LightGBM, logistic.

They see a window as one row: its L x F residuals (0 where masked), its L x F flags, and of each
observable the mean and standard deviation of the valid residuals and their share.

Both classes weigh the same in every fit, so the probabilities are those of a balanced mix.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import msgspec
import numpy as np

from edge.arrays import BoolArray, Features, FloatArray
from trainer.common.errors import TrainError
from trainer.datasets.recipe import Above, Count, Section
from trainer.models.classifier import (
    Classifier,
    Tell,
    balancing_weights,
    complete,
    read_record,
    require_classes,
    require_inputs,
    silent,
    write_record,
)
from trainer.models.row_models import Boosted, LightGbmParameters, RowModel, Sklearn, fit_logistic
from trainer.models.window_set import WindowSet, groups_of

#: Share of the training windows that a support vector machine's probabilities are fitted on.
_PLATT_SHARE = 0.2


class ForestParameters(Section, frozen=True):
    """Those of scikit-learn; ``max_depth`` 0 is none, ``max_features`` a share."""

    trees: Count = 200
    max_depth: Annotated[int, msgspec.Meta(ge=0)] = 0
    min_samples_leaf: Count = 5
    max_features: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.07


class SvmParameters(Section, frozen=True):
    """``c`` is the penalty, ``gamma`` the kernel's width in units of 1 / columns."""

    c: Above = 1.0
    gamma: Above = 1.0


class LogisticParameters(Section, frozen=True):
    """``c`` is the inverse strength of the squared penalty, on standardised columns."""

    c: Above = 0.01


def window_columns(windows: WindowSet) -> FloatArray:
    """Lay each window out as one row.

    Parameters
    ----------
    windows : WindowSet
        n windows of L rows and F observables.

    Returns
    -------
    ndarray, shape (n, 2 L F + 3 F)
        Residuals and flags row by row, then of each observable the mean and the standard
        deviation of the valid residuals, 0 where there are none, and the share of valid ones.
    """
    inputs = windows.inputs.astype(np.float64)
    return np.concatenate([inputs.reshape(len(windows), -1), _summaries(windows.inputs)], axis=1)


def _summaries(inputs: Features) -> FloatArray:
    half = inputs.shape[2] // 2
    values, valid = inputs[:, :, :half].astype(np.float64), inputs[:, :, half:] > 0.0
    count = valid.sum(axis=1)
    least = np.maximum(count, 1)
    mean = np.where(valid, values, 0.0).sum(axis=1) / least
    square = np.where(valid, (values - mean[:, None, :]) ** 2, 0.0).sum(axis=1) / least
    return np.concatenate([mean, np.sqrt(square), count / inputs.shape[1]], axis=1)


class RowClassifier(Classifier):
    """A classifier that sees one row for each window.

    Parameters
    ----------
    parameters : dict
        Those of `struct`.
    seed : int

    Raises
    ------
    ConfigError
        A parameter is unknown or impossible.
    """

    struct: ClassVar[type[msgspec.Struct]]
    model: ClassVar[type[RowModel]] = Sklearn

    def __init__(self, parameters: dict[str, Any], seed: int) -> None:
        self._parameters: Any = complete(self.kind, parameters, self.struct)
        self._seed = seed
        self._model: RowModel | None = None
        self._observables: tuple[str, ...] = ()
        self._length = 0

    def rows(self, windows: WindowSet) -> FloatArray:
        """Give what the model sees, shape (n, columns)."""
        return window_columns(windows)

    @abstractmethod
    def fit_rows(
        self, rows: FloatArray, train: WindowSet, held: FloatArray, validation: WindowSet
    ) -> RowModel:
        """Fit on the rows of the training windows; `held` are those of the validation."""

    def fit(self, train: WindowSet, validation: WindowSet, tell: Tell = silent) -> None:
        """Fit on training windows; validation serves to stop, and for nothing else."""
        require_classes(train, validation)
        self._observables, self._length = train.observables, train.length
        rows, held = self.rows(train), self.rows(validation)
        tell(f"{self.kind}: {rows.shape[0]} windows of {rows.shape[1]} columns")
        self._model = self.fit_rows(rows, train, held, validation)

    def predict_proba(self, windows: WindowSet) -> FloatArray:
        """Probability that each window is positive in a balanced mix, shape (n,)."""
        if self._model is None:
            raise TrainError(f"{self.kind}: is not fitted")
        require_inputs(windows, self._observables, self._length)
        if not len(windows):
            return np.zeros(0)
        return self._model.predict(self.rows(windows))

    def parameters(self) -> dict[str, Any]:
        """All parameters with their values, as JSON can hold them."""
        return dict(msgspec.to_builtins(self._parameters))

    def record(self) -> dict[str, Any]:
        """Give what is kept beside the model."""
        return {
            "parameters": self.parameters(),
            "seed": self._seed,
            "length": self._length,
            "observables": list(self._observables),
        }

    def model_class(self, record: dict[str, Any]) -> type[RowModel]:
        """Say which model a record is of."""
        return self.model

    def save(self, folder: Path) -> None:
        """Write the fitted model into an existing folder."""
        if self._model is None:
            raise TrainError(f"{self.kind}: is not fitted")
        self._model.save(folder)
        write_record(folder, self.kind, self.record())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        TrainError
            It is a classifier of another kind, or damaged.
        """
        record = read_record(folder, cls.kind)
        result = cls(record["parameters"], record["seed"])
        result._observables, result._length = tuple(record["observables"]), record["length"]
        try:
            result._model = result.model_class(record).load(folder)
        except (OSError, ValueError) as error:
            raise TrainError(f"{folder}: holds no {cls.kind}: {error}") from None
        return result


class RandomForest(RowClassifier):
    """Random forest of scikit-learn."""

    kind: ClassVar[str] = "random_forest"
    struct = ForestParameters

    def fit_rows(
        self, rows: FloatArray, train: WindowSet, held: FloatArray, validation: WindowSet
    ) -> RowModel:
        """Fit trees; validation is not used."""
        from sklearn.ensemble import RandomForestClassifier

        p: ForestParameters = self._parameters
        forest = RandomForestClassifier(
            p.trees,
            max_depth=p.max_depth or None,
            min_samples_leaf=p.min_samples_leaf,
            max_features=p.max_features,
            n_jobs=1,
            random_state=self._seed % 2**32,
        )
        return Sklearn(forest.fit(rows, train.label, sample_weight=balancing_weights(train)))


class Svm(RowClassifier):
    """Support vector machine with a radial kernel.

    Notes
    -----
    Probabilities are Platt's (1999): a logistic function of the decision, fitted on a fifth of the
    training windows, whole clusters, with a machine that has not seen them. The final machine is
    fitted on all.
    """

    kind: ClassVar[str] = "svm"
    struct = SvmParameters

    def fit_rows(
        self, rows: FloatArray, train: WindowSet, held: FloatArray, validation: WindowSet
    ) -> RowModel:
        """Fit the machine and its probabilities; validation is not used."""
        from sklearn.linear_model import LogisticRegression

        weight = balancing_weights(train)
        apart = _whole_clusters(train, _PLATT_SHARE, self._seed)
        if np.unique(train.label[apart]).size < 2 or np.unique(train.label[~apart]).size < 2:
            # Too few clusters to do without any of them.
            apart, fitted_on = np.ones(len(train), bool), np.ones(len(train), bool)
        else:
            fitted_on = ~apart
        machine = self._machine(rows[fitted_on], train.label[fitted_on], weight[fitted_on])
        decision = machine.decision_function(rows[apart])[:, None]
        line = LogisticRegression(C=1e6).fit(
            decision, train.label[apart], sample_weight=weight[apart]
        )
        # Decisions worse than chance on a fifth must not turn the machine of all round.
        slope = max(float(line.coef_[0, 0]), 1e-3)
        return Sklearn(self._machine(rows, train.label, weight), (slope, float(line.intercept_[0])))

    def _machine(self, rows: FloatArray, label: Any, weight: FloatArray) -> Any:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        p: SvmParameters = self._parameters
        svc = SVC(C=p.c, gamma=p.gamma / rows.shape[1], cache_size=500)
        return make_pipeline(StandardScaler(), svc).fit(rows, label, svc__sample_weight=weight)


class LightGbm(RowClassifier):
    """Gradient-boosted trees of LightGBM."""

    kind: ClassVar[str] = "lightgbm"
    struct = LightGbmParameters
    model = Boosted

    def fit_rows(
        self, rows: FloatArray, train: WindowSet, held: FloatArray, validation: WindowSet
    ) -> RowModel:
        """Fit trees until validation gains no more."""
        return Boosted.fit(rows, train, held, validation, self._parameters, self._seed)


class LogisticRegressionClassifier(RowClassifier):
    """Logistic regression."""

    kind: ClassVar[str] = "logistic"
    struct = LogisticParameters

    def fit_rows(
        self, rows: FloatArray, train: WindowSet, held: FloatArray, validation: WindowSet
    ) -> RowModel:
        """Fit the coefficients; validation is not used."""
        return fit_logistic(rows, train, self._parameters.c)


def _whole_clusters(windows: WindowSet, share: float, seed: int) -> BoolArray:
    """Mark about a share of the windows: clusters of events with the controls of their pairs."""
    group = groups_of(windows.cluster, windows.pair)
    count = int(group.max()) + 1
    chosen = np.random.default_rng([seed, 1]).permutation(count)
    result: BoolArray = np.isin(group, chosen[: math.ceil(share * count)])
    return result
