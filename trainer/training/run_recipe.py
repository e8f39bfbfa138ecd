"""The recipe of a training run: which classifier, with what parameters, on how much of the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from edge.errors import ConfigError
from trainer.datasets.recipe import Count, Section, Seed, decode, find_recipe

TransferMode = Literal["frozen", "gradual", "full"]
TRANSFER_MODES: tuple[TransferMode, ...] = ("frozen", "gradual", "full")

#: Part of the training data.
Fraction = Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]


class Transfer(Section, frozen=True):
    """How a pretrained network is tuned; see `trainer.models.keras_classifier`."""

    mode: TransferMode


class RunRecipe(Section, frozen=True):
    """All choices of one training run.

    Attributes
    ----------
    name : str
    kind : str
        Of the classifier; see `trainer.models.registry`.
    seed : int
    parameters : dict
        Of the classifier; one that is left out has its default.
    transfer : Transfer or None
        Fine-tuning alone has it.
    fraction : float
        Of the earthquake clusters; see `trainer.training.fractions`.
    """

    name: str
    kind: str
    seed: Seed
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    transfer: Transfer | None = None
    fraction: Fraction = 1.0


class Pruning(Section, frozen=True):
    """When a trial is given up: below the median of earlier ones at the same epoch."""

    startup_trials: Annotated[int, msgspec.Meta(ge=0)]
    warmup_epochs: Annotated[int, msgspec.Meta(ge=0)]


class TuneRecipe(Section, frozen=True):
    """All choices of a search.

    Attributes
    ----------
    name, kind : str
    seed : int
        Of the sampler, and of every trial's training.
    trials : int
        In all; given up ones count.
    random_trials : int
        First trials, drawn at random.
    pruning : Pruning
    parameters : dict
        Of the classifier, where the search leaves them alone.
    """

    name: str
    kind: str
    seed: Seed
    trials: Count
    random_trials: Count
    pruning: Pruning
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


def read_run_recipe(path: Path) -> RunRecipe:
    """Read and validate the recipe of a run.

    Parameters
    ----------
    path : Path
        Or the name of one that ships.

    Returns
    -------
    RunRecipe

    Raises
    ------
    ConfigError
        It is missing, no TOML, lacks a key, has an unknown one or an impossible value.
    """
    return decode(find_recipe(path), RunRecipe)


def read_tune_recipe(path: Path) -> TuneRecipe:
    """Read and validate the recipe of a search; see `read_run_recipe`."""
    return decode(find_recipe(path), TuneRecipe)


def with_fraction(recipe: RunRecipe, fraction: float | None) -> RunRecipe:
    """Give the recipe another fraction of the data.

    Raises
    ------
    ConfigError
        It is not above 0 and at most 1.
    """
    if fraction is None:
        return recipe
    if not 0.0 < fraction <= 1.0:
        raise ConfigError(f"fraction {fraction:g}; valid is above 0 and at most 1")
    return msgspec.structs.replace(recipe, fraction=float(fraction))


def with_transfer(recipe: RunRecipe, mode: str | None) -> RunRecipe:
    """Give the recipe another way of transfer.

    Raises
    ------
    ConfigError
        It is unknown.
    """
    if mode is None:
        return recipe
    for known in TRANSFER_MODES:
        if mode == known:
            return msgspec.structs.replace(recipe, transfer=Transfer(known))
    raise ConfigError(f"transfer {mode!r}; valid are {', '.join(TRANSFER_MODES)}")


def with_seed(recipe: RunRecipe, seed: int | None) -> RunRecipe:
    """Give the recipe another seed.

    Raises
    ------
    ConfigError
        It is negative.
    """
    if seed is None:
        return recipe
    if seed < 0:
        raise ConfigError(f"seed {seed}; valid is 0 and more")
    return msgspec.structs.replace(recipe, seed=seed)


def with_trials(recipe: TuneRecipe, trials: int | None) -> TuneRecipe:
    """Give the recipe another total of trials.

    Raises
    ------
    ConfigError
        It is less than 1.
    """
    if trials is None:
        return recipe
    if trials < 1:
        raise ConfigError(f"trials {trials}; valid is 1 and more")
    return msgspec.structs.replace(recipe, trials=trials)


def recipe_text(recipe: RunRecipe) -> str:
    """Write a recipe as TOML, which `read_run_recipe` reads again.

    Parameters
    ----------
    recipe : RunRecipe

    Returns
    -------
    str

    Notes
    -----
    A parameter that is None is left out, as TOML has no word for it: the default must be None.
    """
    lines = [f"{key} = {_spell(getattr(recipe, key))}" for key in ("name", "kind", "seed")]
    lines.append(f"fraction = {_spell(recipe.fraction)}")
    if recipe.transfer is not None:
        lines += ["", "[transfer]", f"mode = {_spell(recipe.transfer.mode)}"]
    if recipe.parameters:
        lines += ["", "[parameters]"]
        lines += [
            f"{_key(key)} = {_spell(value)}"
            for key, value in recipe.parameters.items()
            if value is not None
        ]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    bare = name.replace("_", "").replace("-", "")
    return name if bare.isascii() and bare.isalnum() else json.dumps(name)


def _spell(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(k)} = {_spell(v)}" for k, v in value.items() if v is not None)
        return f"{{{inside}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_spell(v) for v in value)}]"
    if isinstance(value, float) and not isinstance(value, bool) and value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    # JSON's spelling of the others is TOML's.
    return json.dumps(value)
