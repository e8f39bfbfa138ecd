"""The 16 kinds of DEMETER N1 files as data: their channels, units and possible values.

Layouts: `edge.readers.demeter_layout`. Units and cadences: tables N1-8 to N1-38 of
DMT-SP-9-CM-6054-LPC, Ed. 3 Rev. 3.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
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
    minimum, maximum : float
        The possible values; beyond them, not finite, and equal to a fill value,
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
    minimum: float = -inf
    maximum: float = inf
    _: KW_ONLY
    unit_field: str = ""
    fields: tuple[str, ...] = ()
    rows: int = 1
    step: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
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
    min_step : float
        Shortest seconds between records, where a mode is quicker than the nominal one.
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
    min_step: float = 0.0


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
    **{
        n: Quantity("cm^-3", _ABOVE_0, inf, unit_field="u_density")
        for n in ("n_H+", "n_He+", "n_O+")
    },
    "Ti": Quantity("K", _ABOVE_0, inf, unit_field="u_temp"),
    "v_Oz": Quantity("m/s", *_SIGNED, unit_field="u_vel"),
    "ang_v_-Oz": Quantity("deg", *_SIGNED, unit_field="u_angle"),
    "ang_vxy_Ox": Quantity("deg", *_SIGNED, unit_field="u_angle"),
    "sat_potential": Quantity("V", *_SIGNED, unit_field="u_pot"),
}
_ISL_CHANNELS = {
    "Ne": Quantity("cm^-3", _ABOVE_0, inf, unit_field="u_density"),
    "Ni": Quantity("cm^-3", _ABOVE_0, inf, unit_field="u_density"),
    "Te": Quantity("K", _ABOVE_0, inf, unit_field="u_temp"),
    **{n: Quantity("V", *_SIGNED, unit_field="u_pot") for n in ("V_plasma", "V_float", "V_sat")},
}
_FLUX = "elec/cm^2/s/ster/keV"
_IDP_CHANNELS = {
    "energy": Quantity("keV", _ABOVE_0),
    "pitch": Quantity("deg", 0.0, 180.0, unit_field="u_pitch"),
    "V_pol": Quantity("V", *_SIGNED),
    "discr": Quantity("keV", 0.0, 9.9e4),
}
_IDP_BURST_CHANNELS = {
    "spectra": Quantity(
        _FLUX, 0.0, inf, unit_field="u_spec", fields=("spectra",), rows=4, step=1.0
    ),
    **_IDP_CHANNELS,
}
_SEVEN = range(1, 8)
_IDP_SURVEY_CHANNELS = {
    "spectra": Quantity(
        _FLUX,
        0.0,
        inf,
        unit_field="u_spec",
        fields=tuple(f"spec{k}" for k in _SEVEN),
        rows=7,
        step=4.0,
    ),
    "counters": Quantity(
        "-", 0.0, inf, fields=tuple(f"count{k}" for k in _SEVEN), rows=28, step=1.0
    ),
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
        "spectra": Quantity(f"log({unit})", *LOG_POWER, unit_field="unit"),
        "df": Quantity(frequency, _ABOVE_0),
    }


_E, _V, _B = ("E1st", "E2nd", "E3rd"), ("V1", "V2", "V3", "V4"), ("B1st", "B2nd", "B3rd")
# The record's unit of 1129 says V/m; the table, and the magnitude of the field, mV/m.
_ULF = {**_waveforms("mV/m", "", _E), **_waveforms("V", "", _V)}
_E_POWER, _B_POWER = "uV^2/m^2/Hz", "nT^2/Hz"

APIDS: dict[str, Apid] = {
    "1129": Apid(
        kind="ULF ELECTRIC WAVEFORM",
        block_4=three_axes(256, *_E, *_V),
        channels=_sampled("Hz", _ULF),
        cadence=6.5536,
        form="waveform",
    ),
    "1130": Apid(
        kind="ELF ELECTRIC WAVEFORM",
        block_4=three_axes(4096, *_E),
        channels=_sampled("Hz", _waveforms("uV/m", "unit", _E)),
        cadence=1.6384,
        form="waveform",
    ),
    "1131": Apid(
        kind="VLF ELECTRIC WAVEFORM",
        block_4=one_axis(8192),
        channels=_sampled("Hz", _waveforms("uV/m", "unit", ("wf",))),
        cadence=0.2048,
        form="waveform",
    ),
    "1132": Apid(
        kind="VLF ELECTRIC SPECTRUM",
        block_4=SPECTRA,
        channels=_spectra(_E_POWER, "Hz"),
        cadence=4.096,
        min_step=1.024,
        form="spectra",
        highest=20_000.0,
    ),
    # Snapshots of 0.6 ms; the document names no time between them: that of the HF spectra.
    "1133": Apid(
        kind="HF ELECTRIC WAVEFORM",
        block_4=one_axis(4096),
        channels=_sampled("kHz", _waveforms("uV/m", "unit", ("wf",))),
        cadence=4.096,
        min_step=0.512,
        form="waveform",
    ),
    "1134": Apid(
        kind="HF ELECTRIC SPECTRUM",
        block_4=SPECTRA,
        channels=_spectra(_E_POWER, "kHz"),
        cadence=4.096,
        min_step=1.024,
        form="spectra",
        hz=1000.0,
        highest=10_000.0 / 3.0,
    ),
    "1135": Apid(
        kind="ELF MAGNETIC WAVEFORM",
        block_4=three_axes(4096, *_B),
        channels=_sampled("Hz", _waveforms("nT", "unit", _B)),
        cadence=1.6384,
        form="waveform",
    ),
    "1136": Apid(
        kind="VLF MAGNETIC WAVEFORM",
        block_4=one_axis(8192),
        channels=_sampled("Hz", _waveforms("nT", "unit", ("wf",))),
        cadence=0.2048,
        form="waveform",
    ),
    "1137": Apid(
        kind="VLF MAGNETIC SPECTRUM",
        block_4=SPECTRA,
        channels=_spectra(_B_POWER, "Hz"),
        cadence=4.096,
        min_step=1.024,
        form="spectra",
        highest=20_000.0,
    ),
    # A record has up to 128 spectra of a time step that it names itself.
    "1138": Apid(
        kind="Neural Network",
        block_4=CLASSES,
        channels=_CLASS_CHANNELS,
        cadence=13.1,
        min_step=1.3,
        form="classes",
    ),
    "1139": Apid(kind="IAP BURST", block_4=IAP, channels=_IAP_CHANNELS, cadence=2.3),
    "1140": Apid(kind="IAP SURVEY", block_4=IAP, channels=_IAP_CHANNELS, cadence=4.4),
    "1141": Apid(kind="IDP BURST", block_4=IDP_BURST, channels=_IDP_BURST_CHANNELS, cadence=4.0),
    "1142": Apid(
        kind="IDP SURVEY", block_4=IDP_SURVEY, channels=_IDP_SURVEY_CHANNELS, cadence=28.0
    ),
    "1143": Apid(kind="ISL BURST", block_4=ISL, channels=_ISL_CHANNELS, cadence=1.0),
    "1144": Apid(kind="ISL SURVEY", block_4=ISL, channels=_ISL_CHANNELS, cadence=1.0),
}
