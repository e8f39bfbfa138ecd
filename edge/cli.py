"""The command ``edge-score``.

Heavy modules are imported inside the commands: ``--help``, and a run that finds
nothing new, must stay cheap on a small computer.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from edge.entry import Commands, complain, run, say, say_bytes
from edge.errors import ConfigError, EdgeError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import Settings
    from edge.readers.names import FileName
    from edge.scoring import Scorer

_NAME = "edge-score"

app = typer.Typer(
    name=_NAME,
    cls=Commands,
    help="Score night-time windows of CSES and DEMETER half-orbits. Research only.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

BundleOption = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        readable=False,
        help="Folder of the model bundle.",
        show_default="the one that ships",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", readable=False, help="TOML file with settings.", show_default="none"),
]
NightOption = Annotated[
    Literal["dark", "paper"] | None,
    typer.Option("--night", help="Night rule.", show_default="the card's"),
]
CoverageOption = Annotated[
    float | None,
    typer.Option(
        "--min-coverage",
        min=0.0,
        max=1.0,
        help="Verdict 'insufficient' below it.",
        show_default="the card's",
    ),
]
KpOption = Annotated[
    Path | None,
    typer.Option(
        "--kp",
        readable=False,
        help="GFZ's file of Kp; it says how disturbed the geomagnetic field was.",
        show_default="none",
    ),
]

ToOption = Annotated[
    Path | None,
    typer.Option(
        "--to",
        readable=False,
        help="Folder of bundles.",
        show_default="that of bundle = 'DIR/current' in the settings",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        readable=False,
        help="Results of a stream, to count what it will score again.",
        show_default="none",
    ),
]
InboxOption = Annotated[
    Path | None,
    typer.Option("--inbox", readable=False, help="Inbox of that stream.", show_default="none"),
]


def _show_version(asked: bool) -> None:
    if asked:
        from edge.versions import version_line

        say([version_line(_NAME)])
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Take what stands before the command."""


@app.command()
def score(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", readable=False, help="Payload files.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            readable=False,
            help="Folder for JSON Lines, CSV and GeoJSON results.",
            show_default="none",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line a window.")] = False,
    min_coverage: CoverageOption = None,
    night: NightOption = None,
    kp: KpOption = None,
    bundle: BundleOption = None,
    config: ConfigOption = None,
) -> None:
    """Score payload files; those of one half-orbit are scored together."""
    settings = _settings(config, min_coverage=min_coverage, night=night, kp=kp, bundle=bundle)
    groups, problems = _group(files)
    for error in problems:
        _complain(error)
    failed = bool(problems)
    if not groups:
        raise typer.Exit(2)
    with contextlib.ExitStack() as held:
        if out is not None:
            from edge.ledger import LEDGER_FILE
            from edge.watching import hold

            held.enter_context(hold(out, warn=_complain))
            if (out / LEDGER_FILE).exists():
                raise ConfigError(
                    f"output folder {out.name}: is that of a stream, whose ledger knows its "
                    "results; give another folder, or put the files in the stream's inbox"
                )
        scorer = _scorer(settings, _bundle_path(settings))
        for group in groups:
            failed |= _score(scorer, group, out, json)
    if failed:
        raise typer.Exit(2)


def _score(scorer: Scorer, group: dict[Path, FileName], out: Path | None, json: bool) -> bool:
    """Score one half-orbit and show it; True where a file of it failed."""
    from edge.inbox import unused_payload
    from edge.outputs import json_lines, score_to_disk
    from edge.show.report import half_orbit_table, training_line

    # The reader leaves such files unread; here their user asked for them.
    unused = [unused_payload(path, name, scorer.bundle.profile) for path, name in group.items()]
    problems: list[InputError | str] = [problem for problem in unused if problem]
    if out is not None:
        scored, _ = score_to_disk(scorer, out, group)
    else:
        scored = scorer.score(scorer.read(group))
    problems += [failure.message for failure in scored.failures]
    for problem in problems:
        _complain(problem)
    if scored.summary.status == "scored":
        if json:
            say_bytes(json_lines(scored.windows))
        else:
            say(half_orbit_table(scored))
            say([training_line(scored.summary.trained_on)])
    return bool(problems)


