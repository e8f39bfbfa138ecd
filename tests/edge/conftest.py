"""Builders of synthetic payload files in the real layouts.

They import nothing of the package: a mistake in its tables cannot hide in the files that the
tests read. CSES files go through plain h5py, DEMETER records through plain struct calls with
offsets from DMT-SP-9-CM-6054-LPC.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

FLAVOURS = ("array", "scalar")
EPOCH_2009 = datetime(2009, 1, 1)
EPOCH_1950 = datetime(1950, 1, 1)
STAMP = "%Y%m%d_%H%M%S"

# Dataset: dtype, columns, unit as the files spell it.
CSES_COMMON = {
    "ALTITUDE": ("f4", 1, "km"),
    "GEO_LAT": ("f4", 1, "deg"),
    "GEO_LON": ("f4", 1, "deg"),
    "MAG_LAT": ("f4", 1, "deg"),
    "MAG_LON": ("f4", 1, "deg"),
    "UTC_TIME": ("i8", 1, "YYYYMMDDHHMMSS.mmm"),
    "VERSE_TIME": ("i8", 1, "ms"),
}
CSES_OWN = {
    "HPM_5": {
        "A221": ("f8", 1, "nT"),
        "A222": ("f8", 1, "nT"),
        "A223": ("f8", 1, "nT"),
        "B_FGM": ("f8", 3, "nT"),
        "q_SIM_ECI": ("f8", 4, ""),
        "FLAG_MT": ("i4", 1, "none"),
        "FLAG_SHW": ("i4", 1, "none"),
        "FLAG_TBB": ("i4", 1, "none"),
    },
    "LAP_1": {
        "A311": ("f8", 1, "m-3"),
        "A321": ("f8", 1, "K"),
        "UF": ("f8", 1, "V"),
        "UP": ("f8", 1, "V"),
        "WORKMODE": ("i4", 1, "none"),
    },
    "PAP_0": {
        "A313": ("f8", 1, "m-3"),
        "A314": ("f8", 1, "m-3"),
        "A315": ("f8", 1, "m-3"),
        "A322": ("f8", 1, "K"),
        "A331": ("f8", 1, "m/s"),
        "A332": ("f8", 1, "m/s"),
        "A333": ("f8", 1, "m/s"),
        "WORKMODE": ("i4", 1, "none"),
    },
}
CSES_OWN["LAP_2"] = CSES_OWN["LAP_1"]
CSES_OWN["HPM_6"] = {
    "A211": ("f8", 1, "nT"),
    "FLAG_MT": ("i4", 1, "none"),
    "FLAG_N3": ("i4", 1, "none"),
}
# Of spectra and waveforms: numbers, bins, samples, highest frequency, units. The waveforms are
# in the file only where a test gives them.
CSES_WAVES = {
    "EFD_1": ("A11", 42, 256, 20.0195, "mV/m/Hz^0.5", "mV/m"),
    "EFD_2": ("A12", 1024, 2048, 2497.56, "mV/m/Hz^0.5", "mV/m"),
    "EFD_3": ("A13", 1024, 2048, 24_975.6, "mV/m/Hz^0.5", "mV/m"),
    "SCM_1": ("A23", 797, 4096, 199.0, "nT^2/Hz", "nT"),
    "SCM_2": ("A24", 1024, 4096, 5115.0, "nT^2/Hz", "nT"),
    "SCM_3": ("A25", 1024, 4096, 25_575.0, "nT^2/Hz", "nT"),
}
for _payload, (_numbers, _bins, _samples, _, _density, _field) in CSES_WAVES.items():
    CSES_OWN[_payload] = {
        **{f"{_numbers}{k}_P": ("f8", _bins, _density) for k in (1, 2, 3)},
        **{f"{_numbers}{k}_W": ("f8", _samples, _field) for k in (1, 2, 3)},
        "FREQ": ("f4", 1, "Hz"),
        "WORKMODE": ("i4", 1, "none"),
    }
CSES_STEP_MS = {
    **{"HPM_5": 1000, "HPM_6": 1000, "LAP_1": 3000, "LAP_2": 3000, "PAP_0": 1000},
    **{"EFD_1": 2048, "EFD_2": 2048, "EFD_3": 2048, "SCM_1": 4000, "SCM_2": 2048, "SCM_3": 2048},
}
CSES_GROUP = {"EFD": 1, "SCM": 2, "HPM": 2, "LAP": 3, "PAP": 3}


def _cses_values(payload: str, times: list[datetime]) -> dict[str, np.ndarray]:
    n = len(times)
    seconds = np.array([(t - times[0]).total_seconds() for t in times])
    wave = np.sin(seconds / 17.0)
    values = {
        "ALTITUDE": 507.0 + 0.001 * seconds,
        "GEO_LAT": -20.0 + 0.0624 * seconds,
        "GEO_LON": 39.0 - 0.0134 * seconds,
        "MAG_LAT": -22.0 + 0.0624 * seconds,
        "MAG_LON": 110.0 - 0.0134 * seconds,
        "UTC_TIME": np.array([int(f"{t:%Y%m%d%H%M%S}{t.microsecond // 1000:03d}") for t in times]),
        "VERSE_TIME": np.array([(t - EPOCH_2009) // timedelta(milliseconds=1) for t in times]),
        "WORKMODE": np.ones(n),
    }
    field = np.stack((20_000.0 + 10.0 * wave, -5_000.0 + seconds, 15_000.0 - wave), axis=1)
    values |= {f"A22{k + 1}": field[:, k] for k in range(3)}
    values |= {
        "B_FGM": field,
        "q_SIM_ECI": np.tile([1.0, 0.0, 0.0, 0.0], (n, 1)),
        "FLAG_MT": np.zeros(n),
        "FLAG_SHW": np.ones(n),
        "FLAG_TBB": np.zeros(n),
        "A311": 1e10 * (2.0 + wave),
        "A321": 1500.0 + 200.0 * wave,
        "UF": -1.0 + 0.1 * wave,
        "UP": 0.5 + 0.1 * wave,
        "A313": 1e9 * (2.0 + wave),
        "A314": 1e8 * (2.0 + wave),
        "A315": 2e10 * (2.0 + wave),
        "A322": 1100.0 + 100.0 * wave,
        "A331": 5.0 * wave,
        "A332": 6.0 * wave,
        "A333": 7.0 * wave,
        "A211": 30_000.0 + 10.0 * wave,
        "FLAG_N3": np.zeros(n),
    }
    if payload in CSES_WAVES:
        numbers, bins, _, highest, _, _ = CSES_WAVES[payload]
        values["FREQ"] = np.linspace(0.0, highest, bins)
        rng = np.random.default_rng(3)
        values |= {f"{numbers}{k}_P": rng.uniform(1e-4, 1e-2, (n, bins)) for k in (1, 2, 3)}
    return {d: values[d] for d in (*CSES_OWN[payload], *CSES_COMMON) if d in values}


def _root_attributes(file: h5py.File, flavour: str, texts: dict[str, object]) -> None:
    for key, value in texts.items():
        if value is None:
            continue
        if not isinstance(value, str):
            file.attrs[key] = value
        elif flavour == "array":
            file.attrs[key] = np.array([value.encode()])
        elif key in ("ORBITNUM", "ORBITTYPE"):
            file.attrs[key] = np.bytes_(value)
        else:
            file.attrs[key] = value


def _dataset_attributes(dataset: h5py.Dataset, flavour: str, unit: str) -> None:
    if flavour == "array":
        dataset.attrs["units"] = np.array([unit.encode() or b"none"])
        return
    dataset.attrs["FillValue"] = np.array([-999999.0 if "nT" in unit else -9999.0])
    dataset.attrs["Units"] = np.bytes_(unit) if unit else h5py.Empty("S1")
    dataset.attrs["LongName"] = np.bytes_("a long name")
    ranges = {"nT": (-1e5, 1e5), "deg": (-180.0, 180.0), "km": (0.0, 1000.0)}
    if unit in ranges:
        dataset.attrs["ValidRange"] = np.array(ranges[unit])
    elif unit == "ms":
        dataset.attrs["ValidRange"] = np.bytes_("--")


@pytest.fixture(scope="session")
def make_cses(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a CSES-01 Level 2 file and give its path.

    Keyword arguments: `payload`, `n`, `start`, `orbit`, `direction`, `flavour` ("array" as EFD
    and LAP write attributes, "scalar" as HPM does), `filename`, `folder`, `root` (root
    attributes; None leaves one out), `attributes` (for each dataset, attributes set last; None
    removes one). Any other keyword names a dataset: an array replaces its values (rows in a
    list of length n, or any shape), None leaves it out.
    """

    def make(
        payload: str = "LAP_1",
        n: int = 40,
        *,
        start: datetime = datetime(2020, 3, 1, 2, 0, 0),
        orbit: int = 9679,
        direction: int = 1,
        flavour: str = "array",
        filename: str | None = None,
        folder: Path | None = None,
        root: dict[str, object] | None = None,
        attributes: dict[str, dict[str, object]] | None = None,
        **datasets: np.ndarray | None,
    ) -> Path:
        step = timedelta(milliseconds=CSES_STEP_MS[payload])
        times = [start + k * step for k in range(n)]
        first, last = times[0] - timedelta(seconds=60), times[-1] + timedelta(seconds=10)
        instrument = payload[:3]
        filename = filename or (
            f"CSES_01_{payload}_L02_A{CSES_GROUP[instrument]}_{orbit:05d}{direction}_"
            f"{first.strftime(STAMP)}_{last.strftime(STAMP)}_000.h5"
        )
        path = (folder or tmp_path_factory.mktemp("cses")) / filename
        table = CSES_OWN[payload] | CSES_COMMON
        content = _cses_values(payload, times) | datasets
        scalar = flavour == "scalar"
        identity: dict[str, object] = {
            "ORBITNUM": f"{orbit:06d}" if scalar else f"{orbit:05d}",
            "ORBITTYPE": str(direction),
            "PAYLOADID": "146F0101" if scalar else instrument,
            "SOFTVERSION": "V1.0" if scalar else "V1.1",
        }
        with h5py.File(path, "w", libver="earliest") as file:
            _root_attributes(file, flavour, identity | (root or {}))
            for name, values in content.items():
                if values is None:
                    continue
                dtype, columns, unit = table[name]
                values = np.asarray(values)
                if values.dtype.kind in "iuf" and values.ndim == 1:
                    values = values.astype(dtype).reshape(-1, columns)
                dataset = file.create_dataset(name, data=values)
                _dataset_attributes(dataset, flavour, unit)
            for name, changes in (attributes or {}).items():
                for key, value in changes.items():
                    if value is None:
                        file[name].attrs.pop(key, None)
                    else:
                        file[name].attrs[key] = value
        return path

    return make


