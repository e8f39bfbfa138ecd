"""The 16 kinds of DEMETER N1 files as data: their channels, units and possible values.

Layouts: `edge.readers.demeter_layout`. Units and cadences: tables N1-8 to N1-38 of
DMT-SP-9-CM-6054-LPC, Ed. 3 Rev. 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

from edge.readers.demeter_layout import (
    CLASSES,
    IAP,
    IDP_BURST,
    IDP_SURVEY,
    ISL,
    SPECTRA,
    Field,
    one_axis,
    three_axes,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One channel.

    Attributes
    ----------
    unit : str
        In the project's spelling; ``-`` where there is none.
    least, most : float
        Lowest and highest possible value; beyond them, not finite, and equal to a fill value,
        a value is masked.
    unit_field : str
        Field of the record that must name this unit or nothing.
    fields : tuple of str
        Fields that hold it, one after the other; by default the one of the channel's name.
    rows : int
        Rows of a record.
    step : float
        Seconds between these rows.
    """

    unit: str
    least: float = -inf
    most: float = inf
    unit_field: str = ""
    fields: tuple[str, ...] = ()
    rows: int = 1
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class Apid:
    """One kind of N1 file.

    Attributes
    ----------
    kind : str
        Content of the record's ``type`` field.
    block_4 : tuple of Field
    channels : dict of str to Quantity
        Without those of `HEADER`, which every kind has.
    cadence : float
        Nominal seconds between records.
    form : {"", "waveform", "spectra", "classes"}
        What says the size of a record's arrays: nothing, ``nsamp``, ``nb`` and ``nbf``, or
        ``nbs`` and ``nbclasses``.
    hz : float
        Of spectra, the record's unit of frequency in Hz.
    highest : float
        Of spectra, the last frequency in that unit.
    """

    kind: str
    block_4: tuple[Field, ...]
    channels: dict[str, Quantity]
    cadence: float
    form: Literal["", "waveform", "spectra", "classes"] = ""
    hz: float = 1.0
    highest: float = 0.0


# The smallest float32 above zero, so that a range has both of its ends in it.
_ABOVE_0 = 1e-45
# Fill values of potentials, velocities and angles lie beyond.
_SIGNED = (-9.9e4, 9.9e4)

#: Header fields that become channels of every kind; 99999 where the model does not reach.
HEADER: dict[str, Quantity] = {
    "lt": Quantity("h", 0.0, 24.0),
    "mag_lat": Quantity("deg", -90.0, 90.0),
    "mag_lon": Quantity("deg", -180.0, 360.0),
    "mlt": Quantity("h", 0.0, 24.0),
    "inv_lat": Quantity("deg", -90.0, 90.0),
    "L": Quantity("-", 0.0, 999.0),
    "att_quality": Quantity("-", 0.0, 2.0),
}

_IAP_CHANNELS = {
    **{n: Quantity("cm^-3", _ABOVE_0, inf, "u_density") for n in ("n_H+", "n_He+", "n_O+")},
    "Ti": Quantity("K", _ABOVE_0, inf, "u_temp"),
    "v_Oz": Quantity("m/s", *_SIGNED, "u_vel"),
    "ang_v_-Oz": Quantity("deg", *_SIGNED, "u_angle"),
    "ang_vxy_Ox": Quantity("deg", *_SIGNED, "u_angle"),
    "sat_potential": Quantity("V", *_SIGNED, "u_pot"),
}
_ISL_CHANNELS = {
    "Ne": Quantity("cm^-3", _ABOVE_0, inf, "u_density"),
    "Ni": Quantity("cm^-3", _ABOVE_0, inf, "u_density"),
    "Te": Quantity("K", _ABOVE_0, inf, "u_temp"),
    **{n: Quantity("V", *_SIGNED, "u_pot") for n in ("V_plasma", "V_float", "V_sat")},
}
_FLUX = "elec/cm^2/s/ster/keV"
_IDP_CHANNELS = {
    "energy": Quantity("keV", _ABOVE_0),
    "pitch": Quantity("deg", 0.0, 180.0, "u_pitch"),
    "V_pol": Quantity("V", *_SIGNED),
    "discr": Quantity("keV", 0.0, 9.9e4),
}
_IDP_BURST_CHANNELS = {
    "spectra": Quantity(_FLUX, 0.0, inf, "u_spec", ("spectra",), 4, 1.0),
    **_IDP_CHANNELS,
}
_SEVEN = range(1, 8)
_IDP_SURVEY_CHANNELS = {
    "spectra": Quantity(_FLUX, 0.0, inf, "u_spec", tuple(f"spec{k}" for k in _SEVEN), 7, 4.0),
    "counters": Quantity("-", 0.0, inf, "", tuple(f"count{k}" for k in _SEVEN), 28, 1.0),
    **_IDP_CHANNELS,
    **{n: Quantity("keV", 0.0, 9.9e4) for n in ("thr1", "thr2", "thr3", "thr_hi3")},
}
_CLASS_CHANNELS = {
    "intensity": Quantity("-", 0.0, 255.0),
    "uncertainty": Quantity("-", 0.0, 255.0),
    "Dmin": Quantity("-"),
    "Dmax": Quantity("-"),
}


