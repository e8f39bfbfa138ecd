"""Simulated CSES-01 wave files: EFD and SCM products of one half-orbit.

Dataset names and shapes are those of csespy's tables; those of EFD_3, SCM_2 and SCM_3 are a
convention that no real file confirms. The first component has the powers of the wave state, the
others follow it. Each file has the root attribute ``SIMULATED``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.simulate.background import background
from trainer.simulate.cses_files import (
    BURST,
    FILL,
    PLASMA_UNITS,
    SURVEY,
    byte_attributes,
    plagued_place_and_time,
    unit_attributes,
    write_file,
)
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass
from trainer.simulate.plagues import NO_PLAGUES, Plagues, Streams, kept_rows, lost_rows
from trainer.simulate.sampling import nearest, resampled
from trainer.simulate.spectra import draw_spectra

#: Seconds between records by default: those of EFD_3.
CADENCE_S = 2.048
#: Bins of a spectrum in real files, and in the thinner files of a simulated mission.
FILE_BINS, WAVE_BINS = 1024, 256
#: From here to 1024 bins, every number keeps two and more bins in each band of each product.
FEWEST_WAVE_BINS = 160
#: Purpose of the random stream, beside those of `mission`.
_WAVES = 3
_MISSION_CODE = 1
#: Standard deviation of log10 of a bin: eight averaged periodograms.
_SCATTER = 0.15
#: log10 of the power of the components beside the first.
_COMPONENT = (0.0, -0.10, 0.05)
#: The state counts electric power in uV^2, the files in mV^2.
_MV2 = -6.0


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
    samples : int
        Of a waveform packet.
    field : str
        Unit of the waveform.
    """

    numbers: str
    sampling_hz: float
    amplitude: bool
    unit: str
    samples: int
    field: str

    @property
    def magnetic(self) -> bool:
        """Whether it is of the search coil."""
        return self.field == "nT"


WAVES = {
    "EFD_1": Wave("A11", 125.0, True, "mV/m/Hz^0.5", 256, "mV/m"),
    "EFD_2": Wave("A12", 5000.0, True, "mV/m/Hz^0.5", 2048, "mV/m"),
    "EFD_3": Wave("A13", 50_000.0, True, "mV/m/Hz^0.5", 2048, "mV/m"),
    "SCM_1": Wave("A23", 1024.0, False, "nT^2/Hz", 4096, "nT"),
    "SCM_2": Wave("A24", 10_240.0, False, "nT^2/Hz", 4096, "nT"),
    "SCM_3": Wave("A25", 51_200.0, False, "nT^2/Hz", 4096, "nT"),
}
#: What profile `waves` needs.
NEEDED = ("EFD_2", "EFD_3", "SCM_2", "SCM_3")


