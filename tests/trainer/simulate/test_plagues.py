"""What plagues simulated files: each on its own, all readable by the edge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from edge.grid import make_grid
from edge.observables import FULL
from edge.readers import read_payload
from edge.readers.names import parse_name
from edge.readers.opening import read_half_orbit
from trainer.simulate import cses_payloads as cses_hpm
from trainer.simulate import cses_payloads as cses_plasma
from trainer.simulate import simulate_mission
from trainer.simulate.background import Background, background
from trainer.simulate.orbits import Pass, half_orbits
from trainer.simulate.plagues import NO_PLAGUES, PLAGUES, Plagues
from trainer.simulate.sampling import in_burst_zone

HEAVY = Plagues(
    fill=0.1, field_fill=0.1, outlier=0.1, field_outlier=0.1, gap=1.0, jitter=0.2, backward=1.0,
    no_utc=0.1, jump=1.0, first_odd=1.0, torquer=20.0, burst=1.0,
)  # fmt: skip
START = np.datetime64("2019-11-01", "ms")


@pytest.fixture(scope="module")
def over_belts() -> tuple[Pass, Background, np.ndarray]:
    """A night half-orbit with many seconds in burst mode, its state and its mode."""
    nights = [
        h for h in half_orbits("cses", START, START + np.timedelta64(1, "D")) if h.direction == 1
    ]
    night = max(nights, key=lambda h: in_burst_zone(h).sum())
    return night, background(night, np.random.SeedSequence(2)), in_burst_zone(night)


def lap(folder: Path, parts: tuple[Pass, Background, np.ndarray], plagues: Plagues) -> Path:
    night, state, burst = parts
    folder.mkdir()
    return cses_plasma.write_lap(
        folder, night, state, np.random.default_rng(4), plagues, burst=burst
    )


def datasets(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file[name][()] for name in file}


@pytest.mark.parametrize(
    ("plague", "touched"),
    [
        ("fill", {"A311", "A321", "UF", "UP"}),
        ("outlier", {"A311", "A321"}),
        ("first_odd", {"A321"}),
        ("jitter", {"UTC_TIME", "VERSE_TIME"}),
        ("backward", {"UTC_TIME", "VERSE_TIME"}),
        ("jump", {"GEO_LAT", "GEO_LON"}),
    ],
)
def test_one_plague_less_leaves_the_rest(
    tmp_path: Path, over_belts: tuple[Pass, Background, np.ndarray], plague: str, touched: set[str]
) -> None:
    with_all = datasets(lap(tmp_path / "all", over_belts, HEAVY))
    without = datasets(lap(tmp_path / "less", over_belts, replace(HEAVY, **{plague: 0.0})))
    changed = {n for n, v in with_all.items() if v.tobytes() != without[n].tobytes()}
    assert changed
    assert changed <= touched


def test_a_gap_and_burst_mode_only_choose_rows(
    tmp_path: Path, over_belts: tuple[Pass, Background, np.ndarray]
) -> None:
    plagues = replace(HEAVY, backward=0.0, jitter=0.0)
    whole = datasets(lap(tmp_path / "whole", over_belts, replace(plagues, gap=0.0)))
    gap = datasets(lap(tmp_path / "gap", over_belts, plagues))
    night, state, burst = over_belts
    survey = datasets(lap(tmp_path / "survey", (night, state, ~burst & burst), plagues))
    for part in (gap, survey):
        _, ours, theirs = np.intersect1d(
            part["VERSE_TIME"], whole["VERSE_TIME"], return_indices=True
        )
        assert len(ours) == len(part["VERSE_TIME"]) < len(whole["VERSE_TIME"])
        for name in ("A311", "A321", "UF", "GEO_LAT", "VERSE_TIME"):
            np.testing.assert_array_equal(part[name][ours], whole[name][theirs])
    mode, step = whole["WORKMODE"][:, 0], np.diff(whole["VERSE_TIME"][:, 0])
    assert set(mode.tolist()) == {1, 2}
    assert set(step[(mode[:-1] == 2) & (mode[1:] == 2)].tolist()) == {1500}
    assert set(survey["WORKMODE"][:, 0].tolist()) == {1}


def test_magnetotorquers_step_the_field_and_raise_the_flag(
    tmp_path: Path, over_belts: tuple[Pass, Background, np.ndarray]
) -> None:
    night, state, _ = over_belts
    both = []
    for name, plagues in (("on", replace(NO_PLAGUES, torquer=6.0)), ("off", NO_PLAGUES)):
        (tmp_path / name).mkdir()
        rng = np.random.default_rng(4)
        both.append(datasets(cses_hpm.write_hpm(tmp_path / name, night, state, rng, plagues)))
    on, off = both
    flag = on["FLAG_MT"][:, 0] == 1
    assert 7 <= flag.sum() <= 7 * 20
    moved = np.abs(on["A221"] - off["A221"])[:, 0]
    assert np.all(moved[~flag] == 0.0)
    assert np.median(moved[flag]) > 1.0


@pytest.mark.parametrize(("mission", "start"), [("cses", START), ("demeter", "2006-05-01")])
def test_the_edge_reads_every_plagued_file(tmp_path: Path, mission: str, start: str) -> None:
    first = np.datetime64(start, "ms")
    summary = simulate_mission(
        mission, first, first + np.timedelta64(4, "h"), 5, 1.0, tmp_path, night_only=True,
        pap_off=0.0, profile="full", wave_bins=160, wave_components=1, plagues=HEAVY,
    )  # fmt: skip
    files = sorted([*tmp_path.glob("*.h5"), *tmp_path.glob("*.DAT")])
    assert summary.files == len(files)
    groups: dict[str, dict[Path, object]] = {}
    for path in files:
        payload = read_payload(path, FULL.payloads(mission).get(parse_name(path).payload, {}))
        assert len(payload.notes) > 1
        groups.setdefault(parse_name(path).half_orbit, {})[path] = parse_name(path)
    for group in groups.values():
        half_orbit = read_half_orbit(group, FULL.payloads(mission))
        assert not half_orbit.failed
        grid = make_grid(half_orbit, FULL)
        have = np.array(FULL.available(mission))
        share = grid.valid[:, have].mean(axis=0)
        assert share.min() > 0.3, dict(zip(FULL.names, share, strict=False))


def test_burst_files_lie_over_the_belts(tmp_path: Path) -> None:
    first = np.datetime64("2006-05-01", "ms")
    simulate_mission(
        "demeter", first, first + np.timedelta64(8, "h"), 5, 0.0, tmp_path, night_only=True,
        plagues=replace(NO_PLAGUES, burst=1.0),
    )  # fmt: skip
    kinds = {apid: sorted(tmp_path.glob(f"DMT_N1_{apid}_*.DAT")) for apid in (1144, 1143, 1139)}
    assert len(kinds[1144]) >= len(kinds[1143]) >= 1
    by_name = {h.name: h for h in half_orbits("demeter", first, first + np.timedelta64(8, "h"))}
    for path in kinds[1143]:
        half_orbit = by_name[f"{parse_name(path).orbit:05d}1"]
        survey = next(p for p in kinds[1144] if f"_{half_orbit.name}_" in p.name)
        burst, rest = (read_payload(p).track.time for p in (path, survey))
        assert not np.intersect1d(burst, rest).size
        row = np.rint((burst - half_orbit.time[0]) / np.timedelta64(1, "s")).astype(int)
        assert in_burst_zone(half_orbit)[row].all()


def test_default_rates_are_small() -> None:
    assert PLAGUES.fill < 0.01
    assert PLAGUES.outlier < 0.001
