"""The recipe: every parameter of a training run, in one validated TOML file."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge.errors import ConfigError, one_line
from edge.observables import PROFILES

DEFAULT_RECIPE = Path(__file__).parent / "recipes" / "plasma.toml"

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Above = Annotated[float, msgspec.Meta(gt=0.0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class _Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A table of the recipe; a key that it does not know is an error."""


class Simulation(_Section, frozen=True):
    """One simulated mission; the names are those of `trainer.simulate.simulate_mission`."""

    start: date
    days: Count
    seed: Annotated[int, msgspec.Meta(ge=0)]
    injection: NotNegative
    events_per_day: Above
    pap_off: Share


class Events(_Section, frozen=True):
    """Cuts of the catalogue."""

    least_magnitude: float
    largest_depth_km: float


class Labels(_Section, frozen=True):
    """Definition of a sample; see `trainer.labels.LabelRule`."""

    lead_hours: Above
    clear_before_days: NotNegative
    clear_after_days: NotNegative


class SplitRule(_Section, frozen=True):
    """Blocks of time; see `trainer.splits.make_splits`."""

    shares: tuple[Share, Share, Share]
    embargo_days: NotNegative
    long_embargo_days: NotNegative
    long_block_days: Above
    least_block_days: Above


class BackgroundRule(_Section, frozen=True):
    """Fit of the climatology; see `trainer.background.fit_background`."""

    least_values: Count
    least_spread: Above


class WindowRule(_Section, frozen=True):
    """Windows and the samples drawn from them; see `trainer.dataset`."""

    length: Annotated[int, msgspec.Meta(ge=4)]
    clip: Above
    night: Literal["dark", "paper"]
    minimum_coverage: Share
    positives_per_pass: Count
    negatives_per_positive: Above


class Dropping(_Section, frozen=True):
    """Probabilities that an input is masked over a whole training window."""

    observable: Share
    payload: Share
    window: Share


class Network(_Section, frozen=True):
    """The CNN-BiLSTM; see `trainer.models.seqnetquake`."""

    subsequences: Count
    convolutions: Count
    kernel: Count
    filters: Count
    lstm: Count
    dense: Count
    dropout: Share


class Stage(_Section, frozen=True):
    """One of the two trainings."""

    rate: Above
    epochs: Count
    patience: Count


class Training(_Section, frozen=True):
    """Optimisation."""

    seed: Annotated[int, msgspec.Meta(ge=0)]
    batch: Count
    pretraining: Stage
    tuning: Stage


class Operating(_Section, frozen=True):
    """Threshold and alarms."""

    alarms_per_night_half_orbit: Above
    radius_km: Above
    duration_h: Above


class Evaluation(_Section, frozen=True):
    """Intervals."""

    resamples: Count


class Export(_Section, frozen=True):
    """Conversion, golden windows and the limits that a conversion must keep."""

    representative: Annotated[int, msgspec.Meta(ge=16)]
    golden: Count
    golden_steps: Above
    parity_windows: Count
    largest_auc_loss: Share


class Recipe(_Section, frozen=True):
    """All parameters of `edge-train train-export`."""

    name: str
    profile: str
    cses: Simulation
    demeter: Simulation
    events: Events
    labels: Labels
    splits: SplitRule
    background: BackgroundRule
    windows: WindowRule
    dropping: Dropping
    network: Network
    training: Training
    operating: Operating
    evaluation: Evaluation
    export: Export


def read_recipe(path: Path = DEFAULT_RECIPE) -> Recipe:
    """Read and validate a recipe.

    Parameters
    ----------
    path : Path, optional
        The one that ships by default.

    Returns
    -------
    Recipe

    Raises
    ------
    ConfigError
        It is missing, no TOML, lacks a key, has an unknown one or an impossible value.
    """
    try:
        recipe = msgspec.toml.decode(path.read_bytes(), type=Recipe)
    except OSError as error:
        raise ConfigError(f"recipe {path.name}: {error.strerror}") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise ConfigError(f"recipe {path.name}: {one_line(str(error))}") from None
    if recipe.profile not in PROFILES:
        raise ConfigError(
            f"recipe {path.name}: profile {recipe.profile!r}; known are {', '.join(PROFILES)}"
        )
    if abs(sum(recipe.splits.shares) - 1.0) > 1e-9 or min(recipe.splits.shares) <= 0.0:
        raise ConfigError(
            f"recipe {path.name}: splits.shares are {recipe.splits.shares}; "
            "valid are three shares above 0 that add up to 1"
        )
    if recipe.splits.embargo_days * 24.0 < recipe.labels.lead_hours:
        raise ConfigError(
            f"recipe {path.name}: splits.embargo_days is {recipe.splits.embargo_days:g}; valid is "
            f"{recipe.labels.lead_hours / 24.0:g} and more, the lead time of the labels"
        )
    if recipe.windows.length % recipe.network.subsequences:
        raise ConfigError(
            f"recipe {path.name}: network.subsequences is {recipe.network.subsequences}; "
            f"valid are the divisors of windows.length, {recipe.windows.length}"
        )
    return recipe
