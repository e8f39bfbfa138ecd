"""Parts of the recipe of the studies that stand by themselves."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from trainer.datasets.recipe import Count, Section


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
