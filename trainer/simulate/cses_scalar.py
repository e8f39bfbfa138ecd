"""Simulated CSES-01 file HPM_6: the scalar magnetometer of one half-orbit, at 1 Hz."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.simulate.background import Background
from trainer.simulate.cses_files import HPM_ZONE_DEG, place_and_time, write_file
from trainer.simulate.cses_layout import FIELD_FILL, FILL, HPM
from trainer.simulate.orbits import Pass
from trainer.simulate.sampling import resampled

_OWN = {
    "A211": ("nT", FIELD_FILL, (-1e5, 1e5), "CDSM scalar magnetic field"),
    "FLAG_MT": HPM["FLAG_MT"],
    "FLAG_N3": ("none", FILL, (0.0, 1.0), "flag of the scalar magnetometer"),
}


def write_hpm_scalar(folder: Path, half_orbit: Pass, state: Background) -> Path:
    """Write the scalar magnetometer's file, without plagues.

    Parameters
    ----------
    folder : Path
        Existing folder.
    half_orbit : Pass
        Times and places.
    state : Background
        With a magnetic field.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If `state` has no magnetic field.
    """
    if state.field is None:
        raise ValueError(f"the background of half-orbit {half_orbit.name} has no magnetic field")
    keep = np.flatnonzero(np.abs(half_orbit.latitude) <= HPM_ZONE_DEG)
    track = resampled(half_orbit, keep.astype(np.float64))
    data: dict[str, NDArray[Any]] = {
        "A211": np.linalg.norm(state.field[keep], axis=1),
        "FLAG_MT": np.zeros(len(keep), np.int32),
        "FLAG_N3": np.zeros(len(keep), np.int32),
        **place_and_time(track),
    }
    root = {
        "FREQRANGE": "DC",
        "ORBITNUM": np.bytes_(f"{half_orbit.orbit:06d}"),
        "ORBITTYPE": np.bytes_(str(half_orbit.direction)),
        "SAMPLERATE": "1Hz",
        "SOFTVERSION": "V1.0",
    }
    attributes: dict[str, dict[str, Any]] = {}
    for name in data:
        unit, fill, valid, long_name = (HPM | _OWN)[name]
        attributes[name] = {
            "FillValue": np.array([fill]),
            "LongName": np.bytes_(long_name),
            "Units": np.bytes_(unit or ""),
            "ValidRange": np.bytes_(valid) if isinstance(valid, str) else np.array(valid),
        }
    return write_file(folder, "HPM_6", track, data, root, attributes)
