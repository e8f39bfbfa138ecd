"""The card of a bundle: what it is, what it was trained on, how good it is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from edge import __version__
from edge.bundle import CARD_FORMAT, AlarmRule, Card, Golden, Parity, Training
from edge.observables import GRID_STEP_S, PROFILES
from trainer.judging import Judgement
from trainer.missions import Mission
from trainer.recipe import Recipe


def make_card(
    recipe: Recipe,
    missions: Sequence[Mission],
    judgement: Judgement,
    parity: Parity,
    network: str,
) -> Card:
    """Fill in a card; file names, sums and golden windows come with the bundle.

    Parameters
    ----------
    recipe : Recipe
    missions : sequence of Mission
        In the order of training.
    judgement : Judgement
    parity : Parity
    network : str
        One line.

    Returns
    -------
    Card
    """
    profile = PROFILES[recipe.dataset.profile]
    return Card(
        format=CARD_FORMAT,
        name=recipe.name,
        profile=profile.name,
        observables=list(profile.names),
        transforms=[o.transform for o in profile.observables],
        grid_step_s=GRID_STEP_S,
        length=recipe.dataset.windows.length,
        night=recipe.dataset.windows.night,
        clip=recipe.dataset.windows.clip,
        model="",
        quantisation="int8",
        climatology="",
        slope=judgement.calibration.slope,
        intercept=judgement.calibration.intercept,
        threshold=judgement.threshold,
        minimum_coverage=recipe.dataset.windows.minimum_coverage,
        alarm=AlarmRule(recipe.operating.radius_km, recipe.operating.duration_h),
        operating_point=judgement.operating,
        training=_training(recipe, missions),
        metrics=judgement.metrics,
        parity=parity,
        golden=Golden("", 0, 0.0),
        code_version=__version__,
        network=network,
        files={},
    )


def _training(recipe: Recipe, missions: Sequence[Mission]) -> Training:
    simulated = {m.simulated for m in missions}
    data: Literal["simulated", "real", "mixed"] = "mixed"
    if len(simulated) == 1:
        data = "simulated" if simulated.pop() else "real"
    catalogues = {m.catalogue.sha256: m for m in missions}
    sums = list(catalogues)
    # Of several catalogues, the sum of their sums: one changed byte changes it.
    total = sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()
    return Training(
        data=data,
        missions=[m.describe() for m in missions],
        catalogue=", ".join(_catalogue(m) for m in catalogues.values()),
        catalogue_sha256=total,
        events=sum(m.catalogue.size for m in catalogues.values()),
        seed=recipe.training.seed,
    )


def _catalogue(mission: Mission) -> str:
    name = mission.catalogue.name
    return f"{name} (simulated, {mission.name})" if mission.catalogue_simulated else name
