"""From rows to a dataset: what is in it, the same bytes twice, and taking up broken work."""

from __future__ import annotations

import dataclasses
import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from edge.bundle import file_sha256
from edge.climatology import Climatology
from edge.observables import PLASMA
from trainer.archives.manifest import read_manifest
from trainer.archives.rows import iter_passes
from trainer.common.code_hash import DATASET_SOURCES, code_sha256
from trainer.common.errors import CatalogueError, TrainError
from trainer.datasets import build as dataset_build
from trainer.datasets.build import build_dataset, read_events
from trainer.datasets.dataset_card import DATASET_FILE
from trainer.datasets.labels import within_cuts
from trainer.datasets.plan import make_plan
from trainer.datasets.stages import PARTIAL_FILE
from trainer.datasets.tables import open_windows

FILES = ("climatology.npz", "windows.parquet", "half_orbits.parquet", "events.parquet")
KP = (1.3, 2.0, 2.7, 3.3)


def build(made, dataset: Path, recipe=None, seed: int = 1, **keys) -> list[str]:
    told: list[str] = []
    catalogue = keys.get("catalogue") or made.random_catalogue(40.0, 4.0, seed)
    indices = keys.get("indices", made.indices(40.0, KP))
    build_dataset(dataset, catalogue, indices, recipe or made.recipe(), told.append)
    return told


@pytest.fixture
def dataset(forty_days: Path, tmp_path: Path) -> Path:
    return shutil.copytree(forty_days, tmp_path / "dataset")


def test_the_same_twice_is_the_same_bytes(made, built: Path, dataset: Path) -> None:
    build(made, dataset)
    for name in (*FILES, DATASET_FILE):
        assert (dataset / name).read_bytes() == (built / name).read_bytes(), name
    assert not list(dataset.glob(".*"))
    assert not (dataset / PARTIAL_FILE).exists()
    before = {n: (dataset / n).stat().st_mtime_ns for n in FILES}
    assert build(made, dataset) == ["the dataset is up to date"]
    assert before == {n: (dataset / n).stat().st_mtime_ns for n in FILES}


def test_broken_work_is_taken_up(made, built: Path, dataset: Path, monkeypatch) -> None:
    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset_build.build_tables.DatasetTables, "write_half_orbits", stop)
    with pytest.raises(KeyboardInterrupt):
        build(made, dataset)
    monkeypatch.undo()
    assert not (dataset / DATASET_FILE).exists()
    with pytest.raises(TrainError, match="the dataset is not complete"):
        dataset_build.leaks.check_dataset(dataset)
    fitted = (dataset / "climatology.npz").stat().st_mtime_ns
    (dataset / ".windows.parquet-x.tmp").write_bytes(b"half")
    told = build(made, dataset)
    assert not list(dataset.glob(".*"))
    assert (dataset / "climatology.npz").stat().st_mtime_ns == fitted
    assert not any("fitted" in line for line in told)
    for name in (*FILES, DATASET_FILE):
        assert (dataset / name).read_bytes() == (built / name).read_bytes(), name


def test_what_changed_is_made_again_and_nothing_else(made, built: Path, tmp_path: Path) -> None:
    dataset = shutil.copytree(built, tmp_path / "dataset")
    before = {n: file_sha256(dataset / n) for n in FILES}
    told = build(made, dataset, made.recipe(controls={"per_positive": 2}))
    after = {n: file_sha256(dataset / n) for n in FILES}
    assert before["climatology.npz"] == after["climatology.npz"]
    assert not any("fitted" in line for line in told)
    assert before["windows.parquet"] != after["windows.parquet"]
    (dataset / "climatology.npz").write_bytes(b"")
    assert any("fitted" in line for line in build(made, dataset, made.recipe()))
    assert {n: file_sha256(dataset / n) for n in FILES} == before


def test_a_kp_file_that_ends_inside_the_archive_is_named_as_the_cause(made, dataset: Path) -> None:
    whole = made.indices(40.0, KP)
    end = whole.time.size - 8 * 50
    short = dataclasses.replace(
        whole, name="Kp.txt", time=whole.time[:end], kp=whole.kp[:end], f107=whole.f107[:end]
    )
    first, last = (np.datetime64(made.start + d * made.day, "D") for d in (-30, 19))
    gap = f"Kp.txt: Kp is known from {first} to {last}, the archive goes from "
    with pytest.raises(TrainError, match=r"windows dropped, Kp unknown in Kp\.txt") as caught:
        build(made, dataset, indices=short)
    assert gap in str(caught.value)
    assert str(caught.value).isprintable()
    told = build(made, dataset, made.recipe(controls={"unknown_kp": "keep"}), indices=short)
    assert sum(line.startswith(gap) for line in told) == 1
    assert not any("Kp" in line for line in build(made, dataset, indices=whole))