# Field: offset in the record and struct format (tables N1-1 to N1-4, then block 4).
N1_COMMON = {
    "p_field": (0, ">B"),
    "ccsds_ms": (4, ">I"),
    "ut": (8, ">7h"),
    "orbit": (22, ">H"),
    "suborbit": (24, ">h"),
    "station": (26, ">8s"),
    "versions": (34, ">4B"),
    "lat": (38, ">f"),
    "lon": (42, ">f"),
    "alt": (46, ">f"),
    "lt": (50, ">f"),
    "geomagnetic": (54, ">11f"),
    "B_model": (98, ">3f"),
    "f_H+": (110, ">f"),
    "sun": (114, ">3f"),
    "orbit_versions": (126, ">2B"),
    "Msat2geo": (128, ">9f"),
    "Mgeo2lgm": (164, ">9f"),
    "att_quality": (200, ">h"),
    "attitude_versions": (202, ">2B"),
}
N1_IAP = {
    "type": (204, ">10s"),
    "hk": (214, ">32B"),
    "dt": (246, ">f"),
    "u_density": (250, ">6s"),
    "u_temp": (256, ">6s"),
    "u_vel": (262, ">6s"),
    "u_pot": (268, ">6s"),
    "u_angle": (274, ">6s"),
    "n_H+": (280, ">f"),
    "n_He+": (284, ">f"),
    "n_O+": (288, ">f"),
    "Ti": (292, ">f"),
    "v_Oz": (296, ">f"),
    "ang_v_-Oz": (300, ">f"),
    "ang_vxy_Ox": (304, ">f"),
    "sat_potential": (308, ">f"),
}
N1_ISL = {
    "type": (204, ">10s"),
    "hk": (214, ">32B"),
    "dt": (246, ">f"),
    "u_density": (250, ">5s"),
    "u_temp": (255, ">5s"),
    "u_pot": (260, ">5s"),
    "Ne": (265, ">f"),
    "Ni": (269, ">f"),
    "Te": (273, ">f"),
    "V_plasma": (277, ">f"),
    "V_float": (281, ">f"),
    "V_sat": (285, ">f"),
}
N1_HEAD = {"type": (204, ">21s"), "hk": (225, ">32B"), "coord": (257, ">9s")}
N1_ULF_E = N1_HEAD | {
    "Msen2sat": (266, ">9f"),
    "unit": (302, ">16s"),
    "fs": (318, ">f"),
    "nsamp": (322, ">h"),
    "duration": (324, ">f"),
    "E1st_name": (328, ">3s"),
    "E1st": (331, ">256f"),
    "E2nd_name": (1355, ">3s"),
    "E2nd": (1358, ">256f"),
    "E3rd_name": (2382, ">3s"),
    "E3rd": (2385, ">256f"),
    "V1_name": (3409, ">3s"),
    "V1": (3412, ">256f"),
    "V2_name": (4436, ">3s"),
    "V2": (4439, ">256f"),
    "V3_name": (5463, ">3s"),
    "V3": (5466, ">256f"),
    "V4_name": (6490, ">3s"),
    "V4": (6493, ">256f"),
}


