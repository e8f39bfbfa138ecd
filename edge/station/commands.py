"""Commands that set a station up, look after it and take its results out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from edge.entry import Commands, say, say_bytes
from edge.errors import ConfigError, InputError
from edge.options import (
    COMMAND,
    BundleOption,
    ConfigOption,
    JsonOption,
    StationArgument,
    complain,
    real_bundle,
    settings_beside,
    settings_of,
)

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


def status(
    out: StationArgument,
    json: JsonOption = False,
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
    from edge.station.status import station_status, status_table

    config = config or settings_beside(out)
    settings = settings_of(config, bundle=bundle)
    path = settings.bundle_folder
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


def retry(
    out: StationArgument,
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
    with hold(out, warn=complain), Ledger(path) as ledger:
        due = ledger.retry(keys or [])
    say(f"{key}: tried again by the next edge-score stream" for key in due)
    if not keys and not due:
        say(["nothing is to be tried again: no half-orbit failed or was given up"])
    unknown = sorted(set(keys or []) - set(due))
    if unknown:
        raise ConfigError(
            f"expected half-orbits that failed or were given up, got {', '.join(unknown)}"
        )


def prune(
    out: StationArgument,
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
    from edge.events import Problem
    from edge.ledger import Ledger, ledger_of
    from edge.station.retention import make_plan, plan_lines, remove
    from edge.watching import hold

    settings, path = settings_of(config), ledger_of(out)
    if not yes:
        with Ledger(path, read_only=True) as ledger:
            say(plan_lines(make_plan(inbox, out, ledger, settings, time.time())))
        return
    failed = False
    with hold(out, warn=complain), Ledger(path) as ledger:
        plan = make_plan(inbox, out, ledger, settings, time.time())
        say(plan.notes)
        for event in remove(plan, inbox, out, ledger):
            if isinstance(event, Problem):
                failed = True
                complain(event.message)
            else:
                say([event.message])
    if failed:
        raise typer.Exit(2)


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
        complain(error)

    replaced = " (replaced)" if target.exists() else ""
    count = write(out, target, format, since, until, skip if skip_damaged else None)
    say([f"{target}{replaced}: {count} windows"])
    if damaged:
        raise typer.Exit(2)


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
    json: JsonOption = False,
    bundle: BundleOption = None,
    config: ConfigOption = None,
) -> None:
    """Check whether this computer can score, and tell what to do where it cannot."""
    from edge.station.doctor import Doctor, as_json, line

    checks = []
    for check in Doctor(inbox, out, lambda: settings_of(config, bundle=bundle)).checks():
        checks.append(check)
        if not json:
            say([line(check)])
    if json:
        say([as_json(checks)])
    if any(check.status == "FAIL" for check in checks):
        raise typer.Exit(2)


ledgers = typer.Typer(
    cls=Commands, help="Check a station's ledger, or repair it.", rich_markup_mode=None
)


@ledgers.command()
def check(
    out: StationArgument,
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
    out: StationArgument,
    bundle: BundleOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a new ledger of what can be read of the old one and of the results; it is kept."""
    from edge.station.ledger_repair import repair as mend
    from edge.watching import hold

    settings = settings_of(config, bundle=bundle)
    with hold(out, warn=complain):
        for line in mend(out, settings, real_bundle(settings), time.time()):
            say([line])


def warmup() -> None:
    """Compile what reads spectra of DEMETER, and keep it, so that no half-orbit waits for that."""
    from edge.readers.demeter_bands import warm_up_bands

    say([warm_up_bands()])


bundles = typer.Typer(
    cls=Commands,
    help="Install a bundle beside the one in use, or go back to the one before.",
    rich_markup_mode=None,
)


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

    settings, stream = settings_of(config), _stream_folders(out, inbox)
    if dry_run:
        for line in installing.dry_run(source, settings, stream):
            say([line])
        return
    folder = installing.bundles_folder(to, settings)
    with hold(folder, f"{COMMAND} bundle", warn=complain):
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

    settings, stream = settings_of(config), _stream_folders(out, inbox)
    folder = installing.bundles_folder(to, settings)
    if not folder.is_dir():
        raise ConfigError(f"folder {folder.name}: expected one with bundles, got none")
    with hold(folder, f"{COMMAND} bundle", warn=complain):
        for line in installing.roll_back(folder, settings, stream):
            say([line])


def _stream_folders(out: Path | None, inbox: Path | None) -> tuple[Path, Path] | None:
    if out is None and inbox is None:
        return None
    if out is None or inbox is None:
        raise ConfigError("expected --out and --inbox together, got one of them")
    return out, inbox
