"""Rows of a simulated mission at several strengths, against those of its archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from trainer.archives.archive import read_archive
from trainer.archives.rows import iter_passes
from trainer.research.paper.mission_rows import SimulatedMission, make_rows
from trainer.simulate import simulate_mission

PLAN = SimulatedMission(
    mission="cses",
    start="2019-03-01",
    days=2,
    seed=7,
    events_per_day=20.0,
    strengths={"null": 0.0, "strong": 5.0},
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mission")
    make_rows(PLAN, out, lambda line: None)
    return out


@pytest.mark.parametrize(("label", "strength"), list(PLAN.strengths.items()))
def test_rows_are_those_of_the_simulated_archive(
    rows: Path, tmp_path: Path, label: str, strength: float
) -> None:
    start, end = np.datetime64("2019-03-01", "ms"), np.datetime64("2019-03-03", "ms")
    simulate_mission(
        "cses", start, end, 7, strength, tmp_path, night_only=True, events_per_day=20.0
    )
    archive = read_archive(tmp_path, "cses", "plasma", "dark", workers=1)
    made = list(iter_passes(rows / label))
    assert [p.key for p in made] == [p.key for p in archive.passes]
    for ours, theirs in zip(made, archive.passes, strict=True):
        # The strength is multiplied at another step here: the last bit may differ.
        np.testing.assert_allclose(ours.grid.values, theirs.grid.values, rtol=1e-12)
        np.testing.assert_array_equal(ours.grid.valid, theirs.grid.valid)
        np.testing.assert_array_equal(ours.samples, theirs.samples)


def test_strength_changes_some_half_orbits_and_no_mask(rows: Path) -> None:
    pairs = zip(iter_passes(rows / "null"), iter_passes(rows / "strong"), strict=True)
    changed = [not np.array_equal(a.grid.values, b.grid.values) for a, b in pairs]
    assert 0 < sum(changed) < len(changed)


def test_an_interrupted_mission_goes_on(rows: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    make_rows(PLAN, rows, lines.append)
    assert not lines
    manifest = rows / "null" / "rows" / "manifest.json"
    before = manifest.read_bytes()
    manifest.unlink()
    make_rows(PLAN, rows, lines.append)
    assert lines
    assert manifest.read_bytes() == before


def test_thinned_missions_keep_what_is_needed(tmp_path: Path) -> None:
    thin = msgspec.structs.replace(PLAN, keep=0.1, whole_from="2019-03-02")
    make_rows(thin, tmp_path, lambda line: None)
    kept = {p.key: p for p in iter_passes(tmp_path / "strong")}
    null = {p.key: p for p in iter_passes(tmp_path / "null")}
    days = np.array([p.grid.time[0].astype("M8[D]") for p in kept.values()])
    full = (days == np.datetime64("2019-03-02")).sum()
    assert full >= 13
    assert 0 < (days == np.datetime64("2019-03-01")).sum() <= full
    assert kept.keys() == null.keys()
    assert replace(next(iter(kept.values()))).key in null
