"""Observables and profiles: pure data, shared by every reader, mission and model.

An observable is one physical quantity with a name, a unit and a transform; for
each mission it names the payload and channel that give it. A profile is an
ordered list of observables, the model's input columns.

Plausible ranges are those of the night-time topside ionosphere at 500-720 km:
densities from IRI-2020 (Bilitza et al. 2022) with two decades of margin below and
one above, CSES LAP's own measuring range for Te (500-10,000 K, CSES LAP
description), and the sum of thermospheric temperature and margin for Ti.
A value outside its range is invalid, never clipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MissionName = Literal["cses", "demeter"]

#: Grid step in seconds (design decision 3).
GRID_STEP_S = 3

#: Length of the local cubic fit of |B| in seconds, centred on the cell.
B_RMS_SPAN_S = 60.0


@dataclass(frozen=True, slots=True)
class Source:
    """Where a mission's files hold an observable.

    Attributes
    ----------
    payloads : tuple of str
        Payloads in order of preference: ``LAP_1``, or an APID such as ``1144``.
    channel : str
        Name of the channel within that payload.
    """

    payloads: tuple[str, ...]
    channel: str


@dataclass(frozen=True, slots=True)
class Observable:
    """One physical quantity.

    Attributes
    ----------
    name, unit : str
        The name and the unit before the transform.
    transform : {"log10", "none"}
        Applied to every sample before the mean over a grid cell.
    plausible : tuple of float
        Lowest and highest valid value, in ``unit``.
    sources : dict
        For each mission that has the observable, where it is found.
    derived : {"", "b_rms"}
        Empty for a sampled quantity; else the rule that makes it.
    """

    name: str
    unit: str
    transform: Literal["log10", "none"]
    plausible: tuple[float, float]
    sources: dict[MissionName, Source]
    derived: Literal["", "b_rms"] = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """An ordered list of observables: the input columns of a model."""

    name: str
    observables: tuple[Observable, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the observables, in order."""
        return tuple(o.name for o in self.observables)

    def available(self, mission: MissionName) -> tuple[bool, ...]:
        """Which observables the mission has at all, shape (F,)."""
        return tuple(mission in o.sources for o in self.observables)

    def payloads(self, mission: MissionName) -> dict[str, tuple[str, ...]]:
        """Payloads of the mission that the profile needs, each with its channels."""
        needed: dict[str, tuple[str, ...]] = {}
        for observable in self.observables:
            source = observable.sources.get(mission)
            if source is None:
                continue
            for payload in source.payloads:
                needed[payload] = (*needed.get(payload, ()), source.channel)
        return needed


ELECTRON_DENSITY = Observable(
    "log_ne",
    "cm^-3",
    "log10",
    (1e1, 1e7),
    {
        "cses": Source(("LAP_1",), "A311"),
        "demeter": Source(("1144", "1143"), "Ne"),
    },
)
ELECTRON_TEMPERATURE = Observable(
    "te",
    "K",
    "none",
    (300.0, 10_000.0),
    {"cses": Source(("LAP_1",), "A321"), "demeter": Source(("1144", "1143"), "Te")},
)
OXYGEN_DENSITY = Observable(
    "log_o",
    "cm^-3",
    "log10",
    (1e1, 1e7),
    {
        "cses": Source(("PAP_0",), "A315"),
        "demeter": Source(("1140", "1139"), "n_O+"),
    },
)
ION_TEMPERATURE = Observable(
    "ti",
    "K",
    "none",
    (300.0, 10_000.0),
    {"cses": Source(("PAP_0",), "A322"), "demeter": Source(("1140", "1139"), "Ti")},
)
MAGNETIC_RMS = Observable(
    "b_rms",
    "nT",
    "log10",
    (1e-4, 1e4),
    {"cses": Source(("HPM_5",), "B_FGM")},
    derived="b_rms",
)

PLASMA = Profile(
    "plasma",
    (
        ELECTRON_DENSITY,
        ELECTRON_TEMPERATURE,
        OXYGEN_DENSITY,
        ION_TEMPERATURE,
        MAGNETIC_RMS,
    ),
)

PROFILES: dict[str, Profile] = {PLASMA.name: PLASMA}
