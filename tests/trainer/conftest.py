"""Rows of made-up half-orbits, as `edge-train prepare` writes them of files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge import RELEASE
from edge.geodesy import dipole_latitude
from edge.grid import Grid
from edge.observables import PLASMA
from trainer.archives.archive import NightPass
from trainer.archives.manifest import (
    MANIFEST_FILE,
    ROWS_FOLDER,
    ROWS_FORMAT,
    FailedFile,
    HalfOrbitRows,
    InputFile,
    PartRecord,
    RowsRecord,
)
from trainer.archives.rows import rows_table
from trainer.datasets.recipe import DEFAULT_DATASET_RECIPE, DatasetRecipe, read_dataset_recipe
from trainer.inputs.catalogue import Catalogue
from trainer.inputs.indices import Indices

#: Nodal period of a made-up satellite: 76 of them are 5 days exactly, as on CSES.
PERIOD_S = 5.0 * 86_400.0 / 76.0
START = np.datetime64("2019-01-01T00:00:00.000")
DAY = np.timedelta64(86_400_000, "ms")


def made_catalogue(
    time: Sequence[object],
    latitude: Sequence[float],
    longitude: Sequence[float],
    magnitude: Sequence[float],
    ids: Sequence[str] | None = None,
) -> Catalogue:
    """Make a catalogue of events in any order."""
    when = np.array(time, dtype="datetime64[ms]")
    order = np.argsort(when, kind="stable")
    names = np.array(ids if ids is not None else [f"e{i:04d}" for i in range(when.size)])
    return Catalogue(
        name="made.csv",
        sha256="0" * 64,
        id=names[order],
        time=when[order],
        latitude=np.array(latitude, dtype=np.float64)[order],
        longitude=np.array(longitude, dtype=np.float64)[order],
        depth=np.full(when.size, 10.0),
        magnitude=np.array(magnitude, dtype=np.float64)[order],
    )


def random_catalogue(days: float, rate: float, seed: int) -> Catalogue:
    """Make a random catalogue within 30 degrees of the equator, padded on both sides."""
    rng = np.random.default_rng(seed)
    n = round((days + 40.0) * rate)
    since = rng.uniform(-20.0, days + 20.0, n)
    return made_catalogue(
        START + (since * 86_400_000).astype("timedelta64[ms]"),
        rng.uniform(-30.0, 30.0, n),
        rng.uniform(-180.0, 180.0, n),
        np.minimum(5.0 + rng.exponential(0.4, n), 7.0),
    )


def made_indices(days: float, kp: float | Sequence[float] = 2.0) -> Indices:
    """Make indices of constant or cycling Kp."""
    n = round((days + 60.0) * 8)
    time = START - 30 * DAY + np.arange(n) * np.timedelta64(3 * 3_600_000, "ms")
    cycle = np.resize(np.atleast_1d(np.array(kp, dtype=np.float64)), n)
    return Indices("made.txt", "1" * 64, time, cycle, np.full(n, 70.0))


def made_pass(number: int, seed: int = 0, rows: int = 300, pap: bool = True) -> NightPass:
    """Make the night side of one orbit: from 28 S to 28 N at 14 longitudes a day."""
    rng = np.random.default_rng([seed, number])
    cell = round(START.astype(np.int64) / 3000.0 + number * PERIOD_S / 3.0) + np.arange(rows)
    latitude = -0.095 * rows + 0.19 * np.arange(rows)
    longitude = (150.0 - number * PERIOD_S / 240.0 - 0.04 * np.arange(rows) + 180.0) % 360.0
    longitude -= 180.0
    valid = np.ones((rows, 5), dtype=bool)
    valid[:, 2:4] = pap
    time = (cell * 3000 + 1500).astype("datetime64[ms]")
    level = 4.0 + 0.01 * dipole_latitude(time, latitude, longitude)
    values = np.where(valid, rng.normal(size=(rows, 5)) + level[:, None], 0.0)
    grid = Grid(
        cell,
        latitude,
        longitude,
        np.full(rows, 507.0),
        np.ones(rows, dtype=bool),
        values,
        valid,
    )
    return NightPass(
        key=f"CSES_{number:05d}1",
        files=(Path(f"{number}.h5"),),
        payloads=("LAP_1",),
        grid=grid,
        night=np.ones(rows, dtype=bool),
        samples=np.full(rows, 1.0, dtype=np.float32),
        burst=np.zeros(rows, dtype=bool),
    )


@dataclass
class RowsMaker:
    """Writes rows of half-orbits below a folder."""

    simulated: bool = True
    mission: str = "cses"
    made: list[str] = field(default_factory=list)

    def write(self, dataset: Path, passes: Sequence[NightPass], per_part: int = 100) -> Path:
        """Write parts and manifest."""
        import pyarrow.parquet as pq

        folder = dataset / ROWS_FOLDER
        folder.mkdir(parents=True)
        parts = {}
        for start in range(0, len(passes), per_part):
            some = passes[start : start + per_part]
            name = f"part-{start // per_part:05d}.parquet"
            half_orbits = [
                HalfOrbitRows(
                    p.key,
                    p.grid.cell.size,
                    f"{p.grid.time[0]}Z",
                    f"{p.grid.time[-1]}Z",
                    list(p.payloads),
                    [InputFile(p.files[0].name, 1, "2" * 64)],
                )
                for p in some
            ]
            record = PartRecord(
                format=ROWS_FORMAT,
                code_version=RELEASE,
                mission=self.mission,
                profile=PLASMA.name,
                night="dark",
                simulated=self.simulated,
                fingerprint=name,
                half_orbits=half_orbits,
                failed=[],
            )
            pq.write_table(rows_table(some, PLASMA, record), folder / name)
            parts[name] = name
        failed: list[FailedFile] = []
        whole = RowsRecord(
            format=ROWS_FORMAT,
            code_version=RELEASE,
            mission=self.mission,
            profile=PLASMA.name,
            night="dark",
            simulated=self.simulated,
            parts=parts,
            failed=failed,
        )
        (folder / MANIFEST_FILE).write_bytes(msgspec.json.encode(whole))
        return dataset


@pytest.fixture(scope="session")
def _one_thread() -> None:
    from trainer.models.engine import tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


@pytest.fixture
def tensorflow(_one_thread: None, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """TensorFlow on one thread, for other tests run beside, which is not to retrace graphs."""
    from trainer.models.engine import tf

    tf.get_logger().addHandler(caplog.handler)
    yield
    tf.get_logger().removeHandler(caplog.handler)
    assert "retracing" not in caplog.text


@pytest.fixture(scope="session")
def forty_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of 40 days of a made-up CSES, its plasma analyser off every third half-orbit."""
    passes = [made_pass(i, pap=bool(i % 3)) for i in range(round(40 * 86_400 / PERIOD_S))]
    return RowsMaker().write(tmp_path_factory.mktemp("rows") / "dataset", passes)


