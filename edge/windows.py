"""Sequences of consecutive night-time rows, taken from chunks of rows as they come."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge.arrays import AnyArray, BoolArray, Features, IntArray
from edge.jit import kernel


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
        self._ring: Features = np.zeros((length, columns), dtype=np.float32)
        # Rows in the current run, place of the next row in the ring, last cell seen.
        self._state = np.array([0, 0, np.iinfo(np.int64).min], dtype=np.int64)

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
        if n > self.chunk or night.shape != (n,) or features.shape != (n, self._ring.shape[1]):
            raise ValueError(
                f"at most {self.chunk} rows of {self._ring.shape[1]} features expected, "
                f"got {n} cells, night {night.shape}, features {features.shape}"
            )
        return int(
            _cut(cell, night, features, self._ring, self._state, self.inputs, self.last_cell)
        )


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


@kernel
def _cut(
    cell: AnyArray,
    night: AnyArray,
    features: AnyArray,
    ring: AnyArray,
    state: AnyArray,
    inputs: AnyArray,
    last_cell: AnyArray,
) -> int:
    length = ring.shape[0]
    columns = ring.shape[1]
    run, place, previous = state[0], state[1], state[2]
    count = 0
    for i in range(cell.size):
        if not night[i]:
            run = 0
        else:
            run = run + 1 if cell[i] == previous + 1 else 1
            for c in range(columns):
                ring[place, c] = features[i, c]
            place = place + 1 if place + 1 < length else 0
            if run >= length:
                # The oldest row stands where the next one will go.
                source = place
                for row in range(length):
                    for c in range(columns):
                        inputs[count, row, c] = ring[source, c]
                    source = source + 1 if source + 1 < length else 0
                last_cell[count] = cell[i]
                count += 1
        previous = cell[i]
    state[0], state[1], state[2] = run, place, previous
    return count
