"""The state of a station, told from its output folder in a moment."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.bundle import default_bundle_path, load_card
from edge.errors import ConfigError, EdgeError, InputError
from edge.ledger import DONE, Ledger, ledger_of
from edge.outputs import replace_file
from edge.readers.names import parse_name
from edge.show.report import counted
from edge.station.alarms import StationAlarm, alarm_id, stamp, standing_alarms
from edge.versions import code_version, installed_runtime

STATUS_FILE = "status.json"
#: Hours after which a run, or a file, is missed.
MAX_AGE_H = 48.0
_DAY_S = 86_400.0
#: Below either, the disk needs a person.
MIN_FREE_BYTES = 200 * 1024 * 1024
_MIN_FREE_DAYS = 7.0
# A rate of writing says nothing of what comes later.
_MAX_FULL_DAYS = 3652.0
_NAMED = 20
# Half-orbits that are missing between two of a satellite's; more is a pause of the mission.
_MAX_GAP = 200
_STATES = ("waiting", "running", "done", "day", "insufficient", "retry", "failed", "given up")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Half-orbits that came to an end in a span of time."""

    scored: int
    insufficient: int
    day: int
    failed: int
    alarms: int


class Trouble(msgspec.Struct, frozen=True):
    """A half-orbit that failed, is retried or was given up, with the reason."""

    half_orbit: str
    reason: str


class StationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What `edge-score status --json` prints; times are UTC.

    Attributes
    ----------
    time : str
        When the station was looked at.
    attention : list of str
        What needs a person; empty where all is well.
    last_run, last_arrival, last_done : str or None
        End of the last run, arrival of the newest file, and when a half-orbit was finished last.
    last_exit : int or None
        None of a run that goes on or was killed.
    last_success : str or None
        End of the last run with exit code 0, or of the last turn of a watcher.
    runs : int
        How many there were, ever.
    last_half_orbit, last_acquisition : str or None
        By time of acquisition, and the end of it.
    day, week : Counts
        Of the last 24 hours and 7 days.
    states : dict of str to int
        Half-orbits of the ledger by state: ``waiting``, ``running``, ``done``, ``day``,
        ``insufficient``, ``retry``, ``failed``, ``given up``. One that waits for a late payload
        has another state, too.
    waiting : int
        Files that may still grow, and files of half-orbits that wait for payloads.
    held_back : list of str
        Half-orbits of these files.
    running : list of str
        At their first attempt.
    retried, failed, given_up : list of Trouble
        Tried before without coming to an end; failed ones of the last 7 days.
    alarms : list of StationAlarm
        Those that are still valid.
    gaps : list of str
        Night half-orbits of the last 7 days that never came, by their numbers.
    days_until_full : float or None
        At the rate of the last 7 days.
    bundle_days : float
        Since the bundle's card was written.
    """

    time: str
    attention: list[str]
    last_run: str | None
    last_exit: int | None
    last_success: str | None
    runs: int
    last_arrival: str | None
    last_done: str | None
    last_half_orbit: str | None
    last_acquisition: str | None
    day: Counts
    week: Counts
    states: dict[str, int]
    waiting: int
    held_back: list[str]
    running: list[str]
    retried: list[Trouble]
    failed: list[Trouble]
    given_up: list[Trouble]
    alarms: list[StationAlarm]
    gaps: list[str]
    free_bytes: int
    results_bytes: int
    days_until_full: float | None
    bundle: str
    bundle_days: float
    trained_on: str
    code_version: str
    runtime: str


def station_status(
    out: Path, bundle: Path | None, now: float, max_age_h: float = MAX_AGE_H
) -> StationStatus:
    """Look at a station.

    Parameters
    ----------
    out : Path
        Folder of a stream's results and ledger.
    bundle : Path, optional
        The one that ships by default.
    now : float
        Seconds since 1970.
    max_age_h : float, optional
        Hours after which a run, or an arrival, is missed.

    Raises
    ------
    ConfigError
        There is no ledger.
    LedgerError
        It cannot be read.
    """
    path = ledger_of(out)
    attention: list[str] = []
    bundle = bundle or default_bundle_path()
    name, days, trained_on = bundle.name, 0.0, "unknown"
    try:
        card = load_card(bundle)
        name, trained_on = card.name, card.trained_on
        days = (now - (bundle / "card.json").stat().st_mtime) / _DAY_S
    except (EdgeError, OSError) as error:
        attention.append(f"bundle: {error}")
    try:
        runtime = installed_runtime()
    except ConfigError as error:
        runtime = "none"
        attention.append(str(error))
    with Ledger(path, read_only=True) as ledger:
        run = ledger.last_run()
        arrival = ledger.last_arrival()
        done = _one(ledger, "SELECT max(done_at) FROM half_orbit")
        latest = ledger.rows('SELECT key, "end" FROM half_orbit ORDER BY "start" DESC LIMIT 1')
        success = _one(
            ledger,
            "SELECT max(ended) FROM run WHERE exit_code = 0 OR exit_code IS NULL AND ended > 0",
        )
        week = now - 7 * _DAY_S
        states = dict(ledger.rows("SELECT status, count(*) FROM half_orbit GROUP BY status"))
        # Of a half-orbit at its second attempt the first one ended the process.
        running = _trouble(ledger, "status = 'running' AND attempts <= 1")
        retried = _trouble(ledger, "status = 'retry' OR status = 'running' AND attempts > 1")
        failed = _trouble(ledger, "status = 'failed' AND done_at >= ?", week)
        given_up = _trouble(ledger, "status = 'given up'")
        written = _one(
            ledger,
            "SELECT sum(size) FROM result JOIN half_orbit ON half_orbit = key WHERE done_at >= ?",
            week,
        )
        results = _one(ledger, "SELECT sum(size) FROM result")
        waiting = ledger.waiting()
        inputs = _one(
            ledger,
            f"SELECT sum(size) FROM file WHERE status IN ({', '.join('?' * len(DONE))}) "
            "AND path NOT IN (SELECT name FROM pruned WHERE kind = 'input')",
            *DONE,
        )
        alarms = [a for a in standing_alarms(ledger) if a.alarm.valid_until >= stamp(now)]
        counts = [_counts(ledger, since) for since in (now - _DAY_S, week)]
        gaps = _gaps(ledger, week)
        told = _one(ledger, "SELECT count(*) FROM outbox WHERE done_at IS NULL AND attempts > 0")
    held_back = sorted(set(map(_waits, waiting)))
    free = shutil.disk_usage(out).free
    rate = written / 7.0
    until_full = free / rate if rate > 0 else None
    last = None if run is None else run.ended or run.started
    if last is None or now - last > max_age_h * 3600.0:
        attention.append(f"no run for {_hours(now, last)}; expected one within {max_age_h:g} h")
    if not arrival or now - arrival > max_age_h * 3600.0:
        attention.append(f"no file came for {_hours(now, arrival)}; expected {max_age_h:g} h")
    if given_up:
        attention.append(
            f"{counted(len(given_up), 'half-orbit')} given up, {given_up[0].half_orbit} first"
        )
    if failed:
        attention.append(
            f"{counted(len(failed), 'half-orbit')} failed, {failed[0].half_orbit} first"
        )
    if retried:
        attention.append(
            f"{counted(len(retried), 'half-orbit')} to be tried again, "
            f"{retried[0].half_orbit} first"
        )
    if told:
        attention.append(f"{counted(int(told), 'message')} not taken by on_alarm or on_failure")
    if free < MIN_FREE_BYTES or (until_full is not None and until_full < _MIN_FREE_DAYS):
        left = _full(until_full)
        if inputs + results > 0:
            left += (
                "; keep_input_days and keep_results_days (edge-score prune) can free up to "
                f"{(inputs + results) / 1e6:.0f} MB"
            )
        attention.append(f"disk: {free / 1e6:.0f} MB free{left}")
    return StationStatus(
        time=stamp(now),
        attention=attention,
        last_run=_stamp(last),
        last_exit=None if run is None else run.exit_code,
        last_success=_stamp(success),
        runs=0 if run is None else run.id,
        last_arrival=_stamp(arrival),
        last_done=_stamp(done),
        last_half_orbit=latest[0][0] if latest else None,
        last_acquisition=latest[0][1] if latest else None,
        day=counts[0],
        week=counts[1],
        states={s: states.get(s, 0) for s in _STATES} | {"waiting": len(held_back)},
        waiting=len(waiting),
        held_back=held_back,
        running=[t.half_orbit for t in running],
        retried=retried,
        failed=failed,
        given_up=given_up,
        alarms=alarms,
        gaps=gaps,
        free_bytes=free,
        results_bytes=int(results),
        days_until_full=None if until_full is None else round(until_full, 1),
        bundle=name,
        bundle_days=round(days, 1),
        trained_on=trained_on,
        code_version=code_version(),
        runtime=runtime,
    )


def write_status(out: Path, bundle: Path | None, now: float) -> StationStatus:
    """Replace ``status.json`` in the output folder; a file that grows old is a heart that stopped.

    Parameters
    ----------
    now : float
        Seconds since 1970.

    Returns
    -------
    StationStatus
        What was written.

    Raises
    ------
    OSError, LedgerError
    """
    status = station_status(out, bundle, now)
    content = msgspec.json.format(msgspec.json.encode(status), indent=1)
    replace_file(out / STATUS_FILE, content + b"\n")
    return status


def status_table(status: StationStatus) -> Iterator[str]:
    """Lines for a person; the first says whether one is needed."""
    s = status
    yield "all is well" if not s.attention else f"NEEDS YOU: {s.attention[0]}"
    yield from (f"           {text}" for text in s.attention[1:])
    exit_code = "" if s.last_exit is None else f", exit code {s.last_exit}"
    yield f"last run        {s.last_run or 'never'}{exit_code}"
    yield f"last arrival    {s.last_arrival or 'never'}"
    yield f"last half-orbit {s.last_half_orbit or 'none'}, finished {s.last_done or 'never'}"
    for name, c in (("24 hours", s.day), ("7 days", s.week)):
        yield (
            f"{name:<15} {c.scored} scored, {c.insufficient} without enough data, {c.day} day "
            f"side, {c.failed} failed; {counted(c.alarms, 'alarm')}"
        )
    yield "half-orbits     " + ", ".join(f"{n} {state}" for state, n in s.states.items())
    for name, keys in (("waiting", s.held_back), ("running", s.running)):
        more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
        yield f"{name:<15} {', '.join(keys[:_NAMED]) or 'none'}{more}"
    for name, found in (("retried", s.retried), ("failed", s.failed), ("given up", s.given_up)):
        yield f"{name:<15} {len(found) or 'none'}"
        yield from (f"  {t.half_orbit}: {t.reason}" for t in found[:_NAMED])
    yield f"valid alarms    {len(s.alarms) or 'none'}"
    for item in s.alarms:
        a = item.alarm
        yield (
            f"  {alarm_id(a)} lat {a.latitude} lon {a.longitude} score {a.peak} "
            f"until {a.valid_until}"
        )
    yield f"never came      {', '.join(s.gaps[:_NAMED]) or 'none'}"
    yield (
        f"disk            {s.free_bytes / 1e9:.2f} GB free{_full(s.days_until_full)}; "
        f"results {s.results_bytes / 1e6:.1f} MB"
    )
    yield f"bundle          {s.bundle}, {s.bundle_days:g} days old, trained on {s.trained_on} data"
    yield f"version         {s.code_version}, {s.runtime}"


def _one(ledger: Ledger, query: str, *values: float | str) -> float:
    return float(ledger.rows(query, values)[0][0] or 0.0)


def _trouble(ledger: Ledger, where: str, *values: float) -> list[Trouble]:
    rows = ledger.rows(f"SELECT key, reason FROM half_orbit WHERE {where} ORDER BY key", values)
    return [Trouble(*row) for row in rows]


def _counts(ledger: Ledger, since: float) -> Counts:
    row = ledger.rows(
        "SELECT sum(status = 'done'), sum(status = 'insufficient'), sum(status = 'day'), "
        "sum(status IN ('failed', 'given up')), sum(alarms) FROM half_orbit WHERE done_at >= ?",
        (since,),
    )[0]
    scored, insufficient, day, failed, alarms = (value or 0 for value in row)
    return Counts(scored=scored, insufficient=insufficient, day=day, failed=failed, alarms=alarms)


def _waits(key: str) -> str:
    """Half-orbit of a row of the ledger's waiting table; the file, where its name tells none."""
    path = key.partition(" ")[2]
    try:
        return parse_name(path).half_orbit
    except InputError:
        return path


def _gaps(ledger: Ledger, since: float) -> list[str]:
    """Night half-orbits between the first and the last of each satellite that never came."""
    # One that failed did come, and is told with its reason.
    came = {key for (key,) in ledger.rows("SELECT key FROM half_orbit")}
    rows = ledger.rows(
        "SELECT key FROM half_orbit WHERE side = 'night' AND \"end\" >= ?", (stamp(since),)
    )
    orbits: dict[str, set[int]] = {}
    for (key,) in rows:
        satellite, _, number = key.rpartition("_")
        if number[:-1].isdigit() and number[-1] == "1":
            orbits.setdefault(satellite, set()).add(int(number[:-1]))
    return [
        key
        for satellite, found in sorted(orbits.items())
        if max(found) - min(found) - len(found) < _MAX_GAP
        for orbit in range(min(found), max(found))
        if (key := f"{satellite}_{orbit:05d}1") not in came
    ]


def _full(days: float | None) -> str:
    return "" if days is None or days > _MAX_FULL_DAYS else f", full in {days:.1f} days"


def _stamp(time: float | None) -> str | None:
    return stamp(time) if time else None


def _hours(now: float, then: float | None) -> str:
    return f"{(now - then) / 3600.0:.0f} h" if then else "ever"
