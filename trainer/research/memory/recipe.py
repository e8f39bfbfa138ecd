"""All choices of the studies in memory, as a recipe in TOML has them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge.errors import ConfigError
from trainer.datasets.recipe import RECIPES, Count, Section, decode
from trainer.research.paper.design import strengths_of
from trainer.training.run_recipe import TransferMode

FULL_RECIPE = RECIPES / "reproduction.toml"
QUICK_RECIPE = RECIPES / "reproduction-quick.toml"
#: The form of the simulator's own mean and spread.
EXACT = "exact"


class SpanRecipe(Section, frozen=True):
    """Training block of a mission, and its thinning; see `MissionPlan`."""

    first: str
    last: str
    every: Count


class NetworksRecipe(Section, frozen=True):
    """Networks that could ship, each trained from several seeds on the same clusters."""

    clusters: list[Count]
    kinds: list[str]
    repetitions: Count
    seeds: Count


class TuningRecipe(Section, frozen=True):
    """Search of parameters, with as many trials for each kind; those in `left` are not searched."""

    strength: str
    clusters: Count
    kinds: list[str]
    trials: Count
    random_trials: Count
    left: list[str]


class TransferRecipe(Section, frozen=True):
    """Pretraining on DEMETER, and tuning on a few clusters of CSES."""

    strength: str
    form: str
    clusters: list[Count]
    pretraining_clusters: Count
    repetitions: Count
    modes: list[TransferMode]
    demeter: SpanRecipe


class NullRecipe(Section, frozen=True):
    """Training and tests where there is nothing to find; see `trainer.research.memory.null`.

    Attributes
    ----------
    mission : str
        Label of the mission in the study.
    form : str
        Of the climatology.
    clusters : int
        Of training.
    repetitions : int
    kinds : list of str
        Classifiers that see undisturbed windows.
    strength : str
        Of the perturbations whose labels are shuffled.
    shuffled_kinds : list of str
        Classifiers that see those.
    """

    mission: str
    form: str
    clusters: Count
    repetitions: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    kinds: list[str]
    strength: str
    shuffled_kinds: list[str]


class ProfilesRecipe(Section, frozen=True):
    """Plasma, waves and both; see `trainer.research.memory.profiles`.

    Attributes
    ----------
    mission : str
        Label of the mission in the study, whose span and thinning are taken.
    form : str
        Of the climatology: nearest or interpolated.
    strengths : list of str
        By the AUC of the reference of profile `waves`.
    clusters, test_clusters : int
        Of training, for each repetition, and of test.
    repetitions : int
    kinds : list of str
    """

    mission: str
    form: Literal["nearest", "interpolated"]
    strengths: list[str]
    clusters: Count
    test_clusters: Count
    repetitions: Count
    kinds: list[str]


class StudyRecipe(Section, frozen=True):
    """All choices of the studies.

    Attributes
    ----------
    repetitions : dict of str to int
        Of each classifier on the learning curves.
    ranked : dict of str to int
        The same of all that are ranked, with `ranked_clusters` of training.
    years : dict of str to SpanRecipe
        Training blocks of CSES-01 by their length.
    main_years : str
        Length of that of the learning curves.
    clusters_a_year : int
        That a mission gives with the Earth's earthquakes.
    """

    strengths: list[str]
    forms: list[str]
    form: str
    clusters: list[Count]
    test_clusters: Count
    least_validation: Count
    most_validation: Count
    goal: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
    least_share: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
    resamples: Count
    repetitions: dict[str, Count]
    ranked: dict[str, Count]
    ranked_clusters: Count
    clusters_a_year: Count
    years: dict[str, SpanRecipe]
    main_years: str
    tuning: TuningRecipe
    networks: NetworksRecipe
    transfer: TransferRecipe
    null: NullRecipe
    profiles: ProfilesRecipe

    def validation(self, clusters: int) -> int:
        """Give the clusters of validation beside so many of training."""
        return min(max(self.least_validation, clusters // 3), self.most_validation)

    def clusters_of(self, years: str) -> int:
        """Give the clusters that a mission of so many years gives."""
        return self.clusters_a_year * int(years)

    @property
    def main(self) -> str:
        """Label of the mission of the learning curves."""
        return label_of(self.main_years)


def label_of(years: str) -> str:
    """Label of CSES-01 with a training block of so many years."""
    return f"cses-{years}"


def read_study(path: Path) -> StudyRecipe:
    """Read and validate the recipe of the studies.

    Raises
    ------
    ConfigError
        It is missing, no TOML, lacks a key, has an unknown one or an impossible value.
    """
    recipe = decode(path, StudyRecipe)
    known = strengths_of("cses")
    for strength in (*recipe.strengths, recipe.transfer.strength, recipe.tuning.strength):
        if strength not in known:
            raise ConfigError(
                f"recipe {path.name}: strength {strength!r}; known are {', '.join(known)}"
            )
    for form in (*recipe.forms, recipe.form, recipe.transfer.form):
        if form not in ("nearest", "interpolated", EXACT):
            raise ConfigError(
                f"recipe {path.name}: form {form!r}; known are nearest, interpolated, {EXACT}"
            )
    if recipe.main_years not in recipe.years:
        raise ConfigError(
            f"recipe {path.name}: main_years {recipe.main_years!r}; known are "
            f"{', '.join(recipe.years) or 'none'}"
        )
    return recipe
