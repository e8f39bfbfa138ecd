"""Simulated CSES-01 wave files: EFD_2, EFD_3, SCM_2 and SCM_3 of one half-orbit.

Dataset names and shapes are those of csespy's tables; those of EFD_3, SCM_2 and SCM_3 are a
convention that no real file confirms. The spectra are power laws with the scatter of a
periodogram, a slow change along the track and one weak transmitter line; no perturbation is
ever put into them. Each file has the root attribute ``SIMULATED``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.simulate.cses_files import place_and_time, write_file
from trainer.simulate.cses_layout import PLASMA_UNITS
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass

#: Seconds between records by default: those of EFD_3.
CADENCE_S = 2.048
#: Purpose of the random stream, beside those of `mission`.
_WAVES = 3
_MISSION_CODE = 1
#: Averaged periodograms in a record: the scatter of its bins is 1/sqrt of this.
_AVERAGED = 8.0


@dataclass(frozen=True)
class Wave:
    """One product of spectra.

    Parameters
    ----------
    numbers : str
        Of its datasets, without the component.
    sampling_hz : float
        Of the waveforms; the spectra end at half of it.
    amplitude : bool
        Whether the file has amplitude density.
    unit : str
        As the file spells it.
    power_100_hz : float
        Power density at 100 Hz, in (mV/m)^2/Hz or nT^2/Hz.
    exponent : float
        Of the power law.
    samples : int
        Of a waveform packet.
    field : str
        Unit of the waveform.
    """

    numbers: str
    sampling_hz: float
    amplitude: bool
    unit: str
    power_100_hz: float
    exponent: float
    samples: int
    field: str


#: Levels of the order that Berthelier et al. (2006) and Parrot et al. (2006) show at night.
WAVES = {
    "EFD_1": Wave("A11", 125.0, True, "mV/m/Hz^0.5", 1e-4, -1.6, 256, "mV/m"),
    "EFD_2": Wave("A12", 5000.0, True, "mV/m/Hz^0.5", 1e-4, -1.6, 2048, "mV/m"),
    "EFD_3": Wave("A13", 50_000.0, True, "mV/m/Hz^0.5", 1e-4, -1.6, 2048, "mV/m"),
    "SCM_1": Wave("A23", 1024.0, False, "nT^2/Hz", 1e-6, -2.0, 4096, "nT"),
    "SCM_2": Wave("A24", 10_240.0, False, "nT^2/Hz", 1e-6, -2.0, 4096, "nT"),
    "SCM_3": Wave("A25", 51_200.0, False, "nT^2/Hz", 1e-6, -2.0, 4096, "nT"),
}


def write_waves(
    folder: Path,
    half_orbit: Pass,
    seed: int,
    payloads: tuple[str, ...] = ("EFD_2", "EFD_3", "SCM_2", "SCM_3"),
    bins: int = 1024,
    cadence_s: float = CADENCE_S,
    waveforms: bool = False,
) -> list[Path]:
    """Write the wave files of one half-orbit.

    Parameters
    ----------
    folder : Path
        Existing folder.
    half_orbit : Pass
        Times and places.
    seed : int
        Of the mission. The streams are of their own: other files come out the same whether or
        not these are written.
    payloads : tuple of str
        Keys of `WAVES`.
    bins : int
        Of a spectrum. Files have 1024; fewer make smaller files of the same range.
    cadence_s : float
        Seconds between records.
    waveforms : bool
        Write the waveforms (white noise), too.

    Returns
    -------
    list of Path
        In the order of `payloads`. Each file is written under a temporary name and renamed.
    """
    key = [seed, _MISSION_CODE, half_orbit.orbit, half_orbit.direction, _WAVES]
    streams = dict(zip(WAVES, np.random.SeedSequence(key).spawn(len(WAVES)), strict=True))
    return [
        _write_wave(
            folder,
            half_orbit,
            payload,
            np.random.Generator(np.random.PCG64(streams[payload])),
            bins,
            cadence_s,
            waveforms,
        )
        for payload in payloads
    ]


def _write_wave(
    folder: Path,
    half_orbit: Pass,
    payload: str,
    rng: np.random.Generator,
    bins: int,
    cadence_s: float,
    waveforms: bool,
) -> Path:
    wave = WAVES[payload]
    track = _resampled(half_orbit, cadence_s)
    n = len(track.time)
    frequency = (np.arange(bins) * (0.5 * wave.sampling_hz / bins)).astype(np.float32)
    data: dict[str, NDArray[Any]] = {}
    units = {**PLASMA_UNITS, "FREQ": "Hz"}
    for component in (1, 2, 3):
        name = f"{wave.numbers}{component}"
        power = _spectra(track, wave, frequency.astype(np.float64), rng)
        data[f"{name}_P"] = np.sqrt(power) if wave.amplitude else power
        units[f"{name}_P"] = wave.unit
        if waveforms:
            scale = np.sqrt(wave.power_100_hz * wave.sampling_hz / 2.0)
            data[f"{name}_W"] = scale * rng.standard_normal((n, wave.samples))
            units[f"{name}_W"] = wave.field
    keep = np.arange(n)
    data |= place_and_time(track, keep, track.time)
    data |= {"FREQ": frequency, "WORKMODE": np.full(n, 2 if waveforms else 1, np.int32)}
    low, high = f"{frequency[1]:.0f}Hz", f"{frequency[-1]:.0f}Hz"
    root = {
        "FRERANGE": f"{low}-{high}",
        "PAYLOADID": payload[:3],
        "SAMPLERATE": f"{wave.sampling_hz:g}Hz",
        "ORBITNUM": f"{half_orbit.orbit:05d}",
        "ORBITTYPE": str(half_orbit.direction),
        "SOFTVERSION": "V1.1",
    }
    return write_file(
        folder,
        payload,
        track,
        keep,
        data,
        {key: np.array([text.encode()]) for key, text in root.items()},
        {name: {"units": np.array([units[name].encode()])} for name in data},
    )


def _resampled(half_orbit: Pass, cadence_s: float) -> Pass:
    """Half-orbit with a row every `cadence_s` instead of every second."""
    seconds = (half_orbit.time - half_orbit.time[0]).astype(np.float64) / 1000.0
    at = np.arange(0.0, seconds[-1], cadence_s)
    return replace(
        half_orbit,
        time=half_orbit.time[0] + np.rint(at * 1000.0).astype("timedelta64[ms]"),
        latitude=np.interp(at, seconds, half_orbit.latitude),
        longitude=(np.interp(at, seconds, np.unwrap(half_orbit.longitude, period=360.0)) + 180.0)
        % 360.0
        - 180.0,
        altitude_km=np.interp(at, seconds, half_orbit.altitude_km),
    )


def _spectra(track: Pass, wave: Wave, frequency: Floats, rng: np.random.Generator) -> Floats:
    """Power density (n, M), above zero everywhere."""
    law = wave.power_100_hz * (np.maximum(frequency, frequency[1]) / 100.0) ** wave.exponent
    # HWU, inside of the VLF band.
    law *= 1.0 + 30.0 * (np.abs(frequency - 15_100.0) < 60.0)
    phase = rng.uniform(0.0, 2.0 * np.pi)
    along = 10.0 ** (0.3 * np.sin(np.deg2rad(3.0 * track.latitude) + phase))
    scatter = rng.standard_gamma(_AVERAGED, (len(track.time), len(frequency))) / _AVERAGED
    spectra: Floats = law * along[:, None] * scatter
    return spectra
