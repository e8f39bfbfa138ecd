"""Units as files write them, and the factors to the common ones."""

from __future__ import annotations

_SPELLINGS = {
    "m^-3": ("m^-3", "m-3", "1/m^3", "1/m3", "/m^3", "/m3", "#/m^3", "#/m3", "m**-3", "m⁻³"),
    "cm^-3": ("cm^-3", "cm-3", "1/cm^3", "1/cm3", "/cm^3", "/cm3", "#/cm^3", "#/cm3", "cm⁻³"),
    "K": ("k", "kelvin"),
    "nT": ("nt",),
    "uV^2/m^2/Hz": ("uv^2/m^2/hz", "µv^2/m^2/hz", "(uv/m)^2/hz"),
    "mV^2/m^2/Hz": ("mv^2/m^2/hz", "(mv/m)^2/hz"),
    "mV/m/Hz^0.5": ("mv/m/hz^0.5", "mv/m/hz^1/2", "mv/m/hz^(1/2)", "mv/m/sqrt(hz)", "mv/m/√hz"),
    "mV/m": ("mv/m",),
    "nT^2/Hz": ("nt^2/hz",),
    "nT/Hz^0.5": ("nt/hz^0.5", "nt/hz^1/2", "nt/hz^(1/2)", "nt/sqrt(hz)", "nt/√hz"),
    "Hz": ("hz",),
    "V": ("v", "volt"),
    "m/s": ("m/s", "m s-1", "m*s-1"),
    "deg": ("deg", "degree", "degrees"),
    "km": ("km",),
}
# The Greek letter for the micro sign that Latin-1 has, and a raised 2.
_OTHER_LETTERS = str.maketrans({"\u03bc": "\xb5", "\xb2": "^2"})
_CANONICAL = {text: unit for unit, texts in _SPELLINGS.items() for text in texts}

_FACTORS = {("m^-3", "cm^-3"): 1e-6, ("mV^2/m^2/Hz", "uV^2/m^2/Hz"): 1e6}


def canonical_unit(text: str) -> str:
    """Give the project's spelling of a unit, or the text itself where it is unknown."""
    text = text.strip()
    return _CANONICAL.get(text.lower().translate(_OTHER_LETTERS), text)


def conversion_factor(unit: str, target: str) -> float:
    """Factor that turns values in `unit` into values in `target`.

    Parameters
    ----------
    unit, target : str
        In the project's spelling.

    Raises
    ------
    ValueError
        There is no factor from the one to the other.
    """
    if unit == target:
        return 1.0
    try:
        return _FACTORS[unit, target]
    except KeyError:
        raise ValueError(f"no conversion from {unit!r} to {target!r}") from None
