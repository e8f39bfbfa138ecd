"""Hold the folder that a command writes to, and name it as the user did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edge.errors import Busy, ConfigError, one_line
from edge.watching import hold


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
