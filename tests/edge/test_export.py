"""One table over many half-orbits, read by others."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from commands import edge_score
from edge.errors import ConfigError, InputError
from edge.outputs import write_results
from edge.results import HalfOrbitResult, ScoredHalfOrbit, WindowScore
from edge.station.export import COLUMNS, export


def half_orbit(key: str, *times: str, **changes: Any) -> ScoredHalfOrbit:
    windows = [
        WindowScore(
            half_orbit=key,
            time=f"2020-03-{t}:00.000Z",
            latitude=-20.5,
            longitude=179.9,
            local_time=2.0,
            coverage=0.5,
            score=None if k == 0 else 0.25,
            verdict="insufficient" if k == 0 else "quiet",
            geomagnetic="unknown",
            trained_on="simulated",
            failed=["LAP_1", "HPM_5"] if k == 0 else [],
        )
        for k, t in enumerate(times)
    ]
    summary = HalfOrbitResult(
        half_orbit=key,
        mission="cses",
        status="scored",
        side="night",
        start=windows[0].time,
        end=windows[-1].time,
        payloads=["PAP_0"],
        failed={},
        notes=[],
        night="dark",
        minimum_coverage=0.35,
        threshold=0.9,
        windows=len(windows),
        insufficient=1,
        alarms=0,
        bundle="plasma",
        trained_on="simulated",
        code_version="0.1",
        runtime="tflite",
    )
    return ScoredHalfOrbit(summary=summary, windows=windows, alarms=[], failures=[])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    # The later half-orbit has the smaller key, and two satellites overlap.
    write_results(folder, half_orbit("CSES_000011", "03T10:00", "03T10:02"))
    write_results(folder, half_orbit("CSES_000021", "01T10:00", "01T10:02"))
    write_results(folder, half_orbit("DEMETER_000031", "01T10:01", "01T10:03"))
    (folder / "alarms.jsonl").write_text("")
    return folder


def test_csv_is_in_order_of_time(out: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    assert export(out, target, "csv") == 6
    with target.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    times = [row["time"] for row in rows]
    assert times == sorted(times)
    assert [row["half_orbit"][:4] for row in rows] == ["CSES", "DEME"] * 2 + ["CSES"] * 2
    assert (rows[0]["score"], rows[0]["failed"]) == ("", "LAP_1;HPM_5")
    assert {row["trained_on"] for row in rows} == {"simulated"}
    assert {p.name for p in tmp_path.iterdir()} == {"out", "a.csv"}


@pytest.mark.parametrize(
    ("since", "until", "count"),
    [
        ("2020-03-03", None, 2),
        (None, "2020-03-03", 4),
        ("2020-03-01T10:01", "2020-03-01T10:03", 2),
        ("2020-03-01T12:01+02:00", "2020-03-02", 3),
        ("2021-01-01", None, 0),
    ],
)
def test_a_span_holds_its_begin_and_not_its_end(
    out: Path, tmp_path: Path, since: str | None, until: str | None, count: int
) -> None:
    assert export(out, tmp_path / "a.csv", "csv", since, until) == count


@pytest.mark.parametrize("since", [None, "2021-01-01"])
def test_geojson_holds_points(out: Path, tmp_path: Path, since: str | None) -> None:
    target = tmp_path / "a.geojson"
    count = export(out, target, "geojson", since)
    found = json.loads(target.read_text())
    assert found["type"] == "FeatureCollection"
    assert len(found["features"]) == count
    for feature in found["features"]:
        assert feature["type"] == "Feature"
        assert feature["geometry"] == {"type": "Point", "coordinates": [179.9, -20.5]}
        assert feature["properties"]["bundle"] == "plasma"


def test_pandas_reads_parquet_and_csv_alike(out: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    pandas = pytest.importorskip("pandas")
    export(out, tmp_path / "a.parquet", "parquet")
    export(out, tmp_path / "a.csv", "csv")
    one = pandas.read_parquet(tmp_path / "a.parquet")
    other = pandas.read_csv(tmp_path / "a.csv", parse_dates=["time"])
    assert str(one["time"].dtype) == "datetime64[ms, UTC]"
    assert (one["time"] == other["time"]).all()
    for name in ("latitude", "coverage", "score", "kp"):
        assert one[name].dtype == float
        assert one[name].equals(other[name].astype(float))
    metadata = parquet.read_metadata(tmp_path / "a.parquet").metadata
    assert metadata[b"trained_on"] == b"simulated"
    assert (metadata[b"bundle"], metadata[b"schema"]) == (b"plasma", b"1")


def test_pandas_reads_what_a_half_orbit_leaves(out: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(out / "CSES_000011.csv", parse_dates=["time"])
    assert str(table["time"].dt.tz) == "UTC"
    lines = pandas.read_json(out / "CSES_000011.jsonl", lines=True)
    windows = lines[lines["type"] == "window"].reset_index(drop=True)
    assert lines["schema"][0] == 1
    for name in ("latitude", "longitude", "local_time", "coverage", "score"):
        assert table[name].dtype == float
        assert table[name].equals(windows[name].astype(float))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1"),
        (b"\xff\n", "line 1"),
        (b"{}\n", "line 1"),
        (None, "expected 2 windows and 0 alarms as its first line says, got 1 and 0"),
    ],
)
def test_a_damaged_result_is_named_and_nothing_written(
    out: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path, target = out / "CSES_000021.jsonl", tmp_path / "a.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) if content is None else content)
    target.write_text("old")
    with pytest.raises(InputError, match=r"CSES_000021\.jsonl") as caught:
        export(out, target, "csv")
    assert message in str(caught.value)
    assert target.read_text() == "old"
    skipped: list[InputError] = []
    assert export(out, target, "csv", skip=skipped.append) == 4
    assert len(skipped) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"out", "a.csv"}


def test_windows_of_another_half_orbit_are_damage(out: Path, tmp_path: Path) -> None:
    path = out / "CSES_000021.jsonl"
    first, second, third = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first, second, third.replace(b"000021", b"000011"), b""]))
    with pytest.raises(InputError, match=r"CSES_000021\.jsonl: expected .* in line 3, got another"):
        export(out, tmp_path / "table.csv", "csv")
    assert not (tmp_path / "table.csv").exists()


def test_targets_and_dates_that_cannot_be(out: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for target in (out / "a.csv", tmp_path / "folder"):
        with pytest.raises(ConfigError, match="expected a"):
            export(out, target, "csv")
    with pytest.raises(ConfigError, match="--since: expected a date such as"):
        export(out, tmp_path / "a.csv", "csv", "yesterday")
    with pytest.raises(ConfigError, match="expected a folder of results"):
        export(tmp_path / "none", tmp_path / "a.csv", "csv")


def test_the_command_says_what_it_wrote_and_left_out(out: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    done = edge_score("export", out, "--to", target)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{target}: 6 windows\n", "")
    (out / "CSES_000011.jsonl").write_bytes(b"")
    done = edge_score("export", out, "--to", target)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    done = edge_score("export", out, "--to", target, "--skip-damaged")
    assert (done.returncode, done.stdout) == (2, f"{target} (replaced): 4 windows\n")
