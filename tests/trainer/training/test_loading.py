"""Windows in memory, what the catalogue says of them, and the stream that they are drawn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainer.common.errors import TrainError
from trainer.datasets.labels import NEGATIVE, POSITIVE
from trainer.datasets.stream import open_stream
from trainer.datasets.tables import open_windows
from trainer.models.window_set import groups_of, windows_of_arrays
from trainer.training.loading import NAMES, load_windows, seismic_features


def test_windows_are_those_of_the_file(built: Path) -> None:
    windows = load_windows(built, "train")
    table = open_windows(built, "train").table()
    assert len(windows) == table.num_rows
    assert windows.observables == ("log_ne", "te", "log_o", "ti", "b_rms")
    assert windows.inputs.shape == (len(windows), 20, 10)
    np.testing.assert_array_equal(windows.positive, table["label"].to_numpy() == 1)
    assert np.isfinite(windows.magnitude[windows.positive]).all()
    assert np.isnan(windows.magnitude[~windows.positive]).all()
    group = groups_of(windows.cluster, windows.pair)
    for pair in np.unique(windows.pair)[:20]:
        assert np.unique(group[windows.pair == pair]).size == 1


def test_the_test_block_stays_shut(built: Path) -> None:
    with pytest.raises(TrainError, match="allow_test"):
        load_windows(built, "test")
    with pytest.raises(TrainError, match="allow_test"):
        open_stream(built, "test")
    with pytest.raises(TrainError, match="valid are"):
        open_stream(built, "training")


def test_matched_windows_are_in_the_stream(built: Path) -> None:
    stream = open_stream(built, "validation")
    windows = load_windows(built, "validation")
    known = {
        (stream.keys[h], t): i
        for i, (h, t) in enumerate(zip(stream.windows.half_orbit, stream.time, strict=True))
    }
    places = np.array([known[k, t] for k, t in zip(windows.half_orbit, windows.time, strict=True)])
    label = stream.windows.label[places]
    np.testing.assert_array_equal(label, np.where(windows.positive, POSITIVE, NEGATIVE))
    np.testing.assert_array_equal(stream.windows.inputs(places), windows.inputs)
    some = open_stream(built, "validation", most_half_orbits=3)
    assert (some.half_orbits, some.block_half_orbits) == (3, stream.half_orbits)
    assert some.windows.size < stream.windows.size


def test_a_dataset_that_is_not_complete_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="dataset is not complete"):
        open_stream(tmp_path, "train")


def test_seismicity_sees_no_future() -> None:
    day = np.timedelta64(86_400_000, "ms")
    start = np.datetime64("2019-06-01T00:00:00.000")
    window = (np.array([start]), np.array([10.0]), np.array([20.0]))
    past = (np.array([start - 3 * day]), np.array([10.5]), np.array([20.0]), np.array([6.0]))
    later = (np.array([start + 1 * day]), np.array([10.0]), np.array([20.0]), np.array([7.0]))
    alone = seismic_features(*window, *past)
    both = seismic_features(
        *window, *(np.concatenate([a, b]) for a, b in zip(past, later, strict=True))
    )
    np.testing.assert_array_equal(alone, both)
    found = dict(zip(NAMES, alone[0], strict=True))
    assert found["log_events_300km_7d"] == pytest.approx(np.log10(2.0))
    assert found["log_days_since_event_300km"] == pytest.approx(np.log10(3.0))
    assert found["largest_magnitude_300km_30d"] == 6.0
    empty = seismic_features(*window, *(a[:0] for a in past))
    assert empty[0, :4].tolist() == [0.0] * 4


def test_arrays_without_an_origin_are_windows_too() -> None:
    windows = windows_of_arrays(np.zeros((3, 20, 4)), np.array([1, 0, 1]), ("a", "b"))
    assert len(windows) == 3
    assert windows.mission == "arrays"
    assert np.isnat(windows.time).all()
    assert windows.take(windows.positive).label.tolist() == [1, 1]
