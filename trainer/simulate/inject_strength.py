"""What is changed in which payload, and by how much."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.arrays import AnyArray
from edge.geodesy import dipole_latitude
from edge.grid import make_grid
from edge.observables import FULL, MAGNETIC_RMS, WAVES, Band, MissionName, Profile
from edge.readers.names import FileName
from edge.readers.opening import read_half_orbit
from trainer.archives.archive import SIMULATION_FILE
from trainer.inputs.indices import Indices, read_indices
from trainer.simulate.background import track_dipole_latitude
from trainer.simulate.environment import conditions
from trainer.simulate.geometry import Floats
from trainer.simulate.moments import noise_strength
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import PARAMETERS, BackgroundParameters
from trainer.simulate.precursor_model import observable_spread, weights
from trainer.simulate.precursors import COLDEST_K, Perturbation

#: What a changed file says, in the attribute ``SIMULATED`` (HDF5).
MARK = "contains simulated perturbations; no observation of any satellite"
N1_MARK = np.frombuffer(b"simulated", "u1")
#: Fields that are changed by payload: name, observable.
SCALARS = {
    "LAP_1": {"A311": "log_ne", "A321": "te"},
    "PAP_0": {"A315": "log_o", "A322": "ti"},
    "1144": {"Ne": "log_ne", "Ni": "log_ne", "Te": "te"},
    "1140": {"n_O+": "log_o", "Ti": "ti"},
}
SCALARS |= {
    "LAP_2": SCALARS["LAP_1"],
    "1143": SCALARS["1144"],
    "1139": SCALARS["1140"],
}
FIELD = ("HPM_5", "HPM_6")
CSES_SPECTRA = {"EFD_1": "e", "EFD_2": "e", "EFD_3": "e", "SCM_1": "b", "SCM_2": "b", "SCM_3": "b"}
N1_SPECTRA = {"1132": "e", "1137": "b"}
#: Payloads that can hold a perturbation; others are copied.
CHANGEABLE = frozenset({*SCALARS, *FIELD, *CSES_SPECTRA, *N1_SPECTRA})
_BANDS: tuple[Band, ...] = tuple(
    source.band
    for source in (o.sources["demeter"] for o in WAVES.observables[: len(WAVES.observables) // 2])
    if source.band is not None
)

#: Perturbation along a track, and strength of the magnetic noise there (nT).
Along = Callable[[Pass], Perturbation]
Noise = Callable[[Path, FileName, Pass], Floats]


@dataclass(frozen=True, eq=False)
class Scale:
    """How large a perturbation of one standard deviation is.

    Parameters
    ----------
    spread : (21,) float64
        Standard deviation of each observable of the profile `full`; 0 where it is not known.
    noise : callable
        Gives the strength of the magnetic noise at the samples of a magnetometer file, nT.
    """

    spread: Floats
    noise: Noise

    def step(self, observable: str) -> float:
        """Give what an amplitude of 1 adds to a transformed observable."""
        at = FULL.names.index(observable)
        return float(self.spread[at] * weights()[at])


def trusted_rows(ms: NDArray[np.int64], place: Pass) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the records of a file that the reader trusts, and their places in its track."""
    known = place.time.astype(np.int64)
    at = np.minimum(np.searchsorted(known, ms), known.size - 1)
    rows = np.flatnonzero(known[at] == ms)
    return rows, at[rows]


def add_step(values: Floats, step: Floats, observable: str) -> Floats:
    """Add to a transformed observable, (n, 1)."""
    if observable.startswith("log_"):
        return values * 10.0 ** step[:, None]
    # Nothing falls below the floor by its perturbation, and what lay below stays.
    return np.maximum(values + step[:, None], np.minimum(values, COLDEST_K))


def band_steps(amplitude: Floats, kind: str, frequency: AnyArray, scale: Scale) -> Floats:
    """Spread an amplitude over bins, (n, M): what is added to log10 power is that of the band."""
    result = np.zeros((amplitude.size, frequency.size))
    for low, high in _BANDS:
        inside = (frequency >= low) & (frequency < high)
        step = scale.step(f"log_{kind}_{low:g}_{high:g}")
        result[:, inside] = amplitude[:, None] * step
    return result