def _n1_elf(axis: str) -> dict[str, tuple[int, str]]:
    return N1_HEAD | {
        "Msen2sat": (266, ">9f"),
        "unit": (302, ">16s"),
        "fs": (318, ">f"),
        "nsamp": (322, ">h"),
        "duration": (324, ">f"),
        f"{axis}1st_name": (328, ">3s"),
        f"{axis}1st": (331, ">4096f"),
        f"{axis}2nd_name": (16715, ">3s"),
        f"{axis}2nd": (16718, ">4096f"),
        f"{axis}3rd_name": (33102, ">3s"),
        f"{axis}3rd": (33105, ">4096f"),
    }


def _n1_waveform(samples: int) -> dict[str, tuple[int, str]]:
    return N1_HEAD | {
        "unit": (266, ">16s"),
        "fs": (282, ">f"),
        "nsamp": (286, ">h"),
        "duration": (288, ">f"),
        "comp": (292, ">3s"),
        "wf": (295, f">{samples}f"),
    }


N1_SPECTRA = N1_HEAD | {
    "comp": (266, ">3s"),
    "unit": (269, ">16s"),
    "nb": (285, ">B"),
    "nbf": (286, ">h"),
    "total_duration": (288, ">f"),
    "df": (292, ">f"),
    "f_range": (296, ">2f"),
    "ut_first": (304, ">7h"),
    "spectra": (318, ">2048f"),
}
N1_CLASSES = {
    "type": (204, ">21s"),
    "hk": (225, ">32B"),
    "subtype": (257, ">B"),
    "study": (258, ">20s"),
    "comp": (278, ">3s"),
    "dt": (281, ">f"),
    "nbclasses": (285, ">B"),
    "nbs": (286, ">B"),
    "nbc": (287, ">B"),
    "u_class": (288, ">10s"),
    "Dmin": (298, ">20f"),
    "Dmax": (378, ">20f"),
    "valid": (458, ">128B"),
    "intensity": (586, ">2560B"),
    "uncertainty": (3146, ">2560B"),
}
N1_IDP_BURST = {
    "type": (204, ">10s"),
    "hk": (214, ">32B"),
    "dt": (246, ">f"),
    "V_pol": (250, ">f"),
    "discr": (254, ">f"),
    "u_spec": (258, ">20s"),
    "u_pitch": (278, ">6s"),
    "spectra": (284, ">1024f"),
    "energy": (4380, ">256f"),
    "pitch": (5404, ">f"),
}
N1_IDP_SURVEY = {
    "type": (204, ">10s"),
    "hk": (214, ">32B"),
    "dt_spec": (246, ">f"),
    "dt_count": (250, ">f"),
    "V_pol": (254, ">f"),
    "discr": (258, ">f"),
    "thr1": (262, ">f"),
    "thr2": (266, ">f"),
    "thr3": (270, ">f"),
    "thr_hi3": (274, ">f"),
    "u_spec": (278, ">20s"),
    "u_pitch": (298, ">6s"),
    "energy": (4224, ">128f"),
    "pitch": (4736, ">f"),
} | {
    f"{name}{k + 1}": (offset + 560 * k, form)
    for k in range(7)
    for name, offset, form in (("count", 304, ">12i"), ("spec", 352, ">128f"))
}
# APID: bytes of a record, kind, block 4, milliseconds between records.
N1 = {
    "1129": (7517, "ULF ELECTRIC WAVEFORM", N1_ULF_E, 6554),
    "1130": (49489, "ELF ELECTRIC WAVEFORM", _n1_elf("E"), 1638),
    "1131": (33063, "VLF ELECTRIC WAVEFORM", _n1_waveform(8192), 205),
    "1132": (8510, "VLF ELECTRIC SPECTRUM", N1_SPECTRA, 4096),
    "1133": (16679, "HF ELECTRIC WAVEFORM ", _n1_waveform(4096), 4096),
    "1134": (8510, "HF ELECTRIC SPECTRUM ", N1_SPECTRA, 4096),
    "1135": (49489, "ELF MAGNETIC WAVEFORM", _n1_elf("B"), 1638),
    "1136": (33063, "VLF MAGNETIC WAVEFORM", _n1_waveform(8192), 205),
    "1137": (8510, "VLF MAGNETIC SPECTRUM", N1_SPECTRA, 4096),
    "1138": (5706, "Neural Network       ", N1_CLASSES, 13100),
    "1139": (312, "IAP BURST ", N1_IAP, 2300),
    "1140": (312, "IAP SURVEY", N1_IAP, 4400),
    "1141": (5408, "IDP BURST ", N1_IDP_BURST, 4000),
    "1142": (4740, "IDP SURVEY", N1_IDP_SURVEY, 28000),
    "1143": (289, "ISL BURST ", N1_ISL, 1000),
    "1144": (289, "ISL SURVEY", N1_ISL, 1000),
}
N1_UNIT = {
    "1129": "V/m",
    "1132": "log(\xb5V^2/m^2/Hz)",
    "1134": "log(\xb5V^2/m^2/Hz)",
    "1135": "nT",
    "1136": "nT",
    "1137": "log(nT^2/Hz)",
}
# Sampling rate in the record's unit, and seconds.
N1_SAMPLING = {
    "1129": (39.0625, 6.5536),
    "1130": (2500.0, 1.6384),
    "1131": (40_000.0, 0.2048),
    "1133": (6666.6667, 0.6144),
    "1135": (2500.0, 1.6384),
    "1136": (40_000.0, 0.2048),
}


