"""The reference on windows that were prepared: the same scores as straight from the files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from edge import RELEASE
from edge.observables import PROFILES
from trainer.archives.archive import find_half_orbits, read_pass
from trainer.archives.manifest import (
    MANIFEST_FILE,
    ROWS_FORMAT,
    RowsRecord,
    RowsRequest,
    plan_parts,
)
from trainer.archives.part_making import make_part
from trainer.common.errors import TrainError
from trainer.datasets.dataset_card import (
    DATASET_FILE,
    DATASET_FORMAT,
    ClimatologyFit,
    DatasetCard,
    DatasetCounts,
    GivenArchive,
    GivenFile,
    Inputs,
    Unmatched,
)
from trainer.datasets.recipe import read_dataset_recipe
from trainer.inputs.indices import read_indices
from trainer.research.bayes import MATCHED_FILTER, Reference
from trainer.research.bayes_windows import grid_windows
from trainer.research.commands import reference
from trainer.research.reference_scores import score_dataset

PLASMA = PROFILES["plasma"]
LENGTH = 20


def prepared(archive: Path, dataset: Path) -> Path:
    """Rows of an archive, and every seventh night window as a window of validation."""
    rows = dataset / "rows"
    rows.mkdir(parents=True)
    groups = find_half_orbits(archive, "demeter", "plasma", "dark", {})
    request = RowsRequest(archive, "demeter", "plasma", "dark", True)
    parts = plan_parts(groups, request, rows, {})
    for part in parts:
        make_part(part)
    fingerprints = {p.path.name: p.fingerprint for p in parts}
    record = RowsRecord(
        format=ROWS_FORMAT,
        code_version=RELEASE,
        mission="demeter",
        profile="plasma",
        night="dark",
        simulated=True,
        parts=fingerprints,
        failed=[],
    )
    (rows / MANIFEST_FILE).write_bytes(msgspec.json.encode(record))
    found = []
    for key, files in groups.items():
        item, _ = read_pass(files, "plasma", "dark")
        if item is None:
            continue
        first = grid_windows(item.grid, item.night, "demeter", PLASMA, LENGTH).first[::7]
        found += [(key, int(item.grid.cell[i]), item.grid.time[i + LENGTH // 2]) for i in first]
    keys, cells, times = zip(*found, strict=True)
    table = pa.table(
        {
            "split": ["validation"] * len(keys),
            "label": pa.array([i % 2 for i in range(len(keys))], pa.int8()),
            "half_orbit": list(keys),
            "first_cell": pa.array(cells, pa.int64()),
            "time": pa.array(np.array(times, dtype="M8[ms]"), pa.timestamp("ms", "UTC")),
        }
    ).replace_schema_metadata(
        {
            "length": str(LENGTH), "observables": ",".join(PLASMA.names), "mission": "demeter",
            "profile": "plasma", "simulated": "true", "raw": "false",
        }
    )  # fmt: skip
    pq.write_table(table, dataset / "windows.parquet")
    none = dict.fromkeys(DatasetCounts.__struct_fields__, 0) | {"half_orbits": {}, "matched": {}}
    card = DatasetCard(
        format=DATASET_FORMAT,
        code_version=RELEASE,
        code_sha256="",
        name="reference",
        mission="demeter",
        profile="plasma",
        simulated=True,
        short_archive=True,
        recipe=read_dataset_recipe(),
        inputs=Inputs(GivenFile("catalogue.csv", ""), None, GivenArchive("", 0)),
        blocks={},
        embargo_days=30.0,
        region=None,
        climatology=ClimatologyFit("train", 0, 1, "", ""),
        counts=DatasetCounts(**none),
        dropped={},
        unmatched=Unmatched({}, {}, 0),
        simulation=None,
        fingerprint="",
    )
    (dataset / DATASET_FILE).write_bytes(msgspec.json.encode(card))
    return dataset


@pytest.fixture(scope="module")
def dataset(simulated_demeter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(simulated_demeter, tmp_path_factory.mktemp("prepared") / "dataset")


def test_scores_are_those_of_the_files(
    simulated_demeter: Path, dataset: Path, tmp_path: Path
) -> None:
    app = typer.Typer()
    app.command()(reference)
    out = tmp_path / "scores.npz"
    call = [dataset, "--archive", simulated_demeter, "--out", out]
    result = CliRunner().invoke(app, [str(part) for part in call])
    assert result.exit_code == 0, result.output
    assert "matched-filter reference, strength 8, all simulated: AUC" in result.output
    with np.load(out, allow_pickle=False) as found:
        scores = {name: found[name] for name in found.files}
    assert str(scores["reference"]) == MATCHED_FILTER
    assert float(scores["strength"]) == 8.0
    # Its ion analyser records every 4.4 s, and the files have outliers.
    assert [a[:12] for a in scores["approximations"].tolist()][1:] == [
        "interpolated", "outliers and",
    ]  # fmt: skip
    files = find_half_orbits(simulated_demeter, "demeter", "plasma", "dark", {})
    indices = read_indices(simulated_demeter / "indices.txt")
    one = Reference("demeter", PLASMA, 8.0, LENGTH, outliers=True)
    seen = 0
    for key in np.unique(scores["half_orbit"]):
        item, _ = read_pass(files[str(key)], "plasma", "dark")
        assert item is not None
        values = grid_windows(item.grid, item.night, "demeter", PLASMA, LENGTH, indices)
        own = scores["half_orbit"] == key
        place = np.isin(item.grid.cell[values.first], scores["first_cell"][own])
        expected = one.log_ratio(values.take(np.flatnonzero(place)))
        np.testing.assert_allclose(scores["log_ratio"][own], expected, rtol=1e-12)
        seen += int(own.sum())
    assert seen == scores["label"].size > 20
    assert np.ptp(scores["log_ratio"]) > 1.0


def changed(archive: Path, folder: Path, **keys: object) -> Path:
    copy = shutil.copytree(archive, folder)
    about = json.loads((copy / "simulation.json").read_text(encoding="utf-8"))
    (copy / "simulation.json").write_text(json.dumps(about | keys), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"injection": 0.0}, "injection is 0.0; valid is above 0"),
        ({"injected_afterwards": {}}, "perturbations that were injected afterwards"),
        ({"mission": "cses"}, "is of cses, the dataset of demeter"),
    ],
)
def test_archives_that_it_does_not_know_are_refused(
    simulated_demeter: Path, dataset: Path, tmp_path: Path, keys: dict[str, object], message: str
) -> None:
    copy = changed(simulated_demeter, tmp_path / "archive", **keys)
    with pytest.raises(TrainError, match=message):
        score_dataset(dataset, copy)


def test_other_archives_are_refused(simulated_demeter: Path, dataset: Path, tmp_path: Path) -> None:
    copy = changed(simulated_demeter, tmp_path / "archive")
    file = sorted(copy.glob("DMT_N1_1144_*"))[0]
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    with pytest.raises(TrainError, match="has other files than dataset was made of"):
        score_dataset(dataset, copy)
    for path in copy.glob("DMT_*"):
        path.unlink()
    with pytest.raises(TrainError, match="is not in it: the dataset is of another archive"):
        score_dataset(dataset, copy)
    (copy / "simulation.json").unlink()
    with pytest.raises(TrainError, match="the reference knows simulated archives alone"):
        score_dataset(dataset, copy)
    with pytest.raises(TrainError, match="allow_test=True"):
        score_dataset(dataset, simulated_demeter, "test")
