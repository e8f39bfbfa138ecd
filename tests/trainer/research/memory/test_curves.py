"""Shares and verdicts by hand, and a study so small that it says nothing, from end to end."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edge.bundle import Metric
from edge.errors import ConfigError
from trainer.evaluation.reference_share import reference_share
from trainer.evaluation.report.data import Sample
from trainer.models.window_set import windows_of_arrays
from trainer.research.document import make_page
from trainer.research.memory.curves import Truth, mean_share, verdict
from trainer.research.memory.jobs import do_study_job, study_jobs
from trainer.research.memory.recipe import QUICK_RECIPE, read_study
from trainer.research.memory.study import NotDone, Study, subset
from trainer.research.memory.transfer import join_sets
from trainer.research.paper.design import QUICK_RECIPE as QUICK_NATIVE
from trainer.research.paper.design import read_design

TINY = """
strengths = ["auc90"]
forms = ["interpolated", "exact"]
form = "interpolated"
clusters = [20]
test_clusters = 20
least_validation = 10
most_validation = 10
goal = 0.85
least_share = 0.8
resamples = 20
clusters_a_year = 20
main_years = "1"
ranked_clusters = 20

[repetitions]
logistic = 2

[ranked]
logistic = 2
lightgbm = 1

[years.1]
first = "2019-01-01"
last = "2019-04-01"
every = 12

[tuning]
strength = "auc90"
clusters = 10
kinds = ["logistic"]
trials = 2
random_trials = 1
left = []

[networks]
clusters = [20]
kinds = ["seqnetquake"]
repetitions = 1
seeds = 2

[transfer]
strength = "auc90"
form = "interpolated"
clusters = [5]
pretraining_clusters = 10
repetitions = 1
modes = ["full"]

[transfer.demeter]
first = "2006-01-01"
last = "2006-04-01"
every = 12

[null]
mission = "cses-1"
form = "interpolated"
clusters = 20
repetitions = 1
kinds = ["logistic"]
strength = "auc90"
shuffled_kinds = ["logistic"]

[profiles]
mission = "cses-1"
form = "interpolated"
strengths = ["auc90"]
clusters = 10
test_clusters = 20
repetitions = 1
kinds = ["logistic"]
"""


def truth() -> tuple[Truth, list[np.ndarray]]:
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(100), 4)
    positive = np.tile([True, True, False, False], 100)
    seen = rng.normal(positive * 1.0, 1.0)
    return Truth(positive, group, seen), [seen + rng.normal(0.0, s, 400) for s in (0.5, 1.0)]


def test_share_of_one_model_is_that_of_an_evaluation() -> None:
    known, scores = truth()
    share, each = mean_share(scores[:1], known, 200, 3)
    sample = Sample(windows=400, positives=200, clusters=100, half_orbits=100)
    expected = reference_share(
        scores[0], known.reference, known.positive, known.group, sample, 200, 3
    )[1]
    assert each == [share.value]
    assert (share.value, share.low, share.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )
    both, apart = mean_share(scores, known, 200, 3)
    assert both.value == pytest.approx(np.mean(apart))
    assert apart[1] < apart[0] < 1.0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.86, 0.9, "met"), (0.8, 0.84, "missed"), (0.8, 0.9, "undecided"), (0.85, 0.9, "met")],
)
def test_the_interval_decides(low: float, high: float, expected: str) -> None:
    assert verdict(Metric("share", 0.5 * (low + high), low, high), 0.85) == expected


def test_repetitions_have_other_clusters_while_there_are_enough() -> None:
    assert [subset(r, 100, 1000) for r in range(3)] == [(0, 100), (100, 200), (200, 300)]
    assert [subset(r, 1000, 1000) for r in range(2)] == [(0, 1000), (0, 1000)]
    assert subset(1, 300, 500) == (0, 300)


def test_joined_missions_keep_their_clusters_apart() -> None:
    inputs = np.zeros((4, 20, 4), np.float32)
    label = np.array([1, 0, 1, 0], np.int8)
    one = windows_of_arrays(inputs, label, ("a", "b"))
    one = replace(
        one, cluster=np.array([0, -1, 1, -1]), pair=np.array([0, 0, 1, 1]), mission="cses"
    )
    both = join_sets([one, replace(one, mission="demeter")])
    assert both.cluster.tolist() == [0, -1, 1, -1, 2, -1, 3, -1]
    assert both.pair.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert both.mission == "cses"
    assert both.inputs.shape == (8, 20, 4)


def test_blocks_have_no_time_and_no_seed_in_common(tmp_path: Path) -> None:
    study = Study(read_study(QUICK_RECIPE), tmp_path, lambda line: None)
    for mission in study.missions.values():
        blocks = [mission.block(name) for name in ("train", "validation", "test")]
        for before, after in pairwise(blocks):
            assert after.first - before.last >= np.timedelta64(30, "D")
        seeds = [{b.plan(chunk).seed for chunk in range(1000)} for b in blocks]
        assert not seeds[0] & seeds[1]
        assert not seeds[1] & seeds[2]
        assert not seeds[0] & seeds[2]


def test_a_recipe_without_a_training_block_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    before, _, after = TINY.partition("[years.1]")
    path.write_text(before + "[years]\n[tuning]" + after.partition("[tuning]")[2], "utf-8")
    with pytest.raises(ConfigError, match="main_years '1'; known are none"):
        read_study(path)


def test_jobs_of_a_study_need_none_of_their_own_stage(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    stages = study_jobs(Study(read_study(path), tmp_path, print), path)
    names = [[job.name for job in stage] for stage in stages]
    assert names[0] == ["mission demeter", "mission cses-1", "mission all profiles"]
    assert names[1][:2] == ["tuning logistic", "pretraining 0"]
    assert "fit-cses-1-auc90-interpolated-20-seqnetquake-1-2" in names[1]
    assert names[2][-1] == "fit-cses-1-auc90-interpolated-20-seqnetquake-taught-by-2-1-1"
    assert "transfer ('joint', 5, 0)" in names[3]
    everything = [name for stage in names for name in stage]
    assert len(set(everything)) == len(everything)


def test_what_is_not_done_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    study = Study(read_study(path), tmp_path, print, work=False)
    with pytest.raises(NotDone, match="one: is not done"):
        study.unit("one", (), dict, ("cses-1",))
    assert Study(study.recipe, tmp_path, print).unit("one", (), dict, ("cses-1",))["simulated"]
    assert study.unit("one", (), dict, ("cses-1",))["simulated"]


@pytest.mark.slow
@pytest.mark.tensorflow
def test_a_tiny_study_runs_and_is_not_done_twice(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    study = Study(read_study(path), tmp_path / "out", print)
    for stage in study_jobs(study, path):
        for job in stage:
            assert do_study_job(job) == "done"
    results = sorted((tmp_path / "out" / "results").iterdir())
    written = [p.stat().st_mtime_ns for p in results]
    page = make_page(
        Study(study.recipe, study.folder, print, work=False),
        read_design(QUICK_NATIVE),
        {},
        tmp_path / "page.md",
        True,
    )
    assert "Everything is simulated" in page.text
    assert "| auc90 | exact | seqnetquake |" not in page.text
    assert "| 5 (1:2) | joint |" in page.text
    assert "mean of 2 seqnetquake" in page.text
    assert set(page.charts) == {"page-curves.png", "page-transfer.png"}
    assert all(content[:4] == b"\x89PNG" for content in page.charts.values())
    assert [p.stat().st_mtime_ns for p in results] == written
