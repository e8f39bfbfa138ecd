"""What the reference of `trainer.research.bayes` says of the windows of a dataset.

It needs what rows on disk do not keep, the number of raw samples of each value: the half-orbits
are simulated once more, which gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.arrays import FloatArray
from edge.observables import GRID_STEP_S, PROFILES
from trainer.common.errors import TrainError
from trainer.models.window_set import WindowSet
from trainer.research.bayes import Reference
from trainer.research.paper.mission_rows import (
    SimulatedMission,
    half_orbit_state,
    mission_passes,
    read_back,
    scaled,
    surroundings,
)
from trainer.research.reference_scores import score_pass
from trainer.simulate import precursors

_STEP_MS = round(1000.0 * GRID_STEP_S)


@dataclass(frozen=True, slots=True, eq=False)
class UnitReference:
    """Scores of the reference.

    Attributes
    ----------
    log_ratio : ndarray, shape (n,)
        Logarithm of the likelihood ratio of a perturbed window against a clear one.
    name : str
        ``Bayes reference``, or ``matched-filter reference`` where it approximates.
    approximations : tuple of str
    """

    log_ratio: FloatArray
    name: str
    approximations: tuple[str, ...]


def reference_scores(plan: SimulatedMission, label: str, windows: WindowSet) -> UnitReference:
    """Score windows with the reference that knows the mission's strength.

    Parameters
    ----------
    plan : SimulatedMission
    label : str
        Key of ``plan.strengths``, of a strength above 0.
    windows : WindowSet
        n windows of a dataset of that mission and label.

    Raises
    ------
    TrainError
        A window is not found again, or nothing is injected.
    """
    strength = plan.strengths[label]
    if strength <= 0.0:
        raise TrainError(f"label {label!r} has strength 0: there is nothing to refer to")
    profile = PROFILES[plan.profile]
    length = windows.length
    reference = Reference(plan.mission, profile, strength, length, outliers=True)
    around = surroundings(plan)
    middle = windows.time.astype("datetime64[ms]").astype(np.int64) // _STEP_MS
    wanted: dict[str, list[int]] = {}
    for place, key in enumerate(windows.half_orbit.tolist()):
        wanted.setdefault(key, []).append(place)
    result = np.full(len(windows), np.nan)
    margin = np.timedelta64(2, "h")
    first, last = windows.time.min() - margin, windows.time.max() + margin
    for half_orbit in mission_passes(plan, first, last):
        places = wanted.pop(f"{plan.mission.upper()}_{half_orbit.name}", None)
        if places is None:
            continue
        state = half_orbit_state(plan, around, half_orbit)
        change = precursors.perturbation(half_orbit, around.events, 1.0)
        if change.injected:
            state = precursors.apply(half_orbit, state, scaled(change, strength))
        found, _ = read_back(plan, half_orbit, state)
        if found is None:
            continue
        result[places] = score_pass(
            found, middle[places], plan.mission, profile, length, around.indices, reference
        )
    if wanted:
        raise TrainError(f"half-orbit {next(iter(wanted))} was not simulated again")
    return UnitReference(result, reference.name, reference.approximations)
