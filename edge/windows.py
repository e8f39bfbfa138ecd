"""Sequences of consecutive night-time rows of a half-orbit, at stride 1."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from edge.arrays import BoolArray, Features, IntArray


def window_starts(night: BoolArray, length: int) -> IntArray:
    """First rows of all windows of consecutive night rows.

    Parameters
    ----------
    night : ndarray of bool, shape (N,)
        Of consecutive cells, as those of a `Grid` are.
    length : int
        Rows in a window, L.

    Returns
    -------
    ndarray of int64, shape (n,)
        Increasing.
    """
    total = np.concatenate([[0], np.cumsum(night, dtype=np.int64)])
    return np.flatnonzero(total[length:] - total[:-length] == length)


def cut_windows(rows: Features, first: IntArray, length: int) -> Features:
    """Cut windows out of rows.

    Parameters
    ----------
    rows : ndarray of float32, shape (N, C)
    first : ndarray of int64, shape (n,)
        First row of each window.
    length : int
        Rows in a window, L.

    Returns
    -------
    ndarray of float32, shape (n, L, C)
    """
    if not first.size:
        return np.zeros((0, length, rows.shape[1]), dtype=rows.dtype)
    windows: Features = sliding_window_view(rows, length, axis=0)[first].transpose(0, 2, 1)
    return windows
