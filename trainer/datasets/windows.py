"""Windows of half-orbits, kept as the rows that they are cut from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.arrays import Features


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Every window of some half-orbits that covers enough, not yet cut out.

    Attributes
    ----------
    features : ndarray of float32, shape (M, C)
        Rows of all half-orbits, one after another.
    length : int
        Rows in a window, L.
    first : ndarray of int64, shape (n,)
        First row of each window in `features`.
    label : ndarray of int8, shape (n,)
        Of the middle row, L // 2.
    event : ndarray of int64, shape (n,)
        Place in the catalogue of a positive's event, else -1.
    half_orbit : ndarray of int64, shape (n,)
        Place in the archive.
    """

    features: Features
    length: int
    first: npt.NDArray[np.int64]
    label: npt.NDArray[np.int8]
    event: npt.NDArray[np.int64]
    half_orbit: npt.NDArray[np.int64]

    @classmethod
    def laid_out(cls, inputs: Features) -> Windows:
        """Lay windows of which nothing else is known end to end, as rows.

        Parameters
        ----------
        inputs : ndarray of float32, shape (n, L, C)
        """
        n, length, columns = inputs.shape
        unknown = np.full(n, -1, dtype=np.int64)
        rows = inputs.reshape(-1, columns)
        first = np.arange(n, dtype=np.int64) * length
        return cls(rows, length, first, unknown.astype(np.int8), unknown, unknown)

    @property
    def size(self) -> int:
        """Number of windows."""
        return int(self.first.size)

    def inputs(self, chosen: npt.NDArray[np.int64] | slice) -> Features:
        """Cut windows out.

        Parameters
        ----------
        chosen : ndarray of int64, shape (k,), or slice

        Returns
        -------
        ndarray of float32, shape (k, L, C)
        """
        return self.features[self.first[chosen, None] + np.arange(self.length)]
