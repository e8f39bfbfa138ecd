"""The networks: their parameters, their layers, and which of those are tuned first."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np

from edge.arrays import FloatArray
from edge.errors import ConfigError
from trainer.datasets.recipe import Above, Count, Section
from trainer.models.augmentation import Dropping
from trainer.models.classifier import TransferMode
from trainer.models.engine import keras
from trainer.models.quadratic import DETECTORS, SCALE
from trainer.models.quadratic import build_model as build_quadratic
from trainer.models.seqnetquake import LINEAR, Network, PerSubsequence, with_linear
from trainer.models.seqnetquake import build_model as build_seqnetquake

layers = keras.layers

#: Layers that see the values of a window, and none of its flags as columns.
_OF_VALUES = (SCALE, DETECTORS, LINEAR)

#: A share that is not the whole.
Part = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]


class Optimisation(Section, frozen=True, kw_only=True):
    """What all networks have in common.

    Attributes
    ----------
    rate : float
        Of Adam.
    epochs, patience, batch : int
        At most so many epochs, and so many without a better one.
    dropping : Dropping
        Probabilities that inputs are masked in training; see `trainer.models.augmentation`.
    dropout : float
    whitening : float
        Shrinkage of `trainer.models.whitening`; 0 leaves the values as they are.
    whitening_clip : float
        Standard deviations within which whitened values are held; 0: no limit. A network that
        is to be quantised needs one.
    noise : float
        Standard deviation of normal noise that is added to valid inputs in training.
    reverse : float
        Probability that a training window is turned round in time: the satellite might as well
        have flown the other way.
    decay : float
        Of the weights of kernels, decoupled from Adam (Loshchilov & Hutter 2019,
        arXiv:1711.05101): a step takes ``rate * decay`` of each away.
    transfer_rate_factor : float
        Of the rate, for pretrained layers that go on learning.
    gradual_epochs : int
        Epochs in each stage of gradual unfreezing.
    """

    rate: Above = 1e-3
    epochs: Count = 60
    patience: Count = 8
    batch: Count = 256
    dropping: Dropping = Dropping(0.05, 0.15, 0.01)
    dropout: Part = 0.3
    whitening: Annotated[float, msgspec.Meta(ge=0.0)] = 0.1
    whitening_clip: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    noise: Annotated[float, msgspec.Meta(ge=0.0)] = 0.5
    reverse: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.5
    decay: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    transfer_rate_factor: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.3
    gradual_epochs: Count = 3


class SeqNetQuakeParameters(Optimisation, frozen=True, kw_only=True):
    """Those of `trainer.models.seqnetquake.Network` and of the optimisation."""

    subsequences: Count = 2
    convolutions: Count = 2
    kernel: Count = 3
    filters: Count = 64
    lstm: Count = 64
    lstm_layers: Count = 1
    dense: Count = 64
    dense_layers: Count = 1
    linear: bool = False


class CnnParameters(Optimisation, frozen=True, kw_only=True):
    """Convolutions over the whole window, pooling, dense layers; perhaps a linear path."""

    convolutions: Count = 2
    kernel: Count = 3
    filters: Count = 64
    dense: Count = 64
    dense_layers: Count = 1
    linear: bool = False


class LstmParameters(Optimisation, frozen=True, kw_only=True):
    """LSTM layers over the rows of the window, dense layers."""

    lstm: Count = 64
    lstm_layers: Count = 1
    dense: Count = 64
    dense_layers: Count = 1


class DnnParameters(Optimisation, frozen=True, kw_only=True):
    """Dense layers over all values of the window."""

    dense: Count = 128
    dense_layers: Count = 2


class QuadraticParameters(Optimisation, frozen=True, kw_only=True):
    """Templates of `trainer.models.quadratic`, and the optimisation."""

    detectors: Count = 8
    dropout: Part = 0.0


#: Parameters of each network.
PARAMETERS: dict[str, type[Optimisation]] = {
    "seqnetquake": SeqNetQuakeParameters,
    "cnn": CnnParameters,
    "lstm": LstmParameters,
    "dnn": DnnParameters,
    "quadratic": QuadraticParameters,
}


def build_network(parameters: Optimisation, length: int, columns: int) -> keras.Model:
    """Make an untrained network.

    Parameters
    ----------
    parameters : Optimisation
        Of one of `PARAMETERS`; its class says which network.
    length : int
        Rows in a window, L.
    columns : int
        Features in a row, C.

    Returns
    -------
    keras.Model
        Input (B, L, C), output (B, 1): the logit of the positive class.

    Raises
    ------
    ConfigError
        The window cannot be cut or pooled so.
    """
    if isinstance(parameters, SeqNetQuakeParameters):
        return build_seqnetquake(network_of(parameters, length), length, columns)
    if isinstance(parameters, QuadraticParameters):
        return build_quadratic(parameters.detectors, parameters.dropout, length, columns)
    x = inputs = keras.Input((length, columns))
    if isinstance(parameters, CnnParameters):
        if length < 2:
            raise ConfigError(f"cnn: windows have {length} rows; valid is 2 and more")
        for i in range(parameters.convolutions):
            x = layers.Conv1D(
                parameters.filters,
                parameters.kernel,
                padding="same",
                activation="relu",
                name=f"convolution_{i}",
            )(x)
        x = layers.Dropout(parameters.dropout)(x)
        x = layers.MaxPooling1D(2)(x)
        x = layers.Flatten()(x)
    elif isinstance(parameters, LstmParameters):
        for i in range(parameters.lstm_layers):
            whole = i + 1 < parameters.lstm_layers
            x = layers.LSTM(parameters.lstm, return_sequences=whole, name=f"recurrent_{i}")(x)
        x = layers.Dropout(parameters.dropout)(x)
    else:
        x = layers.Flatten()(x)
    sizes: Any = parameters
    for i in range(sizes.dense_layers):
        x = layers.Dense(sizes.dense, activation="relu", name=f"dense_{i}")(x)
        if isinstance(parameters, DnnParameters):
            x = layers.Dropout(parameters.dropout)(x)
    logit = layers.Dense(1, name="logit")(x)
    linear = isinstance(parameters, CnnParameters) and parameters.linear
    return keras.Model(inputs, with_linear(inputs, logit) if linear else logit)


def network_of(parameters: SeqNetQuakeParameters, length: int) -> Network:
    """Pick the sizes of SeqNetQuake out of its parameters.

    Raises
    ------
    ConfigError
        A window of `length` rows cannot be cut so: into equal parts longer than the kernel.
    """
    parts, kernel = parameters.subsequences, parameters.kernel
    # tflite-runtime 2.14 crashes at int8 where a kernel of 2 covers the whole sub-sequence.
    valid = [d for d in range(1, length) if length % d == 0 and length // d > kernel]
    if parts not in valid:
        raise ConfigError(
            f"seqnetquake: subsequences is {parts}; valid for windows of {length} rows and a "
            f"kernel of {kernel} are {', '.join(map(str, valid)) or 'none'}"
        )
    names = Network.__struct_fields__
    return Network(**{name: getattr(parameters, name) for name in names})


def stages(model: keras.Model) -> list[list[str]]:
    """Names of the layers with weights, in the order in which gradual unfreezing takes them.

    Parameters
    ----------
    model : keras.Model
        Of `build_network`.

    Returns
    -------
    list of list of str
        First the head, then the layers below, last those that see the inputs. The head is the
        dense layers, the logit and the linear path; of a network of dense layers alone, the
        logit and all but the first.
    """
    names = [layer.name for layer in model.layers if layer.weights and _learns(layer)]
    groups = [
        [n for n in names if n.startswith(prefix)]
        for prefix in (
            ("dense", "logit", LINEAR),
            ("recurrent",),
            ("convolution", SCALE, DETECTORS),
        )
    ]
    if not groups[1] and not groups[2]:
        groups = [names[1:], names[:1]]
    return [group for group in groups if group]


def learning_rates(
    model: keras.Model, parameters: Optimisation, transfer: TransferMode | None
) -> tuple[FloatArray, int]:
    """Say how fast each variable learns in each epoch.

    Parameters
    ----------
    model : keras.Model
        Of `build_network`.
    parameters : Optimisation
    transfer : {"frozen", "gradual", "full"} or None
        None is direct training: everything at the whole rate. ``frozen``: the head alone.
        ``gradual``: the head at first, and every ``gradual_epochs`` one more of `stages`, at the
        lower rate. ``full``: everything at the lower rate.

    Returns
    -------
    rates : ndarray, shape (epochs, variables)
        0 leaves a variable as it is.
    warm : int
        Last epoch in which something is still to be unfrozen.
    """
    order = stages(model)
    stage = {
        id(variable): i
        for i, names in enumerate(order)
        for name in names
        for variable in model.get_layer(name).trainable_variables
    }
    of_variable = np.array([stage[id(v)] for v in model.trainable_variables])
    rates = np.full((parameters.epochs, of_variable.size), parameters.rate)
    if transfer is None:
        return rates, 0
    if transfer == "full":
        return rates * parameters.transfer_rate_factor, 0
    rates[:, of_variable > 0] *= parameters.transfer_rate_factor
    if transfer == "frozen":
        rates[:, of_variable > 0] = 0.0
        return rates, 0
    reached = np.arange(parameters.epochs) // parameters.gradual_epochs
    rates[of_variable[None, :] > reached[:, None]] = 0.0
    return rates, (len(order) - 1) * parameters.gradual_epochs


def forget_columns(model: keras.Model, columns: list[int]) -> None:
    """Set the weights of some input columns to zero, whatever layers see them.

    An observable that the pretraining never saw has kept its random initial weights; tuning must
    not begin with them.

    Parameters
    ----------
    model : keras.Model
        Of `build_network`.
    columns : list of int
    """
    learning = [layer for layer in model.layers if layer.weights and _learns(layer)]
    for layer in learning:
        of_values = layer.name in _OF_VALUES
        if layer is not learning[0] and not of_values:
            continue
        kernel, *others = layer.get_weights()
        seen = model.input_shape[2] // (2 if of_values else 1)
        gone = [c for c in columns if c < seen]
        # A convolution has a row of weights for each column of each of its steps, flattened
        # windows one for each value, others one for each column.
        by_column = kernel.reshape(-1, seen, kernel.shape[-1])
        by_column[:, gone, :] = 0.0
        layer.set_weights([by_column.reshape(kernel.shape), *others])


def _learns(layer: Any) -> bool:
    """Whether it is more than dropout, whose only variable is its seed."""
    inner = layer.layer if isinstance(layer, PerSubsequence) else layer
    return not isinstance(inner, layers.Dropout)
