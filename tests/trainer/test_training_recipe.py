"""The recipe is whole, and every slip in it is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError
from trainer.recipe import DEFAULT_RECIPE, read_recipe


def test_shipped_recipe_is_valid() -> None:
    recipe = read_recipe()
    assert recipe.splits.embargo_days >= recipe.labels.lead_hours / 24 + 7
    assert recipe.events.least_magnitude == 5.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("length = 20", "length = 20\nlenght = 10", "unknown field `lenght`"),
        ("length = 20\n", "", "missing required field `length`"),
        ("pap_off = 0.5", "pap_off = 1.5", "`float` <= 1.0"),
        ("[0.6, 0.2, 0.2]", "[0.6, 0.2, 0.3]", "add up to 1"),
        ("\nembargo_days = 9.0", "\nembargo_days = 1.0", "valid is 2 and more"),
        ("subsequences = 2", "subsequences = 3", "divisors of windows.length, 20"),
        ('profile = "plasma"', 'profile = "none"', "known are plasma, waves, full"),
        ("[events]", "[events", "recipe changed.toml: "),
    ],
)
def test_slips_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = DEFAULT_RECIPE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "changed.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^recipe changed\.toml: ") as caught:
        read_recipe(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_recipe(tmp_path / "none.toml")
