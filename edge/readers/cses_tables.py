"""The CSES-01 Level 2 payloads as data: datasets, units, which rows they lose.

Sources: a real HPM_5 file; dataset lists and shapes printed from real files of LAP_1, EFD_1
and SCM_1; csespy's tables (https://github.com/EmanuelePapini/csespy) for the rest. What no
source confirms follows the numbering of its neighbours; `CONFIRMED_BY` says which is which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """One dataset of a payload.

    Attributes
    ----------
    unit : str
        The unit where the file names none; of a spectrum, that of its power density.
    columns : int
        Values a record. Of a spectrum as many as FREQ has; of a waveform samples of one
        packet, of which a record has one or more.
    positive : bool
        Whether a value must be above zero (densities, temperatures).
    masked_by : str
        A flag dataset; rows where it is not 0 are invalid.
    required : bool
        Whether the payload is of no use without it.
    kind : {"value", "spectrum", "waveform"}
    waveform : str
        Of a spectrum, the dataset that it can be computed from.
    optional : bool
        Whether it may be missing even where it is asked for.
    """

    unit: str
    columns: int = 1
    positive: bool = False
    masked_by: str = ""
    required: bool = False
    kind: Literal["value", "spectrum", "waveform"] = "value"
    waveform: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class CsesPayload:
    """One kind of Level 2 file.

    Attributes
    ----------
    cadence : float
        Nominal seconds between records.
    datasets : dict of str to DatasetSpec
    sampling_hz : float
        Of the waveforms.
    density : str
        What the spectra are where their unit does not tell: a key of `SPECTRAL_UNITS`.
    """

    cadence: float
    datasets: dict[str, DatasetSpec]
    sampling_hz: float = 0.0
    density: str = ""


_PLACE = {"MAG_LAT": DatasetSpec("deg"), "MAG_LON": DatasetSpec("deg")}

#: DatasetSpec of the working mode, and its value in burst mode (in survey mode it is 1). Some
#: payloads are without it.
WORKMODE = "WORKMODE"
BURST = 2

_COMMON = {**_PLACE, WORKMODE: DatasetSpec("none", optional=True)}
_LANGMUIR = CsesPayload(
    3.0,
    {
        "A311": DatasetSpec("m^-3", positive=True, required=True),
        "A321": DatasetSpec("K", positive=True, required=True),
        "UF": DatasetSpec("V"),
        "UP": DatasetSpec("V"),
        **_COMMON,
    },
)


def _waves(
    numbers: str, cadence: float, bins: int, samples: int, sampling_hz: float
) -> CsesPayload:
    """Build a payload of three components, each with spectra `_P` and waveforms `_W`."""
    electric = numbers.startswith("A1")
    power, field = ("mV^2/m^2/Hz", "mV/m") if electric else ("nT^2/Hz", "nT")
    names = [f"{numbers}{k}" for k in (1, 2, 3)]
    datasets = {
        f"{n}_P": DatasetSpec(
            power,
            bins,
            positive=True,
            required=n == names[0],
            kind="spectrum",
            waveform=f"{n}_W",
        )
        for n in names
    }
    datasets |= {f"{n}_W": DatasetSpec(field, samples, kind="waveform") for n in names}
    # csespy squares the spectra of EFD and takes those of SCM as they are.
    density = "mV/m/Hz^0.5" if electric else "nT^2/Hz"
    return CsesPayload(cadence, datasets | _COMMON, sampling_hz, density)


PAYLOADS: dict[str, CsesPayload] = {
    "HPM_5": CsesPayload(
        1.0,
        {
            "B_FGM": DatasetSpec("nT", columns=3, masked_by="FLAG_MT", required=True),
            "A221": DatasetSpec("nT", masked_by="FLAG_MT"),
            "A222": DatasetSpec("nT", masked_by="FLAG_MT"),
            "A223": DatasetSpec("nT", masked_by="FLAG_MT"),
            "q_SIM_ECI": DatasetSpec("none", columns=4),
            "FLAG_MT": DatasetSpec("none"),
            "FLAG_SHW": DatasetSpec("none"),
            "FLAG_TBB": DatasetSpec("none"),
            **_PLACE,
        },
    ),
    "HPM_6": CsesPayload(
        1.0,
        {
            "A211": DatasetSpec("nT", masked_by="FLAG_MT", positive=True, required=True),
            "FLAG_MT": DatasetSpec("none"),
            "FLAG_N3": DatasetSpec("none"),
            **_PLACE,
        },
    ),
    "LAP_1": _LANGMUIR,
    "LAP_2": _LANGMUIR,
    "PAP_0": CsesPayload(
        1.0,
        {
            "A313": DatasetSpec("m^-3", positive=True),
            "A314": DatasetSpec("m^-3", positive=True),
            "A315": DatasetSpec("m^-3", positive=True, required=True),
            "A322": DatasetSpec("K", positive=True, required=True),
            "A331": DatasetSpec("m/s"),
            "A332": DatasetSpec("m/s"),
            "A333": DatasetSpec("m/s"),
            **_COMMON,
        },
    ),
    "EFD_1": _waves("A11", 2.048, 42, 256, 125.0),
    "EFD_2": _waves("A12", 0.4096, 1024, 2048, 5000.0),
    "EFD_3": _waves("A13", 2.048, 1024, 2048, 50_000.0),
    "SCM_1": _waves("A23", 4.0, 797, 4096, 1024.0),
    # One packet a record would be 0.4 and 0.08 s. The nominal cadence is an upper bound, so
    # that of the spectra of EFD_3 serves both.
    "SCM_2": _waves("A24", 2.048, 1024, 4096, 10_240.0),
    "SCM_3": _waves("A25", 2.048, 1024, 4096, 51_200.0),
}

#: Opening words of what is confirmed by no file.
BY_CONVENTION = "convention"

#: What each layout rests on.
CONFIRMED_BY: dict[str, str] = {
    "HPM_5": "a real file, read here",
    "HPM_6": "dataset names listed from real files; units as HPM_5",
    "LAP_1": "dataset list printed from a real file; units from csespy",
    "LAP_2": f"{BY_CONVENTION}: as LAP_1",
    "PAP_0": "csespy, which was written on real files",
    "EFD_1": "shapes, units and frequencies printed from a real file",
    "EFD_2": "csespy, which was written on real files",
    "EFD_3": f"{BY_CONVENTION}: named and shaped as EFD_2, rates from csespy",
    "SCM_1": "shapes and frequencies printed from a real file",
    "SCM_2": f"{BY_CONVENTION}: named and shaped as SCM_1, rates from csespy",
    "SCM_3": f"{BY_CONVENTION}: named and shaped as SCM_1, rates from csespy",
}

#: What the layout of CSES-02's files rests on; no real file was seen here.
CONFIRMED_BY_02: dict[str, str] = {
    **dict.fromkeys(("HPM_5", "HPM_6"), "as csespy reads it, seen in no real file here"),
    **dict.fromkeys(("LAP_1", "LAP_2", "PAP_0"), "by convention, seen in no real file"),
}

#: Datasets of another layout, in which some files of 2018 are published: times as text or under
#: this name, Earth-fixed positions in metres, waveforms without units.
OTHER_LAYOUT = ("UTCTime", "SAT_POS", "SatPos", "X_WAVE", "Y_WAVE", "Z_WAVE", "FG2")

#: Units that a dataset may be written in, beside its own.
ALSO = {"m^-3": ("cm^-3",)}

#: Units of spectra, and the power and factor that turn them into power density in the table's
#: unit: amplitude density is squared.
SPECTRAL_UNITS: dict[str, dict[str, tuple[int, float]]] = {
    "mV^2/m^2/Hz": {
        "mV^2/m^2/Hz": (1, 1.0),
        "uV^2/m^2/Hz": (1, 1e-6),
        "mV/m/Hz^0.5": (2, 1.0),
    },
    "nT^2/Hz": {"nT^2/Hz": (1, 1.0), "nT/Hz^0.5": (2, 1.0)},
}
#: Units that say nothing about the kind of density.
PLAIN_FIELD = ("", "none", "mV/m", "nT")

#: Most records that a file of a half-orbit can hold (75 minutes at 16 Hz).
MAX_RECORDS = 75 * 60 * 16
