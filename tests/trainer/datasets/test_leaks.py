"""Leaks of each kind, planted in the files that a build wrote, are found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainer.common.errors import TrainError
from trainer.datasets.build import build_dataset
from trainer.datasets.leaks import check_dataset

HOUR = np.timedelta64(3_600_000, "ms")


@pytest.fixture
def dataset(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "dataset")


@pytest.fixture(scope="module")
def region_built(made, forty_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that leaves a region out."""
    folder = shutil.copytree(forty_days, tmp_path_factory.mktemp("region") / "dataset")
    rule = {"kind": "region", "region": "indonesia", "buffer_km": 300.0, "shares": (0.5, 0.3, 0.2)}
    recipe = made.recipe(splits=rule, controls={"longitude_deg": 30.0, "latitude_deg": 6.0})
    kp = made.indices(40.0)
    build_dataset(folder, made.random_catalogue(40.0, 12.0, 4), kp, recipe, lambda line: None)
    return folder


@pytest.fixture(scope="module")
def cut_built(made, forty_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Positives of M >= 5.4 alone, in squares east of their epicentres."""
    folder = shutil.copytree(forty_days, tmp_path_factory.mktemp("cut") / "dataset")
    area = {"area": "square", "half_width_deg": 4.0, "shift_deg": 8.0}
    recipe = made.recipe(events={"least_magnitude": 5.4}, labels=area)
    kp = made.indices(40.0)
    build_dataset(folder, made.random_catalogue(40.0, 4.0, 1), kp, recipe, lambda line: None)
    return folder


@pytest.fixture
def cut(cut_built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(cut_built, tmp_path / "dataset")


@pytest.fixture
def region(region_built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(region_built, tmp_path / "dataset")


class Table:
    """Rows of a Parquet file that are changed and written back in its own schema."""

    def __init__(self, path: Path) -> None:
        self.path = path
        table = pq.read_table(path)
        self.schema = table.schema
        self.rows: list[dict[str, Any]] = table.to_pylist()

    def find(self, **wanted: object) -> dict[str, Any]:
        """First row with some values."""
        return next(r for r in self.rows if all(r[k] == v for k, v in wanted.items()))

    def write(self) -> None:
        pq.write_table(pa.Table.from_pylist(self.rows, schema=self.schema), self.path)


def windows(folder: Path) -> Table:
    return Table(folder / "windows.parquet")


def change_card(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "dataset.json"
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))


def refused(folder: Path, message: str) -> None:
    with pytest.raises(TrainError, match=message) as caught:
        check_dataset(folder)
    assert "\n" not in str(caught.value)


def test_what_was_built_has_no_leak(built: Path, region_built: Path) -> None:
    assert check_dataset(built).mission == "cses"
    assert check_dataset(region_built).region.name == "indonesia"


def test_half_orbit_in_two_blocks(dataset: Path) -> None:
    table = windows(dataset)
    row = table.find(split="train")
    key = row["half_orbit"]
    assert sum(r["half_orbit"] == key for r in table.rows) > 1
    row["split"] = "validation"
    table.write()
    refused(dataset, f"half-orbit {key} .*is in validation and in train")


def test_half_orbit_in_another_block_than_its_windows(dataset: Path) -> None:
    table = windows(dataset)
    key = table.find(split="train")["half_orbit"]
    for row in table.rows:
        if row["half_orbit"] == key:
            row["split"] = "validation"
    table.write()
    refused(dataset, f"half-orbit {key} has windows in validation and is in train")


def test_half_orbit_out_of_the_time_of_its_block(dataset: Path) -> None:
    table = Table(dataset / "half_orbits.parquet")
    row = table.find(split="embargo")
    row["split"] = "train"
    table.write()
    refused(dataset, f"half-orbit {row['half_orbit']} is in train, and its time is not")


def test_one_pass_under_two_names(region: Path) -> None:
    table = Table(region / "half_orbits.parquet")
    one, other = table.find(split="train"), table.find(split="test")
    other["start"], other["end"] = one["start"], one["end"]
    table.write()
    refused(region, r"half-orbits \S+ \((train|test)\) and \S+ \((train|test)\) overlap in time")


def test_cluster_in_two_blocks(dataset: Path) -> None:
    table = windows(dataset)
    row = table.find(split="validation", role="positive")
    cluster = table.find(split="train", role="positive")["cluster"]
    row["cluster"] = cluster
    table.write()
    refused(dataset, f"cluster {cluster} is in (train and in validation|validation and in train)")


def test_cluster_with_events_in_two_blocks(dataset: Path) -> None:
    table = Table(dataset / "events.parquet")
    one, other = table.find(split="train"), table.find(split="test")
    other["cluster"] = one["cluster"]
    table.write()
    refused(dataset, rf"cluster {one['cluster']} of events\.parquet is in train and in test")


def test_positive_of_an_event_of_another_block(dataset: Path) -> None:
    table = windows(dataset)
    row = table.find(split="train", role="positive")
    events = Table(dataset / "events.parquet")
    other = events.find(split="validation", mainshock=True)
    row["event"] = other["event"]
    table.write()
    refused(dataset, rf"\(train\) has a positive of event {other['event']}.* in validation")


@pytest.mark.parametrize("role", ["control", "positive"])
def test_cylinders_of_two_blocks_that_overlap(dataset: Path, role: str) -> None:
    table = windows(dataset)
    row = table.find(split="train", role=role)
    event = Table(dataset / "events.parquet").find(split="validation")
    row["time"] = event["time"] - np.timedelta64(30, "h").item()
    row["latitude"], row["longitude"] = event["latitude"] + 0.3, event["longitude"]
    table.write()
    refused(
        dataset,
        rf"in the cylinder of an event of another block: half-orbit {row['half_orbit']} \(train\) "
        rf"has a window 33 km from event {event['event']} \(validation\), 30\.0 h before it",
    )


def test_control_near_an_event(dataset: Path) -> None:
    table = windows(dataset)
    row = table.find(split="train", role="control")
    event = Table(dataset / "events.parquet").find(split="train")
    row["time"], row["latitude"], row["longitude"] = (
        event["time"] + np.timedelta64(60, "h").item(),
        event["latitude"],
        event["longitude"],
    )
    table.write()
    refused(dataset, rf"a control near an event: half-orbit {row['half_orbit']} .*-60\.0 h before")


def test_events_beyond_the_cuts_clear_controls_and_give_no_positives(cut_built: Path) -> None:
    events = Table(cut_built / "events.parquet").rows
    weak = {e["event"] for e in events if e["magnitude"] < 5.4}
    assert weak == {e["event"] for e in events if not e["within_cuts"]}
    assert len(weak) > 100
    assert {r["event"] for r in windows(cut_built).rows}.isdisjoint(weak)
    counts = check_dataset(cut_built).counts
    assert (counts.events, counts.events_within_cuts) == (
        len(events),
        len(events) - len(weak),
    )


def test_control_near_an_event_beyond_the_cuts(cut: Path) -> None:
    table = windows(cut)
    row = table.find(split="train", role="control")
    event = Table(cut / "events.parquet").find(split="train", within_cuts=False)
    row["time"] = event["time"] - np.timedelta64(30, "h").item()
    row["latitude"], row["longitude"] = event["latitude"], event["longitude"]
    table.write()
    refused(cut, rf"a control near an event: .* a window 0 km from event {event['event']} ")


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("train", "a control near an event"),
        ("validation", "in the cylinder of an event of another block"),
    ],
)
def test_control_in_the_moved_square_of_an_event(cut: Path, split: str, message: str) -> None:
    table = windows(cut)
    row = table.find(split="train", role="control")
    event = Table(cut / "events.parquet").find(split=split, within_cuts=False)
    row["time"] = event["time"] - np.timedelta64(30, "h").item()
    row["latitude"] = event["latitude"] + 3.9
    row["longitude"] = (event["longitude"] + 8.0 + 3.9 + 180.0) % 360.0 - 180.0
    table.write()
    # Far beyond R of any M < 5.4: its square alone reaches there.
    refused(cut, rf"{message}: half-orbit {row['half_orbit']} ")


def test_control_in_the_moved_circle_of_an_event(dataset: Path) -> None:
    change_card(dataset, lambda card: card["recipe"]["labels"].update(shift_deg=150.0))
    refused(dataset, "a control near an event|in the cylinder of an event of another block")


def test_positive_of_an_event_beyond_the_cuts(cut: Path) -> None:
    event = windows(cut).find(role="positive", split="train")["event"]
    table = Table(cut / "events.parquet")
    table.find(event=event)["within_cuts"] = False
    table.write()
    refused(cut, rf"a positive of event {event}, which is beyond the cuts of the recipe")


def test_short_block(dataset: Path) -> None:
    change_card(dataset, lambda card: card["recipe"]["splits"].update(least_block_days=90.0))
    refused(dataset, r"block train has 14\.97 days; the recipe asks for 90 and more")


def test_short_embargo(dataset: Path) -> None:
    change_card(dataset, lambda card: card["recipe"]["splits"].update(embargo_days=30.0))
    refused(dataset, r"train and validation are 5\.00 days apart; the embargo .* is 30 days")


def test_half_orbits_nearer_than_the_embargo(dataset: Path) -> None:
    def widen(card: dict[str, Any]) -> None:
        card["blocks"]["validation"][0] = "2019-01-18T00:00:00.000Z"

    change_card(dataset, widen)
    refused(dataset, "train and validation are 2.* days apart; the embargo .* is 5 days")


def test_control_matched_across_blocks(dataset: Path) -> None:
    table = windows(dataset)
    one, other = (table.find(split=s, role="control") for s in ("train", "validation"))
    one["match"], other["match"] = other["match"], one["match"]
    table.write()
    refused(dataset, r"pair \d+: the positive of half-orbit \S+ is in (train|validation), its con")


def test_pair_without_its_control(dataset: Path) -> None:
    table = windows(dataset)
    one = table.find(role="control")
    one["match"] = 10_000
    table.write()
    refused(dataset, r"pair \d+ has \d positives and \d controls; 1 and 1 are right")


def test_control_from_a_half_orbit_with_positives(dataset: Path) -> None:
    table = windows(dataset)
    control = table.find(split="train", role="control")
    control["half_orbit"] = table.find(split="train", role="positive")["half_orbit"]
    table.write()
    refused(dataset, rf"half-orbit {control['half_orbit']} of the control has positives too")


def test_window_twice(dataset: Path) -> None:
    table = windows(dataset)
    one, other = table.find(split="train"), table.find(split="test")
    other["first_cell"] = one["first_cell"]
    table.write()
    refused(
        dataset,
        rf"a window is there twice: cell {one['first_cell']} of half-orbits \S+ \((train|test)\)",
    )


def test_positive_of_no_mainshock(dataset: Path) -> None:
    event = windows(dataset).find(role="positive", split="train")["event"]
    table = Table(dataset / "events.parquet")
    table.find(event=event)["mainshock"] = False
    table.write()
    refused(dataset, rf"\(train\) has a positive of event {event}, which is no mainshock")


def test_mainshock_that_is_not_the_strongest(dataset: Path) -> None:
    event = windows(dataset).find(role="positive", split="train")["event"]
    table = Table(dataset / "events.parquet")
    row = table.find(event=event)
    table.find(split="none")["cluster"] = row["cluster"]
    table.find(split="none", cluster=row["cluster"])["magnitude"] = 9.0
    table.write()
    refused(dataset, rf"event {event}, which is no mainshock")


def test_label_against_its_role(dataset: Path) -> None:
    table = windows(dataset)
    table.find(role="control")["label"] = 1
    table.write()
    refused(dataset, "role control with label 1")


@pytest.mark.parametrize("split", ["validation", "test", "embargo"])
def test_climatology_of_more_than_train(dataset: Path, split: str) -> None:
    table = Table(dataset / "half_orbits.parquet")
    row = table.find(split=split)
    row["climatology"] = True
    table.write()
    refused(dataset, rf"the climatology was fitted on half-orbit {row['half_orbit']} \({split}\)")


def test_climatology_of_other_half_orbits(dataset: Path) -> None:
    change_card(dataset, lambda card: card["climatology"].update(half_orbits_sha256="0" * 64))
    refused(dataset, "the climatology was fitted on 228 half-orbits of train; .* or others")


def test_another_climatology(dataset: Path) -> None:
    with (dataset / "climatology.npz").open("ab") as stream:
        stream.write(b"\0")
    refused(dataset, r"climatology\.npz is not the climatology that was fitted on train")


def test_training_window_in_the_region(region: Path) -> None:
    table = windows(region)
    row = table.find(split="train", role="control")
    row["latitude"], row["longitude"] = 0.0, 110.0
    table.write()
    refused(region, rf"half-orbit {row['half_orbit']} \(train\) has a window in the region indon")


def test_test_window_outside_the_region(region: Path) -> None:
    table = windows(region)
    table.find(split="test")["longitude"] = 0.0
    table.write()
    refused(region, r"\(test\) has a window outside the region indonesia")


def test_training_half_orbit_near_the_region(region: Path) -> None:
    table = Table(region / "half_orbits.parquet")
    row = table.find(split="train")
    row["region_km"] = 299.0
    table.write()
    refused(region, rf"half-orbit {row['half_orbit']} \(train\) comes within 299 km of the region")


def test_row_group_of_two_blocks(dataset: Path) -> None:
    windows(dataset).write()
    refused(dataset, "row group 0 holds more than one block")


def test_any_other_change_is_seen_by_its_hash(dataset: Path) -> None:
    table = Table(dataset / "events.parquet")
    table.rows[0]["depth"] += 1.0
    table.write()
    refused(dataset, r"events\.parquet is not the file that dataset\.json names")


def test_damaged_files_are_one_line(dataset: Path) -> None:
    table = pq.read_table(dataset / "half_orbits.parquet").drop_columns(["start"])
    pq.write_table(table, dataset / "half_orbits.parquet")
    refused(dataset, r"not the layout of a dataset: KeyError\('start'\)")
    (dataset / "half_orbits.parquet").write_bytes(b"PAR1")
    refused(dataset, r"half_orbits\.parquet: damaged")
    (dataset / "dataset.json").unlink()
    refused(dataset, "the dataset is not complete")
