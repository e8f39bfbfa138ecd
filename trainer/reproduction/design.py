"""The recipe of a reproduction: missions, classifiers, ablations and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from edge.errors import ConfigError
from edge.observables import PROFILES, MissionName
from trainer.archives.archive import RowRule
from trainer.datasets.recipe import (
    RECIPES,
    Above,
    Count,
    DatasetRecipe,
    Section,
    Seed,
    Share,
    decode,
    read_dataset_recipe,
)
from trainer.learning.run_recipe import TransferMode
from trainer.reproduction.mission_rows import SimulatedMission

FULL_RECIPE = RECIPES / "reproduction.toml"
QUICK_RECIPE = RECIPES / "reproduction-quick.toml"
#: Label of the mission without perturbations.
NULL = "null"
_STRENGTHS = RECIPES / "strengths.toml"


class MissionRecipe(Section, frozen=True):
    """One simulated mission; its seed and the number of a repetition give that of its noise."""

    start: str
    days: Count
    seed: Seed
    events_per_day: Above
    pap_off: Share
    keep: Share
    whole_from: str


class _Written(Section, frozen=True):
    """A recipe as it stands in its file."""

    seeds: list[Count]
    development_seed: Seed
    labels: list[str]
    main_label: str
    resamples: Count
    time_shifts: Count
    stream_half_orbits: Count
    dataset: str
    classifiers: list[str]
    baselines: list[str]
    fractions: list[Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]]
    transfers: list[TransferMode]
    profiles: list[str]
    lengths: list[Count]
    cses: MissionRecipe
    demeter: MissionRecipe


class Design(msgspec.Struct, frozen=True):
    """A recipe with what it refers to.

    Attributes
    ----------
    recipe : the recipe as written
    dataset : DatasetRecipe
    strengths : dict of str to dict of str to float
        For ``mission.profile``, the strength of each label.
    """

    recipe: _Written
    dataset: DatasetRecipe
    strengths: dict[str, dict[str, float]]

    def mission(
        self,
        name: MissionName,
        seed: int,
        profile: str = "plasma",
        night: RowRule = "dark",
        labels: list[str] | None = None,
    ) -> SimulatedMission:
        """Give the plan of one mission of a repetition."""
        rule: MissionRecipe = getattr(self.recipe, name)
        # Strengths are those of the plasma: the ablations see the very same perturbations.
        known = {NULL: 0.0, **self.strengths[f"{name}.plasma"]}
        return SimulatedMission(
            name,
            rule.start,
            rule.days,
            rule.seed + seed,
            rule.events_per_day,
            {label: known[label] for label in labels or self.recipe.labels},
            profile,
            night,
            rule.pap_off,
            rule.keep,
            rule.whole_from,
        )


def read_design(path: Path) -> Design:
    """Read and validate the recipe of a reproduction.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Design

    Raises
    ------
    ConfigError
        It is missing, no TOML, lacks a key, has an unknown one or an impossible value.
    """
    written = decode(path, _Written)
    strengths = _read_strengths()
    known = [NULL, *next(iter(strengths.values()))]
    labels = [*written.labels, written.main_label]
    unknown = [label for label in labels if label not in known]
    if unknown:
        raise ConfigError(f"recipe {path.name}: label {unknown[0]!r}; known are {', '.join(known)}")
    if written.development_seed in written.seeds:
        raise ConfigError(
            f"recipe {path.name}: seed {written.development_seed} is that of the development "
            "mission, whose windows may be in no table"
        )
    strange = [p for p in written.profiles if p not in PROFILES]
    if strange:
        raise ConfigError(f"recipe {path.name}: profile {strange[0]!r}; known are {[*PROFILES]}")
    beside = path.parent / written.dataset
    dataset = read_dataset_recipe(beside if beside.is_file() else RECIPES / written.dataset)
    return Design(written, dataset, strengths)


def _read_strengths() -> dict[str, dict[str, float]]:
    """Strengths that `edge-train strengths` fixed, by the AUC of the reference that they give."""
    found = msgspec.toml.decode(_STRENGTHS.read_bytes())
    return {
        f"{mission}.{profile}": {
            f"auc{round(100 * target)}": float(strength)
            for target, strength in zip(entry["auc_target"], entry["strength"], strict=True)
        }
        for mission, profiles in found.items()
        for profile, entry in profiles.items()
    }
