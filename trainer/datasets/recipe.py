"""The recipe of a dataset: every choice between an archive and its labelled windows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from edge import text
from edge.bundle import ClimatologyForm
from edge.errors import ConfigError, one_line
from edge.observables import PROFILES
from trainer.inputs.catalogue_formats import RANGES
from trainer.inputs.regions import REGIONS

#: Folder of the recipes that ship.
RECIPES = Path(__file__).parent.parent / "recipes"
DEFAULT_DATASET_RECIPE = RECIPES / "windows.toml"

#: A recipe with less has to ask for it with ``short_archive``.
LEAST_BLOCK_DAYS = 90.0
LEAST_EMBARGO_DAYS = 30.0

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Above = Annotated[float, msgspec.Meta(gt=0.0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Seed = Annotated[int, msgspec.Meta(ge=0)]

_Text = TypeVar("_Text", bound=msgspec.Struct)


class Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A table of a recipe; a key that it does not know is an error."""


class EventCuts(Section, frozen=True):
    """Cuts of the catalogue; `first` and `last` are days (UTC), both within."""

    least_magnitude: float
    largest_depth_km: float
    first: date | None = None
    last: date | None = None


class SampleLabels(Section, frozen=True):
    """Definition of a sample; see `trainer.datasets.labels`."""

    lead_hours: tuple[NotNegative, Above]
    area: Literal["dobrovolsky", "square"]
    half_width_deg: Above
    placement: Literal["midpoint", "contained"]
    shift_deg: Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)]
    clear_before_days: NotNegative
    clear_after_days: NotNegative


class SampleWindows(Section, frozen=True):
    """Windows and how many positives are drawn from a half-orbit."""

    length: Annotated[int, msgspec.Meta(ge=4)]
    clip: Above
    night: Literal["dark", "paper", "day"]
    minimum_coverage: Share
    positives_per_pass: Count


class ControlRule(Section, frozen=True):
    """How alike a control is to its positive; see `trainer.datasets.controls.match_controls`."""

    latitude_deg: Above
    longitude_deg: Above
    season_days: Above
    local_time_h: Above
    samples: Above
    kp_edges: tuple[NotNegative, ...]
    mode: bool
    mask: Literal["exact", "classes", "none"]
    per_positive: Count
    stride: Count
    same_track: bool
    same_track_minutes: Above
    quiet_kp: NotNegative
    unknown_kp: Literal["keep", "drop"]


class PlaceboRule(Section, frozen=True):
    """What is done to the catalogue to break its tie to the archive."""

    kind: Literal["none", "epicentres", "time-shift", "longitude-shift"]
    amount: float
    seed: Seed


class DatasetSplits(Section, frozen=True):
    """Blocks of time, or a region that is left out; see `trainer.datasets.splits`."""

    kind: Literal["time", "region"]
    shares: tuple[Share, Share, Share]
    least_block_days: Above
    embargo_days: NotNegative
    short_archive: bool
    region: str
    buffer_km: NotNegative | None = None


class DatasetBackground(Section, frozen=True):
    """Fit of the climatology; with `raw` a model is given the values before it."""

    form: ClimatologyForm
    least_values: Count
    least_spread: Above
    flux_edges: tuple[Above, ...]
    raw: bool


class DatasetRecipe(Section, frozen=True):
    """All parameters of `edge-train prepare` after the archive's files."""

    name: str
    profile: str
    seed: Seed
    events: EventCuts
    labels: SampleLabels
    windows: SampleWindows
    controls: ControlRule
    placebo: PlaceboRule
    splits: DatasetSplits
    background: DatasetBackground


def find_recipe(path: Path) -> Path:
    """Find a recipe: the file itself, else the one of that name that ships."""
    shipped = RECIPES / path.name
    return shipped if path == Path(path.name) and not path.exists() and shipped.exists() else path


def shipped_recipes() -> dict[str, str]:
    """Name the recipes that ship, with what each is for: the first sentence of its comment."""
    found = {}
    for path in sorted(RECIPES.glob("*.toml")):
        comment = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                break
            comment.append(line.removeprefix("#").strip())
        found[path.name] = re.split(r"(?<=[.])\s", " ".join(comment))[0]
    return found


