"""From simulated files to an alarm, where an event was injected and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.bundle import load_bundle
from edge.geodesy import dobrovolsky_radius_km, great_circle_km
from edge.readers.names import FileName, parse_name
from edge.results import ScoredHalfOrbit
from edge.scoring import Scorer
from trainer.simulate import simulate_mission
from trainer.simulate.orbits import half_orbits

START, END = np.datetime64("2021-06-10T00:00", "ms"), np.datetime64("2021-06-10T01:40", "ms")
MAGNITUDE = 6.5
HEADER = (
    "time,latitude,longitude,depth,mag,magType,nst,gap,dmin,rms,net,id,updated,place,type,"
    "horizontalError,depthError,magError,magNst,status,locationSource,magSource"
)


def score(folder: Path, catalogue: Path, injection: float) -> list[ScoredHalfOrbit]:
    simulate_mission(
        "cses",
        START,
        END,
        seed=3,
        injection=injection,
        out=folder,
        catalogue=catalogue,
        night_only=True,
        pap_off=0.0,
    )
    groups: dict[str, dict[Path, FileName]] = {}
    for path in sorted(folder.glob("*.h5")):
        name = parse_name(path)
        groups.setdefault(name.half_orbit, {})[path] = name
    scorer = Scorer(load_bundle())
    return [scorer.score(scorer.read(files)) for files in groups.values()]


@pytest.fixture(scope="module")
def epicentre() -> tuple[float, float, np.datetime64]:
    """A place under the first night half-orbit, 12 h before its simulated earthquake."""
    night = next(p for p in half_orbits("cses", START, END) if p.direction == 1)
    middle = int(np.argmin(np.abs(night.latitude - 12.0)))
    return (
        float(night.latitude[middle]),
        float(night.longitude[middle]),
        night.time[middle] + np.timedelta64(12, "h"),
    )


@pytest.fixture(scope="module")
def catalogue(
    tmp_path_factory: pytest.TempPathFactory, epicentre: tuple[float, float, np.datetime64]
) -> Path:
    latitude, longitude, time = epicentre
    path = tmp_path_factory.mktemp("catalogue") / "one.csv"
    row = f"{time}Z,{latitude},{longitude},10.0,{MAGNITUDE},mw,,,,,sim,sim1,{time}Z,simulated,"
    path.write_text(f"{HEADER}\n{row}earthquake,,,,,simulated,sim,sim\n", encoding="utf-8")
    return path


def test_an_injected_event_gives_an_alarm_near_it(
    tmp_path: Path, catalogue: Path, epicentre: tuple[float, float, np.datetime64]
) -> None:
    # The strength that the shipped bundle was trained on.
    tracks = score(tmp_path, catalogue, injection=5.0)
    alarms = [a for track in tracks for a in track.alarms]
    distances = great_circle_km(
        np.array([a.latitude for a in alarms]),
        np.array([a.longitude for a in alarms]),
        epicentre[0],
        epicentre[1],
    )
    assert distances.size >= 1
    assert distances.min() <= dobrovolsky_radius_km(MAGNITUDE)


def test_the_same_half_orbit_without_the_event_gives_none_there(
    tmp_path: Path, catalogue: Path, epicentre: tuple[float, float, np.datetime64]
) -> None:
    tracks = score(tmp_path, catalogue, injection=0.0)
    near = [
        w
        for track in tracks
        for w in track.windows
        if great_circle_km(
            np.array([w.latitude]), np.array([w.longitude]), epicentre[0], epicentre[1]
        )[0]
        <= dobrovolsky_radius_km(MAGNITUDE)
    ]
    assert len(near) > 20
    assert all(w.verdict == "quiet" for w in near)
