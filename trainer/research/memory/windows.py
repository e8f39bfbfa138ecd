"""Simulated windows before any climatology, and how classifiers and the reference see them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt

from edge.arrays import BoolArray, Features, FloatArray, IntArray
from edge.climatology import Climatology, residual_rows
from edge.geodesy import dipole_latitude, local_time
from edge.grid import Grid
from edge.observables import GRID_STEP_S, PROFILES, MissionName
from trainer.common.clear_windows import clear_windows_of
from trainer.datasets.recipe import read_dataset_recipe
from trainer.inputs.indices import Indices
from trainer.models.whitening import fit_whitening, whiten
from trainer.models.window_set import WindowSet, groups_of
from trainer.research.bayes import Reference
from trainer.research.bayes_windows import WindowValues
from trainer.research.paper.mission_rows import SimulatedMission
from trainer.simulate.half_orbit_files import PAP_OFF
from trainer.simulate.moments import columns_of
from trainer.simulate.parameters import PARAMETERS
from trainer.simulate.precursor_model import observable_spread

#: Name of the first strength, which is none.
UNDISTURBED = "null"
#: Earthquakes of M >= 5 a day, aftershocks included, as on Earth.
EVENTS_PER_DAY = 4.0


@dataclass(frozen=True, kw_only=True)
class Block:
    """A span of a mission, simulated as often as it takes.

    Parameters
    ----------
    mission : {"cses", "demeter"}
    first, last : datetime64[D]
        `last` no more; chunks are of at most a year.
    seed : int
        Of the first chunk; those that follow have the next ones.
    indices : Indices
        Of the whole mission.
    strengths : dict of str to float
        Name and strength of the perturbations, standard deviations.
    windows : int
        Positives of a cluster, at most, and as many controls.
    refer : bool
        Whether the reference is to score the windows.
    """

    mission: MissionName
    first: np.datetime64
    last: np.datetime64
    seed: int
    indices: Indices
    strengths: dict[str, float]
    windows: int = 6
    refer: bool = False
    profile: str = "plasma"
    pap_off: float = PAP_OFF

    def plan(self, chunk: int) -> SimulatedMission:
        """Give the mission that a chunk is a part of, as native files would have it."""
        days = int((self.last - self.first).astype(np.int64))
        years = max(1, days // 365)
        length = days // years
        start = self.first + np.timedelta64(length * (chunk % years), "D")
        return SimulatedMission(
            mission=self.mission,
            start=str(start),
            days=length,
            seed=self.seed + chunk,
            events_per_day=EVENTS_PER_DAY,
            strengths=self.strengths,
            profile=self.profile,
            pap_off=self.pap_off if self.mission == "cses" else 0.0,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class SimulatedWindows:
    """n windows of L cells and F observables at S strengths, before any climatology.

    Attributes
    ----------
    values : ndarray of float32, shape (n, S, L, F)
        Transformed; 0 where masked. The first strength is 0: undisturbed.
    mean : ndarray of float32, shape (n, L, F)
        That of the simulator.
    valid : ndarray of bool, shape (n, L, F)
    latitude, longitude, altitude : ndarray, shape (n, L)
    cell : ndarray of int64, shape (n,)
        Of the first row, as `edge.grid.Grid.cell`.
    label : ndarray of int8, shape (n,)
    cluster, pair : ndarray of int64, shape (n,)
        From 0; controls have those of their positive.
    orbit : ndarray of int64, shape (n,)
    kp, magnitude, lead_hours, distance_km : ndarray, shape (n,)
        The last three NaN for controls.
    samples : ndarray of int8, shape (n, L, F)
        Raw samples of a cell; 0 where masked or interpolated.
    bubble_chance : ndarray of float32, shape (n, K)
        As `trainer.research.bayes_windows.WindowValues`; K is 0 where nobody refers.
    log_ratio : ndarray, shape (n, S)
        Of the reference; NaN where it was not asked.
    """

    values: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]
    valid: BoolArray
    latitude: FloatArray
    longitude: FloatArray
    altitude: FloatArray
    cell: IntArray
    label: npt.NDArray[np.int8]
    cluster: IntArray
    pair: IntArray
    orbit: IntArray
    kp: FloatArray
    magnitude: FloatArray
    lead_hours: FloatArray
    distance_km: FloatArray
    samples: npt.NDArray[np.int8]
    bubble_chance: npt.NDArray[np.float32]
    log_ratio: FloatArray

    def take(self, chosen: IntArray | BoolArray) -> SimulatedWindows:
        """Take some of the windows."""
        return SimulatedWindows(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    @property
    def group(self) -> IntArray:
        """Clusters with their controls, which are resampled whole, shape (n,)."""
        return groups_of(np.where(self.label == 1, self.cluster, -1), self.pair)

    def clusters(self, first: int, last: int) -> SimulatedWindows:
        """Take the windows of clusters `first` to `last`, which is no more."""
        return self.take((self.cluster >= first) & (self.cluster < last))


def join(parts: list[SimulatedWindows]) -> SimulatedWindows:
    """Put windows together; clusters and pairs are numbered on."""
    cluster = pair = 0
    moved = []
    for part in parts:
        moved.append(replace(part, cluster=part.cluster + cluster, pair=part.pair + pair))
        cluster += int(part.cluster.max(initial=-1)) + 1
        pair += int(part.pair.max(initial=-1)) + 1
    return concatenated(moved)


def concatenated(parts: list[SimulatedWindows]) -> SimulatedWindows:
    """Put windows together as they are."""
    return SimulatedWindows(
        **{
            f.name: np.concatenate([getattr(part, f.name) for part in parts])
            for f in fields(SimulatedWindows)
        }
    )


def refer(block: Block, windows: SimulatedWindows) -> SimulatedWindows:
    """Let the reference score windows of a block that was simulated with `refer`."""
    length = windows.mean.shape[1]
    profile = PROFILES[block.profile]
    base = Reference(block.mission, profile, 1.0, length)
    samples = windows.samples.astype(np.int64)
    scores = windows.log_ratio.copy()
    for i, strength in enumerate(block.strengths.values(), start=1):
        residual = windows.values[:, i].astype(np.float64) - windows.mean
        residual = np.where(samples > 0, residual, 0.0)
        chance = windows.bubble_chance.astype(np.float64)
        seen = WindowValues(windows.cell, residual, samples, chance)
        scores[:, i] = base.at_strength(strength).log_ratio(seen)
    return replace(windows, log_ratio=scores)


@dataclass(eq=False)
class View:
    """How the windows of one mission are shown to classifiers.

    Parameters
    ----------
    mission : {"cses", "demeter"}
    strengths : tuple of str
        Those of the windows, without the first, which is none.
    climatology : Climatology or None
        None: the simulator's own mean and stationary spread.
    clear : SimulatedWindows
        Clear windows of the training block, that the whitening is fitted on.
    """

    mission: MissionName
    strengths: tuple[str, ...]
    climatology: Climatology | None
    clear: SimulatedWindows
    profile: str = "plasma"
    _matrices: dict[float, FloatArray] = field(default_factory=dict)

    def residuals(self, windows: SimulatedWindows, strength: int = 0) -> Features:
        """Residuals and flags.

        Parameters
        ----------
        windows : SimulatedWindows
            n windows.
        strength : int, optional
            Place among the strengths of the windows; 0 is none.

        Returns
        -------
        ndarray of float32, shape (n, L, 2 F)
        """
        profile, clip = PROFILES[self.profile], read_dataset_recipe().windows.clip
        values = windows.values[:, strength].astype(np.float64)
        n, length, columns = values.shape
        if self.climatology is None:
            spread = observable_spread(PARAMETERS[self.mission])[columns_of(profile)]
            mean = windows.mean.astype(np.float64)
            return residual_rows(values, windows.valid, mean, spread, clip)
        grid = Grid(
            cell=(windows.cell[:, None] + np.arange(length)).ravel(),
            latitude=windows.latitude.ravel(),
            longitude=windows.longitude.ravel(),
            altitude=windows.altitude.ravel(),
            present=np.ones(n * length, np.bool_),
            values=values.reshape(-1, columns),
            valid=windows.valid.reshape(-1, columns),
        )
        rows = self.climatology.features(grid, profile, self.mission, clip)
        result: Features = rows.reshape(n, length, 2 * columns)
        return result

    def whitening(self, shrinkage: float) -> FloatArray:
        """Fit the whitening on the clear windows; see `trainer.models.whitening`."""
        if shrinkage not in self._matrices:
            inputs, names = self.residuals(self.clear), PROFILES[self.profile].names
            self._matrices[shrinkage] = fit_whitening(clear_windows_of(inputs), shrinkage, names)
        return self._matrices[shrinkage]

    def window_set(
        self, windows: SimulatedWindows, strength: str, matrices: FloatArray | None = None
    ) -> WindowSet:
        """Show windows with perturbations of a strength.

        Parameters
        ----------
        windows : SimulatedWindows
        strength : str
            ``null`` for none.
        matrices : ndarray, shape (F, L, L), optional
            Whitening of the residuals.
        """
        inputs = self.residuals(windows, (UNDISTURBED, *self.strengths).index(strength))
        inputs = inputs if matrices is None else whiten(inputs, matrices)
        middle = inputs.shape[1] // 2
        step = 1000 * GRID_STEP_S
        time = ((windows.cell + middle) * step + step // 2).astype("datetime64[ms]")
        latitude = np.ascontiguousarray(windows.latitude[:, middle])
        longitude = np.ascontiguousarray(windows.longitude[:, middle])
        return WindowSet(
            inputs=inputs,
            label=windows.label,
            observables=PROFILES[self.profile].names,
            mission=self.mission,
            time=time,
            latitude=latitude,
            longitude=longitude,
            dipole_latitude=dipole_latitude(time, latitude, longitude),
            local_time=local_time(time, longitude),
            kp=windows.kp,
            half_orbit=windows.orbit.astype(np.str_),
            event=np.where(windows.label == 1, windows.cluster.astype(np.str_), ""),
            cluster=np.where(windows.label == 1, windows.cluster, -1),
            pair=windows.pair,
            magnitude=windows.magnitude,
            lead_hours=windows.lead_hours,
            distance_km=windows.distance_km,
            seismicity=np.zeros((len(windows.label), 0)),
        )
