"""Looks for leaks between the blocks of a dataset, in nothing but the files on disk.

What wrote the files is not asked: a rule that was broken while they were made is broken here too,
and so is one that was broken afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np

from edge.bundle import file_sha256
from edge.errors import one_line
from trainer.common.errors import TrainError
from trainer.datasets.dataset_card import DATASET_FILE, DatasetCard, read_card
from trainer.datasets.layout import CONTROL_ROLE, EVENTS_FILE, HALF_ORBITS_FILE, POSITIVE_ROLE
from trainer.datasets.leak_tables import LeakTables, check_cylinders, first, one_split, read_tables
from trainer.datasets.splits import NAMES
from trainer.datasets.tables import open_windows

_EVENT_KEYS = ("event", "split", "cluster")
_DAY = np.timedelta64(86_400_000, "ms")


def check_dataset(dataset: Path) -> DatasetCard:
    """Refuse a dataset that leaks.

    Raises
    ------
    TrainError
        The dataset is incomplete or damaged, or has a leak: it names the half-orbit, cluster, event
        or pair, and the blocks.
    """
    card = read_card(dataset)
    check(dataset, card)
    # Last, so that a leak is called by its name.
    for name, record in sorted(card.files.items()):
        path = dataset / name
        if name == DATASET_FILE:
            continue
        if not path.is_file() or file_sha256(path) != record.sha256:
            raise TrainError(f"{dataset.name}: {name} is not the file that {DATASET_FILE} names")
    return card


def check(dataset: Path, card: DatasetCard) -> None:
    """Refuse the files of a dataset that leak; see `check_dataset`.

    Parameters
    ----------
    dataset : Path
    card : DatasetCard
        It may not be written yet.
    """
    try:
        tables = read_tables(dataset)
        for step in (
            _blocks,
            _half_orbits,
            _windows_once,
            _clusters,
            _mainshocks,
            _matches,
            _region,
            check_cylinders,
        ):
            step(tables, card)
        _climatology(dataset, tables, card)
        # A row group that holds two blocks would open both: its statistics are asked here.
        len(open_windows(dataset, allow_test=True))
    except (KeyError, TypeError, ValueError) as error:
        raise TrainError(
            f"{one_line(dataset.name)}: not the layout of a dataset: {one_line(repr(error))}"
        ) from None


def keys_sha256(keys: Sequence[str]) -> str:
    """sha256 of the keys of half-orbits, hexadecimal."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def _blocks(tables: LeakTables, card: DatasetCard) -> None:
    """Blocks long enough, far enough from each other, and half-orbits within theirs."""
    rule = card.recipe.splits
    spans = card.spans
    timed = NAMES if card.region is None else NAMES[:2]
    least, embargo = rule.least_block_days, rule.embargo_days
    for name in timed:
        days = (spans[name][1] - spans[name][0]) / _DAY
        if days < least:
            raise TrainError(
                f"block {name} has {days:.2f} days; the recipe asks for {least:g} and more"
            )
    orbits = tables.half_orbits
    for name in NAMES:
        own = orbits["split"] == name
        out = own & ((orbits["start"] < spans[name][0]) | (orbits["end"] > spans[name][1]))
        if out.any():
            raise TrainError(
                f"half-orbit {first(orbits['half_orbit'], out)} is in {name}, and its time is not"
            )
    for one, other in combinations(timed, 2):
        a, b = (orbits["split"] == n for n in (one, other))
        gaps = [spans[other][0] - spans[one][1]]
        if a.any() and b.any():
            gaps.append(orbits["start"][b].min() - orbits["end"][a].max())
        if min(gaps) / _DAY < embargo:
            raise TrainError(
                f"{one} and {other} are {min(gaps) / _DAY:.2f} days apart; the embargo of the "
                f"recipe is {embargo:g} days"
            )


