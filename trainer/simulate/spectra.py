"""Ground transmitters of very low frequency: lines in the spectra, and where they are heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.observables import NOTCH_HALF_WIDTH_HZ, TRANSMITTER_LINES_HZ
from trainer.simulate import geometry
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import BANDS, OCTAVES

#: Name, frequency in Hz, latitude, longitude. Navy stations, and the three of the Alpha system,
#: which send all three frequencies. Those below 17 kHz lie in the notches of the bands.
TRANSMITTERS = (
    *(
        (f"Alpha {name}", hz, latitude, longitude)
        for name, latitude, longitude in (
            ("Novosibirsk", 55.8, 84.4),
            ("Krasnodar", 45.4, 38.2),
            ("Khabarovsk", 50.1, 136.6),
        )
        for hz in (11_905.0, 12_649.0, 14_881.0)
    ),
    ("HWU", 15_100.0, 46.7, 1.2),
    ("VTX", 16_300.0, 8.4, 77.8),
    ("JXN", 16_400.0, 67.0, 13.9),
    ("VTX", 18_200.0, 8.4, 77.8),
    ("HWU", 18_300.0, 46.7, 1.2),
    ("NWC", 19_800.0, -21.8, 114.2),
    ("ICV", 20_270.0, 40.9, 9.7),
    ("NPM", 21_400.0, 21.4, -158.2),
    ("JJI", 22_200.0, 32.1, 130.8),
    ("DHO", 23_400.0, 53.1, 7.6),
    ("NAA", 24_000.0, 44.6, -67.3),
    ("NLK", 24_800.0, 48.2, -121.9),
)
#: A transmitter is heard within about this distance of itself and of its conjugate point, km.
REACH_KM = 1500.0


def heard(track: Pass) -> Floats:
    """How well each transmitter is heard along a track.

    Parameters
    ----------
    track : Pass
        Times and places, (k,).

    Returns
    -------
    (k, T) float64
        ``exp(-(d / 1500 km)**2)`` for the nearer of the transmitter and its conjugate point,
        which in a centred dipole has the opposite latitude and the same longitude.
    """
    axes = geometry.dipole_axes(track.time[0])
    place = geometry.unit_vector(track.latitude, track.longitude)
    latitude, longitude = (np.array([t[i] for t in TRANSMITTERS]) for i in (2, 3))
    direct = geometry.unit_vector(latitude, longitude)
    conjugate = ((direct @ axes.T) * (1.0, 1.0, -1.0)) @ axes
    near = np.maximum(place @ direct.T, place @ conjugate.T)
    distance = geometry.EARTH_RADIUS_KM * np.arccos(np.clip(near, -1.0, 1.0))
    result: Floats = np.exp(-((distance / REACH_KM) ** 2))
    return result


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
    result: Floats = bands @ weight + (octave - inside) * (_LOG10_2 * _OUTER_SLOPE)
    return result


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
