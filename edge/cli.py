"""The command ``edge-score``: scoring files, watching a folder, and the list of all commands.

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

from edge.entry import Commands, run, say, say_bytes, version
from edge.errors import ConfigError, EdgeError, InputError
from edge.options import (
    COMMAND,
    BundleOption,
    ConfigOption,
    CoverageOption,
    KpOption,
    NightOption,
    complain,
    group_files,
    load_scorer,
    real_bundle,
    settings_of,
)
from edge.show.commands import explain, info, model, plot, report
from edge.station.commands import (
    bundles,
    doctor,
    export,
    init,
    ledgers,
    prune,
    retry,
    service,
    status,
    warmup,
)

if TYPE_CHECKING:
    from edge.readers.names import FileName
    from edge.results import ResultFormat
    from edge.scoring import Scorer


def score(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", readable=False, help="Payload files.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            readable=False,
            help="Folder for results: JSON Lines, CSV, GeoJSON, or what the settings say.",
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
    settings = settings_of(config, min_coverage=min_coverage, night=night, kp=kp, bundle=bundle)
    groups, problems = group_files(files)
    for error in problems:
        complain(error)
    failed = bool(problems)
    if not groups:
        raise typer.Exit(2)
    with contextlib.ExitStack() as held:
        if out is not None:
            from edge.ledger import LEDGER_FILE
            from edge.watching import hold

            held.enter_context(hold(out, warn=complain))
            if (out / LEDGER_FILE).exists():
                raise ConfigError(
                    f"output folder {out.name}: is that of a stream, whose ledger knows its "
                    "results; give another folder, or put the files in the stream's inbox"
                )
        scorer = load_scorer(settings, real_bundle(settings))
        for group in groups:
            failed |= _score(scorer, group, out, json, settings.results)
    if failed:
        raise typer.Exit(2)


def _score(
    scorer: Scorer,
    group: dict[Path, FileName],
    out: Path | None,
    json: bool,
    formats: tuple[ResultFormat, ...],
) -> bool:
    """Score one half-orbit and show it; True where a file of it failed."""
    from edge.inbox import unused_payload
    from edge.outputs import json_lines, score_to_disk
    from edge.show.report import half_orbit_table, training_line

    # The reader leaves such files unread; here their user asked for them.
    unused = [unused_payload(path, name, scorer.bundle.profile) for path, name in group.items()]
    problems: list[InputError | str] = [problem for problem in unused if problem]
    if out is not None:
        scored, _ = score_to_disk(scorer, out, group, formats)
    else:
        scored = scorer.score(scorer.read(group))
    problems += [failure.message for failure in scored.failures]
    for problem in problems:
        complain(problem)
    if scored.summary.status == "scored":
        if json:
            say_bytes(json_lines(scored.windows))
        else:
            say(half_orbit_table(scored))
            say([training_line(scored.summary.trained_on)])
    return bool(problems)


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

    settings = settings_of(
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
    bundle_path = real_bundle(settings)
    profile, parameters = profile_and_fingerprint(
        bundle_path, settings.night, settings.min_coverage, settings.runtime
    )
    work = Stream(
        inbox,
        out,
        profile,
        parameters,
        lambda: load_scorer(settings, bundle_path, log.warn),
        settle_s,
        settings.wait,
        station=True,
        formats=settings.results,
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


app = typer.Typer(
    name=COMMAND,
    cls=Commands,
    help="Score night-time windows of CSES and DEMETER half-orbits. Research only.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.callback()(version)
for command in (
    score,
    stream,
    status,
    retry,
    prune,
    info,
    explain,
    export,
    plot,
    init,
    service,
    doctor,
    warmup,
    model,
    report,
):
    app.command()(command)
app.add_typer(ledgers, name="ledger")
app.add_typer(bundles, name="bundle")


def main() -> None:
    """Run ``edge-score``."""
    run(app, COMMAND)


if __name__ == "__main__":
    main()
