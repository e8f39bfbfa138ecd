"""The labelled windows of a dataset in memory, as classifiers take them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.arrays import AnyArray, FloatArray, TimeArray
from edge.errors import one_line
from trainer.common.clear_windows import CLEAR_WINDOWS_FILE, ClearWindows
from trainer.common.errors import TrainError
from trainer.common.sphere import arc_km, unit_vectors
from trainer.datasets.dataset_card import read_card
from trainer.datasets.stream import read_dataset_events
from trainer.datasets.tables import open_windows
from trainer.models.window_set import WindowSet

_COLUMNS = (
    "split",
    "label",
    "half_orbit",
    "time",
    "latitude",
    "longitude",
    "dipole_latitude",
    "local_time",
    "kp",
    "event",
    "cluster",
    "lead_hours",
    "distance_km",
    "match",
    "valid",
)


def load_windows(dataset: Path, split: str, allow_test: bool = False) -> WindowSet:
    """Load the matched windows of one block.

    Parameters
    ----------
    dataset : Path
        That `edge-train prepare` wrote.
    split : {"train", "validation", "test"}
    allow_test : bool, optional
        The test block opens for an evaluation alone.

    Returns
    -------
    WindowSet
        In the order of the file.

    Raises
    ------
    TrainError
        The dataset is missing or damaged, the block is empty, or it is the test block without
        leave.
    """
    reader = open_windows(dataset, split, allow_test=allow_test)
    values = "value" if reader.raw else "residual"
    reader = open_windows(dataset, split, (*_COLUMNS, values), allow_test)
    table = reader.table()
    if not table.num_rows:
        raise TrainError(f"{one_line(str(dataset))}: no windows in the block {split}")
    inputs, label = reader.inputs(table)

    def numbers(name: str) -> AnyArray:
        result: AnyArray = table[name].to_numpy().astype(np.float64)
        return result

    def texts(name: str) -> AnyArray:
        return np.array([text or "" for text in table[name].to_pylist()], dtype=np.str_)

    time = table["time"].to_numpy().astype("datetime64[ms]")
    latitude, longitude = numbers("latitude"), numbers("longitude")
    events = read_dataset_events(dataset, read_card(dataset))[0]
    event = texts("event")
    magnitude = np.full(label.size, np.nan)
    known = event != ""
    if known.any():
        order = np.argsort(events.id)
        place = order[np.searchsorted(events.id[order], event[known])]
        magnitude[known] = events.magnitude[place]
    return WindowSet(
        inputs=inputs,
        label=label,
        observables=reader.observables,
        mission=reader.mission,
        time=time,
        latitude=latitude,
        longitude=longitude,
        dipole_latitude=numbers("dipole_latitude"),
        local_time=numbers("local_time"),
        kp=numbers("kp"),
        half_orbit=texts("half_orbit"),
        event=event,
        cluster=table["cluster"].fill_null(-1).to_numpy().astype(np.int64),
        pair=table["match"].to_numpy().astype(np.int64),
        magnitude=magnitude,
        lead_hours=numbers("lead_hours"),
        distance_km=numbers("distance_km"),
        seismicity=seismic_features(
            time,
            latitude,
            longitude,
            events.time,
            events.latitude,
            events.longitude,
            events.magnitude,
        ),
        clear=ClearWindows.load(dataset / CLEAR_WINDOWS_FILE),
    )


#: Columns of `seismic_features`.
NAMES = (
    "log_events_300km_7d",
    "log_events_300km_30d",
    "log_events_300km_365d",
    "log_events_1000km_30d",
    "log_days_since_event_300km",
    "largest_magnitude_300km_30d",
    "log_rate_before",
)
_NEAR_KM, _FAR_KM, _KERNEL_KM = 300.0, 1000.0, 200.0
_DAYS = (7.0, 30.0, 365.0)
#: Days that stand for no event at all.
_LONG_AGO = 3650.0
#: Windows that are looked at together.
_CHUNK = 512


def seismic_features(
    time: TimeArray,
    latitude: FloatArray,
    longitude: FloatArray,
    event_time: TimeArray,
    event_latitude: FloatArray,
    event_longitude: FloatArray,
    event_magnitude: FloatArray,
) -> FloatArray:
    """Describe the seismicity before each window.

    Parameters
    ----------
    time : ndarray of datetime64[ms], shape (n,)
        UTC.
    latitude, longitude : ndarray, shape (n,)
        Degrees.
    event_time, event_latitude, event_longitude, event_magnitude : ndarray, shape (m,)
        Of the undeclustered catalogue.

    Returns
    -------
    ndarray, shape (n, 7)
        Columns `NAMES`: log10(1 + number) of events within 300 km and 7, 30 and 365 days before,
        within 1000 km and 30 days; log10 of days since the last within 300 km; the largest
        magnitude within 300 km and 30 days, else 0; log10 of all earlier events a year, by a
        Gaussian kernel of 200 km.
    """
    result = np.zeros((time.size, len(NAMES)))
    epicentre = unit_vectors(event_latitude, event_longitude)
    for start in range(0, time.size, _CHUNK):
        some = slice(start, start + _CHUNK)
        place = unit_vectors(latitude[some], longitude[some])
        chord = np.sqrt(np.maximum(2.0 - 2.0 * (place @ epicentre.T), 0.0))
        distance = arc_km(chord)
        days = (time[some, None] - event_time[None, :]) / np.timedelta64(86_400_000, "ms")
        earlier = days > 0.0
        near = earlier & (distance <= _NEAR_KM)
        for column, span in enumerate(_DAYS):
            result[some, column] = (near & (days <= span)).sum(axis=1)
        result[some, 3] = (earlier & (days <= 30.0) & (distance <= _FAR_KM)).sum(axis=1)
        since = np.where(near, days, _LONG_AGO).min(axis=1, initial=_LONG_AGO)
        result[some, 4] = np.log10(np.clip(since, 0.01, _LONG_AGO))
        recent = near & (days <= 30.0)
        strongest = np.where(recent, event_magnitude[None, :], 0.0)
        result[some, 5] = strongest.max(axis=1, initial=0.0)
        kernel = np.where(earlier, np.exp(-0.5 * (distance / _KERNEL_KM) ** 2), 0.0).sum(axis=1)
        years = np.maximum(np.where(earlier, days, 0.0).max(axis=1, initial=0.0), 1.0) / 365.25
        result[some, 6] = np.log10(kernel / years + 1e-4)
    result[:, :4] = np.log10(1.0 + result[:, :4])
    return result
