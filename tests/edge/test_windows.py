from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.windows import WindowStream, iterate_windows

COLUMNS = 3


def features_of(n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(size=(n, COLUMNS)).astype(np.float32)


def by_hand(cell, night, features, length):
    """Windows and last cells, run by run."""
    windows, last = [np.empty((0, length, COLUMNS), dtype=np.float32)], [np.empty(0, dtype=int)]
    wanted = np.flatnonzero(night)
    breaks = np.flatnonzero(np.diff(cell[wanted]) != 1) + 1
    for run in np.split(wanted, breaks):
        if run.size >= length:
            view = np.lib.stride_tricks.sliding_window_view(features[run], length, axis=0)
            windows.append(view.transpose(0, 2, 1))
            last.append(cell[run[length - 1 :]])
    return np.concatenate(windows), np.concatenate(last)


def collect(stream, cell, night, features, cuts=()):
    windows, last = [], []
    bounds = [0, *sorted(cuts), cell.size]
    for start, end in pairwise(bounds):
        rows = slice(start, end)
        for inputs, cells in iterate_windows(stream, cell[rows], night[rows], features[rows]):
            windows.append(inputs.copy())
            last.append(cells.copy())
    if not windows:
        return np.empty((0, *stream.inputs.shape[1:]), dtype=np.float32), np.empty(0, dtype=int)
    return np.concatenate(windows), np.concatenate(last)


rows = st.lists(
    st.tuples(st.sampled_from([1, 1, 1, 1, 1, 1, 2, 5]), st.sampled_from([True] * 9 + [False])),
    max_size=60,
)


@given(
    rows=rows,
    first=st.integers(-(10**9), 10**9),
    length=st.integers(1, 8),
    chunk=st.integers(1, 20),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_every_chunking_gives_the_windows_that_are_cut_by_hand(rows, first, length, chunk, cuts):
    cell = first + np.cumsum([step for step, _ in rows], dtype=np.int64)
    night = np.array([dark for _, dark in rows], dtype=bool)
    features = features_of(cell.size)
    stream = WindowStream(length, COLUMNS, chunk)
    cuts = [cut for cut in cuts if cut <= cell.size]
    windows, last = collect(stream, cell, night, features, cuts)
    expected, expected_last = by_hand(cell, night, features, length)
    np.testing.assert_array_equal(windows, expected)
    np.testing.assert_array_equal(last, expected_last)


@pytest.mark.parametrize("chunk", [1, 7, 256])
def test_an_unbroken_night_of_n_rows_has_n_minus_19_windows(chunk):
    n = 300
    windows, last = collect(
        WindowStream(20, COLUMNS, chunk), np.arange(n), np.ones(n, dtype=bool), features_of(n)
    )
    assert windows.shape == (281, 20, COLUMNS)
    np.testing.assert_array_equal(last, np.arange(19, n))


def test_a_run_shorter_than_a_window_gives_none():
    night = np.arange(60) % 20 != 0
    stream = WindowStream(20, COLUMNS)
    assert stream.push(np.arange(60), night, features_of(60)) == 0


def test_a_run_goes_on_from_one_push_to_the_next_and_ends_at_a_gap():
    stream = WindowStream(3, COLUMNS)
    dark = np.ones(2, dtype=bool)
    counts = [
        stream.push(np.array(cell), dark, features_of(2)) for cell in ([0, 1], [2, 3], [5, 6])
    ]
    assert counts == [0, 2, 0]
    assert stream.push(np.array([], dtype=np.int64), np.array([], dtype=bool), features_of(0)) == 0
    assert stream.push(np.array([7]), np.ones(1, dtype=bool), features_of(1)) == 1


def test_a_push_reuses_the_memory_of_the_stream():
    stream = WindowStream(20, COLUMNS, 64)
    inputs, last_cell = stream.inputs, stream.last_cell
    cell, dark, features = np.arange(256), np.ones(256, dtype=bool), features_of(256)
    for given_inputs, given_cells in iterate_windows(stream, cell, dark, features):
        assert np.shares_memory(given_inputs, inputs)
        assert np.shares_memory(given_cells, last_cell)
    assert stream.inputs is inputs
    assert stream.last_cell is last_cell


def test_a_push_allocates_nothing_that_grows_with_the_windows():
    stream = WindowStream(20, COLUMNS, 256)
    chunks = [np.arange(256) + 256 * k for k in range(20)]
    dark, features = np.ones(256, dtype=bool), features_of(256)
    stream.push(chunks[0], dark, features)
    tracemalloc.start()
    try:
        stream.push(chunks[1], dark, features)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        for cell in chunks[2:]:
            assert stream.push(cell, dark, features) == 256
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # One window alone has 240 bytes, one push 61 kB.
    assert after - before < 8192
    assert peak - before < 16384


@pytest.mark.parametrize("bad", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-3, 1, 1)])
def test_impossible_sizes_are_refused(bad):
    with pytest.raises(ValueError, match="must be at least 1"):
        WindowStream(*bad)


@pytest.mark.parametrize(
    ("n", "night", "shape"),
    [(9, 9, (9, COLUMNS)), (5, 4, (5, COLUMNS)), (5, 5, (4, COLUMNS)), (5, 5, (5, COLUMNS + 1))],
)
def test_chunks_that_do_not_fit_are_refused_with_their_shapes(n, night, shape):
    stream = WindowStream(2, COLUMNS, 8)
    with pytest.raises(ValueError, match="at most 8 rows of 3 features expected, got"):
        stream.push(np.arange(n), np.ones(night, dtype=bool), np.zeros(shape, dtype=np.float32))
