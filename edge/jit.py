"""One decorator for the numeric kernels: compiled, and cached where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(function: _Function) -> _Function:
    """Compile a kernel with numba, without fast-math so that NaN keeps its meaning.

    Notes
    -----
    numba refuses ``cache=True`` at import where it finds no folder to write in (cron
    or systemd without HOME on a read-only installation). The kernel is then compiled
    anew in each process, which costs seconds and no result. ``NUMBA_CACHE_DIR`` names
    a writable folder.
    """
    try:
        return cast(_Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:
        return cast(_Function, numba.njit(nogil=True)(function))