def test_windows_are_what_a_model_sees_at_the_edge(made, built: Path) -> None:
    climatology = Climatology.load(built / "climatology.npz")
    features = {}
    for item in iter_passes(built):
        rows = climatology.features(item.grid, PLASMA, "cses", 6.0)
        features[item.key] = (int(item.grid.cell[0]), rows, item.grid)
    reader = open_windows(built)
    seen = 0
    for batch in reader.batches(100):
        inputs, label = reader.inputs(batch)
        assert inputs.dtype == np.float32
        values, _ = reader.inputs(batch, raw=True)
        place = zip(batch["half_orbit"].to_pylist(), batch["first_cell"].to_pylist(), strict=True)
        for i, (key, cell) in enumerate(place):
            start, rows, grid = features[key]
            own = slice(cell - start, cell - start + 20)
            assert np.array_equal(inputs[i], rows[own])
            masked = np.where(rows[own, 5:] > 0, grid.values[own], 0.0)
            assert np.array_equal(values[i, :, :5], masked.astype(np.float32))
        assert label.tolist() == [r == "positive" for r in batch["role"].to_pylist()]
        seen += batch.num_rows
    assert seen == len(reader) > 300


def test_the_test_block_opens_on_demand_alone(built: Path) -> None:
    assert set(open_windows(built, columns=["split"]).table()["split"].to_pylist()) == {
        "train",
        "validation",
    }
    with pytest.raises(TrainError, match="allow_test=True"):
        open_windows(built, "test")
    allowed = open_windows(built, "test", ["split"], allow_test=True).table()
    assert set(allowed["split"].to_pylist()) == {"test"}
    with pytest.raises(TrainError, match="split 'tset'; valid are train, validation, test"):
        open_windows(built, "tset")
    with pytest.raises(TrainError, match="no column 'scores'"):
        open_windows(built, columns=["scores"])
    with pytest.raises(TrainError, match="no windows"):
        open_windows(built / "rows")


def test_files_say_their_units_and_that_all_is_simulated(built: Path) -> None:
    for name in FILES[1:]:
        schema = pq.read_schema(built / name)
        assert schema.metadata[b"simulated"] == b"true"
        assert all(b"unit" in field.metadata for field in schema)
    schema = pq.read_schema(built / "windows.parquet")
    assert schema.field("residual").metadata[b"unit"] == b"sigma"
    assert schema.field("residual").type.list_size == 100
    card = json.loads((built / DATASET_FILE).read_text())
    assert card["simulated"] is True
    assert card["short_archive"] is True
    assert card["recipe"]["labels"]["lead_hours"] == [0.0, 48.0]
    assert card["inputs"]["catalogue"]["sha256"] == "0" * 64


def test_tables_agree_with_each_other(built: Path) -> None:
    card = json.loads((built / DATASET_FILE).read_text())
    role = open_windows(built, columns=["role"], allow_test=True).table()["role"].to_pylist()
    windows = {name: role.count(name) for name in ("positive", "control")}
    orbits = pq.read_table(built / "half_orbits.parquet")
    assert windows["positive"] == sum(orbits["drawn_positive"].to_pylist())
    assert windows["control"] == sum(orbits["drawn_control"].to_pylist())
    assert windows["positive"] == windows["control"]
    assert sum(card["counts"]["matched"].values()) == 2 * windows["positive"]
    total = np.sum([orbits[k].to_numpy() for k in ("positive", "negative", "excluded")], axis=0)
    assert np.array_equal(total, orbits["windows"].to_numpy())
    events = pq.read_table(built / "events.parquet")
    assert sum(events["windows"].to_pylist()) == windows["positive"]


def test_raw_gives_values_by_default(made, dataset: Path) -> None:
    build(made, dataset, made.recipe(background={"raw": True}))
    reader = open_windows(dataset, "train")
    table = reader.table()
    assert reader.raw
    inputs, _ = reader.inputs(table)
    flat = table["value"].combine_chunks().flatten().to_numpy()
    assert np.array_equal(inputs[:, :, :5].reshape(-1), flat)


@pytest.mark.parametrize(
    ("kind", "amount"), [("epicentres", 0.0), ("time-shift", 11.0), ("longitude-shift", 37.0)]
)
def test_placebos_move_the_events_and_say_so(made, built, dataset, kind, amount) -> None:
    rule = {"kind": kind, "amount": amount, "seed": 3}
    assert any(kind in line for line in build(made, dataset, made.recipe(placebo=rule)))
    moved, real = (pq.read_table(d / "events.parquet") for d in (dataset, built))
    place = {"time-shift": "time"}.get(kind, "longitude")
    order = [np.argsort(t["event"].to_numpy()) for t in (moved, real)]
    both = [t[place].to_numpy()[o] for t, o in zip((moved, real), order, strict=True)]
    assert (both[0] != both[1]).all()
    assert pq.read_schema(dataset / "windows.parquet").metadata[b"placebo"] == kind.encode()


