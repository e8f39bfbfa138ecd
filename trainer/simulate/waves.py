"""Simulated survey spectra of the electric and magnetic field in the VLF band.

A caricature with the right structure: a power law that falls with frequency, hiss at middle
latitudes, lines of transmitters, and lightning whistlers that come and go. No real spectrum
was at hand to fit it to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.simulate.background import autoregressive
from trainer.simulate.geometry import Floats

#: Frequencies of the bins in Hz: 1024 to 20 kHz (DMT-SP-9-CM-6054-LPC, table N1-14).
FREQUENCY = 19.53125 * np.arange(1, 1025)


@dataclass(frozen=True)
class WaveParameters:
    """Parameters of the simulated spectra; powers are log10 of the record's unit.

    Parameters
    ----------
    at_100_hz, slope : float
        Power at 100 Hz, and its change with a decade of frequency.
    hiss : float
        Highest rise by hiss, a bump about 700 Hz at 55 degrees of magnetic latitude.
    line_hz : tuple of float
        Frequencies of transmitters.
    line : float
        Rise of a line's bin where the satellite hears the transmitter.
    whistlers_a_minute, whistler : float
        Mean number of lightning strokes that are heard, and the mean rise by one between 1 and
        8 kHz, for one spectrum.
    track_sigma, track_time_s : float
        Standard deviation and correlation time of a variation of all bins together.
    noise : float
        Standard deviation of each bin: 40 averaged spectra scatter by 0.07.
    """

    at_100_hz: float
    slope: float
    hiss: float
    line: float
    whistler: float
    line_hz: tuple[float, ...] = (11_905.0, 12_649.0, 14_881.0, 16_300.0, 18_300.0, 19_580.0)
    whistlers_a_minute: float = 6.0
    track_sigma: float = 0.15
    track_time_s: float = 120.0
    noise: float = 0.07


#: By APID: electric power in uV^2/m^2/Hz, magnetic in nT^2/Hz.
WAVES = {
    1132: WaveParameters(at_100_hz=2.5, slope=-1.6, hiss=1.2, line=1.5, whistler=0.5),
    1137: WaveParameters(at_100_hz=-5.0, slope=-1.8, hiss=1.0, line=0.7, whistler=0.3),
}


def spectra(
    magnetic_latitude: Floats, step_s: float, parameters: WaveParameters, rng: np.random.Generator
) -> Floats:
    """Draw survey spectra along a track.

    Parameters
    ----------
    magnetic_latitude : (n,) float64
        Dipole latitude of each spectrum, degrees.
    step_s : float
        Seconds between spectra.
    parameters : WaveParameters
    rng : Generator

    Returns
    -------
    (n, 1024) float64
        log10 of the power at `FREQUENCY`.
    """
    p, n = parameters, len(magnetic_latitude)
    latitude = np.abs(magnetic_latitude)[:, None]
    octave = np.log2(FREQUENCY)
    power = p.at_100_hz + p.slope * np.log10(FREQUENCY / 100.0)
    hiss = np.exp(-(((latitude - 55.0) / 12.0) ** 2)) * np.exp(-((octave - np.log2(700.0)) ** 2))
    # Strokes are a tropical matter, and a whistler lasts less than one spectrum.
    strokes = rng.poisson(
        p.whistlers_a_minute * step_s / 60.0 * np.exp(-((latitude / 35.0) ** 2)), (n, 1)
    )
    rise = p.whistler * np.sqrt(strokes) * rng.gamma(4.0, 0.25, (n, 1))
    heard = np.exp(-((np.log2(FREQUENCY / 2800.0) / 1.5) ** 2))
    slow = autoregressive(n, 1, p.track_time_s / step_s, rng) * p.track_sigma
    result = power + p.hiss * hiss + rise * heard + slow + rng.normal(0.0, p.noise, (n, 1024))
    centre = rng.uniform(-60.0, 60.0, len(p.line_hz))
    for hz, place in zip(p.line_hz, centre, strict=True):
        column = int(np.argmin(np.abs(FREQUENCY - hz)))
        near = np.exp(-(((magnetic_latitude - place) / 15.0) ** 2))
        result[:, column] += p.line * near
    return result
