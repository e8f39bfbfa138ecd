"""Load everything and score what ships: done in a child process, which may not survive it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from edge.station.doctor import Finding, guarded, nearest_folder


def trial(settings: str) -> None:
    """Print findings as JSON lines, that of the kernels before they are used.

    Parameters
    ----------
    settings : str
        As JSON.
    """
    kernels: dict[str, Any] = {}

    def look() -> Finding:
        kernels.update(_kernel_caches())
        return Finding("ok", "")

    text = guarded(look).text
    print(json.dumps({"kernels": kernels or {"fault": text}}), flush=True)
    print(json.dumps({"scoring": guarded(lambda: _score_samples(json.loads(settings)))}))


def _score_samples(settings: dict[str, Any]) -> Finding:
    from edge.bundle import load_bundle
    from edge.config import load_settings
    from edge.scoring import Scorer
    from edge.versions import installed_runtime

    s = load_settings(None, {}, settings)
    begun = time.monotonic()
    bundle = load_bundle(s.bundle_folder)
    Scorer(bundle, s.night, s.min_coverage, s.runtime, s.threads).check()
    seconds = time.monotonic() - begun
    return Finding(
        "ok",
        f"golden windows and the half-orbits that ship scored in {seconds:.1f} s by "
        f"{installed_runtime(s.runtime)}",
    )


def _kernel_caches() -> dict[str, Any]:
    """Tell where numba keeps compiled kernels, and in what state they are."""
    from edge.readers import demeter_bands

    kernels = [o for o in vars(demeter_bands).values() if hasattr(o, "py_func")]
    caches = [kernel._cache for kernel in kernels]
    folders = sorted({str(c.cache_path) for c in caches if getattr(c, "cache_path", None)})
    files = [path for folder in folders for path in Path(folder).glob("*.nb[ci]")]
    return {
        "compiled": bool(kernels),
        "folders": folders,
        "writable": all(os.access(nearest_folder(Path(f)), os.W_OK | os.X_OK) for f in folders),
        "damaged": sum(not _is_whole(path) for path in files),
    }


def _is_whole(path: Path) -> bool:
    """Whether a file of numba's cache ends as a pickle does; a power cut leaves empty ones."""
    try:
        return path.read_bytes().endswith(b".")
    except OSError:
        return False
