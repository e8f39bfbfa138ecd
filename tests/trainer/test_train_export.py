"""The command from end to end, on a few simulated days."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

import trainer
from edge.bundle import Card, load_bundle
from edge.errors import InputError
from edge.readers import sniff
from edge.scoring import Scorer
from trainer.archives.archive import read_archive
from trainer.cli import app
from trainer.recipe import DEFAULT_RECIPE, RECIPES

# Strong perturbations, many events and short clear times: there is something to learn in days.
CHANGES = {
    "dataset": '"tiny-windows.toml"',
    "days": "8",
    "injection": "12.0",
    "events_per_day": "80.0",
    "epochs": "12",
    "filters": "16",
    "lstm": "16",
    "dense": "16",
    "rate": "3e-3",
    "batch": "64",
    "resamples": "50",
}
WINDOW_CHANGES = {
    "lead_hours": "[0.0, 24.0]",
    "clear_before_days": "0.5",
    "clear_after_days": "0.5",
    "embargo_days": "1.5",
    "least_block_days": "0.5",
    "quiet_kp": "9.0",
    "latitude_deg": "10.0",
    "longitude_deg": "120.0",
    "mask": '"none"',
    "mode": "false",
}


def changed(text: str, changes: dict[str, str]) -> str:
    for key, value in changes.items():
        text, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert found, key
    return text


def tiny_recipe(folder: Path) -> Path:
    windows = (RECIPES / "windows-short.toml").read_text(encoding="utf-8")
    (folder / "tiny-windows.toml").write_text(changed(windows, WINDOW_CHANGES), encoding="utf-8")
    path = folder / "tiny.toml"
    path.write_text(changed(DEFAULT_RECIPE.read_text(encoding="utf-8"), CHANGES), encoding="utf-8")
    return path


def command(repository: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainer.cli", *map(str, words)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> tuple[Path, str]:
    """Run on simulated missions, in a folder of its own."""
    folder = tmp_path_factory.mktemp("run")
    done = train_export(repository, folder, "first")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done.stdout


def train_export(
    repository: Path, folder: Path, name: str, *more: str | Path
) -> subprocess.CompletedProcess[str]:
    out = folder / name
    words = ("--recipe", tiny_recipe(folder), "--out", out / "plasma")
    places = ("--samples", out / "samples", "--build", folder / "build")
    return command(repository, "train-export", *words, *places, *more)


@pytest.fixture(scope="module")
def card(run: tuple[Path, str]) -> Card:
    return load_bundle(run[0] / "first" / "plasma").card


def test_card_says_that_it_is_simulated(card: Card) -> None:
    assert card.training.data == "simulated"
    assert card.simulated
    assert [m.mission for m in card.training.missions] == ["demeter", "cses"]
    for mission in card.training.missions:
        assert mission.simulated
        assert mission.parameters["events_per_day"] == 80.0
        assert mission.parameters["injection"] == 12.0
        assert 0 < mission.positive_windows < mission.train_windows
    assert "simulated" in card.training.catalogue


def test_card_is_measured(card: Card) -> None:
    names = [m.name for m in card.metrics]
    assert names[:3] == ["test_roc_auc", "test_f1", "test_mcc"]
    assert all(m.low <= m.value <= m.high for m in card.metrics)
    assert card.operating_point.windows > 1000
    assert card.parity.windows > 20
    assert abs(card.parity.auc_keras - card.parity.auc_tflite) < 0.01
    assert 0.0 < card.threshold < 1.0


def test_samples_are_scored_by_the_edge(run: tuple[Path, str]) -> None:
    folder = run[0] / "first"
    assert "Simulated" in (folder / "samples.md").read_text(encoding="utf-8")
    files: dict[str, dict] = {}
    for path in (folder / "samples").iterdir():
        if path.suffix != ".md":
            name = sniff(path)
            files.setdefault(name.half_orbit, {})[path] = name
    assert files
    # Building the scorer also holds the golden windows against this runtime.
    scorer = Scorer(load_bundle(folder / "plasma"))
    for half_orbit in files.values():
        track = scorer.score(scorer.read(half_orbit))
        assert track.summary.status == "scored"
        assert track.summary.trained_on == "simulated"
        assert any(w.score is not None for w in track.windows)


def test_archive_skips_bad_files_and_reads_their_siblings(
    run: tuple[Path, str], tmp_path: Path
) -> None:
    made = run[0] / "build" / "simulated" / "cses-plasma"
    hpm = sorted(made.glob("CSES_01_HPM_5_*.h5"))[:3]
    for path in hpm:
        orbit = path.name.split("_")[6]
        for sibling in made.glob(f"*_{orbit}_*.h5"):
            shutil.copy(sibling, tmp_path / sibling.name)
    bad = tmp_path / hpm[1].name
    bad.write_bytes(bad.read_bytes()[:5000])
    (tmp_path / "CSES_01_HPM_5_odd_name.h5").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("not a payload")
    found = read_archive(tmp_path, "cses", "plasma", "dark", workers=1)
    assert len(found.passes) == 3
    assert {p.name for p in found.failed} == {bad.name, "CSES_01_HPM_5_odd_name.h5"}
    assert ["HPM_5" in p.payloads for p in found.passes] == [True, False, True]
    assert all("LAP_1" in p.payloads for p in found.passes)
    assert not found.simulated
    for half_orbit in found.passes:
        assert half_orbit.night[[0, -1]].all()
    with pytest.raises(InputError, match="no usable night-side half-orbit of demeter"):
        read_archive(tmp_path, "demeter", "plasma", "dark", workers=1)


def test_nothing_temporary_is_left(run: tuple[Path, str]) -> None:
    found = {p.name for p in (run[0] / "first").iterdir()}
    assert found <= {"plasma", "samples", "samples.md"}
    names = {p.name for p in (run[0] / "first" / "plasma").iterdir()}
    bundle = {"card.json", "card.json.sha256", "model_int8.tflite", "climatology.npz", "golden.npz"}
    assert names == bundle


@pytest.mark.slow
def test_second_run_reuses_the_simulation_and_gives_the_same_bytes(
    run: tuple[Path, str], repository: Path
) -> None:
    folder = run[0]
    request = folder / "build" / "simulated" / "cses-plasma" / "request.json"
    before = request.stat().st_mtime_ns
    done = train_export(repository, folder, "second")
    assert done.returncode == 0, done.stderr[-3000:]
    assert request.stat().st_mtime_ns == before
    for file in (folder / "first" / "plasma").iterdir():
        again = folder / "second" / "plasma" / file.name
        assert again.read_bytes() == file.read_bytes(), file.name


@pytest.mark.slow
def test_given_archives_are_read(run: tuple[Path, str], repository: Path) -> None:
    folder = run[0]
    made = folder / "build" / "simulated"
    archives = ("--cses", made / "cses-plasma", "--demeter", made / "demeter-plasma")
    done = train_export(repository, folder, "given", *archives)
    assert done.returncode == 0, done.stderr[-3000:]
    card = load_bundle(folder / "given" / "plasma").card
    assert card.training.data == "simulated"
    bad = (
        made / "cses-plasma" / "CSES_01_LAP_1_L02_A2_000011_20190101_000000_20190101_003000_000.h5"
    )
    bad.write_bytes(b"")
    (made / "cses-plasma" / "simulation.json").rename(made / "cses-plasma" / "kept.json")
    catalogue = ("--catalogue", made / "cses-plasma" / "catalogue.csv")
    indices = ("--indices", made / "cses-plasma" / "indices.txt")
    done = train_export(repository, folder, "mixed", *archives, *catalogue, *indices)
    (made / "cses-plasma" / "kept.json").rename(made / "cses-plasma" / "simulation.json")
    bad.unlink()
    assert done.returncode == 0, done.stderr[-3000:]
    assert load_bundle(folder / "mixed" / "plasma").card.training.data == "mixed"
    assert not (folder / "mixed" / "samples").exists()
    assert "skipped CSES_01_LAP_1" in done.stdout
    assert "is empty (0 bytes)" in done.stdout


@pytest.mark.parametrize(
    ("words", "out", "samples"),
    [
        ([], "build/bundle", "build/samples"),
        (["--out", "models/plasma"], "models/plasma", "models/samples"),
        (["--out", "a/b", "--samples", "c"], "a/b", "c"),
    ],
)
def test_what_ships_is_written_only_when_told(
    monkeypatch: pytest.MonkeyPatch, words: list[str], out: str, samples: str
) -> None:
    given = []
    fake = SimpleNamespace(Options=SimpleNamespace)
    fake.run = lambda recipe, options, tell: (
        given.append(options) or SimpleNamespace(training=SimpleNamespace(data="simulated"))
    )
    monkeypatch.setitem(sys.modules, "trainer.pipeline", fake)
    monkeypatch.setattr(trainer, "pipeline", fake, raising=False)
    result = CliRunner().invoke(app, ["train-export", *words])
    assert result.exit_code == 0, result.output
    assert (given[0].out, given[0].samples) == (Path(out), Path(samples))


def test_make_passes_the_place_of_the_bundle_on(repository: Path) -> None:
    make = ["make", "-n", "train-export", "OUT=models/plasma"]
    done = subprocess.run(make, cwd=repository, capture_output=True, text=True, check=True)
    assert '--out "models/plasma"' in done.stdout
    done = subprocess.run(make[:-1], cwd=repository, capture_output=True, text=True, check=True)
    assert "--out" not in done.stdout.partition("edge-train train-export")[2]


def test_help_loads_no_tensorflow(repository: Path) -> None:
    code = (
        "import sys\n"
        "from trainer.cli import app\n"
        "try: app(['train-export', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'tensorflow', 'numba', 'h5py', 'sklearn'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--catalogue" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--recipe", "none.toml"), "recipe none.toml: No such file"),
        (("--cses", "none", "--demeter", "none"), "a real archive needs a catalogue"),
        (("--cses", "none", "--demeter", "none", "--catalogue", "none.csv"), "none.csv: No such"),
    ],
)
def test_errors_are_one_line(repository: Path, words: tuple[str, ...], message: str) -> None:
    done = command(repository, "train-export", *words)
    assert done.returncode == 2
    (line,) = [x for x in done.stderr.splitlines() if x.startswith("edge-train: ")]
    assert message in line


def test_seeded_numbers_do_not_depend_on_the_machine() -> None:
    # Samples, masks and resamples all come from this generator.
    assert np.random.default_rng(1).integers(0, 1000, 3).tolist() == [473, 511, 755]
