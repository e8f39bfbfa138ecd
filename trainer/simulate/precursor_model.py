"""Perturbations before the mainshocks of a catalogue: what a detector can find in a simulation.

No real earthquake is known to do this. The model is a yardstick of known strength, and nothing
more: where a detector finds these perturbations it says how strong they would have to be to be
found, not that they exist.

The model
---------
*Who.* Mainshocks of the declustered catalogue (`trainer.inputs.declustering`); of them a share
`occurrence` has a perturbation at all, by default every one.
*Where.* Within the Dobrovolsky radius R = 10^(0.43 M) km: ``exp(-(d/R)**2)``, led smoothly to
zero over the last tenth of R.
*When.* In the 48 h before: ``sin(pi sqrt(lead/48 h))**2``, strongest at 12 h.
*How strong.* `strength` standard deviations of each observable about its mean, times a weight
and sign for each observable (`SIGNS`), times a lognormal factor of median 1 for each event.
*Which sign.* Density, O+ and Ti rise, Te falls, magnetic noise rises. Of the wave bands the
electric one that holds 1.7 kHz falls by half as many standard deviations as the density rises,
its neighbours by less, the magnetic ones by half of that: in the spirit of the small night-time
decrease that Nemec et al. (2008, doi:10.1029/2007GL032517) report, without its numbers. With
probability `sign_flip` all signs of an event are turned round.

What is drawn for an event is a hash of its id and time: it does not depend on what else is
simulated, nor on the background's random numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from statistics import NormalDist

import numpy as np

from edge.observables import FULL
from trainer.simulate.geometry import Floats
from trainer.simulate.parameters import BackgroundParameters

#: Perturbations begin this long before an event, hours.
LEAD_TIME_H = 48.0
#: Weight and sign of the perturbation of log10 Ne, Te, log10 O+ and Ti.
PLASMA_SIGNS = (1.0, -1.0, 1.0, 1.0)
#: Of each observable of the profile `full` that is perturbed, in its standard deviations.
SIGNS = {
    **dict(zip(("log_ne", "te", "log_o", "ti"), PLASMA_SIGNS, strict=True)),
    "b_rms": 1.0,
    "log_e_220_500": -0.1,
    "log_e_500_1200": -0.25,
    "log_e_1200_2100": -0.5,
    "log_e_2300_5000": -0.25,
    "log_e_5000_10000": -0.1,
    "log_b_220_500": -0.05,
    "log_b_500_1200": -0.125,
    "log_b_1200_2100": -0.25,
    "log_b_2300_5000": -0.125,
    "log_b_5000_10000": -0.05,
}
#: Period of the additional fluctuation of |B|, seconds.
FIELD_PERIOD_S = 10.0
#: Beyond this share of the radius the perturbation is led to zero, so that it has no edge.
TAPER = 0.9


@dataclass(frozen=True)
class PrecursorModel:
    """What is drawn for an event, beside its strength.

    Parameters
    ----------
    occurrence : float
        Probability that a mainshock has a perturbation at all. 1, since a fifth of the lead
        times and the rim of the circle have less than a tenth of the strength already: with
        events left out on top, an AUC of 0.9 would ask for 20 standard deviations, which
        reach the ends of what an instrument can measure.
    spread : float
        Standard deviation of the natural logarithm of the factor of an event; its median is 1.
        0.3 puts two events of three between 0.74 and 1.35.
    sign_flip : float
        Probability that all signs of an event are turned round.
    seed : int
        Part of the hash that the draws of an event come from.
    """

    occurrence: float = 1.0
    spread: float = 0.3
    sign_flip: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        for name in ("occurrence", "sign_flip"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be in 0..1, not {getattr(self, name)}")
        if not 0.0 <= self.spread <= 3.0:
            raise ValueError(f"spread must be in 0..3, not {self.spread}")

    def factor(self, event_id: str, time: np.datetime64) -> float:
        """Factor of one event's strength: 0 if it has none, below 0 if its signs are turned."""
        key = f"{self.seed}|{event_id}|{time.astype('datetime64[ms]')}"
        digest = hashlib.sha256(key.encode()).digest()
        # 53 bits each, in the open interval (0, 1).
        occurs, size, turned = (
            ((int.from_bytes(digest[8 * k : 8 * k + 8], "big") >> 11) + 0.5) / 2.0**53
            for k in range(3)
        )
        if occurs >= self.occurrence:
            return 0.0
        factor = float(np.exp(self.spread * NormalDist().inv_cdf(size)))
        return -factor if turned < self.sign_flip else factor


MODEL = PrecursorModel()


def describe(model: PrecursorModel = MODEL) -> dict[str, object]:
    """Every parameter of the model, for the description of a simulation."""
    return {
        "note": "a yardstick; no real earthquake is known to do this",
        "lead_time_h": LEAD_TIME_H,
        "signs": SIGNS,
        "field_period_s": FIELD_PERIOD_S,
        "radius_km": "10**(0.43 M)",
        **asdict(model),
    }


def weights() -> Floats:
    """Weight and sign of each observable of the profile `full`, (21,)."""
    return np.array([SIGNS.get(name, 0.0) for name in FULL.names])


def observable_spread(parameters: BackgroundParameters) -> Floats:
    """Give the standard deviation of each observable of `full` about its mean, (21,)."""
    p = parameters
    return np.concatenate([p.sigma, [p.b_rms_sigma], p.waves.sigma])


def dobrovolsky_radius_km(magnitude: Floats) -> Floats:
    """Radius ``10**(0.43 M)`` km of Dobrovolsky et al. 1979, doi:10.1007/BF00876083."""
    return 10.0 ** (0.43 * np.asarray(magnitude, np.float64))


def lead_time_profile(lead_h: Floats) -> Floats:
    """Strength of a perturbation by lead time, 0..1.

    Parameters
    ----------
    lead_h : (n,) float64
        Hours from the sample to the event.

    Returns
    -------
    (n,) float64
        ``sin(pi sqrt(lead / 48))**2``: 0 at the event and 48 h before it, 1 at 12 h.
    """
    share = np.clip(np.asarray(lead_h, np.float64) / LEAD_TIME_H, 0.0, 1.0)
    result: Floats = np.sin(np.pi * np.sqrt(share)) ** 2
    return result


def distance_profile(share: Floats) -> Floats:
    """Strength of a perturbation by distance.

    Parameters
    ----------
    share : ndarray
        Distance from the epicentre over R.

    Returns
    -------
    ndarray
        ``exp(-share**2)`` up to 0.9, then led to 0 at 1.
    """
    edge = np.clip((1.0 - share) / (1.0 - TAPER), 0.0, 1.0)
    return np.asarray(np.exp(-(share**2)) * np.sin(0.5 * np.pi * edge) ** 2)
