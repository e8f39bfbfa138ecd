"""Labels of hand-made cases: the lead time, the circle, and what is neither."""

from __future__ import annotations

import numpy as np
import pytest

from edge.geodesy import EARTH_RADIUS_KM
from trainer.catalogue import Catalogue
from trainer.labels import EXCLUDED, NEGATIVE, POSITIVE, Labeller, LabelRule

RULE = LabelRule(48.0, 7.0, 7.0)
QUAKE = np.datetime64("2019-06-01T00:00:00.000")
HOUR, MS = np.timedelta64(1, "h"), np.timedelta64(1, "ms")
RADIUS_DEG = np.degrees(10 ** (0.43 * 5.0) / EARTH_RADIUS_KM)


def catalogue(*events: tuple[str, float, float, float]) -> Catalogue:
    """Make a catalogue of events (time, latitude, longitude, magnitude), padded on both sides."""
    far = [("2018-01-01", -80.0, 0.0, 5.0), ("2020-12-01", -80.0, 0.0, 5.0)]
    rows = sorted([*far, *events])
    time, latitude, longitude, magnitude = zip(*rows, strict=True)
    numbers = [np.array(c, dtype=np.float64) for c in (latitude, longitude)]
    ids = np.array([f"e{i}" for i in range(len(rows))])
    depth = np.full(len(rows), 10.0)
    times = np.array(time, dtype="datetime64[ms]")
    return Catalogue("made.csv", "", ids, times, *numbers, depth, np.array(magnitude, float))


def label(time: np.datetime64, latitude: float, longitude: float, *events) -> tuple[int, int]:
    labels, found = Labeller(catalogue(*events), RULE).label(
        np.array([time], dtype="datetime64[ms]"), np.array([latitude]), np.array([longitude])
    )
    return int(labels[0]), int(found[0])


@pytest.mark.parametrize(
    ("before_quake", "expected"),
    [
        (0 * MS, EXCLUDED),
        (1 * MS, POSITIVE),
        (48 * HOUR, POSITIVE),
        (48 * HOUR + MS, EXCLUDED),
        (9 * 24 * HOUR, EXCLUDED),
        (9 * 24 * HOUR + MS, NEGATIVE),
        (-7 * 24 * HOUR, EXCLUDED),
        (-7 * 24 * HOUR - MS, NEGATIVE),
    ],
)
def test_lead_time(before_quake: np.timedelta64, expected: int) -> None:
    found = label(QUAKE - before_quake, 0.0, 0.0, (str(QUAKE), 0.0, 0.0, 5.0))
    assert found == (expected, 1 if expected == POSITIVE else -1)


@pytest.mark.parametrize("magnitude", [5.0, 6.5])
@pytest.mark.parametrize(("share", "expected"), [(0.999, POSITIVE), (1.001, NEGATIVE)])
def test_circle(magnitude: float, share: float, expected: int) -> None:
    away = share * np.degrees(10 ** (0.43 * magnitude) / EARTH_RADIUS_KM)
    assert label(QUAKE - HOUR, away, 30.0, (str(QUAKE), 0.0, 30.0, magnitude))[0] == expected


def test_circle_crosses_the_date_line() -> None:
    assert label(QUAKE - HOUR, 0.0, -179.8, (str(QUAKE), 0.0, 179.8, 5.0))[0] == POSITIVE


def test_strongest_event_is_named() -> None:
    events = [("2019-06-01T00", 0.0, 0.0, 5.1), ("2019-06-01T12", 0.1, 0.0, 6.0)]
    assert label(QUAKE - HOUR, 0.0, 0.0, *events) == (POSITIVE, 2)


def test_beyond_the_catalogue_nothing_is_negative() -> None:
    made = catalogue()
    first, last = Labeller(made, RULE).usable
    assert first == np.datetime64("2018-01-08")
    assert last == np.datetime64("2020-12-01") - 9 * 24 * HOUR
    for time, expected in (
        (first - MS, EXCLUDED),
        (first, NEGATIVE),
        (last, NEGATIVE),
        (last + MS, EXCLUDED),
    ):
        assert label(time, 0.0, 0.0)[0] == expected


def test_no_position_is_excluded() -> None:
    assert label(QUAKE, np.nan, 0.0)[0] == EXCLUDED


def test_no_points() -> None:
    none = np.zeros(0)
    labels, events = Labeller(catalogue(), RULE).label(none.astype("M8[ms]"), none, none)
    assert labels.size == events.size == 0
