"""Scores of every window of a stream, made into what classifiers take piece by piece."""

from __future__ import annotations

import numpy as np

from edge.arrays import AnyArray, FloatArray
from edge.geodesy import dipole_latitude, local_time
from trainer.common.progress import Progress
from trainer.datasets.stream import StreamWindows
from trainer.models.classifier import Predictor
from trainer.models.window_set import WindowSet
from trainer.training.loading import seismic_features

#: Windows that are cut out at a time.
_CHUNK = 8192


def score_stream(
    run: Predictor, stream: StreamWindows, mission: str, observables: tuple[str, ...]
) -> FloatArray:
    """Score every window.

    Parameters
    ----------
    run : Predictor
    stream : StreamWindows
        n windows.
    mission : str
    observables : tuple of str
        Names of the F columns.

    Returns
    -------
    ndarray, shape (n,)
        Probabilities in a balanced mix, not calibrated.
    """
    size = stream.windows.size
    scores = np.empty(size)
    with Progress("scoring", size, unit="windows", brief=True) as progress:
        for start in range(0, size, _CHUNK):
            some = np.arange(start, min(start + _CHUNK, size))
            given = _window_set(stream, some, mission, observables, run.kind)
            scores[some] = run.predict_proba(given)
            progress.add(some.size)
    return scores


def _window_set(
    stream: StreamWindows, some: AnyArray, mission: str, observables: tuple[str, ...], kind: str
) -> WindowSet:
    """Windows of a stream as a classifier takes them; what only a label knows is left out."""
    windows = stream.windows
    inputs = windows.inputs(some)
    time = stream.time[some].astype("datetime64[ms]")
    latitude, longitude = stream.latitude[some], stream.longitude[some]
    n = some.size
    unknown = np.full(n, np.nan)
    events = stream.catalogue
    # Distances to all events of the catalogue: of use to one kind, and slow.
    seismicity = (
        seismic_features(
            time,
            latitude,
            longitude,
            events.time,
            events.latitude,
            events.longitude,
            events.magnitude,
        )
        if kind == "catalogue"
        else np.zeros((n, 0))
    )
    return WindowSet(
        inputs=inputs,
        label=np.zeros(n, dtype=np.int8),
        observables=observables,
        mission=mission,
        time=time,
        latitude=latitude,
        longitude=longitude,
        dipole_latitude=dipole_latitude(time, latitude, longitude),
        local_time=local_time(time, longitude),
        # Rates of alarms are to come from half-orbits that no one has selected by Kp.
        kp=unknown.copy(),
        half_orbit=stream.keys[windows.half_orbit[some]],
        event=np.full(n, "", dtype="U1"),
        cluster=np.full(n, -1, dtype=np.int64),
        pair=np.arange(n, dtype=np.int64),
        magnitude=unknown.copy(),
        lead_hours=unknown.copy(),
        distance_km=unknown.copy(),
        seismicity=seismicity,
    )
