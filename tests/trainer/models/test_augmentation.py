"""Masking of inputs at random."""

from __future__ import annotations

import numpy as np
import pytest

from edge.observables import PLASMA
from trainer.models.augmentation import Dropping, drop_inputs, payload_columns


def test_payloads_fall_out_together() -> None:
    payloads = payload_columns(PLASMA, "cses")
    assert payloads == [[0, 1], [2, 3], [4]]
    assert payload_columns(PLASMA, "demeter") == [[0, 1], [2, 3]]
    inputs = np.ones((4000, 20, 10), dtype=np.float32)
    rng = np.random.default_rng(0)
    dropped = drop_inputs(inputs, payloads, Dropping(0.0, 0.25, 0.0), rng)
    assert (inputs == 1.0).all()
    lost = dropped == 0.0
    assert (lost == lost[:, :1, :]).all()
    lost = lost[:, 0, :]
    assert np.array_equal(lost[:, :5], lost[:, 5:])
    assert np.array_equal(lost[:, 0], lost[:, 1])
    assert lost[:, 4].mean() == pytest.approx(0.25, abs=0.03)
    everything = drop_inputs(inputs, payloads, Dropping(0.0, 0.0, 1.0), rng)
    assert (everything == 0.0).all()
