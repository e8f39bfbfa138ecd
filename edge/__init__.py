"""Night-time windows of CSES and DEMETER half-orbits, scored by a quantised model.

The public names below are imported on first use, so that ``import edge`` and
``edge-score --help`` stay cheap on a small computer.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

_PUBLIC = {
    "Bundle": "edge.bundle",
    "Card": "edge.bundle",
    "Channel": "edge.readers",
    "EdgeError": "edge.errors",
    "HalfOrbit": "edge.readers",
    "Profile": "edge.observables",
    "open_half_orbit": "edge.readers",
}

__all__ = [
    "Bundle",
    "Card",
    "Channel",
    "EdgeError",
    "HalfOrbit",
    "Profile",
    "__version__",
    "open_half_orbit",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'edge' has no attribute {name!r}")
