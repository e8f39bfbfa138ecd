"""Which events of a catalogue give positives, and which others windows must be clear of.

A control must have no event of the undeclustered catalogue of M >= 5 near it, whatever the
recipe takes for positives: an event that is left out by a cut shook the ground all the same. So
the cuts of a recipe choose among mainshocks; declustering and clearing see every event.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.arrays import BoolArray
from trainer.catalogues.catalogue import Catalogue, read_catalogue
from trainer.datasets.recipe import DatasetRecipe, EventRule
from trainer.errors import CatalogueError

#: Controls are clear of events of this magnitude and more.
CLEARING_MAGNITUDE = 5.0


def clearing_magnitude(rule: EventRule) -> float:
    """Least magnitude of the events that controls are clear of."""
    return min(CLEARING_MAGNITUDE, rule.least_magnitude)


def has_cuts(rule: EventRule) -> bool:
    """Whether controls are clear of events that can give no positive."""
    return (
        rule.least_magnitude > CLEARING_MAGNITUDE or rule.first is not None or rule.last is not None
    )


def read_events(path: Path, recipe: DatasetRecipe, strict: bool = False) -> Catalogue:
    """Read the events that a dataset is declustered with and cleared of.

    Parameters
    ----------
    path : Path
    recipe : DatasetRecipe
    strict : bool, optional
        Refuse a file with a row that cannot be used.

    Returns
    -------
    Catalogue
        Of all time, M >= 5 or the recipe's least magnitude where that is smaller, within its
        depth; `within_cuts` tells which may give positives.

    Raises
    ------
    CatalogueError
        As `trainer.catalogues.catalogue.read_catalogue`, or no event is within the cuts.
    """
    rule = recipe.events
    found = read_catalogue(path, clearing_magnitude(rule), rule.largest_depth_km, strict=strict)
    if not within_cuts(found, rule).any():
        first, last = cut_span(rule)
        raise CatalogueError(
            path,
            f"none of {found.size} events has M >= {rule.least_magnitude:g} from "
            f"{first or 'the first'} to {last or 'the last'}",
        )
    return found


def within_cuts(catalogue: Catalogue, rule: EventRule) -> BoolArray:
    """Mark the events that may give positives, if they are mainshocks.

    Parameters
    ----------
    catalogue : Catalogue
        n events; of a placebo the moved ones.
    rule : EventRule

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    found: BoolArray = catalogue.magnitude >= rule.least_magnitude
    first, last = cut_span(rule)
    if first is not None:
        found &= catalogue.time >= first
    if last is not None:
        found &= catalogue.time <= last
    return found


def cut_span(rule: EventRule) -> tuple[np.datetime64 | None, np.datetime64 | None]:
    """First and last instant of the days that a recipe asks for, in ms; the last day is within."""
    first = None if rule.first is None else np.datetime64(rule.first, "ms")
    last = None if rule.last is None else np.datetime64(rule.last, "ms") + np.timedelta64(1, "D")
    return first, last
