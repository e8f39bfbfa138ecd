"""What is changed in which payload, and by how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.arrays import AnyArray
from edge.observables import FULL, WAVES, Band
from edge.readers.names import FileName
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass
from trainer.simulate.precursor_model import weights
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
