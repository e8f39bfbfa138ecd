"""Alarms of a station: what changed with a half-orbit, and two files that hold them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from edge.circles import circle
from edge.errors import LedgerError
from edge.ledger import LEDGER_FILE, AlarmRecord, Ledger
from edge.outputs import replace_files
from edge.results import SCHEMA, Alarm

JSONL_FILE, GEOJSON_FILE = "alarms.jsonl", "alarms.geojson"
#: Days before the newest alarm that the files reach back; the results hold every alarm.
DAYS_KEPT = 30

_encoder = msgspec.json.Encoder()


class StationAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as the station knows it.

    Attributes
    ----------
    revision : int
        Of the half-orbit's results, that said so first in this form.
    state : {"new", "changed", "withdrawn"}
        Against the results before: a late payload may move an alarm, or take it back.
    known_at : str
        UTC when the station found it, by its own clock.
    expired_on_arrival : bool
        Whether it was no longer valid by then.
    id : str
        ``<half-orbit>@<time of the peak>``, which `edge-score explain` takes.
    schema : int
        See `edge.results.SCHEMA`.
    """

    revision: int
    state: str
    known_at: str
    expired_on_arrival: bool
    alarm: Alarm
    id: str = ""
    schema: int = SCHEMA


def alarm_id(alarm: Alarm) -> str:
    """Name an alarm."""
    return f"{alarm.half_orbit}@{alarm.time}"


def station_alarm(alarm: Alarm, revision: int, state: str, known_at: str) -> StationAlarm:
    """Say of an alarm when the station came to know it, and whether that was too late.

    Parameters
    ----------
    revision : int
        Of the half-orbit's results.
    state : {"new", "changed", "withdrawn"}
    known_at : str
        UTC.
    """
    return StationAlarm(
        revision=revision,
        state=state,
        known_at=known_at,
        expired_on_arrival=alarm.valid_until < known_at,
        alarm=alarm,
        id=alarm_id(alarm),
    )


def compare(
    before: Sequence[AlarmRecord], alarms: Iterable[Alarm], revision: int, now: float
) -> tuple[list[AlarmRecord], list[StationAlarm]]:
    """Hold a half-orbit's alarms against those of its results before.

    Parameters
    ----------
    revision : int
        Of the new results.
    now : float
        Seconds since 1970.

    Returns
    -------
    records : list of AlarmRecord
        Those that stand now; one that did not change keeps its revision. Kp that became known
        is no change: an upgrade that scores all again would have it told of every alarm.
    news : list of StationAlarm
        What is to be told: new, changed and withdrawn ones.
    """
    known_at = stamp(now)
    known = {r: msgspec.json.decode(r.content, type=StationAlarm) for r in before}
    old = {_but_kp(found.alarm): r for r, found in known.items()}
    records: list[AlarmRecord] = []
    news: list[StationAlarm] = []
    replaced: set[AlarmRecord] = set()
    kept: set[AlarmRecord] = set()
    for alarm in alarms:
        if (same := old.get(_but_kp(alarm))) is not None:
            kept.add(same)
            as_known = msgspec.structs.replace(known[same], alarm=alarm, id=alarm_id(alarm))
            records.append(alarm_record(as_known))
            continue
        # Runs of windows that overlap are one alarm that moved.
        moved = [r for a, r in old.items() if a.start <= alarm.end and alarm.start <= a.end]
        replaced.update(moved)
        found = station_alarm(alarm, revision, "changed" if moved else "new", known_at)
        news.append(found)
        records.append(alarm_record(found))
    for record, station in known.items():
        if record not in kept and record not in replaced:
            news.append(station_alarm(station.alarm, revision, "withdrawn", known_at))
    return records, news


def standing_alarms(ledger: Ledger) -> list[StationAlarm]:
    """Alarms as they stand in the results, by time.

    Raises
    ------
    LedgerError
        The ledger cannot be read, or what it holds is no alarm.
    """
    try:
        return [msgspec.json.decode(a.content, type=StationAlarm) for a in ledger.alarms()]
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise LedgerError(f"{LEDGER_FILE}: alarm: {error}") from None


def message(news: StationAlarm) -> tuple[str, str, str]:
    """Row of the outbox: kind, a key that is the same for the same news, and JSON."""
    alarm = news.alarm
    # One that was withdrawn and stands again is news, of another revision.
    key = (
        f"{alarm.half_orbit} {alarm.time} {news.state} {alarm.peak} {alarm.windows} {news.revision}"
    )
    return "alarm", key, _encoder.encode(news).decode()


def write_alarms(out: Path, records: Iterable[AlarmRecord]) -> None:
    """Replace the two files with the recent alarms that stand.

    Parameters
    ----------
    records : iterable of AlarmRecord
        In order of time.

    Raises
    ------
    OSError
        The folder cannot be written to; the files are as they were.
    """
    lines = [record.content for record in recent(list(records))]
    features = []
    for line in lines:
        station = msgspec.json.decode(line, type=StationAlarm)
        properties = msgspec.to_builtins(station)
        properties |= properties.pop("alarm")
        rings = circle(station.alarm.latitude, station.alarm.longitude, station.alarm.radius_km)
        geometry = {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    collection = {"type": "FeatureCollection", "features": features}
    replace_files(
        {
            out / JSONL_FILE: "".join(f"{line}\n" for line in lines).encode(),
            out / GEOJSON_FILE: _encoder.encode(collection) + b"\n",
        }
    )


def recent(records: Sequence[AlarmRecord]) -> list[AlarmRecord]:
    """Those of the last `DAYS_KEPT` days before the newest, which the two files hold.

    Parameters
    ----------
    records : sequence of AlarmRecord
        In order of time.
    """
    if not records:
        return []
    newest = datetime.fromisoformat(records[-1].time)
    first = stamp((newest - timedelta(days=DAYS_KEPT)).timestamp())
    return [record for record in records if record.time >= first]


def stamp(now: float) -> str:
    """UTC of seconds since 1970, as results write it."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _but_kp(alarm: Alarm) -> Alarm:
    return msgspec.structs.replace(alarm, kp=None, geomagnetic="unknown")


def alarm_record(found: StationAlarm) -> AlarmRecord:
    """Row of the ledger for an alarm that stands."""
    alarm = found.alarm
    content = _encoder.encode(found).decode()
    return AlarmRecord(alarm.half_orbit, alarm.time, found.revision, alarm.valid_until, content)
