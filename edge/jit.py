"""One decorator for the numeric kernels: compiled, and cached where that is possible."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache

from edge.errors import ConfigError

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Cache(FunctionCache):
    """A cache that costs nothing but time where its files are damaged or cannot be written.

    Notes
    -----
    numba renames its files into place without flushing them, so a power cut after the first
    run leaves empty ones, over which it stumbles at each later call.
    """

    #: Why compiled code was not kept.
    fault: Exception | None = None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Give compiled code, or None where there is none that can be used."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            with contextlib.suppress(Exception):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code where there is room for it."""
        try:
            super().save_overload(sig, data)
            for path in Path(self.cache_path).glob(f"{self._impl.filename_base}*.nb?"):
                _flush(path)
        except Exception as error:
            self.fault = error


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def kernel(function: _Function) -> _Function:
    """Compile a kernel with numba, without fast-math so that NaN keeps its meaning.

    Notes
    -----
    Where numba finds no folder to write in (cron or systemd without HOME on a read-only
    installation) the kernel is compiled anew in each process, which costs seconds and no
    result. ``NUMBA_CACHE_DIR`` names a writable folder.
    """
    compiled = numba.njit(nogil=True)(function)
    # With NUMBA_DISABLE_JIT it is the function itself.
    if hasattr(compiled, "_cache"):
        with contextlib.suppress(RuntimeError):
            compiled._cache = _Cache(compiled.py_func)
    return cast(_Function, compiled)


def warm_up(call: Any, *arguments: Any) -> str:
    """Have a kernel compiled and kept, unless it is already.

    Parameters
    ----------
    call : callable
        The kernel.
    arguments
        Of the types that it is called with; the call is made.

    Returns
    -------
    str
        A line for a person.

    Raises
    ------
    ConfigError
        Compiled code cannot be kept, or not where ``NUMBA_CACHE_DIR`` says.
    """
    begun = time.monotonic()
    call(*arguments)
    seconds = time.monotonic() - begun
    if not hasattr(call, "py_func"):
        return "nothing is compiled: NUMBA_DISABLE_JIT is set"
    cache, named = call._cache, os.environ.get("NUMBA_CACHE_DIR")
    folder, fault = cache.cache_path, getattr(cache, "fault", None)
    if named and (folder is None or not Path(folder).is_relative_to(named)):
        folder, fault = named, "cannot be made or written to"
    if folder is None or fault:
        raise ConfigError(
            f"folder of compiled kernels {folder or 'beside the package or in ~/.cache'}: "
            f"{fault or 'cannot be written to'}; name a folder that can be written to in "
            "NUMBA_CACHE_DIR"
        )
    done = "found" if call.stats.cache_hits else "compiled"
    return f"kernel {call.__name__} {done} in {seconds:.1f} s, kept in {folder}"
