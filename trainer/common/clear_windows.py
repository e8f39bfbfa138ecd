"""How the rows of clear windows vary together, which no perturbation has a part in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.arrays import AnyArray, Features, FloatArray, IntArray
from edge.bundle import load_arrays
from edge.errors import BundleError
from trainer.common.errors import TrainError

CLEAR_WINDOWS_FILE = "clear_windows.npz"


@dataclass(frozen=True, slots=True, eq=False)
class ClearWindows:
    """Covariance along clear windows of the training block.

    Attributes
    ----------
    count : ndarray of int64, shape (F,)
        Windows behind the least known of an observable's covariances.
    covariance : ndarray, shape (F, L, L)
        Of residuals, each over the windows in which both rows are valid; 0 where there are none.
    """

    count: IntArray
    covariance: FloatArray

    def save(self, path: Path) -> None:
        """Write an ``.npz`` file."""
        np.savez_compressed(path, count=self.count, covariance=self.covariance)

    @classmethod
    def load(cls, path: Path) -> ClearWindows:
        """Read what `save` wrote.

        Raises
        ------
        TrainError
            It is missing or damaged.
        """
        try:
            arrays = load_arrays(path)
            return cls(arrays["count"], arrays["covariance"])
        except (BundleError, KeyError) as error:
            raise TrainError(f"{path.name}: no covariance of clear windows: {error}") from None


class ClearMoments:
    """Adds up windows as they come.

    Parameters
    ----------
    length, observables : int
        L and F.
    """

    def __init__(self, length: int, observables: int) -> None:
        # Windows, and sums of one row and of products, for each pair of rows.
        self._sums = np.zeros((3, observables, length, length))

    def add(self, values: Features, valid: AnyArray) -> None:
        """Add windows.

        Parameters
        ----------
        values, valid : ndarray, shape (n, L, F)
            Residuals, 0 where masked, and whether they are valid.
        """
        for column in range(self._sums.shape[1]):
            x, there = (a[:, :, column].astype(np.float64) for a in (values, valid))
            for total, left, right in zip(
                self._sums[:, column], (there, x, x), (there, there, x), strict=True
            ):
                total += left.T @ right

    def result(self) -> ClearWindows:
        """Give the covariances of what was added."""
        count, total, product = self._sums
        known = np.maximum(count, 1.0)
        covariance = product / known - total / known * (total / known).transpose(0, 2, 1)
        return ClearWindows(count.min(axis=(1, 2)).astype(np.int64), covariance)


def clear_windows_of(inputs: Features) -> ClearWindows:
    """Give the covariances of windows that are at hand, shape (n, L, 2 F)."""
    columns = inputs.shape[2] // 2
    moments = ClearMoments(inputs.shape[1], columns)
    moments.add(inputs[:, :, :columns], inputs[:, :, columns:])
    return moments.result()
