"""A quadratic detector of few parameters: likelihood ratios of bilinear templates in Keras.

What is looked for
------------------
Several observables change together over some hundred kilometres of track. Nothing else is known
before training: not the shape, nor the sign, nor how strong a perturbation is, since that follows
from magnitude, distance and lead time. Behind the whitening the background of a window is nearly
white noise, whose scale is not the same for every half-orbit. Parts of a window are masked. Some
hundred earthquakes are some thousand windows, which determine hundreds of weights, not the tens
of thousands of SeqNetQuake.

What is best
------------
A template s of amplitude c in white noise of variance 1 has, where c is normal of mean m and
variance 1, the log-likelihood ratio

    (y**2 / 2 + m y - m**2 e / 2) / (1 + e) - log(1 + e) / 2

with ``y = s . x`` and ``e = s . s``, both over valid values alone (Kay 1998, Fundamentals of
Statistical Signal Processing II, chapter 5, for m = 0; the variance of c is within s). It is
quadratic in the window and finds either sign; a large m is the matched filter, for which alone a
linear function would do. The energy e is computed from the flags: less of a template can then be
seen, and its evidence shrinks as it must, where a network would have to learn what each mask means.

What is made of it
------------------
- *Scale.* The window is divided by its own root mean square, drawn towards 1 by `PRIOR` values'
  worth: in noise whose scale varies from window to window, the normalised matched filter is the
  one with a constant share of false alarms (Conte et al. 1995, doi:10.1109/7.381910). Each
  observable has a weight in it.
- *Detectors.* A few templates, each of which is the product of a profile along the track and a
  weight for each observable: L + F numbers instead of L x F, as perturbations of one cause in all
  observables are. Such bilinear forms serve where trials are few and channels many (Dyrholm et al.
  2007, J. Mach. Learn. Res. 8, 1097). Their log-likelihood ratios are summed with weights, 1 at
  first: they add for templates that do not overlap.
- *Linear path.* That of `trainer.models.seqnetquake`, for what all perturbations share.

It has no rectifier and no gate, 322 weights where SeqNetQuake has 219,777, and less than a
two-hundredth of its operations (`trainer.models.flops`). It knows perturbations by a few templates
alone: where their shapes are many, or the background is far from normal, a deep network is better.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.models.engine import keras
from trainer.models.seqnetquake import with_linear

layers, ops = keras.layers, keras.ops

#: Names of the layers that see the values.
SCALE, DETECTORS = "scale", "detectors"

#: Values of variance 1 that the scale of a window is drawn towards; a window has L x F.
PRIOR = 20.0

#: Norm of a template at first: small, so that training begins near the linear path.
_NORM = 0.3


class WindowScale(keras.layers.Layer):  # type: ignore[misc]
    """Divides the values of each window by their root mean square; flags pass as they are."""

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the weight of each observable."""
        self.observables = self.add_weight(
            shape=(shape[2] // 2, 1), initializer="ones", name="observables"
        )

    def call(self, inputs: Any) -> Any:
        """Scale (B, L, 2 F)."""
        values, flags = ops.split(inputs, 2, axis=2)
        weight = ops.square(self.observables[:, 0])
        square, count = (
            ops.sum(part * weight, axis=(1, 2), keepdims=True) for part in (values**2, flags)
        )
        scale = ops.sqrt((square + PRIOR) / (count + PRIOR))
        return ops.concatenate([values / scale, flags], axis=2)

    def multiply_adds(self) -> int:
        """Of a window."""
        _, length, columns = self.input.shape
        return int(2 * length * columns)


class Detectors(keras.layers.Layer):  # type: ignore[misc]
    """Log-likelihood ratios of templates with random amplitudes.

    Parameters
    ----------
    units : int
        Templates, K.
    """

    def __init__(self, units: int, **more: Any) -> None:
        super().__init__(**more)
        self.units = units

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the factors of the templates, and the means of their amplitudes."""
        length, observables = shape[1], shape[2] // 2
        self.observables, self.track = (
            self.add_weight(
                shape=(size, self.units),
                initializer=keras.initializers.RandomNormal(stddev=norm / np.sqrt(size)),
                name=name,
            )
            for name, size, norm in (("observables", observables, _NORM), ("track", length, 1.0))
        )
        self.mean = self.add_weight(shape=(self.units,), initializer="zeros", name="mean")

    def call(self, inputs: Any) -> Any:
        """From (B, L, 2 F) to (B, K)."""
        values, flags = ops.split(inputs, 2, axis=2)
        y = ops.sum(ops.matmul(values, self.observables) * self.track, axis=1)
        energy = ops.matmul(flags, ops.square(self.observables)) * ops.square(self.track)
        e = ops.sum(energy, axis=1)
        gain = ops.square(y) / 2.0 + self.mean * y - ops.square(self.mean) * e / 2.0
        return gain / (1.0 + e) - ops.log1p(e) / 2.0

    def multiply_adds(self) -> int:
        """Of a window."""
        _, length, columns = self.input.shape
        return int(2 * length * (columns // 2 + 1) * self.units)


def build_model(detectors: int, dropout: float, length: int, columns: int) -> keras.Model:
    """Make an untrained network.

    Parameters
    ----------
    detectors : int
        Templates.
    dropout : float
        Share of the templates that are left out at random in training.
    length : int
        Rows in a window, L.
    columns : int
        Features in a row, 2 F.

    Returns
    -------
    keras.Model
        Input (B, L, 2 F), output (B, 1): the logit of the positive class.
    """
    inputs = keras.Input((length, columns))
    scaled = WindowScale(name=SCALE)(inputs)
    x = Detectors(detectors, name=DETECTORS)(scaled)
    x = layers.Dropout(dropout)(x)
    logit = layers.Dense(1, kernel_initializer="ones", name="logit")(x)
    return keras.Model(inputs, with_linear(scaled, logit))
