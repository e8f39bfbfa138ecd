"""The prior of positive windows, as draws: what a window before an event may look like.

A positive window is one of the half-orbits that pass within R of a mainshock in the 48 h before
it, taken at a midpoint anywhere on the chord within R. So the miss distance is uniform up to R,
the midpoint uniform along the chord, the lead time uniform, and large magnitudes count with
their cross-section. With ``per="window"`` every midpoint within R counts alike instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from edge.observables import B_RMS_SPAN_S, GRID_STEP_S
from trainer.simulate.geometry import EARTH_RADIUS_KM, Floats
from trainer.simulate.precursor_model import (
    LEAD_TIME_H,
    MODEL,
    PrecursorModel,
    distance_profile,
    dobrovolsky_radius_km,
    lead_time_profile,
)
from trainer.simulate.seismicity import LARGEST_MAGNITUDE, SMALLEST_MAGNITUDE

#: Speed of the ground track, km/s.
GROUND_KM_S = {"cses": 7.05, "demeter": 6.75}
#: Cells that a fit of ``b_rms`` reaches beyond its own, on either side.
REACH = int(B_RMS_SPAN_S / 2 / GRID_STEP_S)


@dataclass(frozen=True)
class PositivePrior:
    """How positive windows are drawn.

    Parameters
    ----------
    model : PrecursorModel
        Occurrence, spread and sign of the perturbations.
    b_value : float
        Of the mainshocks' magnitudes, from 5 to 8.5.
    per : {"pass", "window"}
        Whether each half-orbit within R counts alike, or each window.
    """

    model: PrecursorModel = MODEL
    b_value: float = 1.0
    per: Literal["pass", "window"] = "pass"


@dataclass(frozen=True, eq=False)
class Positives:
    """Draws of the prior.

    Parameters
    ----------
    magnitude : (J,) float64
    along_km, across_km : (J,) float64
        From the epicentre to the midpoint, along the track and across it.
    lead_h : (J,) float64
        From the midpoint to the event.
    factor : (J,) float64
        Of the event's strength, below 0 where the signs are turned round. Occurrence is apart.
    """

    magnitude: Floats
    along_km: Floats
    across_km: Floats
    lead_h: Floats
    factor: Floats

    def amplitude(self, offsets_s: Floats, speed_km_s: float) -> Floats:
        """Amplitude along the track for a strength of 1.

        Parameters
        ----------
        offsets_s : (n,) float64
            Times from the midpoint, seconds.
        speed_km_s : float
            Of the ground track, which is taken for a great circle.

        Returns
        -------
        (J, n) float64
        """
        along = self.along_km[:, None] + speed_km_s * offsets_s
        cosine = np.cos(along / EARTH_RADIUS_KM) * np.cos(self.across_km / EARTH_RADIUS_KM)[:, None]
        distance = EARTH_RADIUS_KM * np.arccos(np.clip(cosine, -1.0, 1.0))
        share = distance / dobrovolsky_radius_km(self.magnitude)[:, None]
        lead = self.lead_h[:, None] - offsets_s / 3600.0
        return self.factor[:, None] * distance_profile(share) * lead_time_profile(lead)


def draw_positives(prior: PositivePrior, uniform: Floats) -> Positives:
    """Turn uniform numbers into draws of the prior.

    Parameters
    ----------
    prior : PositivePrior
    uniform : (J, 6) float64
        In (0, 1).
    """
    size, miss, along, lead, factor, sign = np.ascontiguousarray(uniform.T)
    weight = 1.0 if prior.per == "pass" else 2.0
    # Magnitudes of events fall as 10**(-b M); their cross-section or area rises as R or R**2.
    slope = (prior.b_value - 0.43 * weight) * np.log(10.0)
    span = LARGEST_MAGNITUDE - SMALLEST_MAGNITUDE
    if abs(slope) < 1e-9:
        magnitude = SMALLEST_MAGNITUDE + span * size
    else:
        magnitude = SMALLEST_MAGNITUDE - np.log1p(size * np.expm1(-slope * span)) / slope
    radius = dobrovolsky_radius_km(magnitude)
    if prior.per == "pass":
        across = radius * miss
        offset = (2.0 * along - 1.0) * np.sqrt(radius**2 - across**2)
    else:
        turn, distance = 2.0 * np.pi * along, radius * np.sqrt(miss)
        across, offset = distance * np.cos(turn), distance * np.sin(turn)
    model = prior.model
    turned = np.where(sign < model.sign_flip, -1.0, 1.0)
    return Positives(
        magnitude,
        offset,
        across,
        LEAD_TIME_H * lead,
        turned * np.exp(model.spread * ndtri(factor)),
    )


@lru_cache(maxsize=8)
def prior_draws(prior: PositivePrior, draws: int) -> Positives:
    """Draw the prior evenly: Sobol points of fixed seed.

    Parameters
    ----------
    prior : PositivePrior
    draws : int
        A power of two.
    """
    engine = qmc.Sobol(6, scramble=True, seed=0)
    return draw_positives(prior, engine.random_base2(int(np.log2(draws))))


def signal_shapes(
    positives: Positives, length: int, middle: int, speed_km_s: float, rise: float
) -> Floats:
    """Shapes of the signal in a window: of a sampled observable, then of ``b_rms``.

    Parameters
    ----------
    positives : Positives
        J draws.
    length, middle : int
        Cells of a window, L, and the one that the label is of.
    speed_km_s : float
    rise : float
        What an amplitude of 1 adds to log10 of the magnetic noise; above 0.

    Returns
    -------
    (J, 2 L) float64
        For a strength of 1. ``b_rms`` feels the 60 s about a cell, and cannot fall.
    """
    cells = np.arange(-REACH, length + REACH) - middle
    amplitude = positives.amplitude(GRID_STEP_S * cells.astype(np.float64), speed_km_s)
    power = 10.0 ** (2.0 * rise * np.maximum(amplitude, 0.0))
    total = np.cumsum(np.pad(power, ((0, 0), (1, 0))), axis=1)
    # Half a cell at both ends of the 60 s.
    inner = total[:, 2 * REACH : 2 * REACH + length] - total[:, 1 : 1 + length]
    ends = 0.5 * (power[:, :length] + power[:, 2 * REACH :])
    mean = (inner + ends) / (2 * REACH)
    return np.concatenate(
        [amplitude[:, REACH : REACH + length], np.log10(mean) / (2.0 * rise)], axis=1
    )
