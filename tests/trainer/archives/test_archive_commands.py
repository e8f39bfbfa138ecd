"""`edge-train prepare` and `edge-train rescore` as a person calls them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from commands import edge_train
from edge.bundle import default_bundle_path, models_path
from edge.watching import hold
from trainer.archives.commands import rescore
from trainer.archives.rows import iter_passes
from trainer.datasets.commands import prepare


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    call = edge_train(monkeypatch, capfd, prepare, rescore)
    return lambda *arguments: Done(*call(*arguments))


@pytest.fixture(autouse=True)
def spans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Archives whose length was asked for; what is too short is tested elsewhere."""
    asked: list[str] = []
    monkeypatch.setattr(
        "trainer.datasets.plan.check_span", lambda archive, *_: asked.append(archive.name)
    )
    return asked


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What the second stage is called with; it is tested elsewhere."""
    calls: list[tuple] = []

    def build(dataset, catalogue, indices, recipe, tell, simulation):
        calls.append((dataset, catalogue, indices, recipe))
        tell("windows made")

    monkeypatch.setattr("trainer.datasets.build.build_dataset", build)
    return calls


@pytest.fixture
def archive(simulated_demeter: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "archive"
    shutil.copytree(simulated_demeter, copy)
    return copy


def complaints(done: Done) -> list[str]:
    return [line for line in done.err.splitlines() if not line.startswith(("reading", "scoring"))]


def test_a_simulated_archive_needs_nothing_more(
    run: Run, archive: Path, tmp_path: Path, built: list[tuple], spans: list[str]
) -> None:
    assert (archive / "indices.txt").is_file()
    done = run("prepare", archive, "--out", tmp_path / "dataset", "--workers", 1)
    assert done.code == 0, done.err
    assert spans == ["archive"]
    assert complaints(done) == []
    lines = done.out.splitlines()
    assert lines[0] == "archive is a simulated mission: so is everything made from it"
    assert lines[1] == "catalogue: catalogue.csv of the simulated archive"
    assert lines[2] == "indices: indices.txt of the simulated archive"
    assert lines[3].startswith("catalogue.csv: ")
    assert " events" in lines[3]
    assert "1 of them made now" in lines[4]
    assert lines[5] == "windows made"
    dataset, catalogue, indices, recipe = built[0]
    assert dataset == tmp_path / "dataset"
    assert catalogue.size > 0
    assert indices.name == "indices.txt"
    assert list(iter_passes(dataset))
    again = run("prepare", archive, "--out", tmp_path / "dataset", "--profile", recipe.profile)
    assert "0 of them made now" in again.out
    assert len(built) == 2


def test_bad_rows_of_the_catalogue_are_told_or_with_strict_refused(
    run: Run, archive: Path, tmp_path: Path, built: list[tuple]
) -> None:
    events = archive / "catalogue.csv"
    header, first, rest = events.read_text(encoding="utf-8").split("\n", 2)
    fields = first.split(",")
    fields[4] = "-9.99"
    events.write_text("\n".join([header, ",".join(fields), rest]), encoding="utf-8")
    words = ("prepare", archive, "--out", tmp_path / "dataset", "--workers", 1)
    says = "line 2: expected a magnitude of -2 to 10, got -9.99"
    done = run(*words, "--strict")
    assert done.code == 2
    (line,) = complaints(done)
    assert line.startswith("edge-train: catalogue.csv: 1 of ")
    assert line.endswith(f" rows cannot be used; {says}")
    assert not built
    done = run(*words)
    assert done.code == 0, done.err
    assert "; left out 1: 1 with an impossible magnitude" in done.out
    assert f"catalogue.csv: {says}" in done.out.splitlines()


def test_a_bad_file_is_told_and_the_dataset_is_made(
    run: Run, archive: Path, tmp_path: Path, built: list[tuple]
) -> None:
    bad = sorted(archive.glob("DMT_N1_1144_*"))[0]
    bad.write_bytes(b"x")
    done = run("prepare", archive, "--out", tmp_path / "dataset", "--workers", 1)
    assert done.code == 2
    assert complaints(done)[0].startswith(
        f"edge-train: {bad.name}: has 1 bytes, less than a record"
    )
    assert complaints(done)[1] == "edge-train: 1 file skipped; all are in dataset/rows"
    assert len(built) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--mission", "swarm"], "mission 'swarm'; valid are cses and demeter"),
        (["--profile", "radio"], "profile 'radio'; known are plasma, waves, full"),
        (["--memory-limit", "much"], "memory limit 'much': not a number of bytes such as 2GiB"),
        (["--indices", "x", "--spaceweather"], "--indices and --spaceweather: give one of them"),
        (["--mission", "cses"], "archive: holds no half-orbit file of cses"),
        (["--catalogue", "gone.csv"], "gone.csv: No such file or directory"),
        (["--memory-limit", "60MB"], "memory limit '60MB'; valid is 512MB and more"),
        (["--scheduler", "foo"], "scheduler 'foo'; valid is tcp://host:port"),
    ],
)
def test_what_is_wrong_is_one_clear_line(
    run: Run, archive: Path, tmp_path: Path, built: list[tuple], arguments: list[str], says: str
) -> None:
    done = run("prepare", archive, "--out", tmp_path / "dataset", *arguments)
    assert done.code == 2
    assert len(complaints(done)) == 1
    assert says in complaints(done)[0]
    assert built == []
    assert not (tmp_path / "dataset").exists()


@pytest.mark.parametrize("inside", [".", "dataset", "deep/dataset"])
def test_the_archive_is_only_read(run: Run, archive: Path, built: list[tuple], inside: str) -> None:
    before = sorted(archive.rglob("*"))
    done = run("prepare", archive, "--out", archive / inside)
    assert done.code == 2
    assert "lies in the archive" in complaints(done)[0]
    assert sorted(archive.rglob("*")) == before


def test_an_output_that_is_no_folder_is_called_as_it_was_given(
    run: Run, archive: Path, tmp_path: Path
) -> None:
    place = tmp_path / "taken"
    place.write_text("a file", encoding="utf-8")
    for command in (("prepare", archive), ("rescore", archive, "--bundle", default_bundle_path())):
        done = run(*command, "--out", place)
        assert done.code == 2
        assert complaints(done)[0].startswith(f"edge-train: --out {place}: ")


def test_a_held_output_is_called_as_it_was_given(run: Run, archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "dataset"
    with hold(out / "rows"):
        done = run("prepare", archive, "--out", out)
    assert done.code == 3
    assert complaints(done) == [f"edge-train: --out {out}: another edge-train works on it"]


def test_a_wrong_rescore_leaves_no_folder(run: Run, archive: Path, tmp_path: Path) -> None:
    good = ["--bundle", default_bundle_path()]
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments, says in (
        ([tmp_path / "nosuch", *good], "nosuch: is not a folder"),
        ([empty, *good], "empty: holds no half-orbit file of CSES-01 or DEMETER"),
        ([archive, "--bundle", tmp_path / "nosuch"], "bundle nosuch: card.json: No such file"),
        ([archive, *good, "--memory-limit", "60MB"], "memory limit '60MB'; valid is 512MB"),
    ):
        done = run("rescore", *arguments, "--out", tmp_path / "out")
        assert done.code == 2
        assert says in complaints(done)[0]
        assert not (tmp_path / "out").exists()


def test_a_real_archive_needs_a_catalogue(
    run: Run, archive: Path, tmp_path: Path, built: list[tuple]
) -> None:
    (archive / "simulation.json").unlink()
    done = run("prepare", archive, "--out", tmp_path / "dataset")
    assert done.code == 2
    assert complaints(done) == [
        "edge-train: archive: give a catalogue of earthquakes: --catalogue FILE"
    ]


def test_rescoring_says_what_it_found_and_what_it_is_worth(run: Run, tmp_path: Path) -> None:
    samples = tmp_path / "samples"
    shutil.copytree(models_path() / "samples", samples)
    bad = next(samples.glob("CSES_*_PAP_*"))
    bad.write_bytes(b"no HDF5 at all")
    command = ("rescore", samples, "--bundle", default_bundle_path(), "--out", tmp_path / "out")
    done = run(*command, "--workers", 1)
    assert done.code == 2
    assert "half-orbits scored, 0 were before" in done.out
    assert "1 failed" in done.out
    assert "trained on simulated missions" in done.out
    assert complaints(done)[0].startswith(f"edge-train: {bad.name}: is not HDF5")
    assert complaints(done)[1] == "edge-train: 1 problem; all are in the ledger"
    again = run(*command)
    assert again.code == 0
    assert again.out.startswith("0 half-orbits scored, ")
    wrong = run("rescore", samples, "--bundle", tmp_path / "none", "--out", tmp_path / "out")
    assert wrong.code == 2
    assert complaints(wrong) == ["edge-train: bundle none: card.json: No such file or directory"]
