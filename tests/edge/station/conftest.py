"""A station: an inbox, an output folder, and edge-score in processes that may be ill-treated."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from edge.bundle import CARD_FILE, CARD_SUM_FILE, card_sum, default_bundle_path, models_path
from edge.ledger import LEDGER_FILE
from edge.outputs import SUFFIXES
from edge.readers.names import parse_name

PROGRAM = Path(__file__).with_name("program.py")
#: No process of a station works longer, unless it hangs.
PATIENCE_S = 120.0


#: How a line on standard error begins: of a call, or of the log of a stream.
OURS = re.compile(r"edge-score: |\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ERROR ")


class Done(NamedTuple):
    """How a process of a station ended."""

    code: int
    out: str
    err: str

    def lines(self) -> list[str]:
        """What it complained of; anything else on standard error but what libraries say fails."""
        assert "Traceback" not in self.err, self.err
        return [line for line in self.err.splitlines() if OURS.match(line)]


class Station:
    """An inbox with good half-orbits in it, and an output folder."""

    def __init__(self, folder: Path, files: Iterable[Path]) -> None:
        self.inbox, self.out = folder / "inbox", folder / "out"
        self.inbox.mkdir(parents=True)
        self.files = [Path(shutil.copy(f, self.inbox)) for f in files]
        self.keys = {parse_name(f).half_orbit for f in self.files}

    def start(self, *options: str, **kwargs: object) -> subprocess.Popen[str]:
        """Start ``edge-score stream``; keywords in capitals are environment variables."""
        variables = {k: str(v) for k, v in kwargs.items() if k.isupper()}
        others = {k: v for k, v in kwargs.items() if not k.isupper()}
        kept = {k: v for k, v in os.environ.items() if not k.startswith("EDGE_SCORE_")}
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
            [sys.executable, PROGRAM, "stream", self.inbox, "--out", self.out, *options],
            text=True,
            errors="surrogateescape",
            env=kept | variables,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | others,
        )

    @staticmethod
    def command(*arguments: object) -> Done:
        """Run ``edge-score`` as a person does."""
        done = subprocess.run(
            [sys.executable, "-m", "edge.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def run(self, *options: str, timeout: float = PATIENCE_S, **kwargs: object) -> Done:
        """Run ``edge-score stream --once`` to its end."""
        with self.start("--once", *options, **kwargs) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Done(process.returncode, out, err)

    def results(self) -> dict[str, bytes]:
        """Results by file name; the station's own alarms know when they were found."""
        if not self.out.exists():
            return {}
        found = sorted(self.out.iterdir())
        return {
            f.name: f.read_bytes()
            for f in found
            if f.suffix in SUFFIXES and f.name[0] != "." and f.stem != "alarms"
        }

    def statuses(self) -> dict[str, str]:
        """What the ledger says of each half-orbit; {} where there is no ledger yet."""
        return dict(self.query("SELECT key, status FROM half_orbit"))

    def query(self, text: str) -> list[tuple[str, ...]]:
        """Ask the ledger; [] where it has no tables yet."""
        path = self.out / LEDGER_FILE
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as db:
            if not db.execute("SELECT 1 FROM sqlite_schema").fetchone():
                return []
            return db.execute(text).fetchall()

    def nothing_is_blamed(self) -> None:
        """No good half-orbit nor a file of one has failed for good."""
        assert set(self.statuses().values()) <= {"running", "retry", "done", "insufficient"}, (
            self.statuses()
        )
        failed = "SELECT path, reason FROM file WHERE status = 'failed' AND NOT transient"
        assert self.query(f"{failed} AND half_orbit NOT IN (SELECT key FROM half_orbit "
                          "WHERE status = 'retry')") == []  # fmt: skip

    def is_whole(self, reference: dict[str, bytes]) -> None:
        """All is scored as an undisturbed run scores it, and nothing else lies about."""
        wanted = {n: b for n, b in reference.items() if n.partition(".")[0] in self.keys}
        found = self.results()
        assert found.keys() == wanted.keys()
        assert [n for n in wanted if wanted[n] != found[n]] == []
        statuses = self.statuses()
        assert statuses.keys() == self.keys
        # Some are too short for a window.
        assert set(statuses.values()) <= {"done", "insufficient"}, statuses
        assert self.query("PRAGMA integrity_check") == [("ok",)]
        assert self.query("SELECT name FROM result ORDER BY name") == [(n,) for n in sorted(wanted)]
        assert list(self.out.glob(".*")) == []

    @staticmethod
    def limit(what: int, value: int) -> Callable[[], None]:
        """For ``preexec_fn``: hold a process to a limit of the kernel's."""
        return lambda: resource.setrlimit(what, (value, value))

    @contextmanager
    def watching(self, *options: str, **kwargs: object) -> Iterator[subprocess.Popen[str]]:
        """Keep a watcher at work; it is ended where the test did not end it."""
        process = self.start("--settle", "0", *options, **{"EDGE_SCORE_POLL": "1"} | kwargs)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    @staticmethod
    def wait_for(what: Callable[[], object], seconds: float = PATIENCE_S) -> None:
        """Wait until something is true."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)


NewStation = Callable[..., Station]


@pytest.fixture(scope="session")
def dozen(
    tmp_path_factory: pytest.TempPathFactory,
    simulated_cses: Path,
    simulated_demeter: Path,
    make_cses: Callable[..., Path],
    make_demeter: Callable[..., Path],
) -> list[Path]:
    """The files of twelve good half-orbits of both missions."""
    folder = tmp_path_factory.mktemp("dozen")
    files = [*simulated_cses.glob("*.h5"), *simulated_demeter.glob("*.DAT")]
    files += [f for f in (models_path() / "samples").glob("*.*") if "_118071_" not in f.name]
    for k in range(2):
        night = datetime(2020, 3, 2) + timedelta(days=k)
        files.append(make_cses("LAP_1", 300, start=night, orbit=12100 + k, folder=folder))
        files.append(make_demeter("1144", 600, start=night, orbit=22100 + k, folder=folder))
    assert len({parse_name(f).half_orbit for f in files}) == 12
    return sorted(files)


@pytest.fixture(scope="session")
def few(dozen: list[Path]) -> list[Path]:
    """The files of three of them."""
    keys = sorted({parse_name(f).half_orbit for f in dozen})
    return [f for f in dozen if parse_name(f).half_orbit in (keys[0], keys[3], keys[-1])]


@pytest.fixture(scope="session")
def reference(
    tmp_path_factory: pytest.TempPathFactory, dozen: list[Path]
) -> Callable[..., dict[str, bytes]]:
    """What a run that nothing disturbs writes of the dozen, under the given settings."""
    known: dict[tuple[tuple[str, str], ...], dict[str, bytes]] = {}

    def get(**variables: str) -> dict[str, bytes]:
        key = tuple(sorted(variables.items()))
        if key not in known:
            station = Station(tmp_path_factory.mktemp("reference"), dozen)
            done = station.run(**variables)
            assert (done.code, done.lines()) == (0, []), done.err
            known[key] = station.results()
            station.is_whole(known[key])
        return known[key]

    return get


@pytest.fixture(scope="session")
def eager(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a bundle whose threshold is so low that half-orbits have alarms."""
    return str(_copy_bundle(tmp_path_factory.mktemp("bundles") / "eager", threshold=0.05))


