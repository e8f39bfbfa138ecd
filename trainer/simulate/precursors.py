"""Perturbations along a half-orbit, their truth table, and what they do to a background.

The model is that of `trainer.simulate.precursor_model`. No real earthquake is known to do this.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.outputs import replace_file
from trainer.inputs.declustering import decluster
from trainer.simulate import geometry
from trainer.simulate.background import Background
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass
from trainer.simulate.parameters import PARAMETERS, BackgroundParameters
from trainer.simulate.precursor_model import (
    FIELD_PERIOD_S,
    LEAD_TIME_H,
    MODEL,
    PLASMA_SIGNS,
    SIGNS,
    PrecursorModel,
    describe,
    distance_profile,
    dobrovolsky_radius_km,
    lead_time_profile,
    observable_spread,
    weights,
)
from trainer.simulate.seismicity import SimulatedCatalogue

__all__ = [
    "FIELD_PERIOD_S",
    "LEAD_TIME_H",
    "MODEL",
    "PLASMA_SIGNS",
    "Injected",
    "Perturbation",
    "PrecursorModel",
    "apply",
    "describe",
    "dobrovolsky_radius_km",
    "fluctuation",
    "lead_time_profile",
    "mainshocks",
    "perturbation",
    "write_truth",
]

#: Temperatures are kept above this value, K.
COLDEST_K = 300.0
#: Columns of the truth table.
TRUTH_COLUMNS = (
    "event_id",
    "half_orbit",
    "time",
    "peak_amplitude",
    "min_distance_km",
    "lead_time_h",
)


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
        Greatest amplitude along the half-orbit, in standard deviations of an observable of
        weight 1; below 0 where the signs are turned round.
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
        In standard deviations of an observable of weight 1; 0 where nothing is injected, below
        0 where the signs are turned round.
    phase : float
        Of the magnetic fluctuation, radians.
    injected : tuple of Injected
        The events behind it.
    """

    amplitude: Floats
    phase: float
    injected: tuple[Injected, ...]


@lru_cache(maxsize=4)
def mainshocks(catalogue: SimulatedCatalogue) -> NDArray[np.bool_]:
    """Mark the events that may have a precursor, (n,).

    The declustering sees the catalogue as it is given: an event near its beginning or end may
    be a mainshock of it, and an aftershock in a longer one.
    """
    if not len(catalogue):
        return np.zeros(0, np.bool_)
    return np.asarray(decluster(catalogue.plain()).mainshock)


def perturbation(
    half_orbit: Pass, catalogue: SimulatedCatalogue, injection: float, model: PrecursorModel = MODEL
) -> Perturbation:
    """Amplitude of the perturbations along a half-orbit.

    Parameters
    ----------
    half_orbit : Pass
        Times, increasing, and places, (n,).
    catalogue : SimulatedCatalogue
        All events; mainshocks within their Dobrovolsky radius and 48 h count.
    injection : float
        Strength in standard deviations, not negative; 0 injects nothing.
    model : PrecursorModel
        What is drawn for each event.

    Notes
    -----
    ``injection * factor * exp(-(d/R)**2) * profile(lead time)`` for d <= R, led smoothly to zero
    over the last tenth of R. Where events overlap the strongest counts, so that a swarm is not
    stronger than an event.
    """
    amplitude = np.zeros(len(half_orbit.time))
    injected: list[Injected] = []
    if injection > 0.0 and len(catalogue):
        main = mainshocks(catalogue)
        horizon = np.timedelta64(int(LEAD_TIME_H * 3.6e6), "ms")
        first, last = np.searchsorted(
            catalogue.time, [half_orbit.time[0], half_orbit.time[-1] + horizon], side="right"
        )
        for event in range(first, last):
            if not main[event]:
                continue
            factor = model.factor(str(catalogue.event_id[event]), catalogue.time[event])
            one, row = _one_event(half_orbit, catalogue, event, injection * factor)
            if row is not None:
                amplitude = np.where(np.abs(one) > np.abs(amplitude), one, amplitude)
                injected.append(row)
    # A phase of its own, so that the background's random numbers stay as they are.
    phase = 2.0 * np.pi * (zlib.crc32(half_orbit.name.encode()) / 2.0**32)
    return Perturbation(amplitude, phase, tuple(injected))


def _one_event(
    half_orbit: Pass, catalogue: SimulatedCatalogue, event: int, strength: float
) -> tuple[Floats, Injected | None]:
    radius = float(dobrovolsky_radius_km(catalogue.magnitude[event]))
    off = np.abs(half_orbit.latitude - catalogue.latitude[event])
    # A degree of latitude is 111.2 km: most events are far from the track, and cheap to leave out.
    near = np.flatnonzero(off * 111.0 <= radius)
    amplitude = np.zeros(len(half_orbit.time))
    if not len(near) or strength == 0.0:
        return amplitude, None
    distance = geometry.great_circle_km(
        half_orbit.latitude[near],
        half_orbit.longitude[near],
        catalogue.latitude[event],
        catalogue.longitude[event],
    )
    lead_h = (catalogue.time[event] - half_orbit.time[near]) / np.timedelta64(3_600_000, "ms")
    amplitude[near] = strength * distance_profile(distance / radius) * lead_time_profile(lead_h)
    peak = float(amplitude[np.argmax(np.abs(amplitude))])
    if peak == 0.0:
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
    """Add a perturbation to a background: plasma, magnetic field and wave bands.

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
    """
    if not change.injected:
        return state
    p = parameters or PARAMETERS[half_orbit.mission]
    step = np.outer(change.amplitude, weights() * observable_spread(p))
    plasma = state.plasma + step[:, :4]
    plasma[:, (1, 3)] = np.maximum(plasma[:, (1, 3)], COLDEST_K)
    field = state.field
    if field is not None and state.field_noise is not None:
        wave = fluctuation(half_orbit.time, change, state.field_noise, p.b_rms_sigma)
        field = field + field / np.linalg.norm(field, axis=1)[:, None] * wave[:, None]
    changed = replace(state, plasma=plasma, field=field)
    waves = getattr(state, "waves", None)
    return changed if waves is None else replace(changed, waves=waves + step[:, 5:])


def fluctuation(
    time: NDArray[np.datetime64], change: Perturbation, noise: Floats, spread: float
) -> Floats:
    """Additional fluctuation along B that raises the magnetic noise.

    Parameters
    ----------
    time : (n,) datetime64[ms]
        UTC; the phase counts from midnight, so that it is the same in every file.
    change : Perturbation
        Amplitudes (n,); one below 0 adds nothing, for noise cannot be taken away.
    noise : (n,) float64
        Strength of the noise that is there, nT.
    spread : float
        Standard deviation of log10 of that strength.

    Returns
    -------
    (n,) float64
        nT.

    Notes
    -----
    A fluctuation of RMS ``s sqrt(10**(2 a) - 1)`` beside noise of RMS s raises log10 of the
    total RMS by a.
    """
    rise = np.maximum(change.amplitude, 0.0) * SIGNS["b_rms"] * spread
    rms = noise * np.sqrt(10.0 ** (2.0 * rise) - 1.0)
    seconds = (time - time[0].astype("datetime64[D]")) / np.timedelta64(1000, "ms")
    return np.asarray(
        np.sqrt(2.0) * rms * np.sin(2.0 * np.pi * seconds / FIELD_PERIOD_S + change.phase)
    )


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
    replace_file(path, text.getvalue().encode())
