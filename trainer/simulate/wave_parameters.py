"""Parameters of the simulated wave bands, as data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.observables import ELF_BANDS, VLF_BANDS
from trainer.simulate.geometry import Floats

#: Bands of the wave state in Hz: first electric, then magnetic, in the order of profile `waves`.
BANDS = ELF_BANDS + VLF_BANDS
#: Centres of the bands in octaves.
OCTAVES = np.array([np.log2(np.sqrt(low * high)) for low, high in BANDS])


@dataclass(frozen=True)
class WaveParameters:
    """Power of the wave bands: log10 of uV^2/m^2/Hz (electric) and nT^2/Hz (magnetic).

    Pairs are electric, magnetic.

    Parameters
    ----------
    at_100_hz, slope : tuple of float
        Power at 100 Hz, and its change with a decade of frequency.
    hiss : tuple of float
        Highest rise by plasmaspheric hiss at Kp 2, near 700 Hz and `hiss_latitude_deg`.
    hiss_kp, hiss_storm : float
        Further rise with Kp above 2, and with the storm answer of `conditions`.
    hiss_latitude_deg, hiss_width_deg, hiss_shift_deg : float
        Dipole latitude, width, and the shift towards the equator with each Kp above 2.
    lightning : tuple of float
        Rise near 2.8 kHz over the most active chimney on a summer night.
    offset_sigma, track_sigma, white_sigma, stroke_sigma : tuple of float
        Standard deviation of the half-orbit's offset, of the variation along the track, of the
        white estimation noise of one spectrum, and of lightning strokes about their mean. The
        last two are lognormal power fluctuations, as the variation is.
    track_time_s, stroke_time_s : float
        Correlation times.
    octaves : float
        Correlation of offset and of track noise between bands falls as exp(-distance/this).
    coherence : float
        That between an electric and a magnetic band of the same frequency.
    """

    at_100_hz: tuple[float, float] = (2.0, -5.5)
    slope: tuple[float, float] = (-1.6, -1.9)
    hiss: tuple[float, float] = (0.9, 1.0)
    hiss_kp: float = 0.10
    hiss_storm: float = 0.15
    hiss_latitude_deg: float = 55.0
    hiss_width_deg: float = 11.0
    hiss_shift_deg: float = 1.5
    lightning: tuple[float, float] = (0.6, 0.4)
    offset_sigma: tuple[float, float] = (0.10, 0.10)
    track_sigma: tuple[float, float] = (0.14, 0.14)
    white_sigma: tuple[float, float] = (0.03, 0.03)
    stroke_sigma: tuple[float, float] = (0.10, 0.07)
    track_time_s: float = 100.0
    stroke_time_s: float = 3.0
    octaves: float = 3.0
    coherence: float = 0.5

    def each(self, pair: tuple[float, float]) -> Floats:
        """Spread a pair (electric, magnetic) over the bands, (16,)."""
        return np.repeat(pair, len(BANDS))

    @property
    def heard(self) -> Floats:
        """Share of a lightning stroke in each band, (16,): 1 at 2.8 kHz, less beside it."""
        return np.tile(np.exp(-(((OCTAVES - np.log2(2800.0)) / 1.5) ** 2)), 2)

    @property
    def correlation(self) -> Floats:
        """Correlation of the bands in offset and in track noise, (16, 16)."""
        apart = np.exp(-np.abs(OCTAVES[:, None] - OCTAVES) / self.octaves)
        return np.kron([[1.0, self.coherence], [self.coherence, 1.0]], apart)

    @property
    def strokes(self) -> Floats:
        """Standard deviation of each band by strokes, (16,); one factor moves them all."""
        return self.each(self.stroke_sigma) * self.heard

    @property
    def sigma(self) -> Floats:
        """Standard deviation of each band about its mean, (16,)."""
        parts = (self.offset_sigma, self.track_sigma, self.white_sigma)
        return np.sqrt(sum(self.each(p) ** 2 for p in parts) + self.strokes**2)
