"""The recipe of a training run: which classifier, with what parameters, on how much of the data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import msgspec

from edge.errors import ConfigError
from trainer.datasets.recipe import Count, Section, Seed, decode, find_recipe
from trainer.models.classifier import TransferMode as TransferMode

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


class TuneRecipe(Section, frozen=True, kw_only=True):
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
    searched : list of str
        Names of the parameters that are searched; empty: all that the classifier has a range of.
    """

    name: str
    kind: str
    seed: Seed
    trials: Count
    random_trials: Count
    pruning: Pruning
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    searched: list[str] = msgspec.field(default_factory=list)


_Recipe = TypeVar("_Recipe", RunRecipe, TuneRecipe)


def read_run_recipe(path: Path) -> RunRecipe:
    """Read and validate the recipe of a run.

    Parameters
    ----------
    path : Path
        Or the name of one that ships.

    Raises
    ------
    ConfigError
        It is missing, no TOML, lacks a key, has an unknown one or an impossible value.
    """
    return decode(find_recipe(path), RunRecipe)


def read_tune_recipe(path: Path) -> TuneRecipe:
    """Read and validate the recipe of a search; see `read_run_recipe`."""
    return decode(find_recipe(path), TuneRecipe)


def with_transfer(recipe: RunRecipe, mode: str | None) -> RunRecipe:
    """Give the recipe another way of transfer.

    Raises
    ------
    ConfigError
        It is unknown.
    """
    if mode is None:
        return recipe
    for known in get_args(TransferMode):
        if mode == known:
            return msgspec.structs.replace(recipe, transfer=Transfer(known))
    raise ConfigError(f"transfer {mode!r}; valid are {', '.join(get_args(TransferMode))}")


#: Keys that a command may replace.
_VALID: dict[str, tuple[Callable[[float], bool], str]] = {
    "fraction": (lambda value: 0.0 < value <= 1.0, "above 0 and at most 1"),
    "seed": (lambda value: value >= 0, "0 and more"),
    "trials": (lambda value: value >= 1, "1 and more"),
}


def with_options(recipe: _Recipe, **options: float | None) -> _Recipe:
    """Give the recipe other values of fraction, seed or trials; None leaves one as it is.

    Raises
    ------
    ConfigError
        A value is impossible.
    """
    for key, value in options.items():
        if value is None:
            continue
        holds, valid = _VALID[key]
        if not holds(value):
            raise ConfigError(f"{key} {value:g}; valid is {valid}")
        recipe = msgspec.structs.replace(recipe, **{key: value})
    return recipe


def recipe_text(recipe: RunRecipe) -> str:
    """Write a recipe as TOML, which `read_run_recipe` reads again.

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
