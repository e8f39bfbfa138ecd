"""Clusters by the windows of Gardner and Knopoff, against the paper and against brute force."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geodesy import great_circle_km
from trainer.inputs.catalogue import Catalogue, read_catalogue
from trainer.inputs.declustering import WINDOWS, decluster, mainshocks, windows

START = np.datetime64("2010-01-01", "ms")


def catalogue_of(days, latitude, longitude, magnitude) -> Catalogue:
    days = np.asarray(days, dtype=np.float64)
    order = np.argsort(days, kind="stable")
    columns = (np.asarray(c, dtype=np.float64)[order] for c in (latitude, longitude, magnitude))
    latitude, longitude, magnitude = columns
    time = START + np.round(days[order] * 86_400_000.0).astype("timedelta64[ms]")
    name = np.array([f"e{i}" for i in range(days.size)])
    return Catalogue(
        name="x",
        sha256="",
        id=name,
        time=time,
        latitude=latitude,
        longitude=longitude,
        depth=np.full(days.size, 10.0),
        magnitude=magnitude,
    )


# The windows as they stand in Gardner and Knopoff (1974), table 1, at the magnitudes of interest.
@pytest.mark.parametrize(
    ("magnitude", "distance", "time"),
    [
        (2.5, 19.5, 6.0),
        (5.0, 40.0, 155.0),
        (6.0, 54.0, 510.0),
        (7.0, 70.0, 915.0),
        (8.0, 94.0, 985.0),
    ],
)
def test_windows_are_those_of_the_paper(magnitude, distance, time):
    found = windows(np.array([magnitude]))
    np.testing.assert_allclose(np.concatenate(found), [distance, time], rtol=1e-12)


def test_windows_follow_the_closed_form_that_others_fitted():
    # van Stiphout, Zhuang and Marsan (2012), CORSSA, doi 10.5078/corssa-52382934, eq. 1.
    magnitude = np.linspace(2.5, 8.0, 111)
    distance, time = windows(magnitude)
    exponent = np.where(magnitude >= 6.5, 0.032 * magnitude + 2.7389, 0.5409 * magnitude - 0.547)
    np.testing.assert_allclose(distance, 10.0 ** (0.1238 * magnitude + 0.983), rtol=0.04)
    np.testing.assert_allclose(time, 10.0**exponent, rtol=0.18)


def test_windows_grow_with_magnitude_beyond_the_table_too():
    distance, time = windows(np.arange(0.0, 9.6, 0.01))
    assert (np.diff(distance) > 0.0).all()
    assert (np.diff(time) > 0.0).all()
    assert 94.0 < windows(np.array([9.1]))[0][0] < 140.0
    assert WINDOWS.shape == (12, 3)


def test_an_aftershock_a_foreshock_and_strangers():
    found = decluster(
        catalogue_of(
            # Foreshock, mainshock, aftershock, too late, and too far.
            [0.0, 100.0, 1000.0, 2000.0, 101.0],
            [0.0, 0.0, 0.0, 0.0, 30.0],
            [0.0, 0.0, 0.5, 0.0, 0.0],
            [5.0, 7.0, 5.0, 5.0, 5.0],
        )
    )
    # In the order of time the far one is third.
    assert found.cluster.tolist() == [0, 0, 1, 0, 2]
    assert found.mainshock.tolist() == [False, True, True, False, True]
    assert found.size == 3


def test_a_small_event_opens_a_small_window_to_a_larger_one():
    # 300 days are within the window of the M7, and beyond that of the M5 before it.
    before = decluster(catalogue_of([0.0, 300.0], [0.0, 0.0], [0.0, 0.0], [5.0, 7.0]))
    after = decluster(catalogue_of([0.0, 300.0], [0.0, 0.0], [0.0, 0.0], [7.0, 5.0]))
    assert before.cluster.tolist() == [0, 1]
    assert after.cluster.tolist() == [0, 0]


def test_clusters_reach_across_the_date_line_and_over_the_pole():
    line = decluster(catalogue_of([0.0, 1.0], [0.0, 0.0], [179.9, -179.9], [6.0, 5.0]))
    pole = decluster(catalogue_of([0.0, 1.0], [89.9, 89.9], [0.0, 180.0], [6.0, 5.0]))
    assert line.size == pole.size == 1


def test_the_earlier_of_equal_events_is_the_mainshock():
    assert mainshocks(np.array([0, 0, 1, 0]), np.array([5.0, 6.0, 5.5, 6.0])).tolist() == [
        False,
        True,
        True,
        False,
    ]


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 900.0),
            st.floats(-1.2, 1.2),
            st.floats(-1.2, 1.2),
            st.integers(50, 80).map(lambda m: m / 10.0),
        ),
        min_size=1,
        max_size=25,
    )
)
def test_clusters_are_those_that_brute_force_finds(events):
    catalogue = catalogue_of(*np.array(events).T)
    n = catalogue.size
    distance, days = windows(catalogue.magnitude)
    label = list(range(n))
    for i in range(n):
        apart = great_circle_km(
            catalogue.latitude,
            catalogue.longitude,
            float(catalogue.latitude[i]),
            float(catalogue.longitude[i]),
        )
        for j in range(i + 1, n):
            late = (catalogue.time[j] - catalogue.time[i]) / np.timedelta64(1, "ms") / 86_400_000.0
            if apart[j] <= distance[i] and late <= days[i]:
                one, other = label[i], label[j]
                label = [one if x == other else x for x in label]
    found = decluster(catalogue)
    names: dict[int, int] = {}
    assert found.cluster.tolist() == [names.setdefault(x, len(names)) for x in label]
    assert found.mainshock.sum() == len(names)
    for number in range(len(names)):
        inside = found.cluster == number
        chosen = np.flatnonzero(inside & found.mainshock)
        assert catalogue.magnitude[chosen[0]] == catalogue.magnitude[inside].max()


def test_one_event_is_a_cluster():
    found = decluster(catalogue_of([0.0], [0.0], [0.0], [5.0]))
    assert (found.cluster.tolist(), found.mainshock.tolist()) == ([0], [True])


def test_the_real_catalogue(shared_data: Path):
    path = shared_data / "usgs_shallow40_m5_20040701-20231104.csv.gz"
    catalogue = read_catalogue(path, 5.0, 40.0)
    found = decluster(catalogue)
    assert found.cluster.size == catalogue.size
    first = np.unique(found.cluster, return_index=True)[1]
    assert all(a < b for a, b in pairwise(first))
    assert 0.3 < found.size / catalogue.size < 0.5
    # Tohoku 2011-03-11: its foreshock of 9 March (M 7.3) and its aftershocks are one cluster.
    great = np.flatnonzero(catalogue.magnitude >= 9.0)
    assert catalogue.time[great].astype("datetime64[D]").astype(str).tolist() == [
        "2004-12-26",
        "2011-03-11",
    ]
    tohoku = int(great[1])
    assert found.mainshock[tohoku]
    inside = found.cluster == found.cluster[tohoku]
    day = catalogue.time[inside].astype("datetime64[D]")
    assert (day == np.datetime64("2011-03-09")).any()
    assert inside.sum() > 300
