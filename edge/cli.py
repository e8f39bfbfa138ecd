"""The command ``edge-score``.

Heavy modules are imported inside the commands: ``--help``, and a run that finds
nothing new, must stay cheap on a small computer.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.entry import complain, run, say, say_bytes
from edge.errors import ConfigError, EdgeError, InputError

if TYPE_CHECKING:
    from edge.config import Settings
    from edge.events import Event
    from edge.readers.names import FileName
    from edge.scoring import Scorer

_NAME = "edge-score"

app = typer.Typer(
    name=_NAME,
    help="Score night-time windows of CSES and DEMETER half-orbits. Research only.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

BundleOption = Annotated[
    Path | None,
    typer.Option("--bundle", readable=False, help="Folder of the model bundle; the shipped one."),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", readable=False, help="TOML file with settings.")
]
NightOption = Annotated[
    str | None, typer.Option("--night", help="Night rule: dark or paper; the card's.")
]
CoverageOption = Annotated[
    float | None,
    typer.Option("--min-coverage", help="Verdict 'insufficient' below it, 0 to 1; the card's."),
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
            "--out", readable=False, help="Folder for JSON Lines, CSV and GeoJSON results."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line a window.")] = False,
    min_coverage: CoverageOption = None,
    night: NightOption = None,
    bundle: BundleOption = None,
    config: ConfigOption = None,
) -> None:
    """Score payload files; those of one half-orbit are scored together."""
    settings = _settings(config, min_coverage=min_coverage, night=night, bundle=bundle)
    groups, problems = _group(files)
    for error in problems:
        _complain(error)
    failed = bool(problems)
    scorer = _scorer(settings) if groups else None
    for group in groups:
        from edge.inbox import unused_payload
        from edge.outputs import json_lines, write_track
        from edge.report import track_table, training_line

        assert scorer is not None
        for path, name in group.items():
            # The reader leaves such a file unread; here its user asked for it.
            if problem := unused_payload(path, name, scorer.bundle.profile):
                _complain(problem)
                failed = True
        half_orbit = scorer.read(group)
        track = scorer.score(half_orbit)
        for error in half_orbit.errors:
            _complain(error)
            failed = True
        if track.summary.status == "failed":
            continue
        if out is not None:
            try:
                write_track(out, track)
            except OSError as error:
                raise ConfigError(f"output folder {out.name}: {error.strerror}") from None
        if json:
            say_bytes(json_lines(track.windows))
        else:
            say(track_table(track))
            say([training_line(track.summary.trained_on)])
    if failed:
        raise typer.Exit(2)


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
        typer.Option("--settle", help="Seconds a file must be unchanged; 30, 0 with --once."),
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option("--wait", help="Seconds to wait for a half-orbit's missing payloads; 0."),
    ] = None,
    min_coverage: CoverageOption = None,
    night: NightOption = None,
    bundle: BundleOption = None,
    config: ConfigOption = None,
) -> None:
    """Score what arrives in a folder, and remember it in OUT/ledger.sqlite."""
    from edge.ledger import Ledger
    from edge.outcome import profile_and_fingerprint
    from edge.stream import LEDGER_FILE, Stream
    from edge.watching import hold, watch

    settings = _settings(
        config, min_coverage=min_coverage, night=night, bundle=bundle, settle=settle, wait=wait
    )
    settle_s = settings.settle
    if settle_s is None:
        settle_s = 0.0 if once else 30.0
    if inbox.resolve() == out.resolve():
        raise ConfigError(f"output folder {out.name}: is the inbox; results need another folder")
    stop = threading.Event()
    interrupted: list[int] = []

    def end(number: int, _: object) -> None:
        interrupted.append(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    bundle_path = Path(settings.bundle) if settings.bundle else None
    profile, parameters = profile_and_fingerprint(
        bundle_path, settings.night, settings.min_coverage
    )
    work = Stream(
        inbox, out, profile, parameters, lambda: _scorer(settings), settle_s, settings.wait
    )
    failed = False
    with hold(out), Ledger(out / LEDGER_FILE) as ledger:
        happenings = work.turn(ledger) if once else watch(work, ledger, inbox, settings.poll, stop)
        for event in happenings:
            failed |= _tell(event, quiet_idle=not once)
            if stop.is_set():
                break
    # To end is what a watcher is told; a single run that is cut short has left work undone.
    if once and interrupted:
        raise typer.Exit(128 + interrupted[0])
    if failed:
        raise typer.Exit(2)


@app.command()
def info(
    file: Annotated[Path, typer.Argument(readable=False, help="A payload file.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Tell what a payload file holds, in the file's own units."""
    from edge.readers.sniffing import sniff

    # What is no payload file is told without the weight of a reader.
    sniff(file)
    from edge.describe import describe

    found = describe(file)
    if json:
        from edge.outputs import json_lines

        say_bytes(json_lines([found]))
        return
    from edge.report import info_table

    say(info_table(found))


