"""The coastlines that ship, against their source and against what everybody knows."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path

import pytest

from edge.show.coastlines import coastlines


def is_land(longitude: float, latitude: float) -> bool:
    within = False
    for ring in coastlines():
        for (x0, y0), (x1, y1) in itertools.pairwise(ring):
            if (x0 > longitude) != (x1 > longitude):
                within ^= y0 + (longitude - x0) * (y1 - y0) / (x1 - x0) > latitude
    return within


def test_rings_are_closed_and_on_the_map() -> None:
    rings = coastlines()
    assert len(rings) > 100
    for ring in rings:
        assert len(ring) >= 4
        assert ring[0] == ring[-1]
        assert all(abs(x) <= 180.0 and abs(y) <= 90.0 for x, y in ring)
        # No line across the map, but along its lower edge.
        for (x0, y0), (x1, y1) in itertools.pairwise(ring):
            assert abs(x1 - x0) < 30.0 or y0 == y1 == -90.0


@pytest.mark.parametrize(
    ("longitude", "latitude", "land"),
    [
        (116.4, 39.9, True),
        (-100.0, 40.0, True),
        (20.0, 0.0, True),
        (0.0, -80.0, True),
        (134.0, -25.0, True),
        (-30.0, 30.0, False),
        (-160.0, 0.0, False),
        (51.0, 42.0, False),
        (0.0, -89.0, True),
        (-175.0, 66.5, True),
        (0.0, 70.0, False),
    ],
)
def test_places(longitude: float, latitude: float, land: bool) -> None:
    assert is_land(longitude, latitude) == land


def test_shipped_file_is_small_and_says_whose_it_is(repository: Path) -> None:
    path = repository / "edge" / "show" / "coastlines.json"
    assert path.stat().st_size < 100_000
    assert "Natural Earth" in json.loads(path.read_text())["notice"]


def test_shipped_file_is_what_the_script_makes(repository: Path, shared_data: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "reduce_coastlines", repository / "tests" / "oracles" / "coastlines.py"
    )
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    source = json.loads((shared_data / "natural_earth_land-110m.topojson").read_text())
    assert (
        script.write(script.reduce(source))
        == (repository / "edge/show/coastlines.json").read_text()
    )
