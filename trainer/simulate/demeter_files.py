"""Simulated DEMETER N1 Level-1 files of one half-orbit: ISL, IAP, and spectra of ICE and IMSC.

The bytes of the house-keeping field, whose content is not public, hold the word ``simulated``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.simulate.background import Background, background
from trainer.simulate.demeter_layout import (
    ISL,
    PRODUCTS,
    TEXT,
    WAVE_PRODUCTS,
    WAVE_TEXT,
    Product,
    fill_place,
    fill_time,
)
from trainer.simulate.geometry import Floats, Times
from trainer.simulate.orbits import Pass
from trainer.simulate.plagues import (
    PLAGUES,
    Plagues,
    Streams,
    kept_rows,
    lost_rows,
    outliers,
    spoil_places,
    spoilt_times,
)
from trainer.simulate.sampling import nearest, resampled
from trainer.simulate.spectra import draw_spectra

#: Frequencies of survey spectra in Hz: 1024 bins to 20 kHz (table N1-14).
FREQUENCY = 19.53125 * np.arange(1, 1025)
#: Standard deviation of log10 of a bin: 40 averaged spectra.
_SCATTER = 0.07
#: Values that an outlier changes in decades, and those that change by a third of it.
_DENSITIES = ("Ne", "Ni", "n_H+", "n_He+", "n_O+")
_TEMPERATURES = ("Te", "Ti")


def file_name(apid: int, half_orbit: Pass, first: np.datetime64, last: np.datetime64) -> str:
    """Name of a file; both times are those of a record's start, rounded up to the second."""
    return f"DMT_N1_{apid}_{half_orbit.name}_{_stamp(first)}_{_stamp(last)}.DAT"


def write_n1(
    folder: Path,
    apid: int,
    half_orbit: Pass,
    state: Background,
    rng: np.random.Generator,
    plagues: Plagues = PLAGUES,
    mode: NDArray[np.bool_] | None = None,
) -> Path | None:
    """Write one N1 file of a plasma payload.

    Parameters
    ----------
    folder : Path
        Existing folder.
    apid : int
        1139 or 1140 (IAP burst, survey), 1143 or 1144 (ISL burst, survey).
    half_orbit : Pass
        Times and places, (n,).
    state : Background
        The plasma along it.
    rng : Generator
        For the plagues, and the fraction of a second at which the records begin.
    plagues : Plagues
        Their rates.
    mode : (n,) bool, optional
        Samples at which the instrument is in this file's mode; by default all.

    Returns
    -------
    Path or None
        The file, complete: it is written under a temporary name and renamed. None if the mode
        leaves less than two records.

    Raises
    ------
    ValueError
        For another APID.
    """
    if apid not in PRODUCTS:
        valid = ", ".join(map(str, PRODUCTS))
        raise ValueError(f"APID {apid} cannot be simulated; valid: {valid}")
    product, streams = PRODUCTS[apid], Streams(rng)
    records, seconds, time = _records(product, half_orbit, streams, plagues)
    records["dt"] = product.cadence_s
    for name in records.dtype.names or ():
        if name.startswith("u_"):
            width = records.dtype[name].itemsize
            records[name] = TEXT[name[2:]].ljust(width).encode("latin-1")
    make = _isl if product.block_4 is ISL else _iap
    values = make(state, seconds, streams["payload"])
    off = outliers(len(seconds), streams, plagues)
    lost, how = lost_rows(len(seconds), streams, plagues.fill, 0.0)
    for name, column in values.items():
        share = (name in _DENSITIES) + (name in _TEMPERATURES) / 3.0
        records[name] = np.where(lost, how, column * 10.0 ** (share * off))
    keep = kept_rows(seconds, streams, plagues)
    if mode is not None:
        keep &= mode[nearest(seconds, len(mode))]
    if np.count_nonzero(keep) < 2:
        return None
    return _write(folder, apid, half_orbit, records[keep], time[keep])


