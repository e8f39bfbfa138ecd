"""The experiments of a reproduction, one unit at a time: what is done again if a run is cut short.

A unit trains some classifiers on one mission of one repetition and writes the scores of its
validation and test windows. Nothing is judged here: tables come from the scores of all units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from trainer.archives.archive import RowRule
from trainer.reproduction.design import Design

Kind = Literal["classifiers", "curve", "ablation", "placebo"]

#: Placebos that are trained again, with the changes to the dataset's recipe. The amounts of the
#: time shift follow from the seed: five of them in five repetitions.
PLACEBOS: dict[str, dict[str, Any]] = {
    "epicentres": {"kind": "epicentres", "amount": 0.0},
    "time-shift": {"kind": "time-shift", "amount": 61.0},
    "longitude-shift": {"kind": "longitude-shift", "amount": 25.0},
}


@dataclass(frozen=True)
class Unit:
    """One piece of work.

    Attributes
    ----------
    kind : {"classifiers", "curve", "ablation", "placebo"}
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
        units += [Unit("classifiers", seed, label) for label in recipe.labels]
        units.append(Unit("curve", seed, recipe.main_label))
        for name, keys in PLACEBOS.items():
            rule = dict(keys)
            if name == "time-shift":
                rule["amount"] = rule["amount"] * seed
            rule["seed"] = seed
            units.append(Unit("placebo", seed, recipe.main_label, name, {"placebo": rule}))
        units += [
            Unit("ablation", seed, recipe.main_label, name, changes, profile, night)
            for name, changes, profile, night in ablations(design)
        ]
    return units
