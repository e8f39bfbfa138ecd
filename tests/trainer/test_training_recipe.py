"""The recipe is whole, and every slip in it is one line."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from edge.errors import ConfigError
from trainer.recipe import DEFAULT_RECIPE, RECIPES, read_recipe


def test_shipped_recipe_is_valid() -> None:
    recipe = read_recipe()
    assert recipe.dataset.labels.lead_hours == (0.0, 48.0)
    assert recipe.dataset.events.least_magnitude == 5.0
    strengths = tomllib.loads((RECIPES / "strengths.toml").read_text(encoding="utf-8"))
    for mission in ("cses", "demeter"):
        found = strengths[mission]["plasma"]
        place = found["auc_target"].index(0.9)
        assert getattr(recipe, mission).injection == found["strength"][place]


def test_a_copied_recipe_takes_the_dataset_that_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "copy.toml"
    shutil.copy(DEFAULT_RECIPE, path)
    assert read_recipe(path).dataset == read_recipe().dataset
    text = (RECIPES / "windows.toml").read_text(encoding="utf-8")
    (tmp_path / "windows.toml").write_text(text.replace("length = 20", "length = 10"))
    assert read_recipe(path).dataset.windows.length == 10


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("batch = 256", "batch = 256\nbatsch = 10", "unknown field `batsch`"),
        ("batch = 256\n", "", "missing required field `batch`"),
        ("pap_off = 0.8", "pap_off = 1.5", "`float` <= 1.0"),
        ("subsequences = 2", "subsequences = 3", "divisors of the length of a window, 20"),
        ('dataset = "windows.toml"', 'dataset = "none.toml"', "recipe none.toml: "),
        ("[cses]", "[cses", "recipe changed.toml: "),
    ],
)
def test_slips_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = DEFAULT_RECIPE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "changed.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^recipe (changed|none)\.toml: ") as caught:
        read_recipe(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_the_encoding_is_known_by_the_bytes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "saved.toml"
    path.write_text(DEFAULT_RECIPE.read_text(encoding="utf-8"), encoding=encoding)
    assert read_recipe(path) == read_recipe()


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
        read_recipe(path)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_recipe(tmp_path / "none.toml")
