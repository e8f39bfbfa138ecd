"""The real catalogue against a simulated month of each mission, from files to a description."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import typer
from typer.testing import CliRunner

from trainer.datasets.commands import check, describe, prepare
from trainer.datasets.recipe import DEFAULT_DATASET_RECIPE
from trainer.simulate import simulate_mission

CATALOGUE = "usgs_shallow40_m5_20040701-20231104.csv.gz"
MONTHS = {"cses": ("2019-05-01", "2019-06-01"), "demeter": ("2008-05-01", "2008-06-01")}


def test_real_catalogue_against_a_month_of_each_mission(shared_data: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    for command in (prepare, describe, check):
        app.command()(command)
    datasets = []
    for mission, (start, end) in MONTHS.items():
        archive, out = tmp_path / mission, tmp_path / f"{mission}-dataset"
        span = (np.datetime64(start, "ms"), np.datetime64(end, "ms"))
        simulate_mission(mission, *span, 5, 0.0, archive, night_only=True)
        recipe = DEFAULT_DATASET_RECIPE.with_name("windows-short.toml")
        options = ["--catalogue", shared_data / CATALOGUE, "--recipe", recipe, "--out", out]
        call = ["prepare", archive, "--workers", "1", *options]
        result = CliRunner().invoke(app, [str(part) for part in call])
        assert result.exit_code == 0, result.output
        result = CliRunner().invoke(app, ["check", str(out)])
        assert result.exit_code == 0, result.output
        datasets.append(str(out))
    result = CliRunner().invoke(app, ["describe", *datasets, "--json"])
    found = json.loads(result.output)
    for one in found["datasets"]:
        assert one["simulated"] is True
        assert one["events"]["all"] > 25_000
        assert all(s["matched_positives"] > 0 for s in one["splits"].values())
        assert sum(one["left_out"].values()) > 0
    assert found["mission_from_masks"]["all"]["auc"] == 1.0
