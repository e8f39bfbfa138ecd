"""Whole simulated missions: determinism, the null, and what is injected."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from trainer.common.errors import CatalogueError
from trainer.simulate import simulate_mission
from trainer.simulate.background import PARAMETERS
from trainer.simulate.commands import simulate
from trainer.simulate.orbits import half_orbits
from trainer.simulate.precursor_model import MODEL
from trainer.simulate.precursors import dobrovolsky_radius_km, lead_time_profile, perturbation
from trainer.simulate.seismicity import SimulatedCatalogue, write_catalogue

START, END = np.datetime64("2019-11-01"), np.datetime64("2019-11-01T12:00")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def archive(folder: Path) -> dict[str, bytes]:
    return {n: b for n, b in contents(folder).items() if n.endswith((".h5", ".DAT"))}


@pytest.fixture(scope="module")
def event() -> SimulatedCatalogue:
    """One event of magnitude 7, twelve hours after a night pass, beside its track."""
    night = next(h for h in half_orbits("cses", START, END) if h.direction == 1)
    at = int(np.argmin(np.abs(night.latitude - 20.0)))
    return SimulatedCatalogue(
        event_id=np.array(["sim0"]),
        place=np.array(["simulated, test"]),
        time=night.time[[at]] + np.timedelta64(12, "h"),
        latitude=np.round(night.latitude[[at]], 4),
        longitude=np.round(night.longitude[[at]], 4),
        depth_km=np.array([10.0]),
        magnitude=np.array([7.0]),
    )


@pytest.mark.parametrize(
    ("mission", "start"), [("cses", START), ("demeter", START - np.timedelta64(5200, "D"))]
)
def test_same_seed_same_bytes(tmp_path: Path, mission: str, start: np.datetime64) -> None:
    folders = [tmp_path / name for name in ("one", "two", "other")]
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        simulate_mission(
            mission, start, start + np.timedelta64(5, "h"), seed, 1.0, folder, night_only=True
        )
    one, two, other = (contents(folder) for folder in folders)
    assert one == two
    both = set(archive(folders[0])) & set(archive(folders[2]))
    assert len(both) >= 3
    assert all(other[name] != one[name] for name in both)
    assert json.loads(one["simulation.json"])["simulated"] is True
    assert not [name for name in one if name.startswith(".")]


def test_half_orbits_do_not_depend_on_the_range(tmp_path: Path) -> None:
    whole, part = tmp_path / "whole", tmp_path / "part"
    simulate_mission("cses", START, END, 3, 2.0, whole, events_per_day=50.0)
    simulate_mission("cses", START + np.timedelta64(6, "h"), END, 3, 2.0, part, events_per_day=50.0)
    assert archive(part).items() < archive(whole).items()


def test_no_injection_is_the_null_mission(tmp_path: Path, event: SimulatedCatalogue) -> None:
    write_catalogue(tmp_path / "one.csv", event)
    null, empty, full = (tmp_path / name for name in ("null", "empty", "full"))
    simulate_mission("cses", START, END, 3, 0.0, null, tmp_path / "one.csv")
    simulate_mission("cses", START, END, 3, 5.0, empty, events_per_day=0.0)
    summary = simulate_mission("cses", START, END, 3, 5.0, full, tmp_path / "one.csv")
    assert archive(null) == archive(empty)
    changed = {name for name, raw in archive(full).items() if raw != archive(null)[name]}
    with (full / "truth.csv").open(encoding="utf-8") as file:
        truth = list(csv.DictReader(file))
    assert {name.split("_")[6] for name in changed} == {row["half_orbit"] for row in truth}
    assert summary.injected == len(truth) >= 1
    assert (null / "truth.csv").read_text(encoding="utf-8").count("\n") == 1


def test_a_row_without_a_depth_is_left_out_and_told(
    tmp_path: Path, event: SimulatedCatalogue
) -> None:
    path = tmp_path / "one.csv"
    write_catalogue(path, event)
    header, row = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([header, row.replace(",10.00,", ",,").replace("sim0", "x"), row]))
    told: list[str] = []
    end = START + np.timedelta64(2, "h")
    summary = simulate_mission(
        "cses", START, end, 3, 0.0, tmp_path / "out", path, night_only=True, tell=told.append
    )
    assert summary.events == 1
    assert told == [
        "one.csv: 1 events; left out 1: 1 without a depth",
        "one.csv: line 2: expected a depth of -10 to 800, got nothing",
    ]
    with pytest.raises(CatalogueError, match="1 of 2 rows cannot be used"):
        simulate_mission("cses", START, end, 3, 0.0, tmp_path / "no", path, strict=True)
    assert not (tmp_path / "no").exists()


def test_event_is_seen_near_its_epicentre(tmp_path: Path, event: SimulatedCatalogue) -> None:
    write_catalogue(tmp_path / "one.csv", event)
    null, full = tmp_path / "null", tmp_path / "full"
    for folder, injection in ((null, 0.0), (full, 4.0)):
        simulate_mission(
            "cses",
            START,
            START + np.timedelta64(3, "h"),
            3,
            injection,
            folder,
            tmp_path / "one.csv",
            night_only=True,
            pap_off=0.0,
        )
    with (full / "truth.csv").open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert float(row["min_distance_km"]) < 10.0
    assert float(row["lead_time_h"]) == pytest.approx(12.0, abs=0.1)
    strength = 4.0 * MODEL.factor("sim0", event.time[0])
    assert strength > 1.0
    assert float(row["peak_amplitude"]) == pytest.approx(strength, rel=0.02)

    def difference(payload: str, name: str, log: bool) -> tuple[np.ndarray, np.ndarray]:
        values = []
        for folder in (null, full):
            path = next(folder.glob(f"*_{payload}_*_{row['half_orbit']}_*.h5"))
            with h5py.File(path) as file:
                latitude, column = file["GEO_LAT"][:, 0], file[name][:, 0]
            column = np.where(column > 0.0, column, np.nan)
            values.append(np.log10(column) if log else column)
        return latitude, values[1] - values[0]

    sigma = PARAMETERS["cses"].sigma
    signs = (
        ("LAP_1", "A311", True, 1),
        ("LAP_1", "A321", False, -1),
        ("PAP_0", "A315", True, 1),
        ("PAP_0", "A322", False, 1),
    )
    for column, (payload, name, log, sign) in enumerate(signs):
        latitude, change = difference(payload, name, log)
        near = np.abs(latitude - event.latitude[0]) < 1.0
        # A degree of the orbit's tilt aside, R is 1023 km, or 9 degrees.
        far = np.abs(latitude - event.latitude[0]) > 11.0
        assert np.nanmedian(change[near]) * sign == pytest.approx(strength * sigma[column], rel=0.1)
        np.testing.assert_array_equal(np.nan_to_num(change[far]), 0.0)
    latitude, change = difference("HPM_5", "A221", False)
    assert np.nanstd(change[np.abs(latitude - event.latitude[0]) < 1.0]) > 0.005


def test_lead_time_and_radius() -> None:
    assert lead_time_profile(np.array([-1.0, 0.0, 12.0, 48.0, 60.0])) == pytest.approx(
        [0.0, 0.0, 1.0, 0.0, 0.0]
    )
    assert dobrovolsky_radius_km(np.array([7.0]))[0] == pytest.approx(1023.3, abs=0.1)


def test_nothing_after_the_event_or_too_early(event: SimulatedCatalogue) -> None:
    night = next(h for h in half_orbits("cses", START, END) if h.direction == 1)
    for shift in (-13, 48):
        moved = SimulatedCatalogue(
            event_id=event.event_id,
            place=event.place,
            time=event.time + np.timedelta64(shift, "h"),
            latitude=event.latitude,
            longitude=event.longitude,
            depth_km=event.depth_km,
            magnitude=event.magnitude,
        )
        assert not perturbation(night, moved, 1.0).injected


def test_mission_never_starts_with_a_bad_value(tmp_path: Path) -> None:
    for arguments, message in (
        (("cses", END, START, 1, 1.0), "must come before"),
        (("cses", START - np.timedelta64(5000, "D"), END, 1, 1.0), r"2018-02-02\.\.2030-01-01"),
        (("cses", START, END, -1, 1.0), "seed must be 0 or more, not -1"),
        (("cses", START, END, 1, -0.5), r"in 0\.\.100 standard deviations, not -0\.5"),
    ):
        with pytest.raises(ValueError, match=message):
            simulate_mission(*arguments, tmp_path / "out")
    with pytest.raises(ValueError, match=r"must be in 0\.\.1, not 2"):
        simulate_mission("cses", START, END, 1, 1.0, tmp_path / "out", pap_off=2.0)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(simulate)
    return made


def test_command_writes_an_archive(tmp_path: Path, app: typer.Typer) -> None:
    result = CliRunner().invoke(
        app,
        [
            "--mission",
            "demeter",
            "--start",
            "2006-05-01",
            "--end",
            "2006-05-01T06:00",
            "--out",
            str(tmp_path / "out"),
            "--night-only",
        ],
    )
    assert result.exit_code == 0, result.output
    assert result.output.startswith("simulated demeter: 3 half-orbits in 8 files")
    assert {"catalogue.csv", "truth.csv", "simulation.json"} < set(contents(tmp_path / "out"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--mission": "swarm"}, "mission 'swarm' is unknown; valid: cses, demeter"),
        ({"--start": "yesterday"}, "start 'yesterday' is not an ISO date such as 2019-01-01"),
        ({"--start": "2020-01-01"}, "start 2020-01-01 must come before end 2019-11-02"),
        ({"--injection": "-1"}, "not -1.0"),
        ({"--catalogue": "absent.csv"}, "absent.csv: No such file or directory"),
    ],
)
def test_command_says_what_is_wrong_in_one_line(
    tmp_path: Path, app: typer.Typer, change: dict[str, str], message: str
) -> None:
    options = {"--start": "2019-11-01", "--end": "2019-11-02", "--out": str(tmp_path / "out")}
    flat = [word for pair in (options | change).items() for word in pair]
    result = CliRunner().invoke(app, flat)
    assert result.exit_code == 2
    assert message in result.output
    assert result.output.startswith("edge-train: ")
    assert result.output.count("\n") == 1
