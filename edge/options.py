"""What commands share: options and arguments, and what they stand for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from edge import entry
from edge.errors import EdgeError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import Settings
    from edge.readers.names import FileName
    from edge.scoring import Scorer

COMMAND = "edge-score"

FileArgument = Annotated[Path, typer.Argument(readable=False, help="A payload file.")]
StationArgument = Annotated[
    Path, typer.Argument(readable=False, help="Folder of a stream's results and ledger.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object.")]
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


def settings_of(config: Path | None, **options: object) -> Settings:
    """Put the settings of a command together; see `edge.config.load_settings`."""
    from edge.config import load_settings

    given = {k: str(v) if isinstance(v, Path) else v for k, v in options.items()}
    return load_settings(config, os.environ, given)


def settings_beside(out: Path) -> Path | None:
    """Find settings as `init` puts them beside a station's results, where none are named."""
    from edge.config import FILE_VARIABLE
    from edge.station.setup import SETTINGS_FILE

    if os.environ.get(FILE_VARIABLE):
        return Path(os.environ[FILE_VARIABLE])
    beside = Path(os.path.realpath(out)).parent / SETTINGS_FILE
    return beside if os.path.isfile(beside) else None  # noqa: PTH113 - a closed folder is none


def real_bundle(settings: Settings) -> Path | None:
    """Folder of the bundle itself, whatever links lead to it; None for the one that ships."""
    folder = settings.bundle_folder
    return folder and Path(os.path.realpath(folder))


def load_scorer(
    settings: Settings, path: Path | None, warn: Callable[[str], None] | None = None
) -> Scorer:
    """Build the scorer of a bundle; None for the one that ships."""
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
        KpFile(Path(settings.kp), warn or complain).kp_at if settings.kp else None,
    )


def group_files(files: list[Path]) -> tuple[list[dict[Path, FileName]], list[InputError]]:
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


def complain(message: EdgeError | str) -> None:
    """Write one line on standard error."""
    entry.complain(COMMAND, message)
