"""Perturbations before the events of a catalogue: what a detector can find in a simulated mission.

Nothing here claims that real earthquakes do this. The shape is a yardstick of known strength.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trainer.simulate import geometry
from trainer.simulate.background import PARAMETERS, Background, BackgroundParameters
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass
from trainer.simulate.seismicity import Catalogue
from trainer.simulate.text_files import write_text

#: Perturbations begin this long before an event, hours.
LEAD_TIME_H = 48.0
#: Sign of the perturbation of log10 Ne, Te, log10 O+ and Ti; the magnetic noise always rises.
PLASMA_SIGNS = (1.0, -1.0, 1.0, 1.0)
#: Period of the additional fluctuation of |B|, seconds.
FIELD_PERIOD_S = 10.0
#: Columns of the truth table.
TRUTH_COLUMNS = (
    "event_id",
    "half_orbit",
    "time",
    "peak_amplitude",
    "min_distance_km",
    "lead_time_h",
)
#: Beyond this share of the radius the perturbation is led to zero, so that it has no edge.
_TAPER = 0.9


@dataclass(frozen=True)
class Injected:
    """One event's perturbation in one half-orbit: a row of the truth table.

    Parameters
    ----------
    event_id : str
        Of the catalogue.
    half_orbit : str
        Orbit number and direction digit.
    time : datetime64[ms]
        Of the closest sample.
    peak_amplitude : float
        Greatest amplitude along the half-orbit, in standard deviations of each observable.
    min_distance_km : float
        Least distance from the epicentre to the ground track.
    lead_time_h : float
        From the closest sample to the event.
    """

    event_id: str
    half_orbit: str
    time: np.datetime64
    peak_amplitude: float
    min_distance_km: float
    lead_time_h: float


@dataclass(frozen=True)
class Perturbation:
    """Amplitude along a half-orbit, and what it is made of.

    Parameters
    ----------
    amplitude : (n,) float64
        In standard deviations; 0 where nothing is injected.
    phase : float
        Of the magnetic fluctuation, radians.
    injected : tuple of Injected
        The events behind it.
    """

    amplitude: Floats
    phase: float
    injected: tuple[Injected, ...]


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
    return np.sin(np.pi * np.sqrt(share)) ** 2


def perturbation(half_orbit: Pass, catalogue: Catalogue, injection: float) -> Perturbation:
    """Amplitude of the perturbations along a half-orbit.

    Parameters
    ----------
    half_orbit : Pass
        Times and places, (n,).
    catalogue : Catalogue
        Events; those within their Dobrovolsky radius and 48 h count.
    injection : float
        Strength in standard deviations, not negative; 0 injects nothing.

    Returns
    -------
    Perturbation

    Notes
    -----
    ``injection * exp(-(d/R)**2) * profile(lead time)`` for d <= R, led smoothly to zero over the
    last tenth of R. Where events overlap the strongest counts, so that a swarm of aftershocks
    is not stronger than an event.
    """
    amplitude = np.zeros(len(half_orbit.time))
    injected: list[Injected] = []
    if injection > 0.0:
        horizon = np.timedelta64(int(LEAD_TIME_H * 3.6e6), "ms")
        first, last = np.searchsorted(
            catalogue.time, [half_orbit.time[0], half_orbit.time[-1] + horizon], side="right"
        )
        for event in range(first, last):
            one, row = _one_event(half_orbit, catalogue, event, injection)
            if row is not None:
                amplitude = np.maximum(amplitude, one)
                injected.append(row)
    # A phase of its own, so that the background's random numbers stay as they are.
    phase = 2.0 * np.pi * (zlib.crc32(half_orbit.name.encode()) / 2.0**32)
    return Perturbation(amplitude, phase, tuple(injected))


def _one_event(
    half_orbit: Pass, catalogue: Catalogue, event: int, injection: float
) -> tuple[Floats, Injected | None]:
    radius = float(dobrovolsky_radius_km(catalogue.magnitude[event]))
    off = np.abs(half_orbit.latitude - catalogue.latitude[event])
    # A degree of latitude is 111.2 km: most events are far from the track, and cheap to leave out.
    near = np.flatnonzero(off * 111.0 <= radius)
    amplitude = np.zeros(len(half_orbit.time))
    if not len(near):
        return amplitude, None
    distance = geometry.great_circle_km(
        half_orbit.latitude[near],
        half_orbit.longitude[near],
        catalogue.latitude[event],
        catalogue.longitude[event],
    )
    lead_h = (catalogue.time[event] - half_orbit.time[near]) / np.timedelta64(3_600_000, "ms")
    share = distance / radius
    edge = np.clip((1.0 - share) / (1.0 - _TAPER), 0.0, 1.0)
    amplitude[near] = (
        injection
        * np.exp(-(share**2))
        * np.sin(0.5 * np.pi * edge) ** 2
        * lead_time_profile(lead_h)
    )
    peak = float(amplitude.max())
    if peak <= 0.0:
        return amplitude, None
    closest = int(np.argmin(distance))
    return amplitude, Injected(
        str(catalogue.event_id[event]),
        half_orbit.name,
        half_orbit.time[near[closest]],
        peak,
        float(distance[closest]),
        float(lead_h[closest]),
    )


def apply(
    half_orbit: Pass,
    state: Background,
    change: Perturbation,
    parameters: BackgroundParameters | None = None,
) -> Background:
    """Add a perturbation to a background.

    Parameters
    ----------
    half_orbit : Pass
        The half-orbit of both.
    state : Background
        Returned as it is if nothing is injected.
    change : Perturbation
        Its amplitude counts in standard deviations of each observable about its mean; for the
        magnetic field in those of log10 of the noise's strength.
    parameters : BackgroundParameters, optional
        By default those of the mission.

    Returns
    -------
    Background

    Notes
    -----
    A fluctuation along B of RMS ``s sqrt(10**(2 a) - 1)`` beside noise of RMS s raises log10 of
    the total RMS by a.
    """
    if not change.injected:
        return state
    p = parameters or PARAMETERS[half_orbit.mission]
    amplitude = change.amplitude
    plasma = state.plasma + amplitude[:, None] * (p.sigma * PLASMA_SIGNS)
    plasma[:, (1, 3)] = np.maximum(plasma[:, (1, 3)], 300.0)
    field = state.field
    if field is not None and state.field_noise is not None:
        seconds = (half_orbit.time - half_orbit.time[0]) / np.timedelta64(1000, "ms")
        rms = state.field_noise * np.sqrt(10.0 ** (2.0 * amplitude * p.b_rms_sigma) - 1.0)
        wave = np.sqrt(2.0) * rms * np.sin(2.0 * np.pi * seconds / FIELD_PERIOD_S + change.phase)
        field = field + field / np.linalg.norm(field, axis=1)[:, None] * wave[:, None]
    return replace(state, plasma=plasma, field=field)


def write_truth(path: Path, rows: Iterable[Injected]) -> None:
    """Write the truth table: one row for each event and half-orbit with a perturbation.

    Parameters
    ----------
    path : Path
        CSV file with the columns :data:`TRUTH_COLUMNS`.
    rows : iterable of Injected
        None of them for a mission without injection: the header stands alone.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(TRUTH_COLUMNS)
    for row in rows:
        writer.writerow(
            [
                row.event_id,
                row.half_orbit,
                f"{row.time}Z",
                f"{row.peak_amplitude:.6g}",
                f"{row.min_distance_km:.1f}",
                f"{row.lead_time_h:.4f}",
            ]
        )
    write_text(path, text.getvalue())
