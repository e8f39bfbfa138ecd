"""SeqNetQuake and the benchmark networks as classifiers, trained directly or from another mission.

Weights are kept as plain arrays beside a record, so that loading one runs no code of the file's.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.special import expit

from edge.arrays import Features, FloatArray
from edge.errors import ConfigError
from edge.observables import PROFILES, MissionName, Profile
from trainer.common.errors import TrainError
from trainer.models.augmentation import disturbed, drop_inputs, payload_columns
from trainer.models.classifier import (
    Classifier,
    Tell,
    TransferMode,
    balancing_weights,
    complete,
    read_record,
    require_classes,
    require_inputs,
    silent,
    write_record,
)
from trainer.models.engine import keras, make_deterministic, tf
from trainer.models.networks import (
    PARAMETERS,
    SeqNetQuakeParameters,
    build_network,
    forget_columns,
    learning_rates,
    network_of,
)
from trainer.models.seqnetquake import Network
from trainer.models.training_loop import Drop, Examples, Plan, predictor
from trainer.models.training_loop import train as run_training
from trainer.models.whitening import Whitening, fit_whitening, whiten
from trainer.models.window_set import WindowSet

WEIGHTS_FILE = "weights.npz"
_WHITENING = "whitening"


class KerasClassifier(Classifier):
    """A network of `trainer.models.networks`.

    Parameters
    ----------
    parameters : dict
        Those of its struct there; ``dropping`` is a dict.
    seed : int

    Attributes
    ----------
    history : list of dict
        For each epoch ``epoch``, ``loss``, ``validation_loss`` and ``validation_pr_auc``.
    seen : tuple of bool
        Which observables were valid in a training window, of pretraining or tuning.

    Raises
    ------
    ConfigError
        A parameter is unknown or impossible.
    """

    def __init__(self, parameters: dict[str, Any], seed: int) -> None:
        self._parameters = complete(self.kind, parameters, PARAMETERS[self.kind])
        self._seed = seed
        self._model: keras.Model | None = None
        self._whitening: FloatArray | None = None
        self._observables: tuple[str, ...] = ()
        self._length = 0
        self.seen: tuple[bool, ...] = ()
        self.history: list[dict[str, float]] = []

    def fit(
        self,
        train: WindowSet,
        validation: WindowSet,
        tell: Tell = silent,
        *,
        start: KerasClassifier | None = None,
        transfer: TransferMode | None = None,
        checkpoint: Path | None = None,
        on_epoch: Callable[[dict[str, Any]], None] | None = None,
        teacher: FloatArray | None = None,
    ) -> None:
        """Train until the validation windows gain no more; see `trainer.models.training_loop`.

        Parameters
        ----------
        train, validation : WindowSet
        tell : callable, optional
            Takes a line after each epoch.
        start : KerasClassifier, optional
            A fitted one of this kind, these sizes and these observables, whose weights to begin
            with; it is not changed. Observables that it never saw begin with weights zero.
        transfer : {"frozen", "gradual", "full"}, optional
            With `start`: its convolutional and recurrent layers stay as they are; are unfrozen
            from the head down, a stage every ``gradual_epochs``; or all learn from the first
            epoch. Pretrained layers learn at ``transfer_rate_factor`` times the rate, but for the
            head of the first two, which has the whole. ``full`` by default.
        checkpoint : Path, optional
            Folder in which the state after each epoch is kept; a run with the same data and
            parameters goes on from there, to the same weights.
        on_epoch : callable, optional
            Takes the entry of `history` of each epoch; what it raises ends the training.
        teacher : ndarray, shape (n,), optional
            Probability, as other models give it, that each training window is positive in a
            balanced mix: what the network learns instead of the labels (distillation, Hinton et
            al. 2015, arXiv:1503.02531). Weights, and all of validation, stay those of the labels.

        Raises
        ------
        TrainError
            A class is missing, or `start` or `teacher` does not fit.
        ConfigError
            `transfer` without `start`, or an unknown one.
        """
        require_classes(train, validation)
        self._check_transfer(start, transfer)
        if teacher is not None:
            _check_teacher(teacher, train)
        make_deterministic(self._seed)
        columns = 2 * len(train.observables)
        if self._parameters.whitening > 0.0:
            # Of this mission's own windows, pretrained or not: it brings the missions together.
            clear, shrinkage = train.clear_windows(), self._parameters.whitening
            matrices = fit_whitening(clear, shrinkage, train.observables)
            clip = self._parameters.whitening_clip
            train, validation = (
                replace(w, inputs=whiten(w.inputs, matrices, clip)) for w in (train, validation)
            )
            self._whitening = matrices
        model = build_network(self._parameters, train.length, columns)
        seen = _seen(train)
        if start is not None:
            self._take_over(model, start, train)
            seen = tuple(a or b for a, b in zip(seen, start.seen, strict=True))
        rates, warm = learning_rates(
            model, self._parameters, None if start is None else transfer or "full"
        )
        plan = Plan(
            self._seed,
            self._parameters.batch,
            self._parameters.patience,
            rates,
            warm,
            start is not None,
            self._dropper(train),
            self._parameters.decay,
            self._fingerprint(train, validation, model, rates, teacher),
        )
        self._adopt(model, train.observables, train.length, seen)
        self.history = run_training(
            model,
            self._predict,
            _examples(train, teacher),
            _examples(validation),
            plan,
            checkpoint,
            tell,
            on_epoch,
        )

    def predict_proba(self, windows: WindowSet) -> FloatArray:
        """Probability that each window is positive in a balanced mix, shape (n,)."""
        result: FloatArray = expit(self.logits(windows))
        return result

    def logits(self, windows: WindowSet) -> FloatArray:
        """Give the network's output, shape (n,).

        Raises
        ------
        TrainError
            It is not fitted, or was for other observables or another length.
        """
        if self._model is None:
            raise TrainError(f"{self.kind}: is not fitted")
        require_inputs(windows, self._observables, self._length)
        return self.logits_of(windows.inputs)

    def logits_of(self, inputs: Features) -> FloatArray:
        """Give the output for windows of which nothing but the inputs is known.

        Parameters
        ----------
        inputs : ndarray of float32, shape (n, L, 2 F)
            Not whitened.

        Returns
        -------
        ndarray, shape (n,)
        """
        if self._whitening is None:
            return self._predict(inputs)
        clip = self._parameters.whitening_clip
        return self._predict(whiten(inputs, self._whitening, clip))

    @property
    def whitening(self) -> Whitening | None:
        """What lies before the network."""
        if self._whitening is None:
            return None
        return Whitening(self._whitening, self._parameters.whitening_clip)

    @property
    def keras_model(self) -> keras.Model:
        """The fitted network, (B, L, C) of whitened windows to one logit."""
        if self._model is None:
            raise TrainError(f"{self.kind}: is not fitted")
        return self._model

    @property
    def network(self) -> Network:
        """Sizes of a SeqNetQuake."""
        assert isinstance(self._parameters, SeqNetQuakeParameters)
        return network_of(self._parameters, self._length)

    def parameters(self) -> dict[str, Any]:
        """All parameters with their values, as JSON can hold them."""
        return dict(msgspec.to_builtins(self._parameters))

    def save(self, folder: Path) -> None:
        """Write the fitted model into an existing folder."""
        weights = self.keras_model.get_weights()
        arrays = {f"w{i:03d}": w for i, w in enumerate(weights)}
        if self._whitening is not None:
            arrays[_WHITENING] = self._whitening
        np.savez(folder / WEIGHTS_FILE, **arrays)
        record = {
            "parameters": self.parameters(),
            "seed": self._seed,
            "length": self._length,
            "observables": list(self._observables),
            "seen": list(self.seen),
            "history": self.history,
        }
        write_record(folder, self.kind, record)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        record = read_record(folder, cls.kind)
        result = cls(record["parameters"], record["seed"])
        names = tuple(record["observables"])
        model = build_network(result._parameters, record["length"], 2 * len(names))
        path = folder / WEIGHTS_FILE
        try:
            with np.load(path, allow_pickle=False) as file:
                names_of_weights = sorted(n for n in file.files if n != _WHITENING)
                model.set_weights([file[name] for name in names_of_weights])
                if _WHITENING in file.files:
                    result._whitening = file[_WHITENING]
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise TrainError(f"{path}: are no weights of this network: {error}") from None
        result._adopt(model, names, record["length"], tuple(record["seen"]))
        result.history = record["history"]
        return result

    def _adopt(
        self, model: keras.Model, observables: tuple[str, ...], length: int, seen: tuple[bool, ...]
    ) -> None:
        self._model, self._observables, self._length = model, observables, length
        self.seen = seen
        self._predict: Callable[[Features], FloatArray] = predictor(model)

    def _check_transfer(self, start: KerasClassifier | None, transfer: TransferMode | None) -> None:
        if transfer is not None and transfer not in get_args(TransferMode):
            known = ", ".join(get_args(TransferMode))
            raise ConfigError(f"{self.kind}: transfer is {transfer!r}; valid are {known}")
        if transfer is not None and start is None:
            raise ConfigError(f"{self.kind}: transfer {transfer!r} needs a pretrained model")

    def _take_over(self, model: keras.Model, start: KerasClassifier, windows: WindowSet) -> None:
        """Begin with the weights of another classifier."""
        if start.kind != self.kind:
            raise TrainError(f"the pretrained model is a {start.kind}; valid is {self.kind}")
        require_inputs(windows, start._observables, start._length)
        weights = start.keras_model.get_weights()
        if [w.shape for w in weights] != [w.shape for w in model.get_weights()]:
            raise TrainError(f"{self.kind}: the pretrained model has layers of other sizes")
        model.set_weights(weights)
        unseen = [i for i, seen in enumerate(start.seen) if not seen]
        if unseen:
            forget_columns(model, unseen + [len(start.seen) + i for i in unseen])

    def _dropper(self, windows: WindowSet) -> Drop:
        payloads, rule = _payloads(windows), self._parameters

        def drop(inputs: Features, rng: np.random.Generator) -> Features:
            changed = drop_inputs(inputs, payloads, rule.dropping, rng)
            return disturbed(changed, rule.noise, rule.reverse, rng)

        return drop

    def _fingerprint(
        self,
        train_windows: WindowSet,
        validation: WindowSet,
        model: keras.Model,
        rates: FloatArray,
        teacher: FloatArray | None,
    ) -> str:
        """Digest what the result depends on; the weights and rates stand for the transfer."""
        digest = hashlib.sha256()
        words = [self.kind, self.parameters(), self._seed, tf.__version__, keras.__version__]
        words += [train_windows.observables, train_windows.mission]
        digest.update(json.dumps(words, sort_keys=True).encode())
        for windows in (train_windows, validation):
            digest.update(np.array(windows.inputs.shape, dtype=np.int64).tobytes())
            digest.update(np.ascontiguousarray(windows.inputs).tobytes())
            digest.update(windows.label.tobytes())
        for array in (*([] if teacher is None else [teacher]), rates, *model.get_weights()):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


class SeqNetQuake(KerasClassifier):
    """The CNN-BiLSTM of Xiong et al. 2021; see `trainer.models.seqnetquake`."""

    kind: ClassVar[str] = "seqnetquake"


class Cnn(KerasClassifier):
    """Convolutions over the whole window."""

    kind: ClassVar[str] = "cnn"


class Lstm(KerasClassifier):
    """LSTM layers over the rows."""

    kind: ClassVar[str] = "lstm"


class Dnn(KerasClassifier):
    """Dense layers."""

    kind: ClassVar[str] = "dnn"


class Quadratic(KerasClassifier):
    """Likelihood ratios of few templates; see `trainer.models.quadratic`."""

    kind: ClassVar[str] = "quadratic"


def _check_teacher(teacher: FloatArray, train: WindowSet) -> None:
    if teacher.shape != train.label.shape:
        raise TrainError(
            f"teacher: expected a probability for each of {len(train)} training windows, got an "
            f"array of shape {teacher.shape}"
        )
    outside = teacher[~((teacher >= 0.0) & (teacher <= 1.0))]
    if outside.size:
        raise TrainError(f"teacher: holds {outside[0]:g}; valid is 0 to 1")


def _examples(windows: WindowSet, teacher: FloatArray | None = None) -> Examples:
    return Examples(
        windows.inputs.astype(np.float32, copy=False),
        (windows.label if teacher is None else teacher).astype(np.float32),
        balancing_weights(windows).astype(np.float32),
    )


def _seen(windows: WindowSet) -> tuple[bool, ...]:
    """Mark the observables with a valid value anywhere."""
    flags: npt.NDArray[np.float32] = windows.inputs[:, :, len(windows.observables) :]
    return tuple(bool(v) for v in (flags > 0.0).any(axis=(0, 1)))


def _payloads(windows: WindowSet) -> list[list[int]]:
    """Columns that fail together: those of one payload of the mission, where it is known."""
    known = {o.name: o for profile in PROFILES.values() for o in profile.observables}
    missions: tuple[str, ...] = get_args(MissionName)
    if windows.mission not in missions or not set(windows.observables) <= set(known):
        return []
    profile = Profile("windows", tuple(known[name] for name in windows.observables))
    return payload_columns(profile, "cses" if windows.mission == "cses" else "demeter")
