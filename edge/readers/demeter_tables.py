"""The DEMETER N1 record layouts as data.

Source: DEMETER Microsatellite, Scientific Mission Center, Data Product Description,
DMT-SP-9-CM-6054-LPC, Ed. 3 Rev. 3 (2006), section 3 and tables N1-8 to N1-38. Each
field is (name, type, count); offsets follow from the order. ``u24`` is a 3-byte
unsigned integer.
"""

from __future__ import annotations

from dataclasses import dataclass

Field = tuple[str, str, int]

BLOCK_1: tuple[Field, ...] = (
    ("p_field", "u8", 1),
    ("ccsds_day", "u24", 1),
    ("ccsds_ms", "u32", 1),
    ("ut", "i16", 7),
    ("orbit", "u16", 1),
    ("suborbit", "i16", 1),
    ("station", "char", 8),
    ("sw_ver", "u8", 1),
    ("sw_rev", "u8", 1),
    ("cal_ver", "u8", 1),
    ("cal_rev", "u8", 1),
)
BLOCK_2: tuple[Field, ...] = (
    ("lat", "f32", 1),
    ("lon", "f32", 1),
    ("alt", "f32", 1),
    ("lt", "f32", 1),
    ("mag_lat", "f32", 1),
    ("mag_lon", "f32", 1),
    ("mlt", "f32", 1),
    ("inv_lat", "f32", 1),
    ("L", "f32", 1),
    ("conj_lat", "f32", 1),
    ("conj_lon", "f32", 1),
    ("conjN110_lat", "f32", 1),
    ("conjN110_lon", "f32", 1),
    ("conjS110_lat", "f32", 1),
    ("conjS110_lon", "f32", 1),
    ("B_model", "f32", 3),
    ("f_H+", "f32", 1),
    ("sun", "f32", 3),
    ("orb_ver", "u8", 1),
    ("orb_rev", "u8", 1),
)
BLOCK_3: tuple[Field, ...] = (
    ("Msat2geo", "f32", 9),
    ("Mgeo2lgm", "f32", 9),
    ("att_quality", "i16", 1),
    ("att_ver", "u8", 1),
    ("att_rev", "u8", 1),
)

_IAP: tuple[Field, ...] = (
    ("type", "char", 10),
    ("hk", "u8", 32),
    ("dt", "f32", 1),
    ("u_density", "char", 6),
    ("u_temp", "char", 6),
    ("u_vel", "char", 6),
    ("u_pot", "char", 6),
    ("u_angle", "char", 6),
    ("n_H+", "f32", 1),
    ("n_He+", "f32", 1),
    ("n_O+", "f32", 1),
    ("Ti", "f32", 1),
    ("v_Oz", "f32", 1),
    ("ang_v_-Oz", "f32", 1),
    ("ang_vxy_Ox", "f32", 1),
    ("sat_potential", "f32", 1),
)
_ISL: tuple[Field, ...] = (
    ("type", "char", 10),
    ("hk", "u8", 32),
    ("dt", "f32", 1),
    ("u_density", "char", 5),
    ("u_temp", "char", 5),
    ("u_pot", "char", 5),
    ("Ne", "f32", 1),
    ("Ni", "f32", 1),
    ("Te", "f32", 1),
    ("V_plasma", "f32", 1),
    ("V_float", "f32", 1),
    ("V_sat", "f32", 1),
)


@dataclass(frozen=True, slots=True)
class Apid:
    """One kind of N1 file.

    Attributes
    ----------
    kind : str
        Content of the record's ``type`` field.
    block_4 : tuple of Field
    channels : dict of str to (str, bool)
        Channel name to (unit field of the record, whether a value must be positive).
    cadence : float
        Nominal seconds between records.
    """

    kind: str
    block_4: tuple[Field, ...]
    channels: dict[str, tuple[str, bool]]
    cadence: float


_IAP_CHANNELS = {
    "n_H+": ("u_density", True),
    "n_He+": ("u_density", True),
    "n_O+": ("u_density", True),
    "Ti": ("u_temp", True),
    "v_Oz": ("u_vel", False),
    "ang_v_-Oz": ("u_angle", False),
    "ang_vxy_Ox": ("u_angle", False),
    "sat_potential": ("u_pot", False),
}
_ISL_CHANNELS = {
    "Ne": ("u_density", True),
    "Ni": ("u_density", True),
    "Te": ("u_temp", True),
    "V_plasma": ("u_pot", False),
    "V_float": ("u_pot", False),
    "V_sat": ("u_pot", False),
}

APIDS: dict[str, Apid] = {
    "1139": Apid("IAP BURST", _IAP, _IAP_CHANNELS, 2.3),
    "1140": Apid("IAP SURVEY", _IAP, _IAP_CHANNELS, 4.4),
    "1143": Apid("ISL BURST", _ISL, _ISL_CHANNELS, 1.0),
    "1144": Apid("ISL SURVEY", _ISL, _ISL_CHANNELS, 1.0),
}
