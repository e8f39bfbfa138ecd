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

from typing import Literal

import msgspec

MissionName = Literal["cses", "demeter"]

#: Lowest and highest frequency of a band in Hz; the lowest is in it, the highest is not.
Band = tuple[float, float]

#: Grid step in seconds (design decision 3).
GRID_STEP_S = 3

#: Length of the local cubic fit of |B| in seconds, centred on the cell.
B_RMS_SPAN_S = 60.0


#: What a reader is asked for: channels, and of a channel of spectra the bands.
Request = dict[str, tuple[Band, ...]]


def band_name(channel: str, band: Band) -> str:
    """Name of the channel that holds the mean power of one band of a channel of spectra."""
    return f"{channel}[{band[0]:g}-{band[1]:g} Hz]"


class Source(msgspec.Struct, frozen=True):
    """Where a mission's files hold an observable.

    Attributes
    ----------
    payloads : tuple of str
        Payloads in order of preference: ``LAP_1``, or an APID such as ``1144``.
    channel : str
        Name of the channel within that payload.
    band : tuple of float, optional
        Of a channel of spectra, the band whose mean power is meant.
    """

    payloads: tuple[str, ...]
    channel: str
    band: Band | None = None

    @property
    def name(self) -> str:
        """Name of the channel that a reader gives for it."""
        return self.channel if self.band is None else band_name(self.channel, self.band)


class Observable(msgspec.Struct, frozen=True, kw_only=True):
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


class Profile(msgspec.Struct, frozen=True):
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

    def payloads(self, mission: MissionName) -> dict[str, Request]:
        """Payloads of the mission that the profile needs, each with its channels."""
        needed: dict[str, Request] = {}
        for observable in self.observables:
            source = observable.sources.get(mission)
            if source is None:
                continue
            for payload in source.payloads:
                channels = needed.setdefault(payload, {})
                bands = channels.get(source.channel, ())
                channels[source.channel] = bands if source.band is None else (*bands, source.band)
        return needed


ELECTRON_DENSITY = Observable(
    name="log_ne",
    unit="cm^-3",
    transform="log10",
    plausible=(1e1, 1e7),
    sources={
        "cses": Source(("LAP_1",), "A311"),
        "demeter": Source(("1144", "1143"), "Ne"),
    },
)
ELECTRON_TEMPERATURE = Observable(
    name="te",
    unit="K",
    transform="none",
    plausible=(300.0, 10_000.0),
    sources={"cses": Source(("LAP_1",), "A321"), "demeter": Source(("1144", "1143"), "Te")},
)
OXYGEN_DENSITY = Observable(
    name="log_o",
    unit="cm^-3",
    transform="log10",
    plausible=(1e1, 1e7),
    sources={
        "cses": Source(("PAP_0",), "A315"),
        "demeter": Source(("1140", "1139"), "n_O+"),
    },
)
ION_TEMPERATURE = Observable(
    name="ti",
    unit="K",
    transform="none",
    plausible=(300.0, 10_000.0),
    sources={"cses": Source(("PAP_0",), "A322"), "demeter": Source(("1140", "1139"), "Ti")},
)
MAGNETIC_RMS = Observable(
    name="b_rms",
    unit="nT",
    transform="log10",
    plausible=(1e-4, 1e4),
    sources={"cses": Source(("HPM_5",), "B_FGM")},
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

#: Bands of the profile ``waves`` in Hz. None crosses the seam between the ELF and VLF
#: instruments of CSES, and 1.7 kHz, where Nemec et al. (2008) saw a decrease, lies whole in one.
ELF_BANDS: tuple[Band, ...] = (
    (40.0, 100.0),
    (100.0, 180.0),
    (220.0, 500.0),
    (500.0, 1200.0),
    (1200.0, 2100.0),
)
VLF_BANDS: tuple[Band, ...] = ((2300.0, 5000.0), (5000.0, 10_000.0), (10_000.0, 17_000.0))

#: Lines of transmitters below 17 kHz in Hz, cut out of the bands with `NOTCH_HALF_WIDTH_HZ`
#: on both sides: the three of the Alpha (RSDN-20) navigation system, HWU (15.1 kHz), and VTX
#: and JXN (16.3 and 16.4 kHz).
TRANSMITTER_LINES_HZ: tuple[float, ...] = (
    11_905.0,
    12_649.0,
    14_881.0,
    15_100.0,
    16_300.0,
    16_400.0,
)
NOTCH_HALF_WIDTH_HZ = 100.0

#: A band with fewer bins is masked.
FEWEST_BINS = 2


def _wave(kind: str, unit: str, plausible: tuple[float, float], band: Band) -> Observable:
    """Build the observable of one band: one component a mission, the first that it measures."""
    elf = band in ELF_BANDS
    cses = {
        "e": Source(("EFD_2",), "A121_P", band) if elf else Source(("EFD_3",), "A131_P", band),
        "b": Source(("SCM_2",), "A241_P", band) if elf else Source(("SCM_3",), "A251_P", band),
    }
    demeter = {"e": Source(("1132",), "spectra", band), "b": Source(("1137",), "spectra", band)}
    return Observable(
        name=f"log_{kind}_{band[0]:g}_{band[1]:g}",
        unit=unit,
        transform="log10",
        plausible=plausible,
        sources={"cses": cses[kind], "demeter": demeter[kind]},
    )


# Ranges of ICE and IMSC spectrograms (Berthelier et al. 2006; Parrot et al. 2006) with three
# decades of margin on both sides.
WAVES = Profile(
    "waves",
    (
        *(_wave("e", "uV^2/m^2/Hz", (1e-6, 1e9), b) for b in ELF_BANDS + VLF_BANDS),
        *(_wave("b", "nT^2/Hz", (1e-15, 1e3), b) for b in ELF_BANDS + VLF_BANDS),
    ),
)
FULL = Profile("full", PLASMA.observables + WAVES.observables)

PROFILES: dict[str, Profile] = {p.name: p for p in (PLASMA, WAVES, FULL)}