@app.command()
def stream(
    inbox: Annotated[
        Path, typer.Argument(readable=False, help="Folder that payload files arrive in.")
    ],
    out: Annotated[
        Path, typer.Option("--out", readable=False, help="Folder for results and the ledger.")
    ],
    once: Annotated[
        bool, typer.Option("--once", help="Do what lies there and end; else keep watching.")
    ] = False,
    settle: Annotated[
        float | None,
        typer.Option(
            "--settle",
            min=0.0,
            help="Seconds a file must be unchanged.",
            show_default="30, or 0 with --once",
        ),
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait",
            min=0.0,
            help="Seconds to wait for a half-orbit's missing payloads.",
            show_default="0",
        ),
    ] = None,
    min_coverage: CoverageOption = None,
    night: NightOption = None,
    kp: KpOption = None,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Say what waits, and the end of a run without news, too."),
    ] = False,
    log_format: Annotated[
        Literal["text", "json", "journal"] | None,
        typer.Option(
            "--log-format",
            help="Lines with time and level; JSON; or for systemd, which adds the time.",
            show_default="text",
        ),
    ] = None,
) -> None:
    """Score what arrives in a folder, and remember it in OUT/ledger.sqlite."""
    from edge.bundle import profile_and_fingerprint
    from edge.events import Problem
    from edge.ledger import LEDGER_FILE, open_ledger
    from edge.show.report import counted
    from edge.station.diary import Diary
    from edge.station.log import Log
    from edge.station.metrics import check_path
    from edge.station.notify import Notifier
    from edge.stream import Stream
    from edge.watching import hold, watch

    settings = _settings(
        config,
        min_coverage=min_coverage,
        night=night,
        kp=kp,
        bundle=bundle,
        settle=settle,
        wait=wait,
        log_format=log_format,
    )
    log = Log(settings.log_format or "text", once=once, verbose=verbose)
    if amiss := check_path(settings.metrics):
        log.warn(amiss)
    settle_s = settings.settle
    if settle_s is None:
        settle_s = 0.0 if once else 30.0
    if inbox.resolve() == out.resolve():
        raise ConfigError(f"output folder {out.name}: is the inbox; results need another folder")
    stop, look = threading.Event(), threading.Event()
    interrupted: list[int] = []

    def end(number: int, _: object) -> None:
        interrupted.append(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    # A terminal that closes ends no watcher; it is told to look at its inbox now.
    signal.signal(signal.SIGHUP, end if once else lambda *_: look.set())
    # A link to it may be switched while this works: profile, fingerprint and scorer are of one.
    bundle_path = _bundle_path(settings)
    profile, parameters = profile_and_fingerprint(
        bundle_path, settings.night, settings.min_coverage, settings.runtime
    )
    work = Stream(
        inbox,
        out,
        profile,
        parameters,
        lambda: _scorer(settings, bundle_path, log.warn),
        settle_s,
        settings.wait,
        station=True,
    )
    service = Notifier({} if once else os.environ)
    with hold(out, warn=log.warn):
        ledger, notice = open_ledger(out / LEDGER_FILE)
        with ledger:
            diary = Diary(out, ledger, settings, once, inbox)
            if notice:
                log.follow(Problem(notice))
                diary.note(Problem(notice))
            service.ready(inbox.name)
            happenings = (
                work.turn(ledger)
                if once
                else watch(work, ledger, inbox, settings.poll, stop, look, service.beat)
            )
            try:
                for event in happenings:
                    log.follow(event)
                    service.follow(event)
                    for found in diary.note(event):
                        log.follow(found)
                    if stop.is_set():
                        break
            except EdgeError as error:
                log.write("ERROR", "stopped", str(error))
                diary.note(Problem(str(error)))
                diary.end(error.exit_code)
                raise typer.Exit(error.exit_code) from error
            service.stopping()
            given_up = ledger.given_up() if once else []
            code = 2 if diary.failed or given_up else 0
            # To end is what a watcher is told, whatever it met; its lines said that.
            if not once:
                code = 0
            elif interrupted:
                code = 128 + interrupted[0]
            diary.end(code)
    for record in given_up:
        log.write("ERROR", "given up", record.reason, record.key)
    if given_up:
        log.write(
            "ERROR",
            "given up",
            f"{counted(len(given_up), 'half-orbit')} given up: edge-score retry {out.name} tries "
            "them again",
        )
    if code:
        raise typer.Exit(code)


@app.command()
def status(
    out: Annotated[
        Path, typer.Argument(readable=False, help="Folder of a stream's results and ledger.")
    ],
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    max_age: Annotated[
        float,
        typer.Option(
            "--max-age", min=0.1, help="Hours after which a run, or a new file, is missed."
        ),
    ] = 48.0,
    bundle: BundleOption = None,
    config: ConfigOption = None,
) -> None:
    """Tell how a station is: exit code 1, and the reason first, where it needs a person."""
    import time

    from edge.station.status import station_status, status_table

    config = config or _config_beside(out)
    settings = _settings(config, bundle=bundle)
    path = Path(settings.bundle) if settings.bundle else None
    found = station_status(out, path, time.time(), max_age)
    if json:
        from edge.outputs import json_lines

        say_bytes(json_lines([found]))
    else:
        say(status_table(found))
        if config is None and path is None:
            say(["settings        none (--config FILE): the bundle shown is the one that ships"])
    if found.attention:
        raise typer.Exit(1)


@app.command()
def retry(
    out: Annotated[
        Path, typer.Argument(readable=False, help="Folder of a stream's results and ledger.")
    ],
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY]...", help="Half-orbits, such as CSES_096791.", show_default="all"
        ),
    ] = None,
) -> None:
    """Let a stream try half-orbits again that it gave up or holds back after a failure."""
    from edge.ledger import Ledger, ledger_of
    from edge.watching import hold

    path = ledger_of(out)
    with hold(out, warn=_complain), Ledger(path) as ledger:
        due = ledger.retry(keys or [])
    say(f"{key}: tried again by the next edge-score stream" for key in due)
    if not keys and not due:
        say(["nothing is to be tried again: no half-orbit failed or was given up"])
    unknown = sorted(set(keys or []) - set(due))
    if unknown:
        raise ConfigError(
            f"expected half-orbits that failed or were given up, got {', '.join(unknown)}"
        )


