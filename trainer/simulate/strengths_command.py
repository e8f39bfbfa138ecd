"""The command ``edge-train strengths``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from trainer.simulate.bayes import Reference
    from trainer.simulate.strengths import Strength

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
    from trainer.errors import TrainError

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

    from trainer.simulate.strengths import find_strengths
    from trainer.simulate.strengths_design import DESIGN_SEED

    seed = seed or DESIGN_SEED
    found, reference, size = find_strengths(
        mission,
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

    Returns
    -------
    str
    """
    import json

    lines = [_HEAD.rstrip()]
    for mission in sorted(known):
        for profile in sorted(known[mission]):
            lines += ["", f"[{mission}.{profile}]"]
            # JSON's spelling of these is TOML's.
            lines += [f"{key} = {json.dumps(v)}" for key, v in known[mission][profile].items()]
    return "\n".join(lines) + "\n"
