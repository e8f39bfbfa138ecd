"""Simulated catalogues, and their file layout."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from trainer.simulate.seismicity import (
    COLUMNS,
    Catalogue,
    read_catalogue,
    simulate_catalogue,
    write_catalogue,
)


def year(seed: int = 1) -> Catalogue:
    return simulate_catalogue(np.datetime64("2019-01-01"), np.datetime64("2020-01-01"), seed)


def test_gutenberg_richter_and_rate() -> None:
    events = year()
    assert len(events) == pytest.approx(4.0 * 365, rel=0.1)
    assert events.magnitude.min() >= 5.0
    assert events.magnitude.max() <= 8.5
    assert events.depth_km.max() <= 40.0
    # Aki 1965: b = log10(e) / (mean - smallest).
    assert np.log10(np.e) / (events.magnitude.mean() - 5.0) == pytest.approx(1.0, abs=0.1)
    assert np.all(np.diff(events.time) >= np.timedelta64(0, "ms"))
    assert np.all(np.char.startswith(events.event_id, "sim"))
    assert np.all(np.char.startswith(events.place, "simulated"))


def test_days_do_not_depend_on_the_range() -> None:
    part = simulate_catalogue(np.datetime64("2019-03-01"), np.datetime64("2019-03-11"), 1)
    whole = year()
    inside = (whole.time >= np.datetime64("2019-03-01")) & (
        whole.time < np.datetime64("2019-03-11")
    )
    np.testing.assert_array_equal(whole.event_id[inside], part.event_id)
    assert not np.array_equal(year(2).magnitude[:9], whole.magnitude[:9])


def test_comcat_layout_there_and_back(tmp_path: Path) -> None:
    events = simulate_catalogue(np.datetime64("2019-01-01"), np.datetime64("2019-02-01"), 3)
    path = tmp_path / "catalogue.csv"
    write_catalogue(path, events)
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == COLUMNS
    row = next(csv.DictReader(text.splitlines()))
    assert row["time"].endswith("Z")
    assert row["status"] == "simulated"
    packed = tmp_path / "catalogue.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    for found in (read_catalogue(path), read_catalogue(packed)):
        for name in ("event_id", "time", "latitude", "longitude", "depth_km", "magnitude"):
            np.testing.assert_array_equal(getattr(found, name), getattr(events, name))


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("time,mag\n2019-01-01T00:00:00Z,5\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no column depth, id, latitude, longitude"):
        read_catalogue(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not a CSV file"):
        read_catalogue(path)


def test_impossible_rate_is_named() -> None:
    with pytest.raises(ValueError, match=r"in 0\.\.1000, not -1"):
        simulate_catalogue(np.datetime64("2019-01-01"), np.datetime64("2019-01-02"), 1, -1.0)