@app.command()
def prune(
    out: Annotated[
        Path, typer.Argument(readable=False, help="Folder of a stream's results and ledger.")
    ],
    inbox: Annotated[
        Path | None,
        typer.Option(
            "--inbox",
            readable=False,
            help="Inbox of that stream, to remove files of half-orbits that are done.",
            show_default="none: results alone",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove them; else it is only said what would go.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Say what is older than the settings keep, and remove it with --yes."""
    import time

    from edge.events import Problem
    from edge.ledger import Ledger, ledger_of
    from edge.station.retention import make_plan, plan_lines, remove
    from edge.watching import hold

    settings, path = _settings(config), ledger_of(out)
    if not yes:
        with Ledger(path, read_only=True) as ledger:
            say(plan_lines(make_plan(inbox, out, ledger, settings, time.time())))
        return
    failed = False
    with hold(out, warn=_complain), Ledger(path) as ledger:
        plan = make_plan(inbox, out, ledger, settings, time.time())
        say(plan.notes)
        for event in remove(plan, inbox, out, ledger):
            if isinstance(event, Problem):
                failed = True
                _complain(event.message)
            else:
                say([event.message])
    if failed:
        raise typer.Exit(2)


ledgers = typer.Typer(
    cls=Commands, help="Check a station's ledger, or repair it.", rich_markup_mode=None
)
app.add_typer(ledgers, name="ledger")


@ledgers.command()
def check(
    out: Annotated[
        Path, typer.Argument(readable=False, help="Folder of a stream's results and ledger.")
    ],
) -> None:
    """Say what is wrong with a ledger and with the results it names: exit code 1 where anything."""
    from edge.station.ledger_check import check as look

    found = 0
    for line in look(out):
        found += 1
        say([line])
    if found:
        raise typer.Exit(1)
    say(["nothing is wrong"])


@ledgers.command()
def repair(
    out: Annotated[
        Path, typer.Argument(readable=False, help="Folder of a stream's results and ledger.")
    ],
    bundle: BundleOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a new ledger of what can be read of the old one and of the results; it is kept."""
    import time

    from edge.station.ledger_repair import repair as mend
    from edge.watching import hold

    settings = _settings(config, bundle=bundle)
    with hold(out, warn=_complain):
        for line in mend(out, settings, _bundle_path(settings), time.time()):
            say([line])


bundles = typer.Typer(
    cls=Commands,
    help="Install a bundle beside the one in use, or go back to the one before.",
    rich_markup_mode=None,
)
app.add_typer(bundles, name="bundle")


@bundles.command()
def install(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|FILE", readable=False, help="A bundle, or its .tar.gz or .zip."
        ),
    ],
    to: ToOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check it, say what it costs, install nothing.")
    ] = False,
    out: OutOption = None,
    inbox: InboxOption = None,
    config: ConfigOption = None,
) -> None:
    """Check a bundle in a process of its own, and put it in use as DIR/current."""
    from edge.station import installing
    from edge.watching import hold

    settings, stream = _settings(config), _stream_folders(out, inbox)
    if dry_run:
        for line in installing.dry_run(source, settings, stream):
            say([line])
        return
    folder = installing.bundles_folder(to, settings)
    with hold(folder, f"{_NAME} bundle", warn=_complain):
        for line in installing.install(source, folder, settings, stream):
            say([line])


