"""Install a bundle beside the one in use, and go back to the one before.

A folder of bundles holds each under a name of its own, made of the card's name and sha256, and
a link ``current`` to the one in use. Replacing that link is the only step that a station can
see, and it comes last: whatever fails or is killed before leaves the station what it had. Beside
each bundle a link ``<bundle>.previous`` keeps the one that it took the place of.

Run as a module this tries one bundle: a model that takes its process down takes down that one.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import msgspec

from edge.bundle import (
    CARD_FILE,
    Bundle,
    file_sha256,
    load_bundle,
    profile_and_fingerprint,
)
from edge.config import Settings
from edge.errors import BundleError, ConfigError, EdgeError
from edge.inbox import path_of
from edge.ledger import ledger_of
from edge.outputs import flush_folder
from edge.show.report import training_line
from edge.station.staging import stage
from edge.versions import installed_runtime

CURRENT = "current"
_INCOMING = ".incoming-"
_TRIAL_LIMIT_S = 600.0


class BundleTrial(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle did in a process of its own.

    Attributes
    ----------
    error : str
        Why it cannot be used, or ``""``.
    runtime : str
        Name and version of the interpreter.
    seconds : float
        To read and score the longest of the half-orbits that ship, on this computer.
    """

    error: str = ""
    runtime: str = ""
    seconds: float = 0.0


def bundles_folder(to: Path | None, settings: Settings) -> Path:
    """Folder of bundles: the one given, or that of a setting ``bundle = "DIR/current"``.

    Raises
    ------
    ConfigError
        Neither tells one.
    """
    if to is not None:
        return to
    if settings.bundle and Path(settings.bundle).name == CURRENT:
        return Path(settings.bundle).parent
    raise ConfigError(
        f'expected --to DIR, or bundle = "DIR/{CURRENT}" in the settings, got bundle = '
        f"{settings.bundle!r}"
    )


def install(
    source: Path, folder: Path, settings: Settings, stream: tuple[Path, Path] | None = None
) -> Iterator[str]:
    """Put a bundle in use, once a copy of it gave the golden windows their scores.

    Parameters
    ----------
    source : Path
        A folder, or a ``.tar.gz`` or ``.zip`` file.
    folder : Path
        Of bundles; held by the caller.
    stream : (Path, Path), optional
        Results and inbox of a stream, to count what it will score again.

    Yields
    ------
    str
        Lines for a person, those on the bundle and on what it costs before it is put in use.

    Raises
    ------
    BundleError
        It cannot be used; the one in use stays.
    ConfigError
        The folder cannot be written to, or the stream's ledger not be read.
    """
    with incoming(folder) as place:
        bundle = stage(source, place)
        now = installed(folder)
        same = now is not None and _is_copy(bundle, now)
        yield from _examine(bundle, settings, stream, new=not same)
        target = settle_in(bundle, folder)
    yield from _put_in_use(folder, target, settings)


def dry_run(
    source: Path, settings: Settings, stream: tuple[Path, Path] | None = None
) -> Iterator[str]:
    """Yield the lines of `install` up to what it costs, and install nothing."""
    with tempfile.TemporaryDirectory() as place:
        yield from _examine(stage(source, Path(place)), settings, stream)


def roll_back(
    folder: Path, settings: Settings, stream: tuple[Path, Path] | None = None
) -> Iterator[str]:
    """Put the bundle in use again that the current one took the place of; see `install`."""
    bundle = load_bundle(previous(folder))
    yield from _examine(bundle, settings, stream)
    yield from _put_in_use(folder, bundle.path, settings, keep_previous=False)


def _examine(
    bundle: Bundle, settings: Settings, stream: tuple[Path, Path] | None, new: bool = True
) -> Iterator[str]:
    trial = try_bundle(bundle.path, settings)
    card = bundle.card
    yield (
        f"{card.name} (made by code {card.code_version}): hashes and golden windows are right "
        f"with {trial.runtime}"
    )
    yield training_line(card.trained_on)
    if not new:
        return
    each = f"about {trial.seconds:.2f} s each on this computer"
    if stream is None:
        yield f"half-orbits that still lie in an inbox are scored again, {each}"
        return
    count = to_rescore(bundle.path, settings, *stream)
    yield (
        f"half-orbits that are scored again: {count}, {each}, "
        f"{_duration(count * trial.seconds)} in all"
    )


