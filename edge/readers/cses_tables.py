"""The CSES-01 Level 2 payloads as data: datasets, units, which rows they lose.

Sources: a real HPM_5 file; for LAP_1 the dataset list printed from a real file and
csespy's units; PAP_0 from csespy's tables alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset of a payload.

    Attributes
    ----------
    unit : str
        The unit where the file names none.
    columns : int
        Values a record.
    positive : bool
        Whether a value must be above zero (densities, temperatures).
    masked_by : str
        A flag dataset; rows where it is not 0 are invalid.
    required : bool
        Whether the payload is of no use without it.
    """

    unit: str
    columns: int = 1
    positive: bool = False
    masked_by: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class CsesPayload:
    """One kind of Level 2 file."""

    cadence: float
    datasets: dict[str, Dataset]


PAYLOADS: dict[str, CsesPayload] = {
    "HPM_5": CsesPayload(
        1.0,
        {
            "B_FGM": Dataset("nT", columns=3, masked_by="FLAG_MT", required=True),
            "A221": Dataset("nT", masked_by="FLAG_MT"),
            "A222": Dataset("nT", masked_by="FLAG_MT"),
            "A223": Dataset("nT", masked_by="FLAG_MT"),
            "q_SIM_ECI": Dataset("none", columns=4),
            "FLAG_MT": Dataset("none"),
            "FLAG_SHW": Dataset("none"),
            "FLAG_TBB": Dataset("none"),
            "MAG_LAT": Dataset("deg"),
            "MAG_LON": Dataset("deg"),
        },
    ),
    "LAP_1": CsesPayload(
        3.0,
        {
            "A311": Dataset("m^-3", positive=True, required=True),
            "A321": Dataset("K", positive=True, required=True),
            "UF": Dataset("V"),
            "UP": Dataset("V"),
            "MAG_LAT": Dataset("deg"),
            "MAG_LON": Dataset("deg"),
            "WORKMODE": Dataset("none"),
        },
    ),
    "PAP_0": CsesPayload(
        1.0,
        {
            "A313": Dataset("m^-3", positive=True),
            "A314": Dataset("m^-3", positive=True),
            "A315": Dataset("m^-3", positive=True, required=True),
            "A322": Dataset("K", positive=True, required=True),
            "A331": Dataset("m/s"),
            "A332": Dataset("m/s"),
            "A333": Dataset("m/s"),
            "MAG_LAT": Dataset("deg"),
            "MAG_LON": Dataset("deg"),
            "WORKMODE": Dataset("none"),
        },
    ),
}

#: Units that a dataset may be written in, beside its own.
ALSO = {"m^-3": ("cm^-3",)}

#: Most records that a file of a half-orbit can hold (75 minutes at 16 Hz).
MOST_RECORDS = 75 * 60 * 16
