"""Labels of windows against the definition, written out window by window and event by event."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geodesy import great_circle_km
from trainer.datasets.labels import (
    CROSSING,
    EXCLUDED,
    NEGATIVE,
    NO_BLOCK,
    POSITIVE,
    REASONS,
    SampleLabeller,
    events_lost,
)
from trainer.datasets.recipe import SampleLabels
from trainer.inputs.declustering import Clusters

RULE = SampleLabels((0.0, 48.0), "dobrovolsky", 3.0, "midpoint", 0.0, 7.0, 7.0)
QUAKE = np.datetime64("2019-06-01T00:00:00.000")
HOUR, MS = np.timedelta64(1, "h"), np.timedelta64(1, "ms")
LENGTH = 4


def clusters_of(mainshock: list[bool]) -> Clusters:
    """Each event without the flag belongs to the cluster of the next one with it."""
    shock = np.array(mainshock, dtype=bool)
    number = np.cumsum(np.r_[0, shock[:-1]]).astype(np.int64)
    return Clusters(number, shock)


def labeller(made, events, rule=RULE, mainshock=None) -> SampleLabeller:
    """Label by some events between two far away ones, long before and long after."""
    far = [("2018-01-01", -80.0, 0.0, 5.0), ("2020-12-01", -80.0, 0.0, 5.0)]
    rows = sorted([*far, *events])
    catalogue = made.catalogue(*zip(*rows, strict=True))
    flags = [True, *(mainshock or [True] * len(events)), True]
    return SampleLabeller(catalogue, clusters_of(flags), rule)


def test_an_event_beyond_the_cuts_gives_no_positive_and_clears(made) -> None:
    events = made.catalogue(
        ["2018-01-01", QUAKE, QUAKE + 12 * HOUR, "2020-12-01"],
        [-80.0, 0.0, 40.0, -80.0], [0.0] * 4, [5.0, 5.2, 6.5, 5.0],
    )  # fmt: skip
    eligible = events.magnitude >= 6.0
    found = SampleLabeller(events, clusters_of([True] * 4), RULE, eligible)
    for latitude, expected in ((0.0, EXCLUDED), (40.0, POSITIVE), (20.0, NEGATIVE)):
        rows = track(QUAKE - 24 * HOUR, latitude, 0.0)
        assert found.label(*rows, np.array([0]), LENGTH).label[0] == expected
    clusters = clusters_of([True] * 4)
    assert events_lost(events, clusters, 400.0) == 3
    assert events_lost(events, clusters, 400.0, events.time > np.datetime64("2019-01-01")) == 2


def track(time, latitude, longitude, rows: int = LENGTH):
    """Rows about one point, its middle row in it."""
    step = np.arange(rows) - rows // 2
    when = np.datetime64(time, "ms") + step * np.timedelta64(3000, "ms")
    return when, latitude + 0.19 * step, np.full(rows, float(longitude))


def label_one(made, events, time, latitude=0.0, longitude=0.0, rule=RULE, mainshock=None):
    found = labeller(made, events, rule, mainshock).label(
        *track(time, latitude, longitude), np.array([0]), LENGTH
    )
    return int(found.label[0]), REASONS[found.reason[0]], int(found.event[0])


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
def test_lead_time(made, before_quake: np.timedelta64, expected: int) -> None:
    found = label_one(made, [(str(QUAKE), 0.0, 0.0, 5.0)], QUAKE - before_quake)
    assert found[0] == expected
    assert found[2] == (1 if expected == POSITIVE else -1)


@pytest.mark.parametrize(("hours", "expected"), [(4, EXCLUDED), (5, POSITIVE), (12, POSITIVE)])
def test_later_lead_times_leave_the_earlier_ones_out(made, hours: int, expected: int) -> None:
    rule = SampleLabels((4.0, 12.0), "dobrovolsky", 3.0, "midpoint", 0.0, 7.0, 7.0)
    events = [(str(QUAKE), 0.0, 0.0, 5.0)]
    assert label_one(made, events, QUAKE - hours * HOUR, rule=rule)[0] == expected


def test_the_next_event_must_be_a_mainshock(made) -> None:
    events = [("2019-06-01T00", 0.0, 0.0, 5.1), ("2019-06-01T12", 0.1, 0.0, 6.0)]
    found = label_one(made, events, QUAKE - HOUR, mainshock=[False, True])
    assert found == (EXCLUDED, "the next event is no mainshock", -1)
    # Nor may one have been just before.
    found = label_one(made, events, QUAKE + HOUR, mainshock=[False, True])
    assert found == (EXCLUDED, "near an event in place and time", -1)


def test_a_positive_is_as_clear_as_a_control_but_of_the_cluster_to_come(made) -> None:
    def label(event, mainshock):
        events = sorted([(str(QUAKE), 0.0, 0.0, 6.0), event])
        return label_one(made, events, QUAKE - HOUR, mainshock=mainshock)[0]

    aftershock = (str(QUAKE + 12 * HOUR), 0.1, 0.0, 5.1)
    # By the helper a cluster ends with its mainshock: here the later event is a cluster of its own.
    assert label(aftershock, [True, True]) == EXCLUDED
    own = labeller(made, [(str(QUAKE), 0.0, 0.0, 6.0), aftershock])
    clusters = Clusters(np.array([0, 1, 1, 2]), np.array([True, True, False, True]))
    one = SampleLabeller(own.catalogue, clusters, RULE)
    found = one.label(*track(QUAKE - HOUR, 0.0, 0.0), np.array([0]), LENGTH)
    assert (int(found.label[0]), int(found.event[0])) == (POSITIVE, 1)
    for days, expected in ((6, EXCLUDED), (8, POSITIVE)):
        foreshock = (str(QUAKE - days * 24 * HOUR), 0.1, 0.0, 5.1)
        assert label(foreshock, [False, True]) == expected
        assert label(foreshock, [True, True]) == expected
    elsewhere = (str(QUAKE + 12 * HOUR), 30.0, 0.0, 5.1)
    assert label(elsewhere, [True, True]) == POSITIVE


def test_contained_windows_lie_in_the_area_whole(made) -> None:
    # R is 141 km, 1.27 deg: of 14 rows of 0.19 deg no window fits, of 4 one does.
    events = [(str(QUAKE), 0.0, 0.0, 5.0)]
    rule = SampleLabels((0.0, 48.0), "dobrovolsky", 3.0, "contained", 0.0, 7.0, 7.0)
    for rows, expected in ((4, POSITIVE), (16, EXCLUDED)):
        found = labeller(made, events, rule).label(
            *track(QUAKE - HOUR, 0.0, 0.0, rows), np.array([0]), rows
        )
        assert found.label[0] == expected
    catalogue = labeller(made, events).catalogue
    assert events_lost(catalogue, clusters_of([True] * 3), 400.0) == 3
    assert events_lost(catalogue, clusters_of([True] * 3), 200.0) == 0


def test_square_and_shift_move_the_area_and_not_the_clearing(made) -> None:
    events = [(str(QUAKE), 0.0, 0.0, 5.0)]
    square = SampleLabels((0.0, 48.0), "square", 3.0, "midpoint", 0.0, 7.0, 7.0)
    assert label_one(made, events, QUAKE - HOUR, 2.9, 2.9, square)[0] == POSITIVE
    assert label_one(made, events, QUAKE - HOUR, 3.1, 0.0, square)[0] == NEGATIVE
    west = SampleLabels((0.0, 48.0), "dobrovolsky", 3.0, "midpoint", -2.0, 7.0, 7.0)
    assert label_one(made, events, QUAKE - HOUR, 0.0, -2.0, west)[0] == POSITIVE
    assert label_one(made, events, QUAKE - HOUR, 0.0, 0.0, west)[0] == EXCLUDED
    assert label_one(made, events, QUAKE - HOUR, 0.0, 2.0, west)[0] == NEGATIVE


def test_beyond_the_catalogue_and_without_a_position_nothing_is_known(made) -> None:
    one = labeller(made, [])
    first, last = one.usable
    assert first == np.datetime64("2018-01-08")
    assert last == np.datetime64("2020-12-01") - 9 * 24 * HOUR
    for time, expected in (
        (first - MS, EXCLUDED),
        (first, NEGATIVE),
        (last, NEGATIVE),
        (last + MS, EXCLUDED),
    ):
        assert label_one(made, [], time)[0] == expected
    assert label_one(made, [], QUAKE, np.nan)[0] == EXCLUDED


def test_events_of_other_blocks_and_of_crossing_clusters_give_nothing(made) -> None:
    one = labeller(made, [(str(QUAKE), 0.0, 0.0, 5.0)])
    where = (*track(QUAKE - HOUR, 0.0, 0.0), np.array([0]), LENGTH, 0)
    for block, reason in ((0, ""), (1, REASONS[5]), (CROSSING, REASONS[4]), (NO_BLOCK, REASONS[5])):
        one.block = np.array([NO_BLOCK, block, NO_BLOCK])
        found = one.label(*where)
        assert REASONS[found.reason[0]] == reason
        assert found.label[0] == (EXCLUDED if reason else POSITIVE)
        assert found.event[0] == (-1 if reason else 1)
    inside = one.label(*where, np.array([False]))
    assert REASONS[inside.reason[0]] == "outside the region"


def test_no_windows(made) -> None:
    none = np.zeros(0)
    found = labeller(made, []).label(
        none.astype("M8[ms]"), none, none, none.astype(np.int64), LENGTH
    )
    assert found.label.size == found.event.size == found.lead_hours.size == 0


EVENT = st.tuples(
    st.integers(-14 * 24, 14 * 24),
    st.floats(-12.0, 12.0),
    st.floats(165.0, 195.0),
    st.floats(5.0, 6.6),
    st.booleans(),
)


@given(
    st.lists(EVENT, max_size=12),
    st.sampled_from(["dobrovolsky", "square"]),
    st.sampled_from(["midpoint", "contained"]),
    st.sampled_from([(0.0, 48.0), (0.0, 4.0), (12.0, 24.0)]),
    st.sampled_from([0.0, -2.0]),
    st.floats(170.0, 190.0),
)
def test_labels_are_those_of_the_definition(
    made, drawn, area, placement, lead, shift, longitude
) -> None:
    rule = SampleLabels(lead, area, 2.0, placement, shift, 7.0, 5.0)
    rows = sorted(
        (str(QUAKE + h * HOUR + i * MS), lat, lon, m, s)
        for i, (h, lat, lon, m, s) in enumerate(drawn)
    )
    one = labeller(made, [r[:4] for r in rows], rule, [r[4] for r in rows])
    quake = one.catalogue
    count = 90
    step = np.arange(count) - count // 2
    time = QUAKE + step * np.timedelta64(3000, "ms")
    latitude, east = 0.19 * step, np.full(count, (longitude + 180.0) % 360.0 - 180.0)
    first = np.arange(0, count - 7, 3)
    found = one.label(time, latitude, east, first, 8)
    for i, start in enumerate(first):
        expected = oracle(one, rule, time, latitude, east, int(start))
        assert (int(found.label[i]), int(found.event[i])) == expected
        if expected[0] == POSITIVE:
            event, middle = expected[1], start + 4
            away = great_circle_km(
                latitude[[middle]],
                east[[middle]],
                float(quake.latitude[event]),
                float(quake.longitude[event]),
            )
            assert found.distance_km[i] == pytest.approx(away[0], abs=1e-3)
            hours = (quake.time[event] - time[middle]) / HOUR
            assert found.lead_hours[i] == pytest.approx(hours)


def oracle(one, rule, time, latitude, longitude, start: int) -> tuple[int, int]:
    """Label one window by the words of the definition."""
    quake, middle = one.catalogue, start + 4
    before, after = 7 * 24 * HOUR, (rule.lead_hours[1] + 5 * 24) * HOUR.astype("m8[ms]")
    around, following = set(), None
    for e in range(quake.size):
        ahead = quake.time[e] - time[middle]
        radius = 10 ** (0.43 * quake.magnitude[e])

        def inside(row, e=e, radius=radius):
            centre = float(quake.longitude[e]) + rule.shift_deg
            if rule.area == "square":
                east = (longitude[row] - centre + 180.0) % 360.0 - 180.0
                return abs(latitude[row] - quake.latitude[e]) <= 2.0 and abs(east) <= 2.0
            return kilometres(row, centre, e) <= radius

        def kilometres(row, centre, e=e):
            place = (latitude[[row]], longitude[[row]], float(quake.latitude[e]), centre)
            return great_circle_km(*place)[0]

        near = kilometres(middle, float(quake.longitude[e])) <= radius or inside(middle)
        if near and -before <= ahead <= after:
            around.add(e)
        rows = [middle] if rule.placement == "midpoint" else range(start, start + 8)
        low, high = (h * HOUR.astype("m8[ms]") for h in rule.lead_hours)
        leads = low < ahead <= high and all(inside(r) for r in rows)
        if leads and following is None:
            following = e
    if following is not None:
        cluster = one.clusters.cluster
        clear = all(
            cluster[e] == cluster[following] and quake.time[e] > time[middle] for e in around
        )
        shock = bool(one.clusters.mainshock[following])
        return (POSITIVE, following) if shock and clear else (EXCLUDED, -1)
    return (EXCLUDED if around else NEGATIVE), -1
