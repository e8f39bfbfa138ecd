"""Scores from Python."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import edge
from edge.bundle import models_path
from edge.errors import ConfigError, InputError

SAMPLES = models_path() / "samples"


def sample() -> list[Path]:
    return sorted(SAMPLES.glob("CSES_01_*_131571_*.h5"))


@pytest.fixture(scope="module")
def table() -> edge.ScoreTable:
    return edge.score(sorted(SAMPLES.glob("*.*")))


def test_rows_are_the_windows_of_all_half_orbits(table: edge.ScoreTable) -> None:
    assert [h.summary.half_orbit for h in table.half_orbits] == [
        "CSES_118071", "CSES_131571", "DEMETER_199131",
    ]  # fmt: skip
    assert len(table) == sum(h.summary.windows for h in table.half_orbits) > 1000
    assert tuple(table[0]) == table.columns
    assert [row["half_orbit"] for row in (table[0], table[-1])] == ["CSES_118071", "DEMETER_199131"]
    assert table[:2] == [table[0], table[1]]
    (alarm,) = table.alarms
    assert alarm.peak == max(row["score"] or 0.0 for row in table)
    stream = io.StringIO()
    csv.DictWriter(stream, table.columns).writerows(table)
    assert len(stream.getvalue().splitlines()) == len(table)


def test_its_repr_is_short_and_says_that_it_is_simulated(table: edge.ScoreTable) -> None:
    lines = repr(table).splitlines()
    assert lines[0] == f"<ScoreTable: {len(table)} windows of 3 half-orbits>"
    assert len(lines) == 5
    assert "simulated" in lines[-1]


def test_pandas_takes_it(table: edge.ScoreTable) -> None:
    pandas = pytest.importorskip("pandas")
    frame = table.to_pandas()
    assert tuple(frame.columns) == table.columns
    assert str(frame.time.dt.tz) == "UTC"
    assert frame.score.dtype == frame.kp.dtype == float
    assert frame.attrs == {"trained_on": "simulated"}
    assert frame.score.max() == table.alarms[0].peak
    assert pandas.DataFrame(table).shape == frame.shape
    assert tuple(edge.score([]).to_pandas().columns) == table.columns


def test_without_pandas_it_is_said(table: edge.ScoreTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="pandas is not installed"):
        table.to_pandas()


def test_one_path_is_enough_and_options_hold() -> None:
    (path,) = SAMPLES.glob("*118071*")
    found = edge.score(str(path), min_coverage=0.9)
    assert {row["verdict"] for row in found} == {"insufficient"}
    assert {row["score"] for row in found} == {None}


def test_what_failed_is_named_and_no_quiet_night(
    make_cses: Callable[..., Path], tmp_path: Path
) -> None:
    empty = tmp_path / sample()[1].name
    empty.write_bytes(b"")
    unused = make_cses("SCM_1", 4, orbit=13157)
    found = edge.score([empty, unused, tmp_path / sample()[2].name])
    assert len(found) == 0
    assert sorted(f.path.name for f in found.failures) == sorted(
        [empty.name, unused.name, sample()[2].name]
    )
    assert found.half_orbits[0].summary.status == "failed"
    assert "FAILED, nothing is known" in repr(found)
    assert repr(found).count("\nfailed: ") == 3


def test_kp_that_cannot_be_used_warns(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"none\.txt: No such file .* is unknown"):
        found = edge.score(sample(), kp=tmp_path / "none.txt")
    assert {row["geomagnetic"] for row in found} == {"unknown"}


@pytest.mark.parametrize(
    ("options", "message"),
    [({"night": "dusk"}, "night: expected 'dark'"), ({"min_coverage": 2.0}, "min_coverage: ")],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        edge.score(sample(), **options)


def test_a_name_of_no_payload_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"notes\.txt: "):
        edge.score(tmp_path / "notes.txt")


def test_importing_edge_stays_cheap() -> None:
    program = "import edge, sys; assert 'numpy' not in sys.modules; edge.score; edge.ScoreTable"
    subprocess.run([sys.executable, "-c", program], check=True)
