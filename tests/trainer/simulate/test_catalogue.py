"""Simulated catalogues, and their file layout."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from trainer.inputs.catalogue import read_catalogue
from trainer.inputs.declustering import decluster
from trainer.simulate.seismicity import (
    COLUMNS,
    SimulatedCatalogue,
    simulate_catalogue,
    write_catalogue,
)


def year(seed: int = 1) -> SimulatedCatalogue:
    return simulate_catalogue(np.datetime64("2019-01-01"), np.datetime64("2020-01-01"), seed)


def test_gutenberg_richter_and_rate() -> None:
    events = year()
    # A great earthquake brings hundreds of aftershocks: the rate of three years is nearer to 4.
    rates = [len(year(seed)) / 365 for seed in (1, 2, 3)]
    assert np.mean(rates) == pytest.approx(4.0, rel=0.1)
    assert events.magnitude.min() >= 5.0
    assert events.magnitude.max() <= 8.5
    assert events.depth_km.max() <= 40.0
    # Aki 1965: b = log10(e) / (mean - smallest).
    assert np.log10(np.e) / (events.magnitude.mean() - 5.0) == pytest.approx(1.0, abs=0.1)
    assert np.all(np.diff(events.time) >= np.timedelta64(0, "ms"))
    assert np.all(np.char.startswith(events.event_id, "sim"))
    assert np.all(np.char.startswith(events.place, "simulated"))


def test_aftershocks_follow_omori_and_bath() -> None:
    days = np.datetime64("2010-01-01"), np.datetime64("2020-01-01")
    events = simulate_catalogue(*days, 1)
    main = {key: i for i, key in enumerate(events.event_id)}
    of = np.array([main.get(key.split("a")[0], -1) for key in events.event_id])
    late = np.flatnonzero((of >= 0) & (of != np.arange(len(events))))
    share = np.char.find(events.event_id, "a") > 0
    assert share.mean() == pytest.approx(0.51 / 1.51, abs=0.08)
    delay = (events.time[late] - events.time[of[late]]) / np.timedelta64(1, "D")
    assert delay.min() > 0.0
    assert delay.max() <= 30.0
    # The share within a day of the Omori-Utsu law.
    law = (0.05**-0.1 - 1.05**-0.1) / (0.05**-0.1 - 30.05**-0.1)
    assert np.mean(delay < 1.0) == pytest.approx(law, abs=0.03)
    assert np.all(events.magnitude[late] <= events.magnitude[of[late]])
    big = [i for i in np.unique(of[late]) if events.magnitude[i] >= 7.2]
    gap = [events.magnitude[i] - events.magnitude[late][of[late] == i].max() for i in big]
    assert np.mean(gap) == pytest.approx(1.2, abs=0.4)
    assert np.log10(np.e) / (events.magnitude.mean() - 5.0) == pytest.approx(1.05, abs=0.06)
    clusters = decluster(events.plain())
    assert 0.2 < clusters.mainshock.mean() < 0.9
    alone = simulate_catalogue(*days, 1, aftershocks=False)
    assert not np.any(np.char.find(alone.event_id, "a") > 0)
    assert len(alone) == pytest.approx(4.0 * 3652, rel=0.05)


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
    for file in (path, packed):
        found = SimulatedCatalogue.of(read_catalogue(file, 5.0, 40.0))
        for name in ("event_id", "time", "latitude", "depth_km", "magnitude"):
            np.testing.assert_array_equal(getattr(found, name), getattr(events, name))
        np.testing.assert_allclose(found.longitude, events.longitude, rtol=0.0, atol=1e-9)


def test_impossible_rate_is_named() -> None:
    with pytest.raises(ValueError, match=r"in 0\.\.1000, not -1"):
        simulate_catalogue(np.datetime64("2019-01-01"), np.datetime64("2019-01-02"), 1, -1.0)
