from __future__ import annotations

import numpy as np
import pytest

from edge.arrays import wrap_longitude


@pytest.mark.parametrize("longitude", [-180.0, 180.0, 540.0, -180.0 - 1e-14, 179.999])
def test_wrapped_longitudes_lie_in_the_half_open_range(longitude):
    assert -180.0 <= wrap_longitude(np.array([longitude]))[0] < 180.0
