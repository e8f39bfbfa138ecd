"""How large a perturbation of one standard deviation is in an archive."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from edge.observables import FULL, MissionName
from edge.readers.names import FileName
from trainer.archives.archive import SIMULATION_FILE
from trainer.indices import Indices, read_indices
from trainer.simulate.background import dipole_latitude
from trainer.simulate.conditions import conditions
from trainer.simulate.geometry import Floats
from trainer.simulate.inject_spread import estimate_spread, local_noise
from trainer.simulate.inject_steps import CHANGEABLE, Scale
from trainer.simulate.moments import noise_strength
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import PARAMETERS, BackgroundParameters
from trainer.simulate.precursor_model import observable_spread


def find_scales(
    archive: Path, files: dict[Path, FileName], strength: float
) -> dict[MissionName, tuple[Scale, str]]:
    """Find what one standard deviation is for each mission.

    Parameters
    ----------
    archive : Path
    files : dict of Path to FileName
        Its payload files.
    strength : float
        With 0 nothing is estimated.

    Returns
    -------
    dict of str to (Scale, str)
        For each mission the scale, and where it comes from: the parameters of the simulation
        that the archive says it is, if this version has the same, else the archive itself.
    """
    known = _simulated_parameters(archive)
    indices_file = archive / "indices.txt"
    result: dict[MissionName, tuple[Scale, str]] = {}
    for mission in sorted({name.mission for name in files.values()}):
        if known is not None and known[0] == mission:
            indices = read_indices(indices_file) if indices_file.is_file() else None
            noise = partial(_simulated_noise, known[1], indices)
            result[mission] = (
                Scale(observable_spread(known[1]), noise),
                "parameters of the simulation",
            )
            continue
        spread = np.zeros(len(FULL.names))
        if strength > 0.0:
            groups: dict[str, dict[Path, FileName]] = {}
            for path, name in files.items():
                if name.mission == mission and name.payload in CHANGEABLE:
                    groups.setdefault(name.half_orbit, {})[path] = name
            spread = estimate_spread(list(groups.values()), mission)
        result[mission] = (Scale(spread, local_noise), "estimated from the archive")
    return result


def _simulated_parameters(archive: Path) -> tuple[str, BackgroundParameters] | None:
    """Give the parameters of a simulated archive, if they are those of this version."""
    try:
        made = json.loads((archive / SIMULATION_FILE).read_bytes())
        mission = made["mission"]
        same = json.loads(json.dumps(asdict(PARAMETERS[mission]))) == made["background"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (mission, PARAMETERS[mission]) if same else None


def _simulated_noise(
    parameters: BackgroundParameters,
    indices: Indices | None,
    path: Path,
    name: FileName,
    place: Pass,
) -> Floats:
    del path, name
    at = conditions(place.time[len(place.time) // 2], indices)
    return noise_strength(dipole_latitude(place), parameters, at)