@app.command()
def plot(
    file: Annotated[Path, typer.Argument(readable=False, help="A payload file.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", readable=False, help="The picture; <name of FILE>.png here."),
    ] = None,
) -> None:
    """Draw a payload file as PNG: its track, and its channels against latitude."""
    from edge.plot import plot as draw

    target = Path(f"{file.stem}.png") if out is None else out
    draw(file, target)
    say([str(target)])


@app.command()
def model(
    bundle: BundleOption = None,
    config: ConfigOption = None,
    json: Annotated[bool, typer.Option("--json", help="The card as JSON.")] = False,
) -> None:
    """Show the card of the bundle: what it was trained on and how good it is."""
    from edge.bundle import default_bundle_path, load_bundle

    settings = _settings(config, bundle=bundle)
    path = Path(settings.bundle) if settings.bundle else default_bundle_path()
    card = load_bundle(path).card
    if json:
        from edge.outputs import json_lines

        say_bytes(json_lines([card]))
        return
    from edge.report import card_table

    say(card_table(card))


def main() -> None:
    """Run ``edge-score``."""
    run(app, _NAME)


def _settings(config: Path | None, **options: object) -> Settings:
    from edge.config import load_settings

    given = {k: str(v) if isinstance(v, Path) else v for k, v in options.items()}
    return load_settings(config, os.environ, given)


def _scorer(settings: Settings) -> Scorer:
    from edge.bundle import load_bundle
    from edge.scoring import Scorer

    bundle = load_bundle(Path(settings.bundle) if settings.bundle else None)
    return Scorer(bundle, settings.night, settings.min_coverage, settings.runtime, settings.threads)


def _group(files: list[Path]) -> tuple[list[dict[Path, FileName]], list[InputError]]:
    """Sort files by half-orbit; a file whose name tells none is a problem of its own."""
    from edge.readers.names import parse_name

    groups: dict[str, dict[Path, FileName]] = {}
    problems: list[InputError] = []
    for path in files:
        try:
            if path.is_dir():
                raise InputError(path, "is a folder; give its files, or use edge-score stream")
            if not os.path.lexists(path):
                raise InputError(path, "no such file")
            name = parse_name(path)
        except OSError as error:
            problems.append(InputError(path, error.strerror or str(error)))
        except InputError as error:
            problems.append(error)
        else:
            groups.setdefault(name.half_orbit, {})[path] = name
    return [groups[key] for key in sorted(groups)], problems


def _tell(event: Event, quiet_idle: bool) -> bool:
    """Print an event; True where an input failed."""
    from edge import events

    match event:
        case events.Problem(message):
            _complain(message)
            return True
        case events.Ignored(message):
            _complain(f"ignored: {message}")
        case events.Waiting(half_orbit):
            say([f"{half_orbit}: waiting for its other payloads"])
        case events.Idle(half_orbits, failed, waiting):
            if not quiet_idle:
                say([f"{half_orbits} half-orbits scored, {failed} failed, {waiting} waiting"])
        case events.Scored(track):
            from edge.report import alarm_line, summary_line, training_line

            say([summary_line(track.summary), *map(alarm_line, track.alarms)])
            if track.windows:
                say([training_line(track.summary.trained_on)])
    return False


def _complain(message: EdgeError | str) -> None:
    complain(_NAME, message)


if __name__ == "__main__":
    main()
