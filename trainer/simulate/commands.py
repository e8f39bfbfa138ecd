"""The command ``edge-train simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainer.inputs.commands import StrictOption


def simulate(
    start: Annotated[str, typer.Option(help="First day, such as 2019-01-01 (UTC).")],
    end: Annotated[str, typer.Option(help="Day after the last one, such as 2019-02-01 (UTC).")],
    out: Annotated[Path, typer.Option(help="Folder for the simulated archive.")],
    mission: Annotated[str, typer.Option(help="Mission: cses or demeter.")] = "cses",
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    injection: Annotated[
        float,
        typer.Option(
            help="Strength of perturbations before events, in standard deviations; 0 for none."
        ),
    ] = 1.0,
    catalogue: Annotated[
        Path | None,
        typer.Option(help="ComCat CSV or QuakeML to put perturbations before; else simulated."),
    ] = None,
    strict: StrictOption = False,
    night_only: Annotated[
        bool, typer.Option("--night-only", help="Leave out the day side.")
    ] = False,
    pap_off: Annotated[
        float, typer.Option(help="Probability that the CSES plasma analyser is off.")
    ] = 0.8,
    events_per_day: Annotated[
        float, typer.Option(help="Mean rate of a simulated catalogue.")
    ] = 4.0,
    waves: Annotated[bool, typer.Option("--waves", help="The same as --profile full.")] = False,
    profile: Annotated[
        str, typer.Option(help="Payloads to write: plasma, waves (spectra), or full.")
    ] = "plasma",
    wave_bins: Annotated[
        int, typer.Option(help="Bins of a CSES spectrum, 160 to 1024; fewer make smaller files.")
    ] = 256,
    wave_components: Annotated[
        int, typer.Option(help="Components of the CSES spectra, 1 to 3; bands need the first.")
    ] = 3,
    tle: Annotated[
        Path | None,
        typer.Option(help="Two-line element set to fly CSES along, within 30 days of its epoch."),
    ] = None,
    indices: Annotated[
        Path | None, typer.Option(help="Kp and F10.7, GFZ's text file; else simulated.")
    ] = None,
) -> None:
    """Write a simulated mission in its native file formats.

    Everything in OUT is simulated: sgp4 orbits, a smooth background with noise, and
    perturbations of known strength before the events of a catalogue. Given again, it finds the
    archive up to date.
    """
    # Imported here, so that a help text needs neither h5py nor sgp4.
    import numpy as np

    from edge.errors import EdgeError
    from trainer.simulate.mission import simulate_mission
    from trainer.simulate.orbits import Pass

    def report(done: int, half_orbit: Pass) -> None:
        if done % 100 == 0:
            typer.echo(f"{done} half-orbits, at {half_orbit.time[-1]}", err=True)

    try:
        days = [_instant(name, text) for name, text in (("start", start), ("end", end))]
        summary = simulate_mission(
            mission,
            np.datetime64(days[0]),
            np.datetime64(days[1]),
            seed,
            injection,
            out,
            catalogue,
            night_only,
            pap_off,
            events_per_day,
            report,
            waves,
            profile,
            tle,
            indices,
            wave_bins,
            wave_components,
            strict=strict,
            tell=lambda line: typer.echo(line, err=True),
        )
    except (EdgeError, ValueError, OSError) as error:
        reason = str(error)
        if isinstance(error, OSError) and error.filename:
            reason = f"{error.filename}: {error.strerror}"
        typer.echo(f"edge-train: {reason}", err=True)
        raise typer.Exit(2) from None
    done = f"{summary.out} is up to date: " if summary.up_to_date else ""
    typer.echo(
        f"{done}simulated {summary.mission}: {summary.half_orbits} half-orbits in {summary.files} "
        f"files ({summary.size_bytes / 1e6:.1f} MB), {summary.events} events, "
        f"{summary.injected} perturbations, in {summary.out}"
    )


def _instant(name: str, text: str) -> str:
    """Return an ISO date or time, UTC, in numpy's spelling; raise ValueError for anything else."""
    from datetime import UTC, datetime

    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} {text!r} is not an ISO date such as 2019-01-01") from None
    if instant.tzinfo is not None:
        instant = instant.astimezone(UTC).replace(tzinfo=None)
    spelt = instant.isoformat(timespec="milliseconds")
    return spelt.removesuffix("T00:00:00.000")


def inject(
    archive: Annotated[Path, typer.Argument(help="Folder of native files; it is only read.")],
    catalogue: Annotated[
        Path, typer.Option(help="Earthquakes, ComCat CSV or QuakeML; its mainshocks count.")
    ],
    strength: Annotated[float, typer.Option(help="Standard deviations; 0 changes nothing.")],
    out: Annotated[Path, typer.Option(help="Folder for the copy with perturbations.")],
    mission: Annotated[
        str, typer.Option(help="cses or demeter; by default every file that is there.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Of what is drawn for each event.")] = 0,
    min_magnitude: Annotated[float, typer.Option(help="Smaller events are left out.")] = 5.0,
    max_depth: Annotated[float, typer.Option(help="Deeper events are left out, km.")] = 40.0,
    strict: StrictOption = False,
) -> None:
    """Copy an archive with simulated perturbations before the mainshocks of a catalogue.

    For the smallest amplitude that can be found in real data. OUT contains simulated
    perturbations and says so in every changed file; no real earthquake is known to cause any.
    """
    # Imported here, so that a help text needs no h5py.
    from edge.entry import complain
    from trainer.common.errors import TrainError
    from trainer.simulate.inject import CATALOGUE_FILE, inject_archive

    if mission not in ("", "cses", "demeter"):
        raise TrainError(f"mission is {mission!r}; valid is cses or demeter")
    summary = inject_archive(
        archive,
        catalogue,
        strength,
        out,
        mission or None,  # type: ignore[arg-type]
        seed,
        min_magnitude,
        max_depth,
        lambda line: complain("edge-train", line),
        strict,
    )
    typer.echo(
        f"{out}: contains simulated perturbations: {summary.injected} before events, in "
        f"{summary.changed} of {summary.files} files"
        + (f" ({summary.kept} from an earlier run)" if summary.kept else "")
    )
    typer.echo(f"{out}: {CATALOGUE_FILE} is {catalogue.name}, the catalogue that was injected")
    if summary.failed:
        raise typer.Exit(2)
