"""Half-orbits and clusters go to one block each, in time or by region."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geodesy import great_circle_km
from trainer.common.errors import TrainError
from trainer.datasets.labels import CROSSING, NO_BLOCK
from trainer.datasets.recipe import read_dataset_recipe
from trainer.datasets.splits import NAMES, STATES, Blocks, crossing_clusters, make_blocks
from trainer.inputs.declustering import Clusters
from trainer.inputs.regions import REGIONS, Region

FIRST = np.datetime64("2019-01-01", "ms")
DAY = np.timedelta64(86_400_000, "ms")
LEAD = np.timedelta64(48, "h").astype("m8[ms]")
RULE = read_dataset_recipe().splits
USABLE = (FIRST, FIRST + 2000 * DAY)


def orbits(days: int):
    start = FIRST + np.arange(0, days * 24, 6) * np.timedelta64(3_600_000, "ms")
    return start, start + np.timedelta64(35 * 60_000, "ms")


def time_blocks(made) -> Blocks:
    start, end = orbits(600)
    nothing = made.catalogue(["2019-01-01"], [0.0], [0.0], [5.0])
    return make_blocks(RULE, start, end, USABLE, nothing)


def test_blocks_of_time(made) -> None:
    blocks = time_blocks(made)
    start, end = orbits(600)
    state = blocks.place_half_orbits(start, end)
    assert STATES[int(state[0])] == "train"
    assert set(np.array(STATES)[np.unique(state)]) == {*NAMES, "embargo"}
    for place in (0, 1):
        gap = start[state == place + 1].min() - end[state == place].max()
        assert gap >= 30 * DAY
    for low, high in blocks.spans.values():
        assert high - low >= 90 * DAY


def test_too_short_a_time_is_refused_with_what_it_takes(made) -> None:
    start, end = orbits(400)
    nothing = made.catalogue(["2019-01-01"], [0.0], [0.0], [5.0])
    with pytest.raises(TrainError, match=r"399\.8 days .* at least 510\.0 days"):
        make_blocks(RULE, start, end, USABLE, nothing)


def test_clusters_that_cross_blocks_are_in_none(made) -> None:
    blocks = time_blocks(made)
    (low, high), (later, _) = blocks.spans["train"], blocks.spans["validation"]
    times = [low + DAY, high + DAY, high + 3 * DAY, later + DAY, later + 2 * DAY]
    catalogue = made.catalogue(times, [0.0] * 5, [0.0] * 5, [5.0] * 5)
    alone = Clusters(np.arange(5), np.ones(5, bool))
    block = blocks.place_events(catalogue, alone, LEAD)
    # Windows of train precede the second event, which comes after their block, by 48 h or less.
    assert block.tolist() == [0, 0, NO_BLOCK, 1, 1]
    linked = Clusters(np.array([0, 1, 1, 1, 2]), np.array([1, 1, 0, 0, 1], bool))
    block = blocks.place_events(catalogue, linked, LEAD)
    assert block.tolist() == [0, CROSSING, CROSSING, CROSSING, 1]
    assert crossing_clusters(block, linked) == 1


def region_rule(**keys: object):
    return msgspec.structs.replace(RULE, kind="region", region="japan-kuril", **keys)


def test_a_region_is_the_test_wherever_and_whenever_half_orbits_touch_it(made) -> None:
    start, end = orbits(600)
    quakes = made.catalogue(
        [FIRST + 9 * DAY, FIRST + 10 * DAY, FIRST + 11 * DAY],
        [40.0, 40.0, 0.0],
        [140.0, 141.0, 0.0],
        [6.0, 5.0, 8.0],
    )
    blocks = make_blocks(region_rule(), start, end, USABLE, quakes)
    assert blocks.buffer_km == pytest.approx(10 ** (0.43 * 6.0))
    distance = np.resize([5000.0, 0.0, 300.0, 400.0], start.size)
    state = np.array(STATES)[blocks.place_half_orbits(start, end, distance)]
    assert set(state[1::4]) == {"test"}
    assert set(state[2::4]) == {"buffer"}
    assert set(state[0::4]) == {"train", "validation", "embargo"}
    block = blocks.place_events(quakes, Clusters(np.arange(3), np.ones(3, bool)), LEAD)
    assert block.tolist() == [2, 2, 0]
    crossing = Clusters(np.array([0, 1, 1]), np.array([1, 0, 1], bool))
    assert blocks.place_events(quakes, crossing, LEAD).tolist() == [2, CROSSING, CROSSING]
    given_km = make_blocks(region_rule(buffer_km=50.0), start, end, USABLE, quakes)
    assert given_km.buffer_km == 50.0
    with pytest.raises(TrainError, match="no event of the catalogue lies in it"):
        make_blocks(region_rule(), start, end, USABLE, quakes.take(np.array([2])))
    with pytest.raises(TrainError, match="too few for two blocks"):
        make_blocks(region_rule(), start[:400], end[:400], USABLE, quakes)


def test_regions_are_boxes_within_the_globe() -> None:
    for region in REGIONS.values():
        assert -90.0 <= region.south < region.north <= 90.0
        assert -180.0 <= region.west < 180.0
        assert -180.0 <= region.east < 180.0
        assert 5.0 < (region.east - region.west) % 360.0 < 90.0


@given(st.floats(-89.0, 89.0), st.floats(-180.0, 180.0))
def test_distance_to_a_region(latitude: float, longitude: float) -> None:
    region = Region(-50.0, -12.0, 164.0, -168.0)
    place = np.array([latitude]), np.array([longitude])
    distance = region.distance_km(*place)[0]
    assert (distance < 1e-6) == bool(region.contains(*place)[0])
    lats, east = np.arange(-50.0, -11.5, 0.5), np.arange(164.0, 192.5, 0.5)
    border = [(la, lo) for la in lats for lo in (164.0, 192.0)]
    border += [(la, lo) for la in (-50.0, -12.0) for lo in east]
    nearest = great_circle_km(*np.array(border).T, latitude, longitude).min()
    # The nearest point in latitude and in longitude lies on the border, too.
    assert bool(region.contains(*place)[0]) or distance >= nearest - 45.0
    assert not region.contains(np.array([np.nan]), np.array([0.0]))[0]
