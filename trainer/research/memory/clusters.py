"""Windows before simulated earthquakes and their matched controls, without native files.

A block of a mission is simulated again and again, with other earthquakes and other noise, until
it has as many clusters as are wanted; a chunk of it is one year of one repetition. For each
mainshock one night half-orbit is drawn that passes within R in the 48 h before it, and controls
as `trainer/recipes/windows.toml` has them. Each chunk comes from a seed of its own: fewer clusters
are the first of more. The state is that of `edge-train simulate` with the chunk's seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from edge.arrays import BoolArray, FloatArray, IntArray, TimeArray, wrap_longitude
from edge.grid import Grid
from edge.night import night_rows
from edge.observables import PROFILES
from edge.windows import window_starts
from trainer.archives.archive import NightPass
from trainer.datasets.controls import REVISIT_DAYS, kp_class
from trainer.datasets.recipe import DatasetRecipe, read_dataset_recipe
from trainer.inputs.declustering import decluster
from trainer.research.bayes_windows import grid_windows
from trainer.research.memory.tracks import Tracks
from trainer.research.memory.windows import EVENTS_PER_DAY, Block, SimulatedWindows, concatenated
from trainer.research.paper.mission_rows import (
    Surroundings,
    half_orbit_state,
    scaled,
)
from trainer.research.strengths_design import CADENCE_S, cut_pass, cut_state, state_grid
from trainer.simulate import precursors
from trainer.simulate.background import Background
from trainer.simulate.environment import Conditions, half_orbit_conditions
from trainer.simulate.geometry import great_circle_km
from trainer.simulate.half_orbit_files import stream
from trainer.simulate.mission import CATALOGUE_MARGIN_DAYS
from trainer.simulate.moments import cell_mean, track_of
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import PARAMETERS
from trainer.simulate.precursor_model import LEAD_TIME_H, dobrovolsky_radius_km
from trainer.simulate.seismicity import simulate_catalogue

#: Half-orbits that the controls of a cluster are taken from.
CONTROL_PASSES = 2
#: Purposes of random streams beside those of `trainer.simulate.half_orbit_files`.
_PAP_STATE, _PHASE, _CHOICE = 2, 0x7068, 0x6368
_DAY = np.timedelta64(86_400_000, "ms")
_MARGIN_S = 75


@cache
def _recipe() -> DatasetRecipe:
    return read_dataset_recipe()


@dataclass(frozen=True, eq=False, kw_only=True)
class _Sight:
    """A simulated half-orbit: its state, its grid and the middles of its windows."""

    half_orbit: Pass
    state: Background
    grid: Grid
    middle: IntArray


class Chunk:
    """One repetition of a year of a block.

    Parameters
    ----------
    block : Block
    number : int
        Of the chunk.
    tracks : Tracks
        Of the block.
    """

    def __init__(self, block: Block, number: int, tracks: Tracks) -> None:
        self.block, self.tracks = block, tracks
        self.plan = block.plan(number)
        first = np.datetime64(self.plan.start, "D")
        last = first + np.timedelta64(self.plan.days, "D")
        margin = np.timedelta64(CATALOGUE_MARGIN_DAYS, "D")
        events = simulate_catalogue(first - margin, last + margin, self.plan.seed, EVENTS_PER_DAY)
        self.around = Surroundings(events, block.indices)
        self._declustered = decluster(events.plain())
        self.profile = PROFILES[block.profile]

    def clusters(self) -> Iterator[SimulatedWindows]:
        """Simulate the clusters, in an order of their own."""
        events = self.around.events
        first = np.datetime64(self.plan.start, "ms")
        # The first two days would look for half-orbits before the chunk.
        inside = (events.time >= first + 2 * _DAY) & (events.time < first + self.plan.days * _DAY)
        chosen = np.flatnonzero(self._declustered.mainshock & inside)
        for event in np.random.default_rng([self.plan.seed, _CHOICE]).permutation(chosen):
            found = self._cluster(int(event))
            if found is not None:
                yield found

    def _cluster(self, event: int) -> SimulatedWindows | None:
        rng = np.random.default_rng([self.plan.seed, _CHOICE, event])
        events = self.around.events
        time, latitude = events.time[event], float(events.latitude[event])
        longitude = float(events.longitude[event])
        radius = float(dobrovolsky_radius_km(events.magnitude[event]))
        lead = np.timedelta64(int(LEAD_TIME_H * 3.6e6), "ms")
        near = self.tracks.near(latitude, longitude, radius, time - lead, time)
        if not near.size:
            return None
        place = int(rng.choice(near))
        when, where = self.tracks.at(latitude)
        kp = self.around.indices.kp_at(when[place : place + 1])
        if not (kp <= _recipe().controls.quiet_kp).all():
            return None
        controls = self._controls(place, when, where, latitude)
        if not controls:
            return None
        sight = self._look(place)
        here = sight.grid.time[sight.middle]
        north, east = sight.grid.latitude[sight.middle], sight.grid.longitude[sight.middle]
        distance = great_circle_km(latitude, longitude, north, east)
        hours = (time - here) / np.timedelta64(3_600_000, "ms")
        good = (distance <= radius) & (hours > 0.0) & (hours <= LEAD_TIME_H)
        good &= self._quiet(here, north, east, event)
        # In an order of chance; of one half-orbit no window is taken twice.
        drawn = np.sort(rng.permutation(np.flatnonzero(good))[: self.block.windows])
        others = [self._look(c) for c in controls] if drawn.size else []
        kept, number, beside = self._beside(sight, sight.middle[drawn], others)
        if not kept.size:
            return None
        drawn, pair = drawn[kept], np.arange(kept.size)
        positive = replace(
            self._cut(sight, sight.middle[drawn], pair),
            label=np.ones(kept.size, np.int8),
            magnitude=np.full(kept.size, float(events.magnitude[event])),
            lead_hours=hours[drawn],
            distance_km=distance[drawn],
        )
        controls_of = [
            self._cut(other, beside[number == i], pair[number == i])
            for i, other in enumerate(others)
            if (number == i).any()
        ]
        return concatenated([positive, *controls_of])

    def _off(self, orbit: int) -> bool:
        """Whether the plasma analyser of CSES-01 is off in a half-orbit, as in its files."""
        code = 1 if self.block.mission == "cses" else 2
        seed = np.random.SeedSequence([self.plan.seed, code, orbit, 1, _PAP_STATE])
        return bool(np.random.default_rng(seed).random() < self.plan.pap_off)

    def _controls(
        self, place: int, when: TimeArray, where: FloatArray, latitude: float
    ) -> list[int]:
        """Find the half-orbits that match best, at the latitude of the epicentre."""
        rule = _recipe().controls
        days = (when - when[place]) / _DAY
        degrees = np.abs(wrap_longitude(where - where[place]))
        # Beyond the chunk its earthquakes are not known.
        first = np.datetime64(self.plan.start, "ms")
        last = first + self.plan.days * _DAY
        good = (np.abs(days) <= rule.season_days) & (np.abs(days) > 1.0)
        good &= (degrees <= rule.longitude_deg) & (when >= first) & (when < last)
        if self.block.mission == "cses":
            minutes = rule.same_track_minutes / 1440.0
            good &= (
                np.abs((days + 0.5 * REVISIT_DAYS) % REVISIT_DAYS - 0.5 * REVISIT_DAYS) < minutes
            )
        found = np.flatnonzero(good)
        kp = self.around.indices.kp_at(when[np.append(found, place)])
        classes = kp_class(kp, rule.kp_edges)
        found = found[(classes[:-1] == classes[-1]) & (kp[:-1] <= rule.quiet_kp)]
        off = self._off(int(self.tracks.orbit[place]))
        found = np.array(
            [c for c in found if self._off(int(self.tracks.orbit[c])) == off], dtype=np.int64
        )
        apart = np.maximum(
            np.abs(days[found]) / rule.season_days, degrees[found] / rule.longitude_deg
        )
        near = found[np.argsort(apart, kind="stable")]
        quiet = self._quiet(when[near], np.full(near.size, latitude), where[near])
        return [int(c) for c in near[quiet]][:CONTROL_PASSES]

    def _quiet(
        self,
        time: TimeArray,
        latitude: FloatArray,
        longitude: FloatArray,
        before: int | None = None,
    ) -> BoolArray:
        """Whether no earthquake is near places at times, (n,), but of a cluster that is to come.

        As `trainer.datasets.labels.SampleLabeller` has it: that of mainshock `before`, which has
        to be the first.
        """
        rule, events = _recipe().labels, self.around.events
        first, last = -rule.clear_before_days, rule.lead_hours[1] / 24.0 + rule.clear_after_days
        if not time.size:
            return np.zeros(0, np.bool_)
        ends = time.min() + int(first) * _DAY, time.max() + int(last) * _DAY
        low, high = np.searchsorted(events.time, ends)
        some = slice(low, high)
        days = (events.time[some] - time[:, None]) / _DAY
        near = (days >= first) & (days < last)
        near &= great_circle_km(
            latitude[:, None], longitude[:, None], events.latitude[some], events.longitude[some]
        ) <= dobrovolsky_radius_km(events.magnitude[some])
        touched: BoolArray = near.any(axis=1)
        if before is None or low == high:
            return ~touched
        cluster = self._declustered.cluster
        own = (cluster[some] == cluster[before]) & (days > 0.0)
        # Events are in order of time: the first one near is the first to come.
        result: BoolArray = ~(near & ~own).any(axis=1) & (low + near.argmax(axis=1) == before)
        return result

    def clear(self, place: int, windows: int) -> tuple[NightPass | None, SimulatedWindows | None]:
        """Simulate the night of a half-orbit without perturbations, and cut some windows of it.

        Parameters
        ----------
        place : int
            Of the half-orbit in the tracks.
        windows : int
            At most; drawn at random.

        Returns
        -------
        NightPass or None
            As `trainer.datasets.climatology_fit` takes it; None without a night row.
        SimulatedWindows or None
            None without a whole window.
        """
        sight = self._look(place)
        night = night_rows(sight.grid, True, "dark")
        rows = np.flatnonzero(night)
        if not rows.size:
            return None, None
        part = slice(rows[0], rows[-1] + 1)
        grid = Grid(**{f.name: getattr(sight.grid, f.name)[part] for f in fields(Grid)})
        found = NightPass(
            key=f"{self.block.mission.upper()}_{sight.half_orbit.name}",
            files=(),
            payloads=(),
            grid=grid,
            night=night[part],
            samples=np.zeros(grid.cell.size, np.float32),
            burst=np.zeros(grid.cell.size, np.bool_),
        )
        rng = np.random.default_rng([self.plan.seed, _CHOICE, int(self.tracks.orbit[place])])
        drawn = np.sort(rng.permutation(sight.middle)[:windows])
        return found, self._cut(sight, drawn, np.arange(drawn.size)) if drawn.size else None

    def _look(self, place: int) -> _Sight:
        """Simulate a half-orbit."""
        half_orbit = self.tracks.half_orbit(place)
        state = half_orbit_state(self.plan, self.around, half_orbit)
        grid = self._grid(half_orbit, state)
        length = _recipe().windows.length
        first = window_starts(night_rows(grid, True, "dark"), length)
        return _Sight(half_orbit=half_orbit, state=state, grid=grid, middle=first + length // 2)

    def _perturbed(self, sight: _Sight, rows: IntArray) -> list[FloatArray]:
        """Give the values of some rows of the grid, (n, L, F), at each strength."""
        change = precursors.perturbation(sight.half_orbit, self.around.events, 1.0)
        if not change.injected:
            return [sight.grid.values[rows]] * len(self.block.strengths)
        time = sight.half_orbit.time
        begin, end = sight.grid.time[[rows.min(), rows.max()]]
        low, high = (int((t - time[0]) / np.timedelta64(1, "s")) for t in (begin, end))
        # Sampling patterns of three seconds go on unbroken, and b_rms sees its 60 s.
        low = max(0, low - _MARGIN_S) // 3 * 3
        part = slice(low, high + _MARGIN_S)
        values = []
        for strength in self.block.strengths.values():
            moved = scaled(change, strength)
            moved = replace(moved, amplitude=moved.amplitude[part])
            here = cut_pass(sight.half_orbit, part)
            state = precursors.apply(here, cut_state(sight.state, part), moved)
            grid = self._grid(here, state, low)
            values.append(grid.values[rows - int(grid.cell[0] - sight.grid.cell[0])])
        return values

    def _grid(self, half_orbit: Pass, state: Background, first_s: int = 0) -> Grid:
        """Put a state on the grid; `first_s` where it begins in its half-orbit."""
        phase = dict.fromkeys(CADENCE_S, 0.0)
        if half_orbit.mission == "demeter":
            rng = np.random.default_rng(stream(self.plan.seed, half_orbit, _PHASE))
            phase = {payload: round(float(rng.uniform(0.0, 1.0)), 3) for payload in CADENCE_S}
        phase = {payload: (s - first_s) % CADENCE_S[payload] for payload, s in phase.items()}
        absent = ("PAP_0",) if self._off(half_orbit.orbit) else ()
        return state_grid(half_orbit, state, self.profile, phase, absent)

    def _beside(
        self, sight: _Sight, positives: IntArray, others: list[_Sight]
    ) -> tuple[IntArray, IntArray, IntArray]:
        """Give to each positive, by turns, the window of a control half-orbit beside it.

        Returns
        -------
        kept : ndarray of int64, shape (k,)
            Places of the positives that have one.
        number : ndarray of int64, shape (k,)
            Of the other half-orbit.
        beside : ndarray of int64, shape (k,)
            Middle row there.
        """
        rule = _recipe().controls
        found = []
        for place, row in enumerate(positives):
            number = place % len(others)
            grid, middle = others[number].grid, others[number].middle
            if not middle.size:
                continue
            north = np.abs(grid.latitude[middle] - sight.grid.latitude[row])
            beside = middle[np.argmin(north)]
            at = slice(beside, beside + 1)
            east = np.abs(wrap_longitude(grid.longitude[at] - sight.grid.longitude[row]))
            if (
                north.min() <= rule.latitude_deg
                and east[0] <= rule.longitude_deg
                and self._quiet(grid.time[at], grid.latitude[at], grid.longitude[at]).all()
            ):
                found.append((place, number, int(beside)))
        kept, numbers, rows = np.array(found, dtype=np.int64).reshape(-1, 3).T
        return kept, numbers, rows

    def _cut(self, sight: _Sight, middle: IntArray, pair: IntArray) -> SimulatedWindows:
        """Cut controls out of a half-orbit; of a positive the caller knows more."""
        grid, n = sight.grid, middle.size
        length = _recipe().windows.length
        rows = (middle - length // 2)[:, None] + np.arange(length)
        at = half_orbit_conditions(sight.half_orbit, self.around.indices)
        parameters = PARAMETERS[self.block.mission]
        values = [grid.values[rows], *self._perturbed(sight, rows)]
        chance = np.zeros((n, 0))
        if self.block.refer:
            chance = np.concatenate([self._chance(grid, one, at) for one in rows])
        flat = np.unique(rows)
        mean = np.zeros(grid.values.shape)
        mean[flat] = cell_mean(
            track_of(grid, self.block.mission, flat), parameters, at, self.profile
        )
        unknown = np.full(n, np.nan)
        return SimulatedWindows(
            values=np.stack(values, axis=1).astype(np.float32),
            mean=mean[rows].astype(np.float32),
            valid=grid.valid[rows],
            latitude=grid.latitude[rows],
            longitude=grid.longitude[rows],
            altitude=grid.altitude[rows],
            cell=grid.cell[rows[:, 0]],
            label=np.zeros(n, np.int8),
            cluster=np.zeros(n, np.int64),
            pair=pair.astype(np.int64),
            orbit=np.full(n, sight.half_orbit.orbit),
            kp=self.around.indices.kp_at(grid.time[middle]),
            magnitude=unknown,
            lead_hours=unknown,
            distance_km=unknown,
            samples=_counts(grid)[rows],
            bubble_chance=chance.astype(np.float32),
            log_ratio=np.full((n, len(values)), np.nan),
        )

    def _chance(self, grid: Grid, rows: IntArray, at: Conditions) -> FloatArray:
        """Give the chances of bubbles in a window, as the reference takes them, (1, K)."""
        alone = np.zeros(grid.cell.size, np.bool_)
        alone[rows] = True
        return grid_windows(
            grid, alone, self.block.mission, self.profile, rows.size, at=at
        ).bubble_chance


def _counts(grid: Grid) -> npt.NDArray[np.int8]:
    assert grid.samples is not None
    return np.where(grid.valid, grid.samples, 0).astype(np.int8)
