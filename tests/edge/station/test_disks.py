"""Disks that are full: nothing is lost, nothing is blamed, and one line says it."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.ledger import LEDGER_FILE

Reference = Callable[..., dict[str, bytes]]
# Beyond every pause of an attempt.
LATER_S = 7 * 3600.0


def is_full(station: Any, **more: Any) -> int:
    """Run on a full disk; how many half-orbits have a result."""
    done = station.run(**more)
    (line,) = done.lines()
    assert done.code == 2
    assert "disk" in line or "space" in line or "File too large" in line, line
    station.nothing_is_blamed()
    assert list(station.out.glob(".*.tmp")) == []
    return len({n.partition(".")[0] for n in station.results()})


def is_well_again(station: Any, reference: dict[str, bytes], **more: Any) -> None:
    done = station.run(STATION_CLOCK=LATER_S, **more)
    assert (done.code, done.lines()) == (0, []), done.err
    station.is_whole(reference)


@pytest.mark.parametrize("kilobytes", [300, pytest.param(32, marks=pytest.mark.slow)])
def test_a_full_output_folder(
    station: Any, disk: Callable[[str], Path], reference: Reference, kilobytes: int
) -> None:
    station.out = disk(f"{kilobytes}k")
    is_full(station)
    disk("64m")
    is_well_again(station, reference())


@pytest.mark.slow
def test_an_output_folder_that_is_full_at_any_place(
    new_station: Any, dozen: list[Path], disk: Callable[[str], Path], reference: Reference
) -> None:
    station = new_station(dozen)
    station.out = disk("4k")
    done = []
    # Again and again a little more room, so that it ends in a ledger and in each result.
    for kilobytes in (4, 16, 40, 60, 64, 68, 72, 80, 100, 150, 260, 500, 501, 502, 900, 1400):
        disk(f"{kilobytes}k")
        done.append(is_full(station))
    print(f"\nhalf-orbits with a result, disk by disk: {done}")
    assert done == sorted(done)
    assert done[-1] > 2
    disk("64m")
    is_well_again(station, reference())


@pytest.mark.slow
def test_a_ledger_whose_disk_is_full(
    new_station: Any, dozen: list[Path], disk: Callable[[str], Path], reference: Reference
) -> None:
    station = new_station(dozen)
    station.out.mkdir()
    # SQLite writes its journal beside the file that the link leads to.
    (station.out / LEDGER_FILE).symlink_to(disk("4k") / LEDGER_FILE)
    done = []
    for kilobytes in (4, 20, *range(60, 140, 4)):
        disk(f"{kilobytes}k")
        before = station.statuses()
        result = station.run()
        done.append(len([s for s in station.statuses().values() if s == "done"]))
        station.nothing_is_blamed()
        # A ledger that has room ends well.
        assert result.code in (0, 2)
        assert (result.code == 0) == (result.lines() == [])
        assert len(result.lines()) <= 1
        assert done[-1] >= len([s for s in before.values() if s == "done"])
    print(f"\nhalf-orbits in the ledger, disk by disk: {done}")
    disk("64m")
    is_well_again(station, reference())


@pytest.mark.parametrize(
    "kilobytes",
    [24, *(pytest.param(k, marks=pytest.mark.slow) for k in (0, 4, 60, 70, 100))],
)
def test_files_that_may_not_grow(station: Any, reference: Reference, kilobytes: int) -> None:
    bound = station.limit(resource.RLIMIT_FSIZE, 1024 * kilobytes)
    for _ in range(2):
        is_full(station, preexec_fn=bound)
    is_well_again(station, reference())


_SLOW = [
    pytest.param(number, name, marks=pytest.mark.slow)
    for number in ("EIO", "EROFS", "EDQUOT", "EFBIG", "ENOSPC")
    for name in ("alarms.jsonl", "alarms.geojson", "status.json", "report.html")
    if (number, name) not in (("ENOSPC", "alarms.geojson"), ("EIO", "status.json"))
]


@pytest.mark.parametrize(
    ("number", "name"), [("ENOSPC", "alarms.geojson"), ("EIO", "status.json"), *_SLOW]
)
def test_what_lies_beside_the_results_cannot_be_written(
    station: Any, reference: Reference, eager: str, tmp_path: Path, number: str, name: str
) -> None:
    told = tmp_path / "told.jsonl"
    settings = {
        "EDGE_SCORE_BUNDLE": eager,
        "EDGE_SCORE_PAGE": "true",
        "EDGE_SCORE_ON_ALARM": f"cat >> {told}",
    }
    # More often than a half-orbit is tried before it is given up.
    for attempt in range(6):
        done = station.run(
            STATION_CLOCK=attempt * LATER_S, STATION_FAULTS=f"fsync:{number}:{name}", **settings
        )
        station.nothing_is_blamed()
        if name.startswith("alarms"):
            (line,) = done.lines()
            assert (done.code, "alarms of" in line) == (2, True)
            assert not told.exists()
        else:
            # The results come first; a file whose time is old says the rest.
            assert (done.code, done.lines()) == (0, [])
    done = station.run(STATION_CLOCK=7 * LATER_S, **settings)
    assert (done.code, done.lines()) == (0, []), done.err
    station.is_whole(reference(EDGE_SCORE_BUNDLE=eager))
    listed = (station.out / "alarms.jsonl").read_text(encoding="utf-8").splitlines()
    assert set(listed) <= set(told.read_text(encoding="utf-8").splitlines())
    assert json.loads((station.out / "status.json").read_bytes())["retried"] == []
    assert (station.out / "report.html").stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [4, 60, 200])
def test_a_full_disk_for_compiled_code_costs_time_alone(
    station: Any, disk: Callable[[str], Path], reference: Reference, kilobytes: int
) -> None:
    cache = disk(f"{kilobytes}k")
    done = station.run(NUMBA_CACHE_DIR=cache)
    assert (done.code, done.lines()) == (0, []), done.err
    station.is_whole(reference())
    for path in station.out.glob("*"):
        path.unlink()
    # What was cut off by the full disk is no trap once there is room.
    disk("64m")
    is_well_again(station, reference(), NUMBA_CACHE_DIR=cache)
