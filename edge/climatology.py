"""The undisturbed background: median and spread by mission, place and season.

The model sees residuals from it, or it would learn places. The trainer fits it on
training blocks alone; the edge only looks it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.arrays import AnyArray, Features, FloatArray, IntArray
from edge.bundle import load_arrays
from edge.errors import BundleError
from edge.geodesy import dipole_latitude
from edge.grid import Grid
from edge.jit import kernel
from edge.observables import MissionName, Profile

#: Bins of dipole latitude (5 deg), longitude (30 deg) and season (DJF, MAM, JJA, SON).
LATITUDE_BIN_DEG = 5.0
LONGITUDE_BIN_DEG = 30.0
SHAPE = (4, 36, 12)


@dataclass(frozen=True, slots=True, eq=False)
class Climatology:
    """Median and spread of each observable.

    Attributes
    ----------
    names : tuple of str
        Observables, the last axis of the tables.
    median, spread : dict of str to ndarray, shape (4, 36, 12, F)
        For each mission: season x dipole latitude x longitude. The spread is the
        interquartile range over 1.349, the standard deviation of normal values; it is
        above zero. NaN median: nothing is known, and the observable stays masked.
    """

    names: tuple[str, ...]
    median: dict[str, FloatArray]
    spread: dict[str, FloatArray]

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
        season, latitude, longitude = bins(grid)
        out = np.zeros((grid.cell.size, 2 * len(self.names)), dtype=np.float32)
        _residuals(
            grid.values,
            grid.valid,
            season,
            latitude,
            longitude,
            self.median[mission],
            self.spread[mission],
            clip,
            out,
        )
        return out

    def save(self, path: Path) -> None:
        """Write the tables to a ``.npz`` file."""
        tables = {f"{m}_median": t.astype(np.float32) for m, t in self.median.items()}
        tables |= {f"{m}_spread": t.astype(np.float32) for m, t in self.spread.items()}
        np.savez_compressed(path, names=np.array(self.names), **tables)

    @classmethod
    def load(cls, path: Path) -> Climatology:
        """Read what `save` wrote.

        Raises
        ------
        BundleError
            The file is missing, damaged or of other shapes.
        """
        arrays = load_arrays(path)
        names = tuple(str(n) for n in arrays.pop("names", np.array([])).reshape(-1))
        median, spread = (
            {k.removesuffix(suffix): t for k, t in arrays.items() if k.endswith(suffix)}
            for suffix in ("_median", "_spread")
        )
        shape = (*SHAPE, len(names))
        if not median or median.keys() != spread.keys():
            raise BundleError(f"{path.name}: not a climatology: it has {', '.join(arrays)}")
        for name, table in arrays.items():
            if table.shape != shape or table.dtype.kind != "f":
                raise BundleError(
                    f"{path.name}: {name} is {table.dtype} {table.shape}; float {shape} expected"
                )
        for mission in median:
            known = np.isfinite(median[mission])
            if not np.all(spread[mission][known] > 0.0):
                raise BundleError(f"{path.name}: {mission}_spread must be above 0 everywhere")
        return cls(
            names,
            {k: t.astype(np.float64) for k, t in median.items()},
            {k: t.astype(np.float64) for k, t in spread.items()},
        )


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


@kernel
def _residuals(
    values: AnyArray,
    valid: AnyArray,
    season: AnyArray,
    latitude: AnyArray,
    longitude: AnyArray,
    median: AnyArray,
    spread: AnyArray,
    clip: float,
    out: AnyArray,
) -> None:
    columns = values.shape[1]
    for i in range(values.shape[0]):
        for c in range(columns):
            centre = median[season[i], latitude[i], longitude[i], c]
            if valid[i, c] and not np.isnan(centre):
                z = (values[i, c] - centre) / spread[season[i], latitude[i], longitude[i], c]
                out[i, c] = min(clip, max(-clip, z))
                out[i, columns + c] = 1.0