@bundles.command()
def rollback(
    to: ToOption = None,
    out: OutOption = None,
    inbox: InboxOption = None,
    config: ConfigOption = None,
) -> None:
    """Put the bundle in use again that the current one took the place of."""
    from edge.station import installing
    from edge.watching import hold

    settings, stream = _settings(config), _stream_folders(out, inbox)
    folder = installing.bundles_folder(to, settings)
    if not folder.is_dir():
        raise ConfigError(f"folder {folder.name}: expected one with bundles, got none")
    with hold(folder, f"{_NAME} bundle", warn=_complain):
        for line in installing.roll_back(folder, settings, stream):
            say([line])


@app.command()
def info(
    file: Annotated[Path, typer.Argument(readable=False, help="A payload file.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Tell what a payload file holds, in the file's own units."""
    from edge.readers.sniffing import sniff

    # What is no payload file is told without the weight of a reader.
    sniff(file)
    from edge.show.describe import describe

    found = describe(file)
    if json:
        from edge.outputs import json_lines

        say_bytes(json_lines([found]))
        return
    from edge.show.report import info_table

    say(info_table(found))


@app.command()
def explain(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            readable=False,
            help="Payload files of one half-orbit; with --inbox, the output folder of a stream and "
            "a half-orbit such as CSES_096791, or the id of an alarm, as status and alarms.jsonl "
            "give it.",
        ),
    ],
    inbox: Annotated[
        Path | None,
        typer.Option(
            "--inbox",
            readable=False,
            help="The stream's inbox, where the half-orbit's files still lie.",
            show_default="none",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", readable=False, help="The picture.", show_default="<half-orbit>.png here"
        ),
    ] = None,
    min_coverage: CoverageOption = None,
    night: NightOption = None,
    kp: KpOption = None,
    bundle: BundleOption = None,
    config: ConfigOption = None,
) -> None:
    """Draw a half-orbit against its climatology, and tell what hangs on each observable."""
    from edge.show.drawing import require_matplotlib

    require_matplotlib("explain")
    from edge.show.explain import draw_explanation, explanation_lines, files_in_inbox, split_alarm
    from edge.show.explain import explain as explain_half_orbit

    settings = _settings(config, min_coverage=min_coverage, night=night, kp=kp, bundle=bundle)
    alarm = ""
    if inbox is not None:
        if len(files) != 2:
            raise ConfigError(
                "--inbox: expected an output folder and a half-orbit before it, got "
                f"{len(files)} arguments"
            )
        key, alarm = split_alarm(str(files[1]))
        files = files_in_inbox(files[0], inbox, key)
    groups, problems = _group(files)
    for error in problems:
        _complain(error)
    if not groups:
        raise typer.Exit(2)
    if len(groups) > 1:
        keys = ", ".join(next(iter(group.values())).half_orbit for group in groups)
        raise ConfigError(f"expected files of one half-orbit, got those of {keys}")
    scorer = _scorer(settings, _bundle_path(settings))
    half_orbit = scorer.read(groups[0])
    for error in half_orbit.errors:
        _complain(error)
    if half_orbit.payloads:
        found = explain_half_orbit(scorer, half_orbit, alarm)
        target = out or Path(f"{half_orbit.key}.png")
        draw_explanation(found, target)
        say([str(target), *explanation_lines(found)])
    if problems or half_orbit.errors or not half_orbit.payloads:
        raise typer.Exit(2)


@app.command()
def export(
    out: Annotated[Path, typer.Argument(readable=False, help="Folder of results.")],
    since: Annotated[
        str | None,
        typer.Option("--since", help="First UTC date or time.", show_default="the first"),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", help="UTC date or time that all windows lie before.", show_default="none"
        ),
    ] = None,
    format: Annotated[
        Literal["parquet", "csv", "geojson"],
        typer.Option("--format", help="parquet needs the extra export."),
    ] = "csv",
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", readable=False, help="The table.", show_default="windows.<format> here"
        ),
    ] = None,
    skip_damaged: Annotated[
        bool,
        typer.Option(
            "--skip-damaged", help="Leave damaged results out; without it nothing is written."
        ),
    ] = False,
) -> None:
    """Write one table of the windows of many half-orbits, in order of time."""
    from edge.station.export import export as write

    target = to or Path(f"windows.{format}")
    damaged: list[InputError] = []

    def skip(error: InputError) -> None:
        damaged.append(error)
        _complain(error)

    replaced = " (replaced)" if target.exists() else ""
    count = write(out, target, format, since, until, skip if skip_damaged else None)
    say([f"{target}{replaced}: {count} windows"])
    if damaged:
        raise typer.Exit(2)


