from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.ledger import AlarmRecord, Ledger
from edge.results import Alarm
from edge.station.alarms import StationAlarm, compare, message, write_alarms

NOW = 1_600_000_000.0  # 2020-09-13
ALARM = Alarm(
    half_orbit="CSES_096791",
    start="2020-09-12T20:00:00.000Z",
    end="2020-09-12T20:01:00.000Z",
    time="2020-09-12T20:00:30.000Z",
    latitude=10.0,
    longitude=179.5,
    peak=0.99,
    windows=21,
    radius_km=150.0,
    valid_until="2020-09-14T20:00:30.000Z",
    trained_on="simulated",
)


def changed(**values: Any) -> Alarm:
    return msgspec.structs.replace(ALARM, **values)


def first(*alarms: Alarm) -> list[AlarmRecord]:
    return compare([], alarms, 1, NOW)[0]


def test_an_alarm_is_new_once() -> None:
    records, news = compare([], [ALARM], 1, NOW)
    assert [(n.state, n.revision, n.expired_on_arrival) for n in news] == [("new", 1, False)]
    again, none = compare(records, [ALARM], 2, NOW + 3600)
    assert again == records
    assert none == []


def test_one_that_came_too_late_says_so() -> None:
    _, (news,) = compare([], [ALARM], 1, NOW + 10 * 86400)
    assert news.expired_on_arrival
    assert news.known_at == "2020-09-23T12:26:40.000Z"


def test_a_late_payload_moves_an_alarm_or_takes_it_back() -> None:
    moved = changed(time="2020-09-12T20:00:45.000Z", peak=0.97)
    records, (news,) = compare(first(ALARM), [moved], 2, NOW)
    assert (news.state, news.revision, news.alarm) == ("changed", 2, moved)
    assert [r.time for r in records] == [moved.time]
    records, (news,) = compare(records, [], 3, NOW)
    assert (records, news.state) == ([], "withdrawn")
    elsewhere = changed(start="2020-09-12T20:10:00.000Z", end="2020-09-12T20:11:00.000Z")
    _, news_ = compare(first(ALARM), [elsewhere], 2, NOW)
    assert sorted(n.state for n in news_) == ["new", "withdrawn"]


def test_an_alarm_that_stands_again_is_other_news() -> None:
    before, (new,) = compare([], [ALARM], 1, NOW)
    _, (gone,) = compare(before, [], 2, NOW)
    _, (again,) = compare([], [ALARM], 3, NOW)
    assert len({message(news)[1] for news in (new, gone, again)}) == 3


def test_the_same_news_has_the_same_key() -> None:
    (one,), (two,) = compare([], [ALARM], 1, NOW)[1], compare([], [ALARM], 1, NOW + 60)[1]
    assert message(one)[:2] == message(two)[:2]
    (withdrawn,) = compare(first(ALARM), [], 2, NOW)[1]
    assert message(withdrawn)[1] != message(one)[1]


def test_the_files_hold_the_recent_alarms_across_the_antimeridian(tmp_path: Path) -> None:
    old = changed(half_orbit="CSES_090001", time="2020-01-01T00:00:00.000Z")
    records = [*first(old), *first(ALARM)]
    write_alarms(tmp_path, records)
    (line,) = (tmp_path / "alarms.jsonl").read_text().splitlines()
    assert msgspec.json.decode(line, type=StationAlarm).alarm == ALARM
    (feature,) = json.loads((tmp_path / "alarms.geojson").read_text())["features"]
    assert feature["properties"]["peak"] == 0.99
    assert feature["properties"]["trained_on"] == "simulated"
    west, east = feature["geometry"]["coordinates"]
    lons = {lon for (ring,) in (west, east) for lon, _ in ring}
    assert min(lons) == -180.0
    assert max(lons) == 180.0
    write_alarms(tmp_path, [])
    assert (tmp_path / "alarms.jsonl").read_bytes() == b""


@pytest.mark.parametrize("longitude", [0.0, 179.5, -180.0])
@pytest.mark.parametrize("latitude", [-89.9, -45.0, 0.0, 89.9])
def test_the_file_is_geojson_by_its_rules(
    tmp_path: Path, latitude: float, longitude: float
) -> None:
    write_alarms(tmp_path, first(changed(latitude=latitude, longitude=longitude)))
    found = json.loads((tmp_path / "alarms.geojson").read_text())
    assert found["type"] == "FeatureCollection"
    (feature,) = found["features"]
    assert set(feature) == {"type", "geometry", "properties"}
    assert feature["geometry"]["type"] == "MultiPolygon"
    for (ring,) in feature["geometry"]["coordinates"]:
        assert len(ring) >= 4
        assert ring[0] == ring[-1]
        assert all(-180.0 <= x <= 180.0 and -90.0 <= y <= 90.0 for x, y in ring)
        # Counterclockwise: what is within lies to the left.
        assert sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in itertools.pairwise(ring)) > 0.0


def test_the_outbox_tells_a_message_once(tmp_path: Path) -> None:
    (news,) = compare([], [ALARM], 1, NOW)[1]
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for _ in range(2):
            ledger.record(messages=[message(news)], now=NOW)
        (found,) = ledger.messages(NOW)
        assert json.loads(found.content)["alarm"]["half_orbit"] == "CSES_096791"
        ledger.told(found, NOW)
        ledger.record(messages=[message(news)], now=NOW)
        assert ledger.messages(NOW + 1e6) == []


@pytest.mark.parametrize("latitude", [-89.9, 89.9])
def test_a_circle_over_a_pole_is_whole(tmp_path: Path, latitude: float) -> None:
    write_alarms(tmp_path, first(changed(latitude=latitude)))
    (feature,) = json.loads((tmp_path / "alarms.geojson").read_text())["features"]
    lats = [lat for (ring,) in feature["geometry"]["coordinates"] for _, lat in ring]
    assert max(lats, key=abs) == (90.0 if latitude > 0 else -90.0)
