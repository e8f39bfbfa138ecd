"""The cylinders of events in space and time that windows must stay out of, or lie in."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge.arrays import AnyArray, BoolArray, FloatArray
from edge.geodesy import EARTH_RADIUS_KM
from trainer.datasets.leak_tables import Tables
from trainer.datasets.splits import NAMES
from trainer.errors import TrainError

# Windows that are compared with events at once.
_CHUNK = 512
# Two ways to compute a distance agree to this, in km.
_ROUNDING_KM = 1e-3
_ROUNDING_DEG = 1e-9


def check_cylinders(tables: Tables, card: dict[str, Any]) -> None:
    """Refuse windows in the cylinder of an event of another block, and controls in any.

    Parameters
    ----------
    tables : Tables
    card : dict
        Content of ``dataset.json``.

    Raises
    ------
    TrainError
        It names half-orbit, event and blocks.

    Notes
    -----
    The cylinder of an event at time t holds the places within its radius R, and those of its
    area (`_in_area`), from t less the lead time and the clear time after it, to t and the clear
    time before a negative window.
    """
    windows, events = tables.windows, tables.events
    rule = card["recipe"]["labels"]
    lead = _hours(rule["lead_hours"][1])
    ahead_most = lead + _hours(24.0 * rule["clear_after_days"])
    ahead_least = -_hours(24.0 * rule["clear_before_days"])
    order = np.argsort(windows["time"], kind="stable")
    quakes = np.argsort(events["time"], kind="stable")
    quake_time = events["time"][quakes]
    control = windows["label"] == 0
    for start in range(0, order.size, _CHUNK):
        some = order[start : start + _CHUNK]
        when = windows["time"][some]
        low = np.searchsorted(quake_time, when[0] + ahead_least, "left")
        high = np.searchsorted(quake_time, when[-1] + ahead_most, "right")
        near = quakes[low:high]
        if not near.size:
            continue
        ahead = events["time"][near][None, :] - when[:, None]
        distance = _distance_km(windows, some, events, near)
        touched = (ahead >= ahead_least) & (ahead <= ahead_most)
        inside = distance < events["radius_km"][near] - _ROUNDING_KM
        touched &= inside | _in_area(windows, some, events, near, rule)
        other = np.isin(events["split"][near], NAMES)[None, :]
        other = other & (events["split"][near][None, :] != windows["split"][some][:, None])
        for which, why in (
            (touched & other, "in the cylinder of an event of another block"),
            (touched & control[some][:, None], "a control near an event"),
        ):
            if which.any():
                i, j = np.argwhere(which)[0]
                raise TrainError(
                    f"{why}: half-orbit {windows['half_orbit'][some[i]]} "
                    f"({windows['split'][some[i]]}) has a window {distance[i, j]:.0f} km from "
                    f"event {events['event'][near[j]]} ({events['split'][near[j]]}), "
                    f"{ahead[i, j] / np.timedelta64(1, 'h'):.1f} h before it"
                )


def _in_area(
    windows: dict[str, AnyArray],
    some: AnyArray,
    events: dict[str, AnyArray],
    near: AnyArray,
    rule: dict[str, Any],
) -> BoolArray:
    """Whether windows lie in the area of positives about events, shape (n, k).

    The circle or the square of the recipe, about the epicentre moved by its shift.
    """
    shift = float(rule["shift_deg"])
    if rule["area"] == "dobrovolsky":
        distance = _distance_km(windows, some, events, near, shift)
        circle: BoolArray = distance < events["radius_km"][near] - _ROUNDING_KM
        return circle
    width = float(rule["half_width_deg"]) - _ROUNDING_DEG
    north = windows["latitude"][some][:, None] - events["latitude"][near]
    east = windows["longitude"][some][:, None] - events["longitude"][near] - shift
    east = (east + 180.0) % 360.0 - 180.0
    square: BoolArray = (np.abs(north) <= width) & (np.abs(east) <= width)
    return square


def _distance_km(
    windows: dict[str, AnyArray],
    some: AnyArray,
    events: dict[str, AnyArray],
    near: AnyArray,
    shift_deg: float = 0.0,
) -> FloatArray:
    """Haversine distance of each window from each event moved east, shape (n, k)."""
    lat, lat_0 = (
        np.radians(table["latitude"][rows]) for table, rows in ((windows, some), (events, near))
    )
    east = windows["longitude"][some][:, None] - events["longitude"][near][None, :] - shift_deg
    half = np.sin((lat[:, None] - lat_0[None, :]) / 2.0) ** 2
    half = half + np.cos(lat)[:, None] * np.cos(lat_0) * np.sin(np.radians(east) / 2.0) ** 2
    result: FloatArray = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
    return result


def _hours(hours: float) -> np.timedelta64:
    return np.timedelta64(round(hours * 3_600_000.0), "ms")
