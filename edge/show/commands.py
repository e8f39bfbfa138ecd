"""Commands for a person who looks at files, scores, the model or the station's page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.entry import say, say_bytes
from edge.errors import ConfigError
from edge.options import (
    BundleOption,
    ConfigOption,
    CoverageOption,
    FileArgument,
    JsonOption,
    KpOption,
    NightOption,
    StationArgument,
    complain,
    group_files,
    load_scorer,
    real_bundle,
    settings_beside,
    settings_of,
)


def info(
    file: FileArgument,
    json: JsonOption = False,
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

    settings = settings_of(config, min_coverage=min_coverage, night=night, kp=kp, bundle=bundle)
    alarm = ""
    if inbox is not None:
        if len(files) != 2:
            raise ConfigError(
                "--inbox: expected an output folder and a half-orbit before it, got "
                f"{len(files)} arguments"
            )
        key, alarm = split_alarm(str(files[1]))
        files = files_in_inbox(files[0], inbox, key)
    groups, problems = group_files(files)
    for error in problems:
        complain(error)
    if not groups:
        raise typer.Exit(2)
    if len(groups) > 1:
        keys = ", ".join(next(iter(group.values())).half_orbit for group in groups)
        raise ConfigError(f"expected files of one half-orbit, got those of {keys}")
    scorer = load_scorer(settings, real_bundle(settings))
    half_orbit = scorer.read(groups[0])
    for error in half_orbit.errors:
        complain(error)
    if half_orbit.payloads:
        found = explain_half_orbit(scorer, half_orbit, alarm)
        target = out or Path(f"{half_orbit.key}.png")
        draw_explanation(found, target)
        say([str(target), *explanation_lines(found)])
    if problems or half_orbit.errors or not half_orbit.payloads:
        raise typer.Exit(2)


def plot(
    file: FileArgument,
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


def model(
    bundle: BundleOption = None,
    config: ConfigOption = None,
    json: Annotated[bool, typer.Option("--json", help="The card as JSON.")] = False,
) -> None:
    """Show the card of the bundle: what it was trained on and how good it is."""
    from edge.bundle import load_bundle

    settings = settings_of(config, bundle=bundle)
    card = load_bundle(real_bundle(settings)).card
    if json:
        from edge.outputs import json_lines

        say_bytes(json_lines([card]))
        return
    from edge.show.report import card_table

    say(card_table(card))


def report(
    out: StationArgument,
    to: Annotated[
        Path | None,
        typer.Option("--to", readable=False, help="The page.", show_default="OUT/report.html"),
    ] = None,
    bundle: BundleOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a page on a station, one HTML file: map, coverage, scores, failures, the model."""
    from edge.show.page import write_page

    settings = settings_of(config or settings_beside(out), bundle=bundle)
    say([str(write_page(out, to, settings.bundle_folder))])
