"""What a reviewer asks of a dataset: counts, balance, coverage, and what masks alone give away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from edge.arrays import AnyArray
from trainer.common.errors import TrainError
from trainer.datasets.controls import kp_class
from trainer.datasets.dataset_card import read_card
from trainer.datasets.labels import ROW_KM
from trainer.datasets.layout import CONTROL_ROLE, EVENTS_FILE, HALF_ORBITS_FILE, POSITIVE_ROLE
from trainer.datasets.recipe import DatasetRecipe
from trainer.datasets.shortcuts import Rate, label_from_masks, label_from_place, mission_from_masks
from trainer.datasets.splits import NAMES
from trainer.datasets.tables import open_windows

SEASONS = ("DJF", "MAM", "JJA", "SON")
_ROLES = (POSITIVE_ROLE, CONTROL_ROLE)


def describe_datasets(datasets: Sequence[Path]) -> dict[str, Any]:
    """Describe datasets, and tell whether masks tell their missions apart.

    Returns
    -------
    dict
        ``datasets``: a list of what `describe_dataset` gives; ``mission_from_masks``: ROC AUC, or
        why there is none.

    Raises
    ------
    TrainError
        A dataset is incomplete, or they have other windows or profiles.
    """
    found = [describe_dataset(d) for d in datasets]
    missions = [d["mission"] for d in found]
    if len(set(missions)) < 2:
        rates: dict[str, Any] = {"not_applicable": "give datasets of two missions"}
    elif len(datasets) > 2:
        raise TrainError(f"{len(datasets)} datasets; valid are datasets of two missions, one each")
    else:
        rates = {k: v.record() for k, v in mission_from_masks(datasets).items()}
    return {"datasets": found, "mission_from_masks": rates}


def describe_dataset(dataset: Path) -> dict[str, Any]:
    """Describe one dataset.

    Returns
    -------
    dict
        Of the test block counts alone; everything that looks at windows looks at train and
        validation.

    Raises
    ------
    TrainError
        The dataset is incomplete or damaged.
    """
    import pyarrow.parquet as pq

    card = read_card(dataset)
    counts = open_windows(
        dataset, columns=("split", "role", "half_orbit", "event", "cluster"), allow_test=True
    ).table()
    orbits = pq.read_table(dataset / HALF_ORBITS_FILE)
    events = pq.read_table(dataset / EVENTS_FILE, columns=["cluster", "mainshock", "split"])
    counted = card.counts
    edges = card.recipe.controls.kp_edges
    return {
        "name": card.name,
        "mission": card.mission,
        "profile": card.profile,
        "simulated": card.simulated,
        "short_archive": card.short_archive,
        "placebo": card.recipe.placebo.kind,
        "blocks": card.blocks,
        "region": msgspec.to_builtins(card.region),
        "embargo_days": card.embargo_days,
        "sample": _sample(card.recipe),
        "catalogue": card.inputs.catalogue.name,
        "events": {
            "all": counted.events,
            "within_cuts": counted.events
            if counted.events_within_cuts is msgspec.UNSET
            else counted.events_within_cuts,
            "clusters": counted.clusters,
            "clusters_crossing_blocks": counted.clusters_crossing,
            "too_small_to_contain_a_window": counted.events_too_small_to_contain_a_window,
            "in_block": _tally(_texts(events["split"]), NAMES),
        },
        "half_orbits": counted.half_orbits,
        "windows": {
            k: getattr(counted, k) for k in ("windows", "positive", "negative", "excluded")
        },
        "left_out": card.dropped,
        "splits": {name: _balance(counts, orbits, name) for name in NAMES},
        "unmatched_positives": msgspec.to_builtins(card.unmatched),
        "coverage": _coverage(dataset),
        **_histograms(dataset, edges),
        "label_from_masks": _record(label_from_masks(dataset)),
        "label_from_place_and_season": _record(label_from_place(dataset)),
    }


def _sample(recipe: DatasetRecipe) -> dict[str, Any]:
    """Say what a window is, and when it is called positive."""
    length, labels = recipe.windows.length, recipe.labels
    return {
        "rows": length,
        "km": ROW_KM * (length - 1),
        **{k: getattr(labels, k) for k in ("lead_hours", "area", "placement", "shift_deg")},
        "half_width_deg": labels.half_width_deg if labels.area == "square" else None,
    }


def _record(rate: Rate | None) -> dict[str, Any]:
    if rate is None:
        return {"not_applicable": "train or validation has one class alone"}
    return rate.record()


def _texts(column: Any) -> npt.NDArray[np.object_]:
    found: npt.NDArray[np.object_] = column.to_numpy(zero_copy_only=False)
    return found


def _tally(values: AnyArray, names: Sequence[str]) -> dict[str, int]:
    return {name: int((values == name).sum()) for name in names}


def _balance(counts: Any, orbits: Any, name: str) -> dict[str, Any]:
    """Numbers of one block: of all windows, and of the matched ones."""
    own = _texts(orbits["split"]) == name
    total = {
        k: int(orbits[k].to_numpy()[own].sum())
        for k in ("windows", "positive", "negative", "excluded")
    }
    mine = _texts(counts["split"]) == name
    role = _texts(counts["role"])[mine]
    orbit = _texts(counts["half_orbit"])[mine]
    positive = role == POSITIVE_ROLE
    return {
        "half_orbits": int(own.sum()),
        **total,
        "share_positive": total["positive"] / total["windows"] if total["windows"] else None,
        "matched_positives": int(positive.sum()),
        "controls": int((~positive).sum()),
        "events": len(set(_texts(counts["event"])[mine][positive])),
        "clusters": len(set(counts["cluster"].to_numpy()[mine][positive].tolist())),
        "half_orbits_of_positives": len(set(orbit[positive])),
        "half_orbits_of_controls": len(set(orbit[~positive])),
    }


def _coverage(dataset: Path) -> dict[str, dict[str, float]]:
    """Share of valid values of each observable, in the windows of each class."""
    reader = open_windows(dataset, columns=("split", "role", "valid"))
    size = len(reader.observables)
    valid = {role: np.zeros(size) for role in _ROLES}
    number = dict.fromkeys(_ROLES, 0)
    for batch in reader.batches():
        flat = batch["valid"].flatten().to_numpy(zero_copy_only=False)
        share = flat.reshape(batch.num_rows, reader.length, size).mean(axis=1)
        role = _texts(batch["role"])
        for name in _ROLES:
            valid[name] += share[role == name].sum(axis=0)
            number[name] += int((role == name).sum())
    return {
        observable: {
            role: float(valid[role][i] / number[role]) if number[role] else 0.0 for role in _ROLES
        }
        for i, observable in enumerate(reader.observables)
    }


def _histograms(dataset: Path, edges: tuple[float, ...]) -> dict[str, Any]:
    """Kp and season of each class in train and validation."""
    table = open_windows(dataset, columns=("role", "kp", "time", "mode", "mask", "split")).table()
    role = _texts(table["role"])
    kp = kp_class(table["kp"].to_numpy().astype(np.float64), edges)
    bounds = [0.0, *edges, 9.0]
    names = ["unknown", *(f"{a:g}-{b:g}" for a, b in pairwise(bounds))]
    month = table["time"].to_numpy().astype("datetime64[M]").astype(np.int64) % 12
    season = (month + 1) % 12 // 3
    mask = _texts(table["mask"])
    common = sorted(set(mask), key=lambda m: (-int((mask == m).sum()), m))[:10]
    result: dict[str, Any] = {"kp": {}, "season": {}, "mode": {}, "mask": {}}
    for one in _ROLES:
        own = role == one
        result["kp"][one] = {n: int((kp[own] == i - 1).sum()) for i, n in enumerate(names)}
        result["season"][one] = {n: int((season[own] == i).sum()) for i, n in enumerate(SEASONS)}
        result["mode"][one] = _tally(_texts(table["mode"])[own], ("survey", "burst", "mixed"))
        result["mask"][one] = _tally(mask[own], common)
    return result


def describe_text(found: Mapping[str, Any]) -> Iterator[str]:
    """Spell what `trainer.datasets.describing.describe_datasets` found.

    Yields
    ------
    str
        Lines.
    """
    for one in found["datasets"]:
        yield from _dataset(one)
        yield ""
    rates = found["mission_from_masks"]
    yield f"mission from the masks alone: {_rates(rates)}"


def _dataset(one: Mapping[str, Any]) -> Iterator[str]:
    made = "SIMULATED" if one["simulated"] else "real"
    yield f"{one['name']}: {one['mission']}, profile {one['profile']}, {made} data"
    if one["short_archive"]:
        yield "short archive: blocks and embargo below 90 and 30 days were asked for"
    if one["placebo"] != "none":
        yield f"placebo: {one['placebo']}"
    yield _sample_line(one["sample"])
    events = one["events"]
    yield (
        f"events: {events['all']} of {one['catalogue']} in {events['clusters']} clusters; "
        f"{events['clusters_crossing_blocks']} clusters cross blocks and are left out"
    )
    if events["within_cuts"] != events["all"]:
        yield (
            f"events within the cuts, which may give positives: {events['within_cuts']}; "
            "controls are clear of all"
        )
    if events["too_small_to_contain_a_window"] is not None:
        yield (f"events too small to contain a window: {events['too_small_to_contain_a_window']}")
    yield "half-orbits: " + _pairs(one["half_orbits"])
    windows = one["windows"]
    yield "windows: " + _pairs(windows)
    yield "left out: " + _pairs({k: v for k, v in one["left_out"].items() if v})
    yield f"embargo: {one['embargo_days']:g} days"
    if one["region"] is not None:
        region = one["region"]
        yield f"region left out: {region['name']}, buffer {region['buffer_km']:.0f} km"
    header = ("half-orbits", "windows", "positive", "share", "matched", "controls", "events")
    yield f"{'block':<12}" + "".join(f"{h:>12}" for h in (*header, "clusters"))
    for name in NAMES:
        b = one["splits"][name]
        share = b["share_positive"]
        cells = (
            b["half_orbits"],
            b["windows"],
            b["positive"],
            "-" if share is None else f"{100.0 * share:.3f} %",
            b["matched_positives"],
            b["controls"],
            b["events"],
            b["clusters"],
        )
        yield f"{name:<12}" + "".join(f"{c:>12}" for c in cells)
        yield f"{'':<12}  {one['blocks'][name][0]} to {one['blocks'][name][1]}"
    yield "of train and validation, positives against controls:"
    for observable, share in one["coverage"].items():
        yield f"  coverage {observable:<22}" + _both({k: f"{v:.3f}" for k, v in share.items()})
    for what in ("kp", "season", "mode", "mask"):
        for name in one[what]["positive"]:
            both = {role: one[what][role][name] for role in ("positive", "control")}
            if any(both.values()):
                yield f"  {what + ' ' + name:<31}" + _both(both)
    unmatched = one["unmatched_positives"]
    yield "unmatched positives: " + _pairs(unmatched["positives"])
    if unmatched["in_the_way"]:
        yield (
            f"in the way of matches (of {unmatched['asked']} asked): "
            + _pairs(unmatched["in_the_way"])
        )
    yield f"label from the masks alone: {_rates({'': one['label_from_masks']})}"
    yield f"label from place and season: {_rates({'': one['label_from_place_and_season']})}"


def _sample_line(sample: Mapping[str, Any]) -> str:
    low, high = sample["lead_hours"]
    area = "the Dobrovolsky circle"
    if sample["area"] == "square":
        area = f"the square of {sample['half_width_deg']:g} degrees to each side"
    if sample["shift_deg"]:
        area += f", moved {sample['shift_deg']:g} degrees east"
    what = {"midpoint": "midpoint", "contained": "all rows"}[sample["placement"]]
    return (
        f"windows of L = {sample['rows']} rows, {sample['km']:.0f} km of ground track; positive: "
        f"{what} in {area}, {low:g} to {high:g} h before the event"
    )


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{v} {k}" for k, v in values.items()) or "none"


def _both(values: Mapping[str, Any]) -> str:
    return f"{values['positive']:>10}{values['control']:>10}"


def _rates(rates: Mapping[str, Any]) -> str:
    if "not_applicable" in rates:
        return f"not applicable: {rates['not_applicable']}"
    parts = []
    for name, rate in rates.items():
        if "not_applicable" in rate:
            parts.append(f"not applicable: {rate['not_applicable']}")
        else:
            what = f"{name} observables: " if name else ""
            parts.append(
                f"{what}AUC {rate['auc']:.3f} ({rate['low']:.3f} to {rate['high']:.3f}) "
                f"on {rate['windows']} windows of validation"
            )
    return "; ".join(parts)
