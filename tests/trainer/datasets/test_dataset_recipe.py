"""The recipes of datasets are whole, and every slip in one is a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError
from trainer.datasets.recipe import (
    DEFAULT_DATASET_RECIPE,
    find_recipe,
    read_dataset_recipe,
    shipped_recipes,
)

RECIPES = DEFAULT_DATASET_RECIPE.parent


def test_the_default_asks_for_long_blocks_and_a_long_embargo() -> None:
    recipe = read_dataset_recipe()
    assert recipe.splits.least_block_days >= 90.0
    assert recipe.splits.embargo_days >= 30.0
    assert not recipe.splits.short_archive
    assert recipe.labels.lead_hours == (0.0, 48.0)
    assert recipe.controls.same_track


def test_the_short_one_says_that_it_is_short() -> None:
    recipe = read_dataset_recipe(RECIPES / "windows-short.toml")
    assert recipe.splits.short_archive
    assert recipe.splits.embargo_days * 24.0 >= recipe.labels.lead_hours[1] + 72.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("length = 20", "length = 20\nlenght = 10", "unknown field `lenght`"),
        ("clip = 6.0\n", "", "missing required field `clip`"),
        ('night = "dark"', 'night = "dusk"', "Invalid enum value 'dusk'"),
        ("lead_hours = [0.0, 48.0]", "lead_hours = [12.0, 4.0]", "the second must be the larger"),
        ("lead_hours = [0.0, 48.0]", "lead_hours = [0.0, 720.0]", "valid is 37 and more"),
        ("[0.6, 0.2, 0.2]", "[0.6, 0.2, 0.3]", "add up to 1"),
        ("embargo_days = 30.0", "embargo_days = 29.0", "or splits.short_archive = true"),
        ("block_days = 90.0", "block_days = 60.0", "or splits.short_archive = true"),
        ('region = ""', 'region = "japan-kuril"', "splits.kind is 'time'"),
        ('kind = "time"', 'kind = "region"', "splits.region is ''"),
        ("[1.0, 2.0, 3.0, 5.0]", "[1.0, 3.0, 2.0]", "they must rise"),
        ("[85.0, 120.0]", "[120.0, 85.0]", "they must rise"),
        ('profile = "plasma"', 'profile = "none"', "known are plasma, waves, full"),
        ('kind = "none"', 'kind = "time-shift"', "placebo.amount is 0"),
        ("km = 40.0", "km = 40.0\nfirst = 2020-01-02\nlast = 2020-01-01", "after events.last"),
        ("[events]", "[events", "recipe changed.toml: "),
        ("magnitude = 5.0", "magnitude = nan", "events.least_magnitude is nan; valid is a finite"),
        ("magnitude = 5.0", "magnitude = 11.0", "events.least_magnitude is 11; valid is -2 to 10"),
        ("km = 40.0", "km = inf", "events.largest_depth_km is inf; valid is a finite number"),
        ("[0.0, 48.0]", "[nan, 48.0]", "labels.lead_hours"),
        ("minimum_coverage = ", "minimum_coverage = nan # ", "minimum_coverage"),
        ("quiet_kp = ", "quiet_kp = inf # ", "controls.quiet_kp is inf; valid is a finite number"),
    ],
)
def test_slips_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (RECIPES / "windows.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "changed.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^recipe changed\.toml: ") as caught:
        read_dataset_recipe(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_region_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    text = (RECIPES / "windows.toml").read_text(encoding="utf-8")
    text = text.replace('kind = "time"', 'kind = "region"').replace('= ""', '= "atlantis"')
    (tmp_path / "r.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="'atlantis'; known are alaska-aleutians"):
        read_dataset_recipe(tmp_path / "r.toml")


def test_what_ships_is_listed_with_what_it_is_for() -> None:
    found = shipped_recipes()
    assert set(found) == {path.name for path in RECIPES.glob("*.toml")}
    assert all(purpose.endswith((".", "`")) or ":" in purpose for purpose in found.values())
    assert find_recipe(Path("windows.toml")) == RECIPES / "windows.toml"
    with pytest.raises(ConfigError, match=r"No such file.*edge-train recipes lists"):
        read_dataset_recipe(Path("none.toml"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_the_encoding_is_known_by_the_bytes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "saved.toml"
    path.write_text((RECIPES / "windows.toml").read_text(encoding="utf-8"), encoding=encoding)
    assert read_dataset_recipe(path) == read_dataset_recipe()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'name = "\xf6"', "can't decode byte 0xf6"),
        (b"PK\x03\x04", "recipe saved.toml"),
        (b"a = " + b"[" * 5000, "recipe saved.toml"),
    ],
)
def test_what_is_no_toml_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "saved.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^recipe saved\.toml: ") as caught:
        read_dataset_recipe(path)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
