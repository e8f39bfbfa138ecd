"""Without the climatology a model learns places, and with it it does not.

The half-orbits are simulated and without any precursor, and labels are a matter of place alone:
positive is a window over one of a few seismic belts, in the training weeks as in the later ones.
Whatever skill a classifier has on the later weeks is knowledge of places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edge.bundle import ClimatologyForm
from edge.climatology import Climatology
from edge.geodesy import dipole_latitude, solar_zenith_angle
from edge.grid import Grid
from edge.observables import PLASMA
from trainer.archives.archive import NightPass
from trainer.datasets.climatology_fit import fit_background, join_fits

#: South, north, west, east: Sumatra, the Philippines, New Guinea, Vanuatu to Tonga, Peru.
BELTS = (
    (-10.0, 8.0, 92.0, 112.0),
    (2.0, 20.0, 118.0, 130.0),
    (-10.0, 0.0, 130.0, 155.0),
    (-26.0, -10.0, 165.0, 180.0),
    (-18.0, 2.0, -84.0, -70.0),
)
LENGTH = 20


@dataclass(frozen=True)
class Rule:
    form: ClimatologyForm = "interpolated"
    least_values: int = 30
    least_spread: float = 1e-3


def simulated_nights(start: str, end: str, seed: int) -> Iterator[NightPass]:
    """Night rows of CSES, 3 s apart, with background and payload noise and nothing else."""
    from trainer.simulate.background import background
    from trainer.simulate.orbits import half_orbits

    days = (np.datetime64(t, "ms") for t in (start, end))
    for number, half_orbit in enumerate(half_orbits("cses", *days)):
        if half_orbit.direction != 1:
            continue
        state = background(half_orbit, np.random.SeedSequence([seed, number]), magnetic=False)
        every = slice(None, None, 3)
        time = half_orbit.time[every]
        latitude, longitude = (
            np.ascontiguousarray(c[every]) for c in (half_orbit.latitude, half_orbit.longitude)
        )
        night = solar_zenith_angle(time, latitude, longitude) > 108.0
        night &= np.abs(dipole_latitude(time, latitude, longitude)) <= 50.0
        n = time.size
        values = np.zeros((n, len(PLASMA.observables)))
        values[:, :4] = state.plasma[every]
        valid = np.zeros(values.shape, dtype=bool)
        valid[:, :4] = True
        cell = time.astype("datetime64[ms]").astype(np.int64) // 3000
        grid = Grid(
            cell, latitude, longitude, np.full(n, 507.0), np.ones(n, dtype=bool), values, valid
        )
        yield NightPass(
            key=f"CSES_{number:06d}",
            files=(Path("simulated"),),
            payloads=("LAP_1",),
            grid=grid,
            night=night,
            samples=np.ones(n, dtype=np.float32),
            burst=np.zeros(n, dtype=bool),
        )


def over_a_belt(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    inside = np.zeros(latitude.size, dtype=bool)
    for south, north, west, east in BELTS:
        inside |= (
            (latitude >= south) & (latitude < north) & (longitude >= west) & (longitude < east)
        )
    return inside


def windows(passes: list[NightPass], climatology: Climatology | None):
    """Means over windows of 20 rows that do not overlap, their labels and half-orbits."""
    rows, labels, half_orbits = [], [], []
    for number, item in enumerate(passes):
        grid = item.grid
        seen = grid.values[:, :4]
        if climatology is not None:
            seen = climatology.features(grid, PLASMA, "cses", 6.0)[:, :4]
        kept = np.flatnonzero(item.night)
        kept = kept[: kept.size // LENGTH * LENGTH].reshape(-1, LENGTH)
        rows.append(seen[kept].mean(axis=1))
        middle = kept[:, LENGTH // 2]
        labels.append(over_a_belt(grid.latitude[middle], grid.longitude[middle]))
        half_orbits.append(np.full(middle.size, number))
    return tuple(np.concatenate(c) for c in (rows, labels, half_orbits))


@pytest.fixture(scope="module")
def weeks() -> tuple[list[NightPass], list[NightPass]]:
    """Fifteen days to train on, and ten later ones of the same season."""
    return (
        list(simulated_nights("2019-06-02", "2019-06-17", 1)),
        list(simulated_nights("2019-07-12", "2019-07-22", 2)),
    )


def skill(weeks, climatology: Climatology | None) -> tuple[float, float]:
    """AUC on the later weeks, and its standard error by resampling half-orbits."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score

    rows, labels, _ = windows(weeks[0], climatology)
    model = RandomForestClassifier(40, min_samples_leaf=20, random_state=0, n_jobs=1)
    model.fit(rows, labels)
    rows, labels, half_orbits = windows(weeks[1], climatology)
    score = model.predict_proba(rows)[:, 1]
    rng = np.random.default_rng(0)
    places = [np.flatnonzero(half_orbits == i) for i in np.unique(half_orbits)]
    again = []
    for _ in range(40):
        drawn = np.concatenate([places[i] for i in rng.integers(0, len(places), len(places))])
        again.append(roc_auc_score(labels[drawn], score[drawn]))
    return roc_auc_score(labels, score), float(np.std(again))


def test_raw_values_teach_places_and_residuals_do_not(weeks) -> None:
    fit = fit_background(weeks[0], PLASMA, "cses", Rule())
    raw, raw_error = skill(weeks, None)
    residual, error = skill(weeks, join_fits(PLASMA, {"cses": fit}))
    # The noise is small enough for the difference to mean something.
    assert max(error, raw_error) < 0.05
    assert raw > 0.5 + 4.0 * raw_error
    assert abs(residual - 0.5) < 2.0 * error
