"""Classifiers by name, and their folders. TensorFlow is loaded for a network alone."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from edge.errors import ConfigError
from trainer.common.errors import TrainError
from trainer.common.files import new_folder
from trainer.models.classifier import RECORD_FILE, Classifier, read_record

_NETWORKS = "trainer.models.keras_classifier"
_CLASSIC = "trainer.models.classic"
_BASELINES = "trainer.models.baselines"

#: Module and class of each kind: SeqNetQuake, the benchmarks, the baselines.
KINDS: dict[str, tuple[str, str]] = {
    "seqnetquake": (_NETWORKS, "SeqNetQuake"),
    "cnn": (_NETWORKS, "Cnn"),
    "lstm": (_NETWORKS, "Lstm"),
    "dnn": (_NETWORKS, "Dnn"),
    "quadratic": (_NETWORKS, "Quadratic"),
    "random_forest": (_CLASSIC, "RandomForest"),
    "svm": (_CLASSIC, "Svm"),
    "lightgbm": (_CLASSIC, "LightGbm"),
    "logistic": (_CLASSIC, "LogisticRegressionClassifier"),
    "catalogue": (_BASELINES, "CatalogueBaseline"),
    "place": (_BASELINES, "PlaceBaseline"),
    "mask": (_BASELINES, "MaskBaseline"),
    "constant": (_BASELINES, "ConstantBaseline"),
}

#: Kinds with `keras_model`, `history`, transfer and checkpoints.
NETWORK_KINDS = tuple(kind for kind, (module, _) in KINDS.items() if module == _NETWORKS)


def make_classifier(kind: str, parameters: dict[str, Any], seed: int) -> Classifier:
    """Make an unfitted classifier.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    parameters : dict
        What is missing has its default.
    seed : int

    Raises
    ------
    ConfigError
        The kind or a parameter is unknown, or a parameter is impossible.
    """
    return _class(kind)(parameters, seed)


def save_classifier(model: Classifier, folder: Path) -> None:
    """Write a fitted classifier, whole or not at all.

    Parameters
    ----------
    model : Classifier
    folder : Path
        A classifier that is there is replaced.

    Raises
    ------
    TrainError
        The model is not fitted, or the folder holds something else.
    """
    if folder.exists() and not (folder / RECORD_FILE).is_file() and any(folder.iterdir()):
        raise TrainError(f"{folder}: is not a classifier, and is not replaced")
    with new_folder(folder) as new:
        model.save(new)


def load_classifier(folder: Path) -> Classifier:
    """Read a fitted classifier.

    Parameters
    ----------
    folder : Path
        Of `save_classifier`.

    Raises
    ------
    TrainError
        There is none, or it is damaged or of another format.
    """
    kind = read_record(folder)["kind"]
    if kind not in KINDS:
        raise TrainError(f"{folder / RECORD_FILE}: kind is {kind!r}; known are {', '.join(KINDS)}")
    return _class(kind).load(folder)


def _class(kind: str) -> type[Classifier]:
    if kind not in KINDS:
        raise ConfigError(f"there is no classifier {kind!r}; known are {', '.join(KINDS)}")
    module, name = KINDS[kind]
    found: type[Classifier] = getattr(import_module(module), name)
    return found
