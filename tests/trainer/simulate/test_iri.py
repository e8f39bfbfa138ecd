"""The simulated density stays near PyIRI, the International Reference Ionosphere in Python."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

ORACLE = Path(__file__).parents[2] / "oracles" / "iri.py"


@pytest.mark.slow
def test_density_is_near_the_reference_ionosphere() -> None:
    spec = importlib.util.spec_from_file_location("iri_oracle", ORACLE)
    assert spec is not None
    assert spec.loader is not None
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    found = oracle.compare(np.array([0.0, 6.0, 12.0, 18.0]))
    for i, case in enumerate(oracle.CASES):
        inner = np.concatenate([d[:, i][m[:, i] <= 50.0] for d, m in found.values()])
        assert abs(np.median(inner)) < 0.1, case
        assert np.sqrt(np.mean(inner**2)) < 0.25, case
