"""Which interpreter is installed, told without importing it."""

from __future__ import annotations

from edge.errors import ConfigError

_DISTRIBUTIONS = {"litert": "ai-edge-litert", "tflite": "tflite-runtime"}


def installed_runtime(runtime: str = "auto") -> str:
    """Name and version of the interpreter that scores.

    Parameters
    ----------
    runtime : {"auto", "tflite", "litert"}

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        It is not installed.
    """
    from importlib.metadata import PackageNotFoundError, version

    names = [_DISTRIBUTIONS[runtime]] if runtime in _DISTRIBUTIONS else _DISTRIBUTIONS.values()
    for name in names:
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    raise ConfigError(f"runtime {runtime!r} is not installed: install {' or '.join(names)}")
