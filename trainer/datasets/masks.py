"""Where the windows of a half-orbit begin, and which of their values are valid, in short."""

from __future__ import annotations

import numpy as np

from edge.arrays import BoolArray, IntArray

#: Classes of the valid rows of one observable: none, up to a third of the partial counts, up to
#: two thirds, the rest, all.
MASK_CLASSES = 5


def window_starts(night: BoolArray, length: int) -> IntArray:
    """First rows of all windows of consecutive night rows.

    Parameters
    ----------
    night : ndarray of bool, shape (N,)
        Of consecutive cells.
    length : int
        Rows in a window, L.

    Returns
    -------
    ndarray of int64, shape (n,)
        Those that `edge.windows.WindowStream` gives, in order.
    """
    total = np.concatenate([[0], np.cumsum(night, dtype=np.int64)])
    return np.flatnonzero(total[length:] - total[:-length] == length)


def mask_classes(valid: BoolArray, first: IntArray, length: int) -> tuple[IntArray, IntArray]:
    """Sum up which rows of each observable are valid in each window.

    Parameters
    ----------
    valid : ndarray of bool, shape (N, F)
    first : ndarray of int64, shape (n,)
        First row of each window.
    length : int
        L.

    Returns
    -------
    count : ndarray of int64, shape (n, F)
        Valid rows.
    packed : ndarray of int64, shape (n,)
        The class of each observable, as a number in base `MASK_CLASSES`, the first one lowest.
    """
    total = np.zeros((valid.shape[0] + 1, valid.shape[1]), dtype=np.int64)
    np.cumsum(valid, axis=0, out=total[1:])
    count = total[first + length] - total[first]
    classes = np.where(
        count == 0,
        0,
        np.where(count == length, MASK_CLASSES - 1, 1 + (3 * (count - 1)) // max(length - 1, 1)),
    )
    return count, classes @ (MASK_CLASSES ** np.arange(valid.shape[1], dtype=np.int64))


def mask_text(packed: IntArray, observables: int) -> list[str]:
    """Spell masks, one digit an observable: 0 none valid, 4 all, 1 to 3 some."""
    return [
        "".join(str((int(p) // MASK_CLASSES**i) % MASK_CLASSES) for i in range(observables))
        for p in packed
    ]
