"""Sequences of consecutive night-time rows, taken from chunks of rows as they come."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from edge.arrays import BoolArray, Features, IntArray


class WindowStream:
    """Cut windows of L consecutive night rows out of chunks of rows, at stride 1.

    All memory is taken here; nothing is allocated a window. However the rows are cut
    into chunks, the windows are the same.

    Parameters
    ----------
    length : int
        Rows in a window, L.
    columns : int
        Features in a row, C.
    chunk : int, optional
        Most rows that one call of `push` takes, and so most windows it gives.

    Attributes
    ----------
    inputs : ndarray of float32, shape (chunk, L, C)
        The windows of the last `push`; overwritten by the next.
    last_cell : ndarray of int64, shape (chunk,)
        Cell number of the last row of each of them.
    """

    def __init__(self, length: int, columns: int, chunk: int = 256) -> None:
        if length < 1 or columns < 1 or chunk < 1:
            raise ValueError(
                f"length {length}, columns {columns} and chunk {chunk} must be at least 1"
            )
        self.chunk = chunk
        self.inputs: Features = np.zeros((chunk, length, columns), dtype=np.float32)
        self.last_cell: IntArray = np.zeros(chunk, dtype=np.int64)
        # Before the rows of a run the last of those that it began with, up to L - 1.
        self._rows: Features = np.zeros((length - 1 + chunk, columns), dtype=np.float32)
        self._held = 0
        self._next: int | None = None

    def push(self, cell: IntArray, night: BoolArray, features: Features) -> int:
        """Take the next rows.

        Parameters
        ----------
        cell : ndarray of int64, shape (n,)
            Cell numbers, increasing over all calls; a step other than 1 is a gap.
        night : ndarray of bool, shape (n,)
        features : ndarray of float32, shape (n, C)

        Returns
        -------
        int
            How many windows are now in `inputs` and `last_cell`.

        Raises
        ------
        ValueError
            More rows than `chunk`, or arrays of other shapes.
        """
        n = cell.size
        if n > self.chunk or night.shape != (n,) or features.shape != (n, self._rows.shape[1]):
            raise ValueError(
                f"at most {self.chunk} rows of {self._rows.shape[1]} features expected, "
                f"got {n} cells, night {night.shape}, features {features.shape}"
            )
        if not n:
            return 0
        breaks = np.flatnonzero((np.diff(cell) != 1) | (night[1:] != night[:-1])) + 1
        count = 0
        for start, end in pairwise([0, *breaks.tolist(), n]):
            if not night[start] or cell[start] != self._next:
                self._held = 0
            if night[start]:
                count += self._cut(cell[start:end], features[start:end], count)
            self._next = int(cell[end - 1]) + 1
        return count

    def _cut(self, cell: IntArray, features: Features, count: int) -> int:
        """Take rows that continue the run, and put their windows behind `count` others."""
        length, n = self.inputs.shape[1], cell.size
        begin, middle, end = length - 1 - self._held, length - 1, length - 1 + n
        self._rows[middle:end] = features
        windows = max(end - begin - length + 1, 0)
        if windows:
            view = sliding_window_view(self._rows[begin:end], length, axis=0)
            self.inputs[count : count + windows] = view.transpose(0, 2, 1)
            self.last_cell[count : count + windows] = cell[n - windows :]
        self._held = min(self._held + n, middle)
        self._rows[middle - self._held : middle] = self._rows[end - self._held : end]
        return windows


def iterate_windows(
    stream: WindowStream, cell: IntArray, night: BoolArray, features: Features
) -> Iterator[tuple[Features, IntArray]]:
    """Push a half-orbit through a stream chunk by chunk.

    Parameters
    ----------
    stream : WindowStream
    cell, night, features : ndarray
        As for `WindowStream.push`, of any length.

    Yields
    ------
    inputs : ndarray of float32, shape (m, L, C)
        A view that the next step overwrites.
    last_cell : ndarray of int64, shape (m,)
        Likewise.
    """
    for start in range(0, cell.size, stream.chunk):
        rows = slice(start, start + stream.chunk)
        count = stream.push(cell[rows], night[rows], features[rows])
        if count:
            yield stream.inputs[:count], stream.last_cell[:count]
