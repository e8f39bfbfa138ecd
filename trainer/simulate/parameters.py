"""Parameters of the simulated wave bands, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edge.observables import ELF_BANDS, VLF_BANDS
from trainer.simulate.geometry import Floats

#: Bands of the wave state in Hz: first electric, then magnetic, in the order of profile `waves`.
BANDS = ELF_BANDS + VLF_BANDS
#: Centres of the bands in octaves.
OCTAVES = np.array([np.log2(np.sqrt(low * high)) for low, high in BANDS])


@dataclass(frozen=True, kw_only=True)
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


#: Plasma observables, in the order of every (..., 4) array here, and their units.
PLASMA = ("log10_ne", "te", "log10_o_plus", "ti")


@dataclass(frozen=True, kw_only=True)
class BubbleParameters:
    """Prior of equatorial plasma bubbles: depletions that a night half-orbit crosses.

    The number of a half-orbit is Poisson; each has a centre, a width and a depth.

    Parameters
    ----------
    rate : float
        Mean number in a night half-orbit at F10.7 of 100, over season and longitude; 0 for none.
    flux_exponent : float
        The mean goes with this power of F10.7 / 100: steep before midnight (Huang et al. 2001,
        doi:10.1029/2000JA000319), nearly flat after it.
    season : float
        Share of the mean that moves with season and longitude.
    latitude_deg : float
        Centres are uniform in time where |dipole latitude| is below this.
    width_km : tuple of float
        Shortest and longest full width at half depth along the track; log-uniform.
    factor : tuple of float
        Smallest and largest factor by which Ne falls; log-uniform.
    wall_km : float
        Scale of the walls, tanh.
    structure : float
        Standard deviation of log10 Ne inside of a bubble, for each decade of depth.
    structure_s : float
        Its correlation time, seconds.
    o_plus, te_k : float
        Change of log10 O+ and of Te (K) for each decade of depth of Ne.
    """

    rate: float = 0.15
    flux_exponent: float = 0.5
    season: float = 0.8
    latitude_deg: float = 20.0
    width_km: tuple[float, float] = (50.0, 300.0)
    factor: tuple[float, float] = (1.3, 30.0)
    wall_km: float = 8.0
    structure: float = 0.08
    structure_s: float = 3.0
    o_plus: float = -1.1
    te_k: float = -80.0


@dataclass(frozen=True, kw_only=True)
class DensityParameters:
    """Mean of log10 Ne (m^-3) on one side of the Earth, night or day.

    Parameters
    ----------
    level : float
        Off the equator, at equinox and F10.7 of 100.
    hump, hump_deg : float
        Height of the equatorial hump, and its width in dipole latitude (degrees).
    tilt : float
        Shift of the hump against the dipole's equator, by longitude.
    crests, trough : float
        Crests of the anomaly at 15 degrees; depth of the mid-latitude trough.
    flux, flux_hump : float
        Rise with log10(F10.7 / 100): everywhere, and more (or less) in the hump.
    annual, annual_flux : float
        Half of the rise from winter to summer away from the equator; the second with
        log10(F10.7 / 100).
    semiannual, december : float
        Rise at the equinoxes, and in December against June everywhere.
    wave : float
        Amplitude of the wavenumber-four pattern of longitude in the hump.
    """

    level: float
    hump: float
    hump_deg: float
    tilt: float
    crests: float
    trough: float
    flux: float
    flux_hump: float
    annual: float
    annual_flux: float
    semiannual: float
    december: float
    wave: float


@dataclass(frozen=True, kw_only=True)
class BackgroundParameters:
    """Parameters of the simulated background.

    The rows of four follow :data:`PLASMA`: log10 Ne (m^-3), Te (K), log10 O+ (m^-3), Ti (K).

    Parameters
    ----------
    night, day : DensityParameters
        Mean of log10 Ne in darkness and in full daylight; the share of daylight is between them.
    storm_positive, storm_negative, storm_te_k : float
        Answer of log10 Ne and of Te to a storm: the positive phase at middle latitudes, the
        negative one towards the poles, and the heating there, for each unit of `conditions`.
    night_te_k, day_te_k, night_ti_k, day_ti_k : float
        Electron and ion temperature at the level of Ne, and what daylight adds to them.
    te_exponent : float
        Te goes with this power of Ne about its mean.
    o_plus_fraction : float
        Share of O+ in the ions at the night equator; H+ and He+ have the rest, 3 : 1.
    offset_sigma, track_sigma, white_sigma : tuple of 4 float
        Standard deviation of the offset of a half-orbit, of the first-order autoregressive
        noise along the track, and of the white payload noise of one sample.
    track_time_s : float
        Correlation time of the track noise, seconds.
    te_correlation, o_plus_correlation, ti_correlation : float
        Correlation of those observables with log10 Ne, in offset and in track noise.
    field_slow_nt, field_slow_time_s : float
        Standard deviation and time scale of slow noise of each field component, nT and s.
    field_white_nt : float
        Median of the white noise of each field component at low latitude, nT. The quiet part of
        the one real half-orbit at hand has 0.02-0.04 nT about a cubic over 60 s.
    field_log10_offset, field_log10_track : float
        Standard deviation of log10 of that noise's strength: by half-orbit, and along the track.
    auroral_latitude_deg, auroral_scale_deg, auroral_shift_deg : float
        Magnetic noise grows as exp((|dipole latitude| - auroral) / scale) beyond that latitude,
        which lies lower by the shift for each Kp above 2.
    bubbles : BubbleParameters
    waves : WaveParameters
    """

    night: DensityParameters
    day: DensityParameters
    storm_positive: float = 0.06
    storm_negative: float = 0.08
    storm_te_k: float = 60.0
    night_te_k: float = 1150.0
    day_te_k: float = 900.0
    night_ti_k: float = 950.0
    day_ti_k: float = 250.0
    te_exponent: float = -0.22
    o_plus_fraction: float = 0.93
    offset_sigma: tuple[float, float, float, float] = (0.08, 60.0, 0.08, 40.0)
    track_sigma: tuple[float, float, float, float] = (0.06, 50.0, 0.06, 30.0)
    white_sigma: tuple[float, float, float, float] = (0.01, 15.0, 0.015, 10.0)
    track_time_s: float = 90.0
    te_correlation: float = -0.6
    o_plus_correlation: float = 0.9
    ti_correlation: float = -0.2
    field_slow_nt: float = 1.0
    field_slow_time_s: float = 240.0
    field_white_nt: float = 0.02
    field_log10_offset: float = 0.08
    field_log10_track: float = 0.06
    auroral_latitude_deg: float = 55.0
    auroral_scale_deg: float = 4.0
    auroral_shift_deg: float = 1.0
    bubbles: BubbleParameters = field(default_factory=BubbleParameters)
    waves: WaveParameters = field(default_factory=WaveParameters)

    @property
    def sigma(self) -> Floats:
        """Standard deviation of each plasma observable about its mean, (4,), bubbles aside."""
        result: Floats = np.sqrt(
            np.square(self.offset_sigma) + np.square(self.track_sigma) + np.square(self.white_sigma)
        )
        return result

    @property
    def b_rms_sigma(self) -> float:
        """Standard deviation of log10 of the strength of the magnetic noise."""
        return float(np.hypot(self.field_log10_offset, self.field_log10_track))

    @property
    def mixing(self) -> Floats:
        """Lower triangular (4, 4) factor of the correlation of the plasma observables."""
        lower = np.eye(4)
        for row, rho in enumerate(
            (self.te_correlation, self.o_plus_correlation, self.ti_correlation), start=1
        ):
            lower[row, 0], lower[row, row] = rho, np.sqrt(1.0 - rho**2)
        return lower


#: CSES-01 at ~507 km, 02 and 14 h; DEMETER at 710 and 660 km, 22:30 and 10:30 h. The density was
#: fitted to PyIRI, scaled to IRI-2020 (``tests/oracles/iri.py``), but for trough and wave.
PARAMETERS = {
    "cses": BackgroundParameters(
        night=DensityParameters(
            level=10.63, hump=0.14, hump_deg=28.0, tilt=0.23, crests=0.0, trough=0.15,
            flux=2.55, flux_hump=0.26, annual=0.27, annual_flux=0.25, semiannual=0.02,
            december=0.03, wave=0.04,
        ),
        day=DensityParameters(
            level=10.94, hump=0.68, hump_deg=28.0, tilt=-0.06, crests=0.11, trough=0.0,
            flux=2.49, flux_hump=-0.91, annual=0.13, annual_flux=-0.37, semiannual=0.05,
            december=0.06, wave=0.04,
        ),
    ),
    "demeter": BackgroundParameters(
        night=DensityParameters(
            level=10.18, hump=0.59, hump_deg=28.0, tilt=0.10, crests=0.0, trough=0.15,
            flux=2.20, flux_hump=0.45, annual=0.35, annual_flux=-0.09, semiannual=0.07,
            december=0.06, wave=0.04,
        ),
        day=DensityParameters(
            level=10.55, hump=0.50, hump_deg=28.0, tilt=-0.04, crests=0.06, trough=0.0,
            flux=2.24, flux_hump=-0.79, annual=0.11, annual_flux=-0.27, semiannual=0.04,
            december=0.08, wave=0.04,
        ),
        night_te_k=1250.0,
        night_ti_k=1000.0,
        o_plus_fraction=0.80,
        bubbles=BubbleParameters(rate=0.25, flux_exponent=2.0),
        waves=WaveParameters(at_100_hz=(2.5, -5.0), slope=(-1.6, -1.8)),
    ),
}  # fmt: skip