def _half_orbits(tables: LeakTables, card: DatasetCard) -> None:
    """No half-orbit in two blocks, by its name or by its time."""
    windows, orbits = tables.windows, tables.half_orbits
    one_split(windows["half_orbit"], windows["split"], "half-orbit", HALF_ORBITS_FILE)
    one_split(orbits["half_orbit"], orbits["split"], "half-orbit", HALF_ORBITS_FILE)
    table = dict(zip(orbits["half_orbit"], orbits["split"], strict=True))
    for key, split in zip(windows["half_orbit"], windows["split"], strict=True):
        if table.get(key) != split:
            raise TrainError(
                f"half-orbit {key} has windows in {split} and is in {table.get(key, 'no block')}"
            )
    used = np.flatnonzero(np.isin(orbits["split"], NAMES))
    used = used[np.argsort(orbits["start"][used], kind="stable")]
    for a, b in pairwise(used.tolist()):
        if orbits["start"][b] <= orbits["end"][a] and orbits["split"][a] != orbits["split"][b]:
            raise TrainError(
                f"half-orbits {orbits['half_orbit'][a]} ({orbits['split'][a]}) and "
                f"{orbits['half_orbit'][b]} ({orbits['split'][b]}) overlap in time"
            )


def _windows_once(tables: LeakTables, card: DatasetCard) -> None:
    """No window twice: a satellite is in one cell at a time, whatever its half-orbit is called."""
    windows = tables.windows
    order = np.argsort(windows["first_cell"], kind="stable")
    twice = np.flatnonzero(np.diff(windows["first_cell"][order]) == 0)
    if twice.size:
        a, b = order[twice[0]], order[twice[0] + 1]
        raise TrainError(
            f"a window is there twice: cell {windows['first_cell'][a]} of half-orbits "
            f"{windows['half_orbit'][a]} ({windows['split'][a]}) and "
            f"{windows['half_orbit'][b]} ({windows['split'][b]})"
        )


def _clusters(tables: LeakTables, card: DatasetCard) -> None:
    """No cluster in two blocks, and no positive of a cluster of another one."""
    windows, events = tables.windows, tables.events
    positive = windows["role"] == POSITIVE_ROLE
    one_split(
        windows["cluster"][positive].astype(np.int64), windows["split"][positive], "cluster", ""
    )
    inside = np.isin(events["split"], NAMES)
    one_split(events["cluster"][inside], events["split"][inside], "cluster", EVENTS_FILE)
    known = {e: (s, c) for e, s, c in zip(*(events[k] for k in _EVENT_KEYS), strict=True)}
    some = zip(*(windows[k][positive] for k in (*_EVENT_KEYS, "half_orbit")), strict=True)
    for event, split, cluster, half_orbit in some:
        if event not in known:
            raise TrainError(f"half-orbit {half_orbit}: event {event} is not in {EVENTS_FILE}")
        if known[event] != (split, int(cluster)):
            raise TrainError(
                f"half-orbit {half_orbit} ({split}) has a positive of event {event}, cluster "
                f"{int(cluster)}; {EVENTS_FILE} has it in {known[event][0]}, "
                f"cluster {known[event][1]}"
            )


def _mainshocks(tables: LeakTables, card: DatasetCard) -> None:
    """Positives of mainshocks alone, the strongest of their clusters."""
    windows, events = tables.windows, tables.events
    positive = windows["role"] == POSITIVE_ROLE
    wrong = positive != (windows["label"] == 1)
    wrong |= ~np.isin(windows["role"], (POSITIVE_ROLE, CONTROL_ROLE))
    if wrong.any():
        raise TrainError(
            f"half-orbit {first(windows['half_orbit'], wrong)}: role "
            f"{first(windows['role'], wrong)} with label {first(windows['label'], wrong)}"
        )
    strongest = np.full(int(events["cluster"].max()) + 1, -np.inf)
    np.maximum.at(strongest, events["cluster"], events["magnitude"])
    shock = events["mainshock"] & (events["magnitude"] >= strongest[events["cluster"]])
    bad = np.isin(events["event"], windows["event"][positive]) & ~shock
    if bad.any():
        event = first(events["event"], bad)
        at = positive & (windows["event"] == event)
        raise TrainError(
            f"half-orbit {first(windows['half_orbit'], at)} ({first(windows['split'], at)}) has "
            f"a positive of event {event}, which is no mainshock"
        )
    # Only there where the recipe's cuts leave out events that controls are clear of.
    beyond = ~events["within_cuts"] if "within_cuts" in events else np.zeros(shock.size, np.bool_)
    bad = np.isin(events["event"], windows["event"][positive]) & beyond
    if bad.any():
        event = first(events["event"], bad)
        at = positive & (windows["event"] == event)
        raise TrainError(
            f"half-orbit {first(windows['half_orbit'], at)} ({first(windows['split'], at)}) has "
            f"a positive of event {event}, which is beyond the cuts of the recipe"
        )