def _n1_block_4(apid: str, row: int, ut: tuple[int, ...]) -> dict[str, object]:
    """Values of the block 4 of the kinds with arrays: every number different."""
    form = {name: f for name, (_, f) in N1[apid][2].items()}
    values: dict[str, object] = {
        "coord": b"Sensor   ",
        "comp": b"E12",
        "V_pol": 80.0,
        "discr": 70.0,
    }
    for name, f in form.items():
        count = int(f[1:-1] or 1)
        if name in ("type", "hk"):
            continue
        if f[-1] == "s":
            values.setdefault(name, b"E12".ljust(count))
        elif count > 1:
            shift = len(name) + ord(name[-1]) + row
            values[name] = tuple(
                (shift + k) % 200 + (0.25 if f[-1] == "f" else 0) for k in range(count)
            )
    values["unit"] = N1_UNIT.get(apid, "\xb5V/m").encode("latin-1").ljust(16)
    if apid in N1_SAMPLING:
        rate, duration = N1_SAMPLING[apid]
        samples = max(int(f[1:-1]) for f in form.values() if f[-1] == "f" and len(f) > 3)
        values |= {"fs": rate, "nsamp": samples, "duration": duration}
    elif form.get("spectra") == ">2048f":
        values |= {"nb": 2, "nbf": 1024, "total_duration": 4.096, "ut_first": ut}
        values |= {"df": 3.2552083} if apid == "1134" else {"df": 19.53125}
        values["spectra"] = tuple(3.0 - ((7 * k + 13 * row) % 997) / 200.0 for k in range(2048))
    elif apid == "1138":
        values |= {"subtype": 0, "study": b"WHISTLER".ljust(20), "dt": 0.1, "nbc": 0}
        values |= {"nbclasses": 12, "nbs": 128 - row % 5, "u_class": b"s^1/2".ljust(10)}
        values["valid"] = tuple(int(k % 7 != 3) for k in range(128))
    else:
        values |= {"dt": 1.0, "dt_spec": 4.0, "dt_count": 1.0, "pitch": 80.0 + row}
        values |= {"thr1": 90.7, "thr2": 526.8, "thr3": 971.8, "thr_hi3": 2342.4}
        values |= {"u_spec": b"elec/cm^2/s/ster/keV", "u_pitch": b"degree"}
    return values


