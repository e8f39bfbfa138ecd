"""Bundles that are installed, refused, and gone back from."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.bundle import (
    CARD_FILE,
    CARD_SUM_FILE,
    card_sum,
    default_bundle_path,
    load_bundle,
    profile_and_fingerprint,
)
from edge.config import Settings
from edge.errors import BundleError, ConfigError
from edge.ledger import LEDGER_FILE, FileRecord, HalfOrbitRecord, Ledger
from edge.station import installing, staging
from edge.station.installing import BundleTrial, installed, previous, switch
from edge.station.staging import stage

MODEL = "model_int8.tflite"


def make(folder: Path, files: dict[str, bytes] | None = None, **values: object) -> Path:
    """Make a bundle of other content, whose hashes are right."""
    shutil.copytree(default_bundle_path(), folder)
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8")) | values
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)
        card["files"][name] = hashlib.sha256(content).hexdigest()
    raw = json.dumps(card).encode()
    (folder / CARD_FILE).write_bytes(raw)
    (folder / CARD_SUM_FILE).write_bytes(card_sum(raw))
    return folder


def tar(path: Path, bundle: Path, top: str = "plasma/") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for file in sorted(bundle.iterdir()):
            archive.add(file, top + file.name)
    return path


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("EDGE_SCORE_")} | environment,
    )


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("second") / "plasma-2", threshold=0.61, name="plasma 2/x")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of bundles in which the shipped one is in use."""
    to = tmp_path / "bundles"
    to.mkdir()
    put(to, default_bundle_path())
    return to


def put(folder: Path, source: Path) -> Path:
    """Install without a trial, which takes a second."""
    with installing.incoming(folder) as place:
        target = installing.settle_in(stage(source, place), folder)
    switch(folder, target)
    return target


def unchanged(folder: Path) -> bool:
    """Whether the shipped bundle is in use, whole, and nothing is left of another."""
    names = sorted(p.name for p in folder.iterdir())
    return (
        len(names) == 2
        and names[0] == "current"
        and installed(folder) == folder / names[1]
        and load_bundle(folder / "current").card == load_bundle().card
    )


def test_install_and_roll_back(folder: Path, second: Path, tmp_path: Path) -> None:
    first = installed(folder)
    done = command("bundle", "install", tar(tmp_path / "new.tar.gz", second), "--to", folder)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("plasma 2/x (made by code ")
    assert "hashes and golden windows are right with " in lines[0]
    assert "simulated" in lines[1]
    assert "are scored again, about 0." in lines[2]
    now = installed(folder)
    assert now is not None
    assert now.name.startswith("plasma_2_x-")
    assert lines[3] == f"current is now {now.name}, it was {first.name}"
    assert lines[4].endswith(f'bundle = "{folder}/current"')
    assert previous(folder) == first

    # Found by a setting, and its fingerprint is that of what it leads to.
    link = str(folder / "current")
    shown = json.loads(command("model", "--json", EDGE_SCORE_BUNDLE=link).stdout)
    assert shown["threshold"] == 0.61
    assert profile_and_fingerprint(Path(link)) == profile_and_fingerprint(second)

    again = command("bundle", "install", second, EDGE_SCORE_BUNDLE=link)
    assert again.stdout.splitlines()[2:] == [f"{now.name} is in use already"]
    assert previous(folder) == first

    back = command("bundle", "rollback", EDGE_SCORE_BUNDLE=link)
    assert (back.returncode, back.stderr) == (0, "")
    assert f"current is now {first.name}, it was {now.name}" in back.stdout
    assert installed(folder) == first
    none = command("bundle", "rollback", EDGE_SCORE_BUNDLE=link)
    assert none.returncode == 2
    assert none.stderr.startswith("edge-score: folder bundles: expected a bundle before")


