"""Metrics over repetitions, and the page, from made-up scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from edge.errors import ConfigError
from edge.outputs import replace_file
from trainer.common.errors import TrainError
from trainer.research.paper.design import FULL_RECIPE, QUICK_RECIPE, all_units, read_design
from trainer.research.paper.pooled import Pool, UnitResult, read_results
from trainer.research.paper.runner import jobs_of
from trainer.research.paper.tables import PaperTables


def made_unit(seed: int, skill: float, models: tuple[str, ...], **facts: Any) -> UnitResult:
    rng = np.random.default_rng(seed)
    scores: dict[str, Any] = {}
    for split, n in (("validation", 200), ("test", 240)):
        truth = np.tile([1.0, 0.0], n // 2)
        scores[f"truth|{split}"] = truth
        scores[f"group|{split}"] = np.repeat(np.arange(n // 8), 8)
        for model in models:
            logit = skill * truth + rng.normal(size=n)
            scores[f"{model}|{split}"] = 1.0 / (1.0 + np.exp(-logit))
    scores["reference|test"] = 2.0 * skill * scores["truth|test"] + rng.normal(size=240)
    about = {"seed": seed, "unit": f"made{seed}", "seconds": 1.0, "label": "auc80"}
    sizes = {
        f"{s}_{w}": 10 for s in ("train", "validation", "test") for w in ("windows", "clusters")
    }
    return UnitResult({**about, **sizes, **facts}, scores)


def test_a_pool_is_the_mean_of_the_repetitions() -> None:
    units = [made_unit(s, 1.0, ("a", "b")) for s in (1, 2, 3)]
    pool = Pool(units, "a", 200)
    each = [roc_auc_score(u.scores["truth|test"], u.scores["a|test"]) for u in units]
    found = pool.number("roc_auc")
    assert found.value == pytest.approx(np.mean(each))
    assert found.repetitions == 3
    assert found.low < found.value < found.high
    reference = Pool(units, "reference", 200, reference=True)
    share = pool.share_of(reference)
    assert share is not None
    assert 0.4 < share.value < 1.0
    blind = made_unit(4, 0.0, ("a",))
    blind.scores["a|test"][:] = blind.scores["a|validation"][:] = 0.5
    assert reference.share_of(Pool([blind], "a", 200)) is None


def test_a_model_without_scores_is_refused() -> None:
    with pytest.raises(TrainError, match="no scores of c"):
        Pool([made_unit(1, 1.0, ("a",))], "c", 50)


def test_tables_say_what_could_not_be_done() -> None:
    design = read_design(FULL_RECIPE)
    models = (*design.recipe.classifiers, *design.recipe.baselines)
    rate = {"name": "precision", "value": 0.1, "low": 0.05, "high": 0.2}
    stream = {"rates": [rate], "molchan": {"x": [0.0, 1.0], "y": [1.0, 0.0]}}
    stream["shifted"] = {"real": 0.6, "placebos": [0.5, 0.52]}
    results = {
        f"classifiers-{label}-base-seed1": made_unit(1, skill, models, stream=stream)
        for label, skill in (("null", 0.0), ("auc80", 1.0))
    }
    results["ablation-auc80-base-seed1"] = made_unit(1, 1.0, ("seqnetquake",))
    results["ablation-auc80-lead-0-4h-seed1"] = made_unit(1, 1.0, ("seqnetquake",), test_clusters=2)
    failed = {"failed": "no windows", "seconds": 0.0, "seed": 1, "unit": "x"}
    results["ablation-auc80-length-60-seed1"] = UnitResult(failed, {})
    tables = PaperTables(design, results)
    ablations = "\n".join(tables.ablations())
    assert "no windows" in ablations
    assert "| lead-0-4h | 1 of 1 | 10 | 2 | too few clusters | too few clusters |" in ablations
    check = "\n".join(tables.check())
    assert "| null | ROC AUC |" in check
    assert "| seqnetquake |" in check
    assert "nan" not in ablations + check
    assert "0.1 (0.05 to 0.2)" in tables.stream()[2]
    assert tables.molchan()[0] == ("null, repetition 1", [0.0, 1.0], [1.0, 0.0])
    assert "| null, repetition 1 | 0.600 |" in "\n".join(tables.nothing())


def test_recipes_are_read_and_every_unit_has_a_job() -> None:
    for path in (FULL_RECIPE, QUICK_RECIPE):
        design = read_design(path)
        units = all_units(design)
        names = [u.name for u in units]
        assert len(set(names)) == len(names)
        jobs = jobs_of(design, path, Path("root"))
        assert sorted(j.unit.name for j in jobs if j.unit is not None) == sorted(names)
        assert design.recipe.development_seed not in {u.seed for u in units}


def test_a_recipe_with_a_slip_is_refused(tmp_path: Path) -> None:
    text = FULL_RECIPE.read_text(encoding="utf-8")
    for old, new, reason in (
        ('main_label = "auc80"', 'main_label = "auc85"', "auc85"),
        ("development_seed = 0", "development_seed = 1", "development mission"),
        ("keep = 0.125", "keep = 2.0", "keep"),
    ):
        path = tmp_path / "slip.toml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(ConfigError, match=reason):
            read_design(path)


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    assert read_results(tmp_path) == {}
    (tmp_path / "results").mkdir()
    np.savez(tmp_path / "results" / "one.npz", **{"a|test": np.arange(3.0)})
    replace_file(tmp_path / "results" / "one.json", b'{"unit": "one"}')
    found = read_results(tmp_path)
    assert found["one"].facts == {"unit": "one"}
    np.testing.assert_array_equal(found["one"].scores["a|test"], np.arange(3.0))