@pytest.fixture(scope="session")
def copy_bundle() -> Callable[..., Path]:
    """Copy the shipped bundle with other values in its card."""
    return _copy_bundle


def _copy_bundle(folder: Path, **values: object) -> Path:
    shutil.copytree(default_bundle_path(), folder)
    card = json.loads((folder / CARD_FILE).read_bytes()) | values
    raw = json.dumps(card).encode()
    (folder / CARD_FILE).write_bytes(raw)
    (folder / CARD_SUM_FILE).write_bytes(card_sum(raw))
    return folder


@pytest.fixture(scope="session")
def make_station() -> NewStation:
    """Make a station in a folder with the given files."""
    return Station


@pytest.fixture
def station(tmp_path: Path, few: list[Path]) -> Station:
    """A station with three good half-orbits."""
    return Station(tmp_path, few)


@pytest.fixture
def new_station(tmp_path: Path) -> NewStation:
    """Make a station with the given files."""
    return lambda files, name="station": Station(tmp_path / name, files)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small disk: a function of its size that gives its folder, or changes the size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def mount(size: str) -> Path:
        nonlocal mounted
        options = f"{'remount,' if mounted else ''}size={size}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode and not mounted:
            pytest.skip("no permission to mount a small disk")
        assert done.returncode == 0, done.stderr
        mounted = True
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", "-l", folder], check=True)