def _put_in_use(
    folder: Path, target: Path, settings: Settings, keep_previous: bool = True
) -> Iterator[str]:
    before = installed(folder)
    if before == target:
        yield f"{target.name} is in use already"
        return
    switch(folder, target, keep_previous)
    yield f"{CURRENT} is now {target.name}" + (f", it was {before.name}" if before else "")
    link = folder.absolute() / CURRENT
    if settings.bundle is None or Path(settings.bundle).absolute() != link:
        yield f'a station uses it where its settings say: bundle = "{link}"'
    yield "a stream that is running uses it once it is started again"


def try_bundle(path: Path, settings: Settings) -> BundleTrial:
    """Score the golden windows and the shipped half-orbits in a process of its own.

    Parameters
    ----------
    path : Path
        The bundle's folder.
    settings : Settings
        Its runtime and threads count.

    Raises
    ------
    BundleError
        The bundle cannot be used on this computer; it may have ended the process.
    """
    command = [sys.executable, "-P", "-m", "edge.station.installing"]
    try:
        done = subprocess.run(
            [*command, str(path), settings.runtime, str(settings.threads)],
            capture_output=True,
            check=False,
            timeout=_TRIAL_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise BundleError(
            f"bundle {path.name}: expected golden scores within {_TRIAL_LIMIT_S:.0f} s, got none"
        ) from None
    try:
        trial = msgspec.json.decode(done.stdout.splitlines()[-1], type=BundleTrial)
    except (IndexError, msgspec.MsgspecError):
        why = f"exit code {done.returncode}"
        if done.returncode < 0:
            with contextlib.suppress(ValueError):
                why = signal.Signals(-done.returncode).name
        raise BundleError(f"bundle {path.name}: ended the process that tried it ({why})") from None
    if trial.error:
        raise BundleError(trial.error)
    return trial


def settle_in(bundle: Bundle, folder: Path) -> Path:
    """Move a verified copy to its name in the folder of bundles.

    Parameters
    ----------
    bundle : Bundle
        As `stage` gives it.

    Returns
    -------
    Path
        Where it is now; an equal one that is there and whole is left as it is.

    Raises
    ------
    ConfigError
        It cannot be moved.
    """
    name = re.sub(r"[^A-Za-z0-9._-]", "_", bundle.card.name)[:60].lstrip(".")
    name = f"{name or 'bundle'}-{file_sha256(bundle.path / CARD_FILE)[:12]}"
    target, number = folder / name, 1
    while os.path.lexists(target):
        with contextlib.suppress(BundleError):
            load_bundle(target)
            return target
        # Damaged since. It may be the one in use, which is not to be without its files.
        number += 1
        target = folder / f"{name}-{number}"
    with _cannot_write(folder):
        bundle.path.rename(target)
        flush_folder(folder)
    return target


def _is_copy(bundle: Bundle, other: Path) -> bool:
    """Whether the other one is whole, and has the same card and so the same files."""
    with contextlib.suppress(BundleError):
        return load_bundle(other).card == bundle.card
    return False


def installed(folder: Path) -> Path | None:
    """Bundle that ``current`` leads to, or None where there is none."""
    try:
        return folder / PurePosixPath((folder / CURRENT).readlink()).name
    except OSError:
        return None


def previous(folder: Path) -> Path:
    """Bundle that the current one took the place of.

    Raises
    ------
    ConfigError
        There is none.
    """
    now = installed(folder)
    try:
        if now is not None:
            return folder / PurePosixPath(_previous_link(now).readlink()).name
    except OSError:
        pass
    raise ConfigError(
        f"folder {folder.name}: expected a bundle before {now.name if now else CURRENT!r}, got "
        "none; without bundle in the settings the one that ships is used"
    )


def switch(folder: Path, target: Path, keep_previous: bool = True) -> None:
    """Make ``current`` lead to a bundle of the folder, in one step.

    Parameters
    ----------
    keep_previous : bool, optional
        Whether the way back leads to the bundle in use now.

    Raises
    ------
    ConfigError
        The links cannot be made; ``current`` is as it was.
    """
    now = installed(folder)
    if os.path.lexists(folder / CURRENT) and now is None:
        raise ConfigError(
            f"folder {folder.name}: expected {CURRENT} to be a link, got a file or folder: move "
            "it away"
        )
    if now == target:
        return
    with _cannot_write(folder):
        if keep_previous and now is not None:
            _link(_previous_link(target), now.name)
        _link(folder / CURRENT, target.name)
        flush_folder(folder)


def remove_incoming(folder: Path) -> None:
    """Remove what an installation left that was killed; the folder must be held."""
    for path in folder.glob(f"{_INCOMING}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def incoming(folder: Path) -> Iterator[Path]:
    """Make a folder on the same disk that is gone at the end, with what is left in it."""
    remove_incoming(folder)
    with _cannot_write(folder):
        path = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def to_rescore(bundle: Path, settings: Settings, out: Path, inbox: Path) -> int:
    """Count the half-orbits that a stream will score again with a bundle.

    Parameters
    ----------
    out, inbox : Path
        Of the stream.

    Returns
    -------
    int
        Half-orbits of the ledger that were worked on with another bundle or settings, and of
        which a file is still in the inbox.

    Raises
    ------
    ConfigError
        There is no ledger in `out`, or it cannot be read.
    """
    path = ledger_of(out)
    _, fingerprint = profile_and_fingerprint(
        bundle, settings.night, settings.min_coverage, settings.runtime
    )
    found: set[str] = set()
    try:
        # Only read, so that a ledger of another version is left as it is.
        uri = f"file:{quote(os.fspath(path.absolute()))}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as ledger:
            for key, name in ledger.execute(
                "SELECT file.half_orbit, file.path FROM file "
                "JOIN half_orbit ON half_orbit.key = file.half_orbit "
                "WHERE half_orbit.parameters != ? AND half_orbit.status != 'day'",
                (fingerprint,),
            ):
                if key not in found and path_of(inbox, name).exists():
                    found.add(key)
    except sqlite3.Error as error:
        raise ConfigError(f"{path.name}: cannot be read: {error}") from None
    return len(found)


def _duration(seconds: float) -> str:
    """Say a duration in a unit that fits it."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _previous_link(bundle: Path) -> Path:
    return bundle.with_name(f"{bundle.name}.previous")


def _link(path: Path, target: str) -> None:
    """Make or replace a link in one step."""
    temporary = path.with_name(f"{_INCOMING}{path.name}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)


@contextlib.contextmanager
def _cannot_write(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"folder {folder.name}: cannot be written to: {error.strerror or error}"
        ) from None


def _trial(path: Path, runtime: str, threads: int) -> BundleTrial:
    from edge.scoring import Scorer, sample_half_orbits

    settings = msgspec.convert({"runtime": runtime, "threads": threads}, Settings)
    scorer = Scorer(load_bundle(path), runtime=settings.runtime, threads=settings.threads)
    # Once to load the kernels, which is not to be counted.
    scorer.check()
    seconds = 0.0
    for files in sample_half_orbits().values():
        begun = time.perf_counter()
        scorer.score(scorer.read(files))
        seconds = max(seconds, time.perf_counter() - begun)
    return BundleTrial(runtime=installed_runtime(runtime), seconds=round(seconds, 3))


def _main(path: str, runtime: str, threads: str) -> None:
    """Try a bundle, and print a `BundleTrial` on a line."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Where memory runs out, the kernel is to take this process and not the station.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    try:
        trial = _trial(Path(path), runtime, int(threads))
    except EdgeError as error:
        trial = BundleTrial(error=str(error))
    except Exception as error:
        from edge.errors import describe_fault

        trial = BundleTrial(error=f"bundle {Path(path).name}: {describe_fault(error)}")
    sys.stdout.buffer.write(msgspec.json.encode(trial) + b"\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