@app.command()
def plot(
    file: Annotated[Path, typer.Argument(readable=False, help="A payload file.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", readable=False, help="The picture.", show_default="<name of FILE>.png here"
        ),
    ] = None,
) -> None:
    """Draw a payload file as PNG: its track, and its channels against latitude."""
    from edge.show.plot import plot as draw

    target = Path(f"{file.stem}.png") if out is None else out
    draw(file, target)
    say([str(target)])


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", readable=False, help="Folder of the station.")
    ],
) -> None:
    """Make a station's folders and a settings file, and say what comes next."""
    from edge.station.setup import init as make
    from edge.station.setup import next_steps

    make(folder)
    say(next_steps(folder))


@app.command()
def service(
    kind: Annotated[
        Literal["systemd", "cron", "logrotate"],
        typer.Argument(help="What is to run the station, or to keep its log small."),
    ],
    inbox: Annotated[
        Path | None,
        typer.Argument(
            readable=False,
            help="Folder that payload files arrive in.",
            show_default="inbox beside the settings file",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Argument(
            readable=False,
            help="Folder for results and the ledger.",
            show_default="results beside the settings file",
        ),
    ] = None,
    config: ConfigOption = None,
    user: Annotated[
        str | None,
        typer.Option(
            "--user", help="Who runs the service.", show_default="owner of OUT; dynamic in /var/lib"
        ),
    ] = None,
) -> None:
    """Print a service file for this installation: systemd unit, crontab or logrotate."""
    from edge.station import service as files

    station = files.make_station(inbox, out, config, user)
    write = {
        "systemd": files.systemd_unit,
        "cron": files.cron_lines,
        "logrotate": files.logrotate_config,
    }[kind]
    say_bytes(write(station).encode())


@app.command()
def doctor(
    inbox: Annotated[
        Path | None,
        typer.Argument(
            readable=False, help="Folder that payload files arrive in.", show_default="none"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", readable=False, help="Folder of results to check.", show_default="none"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    bundle: BundleOption = None,
    config: ConfigOption = None,
) -> None:
    """Check whether this computer can score, and tell what to do where it cannot."""
    from edge.station.doctor import Doctor, as_json, line

    checks = []
    for check in Doctor(inbox, out, lambda: _settings(config, bundle=bundle)).checks():
        checks.append(check)
        if not json:
            say([line(check)])
    if json:
        say([as_json(checks)])
    if any(check.status == "FAIL" for check in checks):
        raise typer.Exit(2)


@app.command()
def model(
    bundle: BundleOption = None,
    config: ConfigOption = None,
    json: Annotated[bool, typer.Option("--json", help="The card as JSON.")] = False,
) -> None:
    """Show the card of the bundle: what it was trained on and how good it is."""
    from edge.bundle import load_bundle

    settings = _settings(config, bundle=bundle)
    card = load_bundle(_bundle_path(settings)).card
    if json:
        from edge.outputs import json_lines

        say_bytes(json_lines([card]))
        return
    from edge.show.report import card_table

    say(card_table(card))


@app.command()
def report(
    out: Annotated[
        Path, typer.Argument(readable=False, help="Folder of a stream's results and ledger.")
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", readable=False, help="The page.", show_default="OUT/report.html"),
    ] = None,
    bundle: BundleOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a page on a station, one HTML file: map, coverage, scores, failures, the model."""
    from edge.show.page import write_page

    settings = _settings(config or _config_beside(out), bundle=bundle)
    say([str(write_page(out, to, Path(settings.bundle) if settings.bundle else None))])


def main() -> None:
    """Run ``edge-score``."""
    run(app, _NAME)


def _settings(config: Path | None, **options: object) -> Settings:
    from edge.config import load_settings

    given = {k: str(v) if isinstance(v, Path) else v for k, v in options.items()}
    return load_settings(config, os.environ, given)


def _config_beside(out: Path) -> Path | None:
    """Find settings as `init` puts them beside a station's results, where none are named."""
    from edge.config import FILE_VARIABLE
    from edge.station.setup import SETTINGS_FILE

    if os.environ.get(FILE_VARIABLE):
        return Path(os.environ[FILE_VARIABLE])
    beside = Path(os.path.realpath(out)).parent / SETTINGS_FILE
    return beside if os.path.isfile(beside) else None  # noqa: PTH113 - a closed folder is none


def _bundle_path(settings: Settings) -> Path | None:
    """Folder of the bundle itself, whatever links lead to it; None for the one that ships."""
    return Path(os.path.realpath(settings.bundle)) if settings.bundle else None


def _stream_folders(out: Path | None, inbox: Path | None) -> tuple[Path, Path] | None:
    if out is None and inbox is None:
        return None
    if out is None or inbox is None:
        raise ConfigError("expected --out and --inbox together, got one of them")
    return out, inbox


def _scorer(
    settings: Settings, path: Path | None, warn: Callable[[str], None] | None = None
) -> Scorer:
    from edge.bundle import load_bundle
    from edge.geomagnetic import KpFile
    from edge.scoring import Scorer

    bundle = load_bundle(path)
    return Scorer(
        bundle,
        settings.night,
        settings.min_coverage,
        settings.runtime,
        settings.threads,
        KpFile(Path(settings.kp), warn or _complain).kp_at if settings.kp else None,
    )


def _group(files: list[Path]) -> tuple[list[dict[Path, FileName]], list[InputError]]:
    """Sort files by half-orbit; a file whose name tells none is a problem of its own."""
    from edge.inbox import group_by_half_orbit
    from edge.readers.names import parse_name

    named: list[tuple[Path, FileName]] = []
    problems: list[InputError] = []
    for path in files:
        try:
            if path.is_dir():
                raise InputError(path, "is a folder; give its files, or use edge-score stream")
            if not os.path.lexists(path):
                raise InputError(path, "no such file")
            named.append((path, parse_name(path)))
        except OSError as error:
            problems.append(InputError(path, error.strerror or str(error)))
        except InputError as error:
            problems.append(error)
    return list(group_by_half_orbit(named).values()), problems


def _complain(message: EdgeError | str) -> None:
    complain(_NAME, message)


if __name__ == "__main__":
    main()
