"""What the page of a station shows, read from its ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from edge.bundle import Card, load_card
from edge.errors import BundleError, InputError
from edge.ledger import SCORED, HalfOrbitRecord, Ledger, RunRecord, ledger_of
from edge.readers.names import parse_name
from edge.station.alarms import StationAlarm, standing_alarms


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file that could not be used, though its half-orbit may be scored.

    Attributes
    ----------
    path : str
        Below the inbox.
    first_seen : float
        Seconds since 1970.
    """

    path: str
    reason: str
    first_seen: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StationView:
    """All that the page shows.

    Attributes
    ----------
    name : str
        Of the output folder.
    as_of : float or None
        Seconds since 1970 of the ledger's newest entry; the page's "now".
    half_orbits : sequence of HalfOrbitRecord
        By time of acquisition, or by that of its files' names where nothing could be read.
    alarms : sequence of StationAlarm
        By time.
    bad_files : sequence of BadFile
        Of half-orbits that were scored without them, or of none; the newest first.
    waiting : int
        Files that may still grow, and half-orbits that wait for payloads.
    run : RunRecord or None
        The latest.
    card_problem : str
        Why there is none.
    """

    name: str
    as_of: float | None
    half_orbits: Sequence[HalfOrbitRecord]
    alarms: Sequence[StationAlarm]
    bad_files: Sequence[BadFile]
    waiting: int
    run: RunRecord | None
    card: Card | None
    card_problem: str = ""

    @property
    def simulated(self) -> bool:
        """Whether scores on the page come from a model that was trained on simulation."""
        trained = any(known.alarm.trained_on == "simulated" for known in self.alarms)
        return trained or (self.card is not None and self.card.simulated)


def read_view(out: Path, bundle: Path | None = None) -> StationView:
    """Read what the page of a station shows.

    Parameters
    ----------
    out : Path
        Folder of a stream's results and ledger.
    bundle : Path, optional
        The one that ships by default.

    Raises
    ------
    ConfigError
        There is no ledger.
    LedgerError
        It cannot be read.
    """
    path = ledger_of(out)
    card, problem = None, ""
    try:
        card = load_card(bundle)
    except BundleError as error:
        problem = str(error)
    with Ledger(path) as ledger:
        records = ledger.half_orbits()
        files = ledger.rows(
            "SELECT path, half_orbit, reason, first_seen FROM file "
            "WHERE status IN ('failed', 'refused') ORDER BY first_seen DESC, path"
        )
        undated = ledger.rows(
            "SELECT half_orbit, path FROM file WHERE half_orbit IN "
            '(SELECT key FROM half_orbit WHERE "start" IS NULL) ORDER BY path',
            (),
        )
        alarms = standing_alarms(ledger)
        waiting, run, seen = len(ledger.waiting()), ledger.last_run(), ledger.last_arrival()
    times = [t for r in records.values() for t in (r.done_at, r.tried_at) if t]
    times += [t for t in (seen, run and run.started, run and run.ended) if t]
    dates = {key: date for key, name in undated if (date := _date(name))}
    half_orbits = [r if r.start else replace(r, start=dates.get(r.key)) for r in records.values()]
    return StationView(
        name=out.resolve().name,
        as_of=max(times, default=None),
        half_orbits=sorted(half_orbits, key=lambda r: (r.start or "", r.key)),
        alarms=alarms,
        bad_files=[
            BadFile(name, reason, first_seen)
            for name, key, reason, first_seen in files
            if key not in records or records[key].status in SCORED
        ],
        waiting=waiting,
        run=run,
        card=card,
        card_problem=problem,
    )


def utc(seconds: float) -> datetime:
    """Seconds since 1970 as a time of UTC, held within what a calendar can say."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), 4e9), UTC)


def minute(seconds: float) -> str:
    """Write seconds since 1970 to the minute."""
    return f"{utc(seconds):%Y-%m-%d %H:%M} UTC"


def to_minute(time: str | None) -> str:
    """Cut a time of a result to the minute."""
    return (time or "")[:16].replace("T", " ")


_STATES = {
    "done": "scored",
    "insufficient": "insufficient",
    "day": "day",
    "failed": "failed",
    "given up": "failed",
}


def state_of(record: HalfOrbitRecord) -> str:
    """Say what became of a half-orbit: scored, insufficient, day, failed or open."""
    return _STATES.get(record.status, "open")


def _date(path: str) -> str | None:
    """When a file was taken, by its name."""
    try:
        return parse_name(Path(path)).start.isoformat(timespec="milliseconds") + "Z"
    except InputError:
        return None