def _n1_values(apid: str, row: int, moment: datetime, seconds: float) -> dict[str, object]:
    wave = float(np.sin(seconds / 13.0))
    values: dict[str, object] = {
        "p_field": 0x4C,
        "ccsds_day": (moment - EPOCH_1950).days,
        "ccsds_ms": (moment - datetime.combine(moment, datetime.min.time()))
        // timedelta(milliseconds=1),
        "ut": (*moment.timetuple()[:6], moment.microsecond // 1000),
        "station": b"TOULOUSE",
        "versions": (1, 2, 3, 4),
        "lat": -20.0 + 0.06 * seconds,
        "lon": (359.0 + 0.015 * seconds) % 360.0,
        "alt": 660.0 + 0.01 * seconds,
        "lt": 22.5,
        "geomagnetic": tuple(float(k) for k in range(11)),
        "B_model": (1e4, 2e4, 3e4),
        "f_H+": 500.0,
        "sun": (0.1, 0.2, 0.3),
        "orbit_versions": (5, 6),
        "Msat2geo": tuple(0.1 * k for k in range(9)),
        "Mgeo2lgm": tuple(0.2 * k for k in range(9)),
        "att_quality": 1,
        "attitude_versions": (7, 8),
        "type": N1[apid][1].encode(),
        # The micro sign: one byte that is no UTF-8.
        "hk": (0xB5,) * 32,
        "dt": N1[apid][3] / 1000.0,
        "u_pot": b"V    ",
    }
    if apid not in ("1139", "1140", "1143", "1144"):
        ut = values["ut"]
        assert isinstance(ut, tuple)
        values |= _n1_block_4(apid, row, ut)
    elif apid in ("1143", "1144"):
        values |= {"u_density": b"cm^-3", "u_temp": b"K    "}
        values |= {"Ne": 9e3 + 1e3 * wave, "Ni": 9.5e3 + 1e3 * wave, "Te": 1800.0 + row}
        values |= {"V_plasma": 0.25 + wave, "V_float": -0.5 + wave, "V_sat": -1.5 + wave}
    else:
        values |= {"u_density": b"cm^-3 ", "u_temp": b"K     ", "u_vel": b"m/s   "}
        values |= {"u_pot": b"V     ", "u_angle": b"degree"}
        values |= {"n_H+": 900.0 + row, "n_He+": 300.0 + row, "n_O+": 8e3 + 1e3 * wave}
        values |= {"Ti": 1100.0 + row, "v_Oz": -20.0 + row, "ang_v_-Oz": 3.0 + wave}
        values |= {"ang_vxy_Ox": 170.0 + wave, "sat_potential": -0.75 + wave}
    return values


def _pack(apid: str, values: dict[str, object]) -> bytes:
    record = bytearray(N1[apid][0])
    day = values["ccsds_day"]
    assert isinstance(day, int)
    record[1:4] = struct.pack(">I", day)[1:]
    for field, (offset, form) in (N1_COMMON | N1[apid][2]).items():
        value = values[field]
        struct.pack_into(form, record, offset, *(value if isinstance(value, tuple) else (value,)))
    return bytes(record)


@pytest.fixture(scope="session")
def make_demeter(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a DEMETER N1 file and give its path.

    Keyword arguments: `apid`, `n`, `start`, `orbit`, `direction`, `filename`, `folder`, and
    `edit`: a function of (row, values) that changes the values of a record in place.
    """

    def make(
        apid: str = "1144",
        n: int = 40,
        *,
        start: datetime = datetime(2006, 8, 9, 21, 0, 0, 250_000),
        orbit: int = 11234,
        direction: int = 1,
        filename: str | None = None,
        folder: Path | None = None,
        edit: Callable[[int, dict[str, object]], object] | None = None,
    ) -> Path:
        step = timedelta(milliseconds=N1[apid][3])
        last = start + (n - 1) * step + timedelta(seconds=1)
        filename = filename or (
            f"DMT_N1_{apid}_{orbit:05d}{direction}_"
            f"{start.strftime(STAMP)}_{last.strftime(STAMP)}.DAT"
        )
        path = (folder or tmp_path_factory.mktemp("demeter")) / filename
        records = []
        for row in range(n):
            values = _n1_values(apid, row, start + row * step, row * step.total_seconds())
            values |= {"orbit": orbit, "suborbit": direction}
            if edit is not None:
                edit(row, values)
            records.append(_pack(apid, values))
        path.write_bytes(b"".join(records))
        return path

    return make


@pytest.fixture(scope="session")
def n1_layout() -> SimpleNamespace:
    """The document's record table: `records` by APID and the `common` fields."""
    return SimpleNamespace(records=N1, common=N1_COMMON)


@pytest.fixture
def refused() -> Callable[..., None]:
    """Check that a file is refused in one clear line that names it and says the given words."""
    from edge.errors import InputError
    from edge.readers import read_payload

    def check(path: Path, *words: str) -> None:
        with pytest.raises(InputError) as caught:
            read_payload(path)
        message = str(caught.value)
        assert message.isprintable()
        assert message.startswith(f"{path.name}: ")
        for word in words:
            assert word in message
        assert type(caught.value).exit_code == 2

    return check
