"""The null test: dependent misses by hand, blocks of its own, and a study that says nothing."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest

from trainer.common.errors import TrainError
from trainer.research.memory.clusters import Chunk
from trainer.research.memory.missions import Mission, MissionPlan
from trainer.research.memory.null import expected_misses, lines, run_null, shuffled
from trainer.research.memory.recipe import QUICK_RECIPE, NullRecipe, read_study
from trainer.research.memory.study import Study
from trainer.research.memory.windows import join


def tables(copies: int) -> list[np.ndarray]:
    """Parts of 10 repetitions and 6 models, of which so many are the same."""
    rng = np.random.default_rng(4)
    return [np.repeat(rng.normal(size=(200, 6 // copies)), copies, axis=1) for _ in range(10)]


def test_misses_of_models_that_agree_come_together() -> None:
    apart, alike = (expected_misses(tables(n), 3, 2000) for n in (1, 6))
    assert apart.expected == pytest.approx(3.0, abs=0.1)
    assert alike.expected == pytest.approx(3.0, abs=0.3)
    assert (apart.low, apart.high) == (0.0, 7.0)
    assert (alike.low, alike.high) == (0.0, 12.0)
    assert apart.p_value > 0.5
    assert expected_misses(tables(1), 12, 2000).p_value < 0.01
    assert expected_misses(tables(6), 12, 2000).p_value > 0.05


def test_a_model_that_tells_nothing_misses_nothing() -> None:
    assert expected_misses([np.zeros((50, 2))], 0, 200).expected == 0.0


def mission(folder: Path) -> Mission:
    plan = MissionPlan(
        mission="cses", first="2019-01-01", last="2020-01-01", strengths={"auc80": 2.0}, every=9
    )
    return Mission(plan, folder, lambda line: None)


def test_null_blocks_are_apart_and_undisturbed(tmp_path: Path) -> None:
    made = mission(tmp_path)
    names = ("train", "validation", "test", "null-0", "null-1", "null-2")
    blocks = [made.block(name) for name in names]
    seeds = {b.plan(chunk).seed for b in blocks for chunk in range(1000)}
    assert len(seeds) == len(names) * 1000
    for block in blocks[3:]:
        assert (block.first, block.last) == (blocks[2].first, blocks[2].last)
        assert (block.strengths, block.refer, block.windows) == ({}, False, blocks[2].windows)
    assert made.tracks("null-0") is made.tracks("test")


def test_shuffled_pairs_have_one_positive_still(tmp_path: Path) -> None:
    made = mission(tmp_path)
    clusters = Chunk(made.block("null-0"), 0, made.tracks("null-0")).clusters()
    windows = join(list(islice(clusters, 16)))
    assert windows.values.shape[1] == 1
    found = shuffled(windows, (0, 2))
    assert (np.bincount(found.pair, found.label) == 1).all()
    assert 0.1 < (found.label != windows.label).mean() < 0.9
    np.testing.assert_array_equal(found.label, shuffled(windows, (0, 2)).label)


def quick_study(folder: Path) -> tuple[Study, NullRecipe]:
    recipe = msgspec.structs.replace(
        read_study(QUICK_RECIPE), clusters=[40], test_clusters=40, resamples=100
    )
    study = Study(recipe, folder, lambda line: None)
    rule = NullRecipe(
        mission=next(iter(study.missions)),
        form="interpolated",
        clusters=20,
        repetitions=2,
        kinds=["logistic", "random_forest"],
        strength=recipe.strengths[0],
        shuffled_kinds=["logistic"],
    )
    return study, rule


def test_what_can_tell_nothing_is_refused(tmp_path: Path) -> None:
    study, rule = quick_study(tmp_path)
    for change, words in (
        ({"kinds": ["mask"]}, "mask cannot tell"),
        ({"strength": "auc99"}, "strength 'auc99'; known are"),
    ):
        with pytest.raises(TrainError, match=words):
            run_null(study, msgspec.structs.replace(rule, **change))


@pytest.mark.slow
def test_a_tiny_null_test_runs_and_is_not_done_twice(tmp_path: Path) -> None:
    study, rule = quick_study(tmp_path)
    findings = run_null(study, rule)
    assert findings.undisturbed.coverage.intervals == 4
    assert findings.shuffled.coverage.intervals == 2
    assert [len(c.largest) for c in (findings.undisturbed, findings.shuffled)] == [2, 2]
    text = lines(findings)
    assert len(text) <= 15
    assert "| undisturbed | 4 | " in text[4]
    results = sorted((tmp_path / "results").iterdir())
    assert len(results) == 6
    written = [p.stat().st_mtime_ns for p in results]
    assert run_null(study, rule) == findings
    assert [p.stat().st_mtime_ns for p in results] == written