def test_the_first_one_and_a_zip(second: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._card.json", b"x")
        for file in second.iterdir():
            archive.write(file, file.name)
    put(tmp_path, path)
    assert load_bundle(tmp_path / "current").card == load_bundle(second).card
    with pytest.raises(ConfigError, match="expected a bundle before"):
        previous(tmp_path)


def test_a_dry_run_checks_and_leaves_nothing(folder: Path, second: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    done = command("bundle", "install", second, "--dry-run", "--to", folder)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3)
    assert sorted(tmp_path.rglob("*")) == before


def garbage() -> Iterator[tuple[str, bytes]]:
    whole = (default_bundle_path() / MODEL).read_bytes()
    rng = random.Random(4)
    yield "random", rng.randbytes(len(whole))
    # Of these some are refused by the interpreter, and some end its process.
    for size in (0, 100, 1000, len(whole) // 2, len(whole) - 10_000):
        yield f"first {size}", whole[:size]
    yield "random after the mark", whole[:8] + rng.randbytes(50_000)


@pytest.mark.parametrize(("kind", "content"), list(garbage()), ids=[k for k, _ in garbage()])
def test_a_garbage_model_ends_the_trial_alone(
    kind: str, content: bytes, folder: Path, tmp_path: Path
) -> None:
    source = make(tmp_path / "bad", {MODEL: content})
    with pytest.raises(BundleError) as caught:
        list(installing.install(source, folder, Settings()))
    assert str(caught.value).isprintable()
    assert str(caught.value).startswith((f"{MODEL}: ", "bundle bad: ended the process that tried"))
    assert unchanged(folder)


def test_a_process_that_dies_or_hangs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(installing, "_TRIAL_LIMIT_S", 0.5)
    for script, said in (
        ("kill -SEGV $$", r"ended the process that tried it \(SIGSEGV\)"),
        ("kill -KILL $$", r"\(SIGKILL\)"),
        ("echo nonsense; exit 7", r"\(exit code 7\)"),
        ("exec sleep 20", "within 0 s, got none"),
    ):
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        with pytest.raises(BundleError, match=said):
            installing.try_bundle(default_bundle_path(), Settings())


def test_wrong_golden_scores_are_refused(folder: Path, tmp_path: Path) -> None:
    with np.load(default_bundle_path() / "golden.npz") as golden:
        arrays = dict(golden)
    content = io.BytesIO()
    np.savez(content, inputs=arrays["inputs"], scores=arrays["scores"] + 0.2)
    source = make(tmp_path / "off", {"golden.npz": content.getvalue()})
    done = command("bundle", "install", source, "--to", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "bundle off: this runtime is off by 0.2" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert unchanged(folder)


def test_an_altered_file_is_refused(folder: Path, tmp_path: Path) -> None:
    source = make(tmp_path / "bad")
    (source / MODEL).write_bytes(b"TFL3")
    for given in (source, tar(tmp_path / "bad.tar.gz", source)):
        done = command("bundle", "install", given, "--to", folder)
        assert done.returncode == 2
        assert done.stderr.startswith(f"edge-score: bundle {given.name}: {MODEL} was altered: ")
        assert unchanged(folder)


def member(name: str, content: bytes = b"x", **values: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in values.items():
        setattr(info, key, value)
    return info, content


HOSTILE = {
    "absolute": ([member("/etc/card.json")], "plain names"),
    "upwards": ([member("a/../../card.json")], "plain names"),
    "backslash": ([member("a\\card.json")], "plain names"),
    "line break": ([member("a\ncard.json")], "plain names"),
    "link": ([member("card.json", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")], "files and"),
    "hard link": ([member("card.json", b"", type=tarfile.LNKTYPE, linkname="/etc/x")], "files and"),
    "FIFO": ([member("card.json", b"", type=tarfile.FIFOTYPE)], "files and folders"),
    "device": ([member("card.json", b"", type=tarfile.CHRTYPE)], "files and folders"),
    "twice": ([member("card.json"), member("./card.json")], "each name once"),
    "two cards": ([member("a/card.json"), member("b/card.json")], "one card.json in it, got 2"),
    "no card": ([member("readme")], "one card.json in it, got 0"),
    "card alone": ([member("card.json", b"{}")], "card.json.sha256 is missing"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_tar_writes_nothing(kind: str, tmp_path: Path) -> None:
    members, said = HOSTILE[kind]
    path, place = tmp_path / "new.tar.gz", tmp_path / "place"
    place.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    with pytest.raises(BundleError, match=said) as caught:
        stage(path, place)
    assert str(caught.value).startswith("bundle new.tar.gz: ")
    assert str(caught.value).isprintable()
    assert {p.name for p in tmp_path.iterdir()} == {"new.tar.gz", "place"}
    assert {p.name for p in place.rglob("*")} <= {"new.tar.gz", CARD_FILE}


def bomb(path: Path) -> None:
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for _ in range(40):
            stream.write(bytes(1024 * 1024))


def zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("card.json", bytes(40 * 1024 * 1024))


def zip_link(path: Path) -> None:
    info = zipfile.ZipInfo("card.json")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")


def large(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(staging.MAX_BYTES + 1)


def pax_bomb(path: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 8 * 1024**3 - 1
    with gzip.open(path, "wb") as stream:
        stream.write(header.tobuf(tarfile.USTAR_FORMAT) + bytes(10_240))


def cut(path: Path) -> None:
    path.write_bytes(tar(path, default_bundle_path()).read_bytes()[:100_000])


def zip_cut(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(default_bundle_path() / CARD_FILE, CARD_FILE)
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (bomb, "at most 33554432 bytes"),
        (zip_bomb, "at most 33554432 bytes"),
        (large, "at most 33554432 bytes"),
        (pax_bomb, "damaged: "),
        (zip_link, "files and folders"),
        (cut, "damaged: "),
        (zip_cut, "damaged: "),
        (lambda path: path.write_bytes(b"hello"), r"a folder, a \.tar\.gz or a \.zip"),
        (lambda path: path.write_bytes(b""), r"a folder, a \.tar\.gz or a \.zip"),
        (lambda path: path.symlink_to("/dev/null"), r"a folder, a \.tar\.gz or a \.zip"),
        (lambda path: None, "No such file"),
    ],
)
def test_a_file_that_is_no_bundle(
    write: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    write(tmp_path / "new")
    (tmp_path / "place").mkdir()
    with pytest.raises(BundleError, match=said) as caught:
        stage(tmp_path / "new", tmp_path / "place")
    assert str(caught.value).startswith("bundle new: ")
    assert not list((tmp_path / "place").iterdir())


_KILLED = """
import os, signal, sys
from pathlib import Path
from edge.station import installing, staging
from edge.config import Settings
name, calls = sys.argv[1], int(sys.argv[2])
module = staging if hasattr(staging, name) and name != 'stage' else installing
whole = getattr(module, name)
def end(*arguments, **values):
    global calls
    calls -= 1
    if calls < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*arguments, **values)
setattr(module, name, end)
installing.try_bundle = lambda *_: installing.BundleTrial()
list(installing.install(Path(sys.argv[3]), Path(sys.argv[4]), Settings()))
"""


def test_killed_anywhere_a_whole_bundle_is_in_use(
    folder: Path, second: Path, tmp_path: Path
) -> None:
    steps = [
        ("stage", 0),
        *(("_write", k) for k in range(5)),
        ("load_bundle", 1),
        ("settle_in", 0),
        ("switch", 0),
        *(("_link", k) for k in range(2)),
    ]
    for name, calls in steps:
        done = subprocess.run(
            [sys.executable, "-c", _KILLED, name, str(calls), str(second), str(folder)],
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, (name, calls)
        assert load_bundle(folder / "current").card == load_bundle().card
    put(folder, second)
    assert load_bundle(folder / "current").card.threshold == 0.61
    assert load_bundle(previous(folder)).card == load_bundle().card
    assert not list(folder.glob(".*"))


def test_a_station_never_sees_half_a_bundle(folder: Path, second: Path) -> None:
    first = installed(folder)
    other = put(folder, second)
    stop = threading.Event()

    def back_and_forth() -> None:
        while not stop.is_set():
            switch(folder, first)
            switch(folder, other)

    thread = threading.Thread(target=back_and_forth)
    thread.start()
    try:
        seen = {load_bundle((folder / "current").resolve()).card.threshold for _ in range(300)}
    finally:
        stop.set()
        thread.join()
    assert len(seen) == 2


def test_a_bundle_that_was_damaged_since_is_put_beside_itself(folder: Path) -> None:
    broken = installed(folder)
    (broken / MODEL).write_bytes(b"")
    again = put(folder, default_bundle_path())
    assert again.name == f"{broken.name}-2"
    assert load_bundle(folder / "current").card == load_bundle().card


def test_what_is_no_link_is_left_alone(tmp_path: Path, second: Path) -> None:
    (tmp_path / "current").mkdir()
    with pytest.raises(ConfigError, match="expected current to be a link"):
        put(tmp_path, second)


def test_a_full_disk_leaves_what_was(
    folder: Path, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(staging, "_write", full)
        with pytest.raises(ConfigError, match="plasma-2: cannot be copied: No space left"):
            list(installing.install(second, folder, Settings()))
    assert unchanged(folder)


def test_without_a_folder_it_says_how_to_give_one(second: Path) -> None:
    done = command("bundle", "install", second, EDGE_SCORE_BUNDLE="/srv/plasma")
    assert done.returncode == 2
    assert 'expected --to DIR, or bundle = "DIR/current" in the settings' in done.stderr
    done = command("bundle", "rollback", "--to", "absent")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    done = command("bundle", "install", second, "--dry-run", "--out", "results")
    assert done.stderr == "edge-score: expected --out and --inbox together, got one of them\n"


def test_what_is_scored_again_is_counted_before(
    second: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, inbox = tmp_path / "out", tmp_path / "inbox"
    out.mkdir()
    inbox.mkdir()
    _, same = profile_and_fingerprint(second)
    with Ledger(out / LEDGER_FILE) as ledger:
        for key, parameters, here in (
            ("A", "old", True),
            ("B", "old", True),
            ("C", "old", False),
            ("D", same, True),
        ):
            files = [
                FileRecord(
                    path=f"{key}{k}",
                    size=1,
                    mtime_ns=0,
                    ctime_ns=0,
                    half_orbit=key,
                    status="done",
                )
                for k in range(3)
            ]
            ledger.record(files, HalfOrbitRecord(key=key, status="done", parameters=parameters))
            if here:
                (inbox / f"{key}1").touch()
    assert installing.to_rescore(second, Settings(), out, inbox) == 2
    monkeypatch.setattr(
        installing, "try_bundle", lambda *_: BundleTrial(runtime="tflite 2", seconds=90.0)
    )
    lines = list(installing.dry_run(second, Settings(), (out, inbox)))
    assert lines[-1] == (
        "half-orbits that are scored again: 2, about 90.00 s each on this computer, 3.0 min in all"
    )
    with pytest.raises(ConfigError, match=r"got no ledger\.sqlite"):
        installing.to_rescore(second, Settings(), inbox, inbox)
    (out / LEDGER_FILE).write_bytes(b"x" * 5000)
    with pytest.raises(ConfigError, match=r"ledger\.sqlite: cannot be read"):
        installing.to_rescore(second, Settings(), out, inbox)
