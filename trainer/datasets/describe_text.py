"""The description of datasets as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainer.datasets.splits import NAMES


def describe_text(found: Mapping[str, Any]) -> Iterator[str]:
    """Spell what `trainer.datasets.describing.describe_datasets` found.

    Parameters
    ----------
    found : mapping

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
    yield _sample(one["sample"])
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


def _sample(sample: Mapping[str, Any]) -> str:
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
