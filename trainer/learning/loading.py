"""The labelled windows of a dataset in memory, as classifiers take them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.arrays import AnyArray
from edge.errors import one_line
from trainer.datasets.stages import read_card
from trainer.datasets.stream import read_dataset_events
from trainer.datasets.tables import open_windows
from trainer.errors import TrainError
from trainer.learning.seismic_features import seismic_features
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
        return table[name].to_numpy().astype(np.float64)

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
    cluster = table["cluster"].fill_null(-1).to_numpy().astype(np.int64)
    return WindowSet(
        inputs,
        label,
        reader.observables,
        reader.mission,
        time,
        latitude,
        longitude,
        numbers("dipole_latitude"),
        numbers("local_time"),
        numbers("kp"),
        texts("half_orbit"),
        event,
        cluster,
        table["match"].to_numpy().astype(np.int64),
        magnitude,
        numbers("lead_hours"),
        numbers("distance_km"),
        seismic_features(
            time,
            latitude,
            longitude,
            events.time,
            events.latitude,
            events.longitude,
            events.magnitude,
        ),
    )
