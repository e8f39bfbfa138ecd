"""What is too short is said by the names of files, before any is opened."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trainer.common.errors import TrainError
from trainer.datasets.plan import check_span
from trainer.datasets.recipe import read_dataset_recipe
from trainer.inputs.catalogue import Catalogue


def archive_of(folder: Path, days: int) -> Path:
    """Empty files with the names of a half-orbit a day."""
    for day in range(days):
        start = datetime(2019, 1, 1, 1) + timedelta(days=day)
        end = start + timedelta(minutes=37)
        stamps = f"{start:%Y%m%d_%H%M%S}_{end:%Y%m%d_%H%M%S}"
        (folder / f"CSES_01_LAP_1_L02_A3_{day + 1:05d}1_{stamps}_000.h5").touch()
    (folder / "notes.txt").touch()
    (folder / "CSES_01_LAP_1_odd_name.h5").touch()
    return folder


@pytest.fixture
def catalogue(made: Any) -> Catalogue:
    return made.random_catalogue(600.0, 1.0, 1)


def test_a_short_archive_is_refused_by_its_names(tmp_path: Path, catalogue: Catalogue) -> None:
    archive = archive_of(tmp_path, 300)
    with pytest.raises(TrainError) as caught:
        check_span(archive, "cses", catalogue, read_dataset_recipe())
    told = str(caught.value)
    assert told.startswith(f"{tmp_path.name}: by the names of 300 files, 2")
    assert "at least 510.0 days are needed" in told


def test_a_long_one_is_not(tmp_path: Path, catalogue: Catalogue) -> None:
    check_span(archive_of(tmp_path, 540), "cses", catalogue, read_dataset_recipe())


def test_another_mission_is_left_to_whoever_reads(tmp_path: Path, catalogue: Catalogue) -> None:
    check_span(archive_of(tmp_path, 5), "demeter", catalogue, read_dataset_recipe())


def test_a_catalogue_that_ends_too_soon_counts(tmp_path: Path, made: Any) -> None:
    short = made.random_catalogue(100.0, 1.0, 1)
    with pytest.raises(TrainError, match="by the names of 540 files"):
        check_span(archive_of(tmp_path, 540), "cses", short, read_dataset_recipe())