def test_a_region_left_out(made, dataset: Path) -> None:
    rule = {"kind": "region", "region": "indonesia", "buffer_km": 300.0, "shares": (0.5, 0.3, 0.2)}
    recipe = made.recipe(splits=rule, controls={"longitude_deg": 30.0, "latitude_deg": 6.0})
    build(made, dataset, recipe, catalogue=made.random_catalogue(40.0, 12.0, 4))
    table = open_windows(dataset, allow_test=True, columns=["split", "longitude"]).table()
    east = table["longitude"].to_numpy()
    test = np.array(table["split"].to_pylist()) == "test"
    assert test.sum() > 10
    assert ((east[test] >= 92.0) & (east[test] <= 134.0)).all()
    assert json.loads((dataset / DATASET_FILE).read_text())["region"]["name"] == "indonesia"


@pytest.mark.parametrize(
    ("keys", "sections", "message"),
    [
        ({"indices": None}, {}, r"no Kp: .* unknown_kp = \"keep\""),
        ({}, {"windows": {"night": "paper"}}, "night rule 'dark', the recipe asks for 'paper'"),
        ({}, {"events": {"least_magnitude": 9.0}}, "none of 320 events is within the cuts"),
        ({}, {"events": {"largest_depth_km": 5.0}}, "the recipe asks for M >= 5 down to 5 km"),
        ({}, {"splits": {"least_block_days": 30.0}}, "are too few for three blocks"),
        ({}, {"controls": {"quiet_kp": 0.0}}, "no matched windows in the block train"),
        ({}, {"placebo": {"kind": "time-shift", "amount": 0.0}}, "placebo: time shift is 0"),
    ],
)
def test_what_gives_no_dataset_is_one_line(made, dataset, keys, sections, message) -> None:
    with pytest.raises(TrainError, match=message) as caught:
        build(made, dataset, made.recipe(**sections), **keys)
    assert "\n" not in str(caught.value)
    assert not (dataset / DATASET_FILE).exists()


def test_without_kp_windows_may_be_kept(made, dataset: Path) -> None:
    build(made, dataset, made.recipe(controls={"unknown_kp": "keep"}), indices=None)
    table = open_windows(dataset, columns=["kp"]).table()
    assert table["kp"].null_count == table.num_rows


def test_the_code_is_named_and_does_not_make_a_dataset_anew(
    made, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = json.loads((built / DATASET_FILE).read_text())
    assert card["code_sha256"] == code_sha256(DATASET_SOURCES)
    assert code_sha256(("trainer/inputs/indices.py",)) != code_sha256(DATASET_SOURCES)
    monkeypatch.setattr(dataset_build, "code_sha256", lambda parts: "f" * 64)
    dataset = shutil.copytree(built, tmp_path / "dataset")
    assert build(made, dataset) == ["the dataset is up to date"]


def test_events_are_cut_by_day_the_last_one_within(made, tmp_path: Path) -> None:
    rows = ["time,latitude,longitude,depth,mag,id"]
    rows += [f"2020-01-0{d}T12:00:00.000Z,0,0,10,5.5,e{d}" for d in range(1, 6)]
    (tmp_path / "c.csv").write_text("\n".join(rows), encoding="utf-8")
    recipe = made.recipe(events={"first": date(2020, 1, 2), "last": date(2020, 1, 4)})
    found = read_events(tmp_path / "c.csv", recipe)
    # All are there to be clear of; the cuts say which may give positives.
    assert found.id.tolist() == ["e1", "e2", "e3", "e4", "e5"]
    assert found.id[within_cuts(found, recipe.events)].tolist() == ["e2", "e3", "e4"]
    strong = made.recipe(events={"least_magnitude": 6.0})
    with pytest.raises(CatalogueError, match=r"none of 5 events has M >= 6 from the first"):
        read_events(tmp_path / "c.csv", strong)


def test_blocks_keep_to_the_days_of_the_cuts(made, dataset: Path) -> None:
    first, last = date(2019, 1, 4), date(2019, 2, 6)
    recipe = made.recipe(events={"first": first, "last": last}, splits={"least_block_days": 3.0})
    catalogue = made.random_catalogue(40.0, 4.0, 1)
    plan = make_plan(dataset, read_manifest(dataset), catalogue, recipe, lambda line: None)
    spans = np.array([plan.blocks.spans[n] for n in ("train", "test")])
    assert spans[0, 0] >= np.datetime64(first)
    assert spans[1, 1] <= np.datetime64(last) + np.timedelta64(1, "D")
    assert plan.catalogue.size == catalogue.size
    outside = (catalogue.time < np.datetime64(first)) & plan.clusters.mainshock
    assert outside.any()
    assert not plan.labeller.target[outside].any()
