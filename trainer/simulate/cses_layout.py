"""Attributes of the CSES-01 Level-2 products, as data."""

from __future__ import annotations

#: Fill values: of all datasets, and of those of the magnetic field.
FILL = -9999.0
FIELD_FILL = -999999.0

#: Dataset of HPM_5: unit (None: a null attribute), fill value, valid range, long name.
HPM: dict[str, tuple[str | None, float, tuple[float, float] | str, str]] = {
    "A221": ("nT", FIELD_FILL, (-1e5, 1e5), "FGM2 Magnetic field X component"),
    "A222": ("nT", FIELD_FILL, (-1e5, 1e5), "FGM2 Magnetic field Y component"),
    "A223": ("nT", FIELD_FILL, (-1e5, 1e5), "FGM2 Magnetic field Z component"),
    "ALTITUDE": ("km", FILL, (0.0, 1000.0), "Satellite altitude(Earth radius is 6371.2km)"),
    "B_FGM": (
        "nT", FIELD_FILL, (-1e5, 1e5), "FGM2 Data in FGM1 coordinate without interfrece",
    ),
    "FLAG_MT": ("none", FILL, (0.0, 1.0), "1: Magnetorquer interference  0: No"),
    "FLAG_SHW": ("none", FILL, (0.0, 1.0), "1: earth shadow  0: sunlit"),
    "FLAG_TBB": ("none", FILL, (0.0, 1.0), "1: TBB on 0: TBB off"),
    "GEO_LAT": ("deg", FILL, (-90.0, 90.0), "Geographic coordinate latitude"),
    "GEO_LON": ("deg", FILL, (-180.0, 180.0), "Geographic coordinate longitude"),
    "MAG_LAT": ("deg", FILL, (-90.0, 90.0), "Dipole coordinates latitude"),
    "MAG_LON": ("deg", FILL, (-180.0, 180.0), "Dipole coordinates longitude"),
    "UTC_TIME": (
        "YYYYMMDDHHMMSS.mmm", FILL, "20150101000000.000-20500101000000.000",
        "Coordinated Universal Time",
    ),
    "VERSE_TIME": ("ms", FILL, "--", "2009-1-1 0:0:0"),
    "q_SIM_ECI": (None, FILL, (-1.0, 1.0), "[Q0 Q1 Q2 Q3], Q0 is scale value"),
}  # fmt: skip

#: Units of the datasets of LAP_1 and PAP_0.
PLASMA_UNITS = {
    "A311": "m^-3", "A321": "K", "UF": "V", "UP": "V",
    "A313": "m^-3", "A314": "m^-3", "A315": "m^-3", "A322": "K",
    "A331": "m/s", "A332": "m/s", "A333": "m/s",
    "GEO_LAT": "deg", "GEO_LON": "deg", "MAG_LAT": "deg", "MAG_LON": "deg", "ALTITUDE": "km",
    "UTC_TIME": "YYYYMMDDHHMMSS.mmm", "VERSE_TIME": "ms", "WORKMODE": "none",
}  # fmt: skip
#: Root attributes of the plasma payloads beside those of the half-orbit.
PLASMA_ROOT = {
    "LAP_1": {"FRERANGE": "DC", "PAYLOADID": "LAP", "SAMPLERATE": "SURVEY:1/3Hz"},
    "LAP_2": {"FRERANGE": "DC", "PAYLOADID": "LAP", "SAMPLERATE": "SURVEY:1/3Hz"},
    "PAP_0": {"FRERANGE": "DC", "PAYLOADID": "PAP", "SAMPLERATE": "SURVEY:1Hz"},
}