#: Half-orbits that are looked at.
MOST_HALF_ORBITS = 48
_FEWEST_FOR_BANDS = 8
_FEWEST_VALUES = 60
_BAND_DEG = 5.0
_HIGHEST_DEG = 50.0
_IQR_OF_SIGMA = 1.349
_RMS_ONLY = Profile("b_rms", (MAGNETIC_RMS,))


def estimate_spread(groups: Sequence[dict[Path, FileName]], mission: MissionName) -> Floats:
    """Spread of each observable of the profile `full` in an archive.

    Parameters
    ----------
    groups : sequence of dict of Path to FileName
        Files of each half-orbit; what cannot be read is left out.
    mission : {"cses", "demeter"}

    Returns
    -------
    (21,) float64
        0 for an observable of which fewer than 60 cells within 50 degrees of dipole latitude
        were found.
    """
    chosen = np.unique(np.linspace(0, len(groups) - 1, MOST_HALF_ORBITS).round().astype(np.int64))
    latitude, values, valid = [], [], []
    for place in chosen[: len(groups)]:
        half_orbit = read_half_orbit(groups[place], FULL.payloads(mission))
        if not any(p.track.time.size for p in half_orbit.payloads.values()):
            continue
        grid = make_grid(half_orbit, FULL)
        dipole = np.nan_to_num(dipole_latitude(grid.time, grid.latitude, grid.longitude), nan=90.0)
        low = np.flatnonzero(grid.present & (np.abs(dipole) <= _HIGHEST_DEG))
        latitude.append(dipole[low])
        values.append(grid.values[low])
        valid.append(grid.valid[low])
    spread = np.zeros(len(FULL.names))
    for column in range(len(FULL.names)):
        pairs = [
            (lat[good[:, column]], v[good[:, column], column])
            for lat, v, good in zip(latitude, values, valid, strict=True)
            if good[:, column].sum() >= 8
        ]
        if sum(v.size for _, v in pairs) >= _FEWEST_VALUES:
            low, high = np.percentile(_residuals(pairs), (25.0, 75.0))
            spread[column] = (high - low) / _IQR_OF_SIGMA
    return spread


def _residuals(pairs: list[tuple[Floats, Floats]]) -> Floats:
    if len(pairs) < _FEWEST_FOR_BANDS:
        parts = []
        for latitude, values in pairs:
            x = latitude / _HIGHEST_DEG
            parts.append(values - np.polyval(np.polyfit(x, values, 3), x))
        return np.concatenate(parts)
    latitude, values = (np.concatenate(part) for part in zip(*pairs, strict=True))
    band = np.floor(latitude / _BAND_DEG).astype(np.int64)
    result = np.empty(values.size)
    for one in np.unique(band):
        result[band == one] = values[band == one] - np.median(values[band == one])
    return result


def local_noise(path: Path, name: FileName, place: Pass) -> Floats:
    """Strength of the magnetic noise along a magnetometer file, as it is measured.

    Parameters
    ----------
    path : Path
        HPM_5; of another file nothing is known.
    name : FileName
    place : Pass
        Samples of the file, (n,).

    Returns
    -------
    (n,) float64
        RMS about a cubic over 60 s, nT; 0 where no cell has one.
    """
    half_orbit = read_half_orbit({path: name}, _RMS_ONLY.payloads(name.mission))
    if not half_orbit.payloads:
        return np.zeros(len(place.time))
    grid = make_grid(half_orbit, _RMS_ONLY)
    known = np.flatnonzero(grid.valid[:, 0])
    if not known.size:
        return np.zeros(len(place.time))
    at = grid.time[known].astype(np.int64).astype(np.float64)
    log = np.interp(place.time.astype(np.int64).astype(np.float64), at, grid.values[known, 0])
    return np.asarray(10.0**log)


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
    return noise_strength(track_dipole_latitude(place), parameters, at)
