"""Windows as classifiers and their judges take them: inputs, labels, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from edge.arrays import BoolArray, Features, FloatArray, IntArray, TimeArray
from trainer.common.clear_windows import ClearWindows, clear_windows_of

#: What is the same for all windows of a set.
OF_THE_WHOLE = ("observables", "mission", "clear")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WindowSet:
    """n labelled windows of L rows and F observables.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n, L, 2 F)
        F residuals, 0 where masked, then F flags: 1 valid, 0 masked.
    label : ndarray of int8, shape (n,)
        1 positive, 0 control.
    observables : tuple of str
        Names of the F columns.
    mission : str
        ``cses``, ``demeter``, or ``arrays`` for windows that came without their origin.
    time : ndarray of datetime64[ms], shape (n,)
        UTC of the middle row, as all that follows.
    latitude, longitude, dipole_latitude, local_time, kp : ndarray, shape (n,)
        Degrees, hours; NaN where unknown.
    half_orbit, event : ndarray of str, shape (n,)
        The half-orbit's key, and the id of a positive's mainshock, else "".
    cluster : ndarray of int64, shape (n,)
        Of that mainshock, else -1.
    pair : ndarray of int64, shape (n,)
        The same for a positive and its matched controls.
    magnitude, lead_hours, distance_km : ndarray, shape (n,)
        Of a positive and its mainshock, else NaN.
    seismicity : ndarray, shape (n, K)
        What the catalogue says of the place before the window; see
        `trainer.training.loading`.
    clear : ClearWindows, optional
        Of the dataset's training block, whichever windows these are.
    """

    inputs: Features
    label: npt.NDArray[np.int8]
    observables: tuple[str, ...]
    mission: str
    time: TimeArray
    latitude: FloatArray
    longitude: FloatArray
    dipole_latitude: FloatArray
    local_time: FloatArray
    kp: FloatArray
    half_orbit: npt.NDArray[np.str_]
    event: npt.NDArray[np.str_]
    cluster: IntArray
    pair: IntArray
    magnitude: FloatArray
    lead_hours: FloatArray
    distance_km: FloatArray
    seismicity: FloatArray
    clear: ClearWindows | None = None

    def __len__(self) -> int:
        """Give the number of windows."""
        return int(self.label.size)

    @property
    def positive(self) -> BoolArray:
        """Mark the positives, shape (n,)."""
        result: BoolArray = self.label == 1
        return result

    @property
    def length(self) -> int:
        """Rows in a window, L."""
        return int(self.inputs.shape[1])

    def clear_windows(self) -> ClearWindows:
        """Give `clear`, or what these windows' own controls say where there is none."""
        if self.clear is not None:
            return self.clear
        return clear_windows_of(self.inputs[~self.positive])

    def take(self, chosen: IntArray | BoolArray | slice) -> WindowSet:
        """Take some of the windows."""
        kept = {
            f.name: getattr(self, f.name)
            if f.name in OF_THE_WHOLE
            else getattr(self, f.name)[chosen]
            for f in fields(self)
        }
        return WindowSet(**kept)


def windows_of_arrays(
    inputs: Features,
    label: npt.NDArray[np.int8],
    observables: tuple[str, ...],
    event: npt.NDArray[np.str_] | None = None,
) -> WindowSet:
    """Make a set of windows of which nothing but inputs and labels is known.

    Parameters
    ----------
    inputs : ndarray of float32, shape (n, L, 2 F)
    label : ndarray of int8, shape (n,)
    observables : tuple of str
        Names of the F columns.
    event : ndarray of str, shape (n,), optional
        Earthquake of each window; by default each window is on its own.
    """
    n = int(label.size)
    unknown = np.full(n, np.nan)
    number = np.arange(n, dtype=np.int64)
    names = np.array([f"w{i}" for i in range(n)], dtype=np.str_)
    known = names if event is None else event.astype(np.str_)
    cluster = np.unique(known, return_inverse=True)[1].astype(np.int64)
    return WindowSet(
        inputs=inputs.astype(np.float32),
        label=label.astype(np.int8),
        observables=observables,
        mission="arrays",
        time=np.full(n, np.datetime64("NaT", "ms"), dtype="datetime64[ms]"),
        latitude=unknown.copy(),
        longitude=unknown.copy(),
        dipole_latitude=unknown.copy(),
        local_time=unknown.copy(),
        kp=unknown.copy(),
        half_orbit=names,
        event=known,
        cluster=cluster,
        pair=number,
        magnitude=unknown.copy(),
        lead_hours=unknown.copy(),
        distance_km=unknown.copy(),
        seismicity=np.zeros((n, 0)),
    )


def groups_of(cluster: IntArray, pair: IntArray) -> IntArray:
    """Give controls the cluster of the positive that they are matched with.

    Parameters
    ----------
    cluster : ndarray of int64, shape (n,)
        Of a positive's mainshock; -1 for controls.
    pair : ndarray of int64, shape (n,)
        The same for a positive and its matched controls.

    Returns
    -------
    ndarray of int64, shape (n,)
        Groups from 0: what is resampled whole. A pair without a positive is one of its own.
    """
    pairs, place = np.unique(pair, return_inverse=True)
    known = cluster >= 0
    of_pair = int(cluster.max(initial=-1)) + 1 + np.arange(pairs.size)
    of_pair[place[known]] = cluster[known]
    group = np.where(known, cluster, of_pair[place])
    result: IntArray = np.unique(group, return_inverse=True)[1].astype(np.int64)
    return result