def _waveforms(unit: str, unit_field: str, names: tuple[str, ...]) -> dict[str, Quantity]:
    return {name: Quantity(unit, unit_field=unit_field) for name in names}


def _sampled(rate: str, waveforms: dict[str, Quantity]) -> dict[str, Quantity]:
    return {**waveforms, "fs": Quantity(rate, _ABOVE_0)}


#: Range of the logarithm of a power; beyond it a value is a fill value or damaged.
LOG_POWER = (-30.0, 30.0)


def _spectra(unit: str, frequency: str) -> dict[str, Quantity]:
    return {
        "spectra": Quantity(f"log({unit})", *LOG_POWER, "unit"),
        "df": Quantity(frequency, _ABOVE_0),
    }


_E, _V, _B = ("E1st", "E2nd", "E3rd"), ("V1", "V2", "V3", "V4"), ("B1st", "B2nd", "B3rd")
# The record's unit of 1129 says V/m; the table, and the magnitude of the field, mV/m.
_ULF = {**_waveforms("mV/m", "", _E), **_waveforms("V", "", _V)}
_E_POWER, _B_POWER = "uV^2/m^2/Hz", "nT^2/Hz"

APIDS: dict[str, Apid] = {
    "1129": Apid(
        "ULF ELECTRIC WAVEFORM",
        three_axes(256, *_E, *_V),
        _sampled("Hz", _ULF),
        6.5536,
        "waveform",
    ),
    "1130": Apid(
        "ELF ELECTRIC WAVEFORM",
        three_axes(4096, *_E),
        _sampled("Hz", _waveforms("uV/m", "unit", _E)),
        1.6384,
        "waveform",
    ),
    "1131": Apid(
        "VLF ELECTRIC WAVEFORM",
        one_axis(8192),
        _sampled("Hz", _waveforms("uV/m", "unit", ("wf",))),
        0.2048,
        "waveform",
    ),
    "1132": Apid(
        "VLF ELECTRIC SPECTRUM",
        SPECTRA,
        _spectra(_E_POWER, "Hz"),
        4.096,
        "spectra",
        highest=20_000.0,
    ),
    # Snapshots of 0.6 ms; the document names no time between them: that of the HF spectra.
    "1133": Apid(
        "HF ELECTRIC WAVEFORM",
        one_axis(4096),
        _sampled("kHz", _waveforms("uV/m", "unit", ("wf",))),
        4.096,
        "waveform",
    ),
    "1134": Apid(
        "HF ELECTRIC SPECTRUM",
        SPECTRA,
        _spectra(_E_POWER, "kHz"),
        4.096,
        "spectra",
        1000.0,
        10_000.0 / 3.0,
    ),
    "1135": Apid(
        "ELF MAGNETIC WAVEFORM",
        three_axes(4096, *_B),
        _sampled("Hz", _waveforms("nT", "unit", _B)),
        1.6384,
        "waveform",
    ),
    "1136": Apid(
        "VLF MAGNETIC WAVEFORM",
        one_axis(8192),
        _sampled("Hz", _waveforms("nT", "unit", ("wf",))),
        0.2048,
        "waveform",
    ),
    "1137": Apid(
        "VLF MAGNETIC SPECTRUM",
        SPECTRA,
        _spectra(_B_POWER, "Hz"),
        4.096,
        "spectra",
        highest=20_000.0,
    ),
    # A record has up to 128 spectra of a time step that it names itself.
    "1138": Apid("Neural Network", CLASSES, _CLASS_CHANNELS, 13.1, "classes"),
    "1139": Apid("IAP BURST", IAP, _IAP_CHANNELS, 2.3),
    "1140": Apid("IAP SURVEY", IAP, _IAP_CHANNELS, 4.4),
    "1141": Apid("IDP BURST", IDP_BURST, _IDP_BURST_CHANNELS, 4.0),
    "1142": Apid("IDP SURVEY", IDP_SURVEY, _IDP_SURVEY_CHANNELS, 28.0),
    "1143": Apid("ISL BURST", ISL, _ISL_CHANNELS, 1.0),
    "1144": Apid("ISL SURVEY", ISL, _ISL_CHANNELS, 1.0),
}
