"""Perturbations put into archives that are there: the same as simulated ones, and nothing else."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from edge.errors import InputError
from edge.grid import make_grid
from edge.observables import FULL, PROFILES
from edge.readers import open_half_orbit
from edge.readers.demeter_file import record_dtype
from edge.readers.halforbit import SIMULATED
from trainer.archives.archive import read_archive
from trainer.common.errors import TrainError
from trainer.simulate import simulate_mission
from trainer.simulate.commands import inject
from trainer.simulate.inject import INJECTION_FILE, inject_archive
from trainer.simulate.orbits import half_orbits
from trainer.simulate.parameters import PARAMETERS
from trainer.simulate.precursor_model import MODEL, observable_spread
from trainer.simulate.seismicity import SimulatedCatalogue, write_catalogue

MISSIONS = {
    "cses": (np.datetime64("2019-11-01T00:00", "ms"), np.datetime64("2019-11-01T03:00", "ms")),
    "demeter": (np.datetime64("2008-03-01T00:00", "ms"), np.datetime64("2008-03-01T03:00", "ms")),
}


def event_beside(mission: str, latitude: float = 20.0) -> SimulatedCatalogue:
    """One event of magnitude 7, twelve hours after a night pass, beside its track."""
    night = next(h for h in half_orbits(mission, *MISSIONS[mission]) if h.direction == 1)
    at = int(np.argmin(np.abs(night.latitude - latitude)))
    time = night.time[[at]] + np.timedelta64(12, "h")
    # An event that has a precursor at all.
    names = (f"sim{k}" for k in range(99))
    name = next(n for n in names if 0.8 < MODEL.factor(n, time[0]) < 1.3)
    return SimulatedCatalogue(
        event_id=np.array([name]),
        place=np.array(["simulated, test"]),
        time=time,
        latitude=np.round(night.latitude[[at]], 4),
        longitude=np.round(night.longitude[[at]], 4),
        depth_km=np.array([10.0]),
        magnitude=np.array([7.0]),
    )


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.suffix in (".h5", ".DAT")}


@pytest.fixture(scope="module")
def archives(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], tuple[Path, Path, Path]]:
    """The null mission, the same with perturbations, and their catalogue; made once."""
    made: dict[str, tuple[Path, Path, Path]] = {}

    def get(mission: str) -> tuple[Path, Path, Path]:
        if mission not in made:
            folder = tmp_path_factory.mktemp(mission)
            catalogue = folder / "event.csv"
            write_catalogue(catalogue, event_beside(mission))
            for name, strength in (("null", 0.0), ("full", 4.0)):
                simulate_mission(
                    mission,
                    *MISSIONS[mission],
                    3,
                    strength,
                    folder / name,
                    catalogue,
                    night_only=True,
                    pap_off=0.0,
                    profile="full",
                    wave_bins=160,
                    wave_components=1,
                )
            made[mission] = (folder / "null", folder / "full", catalogue)
        return made[mission]

    return get


@pytest.mark.parametrize("mission", ["cses", "demeter"])
def test_injected_is_as_simulated(
    tmp_path: Path, mission: str, archives: Callable[[str], tuple[Path, Path, Path]]
) -> None:
    null, full, catalogue = archives(mission)
    before = files(null)
    summary = inject_archive(null, catalogue, 4.0, tmp_path / "out")
    assert files(null) == before
    assert not summary.failed
    assert summary.changed >= 2
    assert summary.injected == 1
    one, two = (
        {p.key: p for p in read_archive(a, mission, "full", "dark", 1).passes}  # type: ignore[arg-type]
        for a in (tmp_path / "out", full)
    )
    assert read_archive(tmp_path / "out", mission, "plasma", "dark", 1).simulated  # type: ignore[arg-type]
    assert one.keys() == two.keys()
    sigma = observable_spread(PARAMETERS[mission])
    for key, injected in one.items():
        a, b = injected.grid, two[key].grid
        np.testing.assert_array_equal(a.valid, b.valid)
        apart = np.where(a.valid, np.abs(a.values - b.values), 0.0) / sigma
        # Outliers aside: a factor on a value is not the same before and after an offset. Records
        # of DEMETER lie up to half a second from the state's samples.
        assert np.quantile(apart, 0.99) < 0.01
        assert apart[:, FULL.names.index("b_rms")].max() < 0.05
    texts = [(a / "truth.csv").read_text(encoding="utf-8") for a in (tmp_path / "out", full)]
    rows = [list(csv.DictReader(text.splitlines())) for text in texts]
    assert [(r["event_id"], r["half_orbit"]) for r in rows[0]] == [
        (r["event_id"], r["half_orbit"]) for r in rows[1]
    ]
    peaks = [float(r[0]["peak_amplitude"]) for r in rows]
    assert peaks[0] == pytest.approx(peaks[1], rel=1e-3)


@pytest.mark.parametrize("mission", ["cses", "demeter"])
def test_only_the_files_of_the_half_orbit_change(
    tmp_path: Path, mission: str, archives: Callable[[str], tuple[Path, Path, Path]]
) -> None:
    null, _, catalogue = archives(mission)
    before = files(null)
    for folder in ("one", "two"):
        inject_archive(null, catalogue, 4.0, tmp_path / folder)
    one, two = (files(tmp_path / folder) for folder in ("one", "two"))
    assert one == two
    assert one.keys() == before.keys()
    with (tmp_path / "one" / "truth.csv").open(encoding="utf-8") as file:
        touched = {row["half_orbit"] for row in csv.DictReader(file)}
    changed = {name for name in before if one[name] != before[name]}
    assert changed
    assert all(any(f"_{key}_" in name for key in touched) for name in changed)
    inject_archive(null, catalogue, 0.0, tmp_path / "zero")
    assert files(tmp_path / "zero") == before


def test_demeter_records_keep_all_but_values_and_mark(
    tmp_path: Path, archives: Callable[[str], tuple[Path, Path, Path]]
) -> None:
    null, _, catalogue = archives("demeter")
    inject_archive(null, catalogue, 4.0, tmp_path / "out")
    for path in sorted(null.glob("DMT_N1_1144_*")):
        a, b = (np.fromfile(f / path.name, record_dtype("1144")) for f in (null, tmp_path / "out"))
        for name in a.dtype.names:
            if name not in ("Ne", "Ni", "Te"):
                assert a[name].tobytes() == b[name].tobytes(), name
        lost = ~np.isfinite(a["Ne"]) | (a["Ne"] <= 0.0)
        assert a[lost].tobytes() == b[lost].tobytes()


def test_a_run_cut_short_goes_on(
    tmp_path: Path, archives: Callable[[str], tuple[Path, Path, Path]]
) -> None:
    null, _, catalogue = archives("cses")
    out = tmp_path / "out"
    inject_archive(null, catalogue, 4.0, out)
    whole = {p.name: p.read_bytes() for p in out.iterdir()}
    lost = sorted(files(out))[:3]
    for name in lost:
        (out / name).unlink()
    (out / "truth.csv").unlink()
    marker = json.loads(whole[INJECTION_FILE])
    del marker["files"], marker["files_changed"], marker["injected"], marker["failed"]
    (out / INJECTION_FILE).write_text(json.dumps(marker | {"complete": False}), encoding="utf-8")
    summary = inject_archive(null, catalogue, 4.0, out)
    assert summary.kept == len(files(null)) - len(lost)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == whole
    with pytest.raises(TrainError, match="holds another injection"):
        inject_archive(null, catalogue, 3.0, out)


def test_bad_file_is_left_out_and_named(
    tmp_path: Path, archives: Callable[[str], tuple[Path, Path, Path]]
) -> None:
    null, _, catalogue = archives("demeter")
    archive = tmp_path / "archive"
    archive.mkdir()
    for name, raw in files(null).items():
        (archive / name).write_bytes(raw)
    bad = sorted(archive.glob("DMT_N1_1132_*"))[0]
    bad.write_bytes(bad.read_bytes()[:700])
    app = typer.Typer()
    app.command()(inject)
    arguments = [
        str(archive), "--catalogue", str(catalogue), "--strength", "4",
        "--out", str(tmp_path / "o"),
    ]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert not (tmp_path / "o" / bad.name).exists()
    assert len(files(tmp_path / "o")) == len(files(null)) - 1
    found = json.loads((tmp_path / "o" / INJECTION_FILE).read_bytes())
    assert list(found["failed"]) == [bad.name]
    assert found["simulated"] is True
    # Without simulation.json the spread comes from the archive, and is of the right size.
    spread = np.array([found["spread"]["demeter"][n] for n in ("log_ne", "te", "log_o", "ti")])
    ratio = spread / PARAMETERS["demeter"].sigma
    assert np.all((ratio > 0.2) & (ratio < 5.0))


def test_impossible_calls_are_named(
    tmp_path: Path, archives: Callable[[str], tuple[Path, Path, Path]]
) -> None:
    null, _, catalogue = archives("cses")
    with pytest.raises(TrainError, match="strength is -1; valid is 0 to 100"):
        inject_archive(null, catalogue, -1.0, tmp_path / "out")
    with pytest.raises(TrainError, match="must lie apart from the archive"):
        inject_archive(null, catalogue, 1.0, null / "out")
    with pytest.raises(InputError, match="is not a folder"):
        inject_archive(tmp_path / "none", catalogue, 1.0, tmp_path / "out")
    with pytest.raises(InputError, match="holds no half-orbit file of demeter"):
        inject_archive(null, catalogue, 1.0, tmp_path / "out", "demeter")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(TrainError, match="is not empty"):
        inject_archive(null, catalogue, 1.0, tmp_path / "full")


def test_real_magnetometer_file(tmp_path: Path, real_hpm: Path) -> None:
    archive = tmp_path / "real"
    archive.mkdir()
    (archive / real_hpm.name).write_bytes(real_hpm.read_bytes())
    before = open_half_orbit(real_hpm)
    track = next(iter(before.payloads.values())).track
    at = int(np.argmin(np.abs(track.latitude - 10.0)))
    time = track.time[[at]] + np.timedelta64(12, "h")
    name = next(n for n in map(str, range(99)) if 0.9 < MODEL.factor(n, time[0]) < 1.2)
    event = SimulatedCatalogue(
        event_id=np.array([name]),
        place=np.array(["test"]),
        time=time,
        latitude=track.latitude[[at]],
        longitude=track.longitude[[at]],
        depth_km=np.array([10.0]),
        magnitude=np.array([7.0]),
    )
    write_catalogue(tmp_path / "event.csv", event)
    raw = real_hpm.read_bytes()
    inject_archive(archive, tmp_path / "event.csv", 0.0, tmp_path / "zero")
    assert (tmp_path / "zero" / real_hpm.name).read_bytes() == raw
    summary = inject_archive(archive, tmp_path / "event.csv", 5.0, tmp_path / "out")
    assert (summary.changed, summary.injected) == (1, 1)
    path = tmp_path / "out" / real_hpm.name
    after = open_half_orbit(path)
    payload = next(iter(after.payloads.values()))
    assert SIMULATED in payload.notes
    assert read_archive(tmp_path / "out", "cses", "plasma", "dark", 1).simulated
    profile = PROFILES["plasma"]
    one, two = (make_grid(h, profile) for h in (before, after))
    column = profile.names.index("b_rms")
    rise = (two.values - one.values)[:, column]
    near = np.abs(one.latitude - 10.0) < 1.0
    spread = json.loads((tmp_path / "out" / INJECTION_FILE).read_bytes())["spread"]["cses"]["b_rms"]
    expected = 5.0 * MODEL.factor(name, time[0]) * spread
    assert rise[near & one.valid[:, column]].mean() == pytest.approx(expected, rel=0.15)
    np.testing.assert_array_equal(rise[np.abs(one.latitude - 10.0) > 12.0], 0.0)
    with h5py.File(real_hpm) as a, h5py.File(path) as b:
        for key in a:
            if key not in ("A221", "A222", "A223", "B_FGM"):
                np.testing.assert_array_equal(np.asarray(a[key]), np.asarray(b[key]))
        fill = np.asarray(a["B_FGM"]) < -9e5
        np.testing.assert_array_equal(np.asarray(a["B_FGM"])[fill], np.asarray(b["B_FGM"])[fill])


def test_the_copy_carries_the_catalogue_that_was_injected(
    tmp_path: Path, archives: Callable[[str], tuple[Path, Path, Path]]
) -> None:
    null, _, catalogue = archives("cses")
    archive = tmp_path / "archive"
    archive.mkdir()
    source = next(p for p in null.iterdir() if p.suffix == ".h5")
    (archive / source.name).write_bytes(source.read_bytes())
    (archive / "simulation.json").write_bytes((null / "simulation.json").read_bytes())
    (archive / "catalogue.csv").write_text("its own", encoding="utf-8")
    packed = tmp_path / "other.csv.gz"
    packed.write_bytes(gzip.compress(catalogue.read_bytes()))
    app = typer.Typer()
    app.command()(inject)
    out = tmp_path / "out"
    call = [archive, "--catalogue", packed, "--strength", "4", "--out", out]
    result = CliRunner().invoke(app, [str(part) for part in call])
    assert result.exit_code == 0, result.output
    assert "catalogue.csv is other.csv.gz, the catalogue that was injected" in result.output
    assert (out / "catalogue.csv").read_bytes() == catalogue.read_bytes()
    about = json.loads((out / "simulation.json").read_bytes())
    assert (about["catalogue"], about["catalogue_injected"]) == ("catalogue.csv", "other.csv.gz")
    assert f"other.csv.gz: {len(catalogue.read_text().splitlines()) - 1} events" in result.output
    spelt = catalogue.read_text().replace(",10.00,", ",,")
    packed.write_bytes(gzip.compress(spelt.encode("utf-16")))
    call[5:] = ["--out", tmp_path / "y"]
    result = CliRunner().invoke(app, [str(part) for part in [*call, "--strict"]])
    assert "rows cannot be used; line " in str(result.exception)
    assert not (tmp_path / "y").exists()
    call[5:] = ["--out", tmp_path / "x", "--min-magnitude", "nan"]
    result = CliRunner().invoke(app, [str(part) for part in call])
    assert str(result.exception) == "expected a minimum magnitude of -2 to 10, got nan"
    assert not (tmp_path / "x").exists()
