"""The undisturbed background: median and spread by mission, place, season and solar flux.

The model sees residuals from it, or it would learn places. The trainer fits it on
training blocks alone; the edge only looks it up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args

import numpy as np

from edge.arrays import AnyArray, BoolArray, Features, FloatArray, IntArray, TimeArray
from edge.bundle import ClimatologyForm, load_arrays
from edge.errors import BundleError, one_line
from edge.geodesy import dipole_latitude
from edge.grid import Grid
from edge.observables import MissionName, Profile

#: Bins of dipole latitude (5 deg), longitude (30 deg) and season (DJF, MAM, JJA, SON).
LATITUDE_BIN_DEG = 5.0
LONGITUDE_BIN_DEG = 30.0
SHAPE = (4, 36, 12)

# Middle of the first season; December to February.
_MIDWINTER = np.datetime64("1970-01-15", "ms")
_SEASON_MS = 365.2425 * 86_400_000 / SHAPE[0]

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
    form : {"nearest", "interpolated"}
        ``nearest``: median and spread of a bin hold for all of it, with a step to the next.
        ``interpolated``: they hold in its middle, and between middles they change linearly with
        dipole latitude, longitude and the time of the year, the spread in its logarithm.
    """

    names: tuple[str, ...]
    median: dict[str, FloatArray]
    spread: dict[str, FloatArray]
    epoch_start: dict[str, TimeArray] = field(default_factory=dict)
    epoch_class: dict[str, IntArray] = field(default_factory=dict)
    form: ClimatologyForm = "nearest"
    _tables: dict[str, FloatArray] = field(default_factory=dict, init=False)

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
        for mission, spread in self.spread.items():
            # Where nothing is known it may be anything.
            logarithm = np.log(np.where(spread > 0.0, spread, 1.0))
            self._tables[mission] = np.concatenate([self.median[mission], logarithm], axis=-1)

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
        epoch, table = self.epoch(grid.time, mission), self._tables[mission]
        if self.form == "nearest":
            found = table[(epoch, *bins(grid))]
        else:
            found = _interpolate(table, epoch, grid)
        median, spread = found[:, : len(self.names)], np.exp(found[:, len(self.names) :])
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
        return residual_rows(grid.values, grid.valid, *self.along(grid, mission), clip)

    def save(self, path: Path) -> None:
        """Write the tables to a ``.npz`` file."""
        tables = {f"{m}_median": t.astype(np.float32) for m, t in self.median.items()}
        tables |= {f"{m}_spread": t.astype(np.float32) for m, t in self.spread.items()}
        tables |= {f"{m}_epoch_start": t.astype("M8[ms]") for m, t in self.epoch_start.items()}
        tables |= {f"{m}_epoch_class": t.astype(np.int64) for m, t in self.epoch_class.items()}
        about = {"names": np.array(self.names), "form": np.array(self.form)}
        np.savez_compressed(path, **about, **tables)

    @classmethod
    def load(cls, path: Path) -> Climatology:
        """Read what `save` wrote, or an older version that had neither classes nor a form.

        Raises
        ------
        BundleError
            The file is missing, damaged or of other shapes.
        """
        arrays = load_arrays(path)
        names = tuple(str(n) for n in arrays.pop("names", np.array([])).reshape(-1))
        form = str(arrays.pop("form", np.array("nearest")))
        if form not in get_args(ClimatologyForm):
            known_forms = " or ".join(get_args(ClimatologyForm))
            raise BundleError(f"{path.name}: form {one_line(form)!r}; {known_forms} expected")
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
            cast(ClimatologyForm, form),
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


def residual_rows(
    values: FloatArray, valid: BoolArray, median: FloatArray, spread: FloatArray, clip: float
) -> Features:
    """Turn values into the rows that a model sees.

    Parameters
    ----------
    values, valid, median : ndarray, shape (..., F)
        Where the median is NaN the value counts as masked.
    spread : ndarray, shape (..., F) or (F,)
    clip : float
        Residuals are held within this many spreads of the median.

    Returns
    -------
    ndarray of float32, shape (..., 2 F)
        F residuals (0 where masked), then F validity flags (1 or 0).
    """
    known = valid & np.isfinite(median)
    residual = np.where(known, values - median, 0.0) / spread
    np.clip(residual, -clip, clip, out=residual)
    return np.concatenate([residual, known], axis=-1, dtype=np.float32)


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
    month = grid.time.astype("datetime64[M]").astype(np.int64) % 12
    season = (month + 1) % 12 // 3
    latitude, longitude = (np.floor(c).astype(np.int64) for c in _place(grid))
    return season, latitude, longitude


def _place(grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Dipole latitude and longitude in bins from the south and from the date line."""
    dipole = np.nan_to_num(dipole_latitude(grid.time, grid.latitude, grid.longitude))
    latitude = (dipole + 90.0) / LATITUDE_BIN_DEG
    longitude = (np.nan_to_num(grid.longitude) + 180.0) / LONGITUDE_BIN_DEG
    return (
        np.clip(latitude, 0.0, np.nextafter(SHAPE[1], 0.0)),
        np.clip(longitude, 0.0, np.nextafter(SHAPE[2], 0.0)),
    )


def _interpolate(table: FloatArray, epoch: IntArray, grid: Grid) -> FloatArray:
    """Interpolate (E, 4, 36, 12, K) between the middles of bins, shape (N, K)."""
    season = (grid.time - _MIDWINTER).astype(np.int64) / _SEASON_MS
    latitude, longitude = (c - 0.5 for c in _place(grid))
    place = np.stack([season, np.clip(latitude, 0.0, SHAPE[1] - 1.0), longitude])
    lower = np.floor(place).astype(np.int64)
    weights = np.stack([1.0 - (place - lower), place - lower])
    corner = np.array([[0], [1]])
    seasons, longitudes = ((lower[i] + corner) % SHAPE[i] for i in (0, 2))
    latitudes = np.minimum(lower[1] + corner, SHAPE[1] - 1)
    # The eight corners of each row, by season, latitude and longitude.
    which = (epoch * SHAPE[0] + seasons)[:, None, None] * SHAPE[1] + latitudes[:, None]
    which = which * SHAPE[2] + longitudes
    weight = weights[:, 0][:, None, None] * weights[:, 1][:, None] * weights[:, 2]
    found: FloatArray = np.einsum(
        "syxn,syxnk->nk", weight, table.reshape(-1, table.shape[-1])[which]
    )
    return found
