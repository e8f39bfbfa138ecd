"""Layout of simulated DEMETER N1 Level-1 records, as data.

That of the Data Product Description DMT-SP-9-CM-6054-LPC, Ed. 3 Rev. 3: blocks 1-3 common to
all data, and a block 4 for each APID; big-endian throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Name, big-endian numpy type, count.
_BLOCK_1 = (
    ("p_field", "u1", 1), ("ccsds_day", "u1", 3), ("ccsds_ms", ">u4", 1), ("ut", ">i2", 7),
    ("orbit", ">u2", 1), ("suborbit", ">i2", 1), ("station", "S8", 1), ("sw_ver", "u1", 1),
    ("sw_rev", "u1", 1), ("cal_ver", "u1", 1), ("cal_rev", "u1", 1),
)  # fmt: skip
_BLOCK_2 = (
    ("lat", ">f4", 1), ("lon", ">f4", 1), ("alt", ">f4", 1), ("lt", ">f4", 1),
    ("mag_lat", ">f4", 1), ("mag_lon", ">f4", 1), ("mlt", ">f4", 1), ("inv_lat", ">f4", 1),
    ("L", ">f4", 1), ("conj_lat", ">f4", 1), ("conj_lon", ">f4", 1), ("conjN110_lat", ">f4", 1),
    ("conjN110_lon", ">f4", 1), ("conjS110_lat", ">f4", 1), ("conjS110_lon", ">f4", 1),
    ("B_model", ">f4", 3), ("f_H+", ">f4", 1), ("sun", ">f4", 3), ("orb_ver", "u1", 1),
    ("orb_rev", "u1", 1),
)  # fmt: skip
_BLOCK_3 = (
    ("Msat2geo", ">f4", 9), ("Mgeo2lgm", ">f4", 9), ("att_quality", ">i2", 1),
    ("att_ver", "u1", 1), ("att_rev", "u1", 1),
)  # fmt: skip
ISL = (
    ("type", "S10", 1), ("hk", "u1", 32), ("dt", ">f4", 1), ("u_density", "S5", 1),
    ("u_temp", "S5", 1), ("u_pot", "S5", 1), ("Ne", ">f4", 1), ("Ni", ">f4", 1),
    ("Te", ">f4", 1), ("V_plasma", ">f4", 1), ("V_float", ">f4", 1), ("V_sat", ">f4", 1),
)  # fmt: skip
IAP = (
    ("type", "S10", 1), ("hk", "u1", 32), ("dt", ">f4", 1), ("u_density", "S6", 1),
    ("u_temp", "S6", 1), ("u_vel", "S6", 1), ("u_pot", "S6", 1), ("u_angle", "S6", 1),
    ("n_H+", ">f4", 1), ("n_He+", ">f4", 1), ("n_O+", ">f4", 1), ("Ti", ">f4", 1),
    ("v_Oz", ">f4", 1), ("ang_v_-Oz", ">f4", 1), ("ang_vxy_Ox", ">f4", 1),
    ("sat_potential", ">f4", 1),
)  # fmt: skip
SPECTRA = (
    ("type", "S21", 1), ("hk", "u1", 32), ("coord", "S9", 1), ("comp", "S3", 1),
    ("unit", "S16", 1), ("nb", "u1", 1), ("nbf", ">i2", 1), ("total_duration", ">f4", 1),
    ("df", ">f4", 1), ("f_range", ">f4", 2), ("ut_first", ">i2", 7), ("spectra", ">f4", 2048),
)  # fmt: skip


@dataclass(frozen=True)
class Product:
    """One data type: its name in the files, the time between records in seconds, its block 4."""

    label: str
    cadence_s: float
    block_4: tuple[tuple[str, str, int], ...]

    @property
    def dtype(self) -> np.dtype[np.void]:
        """Structured type of one record."""
        return np.dtype(
            [
                (name, kind) if count == 1 else (name, kind, (count,))
                for name, kind, count in (*_BLOCK_1, *_BLOCK_2, *_BLOCK_3, *self.block_4)
            ]
        )


PRODUCTS = {
    1139: Product("IAP BURST", 2.3, IAP),
    1140: Product("IAP SURVEY", 4.4, IAP),
    1143: Product("ISL BURST", 1.0, ISL),
    1144: Product("ISL SURVEY", 1.0, ISL),
}
#: Units of an IAP or ISL record.
TEXT = {"density": "cm^-3", "temp": "K", "vel": "m/s", "pot": "V", "angle": "degree"}
#: Survey spectra of type 0: two of 1024 values in a record.
WAVE_PRODUCTS = {
    1132: Product("VLF ELECTRIC SPECTRUM", 4.096, SPECTRA),
    1137: Product("VLF MAGNETIC SPECTRUM", 4.096, SPECTRA),
}
#: Component and unit of each of them.
WAVE_TEXT = {1132: ("E12", "log(\u00b5V^2/m^2/Hz)"), 1137: ("B1 ", "log(nT^2/Hz)")}


#: Survey and burst APID of each plasma payload.
MODES = {"ISL": (1144, 1143), "IAP": (1140, 1139)}
