from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.windows import cut_windows, window_starts


@given(arrays(np.bool_, st.integers(0, 70)), st.integers(1, 12))
def test_windows_are_all_stretches_of_night_rows(night: np.ndarray, length: int) -> None:
    rows = np.arange(2 * night.size, dtype=np.float32).reshape(-1, 2)
    first = window_starts(night, length)
    expected = [i for i in range(night.size - length + 1) if night[i : i + length].all()]
    assert first.tolist() == expected
    windows = cut_windows(rows, first, length)
    assert windows.shape == (len(expected), length, 2)
    assert windows.dtype == np.float32
    for window, start in zip(windows, expected, strict=True):
        np.testing.assert_array_equal(window, rows[start : start + length])


def test_too_few_rows_give_no_window() -> None:
    night = np.ones(3, dtype=bool)
    assert window_starts(night, 4).size == 0
    assert cut_windows(np.zeros((3, 5), np.float32), window_starts(night, 4), 4).shape == (0, 4, 5)
