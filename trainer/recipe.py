"""The recipe: every parameter of a training run, in one validated TOML file."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec

from edge.errors import ConfigError
from trainer.datasets.recipe import (
    RECIPES,
    Above,
    Count,
    DatasetRecipe,
    NotNegative,
    Share,
    decode,
    read_dataset_recipe,
)
from trainer.datasets.recipe import Section as _Section

__all__ = ["DEFAULT_RECIPE", "DatasetRecipe", "Recipe", "read_dataset_recipe", "read_recipe"]

DEFAULT_RECIPE = RECIPES / "plasma.toml"


class Simulation(_Section, frozen=True):
    """One simulated mission; the names are those of `trainer.simulate.simulate_mission`."""

    start: date
    days: Count
    seed: Annotated[int, msgspec.Meta(ge=0)]
    injection: NotNegative
    events_per_day: Above
    pap_off: Share


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
    lstm_layers: Count = 1
    dense_layers: Count = 1


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


class _Parameters(_Section, frozen=True):
    """What a recipe says itself."""

    name: str
    cses: Simulation
    demeter: Simulation
    dropping: Dropping
    network: Network
    training: Training
    operating: Operating
    evaluation: Evaluation
    export: Export


class _Written(_Parameters, frozen=True):
    """A recipe as it stands in its file, with the name of the dataset's recipe."""

    dataset: str


class Recipe(_Parameters, frozen=True):
    """All parameters of `edge-train train-export`.

    Attributes
    ----------
    dataset : DatasetRecipe
        From an archive to labelled windows.
    """

    dataset: DatasetRecipe


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
    written = decode(path, _Written)
    # Its own folder first: a recipe that is copied takes its dataset along, or the one that ships.
    beside = path.parent / written.dataset
    dataset = read_dataset_recipe(beside if beside.is_file() else RECIPES / written.dataset)
    fields = {name: getattr(written, name) for name in written.__struct_fields__}
    recipe = Recipe(**{**fields, "dataset": dataset})
    if recipe.dataset.windows.length % recipe.network.subsequences:
        raise ConfigError(
            f"recipe {path.name}: network.subsequences is {recipe.network.subsequences}; "
            f"valid are the divisors of the length of a window, {recipe.dataset.windows.length}"
        )
    return recipe
