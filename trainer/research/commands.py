"""The command ``edge-train strengths``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from edge.entry import say

if TYPE_CHECKING:
    from edge.observables import MissionName
    from trainer.research.bayes import Reference
    from trainer.research.strengths import Strength

#: Where the strengths are kept that the project's tables use.
STRENGTHS_FILE = Path(__file__).parent.parent / "recipes" / "strengths.toml"
_HEAD = """\
# Strengths of injection, in standard deviations, that give a reference detector the AUC on the
# left. The reference knows the simulator; no real earthquake is known to cause a perturbation.
# Found on a design simulation with a seed of its own by `edge-train strengths`, before any
# training, and not changed after one.
# DEMETER's ion analyser records every 4.4 s: interpolated cells of log_o and ti, which models see,
# are left out by the reference, which is an approximation of the plasma and full tables, too.
"""


def strengths(
    mission: Annotated[str, typer.Option(help="cses or demeter.")],
    profile: Annotated[str, typer.Option(help="plasma, waves or full.")] = "plasma",
    windows: Annotated[int, typer.Option(help="Windows of each class in the design.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the design; 0 for the one that is fixed.")] = 0,
    out: Annotated[Path, typer.Option(help="TOML file to write into.")] = STRENGTHS_FILE,
    replace: Annotated[
        bool, typer.Option("--replace", help="Change strengths that are fixed already.")
    ] = False,
) -> None:
    """Find the strengths at which the reference has AUC 0.6, 0.7, 0.8 and 0.9, and fix them.

    All is simulated: the design, the perturbations and the reference that knows both.
    """
    import tomllib

    from edge import __version__
    from edge.entry import complain
    from edge.observables import PROFILES
    from edge.outputs import replace_file
    from trainer.common.errors import TrainError

    if mission not in ("cses", "demeter"):
        raise TrainError(f"mission is {mission!r}; valid is cses or demeter")
    if profile not in PROFILES:
        raise TrainError(f"profile is {profile!r}; valid is {', '.join(PROFILES)}")
    if not 50 <= windows <= 540:
        raise TrainError(f"windows is {windows}; valid is 50 to 540")
    if seed < 0:
        raise TrainError(f"seed is {seed}; valid is 0 and more")
    try:
        known: dict[str, Any] = tomllib.loads(out.read_text("utf-8")) if out.is_file() else {}
    except (OSError, ValueError) as error:
        raise TrainError(f"{out.name}: {error}") from None
    if profile in known.get(mission, {}) and not replace:
        raise TrainError(
            f"{out.name}: the strengths of {mission} {profile} are fixed; --replace changes them"
        )

    from trainer.research.strengths import find_strengths
    from trainer.research.strengths_design import DESIGN_SEED

    seed = seed or DESIGN_SEED
    found, reference, size = find_strengths(
        cast("MissionName", mission),
        profile,
        windows,
        seed,
        tell=lambda line: complain("edge-train", line),
    )
    entry = _entry(found, reference, size, seed, __version__)
    known.setdefault(mission, {})[profile] = entry
    try:
        replace_file(out, strengths_text(known).encode())
    except OSError as error:
        raise TrainError(f"{out.name}: {error.strerror or error}") from None
    typer.echo(f"{reference.name}, {mission}, {profile}, all simulated:")
    for one in found:
        low, high = one.interval
        typer.echo(f"AUC {one.auc:.3f} ({low:.3f} to {high:.3f}): strength {one.strength:g}")


def _entry(
    found: list[Strength], reference: Reference, size: int, seed: int, version: str
) -> dict[str, Any]:
    return {
        "simulated": True,
        "reference": reference.name,
        "approximations": list(reference.approximations),
        "seed": seed,
        "windows": size,
        "length": reference.length,
        "code_version": version,
        "auc_target": [one.target for one in found],
        "auc": [round(one.auc, 4) for one in found],
        "auc_low": [round(one.interval[0], 4) for one in found],
        "auc_high": [round(one.interval[1], 4) for one in found],
        "strength": [one.strength for one in found],
    }


def strengths_text(known: dict[str, Any]) -> str:
    """Write strengths as TOML, missions and profiles in alphabetical order.

    Parameters
    ----------
    known : dict
        By mission and profile: numbers, texts, truths and lists of them.
    """
    import json

    lines = [_HEAD.rstrip()]
    for mission in sorted(known):
        for profile in sorted(known[mission]):
            lines += ["", f"[{mission}.{profile}]"]
            # JSON's spelling of these is TOML's.
            lines += [f"{key} = {json.dumps(v)}" for key, v in known[mission][profile].items()]
    return "\n".join(lines) + "\n"


def reference(
    dataset: Annotated[
        Path, typer.Argument(readable=False, help="Folder that edge-train prepare wrote.")
    ],
    archive: Annotated[
        Path, typer.Option(readable=False, help="The simulated archive that it was made of.")
    ],
    out: Annotated[Path, typer.Option(readable=False, help="Scores, .npz.")],
    block: Annotated[str, typer.Option(help="train, validation or test.")] = "validation",
) -> None:
    """Score the matched windows of a dataset with the reference that knows the simulator.

    All is simulated: the archive, its perturbations and the detector that knows both. It is the
    yardstick of edge-train evaluate --reference, for whom the block test is meant.
    """
    # Imported here, so that a help text waits for no scipy.
    import io
    from contextlib import ExitStack

    import numpy as np

    from edge.entry import say
    from edge.errors import ConfigError, one_line
    from edge.outputs import replace_file
    from trainer.common.progress import Progress
    from trainer.research.reference_scores import score_dataset
    from trainer.research.strengths import auc

    place = one_line(str(out))
    if out.is_dir() or not out.parent.is_dir():
        what = "is a folder" if out.is_dir() else "its folder is missing"
        raise ConfigError(f"--out {place}: {what}; valid is a file, such as scores.npz")
    with ExitStack() as stack:
        told: list[Progress] = []

        def tell(done: int, total: int) -> None:
            if not told:
                told.append(stack.enter_context(Progress("scoring", total)))
            told[0].add(1)

        found = score_dataset(dataset, archive, block, block == "test", tell)
    content = io.BytesIO()
    np.savez(
        content,
        half_orbit=found.half_orbit,
        first_cell=found.first_cell,
        time=found.time,
        label=found.label,
        log_ratio=found.log_ratio,
        reference=np.array(found.name),
        approximations=np.array(found.approximations, dtype=np.str_),
        strength=np.array(found.strength),
        block=np.array(block),
        simulated=np.array(True),
    )
    try:
        replace_file(out, content.getvalue())
    except OSError as error:
        raise ConfigError(f"--out {place}: {error.strerror or error}") from None
    positive = found.label == 1
    area = auc(found.log_ratio[positive], found.log_ratio[~positive])
    say(
        [
            f"{found.name}, strength {found.strength:g}, all simulated: AUC {area:.3f} on "
            f"{positive.size} windows of {block}, {int(positive.sum())} of them positive",
            *(f"approximation: {one}" for one in found.approximations),
        ]
    )


_PAGE = Path("tests/benchmarks/reproduction.md")


def reproduce(
    quick: Annotated[
        bool, typer.Option("--quick", help="Few clusters, short missions: minutes.")
    ] = False,
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", readable=False, help="Studies in memory, TOML."),
    ] = None,
    native: Annotated[
        Path | None,
        typer.Option("--native", readable=False, help="What runs through native files, TOML."),
    ] = None,
    build: Annotated[
        Path | None,
        typer.Option("--build", readable=False, help="Folder of simulations and results."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", readable=False, help="The page that is written.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 2,
    tables_only: Annotated[
        bool, typer.Option("--tables-only", help="Write the page of what is done, and do no more.")
    ] = False,
) -> None:
    """Study on simulated missions what a network finds, and write tables and charts.

    How much data it needs, what transfer adds, how classifiers rank: on thousands of earthquake
    clusters in memory, with a reference detector that knows the simulator as the yardstick.
    Placebos, ablations and the stream run through native files. Interrupted, it goes on where it
    was. The full form takes hours.
    """
    from edge.outputs import replace_files
    from trainer.research.document import make_page
    from trainer.research.memory import recipe as studies
    from trainer.research.memory.jobs import do_study_job, study_jobs
    from trainer.research.memory.study import Study
    from trainer.research.paper import design as designs
    from trainer.research.paper.pooled import read_results
    from trainer.research.paper.runner import do_job, jobs_of, run_jobs

    def tell(line: str) -> None:
        say([line])

    form = "reproduction-quick" if quick else "reproduction"
    path = recipe or (studies.QUICK_RECIPE if quick else studies.FULL_RECIPE)
    native = native or (designs.QUICK_RECIPE if quick else designs.FULL_RECIPE)
    plan, design = studies.read_study(path), designs.read_design(native)
    root = (build or Path("build") / form).resolve()
    page = out or (Path("build") / f"{form}.md" if quick else _PAGE)
    failed: list[str] = []
    if not tables_only:
        for stage in study_jobs(Study(plan, root, tell), path.resolve()):
            failed += run_jobs(stage, workers, tell, do_study_job)
        jobs = jobs_of(design, native.resolve(), root / "native")
        failed += run_jobs(jobs, workers, tell, do_job)
    study = Study(plan, root, tell, work=False)
    made = make_page(study, design, read_results(root / "native"), page, quick)
    page.parent.mkdir(parents=True, exist_ok=True)
    charts = {page.with_name(name): content for name, content in made.charts.items()}
    replace_files({page: made.text.encode(), **charts})
    tell(f"{page}: {len(charts)} charts")
    if failed:
        say([f"{len(failed)} jobs failed, run it again:", *failed])
        raise typer.Exit(2)