def write_waves(
    folder: Path,
    half_orbit: Pass,
    seed: int,
    payloads: tuple[str, ...] = NEEDED,
    bins: int = FILE_BINS,
    cadence_s: float = CADENCE_S,
    waveforms: bool = False,
    state: Floats | None = None,
    plagues: Plagues = NO_PLAGUES,
    burst: NDArray[np.bool_] | None = None,
    components: int = 3,
) -> list[Path]:
    """Write the wave files of one half-orbit.

    Parameters
    ----------
    folder : Path
        Existing folder.
    half_orbit : Pass
        Times and places, (n,).
    seed : int
        Of the mission. The streams are of their own: other files come out the same whether or
        not these are written.
    payloads : tuple of str
        Keys of `WAVES`.
    bins : int
        Of a spectrum; fewer than in real files make smaller ones of the same range.
    cadence_s : float
        Seconds between records.
    waveforms : bool
        Write the waveforms (white noise), too.
    state : (n, 16) float64, optional
        Wave state, as `Background.waves`; by default one is drawn.
    plagues : Plagues
        Their rates; by default there are none.
    burst : (n,) bool, optional
        Samples in burst mode, which WORKMODE shows; by default none.
    components : int
        1 to 3 of the components; readers of bands need the first.

    Returns
    -------
    list of Path
        In the order of `payloads`. Each file is written under a temporary name and renamed.
    """
    key = [seed, _MISSION_CODE, half_orbit.orbit, half_orbit.direction, _WAVES]
    streams = dict(zip(WAVES, np.random.SeedSequence(key).spawn(len(WAVES)), strict=True))
    if state is None:
        drawn = background(half_orbit, np.random.SeedSequence(key), magnetic=False, waves=True)
        assert drawn.waves is not None
        state = drawn.waves
    length = len(half_orbit.time)
    seconds = np.arange(0.0, length - 1.0, cadence_s)
    rows = nearest(seconds, length)
    mode = np.zeros(length, np.bool_) if burst is None else burst
    modes = np.where(mode[rows] | waveforms, BURST, SURVEY).astype(np.int32)
    track = resampled(half_orbit, seconds)
    paths = []
    for payload in payloads:
        wave, rng = WAVES[payload], np.random.Generator(np.random.PCG64(streams[payload]))
        powers = state[rows, 8:] if wave.magnetic else state[rows, :8] + _MV2
        own = Streams(rng)
        data = _data(track, wave, powers, bins, components, own, waveforms)
        lost, how = lost_rows(len(seconds), own, plagues.fill, FILL)
        for name, values in data.items():
            if name != "FREQ":
                values[lost] = how[lost, None]
        data |= plagued_place_and_time(track, own, plagues, utc=payload == "EFD_3")
        data["WORKMODE"] = modes
        keep = kept_rows(seconds, own, plagues)
        paths.append(_write(folder, payload, half_orbit, track, data, keep))
    return paths


def _data(
    track: Pass,
    wave: Wave,
    powers: Floats,
    bins: int,
    components: int,
    streams: Streams,
    waveforms: bool,
) -> dict[str, NDArray[Any]]:
    """Spectra, waveforms and their frequencies."""
    frequency = (np.arange(bins) * (0.5 * wave.sampling_hz / bins)).astype(np.float32)
    data: dict[str, NDArray[Any]] = {"FREQ": frequency}
    for component in range(components):
        name = f"{wave.numbers}{component + 1}"
        rng = streams[f"component {component}"]
        bands, hz = powers + _COMPONENT[component], frequency.astype(np.float64)
        log = draw_spectra(track, bands, hz, _SCATTER, rng, wave.magnetic)
        # 10**x in place, of one contiguous array.
        log *= np.log(10.0) * (0.5 if wave.amplitude else 1.0)
        data[f"{name}_P"] = np.exp(log, out=log)
        if waveforms:
            size = np.sqrt(10.0 ** powers.mean() * wave.sampling_hz / 2.0)
            noise = rng.standard_normal((len(track.time), wave.samples))
            data[f"{name}_W"] = size * noise
    return data


def _write(
    folder: Path,
    payload: str,
    half_orbit: Pass,
    track: Pass,
    data: dict[str, NDArray[Any]],
    keep: NDArray[np.bool_],
) -> Path:
    wave, frequency = WAVES[payload], data["FREQ"]
    units = {**PLASMA_UNITS, "FREQ": "Hz"}
    units |= {name: wave.unit for name in data if name.endswith("_P")}
    units |= {name: wave.field for name in data if name.endswith("_W")}
    root = byte_attributes(
        {
            "FRERANGE": f"{frequency[1]:.0f}Hz-{frequency[-1]:.0f}Hz",
            "PAYLOADID": payload[:3],
            "SAMPLERATE": f"{wave.sampling_hz:g}Hz",
            "ORBITNUM": f"{half_orbit.orbit:05d}",
            "ORBITTYPE": str(half_orbit.direction),
            "SOFTVERSION": "V1.1",
        }
    )
    attributes = unit_attributes({name: units[name] for name in data})
    return write_file(folder, payload, track, data, root, attributes, keep)
