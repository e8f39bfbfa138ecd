"""Native spectra from the wave state: bins that scatter, about bands whose mean power is kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.observables import NOTCH_HALF_WIDTH_HZ, TRANSMITTER_LINES_HZ
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass
from trainer.simulate.transmitters import TRANSMITTERS, heard
from trainer.simulate.wave_parameters import BANDS, OCTAVES

#: Rise of a transmitter's bin, in log10 of power, where it is heard best: electric, magnetic.
LINE = (1.5, 0.8)
#: Change of log10 power with a decade of frequency outside of the bands.
_OUTER_SLOPE = -1.7
_LOG10_2 = float(np.log10(2.0))


def band_columns(frequency: Floats) -> list[NDArray[np.int64]]:
    """Bins of each band, those within 100 Hz of a transmitter's line left out.

    Parameters
    ----------
    frequency : (M,) float64
        Hz.

    Returns
    -------
    list of (m,) int64
        For each of the eight bands.
    """
    free = np.ones(len(frequency), np.bool_)
    for line in TRANSMITTER_LINES_HZ:
        free &= np.abs(frequency - line) > NOTCH_HALF_WIDTH_HZ
    return [np.flatnonzero(free & (frequency >= a) & (frequency < b)) for a, b in BANDS]


def smooth_spectra(bands: Floats, frequency: Floats) -> Floats:
    """Spectra through the powers of bands at their centres: straight lines in log-log.

    Parameters
    ----------
    bands : (k, 8) float64
        log10 power.
    frequency : (M,) float64
        Hz, above 0.

    Returns
    -------
    (k, M) float64
        log10 power; beyond the outer bands it falls by 1.7 a decade.
    """
    octave = np.log2(frequency)
    inside = np.clip(octave, OCTAVES[0], OCTAVES[-1])
    left = np.clip(np.searchsorted(OCTAVES, inside, side="right") - 1, 0, len(OCTAVES) - 2)
    share = (inside - OCTAVES[left]) / (OCTAVES[left + 1] - OCTAVES[left])
    weight = np.zeros((len(OCTAVES), len(frequency)))
    columns = np.arange(len(frequency))
    weight[left, columns] = 1.0 - share
    weight[left + 1, columns] += share
    return bands @ weight + (octave - inside) * (_LOG10_2 * _OUTER_SLOPE)


def draw_spectra(
    track: Pass,
    bands: Floats,
    frequency: Floats,
    scatter: float,
    rng: np.random.Generator,
    magnetic: bool = False,
) -> Floats:
    """Draw spectra whose bands have given powers.

    Parameters
    ----------
    track : Pass
        A place for each spectrum, (k,).
    bands : (k, 8) float64
        log10 of the mean power of each band.
    frequency : (M,) float64
        Hz; a bin at 0 takes the power of the next one.
    scatter : float
        Standard deviation of log10 of the power of a bin.
    rng : Generator
    magnetic : bool
        Lines are weaker in the magnetic field.

    Returns
    -------
    (k, M) float64
        log10 power. The mean power over a band's bins is that of the state but for rounding;
        lines of transmitters stand in the notches, or beyond the highest band.
    """
    positive = np.maximum(frequency, frequency[1])
    log = smooth_spectra(bands, positive)
    log += rng.normal(0.0, scatter, log.shape)
    for band, columns in enumerate(band_columns(frequency)):
        if len(columns):
            runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
            total = np.zeros(len(log))
            for run in runs:
                part = np.ascontiguousarray(log[:, run[0] : run[-1] + 1])
                total += np.exp(part * np.log(10.0)).sum(axis=1)
            correction = bands[:, band] - np.log10(total / len(columns))
            for run in runs:
                log[:, run[0] : run[-1] + 1] += correction[:, None]
    step = frequency[1] - frequency[0]
    loud = LINE[int(magnetic)] * heard(track)
    for (_, hz, _, _), rise in zip(TRANSMITTERS, loud.T, strict=True):
        column = int(np.argmin(np.abs(frequency - hz)))
        # A line between two bins far apart would fall outside of its notch.
        if abs(frequency[column] - hz) <= min(step, NOTCH_HALF_WIDTH_HZ):
            log[:, column] += rise
    return log