def read_dataset_recipe(path: Path = DEFAULT_DATASET_RECIPE) -> DatasetRecipe:
    """Read and validate the recipe of a dataset.

    Parameters
    ----------
    path : Path, optional
        The one that ships by default.

    Raises
    ------
    ConfigError
        It is missing, no TOML, lacks a key, has an unknown one or an impossible value.
    """
    recipe = decode(path, DatasetRecipe)
    for reason in _slips(recipe):
        raise ConfigError(f"recipe {path.name}: {reason}")
    return recipe


def decode(path: Path, kind: type[_Text]) -> _Text:
    """Decode a TOML file.

    Returns
    -------
    Struct
        Of that kind.

    Raises
    ------
    ConfigError
        The file is missing, no TOML, or not of that kind.
    """
    try:
        return msgspec.toml.decode(text.decode(path.read_bytes()), type=kind)
    except OSError as error:
        raise ConfigError(
            f"recipe {path.name}: {error.strerror} (edge-train recipes lists those that ship)"
        ) from None
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise ConfigError(f"recipe {path.name}: {one_line(str(error))}") from None


def _not_finite(recipe: DatasetRecipe) -> Iterator[tuple[str, float]]:
    for section, keys in msgspec.to_builtins(recipe).items():
        for key, value in keys.items() if isinstance(keys, dict) else ():
            for one in value if isinstance(value, list | tuple) else (value,):
                if isinstance(one, float) and not isfinite(one):
                    yield f"{section}.{key}", one


def _slips(recipe: DatasetRecipe) -> list[str]:
    """Find what the types cannot say."""
    # NaN compares with nothing: it would pass every test below and disable what it sets.
    found = [f"{name} is {value}; valid is a finite number" for name, value in _not_finite(recipe)]
    for name, value, (least, most) in (
        ("least_magnitude", recipe.events.least_magnitude, RANGES["mag"]),
        ("largest_depth_km", recipe.events.largest_depth_km, RANGES["depth"]),
    ):
        if not least <= value <= most:
            found.append(f"events.{name} is {value:g}; valid is {least:g} to {most:g}")
    labels, splits, controls = recipe.labels, recipe.splits, recipe.controls
    if recipe.profile not in PROFILES:
        found.append(f"profile {recipe.profile!r}; known are {', '.join(PROFILES)}")
    low, high = labels.lead_hours
    if low >= high:
        found.append(f"labels.lead_hours is [{low:g}, {high:g}]; the second must be the larger")
    if abs(sum(splits.shares) - 1.0) > 1e-9 or min(splits.shares) <= 0.0:
        found.append(
            f"splits.shares are {splits.shares}; valid are three shares above 0 that add up to 1"
        )
    reach = high / 24.0 + max(labels.clear_before_days, labels.clear_after_days)
    if splits.embargo_days < reach:
        found.append(
            f"splits.embargo_days is {splits.embargo_days:g}; valid is {reach:g} and more, the "
            "lead time and the clear time of the labels"
        )
    if not splits.short_archive:
        for name, value, least in (
            ("least_block_days", splits.least_block_days, LEAST_BLOCK_DAYS),
            ("embargo_days", splits.embargo_days, LEAST_EMBARGO_DAYS),
        ):
            if value < least:
                found.append(
                    f"splits.{name} is {value:g}; valid is {least:g} and more, or "
                    "splits.short_archive = true"
                )
    if (splits.kind == "region") != bool(splits.region):
        found.append(f"splits.region is {splits.region!r} and splits.kind is {splits.kind!r}")
    elif splits.kind == "region" and splits.region not in REGIONS:
        found.append(f"splits.region is {splits.region!r}; known are {', '.join(sorted(REGIONS))}")
    edges = controls.kp_edges
    if any(b <= a for a, b in pairwise(edges)):
        found.append(f"controls.kp_edges are {list(edges)}; they must rise")
    flux = recipe.background.flux_edges
    if any(b <= a for a, b in pairwise(flux)):
        found.append(f"background.flux_edges are {list(flux)}; they must rise")
    events = recipe.events
    if events.first is not None and events.last is not None and events.first > events.last:
        found.append(f"events.first is {events.first}, after events.last, {events.last}")
    placebo = recipe.placebo
    if placebo.kind in ("time-shift", "longitude-shift") and placebo.amount == 0.0:
        found.append(f"placebo.amount is 0, which makes {placebo.kind} no placebo")
    return found
