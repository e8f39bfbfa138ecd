"""Operations of networks, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from trainer.models.registry import NETWORK_KINDS

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("tensorflow")]

CONVOLUTIONS = 20 * 3 * (10 * 64 + 64 * 64)
#: Multiply-adds at the defaults, for windows of 20 rows of 5 observables and their flags.
COUNTS = {
    "seqnetquake": CONVOLUTIONS + 2 * 2 * (5 * 64 + 64) * 256 + 128 * 64 + 64,
    "cnn": CONVOLUTIONS + 640 * 64 + 64,
    "lstm": 20 * (10 + 64) * 256 + 64 * 64 + 64,
    "dnn": 200 * 128 + 128 * 128 + 128,
    "quadratic": 4 * 100 + 2 * 20 * (5 + 1) * 8 + 8 + 100,
}


@pytest.mark.parametrize("kind", NETWORK_KINDS)
def test_operations_of_each_kind(kind: str) -> None:
    from trainer.models.flops import flops
    from trainer.models.networks import PARAMETERS, build_network

    assert flops(build_network(PARAMETERS[kind](), 20, 10)) == 2 * COUNTS[kind]
    if kind in ("seqnetquake", "cnn"):
        linear: Any = PARAMETERS[kind]
        assert flops(build_network(linear(linear=True), 20, 10)) == 2 * (COUNTS[kind] + 100)


def test_a_layer_that_is_not_known_is_named() -> None:
    from trainer.models.engine import keras
    from trainer.models.flops import flops

    model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    with pytest.raises(TypeError, match="for a layer BatchNormalization"):
        flops(model)