def write_waves(
    folder: Path,
    apid: int,
    half_orbit: Pass,
    rng: np.random.Generator,
    plagues: Plagues = PLAGUES,
    state: Floats | None = None,
) -> Path:
    """Write one N1 file of survey spectra; parameters as of `write_n1`.

    Parameters
    ----------
    folder : Path
        Existing folder.
    apid : int
        1132 (ICE, electric) or 1137 (IMSC, magnetic).
    half_orbit : Pass
        Times and places, (n,).
    rng : Generator
        For the spectra, the plagues and the fraction of a second at which the records begin.
    plagues : Plagues
        Their rates; a record without a valid value holds NaN.
    state : (n, 16) float64, optional
        Wave state, as `Background.waves`; by default one is drawn.

    Returns
    -------
    Path
        The file, complete.

    Raises
    ------
    ValueError
        For another APID.
    """
    if apid not in WAVE_PRODUCTS:
        valid = ", ".join(map(str, WAVE_PRODUCTS))
        raise ValueError(f"APID {apid} has no simulated spectra; valid: {valid}")
    product, streams = WAVE_PRODUCTS[apid], Streams(rng)
    if state is None:
        seed = np.random.SeedSequence(int(rng.integers(2**62)))
        state = background(half_orbit, seed, magnetic=False, waves=True).waves
        assert state is not None
    records, seconds, time = _records(product, half_orbit, streams, plagues)
    component, unit = WAVE_TEXT[apid]
    records["coord"] = b"Sensor   "
    records["comp"] = component.encode()
    records["unit"] = unit.ljust(16).encode("latin-1")
    records["nb"], records["nbf"] = 2, len(FREQUENCY)
    records["total_duration"] = product.cadence_s
    records["df"], records["f_range"] = FREQUENCY[0], FREQUENCY[[0, -1]]
    records["ut_first"] = records["ut"]
    # The second spectrum of a record lies half a record later.
    length = len(half_orbit.time)
    at = np.minimum((seconds[:, None] + (0.0, product.cadence_s / 2.0)).ravel(), length - 1.0)
    magnetic = apid == 1137
    powers = state[nearest(at, length), 8:] if magnetic else state[nearest(at, length), :8]
    track = resampled(half_orbit, at)
    drawn = draw_spectra(track, powers, FREQUENCY, _SCATTER, streams["bins"], magnetic)
    lost, _ = lost_rows(len(seconds), streams, plagues.fill)
    drawn[np.repeat(lost, 2)] = np.nan
    records["spectra"] = drawn.reshape(len(seconds), 2048)
    keep = kept_rows(seconds, streams, plagues)
    return _write(folder, apid, half_orbit, records[keep], time[keep])


def _records(
    product: Product, half_orbit: Pass, streams: Streams, plagues: Plagues
) -> tuple[NDArray[Any], Floats, Times]:
    """Make records with blocks 1 to 3; seconds since the half-orbit's begin, and their times.

    The times are true ones; those in the records may be plagued.
    """
    length = len(half_orbit.time) - 1
    seconds = np.arange(round(streams["begin"].uniform(0.0, 1.0), 3), length, product.cadence_s)
    milliseconds = np.round(seconds * 1e3).astype(np.int64)
    seconds = milliseconds / 1e3
    time = half_orbit.time[0] + milliseconds.astype("timedelta64[ms]")
    records = np.zeros(len(seconds), product.dtype)
    fill_time(records, half_orbit, spoilt_times(time, streams, plagues))
    fill_place(records, half_orbit, seconds, time)
    latitude, longitude = records["lat"].copy(), records["lon"].copy()
    spoil_places(latitude, longitude, streams, plagues)
    records["lat"], records["lon"] = latitude, longitude
    records["type"] = product.label.ljust(records.dtype["type"].itemsize).encode()
    records["hk"] = np.frombuffer(b"simulated".ljust(32, b"\0"), "u1")
    return records, seconds, time


def _write(folder: Path, apid: int, half_orbit: Pass, records: NDArray[Any], time: Times) -> Path:
    path = folder / file_name(apid, half_orbit, time[0], time[-1])
    temporary = folder / f".{path.name}.tmp"
    temporary.write_bytes(records.tobytes())
    temporary.replace(path)
    return path


def _isl(state: Background, seconds: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Values of the Langmuir probe, cm^-3, K and V."""
    rows = nearest(seconds, len(state.plasma))
    ne = 10.0 ** np.ascontiguousarray(state.plasma[rows, 0]) * 1e-6
    te = state.plasma[rows, 1]
    # A probe floats some kT/e below the plasma: kT/e is 1 V at 11,605 K.
    floating = -4.5 * te / 11605.0 + rng.normal(0.0, 0.01, len(rows))
    plasma = floating + 5.2 * te / 11605.0
    return {
        "Ne": ne,
        "Ni": ne * (1.0 + rng.normal(0.0, 0.02, len(rows))),
        "Te": te,
        "V_plasma": plasma,
        "V_float": floating,
        "V_sat": -plasma,
    }


def _iap(state: Background, seconds: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Values of the ion analyser, cm^-3, K, m/s, degrees and V."""
    rows = nearest(seconds, len(state.plasma))
    n = len(rows)
    return {
        "n_H+": state.ions[rows, 0] * 1e-6,
        "n_He+": state.ions[rows, 1] * 1e-6,
        "n_O+": 10.0 ** np.ascontiguousarray(state.plasma[rows, 2]) * 1e-6,
        "Ti": state.plasma[rows, 3],
        # Ions at rest come from the front at the orbital speed of about 7.5 km/s.
        "v_Oz": 7500.0 + rng.normal(0.0, 60.0, n),
        "ang_v_-Oz": np.abs(rng.normal(0.0, 1.5, n)),
        "ang_vxy_Ox": rng.uniform(0.0, 360.0, n),
        "sat_potential": -0.5 + rng.normal(0.0, 0.05, n),
    }


def _stamp(time: np.datetime64) -> str:
    """Time rounded up to the second, as in names."""
    text = str((time.astype("datetime64[ms]") + np.timedelta64(999, "ms")).astype("M8[s]"))
    return text.replace("-", "").replace(":", "").replace("T", "_")
