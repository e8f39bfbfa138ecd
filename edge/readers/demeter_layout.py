"""The DEMETER N1 record layouts as data: the fields of every block.

Source: DEMETER Microsatellite, Scientific Mission Center, Data Product Description,
DMT-SP-9-CM-6054-LPC, Ed. 3 Rev. 3 (2006), section 3 and tables N1-8 to N1-38. Each
field is (name, type, count); offsets follow from the order. ``u24`` is a 3-byte
unsigned integer.
"""

from __future__ import annotations

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

_INSTRUMENT: tuple[Field, ...] = (("type", "char", 21), ("hk", "u8", 32))
_SAMPLING: tuple[Field, ...] = (("fs", "f32", 1), ("nsamp", "i16", 1), ("duration", "f32", 1))
SPECTRA: tuple[Field, ...] = (
    *_INSTRUMENT,
    ("coord", "char", 9),
    ("comp", "char", 3),
    ("unit", "char", 16),
    ("nb", "u8", 1),
    ("nbf", "i16", 1),
    ("total_duration", "f32", 1),
    ("df", "f32", 1),
    ("f_range", "f32", 2),
    ("ut_first", "i16", 7),
    ("spectra", "f32", 2048),
)
CLASSES: tuple[Field, ...] = (
    *_INSTRUMENT,
    ("subtype", "u8", 1),
    ("study", "char", 20),
    ("comp", "char", 3),
    ("dt", "f32", 1),
    ("nbclasses", "u8", 1),
    ("nbs", "u8", 1),
    ("nbc", "u8", 1),
    ("u_class", "char", 10),
    ("Dmin", "f32", 20),
    ("Dmax", "f32", 20),
    ("valid", "u8", 128),
    ("intensity", "u8", 2560),
    ("uncertainty", "u8", 2560),
)
_PARTICLES: tuple[Field, ...] = (("type", "char", 10), ("hk", "u8", 32))
IDP_BURST: tuple[Field, ...] = (
    *_PARTICLES,
    ("dt", "f32", 1),
    ("V_pol", "f32", 1),
    ("discr", "f32", 1),
    ("u_spec", "char", 20),
    ("u_pitch", "char", 6),
    ("spectra", "f32", 1024),
    ("energy", "f32", 256),
    ("pitch", "f32", 1),
)
IDP_SURVEY: tuple[Field, ...] = (
    *_PARTICLES,
    ("dt_spec", "f32", 1),
    ("dt_count", "f32", 1),
    ("V_pol", "f32", 1),
    ("discr", "f32", 1),
    ("thr1", "f32", 1),
    ("thr2", "f32", 1),
    ("thr3", "f32", 1),
    ("thr_hi3", "f32", 1),
    ("u_spec", "char", 20),
    ("u_pitch", "char", 6),
    *(f for k in range(1, 8) for f in ((f"count{k}", "i32", 12), (f"spec{k}", "f32", 128))),
    ("energy", "f32", 128),
    ("pitch", "f32", 1),
)
IAP: tuple[Field, ...] = (
    *_PARTICLES,
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
ISL: tuple[Field, ...] = (
    *_PARTICLES,
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


def three_axes(samples: int, *names: str) -> tuple[Field, ...]:
    """Block 4 of waveforms of several sensors, each with its name before it."""
    sensors = (f for n in names for f in ((f"{n}_name", "char", 3), (n, "f32", samples)))
    matrix: tuple[Field, ...] = (("Msen2sat", "f32", 9), ("unit", "char", 16))
    return (*_INSTRUMENT, ("coord", "char", 9), *matrix, *_SAMPLING, *sensors)


def one_axis(samples: int) -> tuple[Field, ...]:
    """Block 4 of the waveform of one sensor."""
    head: tuple[Field, ...] = (("coord", "char", 9), ("unit", "char", 16))
    return (*_INSTRUMENT, *head, *_SAMPLING, ("comp", "char", 3), ("wf", "f32", samples))
