"""One decorator for the numeric kernels: compiled, and cached where that is possible."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Cache(FunctionCache):
    """A cache that costs nothing but time where its files are damaged or cannot be written.

    Notes
    -----
    numba renames its files into place without flushing them, so a power cut after the first
    run leaves empty ones, over which it stumbles at each later call.
    """

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
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)
            for path in Path(self.cache_path).glob(f"{self._impl.filename_base}*.nb?"):
                _flush(path)


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
