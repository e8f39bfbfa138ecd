"""The undisturbed background: median and spread by mission, place, season and solar flux.

The model sees residuals from it, or it would learn places. The trainer fits it on
training blocks alone; the edge only looks it up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.arrays import AnyArray, Features, FloatArray, IntArray, TimeArray
from edge.bundle import load_arrays
from edge.errors import BundleError
from edge.geodesy import dipole_latitude
from edge.grid import Grid
from edge.observables import MissionName, Profile

#: Bins of dipole latitude (5 deg), longitude (30 deg) and season (DJF, MAM, JJA, SON).
LATITUDE_BIN_DEG = 5.0
LONGITUDE_BIN_DEG = 30.0
SHAPE = (4, 36, 12)

# Where no epochs are given there is one, from here on, and before.
_ONE_START = np.array(["1970-01-01"], dtype="datetime64[ms]")
_ONE_CLASS = np.zeros(1, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Climatology:
    """Median and spread of each observable.

    Attributes
    ----------
    names : tuple of str
        Observables, the last axis of the tables.
    median, spread : dict of str to ndarray, shape (E, 4, 36, 12, F)
        For each mission: class of solar flux x season x dipole latitude x longitude. The
        spread is the interquartile range over 1.349, the standard deviation of normal values;
        it is above zero. NaN median: nothing is known, and the observable stays masked. Tables
        of one class may come without the first axis; here they have it.
    epoch_start : dict of str to ndarray of datetime64[ms], shape (k,)
        For each mission when another class begins to hold, UTC, in order. The first holds for
        all time before, too, and the last for all time after: what flux follows is not known.
    epoch_class : dict of str to ndarray of int64, shape (k,)
        The class, 0 to E - 1. A mission without epochs has one class.
    """

    names: tuple[str, ...]
    median: dict[str, FloatArray]
    spread: dict[str, FloatArray]
    epoch_start: dict[str, TimeArray] = field(default_factory=dict)
    epoch_class: dict[str, IntArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give each mission its epochs, and tables of one class their first axis."""
        # The caller's dictionaries stay as they are.
        for name in ("median", "spread"):
            tables = {
                mission: table if table.ndim > len(SHAPE) + 1 else table[None]
                for mission, table in getattr(self, name).items()
            }
            object.__setattr__(self, name, tables)
        for name, whole in (("epoch_start", _ONE_START), ("epoch_class", _ONE_CLASS)):
            epochs = dict.fromkeys(self.median, whole) | getattr(self, name)
            object.__setattr__(self, name, epochs)

    def epoch(self, time: TimeArray, mission: MissionName) -> IntArray:
        """Class of solar flux that holds at each time.

        Parameters
        ----------
        time : ndarray of datetime64, shape (N,)
            UTC.
        mission : {"cses", "demeter"}

        Returns
        -------
        ndarray of int64, shape (N,)
        """
        return epoch_at(self.epoch_start[mission], self.epoch_class[mission], time)

    def along(self, grid: Grid, mission: MissionName) -> tuple[FloatArray, FloatArray]:
        """Median and spread along a track.

        Parameters
        ----------
        grid : Grid
            N rows.
        mission : {"cses", "demeter"}

        Returns
        -------
        median, spread : ndarray, shape (N, F)
            The median is NaN where nothing is known, and without a position.
        """
        season, latitude, longitude = bins(grid)
        place = (self.epoch(grid.time, mission), season, latitude, longitude)
        median, spread = self.median[mission][place], self.spread[mission][place]
        median[~grid.present] = np.nan
        return median, spread

    def features(self, grid: Grid, profile: Profile, mission: MissionName, clip: float) -> Features:
        """Turn a grid into the rows that a model sees.

        Parameters
        ----------
        grid : Grid
            N rows, F observables.
        profile : Profile
            The observables of the grid's columns, in order.
        mission : {"cses", "demeter"}
        clip : float
            Residuals are held within this many spreads of the median.

        Returns
        -------
        ndarray of float32, shape (N, 2 F)
            F residuals (0 where masked), then F validity flags (1 or 0).

        Raises
        ------
        BundleError
            The climatology is of other observables, or knows nothing of the mission.
        """
        if profile.names != self.names or mission not in self.median:
            raise BundleError(
                f"climatology of {', '.join(self.names)} for {', '.join(self.median)}; "
                f"asked for {', '.join(profile.names)} for {mission}"
            )
        place = (self.epoch(grid.time, mission), *bins(grid))
        median, spread = self.median[mission][place], self.spread[mission][place]
        known = grid.valid & ~np.isnan(median)
        residuals = np.clip((grid.values - median) / spread, -clip, clip)
        return np.concatenate((np.where(known, residuals, 0.0), known), axis=1, dtype=np.float32)

    def save(self, path: Path) -> None:
        """Write the tables to a ``.npz`` file."""
        tables = {f"{m}_median": t.astype(np.float32) for m, t in self.median.items()}
        tables |= {f"{m}_spread": t.astype(np.float32) for m, t in self.spread.items()}
        tables |= {f"{m}_epoch_start": t.astype("M8[ms]") for m, t in self.epoch_start.items()}
        tables |= {f"{m}_epoch_class": t.astype(np.int64) for m, t in self.epoch_class.items()}
        np.savez_compressed(path, names=np.array(self.names), **tables)

    @classmethod
    def load(cls, path: Path) -> Climatology:
        """Read what `save` wrote, or an older version that had no classes of solar flux.

        Raises
        ------
        BundleError
            The file is missing, damaged or of other shapes.
        """
        arrays = load_arrays(path)
        names = tuple(str(n) for n in arrays.pop("names", np.array([])).reshape(-1))
        median, spread, start, holds = (
            {k.removesuffix(suffix): t for k, t in arrays.items() if k.endswith(suffix)}
            for suffix in ("_median", "_spread", "_epoch_start", "_epoch_class")
        )
        if not median or median.keys() != spread.keys():
            raise BundleError(f"{path.name}: not a climatology: it has {', '.join(arrays)}")
        if start.keys() != holds.keys() or not start.keys() <= median.keys():
            raise BundleError(f"{path.name}: epochs of {', '.join({**start, **holds})}")
        shape = (*SHAPE, len(names))
        for mission in median:
            for name in (f"{mission}_median", f"{mission}_spread"):
                table = arrays[name]
                # One class may go without its axis.
                classes = table.shape[:-4] or (1,)
                fits = table.shape[-4:] == shape and len(classes) == 1 and classes[0] > 0
                if not fits or table.dtype.kind != "f":
                    expected = ", ".join(map(str, shape))
                    raise BundleError(
                        f"{path.name}: {name} is {table.dtype} {table.shape}; "
                        f"float (E, {expected}) expected"
                    )
            if median[mission].shape != spread[mission].shape:
                raise BundleError(
                    f"{path.name}: {mission}_spread is {spread[mission].shape}; "
                    f"{mission}_median is {median[mission].shape}"
                )
            known = np.isfinite(median[mission])
            if not np.all(spread[mission][known] > 0.0):
                raise BundleError(f"{path.name}: {mission}_spread must be above 0 everywhere")
            _check_epochs(path, mission, start, holds, classes[0])
        return cls(
            names,
            {k: t.astype(np.float64) for k, t in median.items()},
            {k: t.astype(np.float64) for k, t in spread.items()},
            {k: t.astype("datetime64[ms]") for k, t in start.items()},
            {k: t.astype(np.int64) for k, t in holds.items()},
        )