def _matches(tables: LeakTables, card: DatasetCard) -> None:
    """Keep pairs within a block, and controls from half-orbits without positives."""
    windows = tables.windows
    positive = windows["role"] == POSITIVE_ROLE
    order = np.lexsort((~positive, windows["match"]))
    pair = windows["match"][order]
    starts = np.flatnonzero(np.r_[True, np.diff(pair) != 0]) if pair.size else np.zeros(0, int)
    needed = card.recipe.controls.per_positive
    with_positives = set(windows["half_orbit"][positive])
    for members in np.split(order, starts[1:]) if len(starts) else []:
        split = windows["split"][members]
        if positive[members].sum() != 1 or members.size != 1 + needed:
            raise TrainError(
                f"pair {windows['match'][members[0]]} has {positive[members].sum()} positives and "
                f"{(~positive[members]).sum()} controls; 1 and {needed} are right"
            )
        for other in members[split != split[0]]:
            raise TrainError(
                f"pair {windows['match'][other]}: the positive of half-orbit "
                f"{windows['half_orbit'][members[0]]} is in {split[0]}, its control of half-orbit "
                f"{windows['half_orbit'][other]} in {windows['split'][other]}"
            )
        for other in members[1:]:
            if windows["half_orbit"][other] in with_positives:
                raise TrainError(
                    f"pair {windows['match'][other]}: half-orbit {windows['half_orbit'][other]} of "
                    "the control has positives too"
                )


def _region(tables: LeakTables, card: DatasetCard) -> None:
    """No training near the region that is left out, and no test elsewhere."""
    about = card.region
    if about is None:
        return
    windows, orbits = tables.windows, tables.half_orbits
    inside = about.region.contains(windows["latitude"], windows["longitude"])
    test = windows["split"] == "test"
    wrong = inside != test
    if wrong.any():
        where = "outside" if test[wrong][0] else "in"
        raise TrainError(
            f"half-orbit {first(windows['half_orbit'], wrong)} "
            f"({first(windows['split'], wrong)}) has a window {where} the region {about.name}"
        )
    training = np.isin(orbits["split"], NAMES[:2])
    near = training & ~(orbits["region_km"] > about.buffer_km)
    if near.any():
        raise TrainError(
            f"half-orbit {first(orbits['half_orbit'], near)} ({first(orbits['split'], near)}) "
            f"comes within {first(orbits['region_km'], near):.0f} km of the region "
            f"{about.name}, which test holds; the buffer is {about.buffer_km:.0f} km"
        )


def _climatology(dataset: Path, tables: LeakTables, card: DatasetCard) -> None:
    """Refuse a climatology of anything but training half-orbits."""
    about, orbits = card.climatology, tables.half_orbits
    strange = orbits["climatology"] & (orbits["split"] != "train")
    if strange.any():
        raise TrainError(
            f"the climatology was fitted on half-orbit {first(orbits['half_orbit'], strange)} "
            f"({first(orbits['split'], strange)}); valid is train alone"
        )
    fitted = orbits["half_orbit"][orbits["climatology"]].tolist()
    if (
        about.fitted_on != "train"
        or about.half_orbits != len(fitted)
        or about.half_orbits_sha256 != keys_sha256(fitted)
    ):
        raise TrainError(
            f"the climatology was fitted on {about.half_orbits} half-orbits of "
            f"{about.fitted_on}; {HALF_ORBITS_FILE} has {len(fitted)} of train, or others"
        )
    path = dataset / "climatology.npz"
    if not path.is_file() or file_sha256(path) != about.sha256:
        raise TrainError(f"{path.name} is not the climatology that was fitted on train")
