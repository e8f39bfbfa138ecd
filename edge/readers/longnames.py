"""What channels measure, in words: for plots and for datasets in notebooks."""

from __future__ import annotations

_AXES = ("first", "second", "third")


def _cses_waves() -> dict[str, str]:
    names = {}
    instruments = {"A11": "ULF electric", "A12": "ELF electric", "A13": "VLF electric"}
    instruments |= {"A23": "ULF magnetic", "A24": "ELF magnetic", "A25": "VLF magnetic"}
    for stem, field in instruments.items():
        for k, axis in enumerate(_AXES, start=1):
            names[f"{stem}{k}_W"] = f"{field} field, {axis} axis"
            names[f"{stem}{k}_P"] = f"{field} field spectrum, {axis} axis"
    return names


_CSES = {
    "A211": "magnetic field, scalar",
    "A221": "magnetic field, X",
    "A222": "magnetic field, Y",
    "A223": "magnetic field, Z",
    "B_FGM": "magnetic field vector",
    "q_SIM_ECI": "attitude quaternion",
    "FLAG_MT": "magnetorquer interference",
    "FLAG_SHW": "Earth's shadow",
    "FLAG_TBB": "tri-band beacon on",
    "MAG_LAT": "dipole latitude",
    "MAG_LON": "dipole longitude",
    "WORKMODE": "working mode",
    "A311": "electron density",
    "A321": "electron temperature",
    "UF": "floating potential",
    "UP": "plasma potential",
    "A313": "H+ density",
    "A314": "He+ density",
    "A315": "O+ density",
    "A322": "ion temperature",
    "A331": "ion velocity, x",
    "A332": "ion velocity, y",
    "A333": "ion velocity, z",
    **_cses_waves(),
}
_DEMETER = {
    "Ne": "electron density",
    "Ni": "ion density",
    "Te": "electron temperature",
    "V_plasma": "plasma potential",
    "V_float": "floating potential",
    "V_sat": "satellite potential",
    "n_H+": "H+ density",
    "n_He+": "He+ density",
    "n_O+": "O+ density",
    "Ti": "ion temperature",
    "v_Oz": "ion velocity along the satellite's z axis",
    "ang_v_-Oz": "angle of the ion velocity and -z",
    "ang_vxy_Ox": "angle of the ion velocity in the xy plane and x",
    "sat_potential": "satellite potential",
    "lt": "local time",
    "mag_lat": "dipole latitude",
    "mag_lon": "dipole longitude",
    "mlt": "magnetic local time",
    "inv_lat": "invariant latitude",
    "L": "McIlwain parameter",
    "att_quality": "attitude quality",
    "fs": "sampling rate",
    "df": "frequency step of the spectra",
    "wf": "waveform",
    "counters": "particle counts",
    "energy": "energy of the channels",
    "pitch": "pitch angle",
}
_DEMETER_SPECTRA = {
    "1132": "VLF electric field spectrum",
    "1134": "HF electric field spectrum",
    "1137": "VLF magnetic field spectrum",
    "1141": "electron spectrum",
    "1142": "electron spectrum",
}


def long_name(payload: str, channel: str) -> str:
    """Say what a channel measures.

    Parameters
    ----------
    payload : str
        ``LAP_1``, or an APID such as ``1144``.
    channel : str
        Its name in the file; of a band of spectra with the band behind it.

    Returns
    -------
    str
        Empty where the name says all that is known.
    """
    stem, bracket, band = channel.partition("[")
    if payload.isdigit():
        if stem == "spectra":
            text = _DEMETER_SPECTRA.get(payload, "spectrum")
        else:
            text = _DEMETER.get(stem, "")
    else:
        text = _CSES.get(stem, "")
    return f"{text}, {band.rstrip(']')}" if text and bracket else text
