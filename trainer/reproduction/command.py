"""The command ``edge-train reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.entry import say

_PAGE = Path("tests/benchmarks/reproduction.md")


def reproduce(
    quick: Annotated[
        bool, typer.Option("--quick", help="Small missions, one repetition: minutes.")
    ] = False,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", readable=False, help="All choices, TOML.")
    ] = None,
    build: Annotated[
        Path | None,
        typer.Option("--build", readable=False, help="Folder of missions, datasets and results."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", readable=False, help="The page that is written.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 2,
    tables_only: Annotated[
        bool, typer.Option("--tables-only", help="Write the page of what is done, and do no more.")
    ] = False,
) -> None:
    """Run the paper's experiments on simulated missions, and write their tables.

    Interrupted, it goes on where it was. The full form takes hours.
    """
    from edge.outputs import replace_file
    from trainer.reproduction.design import FULL_RECIPE, QUICK_RECIPE, read_design
    from trainer.reproduction.document import write_page
    from trainer.reproduction.pooled import read_results
    from trainer.reproduction.runner import jobs_of, run_jobs
    from trainer.reproduction.tables import require_results
    from trainer.reproduction.units import all_units

    path = recipe or (QUICK_RECIPE if quick else FULL_RECIPE)
    design = read_design(path)
    form = "reproduction-quick" if quick else "reproduction"
    root = (build or Path("build") / form).resolve()
    page = out or (Path("build") / f"{form}.md" if quick else _PAGE)
    failed: list[str] = []
    if not tables_only:
        failed = run_jobs(jobs_of(design, path.resolve(), root), workers, lambda line: say([line]))
    results = read_results(root)
    require_results(results)
    page.parent.mkdir(parents=True, exist_ok=True)
    text = write_page(design, results, len(all_units(design)), page, quick)
    replace_file(page, text.encode())
    say([f"{page}: {len(results)} units"])
    if failed:
        say([f"{len(failed)} jobs failed, run it again:", *failed])
        raise typer.Exit(2)
