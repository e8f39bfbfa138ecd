"""The recipe of what is run through native files: mission, classifiers, ablations and seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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
from trainer.research.paper.mission_rows import SimulatedMission

FULL_RECIPE = RECIPES / "reproduction-native.toml"
QUICK_RECIPE = RECIPES / "reproduction-quick-native.toml"
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
    profiles: list[str]
    lengths: list[Count]
    cses: MissionRecipe


class Design(msgspec.Struct, frozen=True):
    """A recipe with what it refers to.

    Attributes
    ----------
    recipe : the recipe as written
    dataset : DatasetRecipe
    strengths : dict of str to float
        Of each label.
    """

    recipe: _Written
    dataset: DatasetRecipe
    strengths: dict[str, float]

    def mission(
        self,
        seed: int,
        profile: str = "plasma",
        night: RowRule = "dark",
        labels: list[str] | None = None,
    ) -> SimulatedMission:
        """Give the plan of CSES-01 in a repetition."""
        rule = self.recipe.cses
        # Strengths are those of the plasma: the ablations see the very same perturbations.
        known = {NULL: 0.0, **self.strengths}
        return SimulatedMission(
            mission="cses",
            start=rule.start,
            days=rule.days,
            seed=rule.seed + seed,
            events_per_day=rule.events_per_day,
            strengths={label: known[label] for label in labels or self.recipe.labels},
            profile=profile,
            night=night,
            pap_off=rule.pap_off,
            keep=rule.keep,
            whole_from=rule.whole_from,
        )


def read_design(path: Path) -> Design:
    """Read and validate the recipe of a reproduction.

    Raises
    ------
    ConfigError
        It is missing, no TOML, lacks a key, has an unknown one or an impossible value.
    """
    written = decode(path, _Written)
    strengths = strengths_of("cses")
    known = [NULL, *strengths]
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


def strengths_of(mission: MissionName, profile: str = "plasma") -> dict[str, float]:
    """Strengths by label: the AUC that the reference of a profile has with them."""
    return _read_strengths()[f"{mission}.{profile}"]


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


Kind = Literal["classifiers", "ablation", "placebo"]

#: Placebos that are trained again, with the changes to the dataset's recipe. The amounts of the
#: time shift follow from the seed: five of them in five repetitions.
PLACEBOS: dict[str, dict[str, Any]] = {
    "epicentres": {"kind": "epicentres", "amount": 0.0},
    "time-shift": {"kind": "time-shift", "amount": 61.0},
    "longitude-shift": {"kind": "longitude-shift", "amount": 25.0},
}


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One piece of work.

    Attributes
    ----------
    kind : {"classifiers", "ablation", "placebo"}
    seed : int
        Of the repetition.
    label : str
        Strength.
    variant : str
        Name of what is changed; ``base`` where nothing is.
    changes : dict
        Of the dataset's recipe, section by section.
    profile, night : str
        Of the rows.
    """

    kind: Kind
    seed: int
    label: str
    variant: str = "base"
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    profile: str = "plasma"
    night: RowRule = "dark"

    @property
    def name(self) -> str:
        """Name of the unit's files."""
        return f"{self.kind}-{self.label}-{self.variant}-seed{self.seed}"


def ablations(design: Design) -> Iterator[tuple[str, dict[str, dict[str, Any]], str, RowRule]]:
    """Give name, changes of the dataset's recipe, profile and night rule of each ablation.

    One axis of the paper is changed at a time; ``base`` is the paper's best choice on all.
    """
    yield "base", {}, "plasma", "dark"
    for half_width in (2.0, 5.0):
        yield (
            f"square-{half_width:g}deg",
            {"labels": {"area": "square", "half_width_deg": half_width}},
            "plasma",
            "dark",
        )
    yield "contained", {"labels": {"placement": "contained"}}, "plasma", "dark"
    for length in design.recipe.lengths:
        if length != design.dataset.windows.length:
            yield f"length-{length}", {"windows": {"length": length}}, "plasma", "dark"
    for low, high in ((0.0, 4.0), (4.0, 12.0), (12.0, 24.0), (24.0, 48.0)):
        yield (
            f"lead-{low:g}-{high:g}h",
            {"labels": {"lead_hours": (low, high)}},
            "plasma",
            "dark",
        )
    yield "shift-2deg-west", {"labels": {"shift_deg": -2.0}}, "plasma", "dark"
    yield "raw", {"background": {"raw": True}}, "plasma", "dark"
    yield "day", {"windows": {"night": "day"}}, "plasma", "day"
    for profile in design.recipe.profiles:
        if profile != "plasma":
            yield f"profile-{profile}", {"": {"profile": profile}}, profile, "dark"


def all_units(design: Design) -> list[Unit]:
    """List the units, repetition by repetition, so that a part of them is a smaller whole."""
    recipe = design.recipe
    units = []
    for seed in recipe.seeds:
        units += [Unit(kind="classifiers", seed=seed, label=label) for label in recipe.labels]
        for name, keys in PLACEBOS.items():
            rule = dict(keys)
            if name == "time-shift":
                rule["amount"] = rule["amount"] * seed
            rule["seed"] = seed
            units.append(
                Unit(
                    kind="placebo",
                    seed=seed,
                    label=recipe.main_label,
                    variant=name,
                    changes={"placebo": rule},
                )
            )
        units += [
            Unit(
                kind="ablation",
                seed=seed,
                label=recipe.main_label,
                variant=name,
                changes=changes,
                profile=profile,
                night=night,
            )
            for name, changes, profile, night in ablations(design)
        ]
    return units
