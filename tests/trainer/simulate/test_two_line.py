"""Missions along real two-line elements."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from trainer.common.errors import TrainError
from trainer.simulate import geometry, simulate_mission
from trainer.simulate.elements import read_two_line
from trainer.simulate.orbits import half_orbits

# Made for the test: an orbit of no satellite that has these numbers.
LINES = (
    "1 99999U 18015C   19322.50000000  .00000000  00000-0  00000-0 0  9992",
    "2 99999  97.4000  85.0000 0015000 120.0000 240.0000 15.21000000 10006",
)


def right(line: str) -> str:
    total = sum(int(c) if c.isdigit() else c == "-" for c in line[:68])
    return line[:68] + str(total % 10)


@pytest.fixture
def tle(tmp_path: Path) -> Path:
    path = tmp_path / "elements.txt"
    path.write_text("\n".join(["A TITLE", *map(right, LINES)]) + "\n", encoding="ascii")
    return path


def test_a_mission_follows_its_elements(tmp_path: Path, tle: Path) -> None:
    start = np.datetime64("2019-11-20", "ms")
    summary = simulate_mission(
        "cses", start, start + np.timedelta64(2, "h"), 1, 0.0, tmp_path / "out", tle=tle
    )
    assert summary.half_orbits >= 2
    record = json.loads((tmp_path / "out" / "simulation.json").read_text(encoding="utf-8"))
    assert record["elements"] == "elements.txt"
    assert record["two_line_elements"] == [right(line) for line in LINES]


def test_elements_serve_thirty_days(tmp_path: Path, tle: Path) -> None:
    start = np.datetime64("2019-12-25", "ms")
    with pytest.raises(TrainError, match="elements of 2019-11-18T12:00:00 serve 30 days"):
        simulate_mission(
            "cses", start, start + np.timedelta64(1, "D"), 1, 0.0, tmp_path / "out", tle=tle
        )
    with pytest.raises(ValueError, match="serve mission cses alone, not demeter"):
        simulate_mission(
            "demeter", np.datetime64("2006-05-01"), np.datetime64("2006-05-02"), 1, 0.0,
            tmp_path / "out", tle=tle,
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("", ""), "no line 1 of 69 characters"),
        ((right(LINES[0]), LINES[1][:40]), "no line 2 of 69 characters"),
        ((right(LINES[0])[:68] + "x", right(LINES[1])), "line 1 has the checksum x"),
        ((right(LINES[0].replace("99999U", "99998U")), right(LINES[1])), "of 99998 and 99999"),
        ((right(LINES[0]), right(LINES[1].replace(" 97.4000", " 9a.4000"))), "elements.txt"),
    ],
)
def test_other_text_is_refused_in_one_line(
    tmp_path: Path, lines: tuple[str, str], message: str
) -> None:
    path = tmp_path / "elements.txt"
    path.write_text("\n".join(lines), encoding="ascii")
    with pytest.raises(TrainError, match=message) as caught:
        read_two_line(path)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "elements.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrainError, match="not a text file"):
        read_two_line(path)
    with pytest.raises(TrainError, match="No such file"):
        read_two_line(tmp_path / "absent.txt")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_encoding_is_known_by_the_bytes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "elements.txt"
    path.write_text("CSES\n" + "\n".join(map(right, LINES)), encoding=encoding)
    assert read_two_line(path).lines == tuple(map(right, LINES))


def test_the_real_elements_have_their_local_time_and_altitude(shared_data: Path) -> None:
    found = sorted(shared_data.glob("tle_cses01_*.txt"))
    if not found:
        pytest.skip("../shared/data is absent: no tle_cses01_*.txt in it")
    elements = read_two_line(found[0])
    assert str(elements.epoch.astype("M8[D]")) == "2019-11-18"
    day = elements.epoch.astype("M8[D]")
    found_orbits = list(half_orbits("cses", day, day + np.timedelta64(1, "D"), elements.satrec))
    hours, heights = [], []
    for one in found_orbits:
        heights.append(one.radius_km - geometry.ellipsoid_radius(one.latitude))
        if one.direction == 1:
            at = int(np.argmin(np.abs(one.latitude)))
            hours.append(geometry.local_time(one.time[[at]], one.longitude[[at]])[0])
    assert len(hours) in (15, 16)
    assert np.mean(hours) == pytest.approx(1.89, abs=0.02)
    # Above the ellipsoid, at |latitude| <= 70.
    height = np.concatenate(heights)
    assert height.min() == pytest.approx(497.0, abs=2.0)
    assert height.max() == pytest.approx(542.0, abs=2.0)
