"""Candidates are the windows of the edge, described; and few of them are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.climatology import SHAPE, Climatology
from edge.geodesy import dipole_latitude, local_time
from edge.observables import PLASMA
from trainer.datasets.candidates import Scanner, mask_classes, mask_text
from trainer.datasets.labels import NEGATIVE, POSITIVE, SampleLabeller
from trainer.datasets.splits import Blocks
from trainer.inputs.declustering import decluster


@given(arrays(np.bool_, (30, 3)), st.integers(2, 20))
def test_masks_are_classes_of_the_valid_rows(valid, length: int) -> None:
    first = np.arange(valid.shape[0] - length + 1)
    count, packed = mask_classes(valid, first, length)
    for i, text in zip(first, mask_text(packed, 3), strict=True):
        own = valid[i : i + length].sum(axis=0)
        assert np.array_equal(count[i], own)
        for n, digit in zip(own, text, strict=True):
            assert (digit == "0") == (n == 0)
            assert (digit == "4") == (n == length)


def scanner(made, kp=2.0, **sections) -> tuple[Scanner, object]:
    recipe = made.recipe(**sections)
    catalogue = made.catalogue(
        ["2018-12-01", made.start + 30 * made.period_s * np.timedelta64(1000, "ms"), "2019-12-01"],
        [-80.0, 0.0, -80.0],
        [0.0, float(made.night_pass(16).grid.longitude[150]), 0.0],
        [5.0, 6.0, 5.0],
    )
    labeller = SampleLabeller(catalogue, decluster(catalogue), recipe.labels)
    zeros, ones = np.zeros((*SHAPE, 5)), np.ones((*SHAPE, 5))
    climatology = Climatology(PLASMA.names, {"cses": zeros}, {"cses": ones})
    span = (made.start - made.day, made.start + 90 * made.day)
    blocks = Blocks(dict.fromkeys(("train", "validation", "test"), span), 0.0)
    indices = None if kp is None else made.indices(90.0, kp)
    return Scanner(recipe, PLASMA, "cses", climatology, labeller, indices, blocks), climatology


def test_candidates_say_what_their_windows_are(made) -> None:
    passes = [made.night_pass(i, pap=i != 15) for i in (15, 16)]
    passes[0].burst[200:] = True
    scan = scanner(made)[0].scan(passes, np.zeros(2, np.int8))
    assert scan.windows.tolist() == [281, 281]
    assert (scan.positive + scan.negative + scan.excluded).tolist() == [281, 281]
    rows = scan.candidates
    positive = rows["label"] == POSITIVE
    assert positive.sum() == 8
    assert set(rows["half_orbit"][positive]) == {1}
    assert set(rows["event"][positive]) == {1}
    assert scan.events == {1}
    for row in rows:
        grid = passes[row["half_orbit"]].grid
        first = int(row["first_cell"] - grid.cell[0])
        middle = slice(first + 10, first + 11)
        place = (grid.time[middle], grid.latitude[middle], grid.longitude[middle])
        assert row["time"] == grid.time[middle].astype(np.int64)[0]
        assert row["latitude"] == grid.latitude[middle][0]
        assert row["local_time"] == local_time(place[0], place[2])[0]
        assert row["dipole_latitude"] == pytest.approx(dipole_latitude(*place)[0])
        assert (row["kp"], row["samples"]) == (2.0, 1.0)
        assert row["coverage"] == pytest.approx(0.6 if row["half_orbit"] == 0 else 1.0)
        burst = passes[row["half_orbit"]].burst[first : first + 20]
        assert row["mode"] == (1 if burst.all() else 2 if burst.any() else 0)
    assert mask_text(rows["mask"][[0, -1]], 5) == ["44004", "44444"]
    # Exact masks are told apart only where the recipe asks for them.
    assert not rows["key"].any()


def test_exact_masks_have_keys(made) -> None:
    passes = [made.night_pass(i, pap=i != 15) for i in (15, 16)]
    rows = (
        scanner(made, controls={"mask": "exact"})[0].scan(passes, np.zeros(2, np.int8)).candidates
    )
    masks = [len(set(rows["key"][rows["half_orbit"] == i])) for i in (0, 1)]
    assert masks == [1, 1]
    assert len(set(rows["key"])) == 2


def test_clear_windows_come_at_a_stride_that_nothing_else_shifts(made) -> None:
    passes = [made.night_pass(i) for i in (1, 2)]
    both = scanner(made)[0].scan(passes, np.zeros(2, np.int8)).candidates
    alone = scanner(made)[0].scan(passes[1:], np.zeros(1, np.int8)).candidates
    negative = both[both["half_orbit"] == 0]
    assert set(np.diff(negative["first_cell"])) == {2}
    second = both[both["half_orbit"] == 1]
    assert np.array_equal(second["first_cell"], alone["first_cell"])


@pytest.mark.parametrize(
    ("kp", "unknown", "left", "why"),
    [
        (3.0, "drop", True, None),
        (3.3, "drop", False, "Kp too high"),
        (np.nan, "drop", False, "Kp unknown"),
        (np.nan, "keep", True, None),
        (None, "keep", True, None),
    ],
)
def test_quiet_filter(made, kp, unknown: str, left: bool, why: str | None) -> None:
    one = scanner(made, kp, controls={"unknown_kp": unknown})[0]
    scan = one.scan([made.night_pass(1)], np.zeros(1, np.int8))
    assert bool(scan.candidates.size) == left
    if why:
        assert scan.dropped[why] == 281


def test_thin_windows_are_counted_and_left_out(made) -> None:
    item = made.night_pass(1)
    item.grid.valid[:100] = False
    scan = scanner(made)[0].scan([item], np.zeros(1, np.int8))
    # 7 of 20 rows must be valid: the windows from row 87 on.
    assert scan.windows[0] == 281 - 87
    assert scan.dropped["under the minimum coverage"] == 87
    assert (scan.candidates["label"] == NEGATIVE).all()


def test_half_orbits_of_no_block_are_not_looked_at(made) -> None:
    scan = scanner(made)[0].scan([made.night_pass(1)], np.full(1, 4, np.int8))
    assert scan.windows.tolist() == [0]
    assert scan.candidates.size == 0


def test_cut_windows_are_those_of_the_edge(made) -> None:
    one, climatology = scanner(made)
    item = made.night_pass(3, pap=False)
    item.grid.valid[40:60, 0] = False
    rows = climatology.features(item.grid, PLASMA, "cses", 6.0)
    first = np.array([0, 35, 280])
    residual, value, valid = one.cut(item, item.grid.cell[first])
    for k, i in enumerate(first):
        assert np.array_equal(residual[k], rows[i : i + 20, :5])
        assert np.array_equal(valid[k], rows[i : i + 20, 5:] == 1.0)
        expected = np.where(valid[k], item.grid.values[i : i + 20], 0.0)
        assert np.array_equal(value[k], expected.astype(np.float32))