def short_recipe(**sections: dict[str, object]) -> DatasetRecipe:
    """Give the recipe for short archives with some keys changed, section by section."""
    recipe = read_dataset_recipe(DEFAULT_DATASET_RECIPE.with_name("windows-short.toml"))
    changed = {
        name: msgspec.structs.replace(getattr(recipe, name), **keys)
        for name, keys in sections.items()
    }
    return msgspec.structs.replace(recipe, **changed)


@dataclass(frozen=True)
class Made:
    """What the tests of datasets build with."""

    recipe = staticmethod(short_recipe)
    catalogue = staticmethod(made_catalogue)
    random_catalogue = staticmethod(random_catalogue)
    indices = staticmethod(made_indices)
    night_pass = staticmethod(made_pass)
    rows = RowsMaker
    start = START
    day = DAY
    period_s = PERIOD_S


@pytest.fixture(scope="session")
def made() -> type[Made]:
    """Makers of half-orbits, catalogues, indices and recipes."""
    return Made


@pytest.fixture(scope="session")
def built(forty_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset built of `forty_days` with 4 events a day; not to be changed."""
    from trainer.datasets.build import build_dataset

    dataset = tmp_path_factory.mktemp("built") / "dataset"
    shutil.copytree(forty_days, dataset)
    kp = (1.3, 2.0, 2.7, 3.3)
    build_dataset(
        dataset,
        random_catalogue(40.0, 4.0, 1),
        made_indices(40.0, kp),
        short_recipe(),
        lambda line: None,
    )
    return dataset
