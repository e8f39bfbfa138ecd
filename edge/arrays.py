"""Names of the array types, and longitudes in one range."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
CountArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]
TimeArray = npt.NDArray[np.datetime64]
Records = npt.NDArray[np.void]

#: Rows, or windows of rows, as a model sees them.
Features = npt.NDArray[np.float32]

#: Of any numeric type, in kernels.
AnyArray = npt.NDArray[Any]


def wrap_longitude(longitude: FloatArray) -> FloatArray:
    """Bring longitudes in degrees, of any shape, into [-180, 180)."""
    wrapped = (longitude + 180.0) % 360.0 - 180.0
    # A value just below -180 rounds up to the open end.
    return np.where(wrapped >= 180.0, -180.0, wrapped)
