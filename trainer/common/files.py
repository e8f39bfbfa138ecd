"""Folders of output: held against a second process, and whole or not there at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp

from edge.errors import Busy, ConfigError, one_line
from edge.watching import hold


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Make a folder beside its place, and put it there when the block ends well.

    Parameters
    ----------
    place : Path
        What is there is replaced, and removed last.

    Yields
    ------
    Path
        An empty folder to fill. It is gone if the block raises.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    new = Path(mkdtemp(prefix=f".{place.name}-", suffix=".tmp", dir=place.parent))
    old = new.with_name(f"{new.name}.old.tmp")
    try:
        # mkdtemp makes it private; what is shipped is for everyone.
        new.chmod(0o755)
        yield new
        if place.exists():
            place.replace(old)
        new.replace(place)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def hold_output(out: Path, folder: Path, command: str) -> Iterator[None]:
    """Hold a folder of an output against a second process; see `edge.watching.hold`.

    Parameters
    ----------
    out : Path
        As the user gave it, for the errors.
    folder : Path
        `out`, or a folder in it; made if it is missing.
    command : str

    Raises
    ------
    Busy
        Another process holds it.
    ConfigError
        It cannot be made or written to.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold(folder, command))
        except Busy:
            raise Busy(f"--out {one_line(str(out))}: another {command} works on it") from None
        except OSError as error:
            raise ConfigError(f"--out {one_line(str(out))}: {error.strerror or error}") from None
        except ConfigError as error:
            reason = str(error).rpartition(": ")[2]
            raise ConfigError(f"--out {one_line(str(out))}: {reason}") from None
        yield
