"""Samples a cell, working mode and the sides of a half-orbit, on the way from files to the grid."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pytest

from edge.errors import InputError
from edge.grid import Grid
from edge.observables import PLASMA
from edge.readers.halforbit import Channel, Payload, Track
from edge.readers.names import FileName, parse_name
from edge.readers.opening import read_payload
from trainer.archives.archive import (
    burst_cells,
    find_half_orbits,
    mean_samples,
    mode_requests,
    read_archive,
    read_pass,
)

START = np.datetime64("2020-03-01T02:00:00", "ms")
FIRST = int(START.astype(np.int64)) // 3000


def grid_of(n: int) -> Grid:
    zeros = np.zeros(n)
    some = np.ones((n, 2), dtype=bool)
    return Grid(FIRST + np.arange(n), zeros, zeros, zeros, some[:, 0], np.zeros((n, 2)), some)


def payload_of(mission: str, kind: str, seconds: list[float], mode: list[int] | None) -> Payload:
    at = START + (1000 * np.array(seconds)).astype("m8[ms]")
    zeros = np.zeros(len(seconds))
    track = Track(at, zeros, zeros, zeros, 3.0)
    channels = {}
    if mode is not None:
        values = np.array(mode, dtype=np.float64)
        channels["WORKMODE"] = Channel("WORKMODE", kind, "none", values, values > -9999, track)
    name = FileName(mission, kind, 1, 1, datetime(2020, 3, 1), datetime(2020, 3, 1, 1))
    return Payload(name, Path("x"), track, channels)


def test_the_working_mode_of_cses_marks_cells() -> None:
    lap = payload_of("cses", "LAP_1", [0, 3, 6, 9], [1, 2, 2, -9999])
    assert burst_cells([lap], grid_of(5)).tolist() == [False, True, True, False, False]


def test_without_a_mode_the_cadence_of_lap_tells_and_one_short_step_does_not() -> None:
    burst = payload_of("cses", "LAP_1", [0, 3, 6, 7.5, 9, 10.5, 12, 15, 18, 19, 21], None)
    assert burst_cells([burst], grid_of(8)).tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    assert not burst_cells([payload_of("cses", "PAP_0", [0, 1, 2, 3], None)], grid_of(8)).any()


def test_burst_files_of_demeter_mark_cells() -> None:
    survey = payload_of("demeter", "1144", [0, 1, 2, 3], None)
    burst = payload_of("demeter", "1143", [3, 4, 6, 300], None)
    assert burst_cells([survey, burst], grid_of(4)).tolist() == [False, True, True, False]


def test_the_mode_is_asked_of_cses_alone() -> None:
    wanted = PLASMA.payloads("cses")
    assert all("WORKMODE" in channels for channels in mode_requests("cses", wanted).values())
    assert "WORKMODE" not in wanted["LAP_1"]
    assert mode_requests("demeter", PLASMA.payloads("demeter")) == PLASMA.payloads("demeter")


def test_a_file_may_be_without_the_mode_but_not_without_what_else_is_asked_for(
    simulated_cses: Path, tmp_path: Path
) -> None:
    source = next(f for f in sorted(simulated_cses.iterdir()) if "_LAP_1_" in f.name)
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes())
    asked = {"A311": (), "WORKMODE": ()}
    assert set(read_payload(path, asked).channels) == set(asked)
    with h5py.File(path, "r+") as file:
        del file["WORKMODE"]
    assert set(read_payload(path, asked).channels) == {"A311"}
    with h5py.File(path, "r+") as file:
        del file["A311"]
    with pytest.raises(InputError, match="dataset A311 is missing"):
        read_payload(path, asked)


def test_samples_are_the_mean_over_the_valid_observables() -> None:
    grid = grid_of(3)
    valid = np.array([[True, True], [True, False], [False, False]])
    samples = np.array([[3, 1], [2, 9], [5, 5]], dtype=np.int32)
    counted = Grid(grid.cell, *(grid.latitude,) * 3, grid.present, grid.values, valid, samples)
    assert mean_samples(counted).tolist() == [2.0, 2.0, 0.0]
    with pytest.raises(ValueError, match="not counted"):
        mean_samples(grid)


def test_a_burst_file_is_seen_by_a_profile_that_reads_none(
    simulated_demeter: Path, tmp_path: Path
) -> None:
    """ISL burst beside ICE spectra: the mode is known, the grid is that of the edge."""
    failed: dict[Path, str] = {}
    groups = find_half_orbits(simulated_demeter, "demeter", "waves", "dark", failed)
    assert all({n.payload for n in files.values()} <= {"1139", "1143"} for files in groups.values())
    for files in groups.values():
        assert read_pass(files, "waves", "dark") == (None, {})


@pytest.mark.parametrize("mission", ["cses", "demeter"])
def test_passes_carry_samples_and_mode(
    mission: str, simulated_cses: Path, simulated_demeter: Path
) -> None:
    folder = simulated_cses if mission == "cses" else simulated_demeter
    archive = read_archive(folder, mission, "plasma", "dark", 1)
    for found in archive.passes:
        n = found.grid.cell.size
        assert found.samples.shape == found.burst.shape == (n,)
        assert found.samples.dtype == np.float32
        assert found.burst.dtype == bool
        assert found.samples[found.grid.valid.any(axis=1)].max() > 0
        assert not found.samples[~found.grid.valid.any(axis=1)].any()


def test_the_day_side_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    from trainer.simulate import simulate_mission

    simulate_mission(
        "demeter",
        np.datetime64("2008-03-20T00:00", "ms"),
        np.datetime64("2008-03-20T02:00", "ms"),
        seed=3,
        injection=0.0,
        out=tmp_path,
        night_only=False,
    )
    day = read_archive(tmp_path, "demeter", "plasma", "day", 1)
    night = read_archive(tmp_path, "demeter", "plasma", "dark", 1)
    assert {p.key[-1] for p in day.passes} == {"0"}
    assert {p.key[-1] for p in night.passes} == {"1"}
    failed: dict[Path, str] = {}
    files = {f: parse_name(f) for f in night.passes[0].files}
    assert read_pass(files, "plasma", "day") == (None, failed)