def _check_epochs(
    path: Path, mission: str, start: dict[str, AnyArray], holds: dict[str, AnyArray], classes: int
) -> None:
    if mission not in start:
        if classes > 1:
            raise BundleError(f"{path.name}: {mission} has {classes} classes and no epochs")
        return
    begins, held = start[mission], holds[mission]
    ordered = (
        begins.dtype.kind == "M"
        and begins.ndim == 1
        and begins.size > 0
        and not np.isnat(begins).any()
        and bool(np.all(begins[1:] > begins[:-1]))
    )
    if not ordered:
        raise BundleError(f"{path.name}: {mission}_epoch_start is not a row of times in order")
    if held.shape != begins.shape or held.dtype.kind != "i":
        raise BundleError(f"{path.name}: {mission}_epoch_class is {held.dtype} {held.shape}")
    if not np.all((held >= 0) & (held < classes)):
        raise BundleError(
            f"{path.name}: {mission}_epoch_class is {held.min()} to {held.max()}; "
            f"valid is 0 to {classes - 1}"
        )


def epoch_at(start: TimeArray, holds: IntArray, time: TimeArray) -> IntArray:
    """Class of solar flux that holds at each time; see `Climatology`.

    Parameters
    ----------
    start : ndarray of datetime64[ms], shape (k,)
    holds : ndarray of int64, shape (k,)
    time : ndarray of datetime64, shape (N,)

    Returns
    -------
    ndarray of int64, shape (N,)
    """
    place = np.searchsorted(start, time.astype("datetime64[ms]"), side="right") - 1
    found: IntArray = holds[np.maximum(place, 0)]
    return found


def bins(grid: Grid) -> tuple[IntArray, IntArray, IntArray]:
    """Season, dipole latitude and longitude bin of each row.

    Parameters
    ----------
    grid : Grid
        N rows.

    Returns
    -------
    season, latitude, longitude : ndarray of int64, shape (N,)
        Rows without a position fall in bin 0; they are gaps.
    """
    time = grid.time
    month = time.astype("datetime64[M]").astype(np.int64) % 12
    season = (month + 1) % 12 // 3
    dipole = np.nan_to_num(dipole_latitude(time, grid.latitude, grid.longitude))
    longitude = np.nan_to_num(grid.longitude)
    latitude_bin = np.clip((dipole + 90.0) // LATITUDE_BIN_DEG, 0, SHAPE[1] - 1).astype(np.int64)
    longitude_bin = np.clip((longitude + 180.0) // LONGITUDE_BIN_DEG, 0, SHAPE[2] - 1).astype(
        np.int64
    )
    return season, latitude_bin, longitude_bin
