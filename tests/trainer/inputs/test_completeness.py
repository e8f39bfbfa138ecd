"""b-value, magnitude of completeness, close pairs, and the command that prints them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge.geodesy import great_circle_km
from trainer.common.errors import CatalogueError, TrainError
from trainer.inputs.catalogue import Catalogue, read_catalogue
from trainer.inputs.commands import catalogue as command
from trainer.inputs.completeness import b_value, close_pairs, completeness, maximum_curvature

REAL = "usgs_shallow40_m5_20040701-20231104.csv.gz"


def binned(b: float, least: float, n: int, seed: int) -> np.ndarray:
    """Magnitudes of the Gutenberg-Richter law from the bin `least` on, rounded to a tenth."""
    rng = np.random.default_rng(seed)
    return np.round(least - 0.05 + rng.exponential(np.log10(np.e) / b, n), 1)


@pytest.mark.parametrize("b", [0.8, 1.0, 1.3])
def test_the_b_value_of_drawn_magnitudes_is_found(b):
    # Binning itself biases the estimate by b^2 dM^2 ln(10)^2 / 12, below half a per cent.
    found = b_value(binned(b, 5.0, 40_000, 1), 5.0)
    assert found.value == pytest.approx(b, abs=3.5 * found.uncertainty + 0.01)
    assert found.uncertainty == pytest.approx(b / 200.0, rel=0.05)
    assert found.events == 40_000


def test_the_uncertainty_is_that_of_repeated_draws():
    values = [b_value(binned(1.0, 5.0, 400, seed), 5.0) for seed in range(300)]
    scatter = np.std([v.value for v in values])
    assert np.mean([v.uncertainty for v in values]) == pytest.approx(scatter, rel=0.12)


def test_a_value_by_hand():
    # Mean 5.2, lowest edge 4.95: b = 0.4343 / 0.25; Shi and Bolt's standard deviation.
    magnitude = np.array([5.0, 5.2, 5.4])
    found = b_value(magnitude, 5.0)
    assert found.value == pytest.approx(0.4342945 / 0.25, rel=1e-6)
    assert found.uncertainty == pytest.approx(2.302585 * found.value**2 * np.sqrt(0.08 / 6.0))


@pytest.mark.parametrize("magnitude", [[5.0], [5.0, 5.0], []])
def test_too_few_magnitudes_have_no_b_value(magnitude):
    assert np.isnan(b_value(np.array(magnitude), 5.0).value)


def test_maximum_curvature_finds_where_detection_falls_off():
    rng = np.random.default_rng(3)
    magnitude = 3.0 + rng.exponential(np.log10(np.e), 200_000)
    seen = rng.random(magnitude.size) < 1.0 / (1.0 + np.exp(-(magnitude - 4.3) / 0.05))
    found, at_the_cut = maximum_curvature(np.round(magnitude[seen], 1))
    assert found == pytest.approx(4.6, abs=0.15)
    assert not at_the_cut


def test_a_cut_above_completeness_says_so():
    assert maximum_curvature(binned(1.0, 5.0, 5000, 0)) == (5.2, True)


@given(st.integers(0, 2**32))
def test_close_pairs_are_those_of_brute_force(seed):
    rng = np.random.default_rng(seed)
    n = 40
    time = np.sort(np.datetime64("2019-01-01", "ms") + rng.integers(0, 60_000, n).astype("m8[ms]"))
    latitude, longitude = rng.uniform(-0.5, 0.5, n), 179.7 + rng.uniform(0, 0.6, n)
    longitude = np.where(longitude >= 180.0, longitude - 360.0, longitude)
    ones = np.ones(n)
    found = Catalogue(
        name="x",
        sha256="",
        id=time.astype(str),
        time=time,
        latitude=latitude,
        longitude=longitude,
        depth=ones,
        magnitude=5.0 * ones,
    )
    count = 0
    for i in range(n):
        late = (time[i + 1 :] - time[i]) / np.timedelta64(1, "s")
        near = great_circle_km(
            latitude[i + 1 :], longitude[i + 1 :], float(latitude[i]), float(longitude[i])
        )
        count += int(((late < 16.0) & (near < 50.0)).sum())
    assert close_pairs(found) == count


def test_the_real_catalogue(shared_data: Path):
    found = completeness(read_catalogue(shared_data / REAL, 5.0, 40.0))
    for value in (found.b_all, found.b_complete):
        assert 1.04 <= value.value <= 1.18
        assert value.uncertainty < 0.02
    assert found.at_the_cut
    assert found.magnitude_of_completeness == 5.2
    assert found.default_depth_share == pytest.approx(0.48, abs=0.005)
    assert sum(found.years.values()) == found.events
    assert (min(found.years), max(found.years)) == (2004, 2023)
    assert found.close_pairs == 28
    for first, last, b in (("2004-07", "2011-01", 1.05), ("2018-02", "2023-11", 1.14)):
        part = read_catalogue(
            shared_data / REAL, 5.0, 40.0, np.datetime64(first, "ms"), np.datetime64(last, "ms")
        )
        assert completeness(part).b_all.value == pytest.approx(b, abs=0.04)


APP = typer.Typer()
APP.command()(command)


def run(*arguments: str):
    return CliRunner().invoke(APP, list(arguments))


HEADER = "time,latitude,longitude,depth,mag,id\n"
ROWS = "".join(
    f"2019-01-{day:02d}T12:00:00Z,10.0,{day},10.0,{5 + day / 10:.1f},us{day}\n"
    for day in range(1, 11)
)


def test_the_command_prints_what_a_catalogue_is_worth(tmp_path: Path, capfdbinary) -> None:
    path = tmp_path / "events.csv"
    path.write_text(HEADER + ROWS)
    command(path, 5.0, 40.0, "2019-01-02", "2019-01-09")
    text = capfdbinary.readouterr().out.decode()
    for words in (
        "events.csv: 8 events, 2019-01-02T12:00:00.000Z to 2019-01-09T12:00:00.000Z",
        "left out: 1 before 2019-01-02T00:00:00.000",
        "left out: 1 after 2019-01-09T23:59:59.999",
        "events a year: 2019 8",
        "magnitude of completeness 5.4 (maximum curvature); the fullest bin is the lowest",
        "b-value ",
        "depth of exactly 10 km, a default: 100.0%",
        "pairs closer than 16 s and 50 km: 0",
        "clusters 8 (windows of Gardner and Knopoff 1974), 8 of one event",
        "largest cluster: 1 events in 0 days, mainshock M 5.2",
    ):
        assert words in text


def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(HEADER + ROWS)
    with pytest.raises(TrainError, match=r"--first: expected an ISO date .*, got 'then'"):
        command(path, 5.0, 40.0, "then", None)
    with pytest.raises(CatalogueError, match="none of 10 events has M >= 8"):
        command(path, 8.0, 40.0, None, None)


def test_the_command_names_bad_rows_and_is_strict_if_asked(tmp_path: Path, capfdbinary) -> None:
    path = tmp_path / "events.csv"
    path.write_text(HEADER + ROWS.replace(",5.3,", ",-9.99,"))
    command(path, 5.0, 40.0, None, None)
    line = "line 4: expected a magnitude of -2 to 10, got -9.99"
    text = capfdbinary.readouterr().out.decode()
    assert f"left out: 1 with an impossible magnitude ({line})" in text
    with pytest.raises(CatalogueError, match=f"1 of 10 rows cannot be used; {line}"):
        command(path, 5.0, 40.0, None, None, strict=True)


def test_options_and_help() -> None:
    found = run("--help")
    assert found.exit_code == 0
    for option in ("--min-magnitude", "--max-depth", "--first", "--last", "--strict"):
        assert option in found.output


def test_a_help_text_waits_for_no_scipy() -> None:
    code = "import sys, trainer.inputs.commands; print('scipy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "False"
