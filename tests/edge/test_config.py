from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import Settings, load_settings
from edge.errors import ConfigError


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "station.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_leave_the_card_in_charge() -> None:
    assert load_settings(None, {}, {}) == Settings()


def test_options_go_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'night = "paper"\nmin_coverage = 0.1\nwait = 5\n')
    environment = {"EDGE_SCORE_MIN_COVERAGE": "0.2", "EDGE_SCORE_WAIT": "6"}
    settings = load_settings(file, environment, {"wait": 7.0, "settle": None})
    assert settings == Settings(night="paper", min_coverage=0.2, wait=7.0)


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "threads = 2\n")
    assert load_settings(None, {"EDGE_SCORE_CONFIG": str(file)}, {}).threads == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nigth = 'dark'", "nigth"),
        ("min_coverage = 2", "<= 1"),
        ("threads = 0", ">= 1"),
        ("night = 'dusk'", "dusk"),
        ("wait = 'long'", "wait"),
        ("= 3", "not TOML"),
        ('results = ["csv"]', "expected 'jsonl' and perhaps others, got ['csv']"),
        ('results = ["jsonl", "xml"]', "'csv' or 'geojson', got ['jsonl', 'xml']"),
    ],
)
def test_a_bad_file_is_named_with_its_value(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(ConfigError, match=r"station\.toml") as caught:
        load_settings(write(tmp_path, text), {}, {})
    assert found in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_variable_is_an_error() -> None:
    with pytest.raises(ConfigError, match="EDGE_SCORE_NIGTH"):
        load_settings(None, {"EDGE_SCORE_NIGTH": "dark"}, {})


def test_an_option_out_of_range_is_an_error() -> None:
    with pytest.raises(ConfigError, match="min_coverage"):
        load_settings(None, {}, {"min_coverage": -0.5})
    with pytest.raises(ConfigError, match="min_coverage"):
        load_settings(None, {}, {"min_coverage": float("nan")})


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_settings(tmp_path / "none.toml", {}, {})


def test_a_variable_names_formats_between_commas() -> None:
    settings = load_settings(None, {"EDGE_SCORE_RESULTS": "jsonl, csv"}, {})
    assert settings.results == ("jsonl", "csv")
